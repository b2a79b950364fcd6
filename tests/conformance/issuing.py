"""What the simulated server hands out for a grant: tokens, and the members that its answers keep."""

from collections.abc import Callable
from dataclasses import dataclass

from tests.conformance.answers import Tokens, token_answer
from tests.conformance.calls import Reply
from tests.conformance.entry_document import Entry
from tests.conformance.grants import AccessToken, Grant, Grants, RefreshToken
from tests.conformance.json_pointer import kept_name
from tests.conformance.template_values import TemplateValues


@dataclass
class Issuing:
    """`says_expiry`: whether answers say when a token ends; if not, the entry's own fact has to do."""

    entry: Entry
    values: TemplateValues
    clock: Callable[[], float]
    grants: Grants
    says_expiry: bool = True

    def issue(self, grant: Grant, kind: str, *, is_step: bool = False) -> Reply:
        """The first token set of *grant*; *is_step* where a following exchange spends it."""
        with_refresh_token = not is_step and self.entry.comes_with_refresh_token(kind)
        return self.answer(
            grant,
            self.grants.issue(grant, self.clock(), with_refresh_token=with_refresh_token, is_step=is_step),
        )

    def answer(self, grant: Grant, token: AccessToken) -> Reply:
        """The answer that holds *token*, and the refresh token where it is due."""
        refresh = grant.refresh[-1] if grant.refresh else None
        number, kept = grant.answers, self._kept(grant)
        grant.answers += 1
        grant.kept |= {kept_name(where): value for where, value in kept.items()}
        grant.values |= grant.kept | self.values.from_answer
        tokens = Tokens(
            number=number,
            access_token=token.text,
            access_expires_at=token.expires_at,
            refresh_token=refresh.text if refresh and self._shows(refresh, number) else None,
            refresh_expires_at=refresh.expires_at if refresh else 0,
            scopes=grant.scopes,
            subject=grant.subject,
            kept=kept,
        )
        return token_answer(self.entry, tokens, self.clock(), says_expiry=self.says_expiry)

    def _shows(self, token: RefreshToken, number: int) -> bool:
        """Whether an answer holds the refresh token: a new one always, one that stays only now and then."""
        is_new, token.is_shown = not token.is_shown, True
        return is_new or (self.grants.new_token != "never" and number % 2 == 1)

    def _kept(self, grant: Grant) -> dict[str, str]:
        """What is kept, by where it stands: a template's value where it is one, the account, else something invented."""
        declared = self.entry.document.get("parameters", {})
        says = {
            kept_name(declared[name]["from_answer"]): value for name, value in self.values.from_answer.items()
        }
        account = (
            kept_name(self.entry.fact("account.member", ""))
            if self.entry.fact("account.from") == "answer"
            else None
        )
        kept = {}
        for name, where in self.entry.kept_in_answers.items():
            if name in says:
                kept[where] = f"https://{says[name]}" if "." in says[name] else says[name]
            elif name == account:
                kept[where] = grant.subject
            else:
                kept[where] = (
                    grant.values[name] if name in declared and name in grant.values else f"kept-{name}"
                )
        return kept
