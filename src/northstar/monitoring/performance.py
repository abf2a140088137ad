"""Realised performance: the metric of windows whose labels have come, against what is expected.

Expected is the reference metric, or more where the version's own healthy windows so far did
better: never less than was promised. A window's metric differs from that by sampling and by what
makes weeks differ anyway. The latter is measured on the reference's weeks and on the version's own;
as there may be few of them, a prior weighs in like four more. A window tells when it is worse
beyond doubt by itself, or together with the one or the three before it; in any case by enough to
matter.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np

from northstar.monitoring.domain import Finding, RealisedMetric
from northstar.monitoring.reference import MetricReference
from northstar.monitoring.uncertainty import Estimate

RUNS: dict[int, float] = {1: 3.0, 2: 2.33, 4: 2.58}
"""By number of windows in a row: the deviations at which their mean is beyond doubt."""

LONGEST_RUN = max(RUNS)

RECORD_WINDOWS = 12
"""How many of the latest healthy windows make up a version's record."""

_LEAST_RECORD = 4
_RELATIVE = frozenset({"rmse", "mae", "log_loss"})
_SMALLEST_DROP = 0.02
_SMALLEST_RELATIVE_DROP = 0.05
_PRIOR_BETWEEN = 0.015
_PRIOR_RELATIVE_BETWEEN = 0.05
_PRIOR_WEEKS = 4.0


@dataclass(frozen=True)
class Expectation:
    """What a version's metric should be in a window, before sampling.

    Attributes:
        level: the value; ``doubt`` is the variance of knowing it.
        between: the variance of a window's true metric around it.
    """

    reference: MetricReference
    level: float
    doubt: float
    between: float

    def drop(self, value: float) -> float:
        """How much worse ``value`` is than expected; negative where it is better."""
        gap = self.level - value
        return gap if self.reference.higher_is_better else -gap

    def deviations(self, windows: Sequence[RealisedMetric]) -> float:
        """How much worse the mean of ``windows`` is, in units of its uncertainty."""
        count = len(windows)
        sampling = sum(window.standard_error**2 for window in windows) / count**2
        return self.mean_drop(windows) / sqrt(sampling + self.between / count + self.doubt)

    def mean_drop(self, windows: Sequence[RealisedMetric]) -> float:
        """How much worse the mean of ``windows`` is than expected."""
        return float(np.mean([self.drop(window.value) for window in windows]))


def expect(reference: MetricReference, record: Sequence[RealisedMetric]) -> Expectation:
    """What to expect of a window, given the version's earlier healthy windows, latest last."""
    record = record[-RECORD_WINDOWS:]
    between = _between(reference, record)
    doubt = reference.standard_error**2 + between / max(reference.windows, 1.0)
    promised = Expectation(reference, reference.value, doubt, between)
    if len(record) < _LEAST_RECORD:
        return promised
    shown = float(np.mean([window.value for window in record]))
    if promised.drop(shown) >= 0:
        return promised
    sampling = float(np.mean([window.standard_error**2 for window in record]))
    doubt_of_shown = (between + sampling) / len(record)
    weight = doubt / (doubt + doubt_of_shown)
    level = reference.value + weight * (shown - reference.value)
    return Expectation(reference, level, weight * doubt_of_shown, between)


def realise(expectation: Expectation | None, measured: Estimate) -> RealisedMetric:
    """A window's metric with its interval and its distance from what was expected."""
    plain = RealisedMetric(
        metric=measured.metric,
        value=measured.value,
        low=measured.low,
        high=measured.high,
        standard_error=measured.standard_error,
        labels=measured.rows,
    )
    if expectation is None:
        return plain
    return plain.model_copy(
        update={
            "expected": expectation.level,
            "drop": expectation.drop(plain.value),
            "z": expectation.deviations([plain]),
        }
    )


def detect(expectation: Expectation, windows: Sequence[RealisedMetric]) -> list[Finding]:
    """A finding if the last of ``windows``, alone or with those before it, is worse beyond doubt.

    Args:
        windows: consecutive, latest last; at most ``LONGEST_RUN`` are looked at.
    """
    matters = smallest_drop(expectation.reference)
    if expectation.drop(windows[-1].value) < matters:
        return []
    for length, deviations in RUNS.items():
        run = windows[-length:]
        if len(run) < length or expectation.mean_drop(run) < matters:
            continue
        if expectation.deviations(run) >= deviations:
            return [_finding(expectation, run)]
    return []


def smallest_drop(reference: MetricReference) -> float:
    """How much worse the metric must be to matter, in its own unit."""
    if reference.metric in _RELATIVE:
        return _SMALLEST_RELATIVE_DROP * abs(reference.value)
    return _SMALLEST_DROP


def _between(reference: MetricReference, record: Sequence[RealisedMetric]) -> float:
    """Variance of the true metric between windows: what varies beyond sampling.

    What was trained on has another level than what was not: each varies around its own mean.
    """
    relative = reference.metric in _RELATIVE
    prior = _PRIOR_RELATIVE_BETWEEN * abs(reference.value) if relative else _PRIOR_BETWEEN
    seen = [(s.value, s.standard_error) for s in reference.stretches if not s.held_out]
    unseen = [(s.value, s.standard_error) for s in reference.stretches if s.held_out]
    unseen += [(window.value, window.standard_error) for window in record]
    total, weight = _PRIOR_WEEKS * prior**2, _PRIOR_WEEKS
    for group in (seen, unseen):
        if len(group) < 2:
            continue
        values, errors = np.array(group).T
        spread, sampling = float(values.var(ddof=1)), float(np.square(errors).mean())
        total += (len(group) - 1) * max(spread - sampling, 0.0)
        weight += len(group) - 1
    return total / weight


def _finding(expectation: Expectation, run: Sequence[RealisedMetric]) -> Finding:
    reference, window = expectation.reference, run[-1]
    edge = smallest_drop(reference)
    limit = expectation.level - edge if reference.higher_is_better else expectation.level + edge
    before = ", ".join(f"{earlier.value:.3f}" for earlier in run[:-1])
    return Finding(
        kind="performance",
        subject=reference.metric,
        message=f"{reference.metric} is {window.value:.3f} ({window.low:.3f} to {window.high:.3f}) "
        f"on {window.labels:,} labels{f' after {before}' if before else ''}; "
        f"expected is {expectation.level:.3f}.",
        value=window.value,
        limit=limit,
    )
