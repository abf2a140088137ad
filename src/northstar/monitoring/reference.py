"""What a version's inputs, predictions and metric looked like when it was made.

The reference travels with the model version as JSON, so each version is judged by its own.
``northstar.monitoring.profile.build_reference`` makes it.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, FiniteFloat

from northstar.monitoring.calibration import Calibration
from northstar.monitoring.columns import Bins


class _Stored(BaseModel):
    model_config = ConfigDict(frozen=True)


class ColumnReference(_Stored):
    """One column of the reference, and how much it moves by itself.

    Attributes:
        counts: rows by bin.
        missing_share: share of rows without a value.
        missing_between: standard deviation of that share between stretches of time.
        strange_share: largest share of a stretch whose values no other stretch had, or for
            numbers with many values, beyond the extremes of the others.
    """

    bins: Bins
    counts: list[int]
    missing_share: FiniteFloat = 0.0
    missing_between: FiniteFloat = 0.0
    strange_share: FiniteFloat = 0.0
    mean: FiniteFloat | None = None
    deviation: FiniteFloat | None = None
    calibration: Calibration = Calibration()

    @property
    def histogram(self) -> NDArray[np.int64]:
        """The counts as an array."""
        return np.asarray(self.counts, dtype=np.int64)


class StretchMetric(_Stored):
    """The reference metric in one stretch of time of a window's length.

    Stretches that were trained on (``held_out`` is false) say how the metric varies, not how high
    it is.
    """

    start: datetime
    held_out: bool
    value: FiniteFloat
    standard_error: FiniteFloat
    rows: int


class MetricReference(_Stored):
    """The primary metric on held-out rows, whole, and by stretch of time.

    ``windows`` is how many windows' worth of rows were held out; 0 where there are no times.
    """

    metric: str
    higher_is_better: bool
    value: FiniteFloat
    standard_error: FiniteFloat
    rows: int
    windows: FiniteFloat = 0.0
    stretches: list[StretchMetric] = Field(default_factory=list)


class Reference(_Stored):
    """What a version's inputs, predictions and metric looked like when it was made.

    ``usual_days`` is on how many days of a window there are events as a rule; 0 where the
    reference has no times.
    """

    schema_version: Literal[1] = 1
    task: Literal["regression", "binary", "multiclass"]
    window_days: FiniteFloat = Field(gt=0)
    rows: int
    usual_days: FiniteFloat = 0.0
    classes: list[str] | None = None
    columns: dict[str, ColumnReference]
    prediction: ColumnReference | None = None
    performance: MetricReference | None = None
