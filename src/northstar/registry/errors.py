"""What can go wrong between the registry and MLflow.

Invalid
└── WrongModel        the registration's model is not one that can be registered
Failed
└── MlflowFailed      MLflow answered with an error that is not the caller's
"""

from __future__ import annotations

from northstar.errors import Failed, Invalid


class WrongModel(Invalid):
    """The registration points at something that is not a model of its run."""


class MlflowFailed(Failed):
    """MLflow answered something that the registry cannot go on with."""
