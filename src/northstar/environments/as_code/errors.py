"""What goes wrong with environments as code.

Invalid  ── DocumentInvalid ── PlatformFileInvalid   platform.yaml says something impossible
Denied   ── PlanRefused                              a policy, or data that would be lost
Conflict ── PlanStale                                the plan is of another time or another file
Conflict ── StateLocked                              somebody else is at work on the stage
Failed   ── TerraformFailed                          Terraform itself said no
            └── TerraformStopped                     it was asked to stop, and did in order
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from northstar.documents import DocumentInvalid, Fault
from northstar.errors import Conflict, Denied, Failed


class PlatformFileInvalid(DocumentInvalid):
    """``platform.yaml`` is wrong."""

    def __init__(self, path: Path, faults: Sequence[Fault]) -> None:
        hint = "Every field is described in what `northstar env schema` prints."
        super().__init__(path, faults, hint=hint)


class PlanRefused(Denied):
    """A plan may not be applied as it is."""


class PlanStale(Conflict):
    """A saved plan is not of what stands now."""


class StateLocked(Conflict):
    """Somebody else holds the lock of the state."""


class TerraformFailed(Failed):
    """Terraform ended with an error; the message is what it said, and of which part."""


class TerraformStopped(TerraformFailed):
    """Terraform was asked to stop, gave its lock back and kept its state."""

    exit_code = 130  # as of any program that Ctrl-C ends
