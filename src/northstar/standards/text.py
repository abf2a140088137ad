"""A verdict and a standard as a person reads them in a terminal."""

from __future__ import annotations

import textwrap

from northstar.standards.domain import CheckResult, StandardText, Verdict

_MARKS = {"passed": "✓", "failed": "✗", "could-not-be-evaluated": "?"}
_WIDTH = 96


def verdict_text(verdict: Verdict) -> str:
    """The verdict, first in one line, then standard by standard; what failed teaches."""
    met = len(verdict.results) - len(verdict.unmet)
    where = f"{verdict.project} v{verdict.version} into {verdict.environment}"
    if verdict.passed:
        head = f"The gate is open for {where}: all {met} standards are met."
    else:
        head = f"The gate stays closed for {where}: {met} of {len(verdict.results)} standards met."
    width = max((len(result.title) for result in verdict.results), default=0)
    return "\n".join([head, "", *(_result_text(result, width) for result in verdict.results)])


def standard_text(standard: StandardText) -> str:
    """One standard in full."""
    head = f"{standard.title} ({standard.id}; {', '.join(standard.environments)})"
    return "\n".join([head, *_lesson(standard, indent=2)])


def _result_text(result: CheckResult, width: int) -> str:
    lead = f"  {_MARKS[result.outcome]} {result.title.ljust(width)}  "
    lines = _wrapped(result.measured, lead)
    if result.outcome == "passed":
        return lines
    if result.outcome == "could-not-be-evaluated":
        lines += "\n" + _wrapped("What cannot be evaluated has not passed.", " " * len(lead))
    return "\n".join([lines, *_lesson(result, indent=4), ""])


def _lesson(standard: StandardText, indent: int) -> list[str]:
    return [
        _wrapped(text, f"{' ' * indent}{word.ljust(6)}")
        for word, text in (("asks", standard.asks), ("why", standard.why), ("fix", standard.fix))
    ]


def _wrapped(text: str, lead: str) -> str:
    return textwrap.fill(
        text, _WIDTH, initial_indent=lead, subsequent_indent=" " * len(lead), break_long_words=False
    )
