"""Calibration error: small for honest probabilities, the gap for dishonest ones."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from northstar.pipeline.evaluation import calibration_error


@given(st.integers(0, 2**32 - 1), st.integers(1, 3000))
@settings(deadline=None, max_examples=30)
def test_the_order_of_rows_does_not_matter(seed: int, rows: int) -> None:
    rng = np.random.default_rng(seed)
    chance = np.round(rng.random(rows), 2)
    truth, order = (rng.random(rows) < chance).astype(float), rng.permutation(rows)
    straight = calibration_error(truth, chance)
    assert calibration_error(truth[order], chance[order]) == pytest.approx(straight, abs=1e-12)
    assert 0 <= straight <= 1


@pytest.mark.parametrize("rows", [200, 2_000, 50_000])
def test_honest_probabilities_are_calibrated(rows: int) -> None:
    rng = np.random.default_rng(1)
    chance = rng.beta(1, 4, rows)
    truth = (rng.random(rows) < chance).astype(float)
    assert calibration_error(truth, chance) < 0.09
    assert calibration_error(truth, np.sqrt(chance)) > 0.15


def test_a_constant_is_off_by_its_distance_from_the_rate() -> None:
    truth = np.array([1.0, 0.0, 0.0, 0.0])
    assert calibration_error(truth, np.full(4, 0.75)) == pytest.approx(0.5)


def test_of_several_classes_the_winner_counts() -> None:
    sure = np.tile([0.1, 0.8, 0.1], (1000, 1))
    truth = np.where(np.arange(1000) % 2, 1.0, 2.0)
    assert calibration_error(truth, sure) == pytest.approx(0.3)
