"""``northstar version``."""

from __future__ import annotations

import click

from northstar.names import ProjectRef
from northstar.registry.client import RegistryClient
from northstar.registry.domain import LineageView, Metric, VersionRecord
from northstar.terminal import connect, emit, json_option, table


@click.group()
def version() -> None:
    """Model versions and their lineage."""


@version.command("list")
@click.argument("project", metavar="SQUAD/PROJECT")
@json_option
def list_versions(project: str, as_json: bool) -> None:
    """All versions of a project, newest first."""
    found = RegistryClient(connect()).versions(ProjectRef.parse(project))
    rows = [
        (
            one.version,
            f"{one.primary_metric} {_metric(one.metric)}",
            one.flavor,
            one.registered_at,
            one.registered_by,
        )
        for one in found
    ]
    headers = ("version", "metric", "flavor", "registered", "by")
    emit(found, as_json=as_json, text=lambda: table(headers, rows, empty="No version yet."))


@version.command("show")
@click.argument("project", metavar="SQUAD/PROJECT")
@click.argument("number", metavar="VERSION", type=int)
@json_option
def show_version(project: str, number: int, as_json: bool) -> None:
    """One version: what was measured, what made it, and where it went."""
    client, ref = RegistryClient(connect()), ProjectRef.parse(project)
    record, lineage = client.version(ref, number), client.lineage(ref, number)
    data = {**record.model_dump(mode="json"), "uses": lineage.uses}
    emit(data, as_json=as_json, text=lambda: _text(record, lineage))


def _registrant(record: VersionRecord) -> str:
    started = f", started by {record.started_by}" if record.started_by else ""
    return f"{record.registered_by}{started}"


def _text(record: VersionRecord, view: LineageView) -> str:
    e, made = record.evidence, record.lineage
    commit = f"{made.commit}{' (with uncommitted changes)' if made.dirty else ''}"
    facts = [
        ("registered", f"{record.registered_at:%Y-%m-%d %H:%M} by {_registrant(record)}"),
        ("model", f"{record.flavor}, {record.task}, {len(record.columns)} columns"),
        ("digest", record.digest),
        ("run", record.run_id),
        ("commit", commit if made.commit else "none"),
        ("data", f"{made.data_rows:,} rows, {made.data_digest}"),
        ("parameters", ", ".join(f"{k}={v}" for k, v in made.parameters.items()) or "none"),
        ("lock", made.lock_digest or "none"),
        ("test rows", f"{e.rows_test:,} (trained on {e.rows_train:,})"),
    ]
    metrics = [
        (name, _metric(metric), _metric(e.baseline.get(name))) for name, metric in e.metrics.items()
    ]
    uses = [(use.environment, use.release, use.state, use.since) for use in view.uses]
    return "\n".join(
        [
            record.name,
            *(f"  {name.ljust(11)} {value}" for name, value in facts),
            "",
            table(("metric", "this version", "baseline"), metrics),
            "",
            table(("environment", "release", "state", "since"), uses, empty="Released nowhere."),
        ]
    )


def _metric(metric: Metric | None) -> str:
    if metric is None:
        return "–"
    if metric.low is None or metric.high is None:
        return f"{metric.value:.4g}"
    return f"{metric.value:.4g} ({metric.low:.4g} to {metric.high:.4g})"
