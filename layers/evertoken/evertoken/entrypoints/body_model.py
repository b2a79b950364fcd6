"""Bodies and queries as pydantic models: closed, strict, and refused with the names of the fields, never with their values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

from evertoken.domain.errors import InvalidInputError

FAULTS_SHOWN = 5
_ID_PATTERN = r"^[a-z0-9][a-z0-9_-]{0,63}$"
ResourceId = Annotated[str, StringConstraints(pattern=_ID_PATTERN)]
"""An id that an operator chooses."""
TenantId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]
Label = Annotated[str, StringConstraints(min_length=1, max_length=256, pattern=r"^[^\x00-\x1f\x7f]+$")]
"""One line of text that a caller chooses: a user id, an account, a name."""
Scope = Annotated[
    str, StringConstraints(min_length=1, max_length=256, pattern=r"^[\x21\x23-\x5b\x5d-\x7e]+$")
]
"""A scope token (RFC 6749 section 3.3)."""


class Model(BaseModel):
    """The base of all bodies."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


M = TypeVar("M", bound=BaseModel)


def parse_model(model: type[M], values: Mapping[str, Any]) -> M:
    """Return *values* as a *model*. Raises InvalidInputError, which names the fields."""
    try:
        return model.model_validate(dict(values))
    except ValidationError as error:
        faults = error.errors(include_url=False, include_context=False, include_input=False)
        raise InvalidInputError(
            "; ".join(_describe(fault) for fault in faults[:FAULTS_SHOWN]) + "."
        ) from None


def _describe(fault: Any) -> str:
    where = ".".join(str(part)[:64] for part in fault["loc"]) or "body"
    if fault["type"] == "extra_forbidden":
        return f"{where}: no such field"
    if fault["type"] == "missing":
        return f"{where}: is missing"
    # pydantic's own words name what is expected, not what came.
    return f"{where}: {fault['msg'][:200]}"
