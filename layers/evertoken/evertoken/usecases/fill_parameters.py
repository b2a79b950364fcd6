"""Fill what a client registration leaves open of its provider's templates with what one connection says: its backend, the callback, the answer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from evertoken.domain.errors import InvalidInputError, ProviderRefusedError
from evertoken.domain.provider import Provider
from evertoken.domain.provider_template import check_value, find_parameter_value
from evertoken.domain.ready_client import ReadyClient
from evertoken.domain.request_shape import RequestShape
from evertoken.usecases.connection_wish import ConnectionWish


@dataclass(frozen=True, slots=True, kw_only=True)
class WishedClient:
    """A client with what a wish says filled in: the values (defaults among them), and the parameters that go along in the authorization URL."""

    ready: ReadyClient
    values: Mapping[str, str]
    authorization: Mapping[str, str]


def fill_wished(client: ReadyClient, wish: ConnectionWish, *, with_browser: bool) -> WishedClient:
    """Return *client* with the parameters of *wish* filled in; authorization parameters are only taken *with_browser*.

    Raises:
        InvalidInputError: a parameter is unknown, not admitted, or missing and nobody will say it later; the message names it.
    """
    template, authorization = _split(client.provider, wish.parameters, with_browser=with_browser)
    values = _resolve(client.provider, template)
    return WishedClient(ready=fill_known(client, values), values=values, authorization=authorization)


def _split(
    provider: Provider, parameters: Mapping[str, str], *, with_browser: bool
) -> tuple[Mapping[str, str], Mapping[str, str]]:
    """Return what of *parameters* fills the provider's templates, and what goes along in the authorization URL.

    Raises:
        InvalidInputError: the entry knows a name as neither, or as both; the message names it.
    """
    accepts = provider.authorization.accepts if with_browser else frozenset[str]()
    for name in parameters:
        if name in provider.parameters and name in accepts:
            raise InvalidInputError(
                f"parameters: {name[:64]!r} is both a template parameter and an authorization parameter of {provider.name}, so nobody can tell "
                "which is meant. Leave it out; an operator corrects the provider's entry."
            )
        if name not in provider.parameters and name not in accepts:
            taken = ", ".join(sorted({*provider.parameters, *accepts})) or "none"
            raise InvalidInputError(
                f"parameters: {provider.name} takes no {name[:64]!r} here. It takes: {taken}."
            )
    return (
        {name: value for name, value in parameters.items() if name in provider.parameters},
        {name: value for name, value in parameters.items() if name in accepts},
    )


def _resolve(provider: Provider, given: Mapping[str, str]) -> dict[str, str]:
    """Return *given* with the defaults of what it leaves out. Raises InvalidInputError, which names what is missing and nobody will say later."""
    values = dict(given)
    for name, parameter in provider.parameters.items():
        if name in values:
            continue
        if parameter.default is not None:
            values[name] = parameter.default
        elif parameter.from_callback is None and parameter.from_answer is None:
            raise InvalidInputError(f"parameters.{name}: {provider.name} needs it: {parameter.description}")
    return values


def fill_known(ready: ReadyClient, values: Mapping[str, str]) -> ReadyClient:
    """Return *ready* with *values* filled in; what they leave open stays so. Raises InvalidInputError: one is not admitted."""
    return replace(ready, provider=ready.provider.filled(values, whole=False)) if values else ready


def take_callback_values(provider: Provider, extra: Mapping[str, str]) -> dict[str, str]:
    """Return the template parameters that the callback names. Raises ProviderRefusedError: one is not what the entry admits."""
    said = {
        name: extra.get(parameter.from_callback)
        for name, parameter in provider.parameters.items()
        if parameter.from_callback is not None
    }
    return _checked(provider, said)


def take_answer_values(provider: Provider, extra: Mapping[str, str]) -> dict[str, str]:
    """Return the template parameters that the members kept of an answer name. Raises ProviderRefusedError: one is not what the entry admits."""
    said = {
        name: extra.get(parameter.from_answer)
        for name, parameter in provider.parameters.items()
        if parameter.from_answer is not None
    }
    return _checked(provider, said)


def _checked(provider: Provider, said: Mapping[str, str | None]) -> dict[str, str]:
    values = {}
    for name, word in said.items():
        if word is None:
            continue
        try:
            values[name] = check_value(name, provider.parameters[name], find_parameter_value(word))
        except InvalidInputError:
            raise ProviderRefusedError(
                f"The provider named a value for the parameter {name} that its entry does not admit, so the connection is refused. "
                "Start again; if it stays so, an operator corrects the provider's entry."
            ) from None
    return values


def fill_whole(ready: ReadyClient, values: Mapping[str, str]) -> ReadyClient:
    """Return *ready* with nothing left to fill, once the provider has answered. Raises ProviderRefusedError: it did not say what it has to."""
    try:
        return ready.for_grant(values)
    except InvalidInputError:
        missing = ", ".join(sorted(set(ready.provider.parameters) - set(values)))
        raise ProviderRefusedError(
            f"The provider did not say what its entry needs of it: {missing}. Start again and give it as a parameter; "
            "if it stays so, an operator corrects the provider's entry."
        ) from None


def check_url(ready: ReadyClient, shape: RequestShape) -> None:
    """Refuse to send a request whose URL is not known yet. Raises InvalidInputError, which names the parameter."""
    url = shape.url or ready.provider.token_endpoint
    _check_known(ready.provider, (url,))


def check_authorization_endpoint(ready: ReadyClient) -> None:
    """Refuse to send a browser to a URL that is not known yet. Raises InvalidInputError, which names the parameter."""
    shape = ready.provider.requests.authorization
    asked = None if shape is None else shape.url
    _check_known(ready.provider, (asked or "", ready.provider.authorization_endpoint or ""))


def _check_known(provider: Provider, urls: Iterable[str]) -> None:
    for name, parameter in provider.parameters.items():
        if any("{" + name + "}" in url for url in urls):
            raise InvalidInputError(
                f"parameters.{name}: {provider.name} needs it before it can be asked anything: {parameter.description}"
            )
