"""What a failed exchange means to the caller who is connecting: nothing is stored yet, so nothing can be dead."""

from __future__ import annotations

from evertoken.domain.errors import ProviderRefusedError, ProviderUnavailableError, TokenUnavailableError
from evertoken.domain.outcome import Failure, FailureKind
from evertoken.domain.schedule import clamp_retry_after


def explain_exchange(failure: Failure) -> TokenUnavailableError:
    """Return the error for *failure*; its code is from a closed alphabet, so it may be shown."""
    match failure.kind:
        case FailureKind.CLIENT_MISCONFIGURED:
            return ProviderRefusedError(
                f"The provider refuses our client ({failure.code}). An operator must correct the client registration."
            )
        case FailureKind.GRANT_DEAD | FailureKind.REJECTED:
            return ProviderRefusedError(f"The provider refused ({failure.code}). Start again.")
        case FailureKind.USER_ACTION_REQUIRED:
            return ProviderRefusedError(
                f"The provider waits for the user to do something there first ({failure.code}): to agree to new terms, say. Start again afterwards."
            )
        case FailureKind.THROTTLED:
            wait = (
                None
                if failure.retry_after_seconds is None
                else clamp_retry_after(failure.retry_after_seconds)
            )
            return ProviderUnavailableError(
                "The provider asks us to wait. Start again later.", retry_after_seconds=wait
            )
        case _:
            return ProviderUnavailableError(
                f"The provider did not answer usably ({failure.code}). Start again."
            )
