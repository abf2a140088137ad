"""Every route of MLflow's server, and what the door asks of who calls it.

The table is written out, not derived: a route that MLflow adds is closed until somebody has
decided about it here. A test walks the installed MLflow's own route table and compares.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from functools import cache, lru_cache


class Kind(Enum):
    """What a route asks for."""

    CLOSED = "closed"  # nobody calls it through the door
    PROMOTE = "promote"
    PROVISION = "provision"
    MANAGE = "manage"
    WRITE = "write"
    LOG = "log"  # writing that a run repeats all the time
    READ = "read"
    WORKSPACES = "workspaces"  # the answer is cut down to the squads that the caller may read
    KNOWN = "known"  # pages, scripts and versions: the same for everybody who is known


ACTIONS: dict[Kind, str] = {
    Kind.PROMOTE: "mlflow:promote",
    Kind.PROVISION: "mlflow:provision",
    Kind.MANAGE: "mlflow:manage",
    Kind.WRITE: "mlflow:write",
    Kind.LOG: "mlflow:write",
    Kind.READ: "mlflow:read",
    Kind.WORKSPACES: "self:read",
    Kind.KNOWN: "self:read",
}
CHANGES = frozenset({Kind.PROMOTE, Kind.PROVISION, Kind.MANAGE, Kind.WRITE, Kind.LOG})


@dataclass(frozen=True)
class Route:
    """One line of the table.

    Args:
        touches: what of the registry the request may change, for the protection of what is
            released: ``model``, ``version``, ``run``, ``logged-model``, ``artifact`` or ``upload``.
    """

    method: str
    pattern: str
    kind: Kind
    touches: str = ""


@dataclass(frozen=True)
class Match:
    """The route that a request is for, with the parameters in its path."""

    route: Route
    parameters: dict[str, str]


# A line is "METHOD[,METHOD] PATTERN [touches WHAT]". A pattern that begins with a version number
# stands below both /api/ and /ajax-api/. <name> is one segment of the path, <name*> is the rest.
_TABLE: dict[Kind, str] = {
    # Code, prompts and secrets that MLflow's server would run, spend or send somewhere: training
    # and evaluation run in squads' processes, alerts go through Northstar's outbox, and addresses
    # that are signed for somebody else's storage would lead around the door.
    Kind.CLOSED: """
        POST   /gateway/<rest*>
        GET    /gateway/<rest*>
        GET,POST 2.0/mlflow/gateway-proxy
        GET,POST,DELETE,PATCH 3.0/mlflow/gateway/<rest*>
        GET,POST,PUT,PATCH 3.0/mlflow/assistant/<rest*>
        GET,POST,PATCH,DELETE 3.0/mlflow/mcp-servers
        GET,POST,PATCH,DELETE 3.0/mlflow/mcp-servers/<rest*>
        GET,POST,PATCH 3.0/jobs/<rest*>
        POST   3.0/jobs/
        GET,PATCH 3.0/mlflow/jobs/<rest*>
        GET,POST,DELETE 3.0/mlflow/prompt-optimization/<rest*>
        GET,POST,PUT,DELETE 3.0/mlflow/scorers/<rest*>
        POST   3.0/mlflow/scorer/invoke
        POST   3.0/mlflow/genai/evaluate/invoke
        POST   3.0/mlflow/issues/invoke
        POST   3.0/mlflow/demo/<rest*>
        POST   3.0/mlflow/ui-telemetry
        GET,POST 2.0/mlflow/webhooks
        GET,PATCH,DELETE,POST 2.0/mlflow/webhooks/<rest*>
        POST   2.0/mlflow/runs/create-promptlab-run
        POST   2.0/mlflow/artifacts/presigned-download-url
        POST   2.0/mlflow/artifacts/presigned-upload-url
        GET    2.0/mlflow-artifacts/presigned/<rest*>
        POST   2.0/mlflow-artifacts/mpu/<rest*>
        GET    2.0/mlflow/get-online-trace-details
        GET    2.0/mlflow/unified-traces
        POST   2.0mlflow/experiments/search-datasets
        GET    /graphql
    """,
    Kind.PROMOTE: """
        POST,DELETE 2.0/mlflow/registered-models/alias
        POST   2.0/mlflow/model-versions/transition-stage
    """,
    Kind.PROVISION: """
        POST   3.0/mlflow/workspaces
        PATCH,DELETE 3.0/mlflow/workspaces/<workspace>
    """,
    Kind.MANAGE: """
        POST   2.0/mlflow/experiments/delete touches experiment
        POST   2.0/mlflow/experiments/restore
        POST   2.0/mlflow/registered-models/rename touches model
        DELETE 2.0/mlflow/registered-models/delete touches model
        DELETE 2.0/mlflow/model-versions/delete touches version
        DELETE 2.0/mlflow/logged-models/<id> touches logged-model
        DELETE 2.0/mlflow-artifacts/artifacts/<path*> touches artifact
    """,
    Kind.WRITE: """
        PUT    2.0/mlflow-artifacts/artifacts/<path*> touches artifact
        POST   2.0/mlflow/upload-artifact touches upload
        POST   2.0/mlflow/experiments/create
        POST   2.0/mlflow/experiments/update touches experiment
        POST   2.0/mlflow/experiments/set-experiment-tag
        POST   2.0/mlflow/experiments/delete-experiment-tag
        POST   2.0/mlflow/runs/create
        POST   2.0/mlflow/runs/update
        POST   2.0/mlflow/runs/delete touches run
        POST   2.0/mlflow/runs/restore
        POST   2.0/mlflow/runs/set-tag
        POST   2.0/mlflow/runs/delete-tag
        POST   2.0/mlflow/runs/log-model
        POST   2.0/mlflow/logged-models
        PATCH  2.0/mlflow/logged-models/<id>
        POST   2.0/mlflow/logged-models/<id>/params
        PATCH  2.0/mlflow/logged-models/<id>/tags
        DELETE 2.0/mlflow/logged-models/<id>/tags/<key>
        POST   2.0/mlflow/registered-models/create
        PATCH  2.0/mlflow/registered-models/update
        POST   2.0/mlflow/registered-models/set-tag
        DELETE 2.0/mlflow/registered-models/delete-tag
        POST   2.0/mlflow/model-versions/create
        PATCH  2.0/mlflow/model-versions/update
        POST   2.0/mlflow/model-versions/set-tag
        DELETE 2.0/mlflow/model-versions/delete-tag
        PATCH  2.0/mlflow/traces/<id>
        PATCH,DELETE 2.0/mlflow/traces/<id>/tags
        POST   2.0/mlflow/traces/delete-traces
        POST   2.0/mlflow/traces/link-prompts
        POST   2.0/mlflow/traces/link-to-run
        POST   3.0/mlflow/traces/<id>/assessments
        PATCH,DELETE 3.0/mlflow/traces/<id>/assessments/<assessment>
        PATCH,DELETE 3.0/mlflow/traces/<id>/tags
        POST   3.0/mlflow/traces/delete-traces
        POST   3.0/mlflow/datasets/create
        DELETE 3.0/mlflow/datasets/<id>
        POST   3.0/mlflow/datasets/<id>/add-experiments
        POST   3.0/mlflow/datasets/<id>/remove-experiments
        POST,DELETE 3.0/mlflow/datasets/<id>/records
        PATCH  3.0/mlflow/datasets/<id>/tags
        DELETE 3.0/mlflow/datasets/<id>/tags/<key>
        POST   3.0/mlflow/issues
        PATCH  3.0/mlflow/issues/<id>
        POST   3.0/mlflow/label-schemas/create
        PATCH  3.0/mlflow/label-schemas/update
        DELETE 3.0/mlflow/label-schemas/delete
        POST   3.0/mlflow/review-queues/create
        POST   3.0/mlflow/review-queues/update
        POST   3.0/mlflow/review-queues/delete
        POST   3.0/mlflow/review-queues/get-or-create-user
        POST   3.0/mlflow/review-queues/items/add
        POST   3.0/mlflow/review-queues/items/remove
        POST   3.0/mlflow/review-queues/items/set-status
    """,
    Kind.LOG: """
        POST   2.0/mlflow/runs/log-batch
        POST   2.0/mlflow/runs/log-inputs
        POST   2.0/mlflow/runs/log-metric
        POST   2.0/mlflow/runs/log-parameter
        POST   2.0/mlflow/runs/outputs
        POST   2.0/mlflow/traces
        POST   3.0/mlflow/traces
        POST   /v1/traces
    """,
    Kind.READ: """
        GET    2.0/mlflow-artifacts/artifacts
        GET    2.0/mlflow-artifacts/artifacts/<path*>
        GET    2.0/mlflow/artifacts/list
        GET    /get-artifact
        GET    /model-versions/get-artifact
        GET    2.0/mlflow/get-trace-artifact
        GET    3.0/mlflow/get-trace-artifact
        GET    2.0/mlflow/experiments/get
        GET    2.0/mlflow/experiments/get-by-name
        GET,POST 2.0/mlflow/experiments/search
        POST   2.0/mlflow/experiments/search-datasets
        GET    2.0/mlflow/runs/get
        POST   2.0/mlflow/runs/search
        GET    2.0/mlflow/metrics/get-history
        GET    2.0/mlflow/metrics/get-history-bulk
        GET    2.0/mlflow/metrics/get-history-bulk-interval
        POST   2.0/mlflow/logged-models/search
        GET    2.0/mlflow/logged-models/<id>
        GET    2.0/mlflow/logged-models/<id>/artifacts/directories
        GET    2.0/mlflow/logged-models/<id>/artifacts/files
        GET    2.0/mlflow/registered-models/alias
        GET    2.0/mlflow/registered-models/get
        GET    2.0/mlflow/registered-models/search
        GET,POST 2.0/mlflow/registered-models/get-latest-versions
        GET    2.0/mlflow/model-versions/get
        GET    2.0/mlflow/model-versions/get-download-uri
        GET    2.0/mlflow/model-versions/search
        GET    2.0/mlflow/traces
        GET    2.0/mlflow/traces/<id>/info
        GET    3.0/mlflow/traces/batchGet
        POST   3.0/mlflow/traces/batchGetInfos
        POST   3.0/mlflow/traces/calculate-filter-correlation
        GET    3.0/mlflow/traces/get
        POST   3.0/mlflow/traces/metrics
        POST   3.0/mlflow/traces/search
        GET    3.0/mlflow/traces/<id>
        GET    3.0/mlflow/traces/<id>/assessments/<assessment>
        GET,POST 3.0/mlflow/datasets/search
        GET    3.0/mlflow/datasets/<id>
        GET    3.0/mlflow/datasets/<id>/experiment-ids
        GET    3.0/mlflow/datasets/<id>/records
        POST   3.0/mlflow/issues/search
        GET    3.0/mlflow/issues/<id>
        GET    3.0/mlflow/label-schemas/get
        GET    3.0/mlflow/label-schemas/get-by-name
        GET    3.0/mlflow/label-schemas/list
        GET    3.0/mlflow/review-queues/get
        GET    3.0/mlflow/review-queues/get-by-name
        GET    3.0/mlflow/review-queues/list
        GET    3.0/mlflow/review-queues/items/list
        GET    3.0/mlflow/workspaces/<workspace>
        POST   /graphql
    """,
    Kind.WORKSPACES: "GET 3.0/mlflow/workspaces",
    Kind.KNOWN: """
        GET    /
        GET    /static-files/<path*>
        GET    /build/<path*>
        GET    /health
        GET    /version
        GET    3.0/mlflow/server-info
        GET    3.0/mlflow/ui-telemetry
    """,
}
_API_PREFIXES = ("/api/", "/ajax-api/")


@lru_cache(maxsize=4096)
def classify(method: str, path: str) -> Match | None:
    """The route that a request is for; ``None`` for one that is not in the table.

    ``path`` is the decoded path below the mount, matched exactly: another case, a trailing slash
    or an empty segment is another path. Where two lines fit, the stricter kind holds.
    """
    wanted = "GET" if method == "HEAD" else method
    for expression, route in _compiled():
        if route.method == wanted and (found := expression.fullmatch(path)):
            return Match(route, found.groupdict())
    return None


def routes() -> list[Route]:
    """The whole table, stricter kinds first, with both prefixes written out."""
    return [route for _, route in _compiled()]


@cache
def _compiled() -> tuple[tuple[re.Pattern[str], Route], ...]:
    return tuple(
        (_expression(route.pattern), route)
        for kind, lines in _TABLE.items()
        for line in lines.strip().splitlines()
        for route in _routes_of(line, kind)
    )


def _routes_of(line: str, kind: Kind) -> list[Route]:
    methods, pattern, *rest = line.split()
    touches = rest[1] if rest else ""
    places = (
        [pattern] if pattern.startswith("/") else [prefix + pattern for prefix in _API_PREFIXES]
    )
    return [
        Route(method, place, kind, touches) for method in methods.split(",") for place in places
    ]


def _expression(pattern: str) -> re.Pattern[str]:
    parts = re.split(r"<(\w+\*?)>", pattern)
    text = "".join(
        re.escape(part)
        if i % 2 == 0
        else f"(?P<{part.rstrip('*')}>{'.+' if part.endswith('*') else '[^/]+'})"
        for i, part in enumerate(parts)
    )
    return re.compile(text)
