"""POST /v1/connections/import: many token sets from elsewhere at once, and a result for each."""

from __future__ import annotations

from collections import Counter

from evertoken.domain.access_token import CONNECTIONS_WRITE
from evertoken.domain.import_row import ImportResult, ImportStatus
from evertoken.entrypoints.api import Request, Route
from evertoken.entrypoints.http_answer import Answer
from evertoken.entrypoints.import_bodies import LARGEST_IMPORT, parse_import
from evertoken.entrypoints.json_body import get_json_object
from evertoken.usecases.import_connections import ImportDependencies, import_connections


def import_routes(deps: ImportDependencies) -> tuple[Route, ...]:
    """Return the route of imports. Every other route takes small bodies; this one says what it takes itself."""

    def import_rows(request: Request) -> Answer:
        tenant_id = request.tenant_id
        rows = parse_import(get_json_object(request.event, largest_body=LARGEST_IMPORT))
        results = import_connections(deps, tenant_id, rows, invocation=request.invocation)
        counts = Counter(result.status for result in results)
        return Answer(
            body={
                **{status.value: counts[status] for status in ImportStatus},
                "results": [_view_result(result) for result in results],
            },
            logged={status.value: str(counts[status]) for status in ImportStatus},
        )

    return (
        Route(
            key="POST /v1/connections/import",
            handle=import_rows,
            scope=CONNECTIONS_WRITE,
            action="connection.import",
            largest_body=LARGEST_IMPORT,
        ),
    )


def _view_result(result: ImportResult) -> dict[str, object]:
    view: dict[str, object] = {"position": result.position, "status": result.status.value}
    if result.connection_id is not None:
        return {**view, "connection_id": result.connection_id}
    return {**view, "code": result.code, "message": result.message}
