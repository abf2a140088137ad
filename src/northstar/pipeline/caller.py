"""Who a connection speaks for."""

from __future__ import annotations

import base64
import binascii
import json

from northstar.connection import Connection


def caller_id(connection: Connection) -> str:
    """The principal in the connection's token, such as ``user:anna``.

    The token is not verified here: the platform does that, and records who registers by itself.
    """
    parts = connection.token().split(".")
    try:
        padded = parts[1] + "=" * (-len(parts[1]) % 4)
        return str(json.loads(base64.urlsafe_b64decode(padded))["sub"])
    except (IndexError, KeyError, ValueError, binascii.Error):
        return "unknown"
