"""The errors of evaluation.

Invalid ── EvaluationInvalid    targets, predictions or tables that cannot be evaluated
"""

from __future__ import annotations

from northstar.errors import Invalid


class EvaluationInvalid(Invalid):
    """Targets, predictions or tables cannot be evaluated; the message says which and why."""
