"""What storage accounts will delete by themselves sooner, or later, than until now."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from northstar.environments.as_code.changes import Change
from northstar.environments.as_code.differences import Difference
from northstar.environments.as_code.notes import Note, doubts

_SCHEDULE = "storage_management_policy"
_AGE = re.compile(
    r'rule(?:\["([^"]+)"\])?\.actions\[0\]\.(base_blob|version)\[0\]\.delete_after_days_since_\w+'
)
_WHAT = {"base_blob": "blobs are", "version": "replaced and deleted versions are"}


def deletions(changes: Sequence[Change]) -> Iterator[Note]:
    """From which age on something is deleted, where that changes."""
    for change in changes:
        for one in change.differences:
            if is_age(change, one) and (found := _AGE.fullmatch(one.path)):
                rule, what = found.groups()  # the rule is named where there are several
                days = f"deleted after {one.after} days instead of {one.before}"
                yield doubts(f"{change.named}: {f'{rule}: ' if rule else ''}{_WHAT[what]} {days}")


def is_age(change: Change, difference: Difference) -> bool:
    """Whether a difference is told here: an age that is written on both sides."""
    if change.type != _SCHEDULE or not _AGE.fullmatch(difference.path):
        return False
    sides = (difference.before, difference.after)
    return all(isinstance(days, int) and days >= 0 for days in sides)  # -1 is not written
