"""Linear models from first principles, made of NumPy alone.

Start reading at ``least_squares`` (QR), then in ``optimisation`` at ``losses``, ``penalties`` and
``objective`` (what is minimised), then ``newton`` and ``gradient_descent`` (how). The estimators,
in ``models``, follow scikit-learn's conventions.
"""

from northstar.linear.errors import BadInput, NotConverged, NotFitted
from northstar.linear.inference.diagnosis import Finding, diagnose
from northstar.linear.inference.influence import Influence, influence, robust_covariance
from northstar.linear.inference.intervals import (
    Intervals,
    contrasts,
    mean_interval,
    prediction_interval,
)
from northstar.linear.inference.plots import convergence_plot, residual_plots
from northstar.linear.inference.summaries import Summary, confidence_intervals, summary
from northstar.linear.least_squares.triangle import Triangle
from northstar.linear.model_folder import (
    Model,
    load_model,
    model_from_json,
    model_to_json,
    save_model,
)
from northstar.linear.models.logistic import LogisticRegression
from northstar.linear.models.penalised import ElasticNet, ElasticNetPath, Lasso, elastic_net_path
from northstar.linear.models.poisson import PoissonRegression
from northstar.linear.models.regression import LinearRegression, Ridge
from northstar.linear.models.robust import HuberRegression, QuantileRegression
from northstar.linear.optimisation.coordinate_descent import CoordinateDescent
from northstar.linear.optimisation.fista import Fista
from northstar.linear.optimisation.gradient_descent import GradientDescent
from northstar.linear.optimisation.interior_point import FrischNewton
from northstar.linear.optimisation.losses import (
    HuberLoss,
    LogisticLoss,
    Loss,
    PoissonLoss,
    ProximalLoss,
    QuantileLoss,
    SoftmaxLoss,
    SquaredLoss,
)
from northstar.linear.optimisation.minimum import Minimum, PenalisedSolver, Solver, Step
from northstar.linear.optimisation.newton import Newton
from northstar.linear.optimisation.objective import Objective
from northstar.linear.optimisation.penalties import ElasticNetPenalty, L1Penalty, L2Penalty, Penalty
from northstar.linear.optimisation.quadratic import Quadratic
from northstar.linear.optimisation.schedules import (
    Constant,
    Cosine,
    ExponentialDecay,
    InverseTime,
    Schedule,
    StepDecay,
)
from northstar.linear.optimisation.stochastic import StochasticGradientDescent
from northstar.linear.optimisation.updates import Adam, Momentum, Nesterov, Plain, Update
from northstar.linear.solver_report import SolverReport

__all__ = [
    "Adam",
    "BadInput",
    "Constant",
    "CoordinateDescent",
    "Cosine",
    "ElasticNet",
    "ElasticNetPath",
    "ElasticNetPenalty",
    "ExponentialDecay",
    "Finding",
    "Fista",
    "FrischNewton",
    "GradientDescent",
    "HuberLoss",
    "HuberRegression",
    "Influence",
    "Intervals",
    "InverseTime",
    "L1Penalty",
    "L2Penalty",
    "Lasso",
    "LinearRegression",
    "LogisticLoss",
    "LogisticRegression",
    "Loss",
    "Minimum",
    "Model",
    "Momentum",
    "Nesterov",
    "Newton",
    "NotConverged",
    "NotFitted",
    "Objective",
    "PenalisedSolver",
    "Penalty",
    "Plain",
    "PoissonLoss",
    "PoissonRegression",
    "ProximalLoss",
    "Quadratic",
    "QuantileLoss",
    "QuantileRegression",
    "Ridge",
    "Schedule",
    "SoftmaxLoss",
    "Solver",
    "SolverReport",
    "SquaredLoss",
    "Step",
    "StepDecay",
    "StochasticGradientDescent",
    "Summary",
    "Triangle",
    "Update",
    "confidence_intervals",
    "contrasts",
    "convergence_plot",
    "diagnose",
    "elastic_net_path",
    "influence",
    "load_model",
    "mean_interval",
    "model_from_json",
    "model_to_json",
    "prediction_interval",
    "residual_plots",
    "robust_covariance",
    "save_model",
    "summary",
]
