"""The chain of audit entries: what a digest covers, and where a chain first does not hold.

Every entry's digest covers its content and the digest of the entry before it, so an entry that was
edited, taken out, put in or moved shows. Who can write the table can also write everything from
some entry on anew, or cut off the end: that shows against checkpoints, which are heads of the chain
that were kept elsewhere (compare Crosby and Wallach, "Efficient data structures for tamper-evident
logging", USENIX Security 2009, section 2).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from northstar.access.domain import AuditEntry, AuditVerdict

FIRST = "sha256:" + "0" * 64


@dataclass(frozen=True)
class Checkpoint:
    """The chain's head at a moment: the number and the digest of its newest entry."""

    sequence: int
    digest: str
    at: datetime


@dataclass(frozen=True)
class Unreadable:
    """A row of the table that is no entry any more."""

    sequence: int


def canonical(body: Mapping[str, Any]) -> str:
    """An entry, or what there is of it before its digest, as the one text that stands for it.

    JSON in ASCII with sorted names and no blanks; ``at`` in UTC as ``isoformat`` writes it. Names
    whose value is null are left out: they did not exist when the entry was made.
    """
    at: datetime = body["at"]
    plain = {name: value for name, value in body.items() if value is not None}
    plain["at"] = at.astimezone(UTC).isoformat()
    return json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def digest_of(body: Mapping[str, Any]) -> str:
    """The digest of an entry's fields, all but ``digest`` itself."""
    return f"sha256:{hashlib.sha256(canonical(body).encode()).hexdigest()}"


def verify_chain(
    entries: Iterable[AuditEntry | Unreadable],
    checkpoints: Sequence[Checkpoint] = (),
    *,
    after: int = 0,
    head: str = FIRST,
) -> AuditVerdict:
    """Recompute a chain and name the first entry at which it does not hold.

    Args:
        entries: in the order of their numbers.
        checkpoints: heads of this chain that were kept elsewhere, oldest first.
        after: the number of the entry before the first one, whose digest is ``head``.
    """
    known = {checkpoint.sequence: checkpoint for checkpoint in checkpoints}
    vouched = after  # everything up to here is as a checkpoint says
    count = after
    for entry in entries:
        if fault := _fault(entry, count, head):
            return _broken(count, head, *fault)
        assert isinstance(entry, AuditEntry)  # noqa: S101 - what is unreadable is a fault
        count, head = entry.sequence, entry.digest
        if checkpoint := known.get(count):
            if checkpoint.digest != head:
                return _broken(count, head, vouched + 1, _written_anew(vouched + 1, checkpoint))
            vouched = count
    newest = checkpoints[-1] if checkpoints else None
    if newest and newest.sequence > count:
        reason = f"it is missing: the chain had {newest.sequence} entries at {newest.at:%F %T} UTC"
        return _broken(count, head, count + 1, reason)
    return AuditVerdict(intact=True, entries=count, head=head)


def _fault(entry: AuditEntry | Unreadable, count: int, head: str) -> tuple[int, str] | None:
    """The number of a bad entry and what is wrong with it, if ``entry`` does not follow."""
    if entry.sequence != count + 1:
        return count + 1, "it is missing"
    if isinstance(entry, Unreadable):
        return entry.sequence, "it can't be read"
    if entry.digest != digest_of(entry.model_dump(exclude={"digest"})):
        return entry.sequence, "its content is not what was recorded"
    if entry.previous == head:
        return None
    if count == 0:
        return entry.sequence, "it is not the first entry of this chain"
    return count, f"it was written anew: entry {entry.sequence} follows another one"


def _written_anew(first: int, checkpoint: Checkpoint) -> str:
    which = "it" if first == checkpoint.sequence else f"an entry from here to {checkpoint.sequence}"
    return f"{which} was written anew after the checkpoint of {checkpoint.at:%F %T} UTC"


def _broken(count: int, head: str, broken_at: int, reason: str) -> AuditVerdict:
    return AuditVerdict(intact=False, entries=count, head=head, broken_at=broken_at, reason=reason)
