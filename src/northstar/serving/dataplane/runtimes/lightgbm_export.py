"""A process that turns a pickled LightGBM estimator into LightGBM's own text format.

Unpickling needs lightgbm, scikit-learn and pandas (a second of import and 150 MB); it happens
here, once for each version, so that the endpoint itself never imports them.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from northstar.serving.dataplane.runtimes.pickles import PickledEstimator, unpickle
from northstar.serving.errors import ModelBroken

_TIMEOUT_SECONDS = 120.0


def export_estimator(source: PickledEstimator, target: Path) -> None:
    """Write ``target`` (model text) and beside it a ``.json`` (classes) from a pickled estimator.

    Works in a process of its own, unless this one has lightgbm already; raises ``ModelBroken``.
    """
    if "lightgbm" in sys.modules:
        _export(source, target)
        return
    order = {
        "path": str(source.path),
        "serialization": source.serialization,
        "trusted": source.trusted,
        "code": None if source.code is None else str(source.code),
        "target": str(target),
    }
    try:
        done = subprocess.run(
            [sys.executable, "-m", __name__],
            input=json.dumps(order),
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise ModelBroken(
            f"{source.path.name} took over {_TIMEOUT_SECONDS:.0f} s to load."
        ) from error
    if done.returncode != 0:
        reason = done.stderr.strip() or f"exit code {done.returncode}"
        raise ModelBroken(f"{source.path.name} could not be exported: {reason[-500:]}")


def _export(source: PickledEstimator, target: Path) -> None:
    model = unpickle(source)
    booster = getattr(model, "booster_", model)
    if not hasattr(booster, "model_to_string"):
        raise ModelBroken(
            f"{source.path.name} holds a {type(model).__name__}, not a LightGBM model."
        )
    classes = getattr(model, "classes_", None)
    names = None if classes is None else [str(name) for name in classes]
    target.with_suffix(".json").write_text(json.dumps({"classes": names}))
    target.write_text(booster.model_to_string())


def _main() -> int:
    order = json.load(sys.stdin)
    source = PickledEstimator(Path(order["path"]), order["serialization"])
    code = Path(order["code"]) if order["code"] else None
    try:
        _export(replace(source, trusted=tuple(order["trusted"]), code=code), Path(order["target"]))
    except ModelBroken as error:
        sys.stderr.write(error.message)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(_main())
