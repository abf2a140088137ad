"""How a direct rollout gets decided: by whether the endpoint says that it serves the version."""

from __future__ import annotations

from northstar.release.canary import Decision
from northstar.release.domain import Release
from northstar.serving.domain import EndpointView

PATIENCE_SECONDS = 600.0
"""How long an endpoint may take to load a version before the earlier one gets its traffic back."""


def decide_direct(release: Release, seconds: float, view: EndpointView | None) -> Decision:
    """Go on once the endpoint answers with the version, which has all traffic.

    ``seconds`` are those since the traffic was asked for. Where an older version could take the
    traffic back, it does after ``PATIENCE_SECONDS``. A first release waits for an endpoint
    that has yet to be started, and is given up only when the endpoint reports a problem.
    """
    told = view is not None and view.weights.get(release.version) == 100.0
    if view and told and view.answering and view.served_revision >= view.revision:
        return Decision("go-on", "The endpoint answers with this version.")
    problem = view.problem if view and told else ""
    late = seconds > PATIENCE_SECONDS
    if late and (problem or release.replaces is not None):
        reason = f"The endpoint did not serve it within {PATIENCE_SECONDS:.0f} s. {problem}"
        return Decision("roll-back", reason.strip())
    return Decision("wait", problem or "Waiting for the endpoint to answer with this version.")
