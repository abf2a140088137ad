"""How good a model is, how sure that is, and whether it is too good to be true.

``evaluate`` is what the pipeline calls; the parts stand on their own. Targets and predictions have
the forms of ``northstar.metrics``: values; 0 and 1 with the probability of 1; or class indices
with rows × classes of probabilities. Tables are pandas DataFrames or mappings from a column's name
to its array.
"""

from northstar.pipeline.evaluation.baseline import Baseline, fit_baseline
from northstar.pipeline.evaluation.bootstrap import Resampling
from northstar.pipeline.evaluation.calibration import calibration_error
from northstar.pipeline.evaluation.clocks import find_clocks
from northstar.pipeline.evaluation.columns import Table
from northstar.pipeline.evaluation.errors import EvaluationInvalid
from northstar.pipeline.evaluation.evaluate import EvaluationInputs, EvaluationResult, evaluate
from northstar.pipeline.evaluation.slices import measure_slices
from northstar.pipeline.evaluation.target_leaks import find_target_leaks

__all__ = [
    "Baseline",
    "EvaluationInputs",
    "EvaluationInvalid",
    "EvaluationResult",
    "Resampling",
    "Table",
    "calibration_error",
    "evaluate",
    "find_clocks",
    "find_target_leaks",
    "fit_baseline",
    "measure_slices",
]
