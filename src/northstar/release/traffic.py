"""Which version should get which share of an endpoint's traffic, from its releases alone."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict

from northstar.release.domain import Release


class Traffic(BaseModel):
    """What an endpoint should do: percent by version, and which version is the live one.

    A version with 0 % stays loaded, so that traffic can return to it at once.
    """

    model_config = ConfigDict(frozen=True)

    weights: dict[int, float]
    live: int | None


def desired_traffic(releases: Sequence[Release]) -> Traffic:
    """The traffic that an endpoint's releases ask for together."""
    live = next((one for one in releases if one.state == "live"), None)
    rolling = next((one for one in releases if one.state == "rolling-out"), None)
    if rolling and live:
        weights = {live.version: 100.0 - rolling.share, rolling.version: rolling.share}
        return Traffic(weights=weights, live=live.version)
    if rolling:
        return Traffic(weights={rolling.version: 100.0}, live=None)
    if live:
        return Traffic(weights={live.version: 100.0}, live=live.version)
    return Traffic(weights={}, live=None)
