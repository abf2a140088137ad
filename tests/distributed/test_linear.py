"""Parts fitted by Ray's workers combine into the fit of the whole."""

from __future__ import annotations

import subprocess
import sys

import pytest

from northstar.distributed.linear import fit_partitions
from northstar.errors import Failed
from northstar.linear import LinearRegression

# In a process of its own: Ray leaves threads and warnings behind.
_BY_RAY = """
import numpy as np, ray
from northstar.distributed.linear import fit_partitions
from northstar.linear import BadInput, LinearRegression, Ridge

ray.init(num_cpus=2, include_dashboard=False, logging_level="ERROR", log_to_driver=False)
rng = np.random.default_rng(7)
X = rng.normal([5.0, 1e6, 0.0], [1.0, 10.0, 1e-3], size=(900, 3))
y, weights = X @ [1.0, -2.0, 300.0] + rng.normal(size=900), rng.exponential(size=900)
cuts = np.array_split(np.arange(900), 11)

def read(rows):
    return lambda: ((X[half], y[half], weights[half]) for half in np.array_split(rows, 2))

for model in (LinearRegression(), Ridge(alpha=3.0)):
    whole = type(model)(**vars(model)).fit(X, y, weights)
    for parts in ([(X[rows], y[rows], weights[rows]) for rows in cuts], map(read, cuts)):
        fitted = fit_partitions(model, parts)
        np.testing.assert_allclose(fitted.coef_, whole.coef_, rtol=1e-9)
        np.testing.assert_allclose(fitted.intercept_, whole.intercept_, rtol=1e-9)
        np.testing.assert_allclose(
            fitted.unscaled_covariance_, whole.unscaled_covariance_, rtol=1e-6
        )
        assert fitted.triangle_.rows == 900
assert not hasattr(model, "coef_")
for wrong, message in (([(X, y[:-1])], "900 rows"), ([], "no batches")):
    try:
        fit_partitions(LinearRegression(), wrong)
    except BadInput as error:
        assert message in str(error), error
    else:
        raise AssertionError(message)
ray.shutdown()
print("done")
"""


def test_workers_give_the_answer_of_one_fit() -> None:
    run = subprocess.run(
        [sys.executable, "-c", _BY_RAY], capture_output=True, text=True, timeout=180
    )
    assert run.stdout.strip().endswith("done"), run.stderr


def test_without_ray_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(Failed, match=r"northstar-mlops\[ray\]"):
        fit_partitions(LinearRegression(), [])
