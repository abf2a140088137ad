"""What inference needs to know of a fitted model, read off its attributes.

The models stand above this package, so they are known here by their attributes alone; that also
makes inference work for a model that was fitted from a stream and keeps no rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from northstar.linear.errors import BadInput
from northstar.linear.inference.distributions import Distribution, Normal, StudentT
from northstar.linear.tables import Features, Floats

INTERCEPT = "intercept"
_NORMAL: Distribution = Normal()


@dataclass(frozen=True)
class Parameters:
    """A fitted model's numbers with what is known of their errors.

    Attributes:
        names: the intercept first, where there is one.
        values: (parameters,).
        covariance: parameters × parameters, of the estimates; with several classes, of each
            class against the average class.
        variance: of the noise of a row of weight 1: ``rss / degrees of freedom`` for least
            squares, 1 where the likelihood fixes it.
        reference: Student's t where the variance was estimated, else normal.
    """

    names: tuple[str, ...]
    values: Floats
    covariance: Floats
    variance: float
    reference: Distribution

    def half_widths(self, level: float) -> Floats:
        """Half the width of each confidence interval, (parameters,)."""
        return critical_value(self.reference, level) * standard_errors(self.covariance)


def read_parameters(model: Any, covariance: Floats | None = None) -> Parameters:
    """The parameters of a fitted model; another covariance, such as a robust one, may replace its.

    Raises ``BadInput`` for a model without a covariance (a lasso, a quantile regression: the usual
    errors are wrong where the data chose the columns or the loss has a corner).
    """
    require_fitted(model)
    unscaled = getattr(model, "unscaled_covariance_", None)
    if unscaled is None and not hasattr(model, "solver_report_"):
        raise BadInput(
            f"This {type(model).__name__} was loaded from a file, which keeps coefficients but "
            "not how sure they are; fit it anew, or look at its summary before it is saved."
        )
    if unscaled is None:
        raise BadInput(
            f"{type(model).__name__} has no standard errors. Fit LinearRegression, Ridge, "
            "LogisticRegression or PoissonRegression, or resample the rows (bootstrap)."
        )
    variance, reference = 1.0, _NORMAL
    if is_least_squares(model):
        dof = model.degrees_of_freedom_
        variance = model.residual_sum_of_squares_ / dof if dof > 0 else np.nan
        reference = StudentT(max(dof, 1))
    scaled = variance * unscaled if covariance is None else covariance
    values = _with_intercept(model)
    if scaled.shape != (len(values), len(values)):
        raise BadInput(f"The covariance has shape {scaled.shape}; {len(values)} squared is needed.")
    if several_classes(model):
        scaled = _against_average_class(scaled, len(model.coef_))
    return Parameters(_parameter_names(model), values, scaled, float(variance), reference)


def require_fitted(model: Any) -> None:
    """Raise the model's own ``NotFitted`` when it has not learnt anything yet."""
    _ = model.n_features_in_


def is_least_squares(model: Any) -> bool:
    """Whether the noise's variance is estimated from residuals."""
    return hasattr(model, "residual_sum_of_squares_")


def several_classes(model: Any) -> bool:
    """Whether the model has a row of coefficients for each of more than two classes."""
    return np.ndim(model.coef_) == 2 and len(model.coef_) > 1


def column_names(model: Any) -> tuple[str, ...]:
    """The columns' names; x1, x2 … where the training table had none."""
    features: Features = model.features_
    return features.names or tuple(f"x{j + 1}" for j in range(features.count))


def read_rows(model: Any, X: Any) -> Floats:
    """A table as the model reads it, rows × columns; raises ``BadInput``."""
    features: Features = model.features_
    return features.read(X, type(model).__name__)


def standard_errors(covariance: Floats) -> Floats:
    """The roots of the diagonal."""
    return np.asarray(np.sqrt(np.maximum(np.diagonal(covariance), 0.0)))


def critical_value(reference: Distribution, level: float) -> float:
    """How many standard errors a two-sided interval reaches; raises ``BadInput``."""
    if not 0.0 < level < 1.0:
        raise BadInput(f"level is {level}; a number between 0 and 1 is needed, such as 0.95.")
    return reference.quantile(0.5 + level / 2.0)


def _against_average_class(covariance: Floats, classes: int) -> Floats:
    """Probabilities do not change when all classes' parameters do alike: only differences count."""
    same = np.kron(np.full((classes, classes), 1.0 / classes), np.eye(len(covariance) // classes))
    differences = np.eye(len(covariance)) - same
    return np.asarray(differences @ covariance @ differences)


def _with_intercept(model: Any) -> Floats:
    coefficients = np.atleast_2d(model.coef_)
    starts = np.atleast_1d(model.intercept_)[:, None] if model.fit_intercept else np.empty((1, 0))
    rows = np.broadcast_to(starts, (len(coefficients), starts.shape[1]))
    return np.hstack([rows, coefficients]).ravel()


def _parameter_names(model: Any) -> tuple[str, ...]:
    names = (*((INTERCEPT,) if model.fit_intercept else ()), *column_names(model))
    if several_classes(model):
        return tuple(f"{label}: {name}" for label in model.classes_ for name in names)
    return names
