"""The company's standards. Each teaches: what it asks, why it exists, how to fix a failure."""

from __future__ import annotations

import math
from typing import TypeVar

from northstar.names import EnvironmentName
from northstar.registry.domain import Metric
from northstar.standards.domain import CannotEvaluate, Met, NotMet, Standard, Subject

_Measured = TypeVar("_Measured")
_EVERYWHERE: tuple[EnvironmentName, ...] = ("dev", "staging", "prod")
_BEFORE_PROD: tuple[EnvironmentName, ...] = ("staging", "prod")
_PROD: tuple[EnvironmentName, ...] = ("prod",)


def beats_baseline(subject: Subject) -> Met | NotMet:
    """Better than the linear baseline by more than chance explains."""
    evidence = subject.record.evidence
    difference = _measured(evidence.baseline_difference, "the difference from the baseline")
    low, high = _interval(difference, "the difference from the baseline")
    told = (
        f"{evidence.primary_metric} is {_signed(difference.value)} against the baseline "
        f"(95 % interval {_signed(low)} to {_signed(high)}, positive is better)"
    )
    margin = subject.parameters.baseline_margin
    if low > margin:
        return Met(f"{told}.")
    if difference.value > margin:
        # The width of an interval falls with the root of the rows.
        times = math.ceil(((difference.value - low) / (difference.value - margin)) ** 2)
        return NotMet(
            f"{told}: it looks better, but chance could explain it. If the difference is real, "
            f"about {max(times, 2)} times as many test rows would show it; else add features that "
            "a straight line cannot use."
        )
    if high < margin:
        return NotMet(
            f"{told}: the simple model is better, and chance does not explain it. Look for a "
            "mistake in training first; else release the simple model."
        )
    return NotMet(
        f"{told}: the simple model does as well. Release that one, or add features that a "
        "straight line cannot use."
    )


def beats_live(subject: Subject) -> Met | NotMet:
    """Not worse than the live version on the same rows, within uncertainty."""
    evidence, live = subject.record.evidence, subject.live_version
    if live is None:
        return Met(f"Nothing is live in {subject.environment} yet, so there is nothing to beat.")
    if live == subject.record.version:
        return Met("It is the live version.")
    if evidence.live_version != live:
        compared = f"v{evidence.live_version}" if evidence.live_version else "nothing"
        raise CannotEvaluate(f"v{live} is live, but this version was compared with {compared}.")
    difference = _measured(evidence.live_difference, f"the difference from v{live}")
    low, high = _interval(difference, f"the difference from v{live}")
    told = (
        f"{evidence.primary_metric} is {_signed(difference.value)} against the live v{live} "
        f"on the same rows (95 % interval {_signed(low)} to {_signed(high)}, positive is better)"
    )
    if high >= -subject.parameters.live_margin:
        return Met(f"{told}.")
    return NotMet(f"{told}: it is worse, and chance does not explain it.")


def minimum_data(subject: Subject) -> Met | NotMet:
    """Enough rows to learn from and to judge by."""
    evidence, parameters = subject.record.evidence, subject.parameters
    told = f"{evidence.rows_train:,} rows to train and {evidence.rows_test:,} to test."
    enough = (
        evidence.rows_train >= parameters.minimum_rows_train
        and evidence.rows_test >= parameters.minimum_rows_test
    )
    return Met(told) if enough else NotMet(told)


def signature_present(subject: Subject) -> Met | NotMet:
    """The model says which columns it wants."""
    if not subject.record.evidence.signature_present:
        return NotMet("The model has no signature.")
    if not subject.record.columns:
        return NotMet("The signature names no input column.")
    return Met(f"The signature names {len(subject.record.columns)} input columns.")


def no_leakage(subject: Subject) -> Met | NotMet:
    """No feature that knows the target or the time."""
    suspects = _measured(subject.record.evidence.leak_suspects, "which features may leak")
    if not suspects:
        return Met("No feature seems to know the target or the time.")
    return NotMet(" ".join(f"{s.feature}: {s.explanation.rstrip('.')}." for s in suspects))


def calibrated(subject: Subject) -> Met | NotMet:
    """A classifier's probabilities mean what they say."""
    evidence = subject.record.evidence
    if evidence.task == "regression":
        return Met("Does not apply: a regression gives no probabilities.")
    error = _finite(_measured(evidence.calibration_error, "the calibration error"), "it")
    told = f"The probabilities are {error:.1%} off on average."
    return Met(told) if error <= subject.parameters.calibration_error else NotMet(told)


def latency_budget(subject: Subject) -> Met | NotMet:
    """Fast enough to answer while somebody waits."""
    slow = _finite(_measured(subject.record.evidence.latency_ms_p99, "the latency"), "the latency")
    told = f"99 of 100 one-row predictions took at most {slow:.3g} ms."
    return Met(told) if slow <= subject.parameters.latency_ms_p99 else NotMet(told)


def lineage_complete(subject: Subject) -> Met | NotMet:
    """The version can be traced back and made again."""
    lineage = subject.record.lineage
    missing = [
        what
        for what, present in (
            ("the source", lineage.source_digest),
            ("the data's digest", lineage.data_digest),
            ("the environment lock", lineage.lock_digest),
            ("the platform's version", lineage.platform_version),
            ("who trained it", lineage.trained_by),
        )
        if not present
    ]
    if subject.parameters.require_clean_commit and not lineage.commit:
        missing.append("the commit")
    if missing:
        return NotMet(f"Not recorded: {', '.join(missing)}.")
    state = "with uncommitted changes" if lineage.dirty else "clean"
    commit = f"commit {lineage.commit[:12]} ({state})" if lineage.commit else "no commit"
    if lineage.dirty and subject.parameters.require_clean_commit:
        return NotMet(f"Trained from {commit}.")
    return Met(f"Traced to {commit}, {lineage.data_rows:,} rows of data, source and lock.")


