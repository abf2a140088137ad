"""The train step: run the squad's code on the training part, and find the model that it leaves.

The code runs in a process of its own. What it is told, in variables of its environment:

``NORTHSTAR_TRAIN_DATA``   the training part: Parquet, or CSV where ``train.data_format`` says so
``NORTHSTAR_TARGET``       the column to predict
``NORTHSTAR_OUTPUT``       a folder in which a model may be left
``NORTHSTAR_PARAMETERS``   a JSON file with the parameters
``MLFLOW_…``               where the real MLflow client logs to

A command leaves a model in one of these ways, looked for in this order: an MLflow model folder in
the output folder; one model file there (``.pkl``, ``.joblib``, or LightGBM's ``.txt`` or ``.lgb``);
an MLflow model that it logged, for example by ``mlflow.autolog()``.
"""

from __future__ import annotations

import json
import re
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import JsonValue

from northstar.pipeline.domain import TrainFacts
from northstar.pipeline.errors import ModelUnusable, ScriptFailed
from northstar.pipeline.process import Child, Echo, python_environment, run_child
from northstar.pipeline.run_folder import RunFolder
from northstar.pipeline.split import train_data_for
from northstar.pipeline.tracking import Tracking
from northstar.project.domain import ProjectSpec

_MODEL_FILES = (".pkl", ".pickle", ".joblib", ".txt", ".lgb")
_PACKAGING_SECONDS = 300.0


def train_model(
    spec: ProjectSpec,
    project: Path,
    folder: RunFolder,
    parameters: Mapping[str, JsonValue],
    tracking: Tracking,
    mlflow_run: str,
    echo: Echo,
) -> TrainFacts:
    """Train, and leave the model in ``folder.model`` as an MLflow model folder.

    Raises ``ScriptFailed`` where the squad's code failed, ``ModelUnusable`` where it left none.
    """
    for left_over in (folder.output, folder.model, folder.work):
        shutil.rmtree(left_over, ignore_errors=True)
        left_over.parent.mkdir(parents=True, exist_ok=True)
    folder.output.mkdir()
    folder.work.mkdir()
    environment = {
        **python_environment(project),
        **tracking.environment(mlflow_run),
        **_contract(spec, folder, parameters),
    }
    if spec.train.function is not None:
        return _train_function(spec, project, folder, parameters, environment, echo)
    seconds = _train_command(spec, project, folder, parameters, environment, echo)
    found = _find_model(spec, project, folder, tracking, mlflow_run, echo)
    return TrainFacts(seconds=seconds, found=found)


def fill_in(words: list[str], values: Mapping[str, str]) -> list[str]:
    """Replace ``{NAME}`` in a command's words."""
    return [re.sub(r"\{(\w+)\}", lambda match: values[match[1]], word) for word in words]


def _contract(
    spec: ProjectSpec, folder: RunFolder, parameters: Mapping[str, JsonValue]
) -> dict[str, str]:
    file = folder.path / "parameters.json"
    file.write_text(json.dumps(dict(parameters), indent=2))
    return {
        "NORTHSTAR_TRAIN_DATA": str(train_data_for(spec, folder)),
        "NORTHSTAR_TARGET": spec.target,
        "NORTHSTAR_OUTPUT": str(folder.output),
        "NORTHSTAR_PARAMETERS": str(file),
    }


def _train_function(
    spec: ProjectSpec,
    project: Path,
    folder: RunFolder,
    parameters: Mapping[str, JsonValue],
    environment: Mapping[str, str],
    echo: Echo,
) -> TrainFacts:
    half = folder.work / "model"
    child = _python_child(
        f"The training function {spec.train.function}",
        "train_function",
        {
            "function": spec.train.function,
            "train_data": str(folder.train),
            "target": spec.target,
            "parameters": dict(parameters),
            "project": str(project.resolve()),
            "model": str(half),
            "cache": str(folder.runtime_cache),
        },
        project,
        folder,
        environment,
        spec.train.timeout_seconds,
    )
    seconds = run_child(child, echo)
    half.rename(folder.model)
    return TrainFacts(seconds=seconds, found=f"what {spec.train.function} returned")


