"""Lists that come in pages: `cursor` names where the next page begins, and is None at the end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from evertoken.client.api_call import ApiCall
from evertoken.client.errors import SecretShapeError

Page = TypeVar("Page")
Item = TypeVar("Item")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pages(Generic[Page, Item]):
    """A list of many pages: the call for the page that begins at a cursor, and what a page holds."""

    call: Callable[[str | None], ApiCall[Page]]
    items: Callable[[Page], tuple[Item, ...]]
    cursor: Callable[[Page], str | None]

    def next_cursor(self, page: Page, *, after: str | None) -> str | None:
        """Return where the page after *page* begins, or None at the end. Raises: SecretShapeError where the list would never end."""
        cursor = self.cursor(page)
        if cursor is not None and cursor == after:
            raise SecretShapeError(
                "The API gave the same cursor twice, so this list would never end. Tell whoever runs the installation."
            )
        return cursor
