"""Linear models from first principles, made of NumPy alone.

Start reading at ``least_squares`` (QR), then ``losses`` and ``objective`` (what is minimised), then
``newton`` and ``gradient_descent`` (how). The estimators follow scikit-learn's conventions.
"""

from northstar.linear.errors import BadInput, NotConverged, NotFitted
from northstar.linear.gradient_descent import GradientDescent
from northstar.linear.least_squares.triangle import Triangle
from northstar.linear.logistic import LogisticRegression
from northstar.linear.losses import LogisticLoss, Loss, SoftmaxLoss, SquaredLoss
from northstar.linear.minimum import Minimum, Step
from northstar.linear.model_folder import (
    load_model,
    model_from_json,
    model_to_json,
    save_model,
)
from northstar.linear.models.regression import LinearRegression, Ridge
from northstar.linear.newton import Newton
from northstar.linear.objective import Objective
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
