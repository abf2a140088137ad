"""The whole evaluation of a candidate: from predictions on the test part to evidence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from numpy.typing import ArrayLike, NDArray

from northstar.metrics import METRICS, Floats
from northstar.pipeline.evaluation.baseline import Baseline, fit_baseline
from northstar.pipeline.evaluation.bootstrap import Replicates, Resampling, replicate
from northstar.pipeline.evaluation.calibration import calibration_error
from northstar.pipeline.evaluation.clocks import find_clocks
from northstar.pipeline.evaluation.columns import Table, read_columns
from northstar.pipeline.evaluation.errors import EvaluationInvalid
from northstar.pipeline.evaluation.forms import metric_names, read_prediction, read_target
from northstar.pipeline.evaluation.slices import measure_slices
from northstar.pipeline.evaluation.target_leaks import find_target_leaks
from northstar.registry.domain import Evidence, LeakSuspect, Metric, SliceResult, Task

_COEFFICIENTS_KEPT = 30


@dataclass(frozen=True, kw_only=True)
class EvaluationInputs:
    """What an evaluation goes by. Targets and predictions have the forms of ``northstar.metrics``.

    Attributes:
        metric: the primary one, by which models are compared.
        train: the features that the candidate learnt from, by column, without target and time.
        train_target: (rows,).
        test: the same columns of the test part, which the candidate never saw.
        test_target: (rows,).
        candidate: its predictions of the test part.
        live: those of the live version, of the same rows; ``None`` if nothing is live.
        live_version: its number.
        train_time, test_time: when each row happened, if known; features are then looked through
            for clocks.
        test_groups: which test rows belong together, if the split was by group; intervals then
            count groups instead of rows.
        slices: columns of the test part by whose values the primary metric is shown.
        resampling: how intervals are computed.
    """

    task: Task
    metric: str
    train: Table
    train_target: ArrayLike
    test: Table
    test_target: ArrayLike
    candidate: ArrayLike
    live: ArrayLike | None = None
    live_version: int | None = None
    train_time: NDArray[Any] | None = None
    test_time: NDArray[Any] | None = None
    test_groups: NDArray[Any] | None = None
    slices: Mapping[str, Any] = field(default_factory=dict)
    resampling: Resampling = field(default_factory=Resampling)


@dataclass(frozen=True, kw_only=True)
class EvaluationResult:
    """What an evaluation found; the fields are ``Evidence``'s, and ``evidence`` completes them.

    Attributes:
        baseline_model: the linear baseline that was fitted, to keep with the run.
    """

    task: Task
    primary_metric: str
    rows_train: int
    rows_test: int
    metrics: dict[str, Metric]
    baseline: dict[str, Metric]
    baseline_difference: Metric | None
    live_version: int | None
    live_difference: Metric | None
    calibration_error: float | None
    leak_suspects: list[LeakSuspect]
    slices: list[SliceResult]
    baseline_model: Baseline

    def evidence(
        self,
        *,
        latency_ms_p50: float | None,
        latency_ms_p99: float | None,
        signature_present: bool,
    ) -> Evidence:
        """The evidence of a version, with what evaluation cannot know added."""
        learnt = self.baseline_model.effects
        return Evidence(
            task=self.task,
            primary_metric=self.primary_metric,
            higher_is_better=METRICS[self.primary_metric].higher_is_better,
            rows_train=self.rows_train,
            rows_test=self.rows_test,
            metrics=self.metrics,
            baseline=self.baseline,
            baseline_difference=self.baseline_difference,
            baseline_coefficients=list(learnt[:_COEFFICIENTS_KEPT]),
            baseline_coefficients_left_out=max(0, len(learnt) - _COEFFICIENTS_KEPT),
            live_version=self.live_version,
            live_difference=self.live_difference,
            calibration_error=self.calibration_error,
            leak_suspects=self.leak_suspects,
            latency_ms_p50=latency_ms_p50,
            latency_ms_p99=latency_ms_p99,
            slices=self.slices,
            signature_present=signature_present,
        )


def evaluate(inputs: EvaluationInputs) -> EvaluationResult:
    """Measure a candidate against the truth, the baseline and the live version on the test part.

    All metrics of the task are measured; one that the rows do not define (such as R² of a constant
    target) is left out. The same inputs give the same result.

    Raises ``EvaluationInvalid`` for targets and predictions that cannot be evaluated, and if the
    primary metric is not one of the task's or not defined on the test part.
    """
    task, names = inputs.task, _checked_names(inputs)
    train_target = read_target(inputs.train_target, task, "The training target")
    truth = read_target(inputs.test_target, task, "The test target")
    classes = int(max(train_target.max(), truth.max())) + 1
    predictions = _predictions(inputs, len(truth), classes)
    candidate = predictions["candidate"]
    # Read once, for the baseline as for both searches of suspects.
    inputs = replace(
        inputs,
        train=read_columns(inputs.train, len(train_target)),
        test=read_columns(inputs.test, len(truth)),
    )
    model = fit_baseline(
        inputs.train,
        train_target,
        task,
        classes=candidate.shape[-1] if task == "multiclass" else None,
        seed=inputs.resampling.seed,
    )
    predictions["baseline"] = model.predict(inputs.test)
    wanted = {each: [inputs.metric] if each == "live" else names for each in predictions}
    found = replicate(task, truth, predictions, wanted, inputs.resampling, inputs.test_groups)
    metrics = _metrics(found, "candidate", names)
    if inputs.metric not in metrics:
        raise EvaluationInvalid(
            f"{inputs.metric} is not defined on the {len(truth)} rows of the test part.",
            hint="Give the test part more rows, in which the target takes more than one value.",
        )
    compared = "live" in predictions
    return EvaluationResult(
        task=task,
        primary_metric=inputs.metric,
        rows_train=len(train_target),
        rows_test=len(truth),
        metrics=metrics,
        baseline=_metrics(found, "baseline", names),
        baseline_difference=found.difference("candidate", "baseline", inputs.metric),
        live_version=inputs.live_version if compared else None,
        live_difference=found.difference("candidate", "live", inputs.metric) if compared else None,
        calibration_error=None if task == "regression" else calibration_error(truth, candidate),
        leak_suspects=_leak_suspects(inputs, train_target),
        slices=measure_slices(
            task, inputs.metric, truth, candidate, inputs.slices, inputs.resampling
        ),
        baseline_model=model,
    )


def _checked_names(inputs: EvaluationInputs) -> list[str]:
    names = metric_names(inputs.task)
    if inputs.metric not in names:
        raise EvaluationInvalid(
            f"{inputs.metric!r} is not a metric of {inputs.task}.",
            hint=f"Use one of {', '.join(names)}.",
        )
    return names


def _predictions(inputs: EvaluationInputs, rows: int, classes: int) -> dict[str, Floats]:
    given = {"candidate": (inputs.candidate, "The candidate")}
    if inputs.live is not None:
        given["live"] = (inputs.live, f"The live version v{inputs.live_version}")
    return {
        name: read_prediction(prediction, inputs.task, rows, classes, what)
        for name, (prediction, what) in given.items()
    }


def _metrics(found: Replicates, model: str, names: list[str]) -> dict[str, Metric]:
    measured = {name: found.metric(model, name) for name in names}
    return {name: metric for name, metric in measured.items() if metric is not None}


def _leak_suspects(inputs: EvaluationInputs, train_target: Floats) -> list[LeakSuspect]:
    seed = inputs.resampling.seed
    suspects = find_target_leaks(inputs.train, train_target, inputs.task, seed=seed)
    if inputs.train_time is not None and inputs.test_time is not None:
        suspects += find_clocks(
            inputs.train, inputs.test, inputs.train_time, inputs.test_time, seed=seed
        )
    return suspects
