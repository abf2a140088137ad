"""A reviewed plan as text for a terminal, and as Markdown for a pull request."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from northstar.environments.as_code.prices import Cost
from northstar.environments.as_code.review import Review
from northstar.environments.as_code.wording import noun, part_of, thing
from northstar.environments.domain import ChangeKind, ResourceChange

_VERBS: dict[ChangeKind, str] = {
    "create": "new",
    "change": "changed",
    "replace": "made anew",
    "destroy": "removed",
}
_MOST_NAMED = 6


def as_text(review: Review) -> str:
    """For a terminal."""
    lines = [_headline(review), ""]
    for title, found in _sections(review):
        lines += [title, *(f"  {line}" for line in found), ""]
    return "\n".join(lines).rstrip()


def as_markdown(review: Review) -> str:
    """For a comment on a pull request."""
    lines = [f"### {_headline(review)}", ""]
    for title, found in _sections(review):
        lines += [f"**{title}**", "", *(f"- {line.strip()}" for line in found), ""]
    return "\n".join(lines).rstrip() + "\n"


def _headline(review: Review) -> str:
    counts = review.summary.counts()
    parts = [f"{count} {_VERBS[kind]}" for kind, count in counts.items() if count]
    said = f"{review.stage}: {', '.join(parts)}" if parts else f"{review.stage}: nothing changes"
    return f"{said}. It may not be applied as it is." if review.refusals else f"{said}."


def _sections(review: Review) -> Iterator[tuple[str, list[str]]]:
    summary = review.summary
    if review.refusals:
        yield "Why it may not be applied", list(review.refusals)
    if summary.lost:
        yield (
            "DATA WOULD BE LOST",
            [f"{one.what}: {one.data}  [{one.address}]" for one in summary.lost],
        )
    if summary.changes:
        yield "What changes", list(_by_part(summary.changes))
    if summary.drifted:
        yield "Changed by hand since the last apply", [_named(one) for one in summary.drifted]
    if summary.changes:
        opened = list(summary.openings) or ["Nothing more is reached than before."]
        yield "What it opens", opened
    if summary.rights:
        yield "Who gets which rights", list(summary.rights)
    if summary.changes:
        yield "What it costs", list(_cost(summary.cost))
    if review.waived:
        yield (
            "Waived",
            [
                f"{finding.policy} at {finding.address}: {waiver.reason} (until {waiver.until}, "
                f"asked for by {waiver.requested_by}, approved by {waiver.approved_by})"
                for finding, waiver in review.waived
            ],
        )
    if review.unused:
        yield (
            "Waivers that nothing needs",
            [f"{one.policy} at {one.resource}, until {one.until}" for one in review.unused],
        )


def _by_part(changes: Sequence[ResourceChange]) -> Iterator[str]:
    parts = dict.fromkeys(part_of(change.address) for change in changes)
    for part in sorted(parts):
        mine = [change for change in changes if part_of(change.address) == part]
        for kind, verb in _VERBS.items():
            found = [change for change in mine if change.what == kind]
            if found and kind in ("create", "destroy"):
                yield f"{part}, {verb}: {_counted(one.address for one in found)}"
            for one in found if kind in ("change", "replace") else ():
                told = f" ({one.summary})" if one.summary else ""
                yield f"{part}, {verb}: {thing(one.address)}{told}"


def _counted(addresses: Iterable[str]) -> str:
    """``vault, identity ci``; of many only how many there are of a kind: ``3 private endpoint``."""
    listed = list(addresses)
    if len(listed) <= _MOST_NAMED:
        return ", ".join(sorted(thing(one) for one in listed))
    kinds = Counter(noun(one) for one in listed)
    return ", ".join(
        f"{count} x {kind}" if count > 1 else kind for kind, count in sorted(kinds.items())
    )


def _named(address: str) -> str:
    return f"{part_of(address)}: {thing(address)}"


def _cost(cost: Cost) -> Iterator[str]:
    if cost.high == cost.low == 0:
        yield "Nothing by the month."
    else:
        sign = "+" if cost.low >= 0 else ""
        yield (
            f"About {sign}{cost.low:,.0f} to {cost.high:+,.0f} {cost.currency} a month "
            f"(list of {cost.as_of})."
        )
    if cost.usage:
        yield f"By use, on top: {'; '.join(cost.usage)}."
    if cost.unknown:
        kinds = ", ".join(kind.replace("_", " ") for kind in cost.unknown)
        yield f"Not known: {kinds}."
