"""Where capture segments lie on the local disk, and what their names end with.

Apart from the segments' content, so that who only moves them needs no Arrow.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from northstar.names import EndpointRef

SEGMENT = ".arrow"
SHIPPED = ".shipped"
"""What a segment leaves behind, empty, when it was brought to a store."""


def endpoint_folder(captures: Path, endpoint: EndpointRef) -> Path:
    """Where all of an endpoint's segments lie."""
    return captures / endpoint.squad / endpoint.project / endpoint.environment


def segments_folder(captures: Path, endpoint: EndpointRef, recorded: datetime) -> Path:
    """Where an endpoint's segments of a day lie."""
    day = recorded.astimezone(UTC).strftime("%Y-%m-%d")
    return endpoint_folder(captures, endpoint) / "predictions" / day