STANDARDS: tuple[Standard, ...] = (
    Standard(
        id="beats-baseline",
        title="Beats the baseline",
        asks="On the test rows, the version is better than a plain linear model, and by more than "
        "chance explains (the 95 % interval of the difference lies above {baseline_margin:g}).",
        why="A model has to be fed, watched and repaired for years. If a straight line does as "
        "well, that is the better model: it costs nothing to run and everybody can read it.",
        fix="Look at the slices for where the baseline wins. Add features that a line cannot use "
        "(interactions, categories, recent history), or more test rows if the interval is wide. "
        "If nothing helps, the data may hold no more than a line can say.",
        environments=_PROD,
        check=beats_baseline,
    ),
    Standard(
        id="beats-live",
        title="Beats the live version",
        asks="On the same test rows, the version is not worse than the live one beyond what chance "
        "explains (the 95 % interval of the difference reaches above -{live_margin:g}).",
        why="Replacing a model has a cost, and the one that serves has proved itself. A metric "
        "from other rows or another month proves nothing: only the same rows compare.",
        fix="Run again so that the comparison is made against what is live now, with test rows "
        "recent enough to be today's traffic. If it still loses, find out what the live version "
        "knows that this one does not: features, data range, parameters (`northstar version "
        "show`).",
        environments=_PROD,
        check=beats_live,
    ),
    Standard(
        id="minimum-data",
        title="Enough data",
        asks="At least {minimum_rows_train:,} rows to train and {minimum_rows_test:,} to test.",
        why="With few rows a model learns the rows and not the rule, and a metric on few test rows "
        "is a guess: the other standards would judge noise.",
        fix="Widen the date range or the data source in northstar.yaml. If there is no more data, "
        "wait for it, or start with a rule that needs none.",
        environments=_BEFORE_PROD,
        check=minimum_data,
    ),
    Standard(
        id="signature-present",
        title="Signature present",
        asks="The model is logged with a signature that names and types its input columns.",
        why="The signature is the contract with every caller. Without it a renamed or retyped "
        "column becomes a wrong prediction instead of an error, and nobody can watch the inputs.",
        fix="Let `northstar run` log the model (it derives the signature), or pass `signature=` or "
        "`input_example=` to mlflow's log_model.",
        environments=_EVERYWHERE,
        check=signature_present,
    ),
    Standard(
        id="no-leakage",
        title="No leakage",
        asks="No single feature knows the target, or tells the time, better than a feature could "
        "that is known at prediction time.",
        why="Such a feature makes the test brilliant and production poor: it is filled in after "
        "the event, or stands for the date. The test cannot show it, because the test leaks too.",
        fix="Ask when the value of the feature is known. If that is after the prediction, take it "
        "out (features.exclude in northstar.yaml) or replace it with its value at prediction time.",
        environments=_BEFORE_PROD,
        check=no_leakage,
    ),
    Standard(
        id="calibrated",
        title="Calibrated",
        asks="A classifier's probabilities are at most {calibration_error:.0%} off on average "
        "(expected calibration error on the test rows).",
        why="People and programs act on the number: a 30 % that happens half the time makes every "
        "threshold and every cost estimate behind it wrong, and the ranking metrics do not see it.",
        fix="Undo class weights and resampling, or calibrate on held-out training rows (scikit-"
        "learn's CalibratedClassifierCV). If only recent rows are off, train on newer data.",
        environments=_PROD,
        check=calibrated,
    ),
    Standard(
        id="latency-budget",
        title="Within the latency budget",
        asks="99 of 100 one-row predictions take at most {latency_ms_p99:g} ms.",
        why="Callers wait for the answer, and a slow model takes the processors of the others at "
        "the same endpoint. Slowness is cheap to see now and expensive to find in production.",
        fix="Use fewer or shallower trees, move heavy feature work out of the model, or use a "
        "flavor with a native runtime (LightGBM, scikit-learn, northstar.linear).",
        environments=_PROD,
        check=latency_budget,
    ),
    Standard(
        id="lineage-complete",
        title="Lineage complete",
        asks="Source, data, environment lock, platform version and trainer are on record.",
        why="When a prediction is questioned a year from now, somebody has to say what made it, "
        "and make it again. A retraining also needs the source to start from.",
        fix="Register through `northstar run`, which records all of it, from a project folder with "
        "a lock file and, better still, a clean commit.",
        environments=_BEFORE_PROD,
        check=lineage_complete,
    ),
)


def _measured(value: _Measured | None, what: str) -> _Measured:
    if value is None:
        raise CannotEvaluate(f"Nobody measured {what}.")
    return value


def _finite(value: float, what: str) -> float:
    if not math.isfinite(value):
        raise CannotEvaluate(f"{what} is not a number.")
    return value


def _interval(metric: Metric, what: str) -> tuple[float, float]:
    low, high = _measured(metric.low, f"how sure {what} is"), _measured(metric.high, "how sure")
    for bound in (metric.value, low, high):
        _finite(bound, what)
    return low, high


def _signed(value: float) -> str:
    return f"{value:+.4f}"