def _train_command(
    spec: ProjectSpec,
    project: Path,
    folder: RunFolder,
    parameters: Mapping[str, JsonValue],
    environment: Mapping[str, str],
    echo: Echo,
) -> float:
    values = {name: _word(value) for name, value in parameters.items()} | {
        "train_data": environment["NORTHSTAR_TRAIN_DATA"],
        "target": environment["NORTHSTAR_TARGET"],
        "output": environment["NORTHSTAR_OUTPUT"],
        "parameters": environment["NORTHSTAR_PARAMETERS"],
    }
    child = Child(
        what="The training command",
        command=fill_in(spec.train.words, values),
        folder=project,
        environment=environment,
        log=folder.log("train"),
        timeout_seconds=spec.train.timeout_seconds,
    )
    return run_child(child, echo)


def _find_model(
    spec: ProjectSpec,
    project: Path,
    folder: RunFolder,
    tracking: Tracking,
    mlflow_run: str,
    echo: Echo,
) -> str:
    half = folder.work / "model"
    if left := _model_folder(folder.output):
        shutil.copytree(left, half)
        found = f"the model folder {left.relative_to(folder.path)}"
    elif file := _model_file(folder.output):
        _package(spec, file, half, project, folder, echo)
        found = f"the model file {file.relative_to(folder.path)}"
    elif name := tracking.download_logged_model(mlflow_run, half):
        found = f"the MLflow model {name!r} that the command logged"
    else:
        raise ModelUnusable(
            "The training command ended well but left no model.",
            hint="Log one with MLflow (mlflow.autolog() does), or write model.pkl, model.joblib "
            f"or LightGBM's model.txt to $NORTHSTAR_OUTPUT. Its log: {folder.log('train')}",
        )
    half.rename(folder.model)
    return found


def _model_folder(output: Path) -> Path | None:
    found = sorted(path.parent for path in output.rglob("MLmodel"))
    if len(found) > 1:
        raise ModelUnusable(
            f"The training command left {len(found)} model folders: "
            + ", ".join(str(path.relative_to(output)) for path in found)
            + ".",
            hint="Leave one in $NORTHSTAR_OUTPUT.",
        )
    return found[0] if found else None


def _model_file(output: Path) -> Path | None:
    found = sorted(p for p in output.iterdir() if p.suffix in _MODEL_FILES and p.is_file())
    named = [path for path in found if path.stem == "model"] or found
    if len(named) > 1:
        raise ModelUnusable(
            f"The training command left {len(named)} files that may be the model: "
            + ", ".join(path.name for path in named)
            + ".",
            hint="Call the model 'model', for example model.pkl.",
        )
    return named[0] if named else None


def _package(
    spec: ProjectSpec, file: Path, target: Path, project: Path, folder: RunFolder, echo: Echo
) -> None:
    child = _python_child(
        f"Reading {file.name}",
        "package_file",
        {
            "file": str(file),
            "train_data": str(folder.train),
            "target": spec.target,
            "project": str(project.resolve()),
            "model": str(target),
            "cache": str(folder.runtime_cache),
        },
        project,
        folder,
        python_environment(project),
        _PACKAGING_SECONDS,
    )
    try:
        run_child(child, echo)
    except ScriptFailed as error:
        raise ModelUnusable(error.message, hint=error.hint) from error


def _python_child(
    what: str,
    program: str,
    order: Mapping[str, Any],
    project: Path,
    folder: RunFolder,
    environment: Mapping[str, str],
    timeout_seconds: float,
) -> Child:
    file = folder.work / f"{program}.json"
    file.write_text(json.dumps(order))
    return Child(
        what=what,
        command=[sys.executable, "-m", f"northstar.pipeline.children.{program}", str(file)],
        folder=project,
        environment=environment,
        log=folder.log("train"),
        timeout_seconds=timeout_seconds,
    )


def _word(value: JsonValue) -> str:
    return value if isinstance(value, str) else json.dumps(value)
