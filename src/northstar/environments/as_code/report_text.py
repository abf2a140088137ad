"""A reviewed plan as text for a terminal, and as Markdown for a pull request."""

from __future__ import annotations

import html
import re
import shutil
import sys
import textwrap
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from northstar.environments.as_code.differences import Difference, printable
from northstar.environments.as_code.drift import Drift
from northstar.environments.as_code.prices import Cost
from northstar.environments.as_code.review import Review
from northstar.environments.as_code.summary import Summary
from northstar.environments.as_code.wording import counted, listed, named, noun, part_of, thing
from northstar.environments.domain import ChangeKind

_VERBS: dict[ChangeKind, str] = {
    "create": "new",
    "change": "changed",
    "replace": "made anew",
    "destroy": "removed",
}
_FOUND: dict[ChangeKind, str] = {
    "create": "there, and not written",
    "change": "changed by hand",
    "replace": "changed by hand so that an apply would make it anew",
    "destroy": "missing",
}
_MOST_NAMED = 6
_MOST_FIELDS = 8
_SQUAD = re.compile(r"Squad ([\w-]+)([^:]*): (.*)", re.DOTALL)
_MARKUP = re.compile(r"([\\`*_\[\]~|#])")


def as_text(review: Review, width: int | None = None) -> str:
    """For a terminal.

    Args:
        width: after how many letters a line goes on in the next one; by default those of the
            terminal, and none where the text goes elsewhere.
    """
    return _laid_out(_headline(review), _sections(review), width)


def drift_as_text(drift: Drift, width: int | None = None) -> str:
    """What a check for drift found, for a terminal; ``width`` as for ``as_text``."""
    count, stage = len(drift.changes), drift.mending.stage
    if not count:
        return f"{stage}: nothing differs from what is written."
    headline = f"{stage}: {counted(count, 'resource')} {'differs' if count == 1 else 'differ'}"
    return _laid_out(f"{headline} from what is written.", _drift_sections(drift), width)


def as_markdown(review: Review) -> str:
    """For a comment on a pull request; nothing in a value can hide or dress up what follows."""
    lines = [f"### {_headline(review)}", ""]
    for title, found in _sections(review):
        lines += [f"**{title}**", "", *(f"- {_plain(line)}" for line in _merged(found)), ""]
    return "\n".join(lines).rstrip() + "\n"


def _laid_out(headline: str, sections: Iterable[tuple[str, list[str]]], width: int | None) -> str:
    if width is None and sys.stdout.isatty():
        width = shutil.get_terminal_size().columns
    lines = [headline, ""]
    for title, found in sections:
        lines += [title, *(_wrapped(printable(line), width) for line in _merged(found)), ""]
    return "\n".join(lines).rstrip()


def _headline(review: Review) -> str:
    counts = review.summary.counts()
    parts = [f"{count} {_VERBS[kind]}" for kind, count in counts.items() if count]
    said = f"{review.stage}: {', '.join(parts) if parts else 'nothing changes'}."
    return f"{said} It may not be applied as it is." if review.refusals else said


def _sections(review: Review) -> Iterator[tuple[str, list[str]]]:
    summary = review.summary
    if review.refusals:
        yield "Why it may not be applied", list(review.refusals)
    if summary.lost:
        yield (
            "DATA WOULD BE LOST",
            [f"{one.what}: {one.data}  [{one.address}]" for one in summary.lost],
        )
    if summary.changes or summary.outputs:
        yield "What changes", list(_changes(summary))
    if summary.drifted:
        yield "Changed by hand since the last apply", [named(one) for one in summary.drifted]
    yield from _exposure(summary)
    if summary.changes:
        yield "What it costs", list(_cost(summary.cost))
    if review.before or review.after:
        yield "What is left to people", [*review.before, *review.after]
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


def _drift_sections(drift: Drift) -> Iterator[tuple[str, list[str]]]:
    found, mending = drift.found, drift.mending
    if found.openings:
        yield "Opened by hand", list(found.openings)
    if found.doubts:
        yield "May have been opened by hand: look at it", list(found.doubts)
    if found.closings:
        yield "Closed by hand", list(found.closings)
    yield "What differs, from what is written to what is there", list(_changes(found, _FOUND))
    if found.cost.high or found.cost.low or found.cost.usage or found.cost.unknown:
        yield "What that costs", list(_cost(found.cost))
    again = f"northstar env apply {mending.stage} brings back what is written"
    unwritten = "What is written and was not applied yet shows here, too."
    if not mending.refusals:
        yield "What an apply would do", [f"{again}. {unwritten}"]
        return
    yield "What an apply would do", [f"{again}, but not as it is. {unwritten}", *mending.refusals]


def _exposure(summary: Summary) -> Iterator[tuple[str, list[str]]]:
    if summary.openings:
        yield "What it opens", list(summary.openings)
    if summary.doubts:
        yield "What may open something: look at it", list(summary.doubts)
    if summary.changes and not summary.openings and not summary.doubts:
        yield "What it opens", ["Nothing more is reached than before, and nobody may do more."]
    if summary.closings:
        yield "What it closes", list(summary.closings)


