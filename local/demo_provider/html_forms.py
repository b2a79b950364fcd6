"""Finds the forms of an HTML page, as a browser would submit them."""

from dataclasses import dataclass, field
from html.parser import HTMLParser


@dataclass(frozen=True, slots=True, kw_only=True)
class Button:
    """One way to submit a form; a button without a name sends nothing of its own."""

    name: str
    value: str
    label: str


@dataclass(slots=True, kw_only=True)
class Form:
    """One form: where it goes, what it sends untouched, and what a person may fill in or press."""

    action: str
    method: str
    values: dict[str, str] = field(default_factory=dict)
    text_fields: list[str] = field(default_factory=list)
    password_fields: list[str] = field(default_factory=list)
    buttons: list[Button] = field(default_factory=list)


def parse_forms(page: str) -> list[Form]:
    """The forms of a page in the order in which they stand; a page that cannot be read has none."""
    reader = _FormReader()
    reader.feed(page)
    reader.close()
    return reader.forms


class _FormReader(HTMLParser):
    """Collects forms while the parser walks the page."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.forms: list[Form] = []
        self._form: Form | None = None
        self._button: Button | None = None
        self._select: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._form = Form(
                action=attributes.get("action", ""), method=attributes.get("method", "get").lower()
            )
            self.forms.append(self._form)
        elif self._form is None or "disabled" in attributes:
            return
        elif tag == "input":
            _add_input(self._form, attributes)
        elif tag == "textarea" and "name" in attributes:
            self._form.values.setdefault(attributes["name"], "")
        elif tag == "select":
            self._select = attributes.get("name")
        elif tag == "option" and self._select:
            # A select without a selected option sends its first one.
            if "selected" in attributes or self._select not in self._form.values:
                self._form.values[self._select] = attributes.get("value", "")
        elif tag == "button" and attributes.get("type", "submit") == "submit":
            self._button = Button(
                name=attributes.get("name", ""), value=attributes.get("value", ""), label=""
            )

    def handle_data(self, data: str) -> None:
        if self._button is not None:
            button = self._button
            self._button = Button(name=button.name, value=button.value, label=(button.label + data).strip())

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._form = None
        elif tag == "select":
            self._select = None
        elif tag == "button" and self._button is not None:
            if self._form is not None:
                self._form.buttons.append(self._button)
            self._button = None


def _add_input(form: Form, attributes: dict[str, str]) -> None:
    name, value = attributes.get("name", ""), attributes.get("value", "")
    kind = attributes.get("type", "text").lower()
    if kind in ("submit", "image"):
        form.buttons.append(Button(name=name, value=value, label=value))
    elif kind in ("button", "reset") or not name:
        return
    elif kind in ("checkbox", "radio"):
        if "checked" in attributes:
            form.values[name] = value or "on"
    else:
        form.values[name] = value
        if kind == "password":
            form.password_fields.append(name)
        elif kind in ("text", "email"):
            form.text_fields.append(name)
