"""Loading estimators in the formats that MLflow's scikit-learn-like flavors write."""

from __future__ import annotations

import importlib
import pickle
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from northstar.serving.dataplane.runtimes.mlmodel import ModelFolder
from northstar.serving.errors import ModelBroken


@dataclass(frozen=True)
class PickledEstimator:
    """Where a pickled estimator lies and how it was written.

    Attributes:
        code: folder of the squad's own modules that the pickle refers to, if any came along.
    """

    path: Path
    serialization: str
    trusted: tuple[str, ...] = ()
    code: Path | None = None


def find_pickle(folder: ModelFolder, flavor: str, key: str) -> PickledEstimator:
    """The pickle that a flavor of a model folder names; raises ``ModelBroken``."""
    settings = folder.flavors[flavor]
    return PickledEstimator(
        path=folder.data(flavor, key),
        serialization=settings.get("serialization_format") or "cloudpickle",
        trusted=tuple(settings.get("skops_trusted_types") or ()),
        code=folder.data(flavor, "code") if settings.get("code") else None,
    )


def unpickle(source: PickledEstimator) -> Any:
    """Load the estimator; raises ``ModelBroken``.

    Every one of these formats can run code while it loads: the caller must have checked that the
    folder is the one that was registered.
    """
    if source.code is not None and str(source.code) not in sys.path:
        sys.path.append(str(source.code))
    try:
        if source.serialization == "skops":
            skops = importlib.import_module("skops.io")
            return skops.load(source.path, trusted=list(source.trusted))
        loader = importlib.import_module("cloudpickle") if _is_cloud(source) else pickle
        with source.path.open("rb") as file:
            return loader.load(file)
    except Exception as error:
        raise ModelBroken(
            f"{source.path.name} could not be loaded: {type(error).__name__}: {error}.",
            hint="Train it with the library versions that this endpoint has.",
        ) from error


def _is_cloud(source: PickledEstimator) -> bool:
    return source.serialization == "cloudpickle"