def _changes(summary: Summary, verbs: Mapping[ChangeKind, str] = _VERBS) -> Iterator[str]:
    """By parts; the same change of tags is told once for all resources that have it."""
    yield from _tags(summary)
    fields = {
        address: [one for one in found if not _is_tag(one)]
        for address, found in summary.differences.items()
    }
    told = [
        change
        for change in summary.changes
        if fields[change.address] or not summary.differences[change.address]
    ]
    for part in sorted({part_of(change.address) for change in told}):
        mine = [change for change in told if part_of(change.address) == part]
        for kind, verb in verbs.items():
            found = [change.address for change in mine if change.what == kind]
            if found and kind in ("create", "destroy"):
                yield f"{part}, {verb}: {_counted(found)}"
            for things, said in _alike(found, fields) if kind in ("change", "replace") else ():
                yield f"{part}, {verb}: {things}{said}"
    if summary.outputs:
        yield f"Told to other configurations: {listed(summary.outputs)}"


def _alike(
    addresses: Iterable[str], fields: Mapping[str, Sequence[Difference]]
) -> Iterator[tuple[str, str]]:
    """Resources with what differs of them; those of a kind that differ alike are counted."""
    groups: dict[tuple[str, str], list[str]] = defaultdict(list)
    for address in addresses:
        groups[noun(address), _fields(fields[address])].append(address)
    for (kind, said), found in groups.items():
        yield thing(found[0]) if len(found) == 1 else counted(len(found), kind), said


def _merged(lines: Iterable[str]) -> list[str]:
    """What is said alike of several squads is said once."""
    groups: dict[tuple[str, str], list[str]] = defaultdict(list)
    for line in lines:
        squad, about, said = found.groups() if (found := _SQUAD.match(line)) else ("", "", line)
        groups[about, said].append(squad)
    return [
        f"Squads {listed(squads)}{about}, each: {said}"
        if len(squads) > 1 and all(squads)
        else f"Squad {squads[0]}{about}: {said}"
        if squads[0]
        else said
        for (about, said), squads in groups.items()
    ]


def _tags(summary: Summary) -> Iterator[str]:
    groups: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for address, found in summary.differences.items():
        if tags := tuple(f"{_tag(one)} {one.said}" for one in found if _is_tag(one)):
            groups[tags].append(address)
    for tags, addresses in groups.items():
        where = named(addresses[0]) if len(addresses) == 1 else f"{len(addresses)} resources"
        yield f"Tags on {where}: {'; '.join(tags)}"


def _is_tag(difference: Difference) -> bool:
    return difference.attribute == "tags"


def _tag(difference: Difference) -> str:
    return difference.path.removeprefix("tags.")


def _fields(found: Sequence[Difference]) -> str:
    if not found:
        return ""
    more = len(found) - _MOST_FIELDS
    told = "; ".join(map(str, found[:_MOST_FIELDS]))
    return f" ({told}{f'; and {more} more' if more > 0 else ''})"


def _counted(addresses: Iterable[str]) -> str:
    """``vault, identity ci``; of many only how many of a kind: ``3 subnets``."""
    every = list(addresses)
    if len(every) <= _MOST_NAMED:
        return ", ".join(sorted(thing(one) for one in every))
    kinds = Counter(noun(one) for one in every)
    return ", ".join(counted(count, kind) for kind, count in sorted(kinds.items()))


def _cost(cost: Cost) -> Iterator[str]:
    source = f"{cost.source}, " if cost.source else ""
    as_of = f"({source}as of {cost.as_of})"
    low, high = f"{cost.low:+,.0f}", f"{cost.high:+,.0f}"
    if cost.high == cost.low == 0 and cost.usage:
        yield f"Nothing by the month, but what is paid by use may differ {as_of}."
    elif cost.high == cost.low == 0:
        yield "No sum is known." if cost.unknown else "Nothing."
    elif low == high:
        yield f"About {low} {cost.currency} a month {as_of}."
    else:
        yield f"About {low} to {high} {cost.currency} a month {as_of}."
    limited = [one for one in cost.usage if one.endswith((" a month", "until now)"))]
    yield from (f"By use, on top: {one}." for one in limited)
    if rest := [one for one in cost.usage if one not in limited]:
        yield f"By use, on top: {'; '.join(rest)}."
    if cost.unknown:
        yield f"Not in the list of prices, and not in this sum: {listed(cost.unknown)}."


def _wrapped(line: str, width: int | None) -> str:
    if width is None:
        return f"  {line}"
    return textwrap.fill(
        line,
        max(width, 40),
        initial_indent="  ",
        subsequent_indent="      ",
        break_long_words=False,
        break_on_hyphens=False,
    )


def _plain(line: str) -> str:
    return _MARKUP.sub(r"\\\1", html.escape(printable(line), quote=False))
