"""What a release's state does not admit.

Conflict
├── WrongMoment        the release is in another state than this needs
├── EndpointBusy       another release is on its way into the same endpoint
└── EnvironmentFrozen  for a while, nothing new may go into the environment
Denied
└── FourEyes           the approver is the proposer, or registered the version
Invalid
└── BlindRollout       nothing could trigger a rollback
"""

from __future__ import annotations

from northstar.errors import Conflict, Denied, Invalid


class WrongMoment(Conflict):
    """The release is in another state than this needs."""


class EndpointBusy(Conflict):
    """Another release is on its way into the same endpoint."""


class EnvironmentFrozen(Conflict):
    """For a while, nothing new may go into the environment."""


class FourEyes(Denied):
    """The approver is not a second pair of eyes."""


class BlindRollout(Invalid):
    """Nothing that could be seen during this rollout would trigger a rollback."""
