"""`evertoken providers`: what can be connected, and whether a document of one's own is right."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

import click

from evertoken.client.command.exit_code import ExitCode
from evertoken.client.command.output import json_option, print_json, print_table, printable
from evertoken.client.command.session import open_client
from evertoken.client.errors import ConfigurationError
from evertoken.client.results import UnreadableProvider

_CATALOGUE = "evertoken.catalogue.loader"
"""The rules of documents. They are in the layer and the repository, and not in the wheel, which has the client alone: so they are looked for by name."""


class _SearchOrCommand(click.Group):
    """`providers WORD` is `providers list WORD`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not args or args[0] not in {*self.commands, *ctx.help_option_names}:
            args = ["list", *args]
        return super().parse_args(ctx, args)


@click.group(cls=_SearchOrCommand)
def providers() -> None:
    """Find providers (`providers [SEARCH]`), show one, check a document of your own."""


@providers.command("list")
@click.argument("search", required=False)
@json_option
def list_providers(search: str | None, *, as_json: bool) -> None:
    """List providers, or those in whose id or name SEARCH is."""
    with open_client() as client:
        found = client.providers.list(search=search)
    if as_json:
        print_json(found)
        return
    rows = [
        (one.provider_id, "", one.origin, "", f"unreadable: {one.problem}")
        if isinstance(one, UnreadableProvider)
        else (
            one.provider_id,
            one.name,
            one.origin,
            ", ".join(one.grants),
            ", ".join(parameter.name for parameter in one.parameters if parameter.required),
        )
        for one in found.providers
    ]
    print_table(("provider", "name", "origin", "grants", "needs"), rows, empty="No provider is called so.")


@providers.command()
@click.argument("provider_id")
def show(provider_id: str) -> None:
    """Show all that is known of a provider, with the sources, as JSON."""
    with open_client() as client:
        print_json(client.providers.get(provider_id))


@providers.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@json_option
def check(file: Path, *, as_json: bool) -> None:
    """Check a provider document without an installation; exit status 1 when anything is wrong.

    Needs the whole package, as it is in the repository and the layer. With the wheel alone, `make check-provider FILE=…` in a checkout does the same, and
    the API itself refuses a wrong document by field.
    """
    try:
        catalogue: Any = importlib.import_module(_CATALOGUE)
    except ModuleNotFoundError as error:
        if not _CATALOGUE.startswith(error.name or "?"):
            raise
        raise ConfigurationError(
            "The rules of provider documents are not in this installation, which has the client alone. "
            f"Run `make check-provider FILE={file}` in a checkout of Evertoken, or let the API check it: PUT /v1/providers/{{id}}."
        ) from None
    document = _read(file)
    provider_id = document.get("id", file.stem.lower()) if isinstance(document, dict) else file.stem.lower()
    problems = [
        str(one) for one in catalogue.find_problems(_discovered(document), provider_id=str(provider_id))
    ]
    if as_json:
        print_json({"file": str(file), "problems": problems})
    else:
        for problem in problems:
            click.echo(printable(f"{file}: {problem}"))
        if not problems:
            click.echo(f"{file}: nothing is wrong.")
    if problems:
        click.get_current_context().exit(ExitCode.REFUSED)


def _read(file: Path) -> Any:
    try:
        return json.loads(file.read_bytes())
    except OSError as error:
        raise ConfigurationError(f"{file} cannot be read: {error.strerror}.") from error
    except (ValueError, RecursionError) as error:
        raise ConfigurationError(f"{file} is not JSON: {error}.") from error


def _discovered(document: Any) -> Any:
    """Return the document as it will be when its issuer's metadata was fetched, which the API does."""
    if not isinstance(document, dict) or "issuer" not in document or "endpoints" in document:
        return document
    names = ("authorization", "token", "revocation", "device_authorization")
    return {**document, "endpoints": {name: f"https://discovered.invalid/{name}" for name in names}}
