"""Which runtime loads a model folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from northstar.registry.domain import Task
from northstar.serving.dataplane.runtimes import lightgbm, linear, pyfunc, sklearn
from northstar.serving.dataplane.runtimes.interface import Runtime
from northstar.serving.dataplane.runtimes.mlmodel import read_model_folder
from northstar.serving.errors import ModelBroken

FLAVORS = ("lightgbm", "northstar.linear", "sklearn", "python_function")
"""Flavors that are served, the fastest first."""


def prepare_model(model_folder: Path, flavor: str, cache: Path) -> None:
    """Make the conversions that ``load_runtime`` with this ``cache`` would make; may take seconds.

    Raises ``ModelBroken``.
    """
    if flavor == "lightgbm":
        lightgbm.prepare(read_model_folder(model_folder), cache)


def load_runtime(
    model_folder: Path,
    *,
    flavor: str | None = None,
    task: Task | None = None,
    classes: Sequence[str] | None = None,
    cache: Path | None = None,
) -> Runtime:
    """Load an MLflow model folder with the fastest runtime that understands it.

    Args:
        model_folder: a folder with an ``MLmodel`` file, whose content the caller vouches for:
            loading a pickle runs code.
        flavor: one of ``FLAVORS``, to insist on it.
        task: what a pyfunc predicts (default regression); others know it themselves.
        classes: the labels of a pyfunc classifier.
        cache: a folder of this one model's own, for conversions that need not be made twice.

    Raises:
        ModelBroken: no such flavor, or it cannot be loaded.
    """
    folder = read_model_folder(model_folder)
    offered = [name for name in FLAVORS if name in folder.flavors]
    if flavor is not None and flavor not in offered:
        raise ModelBroken(
            f"{model_folder} has no flavor {flavor!r} that is served; it has "
            f"{', '.join(sorted(folder.flavors))}."
        )
    chosen = flavor or next(iter(offered), None)
    if chosen == "lightgbm":
        return lightgbm.load(folder, cache)
    if chosen == "northstar.linear":
        return linear.load(folder)
    if chosen == "sklearn":
        return sklearn.load(folder)
    if chosen == "python_function":
        return pyfunc.load(folder, task or "regression", tuple(classes) if classes else None)
    raise ModelBroken(
        f"{model_folder} has no flavor that is served ({', '.join(FLAVORS)}); it has "
        f"{', '.join(sorted(folder.flavors))}."
    )
