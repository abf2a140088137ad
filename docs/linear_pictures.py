"""The pictures of ``explanation/linear-models.md``, drawn by the code that the page explains."""

from __future__ import annotations

from typing import Any

import numpy as np

from northstar.linear import (
    GradientDescent,
    LinearRegression,
    LogisticRegression,
    Nesterov,
    Newton,
    convergence_plot,
    elastic_net_path,
    mean_interval,
    prediction_interval,
    residual_plots,
)
from northstar.linear.inference.svg import Line, Panel, Points, render
from northstar.linear.optimisation.losses import HuberLoss, LogisticLoss, QuantileLoss, SquaredLoss


def pictures() -> dict[str, str]:
    """SVG texts by file name; the same on every run."""
    return {
        "least-squares.svg": _least_squares(),
        "losses.svg": _losses(),
        "convergence.svg": _convergence(),
        "path.svg": _path(),
        "residuals.svg": _residuals(),
    }


def _least_squares() -> str:
    rng = np.random.default_rng(4)
    x = rng.uniform(0.0, 10.0, 40)
    y = 3.0 + 0.8 * x + rng.normal(0.0, 1.2, 40)
    model = LinearRegression().fit(x[:, None], y)
    grid = np.linspace(-1.0, 13.0, 60)
    mean, single = mean_interval(model, grid[:, None]), prediction_interval(model, grid[:, None])
    line = Panel(
        "A line, and how sure it is",
        "x",
        "y",
        [
            Points(x, y),
            Line(grid, mean.prediction, "fit"),
            Line(grid, mean.low, "mean", "dashed", 2),
            Line(grid, mean.high, "", "dashed", 2),
            Line(grid, single.low, "new outcome", "dashed", 3),
            Line(grid, single.high, "", "dashed", 3),
        ],
    )
    slopes = np.linspace(0.3, 1.3, 60)
    centred = x - x.mean()
    costs = [np.square(y - y.mean() - slope * centred).sum() for slope in slopes]
    bowl = Panel(
        "What is minimised, and the fit",
        "slope",
        "sum of squared residuals",
        [
            Line(slopes, np.array(costs), colour=0),
            Points(model.coef_, np.array([model.residual_sum_of_squares_]), 1),
        ],
    )
    return render([line, bowl])


def _losses() -> str:
    errors = np.linspace(-3.0, 3.0, 121)
    zeros = np.zeros_like(errors)
    values = Panel(
        "Losses of a value",
        "prediction − outcome",
        "loss",
        [
            Line(errors, SquaredLoss().values(errors, zeros), "squared", colour=0),
            Line(errors, HuberLoss().values(errors, zeros), "Huber"),
            Line(errors, QuantileLoss(0.9).values(errors, zeros), "quantile 0.9", colour=2),
        ],
    )
    scores = np.linspace(-5.0, 5.0, 121)
    classes = Panel(
        "Loss of a class",
        "score (log odds of 1)",
        "negative log likelihood",
        [
            Line(scores, LogisticLoss().values(scores, np.ones(121)), "outcome 1", colour=0),
            Line(scores, LogisticLoss().values(scores, np.zeros(121)), "outcome 0"),
        ],
    )
    return render([values, classes])


def _convergence() -> str:
    rng = np.random.default_rng(1)
    X = rng.normal(size=(400, 6))
    X[:, 1] = X[:, 0] + 0.3 * X[:, 1]
    y = rng.logistic(size=400) < X @ [1.0, -1.0, 0.5, 0.5, 0.0, 0.0]
    solvers: dict[str, Any] = {
        "plain": GradientDescent(tolerance=1e-5),
        "Nesterov": GradientDescent(tolerance=1e-5, update=Nesterov()),
        "Newton": Newton(),
    }
    fitted = {
        name: LogisticRegression(l2=0.1, solver=solver).fit(X, y)
        for name, solver in solvers.items()
    }
    return convergence_plot(fitted)


def _path() -> str:
    rng = np.random.default_rng(2)
    X = rng.normal(size=(120, 6))
    X[:, 5] = X[:, 0] + 0.2 * X[:, 5]
    y = X @ [2.0, -1.5, 1.0, 0.0, 0.0, 0.0] + rng.normal(size=120)
    panels = []
    for title, ratio in (("Lasso", 1.0), ("Elastic net, l1_ratio = 0.3", 0.3)):
        path = elastic_net_path(X, y, l1_ratio=ratio, alphas=60)
        strength = -np.log10(path.alphas)
        marks = [
            Line(strength, path.coefs[j], f"x{j + 1}" if j < 5 else "", colour=j % 5)
            for j in range(5)
        ]
        twin = Line(strength, path.coefs[5], "x6", "dashed", 0)
        panels.append(Panel(title, "−log₁₀ alpha (weaker →)", "coefficient", [*marks, twin]))
    return render(panels)


def _residuals() -> str:
    rng = np.random.default_rng(5)
    X = rng.normal(size=(240, 3))
    score = X @ [1.0, 2.0, 0.5]
    y = score + 0.15 * score**2 + rng.normal(size=240) * np.exp(0.25 * score)
    X[7], y[7] = [4.0, 3.0, -3.0], -9.0
    return residual_plots(LinearRegression().fit(X, y), X, y)
