"""The pipeline's errors.

Invalid ── DataInvalid      the data does not fit northstar.yaml
Failed ─┬─ ScriptFailed     the squad's code ended with an error, was killed, or took too long
        └─ ModelUnusable    there is no model, or it cannot be loaded or used
Conflict ── NotResumable    the run can't go on from where it stopped
"""

from __future__ import annotations

from northstar.errors import Conflict, Failed, Invalid


class DataInvalid(Invalid):
    """The data does not fit what ``northstar.yaml`` says of it."""


class ScriptFailed(Failed):
    """The squad's code ended with an error, was killed, or took too long."""


class ModelUnusable(Failed):
    """The squad's code left no model, or one that can't be loaded or gives unusable answers."""


class NotResumable(Conflict):
    """The run can't go on from where it stopped."""
