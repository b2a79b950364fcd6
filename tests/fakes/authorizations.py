"""Authorizations under way, in memory."""

from dataclasses import dataclass, field

from evertoken.domain.authorization import COMPLETION_TRIES, PendingAuthorization, ReturnedAuthorization
from evertoken.domain.errors import UserMismatchError


@dataclass
class MemoryAuthorizations:
    """`AuthorizationStore`."""

    pending: dict[str, PendingAuthorization] = field(default_factory=dict)
    returned: dict[str, ReturnedAuthorization] = field(default_factory=dict)
    tries: dict[str, int] = field(default_factory=dict)

    def put_pending(self, pending: PendingAuthorization) -> None:
        self.pending[pending.state_hash] = pending

    def take_pending(self, state_hash: str) -> PendingAuthorization | None:
        return self.pending.pop(state_hash, None)

    def put_returned(self, returned: ReturnedAuthorization) -> None:
        self.returned[returned.pending.session_hash] = returned

    def take_returned(
        self, session_hash: str, *, tenant_id: str, user_id: str
    ) -> ReturnedAuthorization | None:
        found = self.returned.get(session_hash)
        if found is None or found.pending.tenant_id != tenant_id:
            return None
        if found.pending.user_id != user_id:
            self.tries[session_hash] = self.tries.get(session_hash, 0) + 1
            if self.tries[session_hash] >= COMPLETION_TRIES:
                del self.returned[session_hash]
            raise UserMismatchError("The user who finishes is not the user who began.")
        return self.returned.pop(session_hash)
