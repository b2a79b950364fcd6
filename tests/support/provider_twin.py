"""The scripted provider in memory: the rules and faults of the HTTP one, on a virtual clock."""

import base64
from collections.abc import Callable, Mapping
from urllib.parse import quote_plus, urlencode

from tests.support.provider_faults import FaultScript
from tests.support.provider_ledger import ProviderLedger
from tests.support.provider_profile import ProviderProfile
from tests.support.provider_requests import FORM, Call, Reply
from tests.support.provider_rules import ProviderRules


class AnswerLostError(ConnectionError):
    """The connection ended without an answer; the ledger knows whether the provider had committed."""


class NoAnswerError(TimeoutError):
    """The provider keeps silent."""


class ProviderTwin:
    """Answers parsed forms at once. `sleep` is called for scripted delays: let it move the virtual clock."""

    def __init__(
        self,
        profile: ProviderProfile | None = None,
        *,
        clock: Callable[[], float],
        sleep: Callable[[float], None] = lambda seconds: None,
        issuer: str = "https://provider.test",
        prefix: str = "twin",
    ) -> None:
        self.rules = ProviderRules(profile or ProviderProfile(), issuer=issuer, clock=clock, prefix=prefix)
        self.script = FaultScript()
        self._sleep = sleep

    @property
    def ledger(self) -> ProviderLedger:
        return self.rules.ledger

    def token(self, form: Mapping[str, str], *, authorization: str = "") -> Reply:
        """A token request with this form and, optionally, an Authorization header.

        Raises:
            AnswerLostError: a scripted drop.
            NoAnswerError: a scripted hang.
        """
        return self._post("token", form, authorization)

    def revoke(self, form: Mapping[str, str], *, authorization: str = "") -> Reply:
        """A revocation request; raises as `token` does."""
        return self._post("revoke", form, authorization)

    def _post(self, endpoint: str, form: Mapping[str, str], authorization: str) -> Reply:
        headers = {"content-type": FORM}
        if authorization:
            headers["authorization"] = authorization
        return self.answer(
            Call(method="POST", endpoint=endpoint, headers=headers, body=urlencode(form).encode())
        )

    def answer(self, call: Call) -> Reply:
        """Any request; raises as `token` does."""
        record = self.rules.begin(call)
        fault = self.script.take(record)
        try:
            if fault is None:
                return self.rules.process(call, record)
            record.fault = fault.name
            self._sleep(fault.delay_before_seconds)
            reply = fault.apply(self.rules.process(call, record) if fault.commits else Reply(200, {}, b""))
            self._sleep(fault.delay_after_seconds)
            if fault.delivery in ("close", "reset"):
                raise AnswerLostError("the connection ended without an answer")
            if fault.delivery == "hang":
                raise NoAnswerError("no answer came")
            if fault.delivery == "drip":
                self._sleep(fault.drip_pause_seconds * len(reply.body) / fault.drip_bytes)
            if fault.delivery == "endless":
                return Reply(reply.status, reply.headers, b" " * fault.endless_bytes)
            return reply
        finally:
            self.rules.end(record)


def build_basic_authorization(client_id: str, client_secret: str) -> str:
    """The Authorization header of RFC 6749 section 2.3.1: form encoded, then base64."""
    credentials = f"{quote_plus(client_id)}:{quote_plus(client_secret)}"
    return "Basic " + base64.b64encode(credentials.encode()).decode()
