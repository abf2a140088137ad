"""Linear models from first principles, made of NumPy alone.

Start reading at ``least_squares`` (QR), then ``losses`` and ``objective`` (what is minimised), then
``newton`` and ``gradient_descent`` (how). The estimators follow scikit-learn's conventions.
"""

from northstar.linear.errors import BadInput, NotConverged, NotFitted
from northstar.linear.least_squares.triangle import Triangle
from northstar.linear.model_folder import (
    load_model,
    model_from_json,
    model_to_json,
    save_model,
)
from northstar.linear.models.logistic import LogisticRegression
from northstar.linear.models.regression import LinearRegression, Ridge
from northstar.linear.optimisation.gradient_descent import GradientDescent
from northstar.linear.optimisation.losses import LogisticLoss, Loss, SoftmaxLoss, SquaredLoss
from northstar.linear.optimisation.minimum import Minimum, Step
from northstar.linear.optimisation.newton import Newton
from northstar.linear.optimisation.objective import Objective
from northstar.linear.solver_report import SolverReport

__all__ = [
    "BadInput",
    "GradientDescent",
    "LinearRegression",
    "LogisticLoss",
    "LogisticRegression",
    "Loss",
    "Minimum",
    "Newton",
    "NotConverged",
    "NotFitted",
    "Objective",
    "Ridge",
    "SoftmaxLoss",
    "SolverReport",
    "SquaredLoss",
    "Step",
    "Triangle",
    "load_model",
    "model_from_json",
    "model_to_json",
    "save_model",
]
