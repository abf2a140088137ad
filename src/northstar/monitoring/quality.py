"""Data quality: values that are missing, of a wrong type, or of a kind never seen before.

Each limit is the reference's own share plus what it varies by between weeks and by chance, and
never so tight that a handful of rows could cross it.
"""

from __future__ import annotations

from math import sqrt

from northstar.monitoring.columns import CategoryBins, ColumnCounts, NumericBins
from northstar.monitoring.domain import Finding
from northstar.monitoring.profile import Profile
from northstar.monitoring.reference import ColumnReference, Reference

_DEVIATIONS = 4.0
_LEAST_MISSING = 0.02
_LEAST_INVALID = 0.001
_LEAST_STRANGE = 0.01
_LEAST_OUTSIDE = 0.2
_STRANGE_FACTOR = 3.0


def detect(profile: Profile, reference: Reference, minimum_rows: int) -> list[Finding]:
    """What is wrong with a window's inputs, column by column; nothing below ``minimum_rows``."""
    if profile.rows < minimum_rows:
        return []
    found = []
    for name, counts in profile.columns.items():
        column = reference.columns[name]
        found += _missing(name, column, counts)
        found += _invalid(name, column, counts)
        if counts.present >= minimum_rows:
            found += _strange(name, column, counts)
    return found


def _missing(name: str, column: ColumnReference, counts: ColumnCounts) -> list[Finding]:
    share = counts.missing / counts.rows
    usual = column.missing_share
    limit = usual + max(_LEAST_MISSING, _chance(usual, column.missing_between, counts.rows))
    if share <= limit:
        return []
    text = f"Input {name!r} is missing in {share:.1%} of rows, was {usual:.1%}."
    return [_finding(f"{name}: missing", text, share, limit)]


def _invalid(name: str, column: ColumnReference, counts: ColumnCounts) -> list[Finding]:
    share = counts.invalid / counts.rows
    if share <= _LEAST_INVALID:
        return []
    text = f"Input {name!r} is no {column.bins.kind} value in {share:.1%} of rows."
    return [_finding(f"{name}: type", text, share, _LEAST_INVALID)]


def _strange(name: str, column: ColumnReference, counts: ColumnCounts) -> list[Finding]:
    """Texts that the reference never had, or numbers beyond its extremes."""
    bins = column.bins
    if isinstance(bins, NumericBins):
        least, strange = _LEAST_OUTSIDE, int(counts.counts[0] + counts.counts[-1])
        told = f"outside {bins.edges[0]:.4g} to {bins.edges[-1]:.4g}, all that the reference had,"
    elif isinstance(bins, CategoryBins) and bins.complete:
        least, strange = _LEAST_STRANGE, int(counts.counts[-1])
        told = f"new to the reference ({', '.join(repr(w) for w in counts.strangers[:3])})"
    else:
        return []
    share = strange / counts.present
    usual = column.strange_share
    limit = max(least, _STRANGE_FACTOR * usual + _chance(usual, 0.0, counts.present))
    if share <= limit:
        return []
    text = f"Input {name!r} is {told} in {share:.1%} of rows."
    return [_finding(f"{name}: range", text, share, limit)]


def _chance(share: float, between: float, rows: int) -> float:
    return _DEVIATIONS * sqrt(between**2 + share * (1 - share) / rows)


def _finding(subject: str, message: str, value: float, limit: float) -> Finding:
    return Finding(kind="quality", subject=subject, message=message, value=value, limit=limit)
