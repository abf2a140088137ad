"""What the models of maximum likelihood share: the solver, and the coefficients' covariance.

The inverse of the second derivative of the negative log likelihood at its minimum is the
coefficients' covariance for many rows (McCullagh and Nelder, *Generalized Linear Models*, section
4.4). With a penalty, that derivative includes it.
"""

from __future__ import annotations

import numpy as np

from northstar.linear.errors import BadInput
from northstar.linear.optimisation.losses import softmax
from northstar.linear.optimisation.minimum import Solver
from northstar.linear.optimisation.newton import Newton
from northstar.linear.optimisation.objective import Objective, gram
from northstar.linear.standardise import Standardised
from northstar.linear.tables import Floats

MOST_PARAMETERS = 1000


def choose_solver(solver: str | Solver, parameters: int) -> tuple[Solver, str]:
    """The solver, and why that one; raises ``BadInput`` for a name that is none."""
    if isinstance(solver, Solver):
        return solver, "it was asked for"
    if solver != "auto":
        raise BadInput(f"solver is {solver!r}; 'auto' or a solver such as Newton() fits.")
    if parameters <= MOST_PARAMETERS:
        return Newton(), "the likelihood bends, and there are few parameters, so few steps suffice"
    return Newton(), "the likelihood bends; of many parameters, conjugate gradients find each step"


def check_strength(name: str, value: float) -> None:
    """Raise ``BadInput`` unless a penalty's strength is a number ≥ 0."""
    if not (isinstance(value, int | float | np.number) and 0 <= value < np.inf):
        raise BadInput(f"{name} is {value!r}; it must be a number, not negative.")


def raw_covariance(table: Standardised, objective: Objective, parameters: Floats) -> Floats | None:
    """The inverse second derivative for the raw columns, the intercept first; see above.

    For several outputs (columns, classes) it is class-major: all parameters of the first class,
    then of the second. ``None`` for more than 1000 parameters.
    """
    if parameters.size > MOST_PARAMETERS:
        return None
    back = _back(table)
    if parameters.ndim == 1:
        hessian = objective.hessian(parameters)
    else:
        hessian = _softmax_hessian(objective, parameters)
        back = np.asarray(np.kron(np.eye(parameters.shape[1]), back), dtype=np.float64)
    return np.asarray(back @ np.linalg.pinv(hessian, hermitian=True) @ back.T)


def _back(table: Standardised) -> Floats:
    """The matrix from standardised parameters to raw ones, the intercept first."""
    count, start = len(table.scales), int(table.intercept)
    back = np.zeros((count + start, count + start))
    back[start:, :count] = np.diag(1.0 / table.scales)
    if table.intercept:
        back[0, :count] = -table.means / table.scales
        back[0, count] = 1.0
    return back


def _softmax_hessian(objective: Objective, parameters: Floats) -> Floats:
    """(classes · columns)², class-major.

    Adding a constant to the scores of all classes changes nothing, so without a penalty it is
    singular; its pseudo-inverse is the covariance of coefficients that sum to 0 over the classes,
    as those of the fit do. Differences between classes do not depend on that choice.
    """
    columns, outputs = parameters.shape
    shares = softmax(objective.matrix @ parameters)
    hessian = np.empty((outputs, columns, outputs, columns))
    for k in range(outputs):
        for m in range(k + 1):
            if k == m:
                weights = objective.weights * shares[:, k] * (1.0 - shares[:, k])
                block = gram(objective.matrix, weights) + np.diag(objective.penalties)
            else:
                block = -gram(objective.matrix, objective.weights * shares[:, k] * shares[:, m])
            hessian[k, :, m, :] = hessian[m, :, k, :] = block
    return hessian.reshape(outputs * columns, outputs * columns)
