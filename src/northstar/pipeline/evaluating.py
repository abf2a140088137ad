"""The evaluate step: everything that the registry is told of a model, measured on the test part."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from pydantic import JsonValue

from northstar.connection import Connection
from northstar.durable import replace_file
from northstar.metrics import Floats
from northstar.monitoring.profile import build_reference
from northstar.pipeline.domain import RunState
from northstar.pipeline.evaluation import EvaluationInputs, EvaluationResult, evaluate
from northstar.pipeline.labels import encode_labels, label_texts
from northstar.pipeline.lineage import make_lineage, template_of
from northstar.pipeline.live import LiveAnswers, ask_live_version
from northstar.pipeline.process import Echo
from northstar.pipeline.registering import MODEL_ARTIFACT
from northstar.pipeline.run_folder import RunFolder
from northstar.pipeline.scoring import Scored, score_model
from northstar.pipeline.tables import Arrays, arrays, column_array, read_table
from northstar.pipeline.tracking import Tracking
from northstar.project.domain import ProjectSpec
from northstar.registry.domain import VersionRegistration

if TYPE_CHECKING:
    import pyarrow as pa


def evaluate_model(
    spec: ProjectSpec,
    project: Path,
    folder: RunFolder,
    state: RunState,
    parameters: dict[str, JsonValue],
    tracking: Tracking,
    connection: Connection,
    say: Callable[[str], None],
    echo: Echo,
) -> str:
    """Measure the run's model and write ``folder.registration``; return a line about it.

    Raises ``ModelUnusable`` for whatever is wrong with the model, ``DataInvalid`` and
    ``EvaluationInvalid`` where the data can't be judged by.
    """
    table = read_table(folder.data)
    target = column_array(table, spec.target)
    labels = None if spec.task == "regression" else label_texts(target)
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(
            copy_context().run,
            ask_live_version,
            spec,
            project,
            folder,
            labels,
            tracking,
            connection,
            say,
            echo,
        )
        scored = score_model(
            folder.model, "candidate", spec.task, labels, project, folder, echo,
            cache=folder.runtime_cache,
        )  # fmt: skip
        live = asked.result()
    truth = encode_labels(target, spec.task, scored.classes, spec.positive)
    result = evaluate(_inputs(spec, folder, table, truth, scored, live))
    registration = _registration(spec, project, folder, state, parameters, table, truth, scored,
                                 result)  # fmt: skip
    replace_file(folder.registration, registration.model_dump_json(indent=2))
    return _line(registration)


def _inputs(
    spec: ProjectSpec,
    folder: RunFolder,
    table: pa.Table,
    truth: Floats,
    scored: Scored,
    live: LiveAnswers | None,
) -> EvaluationInputs:
    in_test = np.load(folder.in_test)
    features = arrays(table, [column.name for column in scored.columns])
    time = column_array(table, spec.data.time_column) if spec.data.time_column else None
    groups = column_array(table, spec.split.column) if spec.split.column else None
    comparable = live if live is not None and live.classes == scored.classes else None
    return EvaluationInputs(
        task=spec.task,
        metric=spec.metric,
        train=_rows(features, ~in_test),
        train_target=truth[~in_test],
        test=_rows(features, in_test),
        test_target=truth[in_test],
        candidate=scored.answers[in_test],
        live=comparable.answers[in_test] if comparable else None,
        live_version=comparable.version if comparable else None,
        train_time=None if time is None else time[~in_test],
        test_time=None if time is None else time[in_test],
        test_groups=None if groups is None else groups[in_test],
        slices=_rows(arrays(table, spec.evaluate.slices), in_test),
    )


def _registration(
    spec: ProjectSpec,
    project: Path,
    folder: RunFolder,
    state: RunState,
    parameters: dict[str, JsonValue],
    table: pa.Table,
    truth: Floats,
    scored: Scored,
    result: EvaluationResult,
) -> VersionRegistration:
    assert state.data is not None  # noqa: S101 - the data step is finished
    median, slowest = scored.latency_ms
    lock = folder.environment.read_text()
    return VersionRegistration(
        squad=spec.squad,
        project=spec.project,
        run_id=state.mlflow_run,
        model_uri=f"runs:/{state.mlflow_run}/{MODEL_ARTIFACT}",
        flavor=scored.flavor,
        task=spec.task,
        columns=scored.columns,
        classes=scored.classes,
        evidence=result.evidence(
            latency_ms_p50=median,
            latency_ms_p99=slowest,
            signature_present=scored.has_signature,
        ),
        lineage=make_lineage(state, state.data, parameters, lock, template_of(project)),
        profile=build_reference(
            arrays(table, [column.name for column in scored.columns]),
            scored.answers,
            truth,
            column_array(table, spec.data.time_column) if spec.data.time_column else None,
            spec.task,
            spec.metric,
            spec.monitoring.window_days,
            held_out=np.load(folder.in_test),
            classes=scored.classes if spec.task == "multiclass" else None,
        ),
        monitoring=spec.monitoring.model_dump(mode="json"),
    )


def _rows(columns: Arrays, rows: NDArray[np.bool_]) -> Arrays:
    return {name: values[rows] for name, values in columns.items()}


def _line(registration: VersionRegistration) -> str:
    evidence = registration.evidence
    metric = evidence.metrics[evidence.primary_metric]
    told = f"{evidence.primary_metric} {metric.value:.4f}"
    if metric.low is not None and metric.high is not None:
        told += f" ({metric.low:.4f} to {metric.high:.4f})"
    if baseline := evidence.baseline.get(evidence.primary_metric):
        told += f", the baseline has {baseline.value:.4f}"
    if evidence.live_version is not None and evidence.live_difference is not None:
        told += f"; {evidence.live_difference.value:+.4f} against live v{evidence.live_version}"
    return told
