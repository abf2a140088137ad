"""What scikit-learn asks of a foreign estimator, answered without importing scikit-learn.

Only scikit-learn itself asks, so it is loaded when it does; a process without it never gets here.
"""

from __future__ import annotations

import sys
from typing import Any, Literal

from northstar.linear.errors import NotFitted


def estimator_tags(kind: Literal["classifier", "regressor"], *, positive_target: bool) -> Any:
    """``sklearn.utils.Tags`` of one of our estimators."""
    utils = sys.modules["sklearn.utils"]
    return utils.Tags(
        estimator_type=kind,
        target_tags=utils.TargetTags(required=True, positive_only=positive_target),
        classifier_tags=utils.ClassifierTags() if kind == "classifier" else None,
        regressor_tags=utils.RegressorTags() if kind == "regressor" else None,
        input_tags=utils.InputTags(),
    )


def not_fitted(message: str) -> NotFitted:
    """Our error; where scikit-learn is loaded, its ``NotFittedError`` as well."""
    theirs = getattr(sys.modules.get("sklearn.exceptions"), "NotFittedError", None)
    if theirs is None:
        return NotFitted(message)
    error: NotFitted = type("NotFitted", (NotFitted, theirs), {})(message)
    return error
