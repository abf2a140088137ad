"""``northstar audit``."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import get_args

import click

from northstar.access.audit.chain import canonical, verify_chain
from northstar.access.client import AccessClient
from northstar.access.domain import AuditEntry, AuditQuery, AuditVerdict, Outcome
from northstar.errors import Failed, Invalid
from northstar.terminal import connect, emit, json_option, say, table

_PAGE = 1000


@click.group()
def audit() -> None:
    """The record of decisions."""


@audit.command("list")
@click.option("--scope", default="/", show_default=True, help="Here and below.")
@click.option("--principal", "principal_id", help="Only what this principal did.")
@click.option("--action", help="Only this action, for example release:approve.")
@click.option("--without", metavar="ACTION", help="Leave this action out, such as token:issue.")
@click.option("--outcome", type=click.Choice(get_args(Outcome)), help="Only this outcome.")
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True)
@json_option
def list_audit(
    scope: str,
    principal_id: str | None,
    action: str | None,
    without: str | None,
    outcome: Outcome | None,
    limit: int,
    as_json: bool,
) -> None:
    """What was decided and done; the newest first."""
    found = AccessClient(connect()).audit(
        AuditQuery(
            scope=scope,
            principal=principal_id,
            action=action,
            without=without,
            outcome=outcome,
            limit=limit,
        )
    )
    emit(found, as_json=as_json, text=lambda: _entries(found))


@audit.command("verify")
@click.argument(
    "file", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@click.option("--head", help="The digest of the newest entry, as an earlier run printed it.")
@json_option
def verify_audit(file: Path | None, head: str | None, as_json: bool) -> None:
    """Recompute the chain: has any entry been changed, removed or put in between?

    The platform also holds the chain against the checkpoints in its state folder, and so notices
    entries that were cut off or written anew. Keep the printed digest elsewhere and hand it to a
    later run if you do not want to rely on that folder. With FILE, an export is verified by itself,
    without the platform.
    """
    verdict = _verdict_on(file) if file else AccessClient(connect()).verify_audit()
    if not verdict.intact:
        raise Failed(f"The audit is broken at entry {verdict.broken_at}: {verdict.reason}.")
    if head is not None and not _holds(file, head, verdict.head):
        raise Failed(f"No entry has the digest {head}: the end was cut off or written anew.")
    emit(
        verdict, as_json=as_json, text=f"{verdict.entries} entries are intact up to {verdict.head}."
    )


@audit.command("export")
@click.option("--after", type=click.IntRange(min=0), default=0, help="Only entries after this one.")
@click.option("--since", type=click.DateTime(), help="Only entries from this moment on (UTC).")
@click.option("--scope", default="/", show_default=True, help="Here and below.")
@click.option("--format", "form", type=click.Choice(["jsonl"]), default="jsonl", show_default=True)
def export_audit(after: int, since: datetime | None, scope: str, form: str) -> None:
    """Print entries as JSON lines, the oldest first.

    A line without its "digest" is exactly the text whose SHA-256 that digest is. The number of the
    last entry goes to standard error: continue from it with --after.
    """
    del form  # there is one
    client, last = AccessClient(connect()), after
    from_then = since.replace(tzinfo=UTC) if since else None
    while page := client.audit(AuditQuery(scope=scope, since=from_then, after=last, limit=_PAGE)):
        for entry in page:
            click.echo(canonical(entry.model_dump()))
        last = page[-1].sequence
    say(f"Exported up to entry {last}.")


def _entries(found: list[AuditEntry]) -> str:
    rows = [
        (e.sequence, e.at, e.principal, e.action, e.scope, e.outcome, e.credential, e.address)
        for e in found
    ]
    headers = ("entry", "at", "principal", "action", "scope", "outcome", "through", "from")
    return table(headers, rows)


def _verdict_on(file: Path) -> AuditVerdict:
    """Whether an export hangs together; it may begin after the first entry."""
    lines = _lines(file)
    first = next(lines, None)
    if first is None:
        raise Invalid(f"{file} holds no entries.")

    def entries() -> Iterator[AuditEntry]:
        yield first
        yield from lines

    return verify_chain(entries(), after=first.sequence - 1, head=first.previous)


def _lines(file: Path) -> Iterator[AuditEntry]:
    with file.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, start=1):
            try:
                yield AuditEntry.model_validate(json.loads(line))
            except ValueError as error:
                raise Invalid(f"Line {number} of {file} is no entry of the audit.") from error


def _holds(file: Path | None, wanted: str, head: str) -> bool:
    if file:
        return any(entry.digest == wanted for entry in _lines(file))
    client = AccessClient(connect())
    before: int | None = None
    while wanted != head:
        page = client.audit(AuditQuery(before=before, limit=_PAGE))
        if not page or any(entry.digest == wanted for entry in page):
            return bool(page)
        before = page[-1].sequence
    return True
