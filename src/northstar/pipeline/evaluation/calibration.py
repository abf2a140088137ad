"""Whether probabilities mean what they say."""

from __future__ import annotations

import numpy as np

from northstar.metrics import Floats, classes_of

_MOST_BINS = 15
_ROWS_A_BIN = 100


def calibration_error(truth: Floats, prediction: Floats) -> float:
    """Expected calibration error over bins of equal mass, from 0 (calibrated) to 1.

    Rows are sorted into bins by probability; in each, the mean probability is compared with the
    share that came true, and the gaps are averaged by rows. Bins of equal mass need no rows where
    there are none (Nixon et al. 2019, "Measuring calibration in deep learning"). There are at most
    15, of 100 rows or more each, since a bin's share is noisy and the noise only ever adds.

    With several classes, it is the winning class's probability that is compared with how often it
    wins rightly (Guo et al. 2017). Equal probabilities share a bin, so row order does not matter.
    """
    if prediction.ndim == 1:
        claimed, came_true = prediction, np.asarray(truth == 1, dtype=np.float64)
    else:
        claimed = prediction.max(axis=1) / prediction.sum(axis=1)
        came_true = (classes_of(prediction) == truth).astype(np.float64)
    bins = int(np.clip(len(claimed) // _ROWS_A_BIN, 1, _MOST_BINS))
    edges = np.quantile(claimed, np.linspace(0, 1, bins + 1)[1:-1], method="lower")
    bin_of_row = np.searchsorted(edges, claimed, side="left")
    gaps = np.bincount(bin_of_row, claimed - came_true, bins)
    return float(np.abs(gaps).sum() / len(claimed))
