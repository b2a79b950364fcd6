"""The scopes of these runs, and how an entry writes them."""

from dataclasses import dataclass

from tests.conformance.entry_document import Entry

SCOPES = ("read", "write")


@dataclass(frozen=True)
class RequestedScopes:
    """`read` and `write`, with what the entry always asks for."""

    entry: Entry

    @property
    def separator(self) -> str:
        return self.entry.fact("authorization.scope_separator", " ")

    @property
    def all(self) -> tuple[str, ...]:
        """What a browser is sent for."""
        return tuple(dict.fromkeys((*self.entry.fact("authorization.always_scopes", ()), *SCOPES)))

    @property
    def joined(self) -> str:
        return self.separator.join(SCOPES)

    @property
    def joined_all(self) -> str:
        return self.separator.join(self.all)

    @property
    def either(self) -> frozenset[str]:
        """Without a browser, with or without what is always asked for: entries do not say."""
        return frozenset({self.joined, self.joined_all})
