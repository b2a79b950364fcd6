"""What fills an entry's `{placeholders}` in a run: the values of a registration, a connection, a callback and an answer."""

import re
from dataclasses import dataclass

from tests.conformance.entry_document import Entry

PLACEHOLDER = re.compile(r"\{([A-Za-z][A-Za-z0-9_]*)\}")


def fill(text: str, values: dict[str, str]) -> str:
    """*text* with what *values* knows; other placeholders stay."""
    return PLACEHOLDER.sub(lambda found: values.get(found[1], found[0]), text)


def is_filled(text: str) -> bool:
    return PLACEHOLDER.search(text) is None


@dataclass(frozen=True, kw_only=True)
class TemplateValues:
    """The values of one run: the entry's `defaults`, `registration` by the operator, `connection` by the caller, then what the provider itself says."""

    defaults: dict[str, str]
    registration: dict[str, str]
    connection: dict[str, str]
    from_callback: dict[str, str]
    from_answer: dict[str, str]

    @property
    def at_start(self) -> dict[str, str]:
        """All that is known before the browser goes; defaults included."""
        return {**self.defaults, **self.registration, **self.connection}


def choose_values(entry: Entry, *, leaves_out_defaults: bool = False) -> TemplateValues:
    """Values that the entry admits, and another one than the default where the provider itself says it."""
    registration, connection, defaults, callback, answer = {}, {}, {}, {}, {}
    for name, parameter in entry.document.get("parameters", {}).items():
        example = _example(name, parameter)
        if "default" in parameter:
            defaults[name] = parameter["default"]
        if parameter.get("operator_host"):
            registration[name] = example
        elif parameter.get("from_callback"):
            callback[name] = example
        elif parameter.get("from_answer"):
            answer[name] = example
        if (
            name not in registration
            and ("default" not in parameter or example != parameter["default"])
            and not (name in callback or name in answer)
        ):
            connection[name] = example
        elif (name in callback or name in answer) and "default" not in parameter:
            connection[name] = _another(parameter, example)
    if leaves_out_defaults:
        registration = {name: value for name, value in registration.items() if name not in defaults}
        connection = {name: value for name, value in connection.items() if name not in defaults}
    return TemplateValues(
        defaults=defaults,
        registration=registration,
        connection=connection,
        from_callback=callback,
        from_answer=answer,
    )


def _example(name: str, parameter: dict) -> str:
    if parameter.get("example"):
        return parameter["example"]
    choices = [one for one in parameter.get("choices", ()) if one != parameter.get("default")]
    if choices:
        return choices[0]
    if parameter.get("suffixes"):
        return f"acme{parameter['suffixes'][0]}"
    if parameter.get("operator_host"):
        return "login.acme.example"
    return parameter.get("default") or f"acme-{name.replace('_', '-').lower()}"[:40].strip("-")


def _another(parameter: dict, example: str) -> str:
    """Something else that is admitted, so that it shows whether the provider's word is heeded."""
    others = [one for one in parameter.get("choices", ()) if one != example]
    if others:
        return others[0]
    if parameter.get("suffixes"):
        return f"elsewhere{parameter['suffixes'][0]}"
    return "elsewhere" if not parameter.get("operator_host") else example
