"""The way from a client to the control plane: where it is, who is asking, and one HTTP session.

A connection is found in this order: arguments, the environment (``NORTHSTAR_URL`` with
``NORTHSTAR_TOKEN``; or with ``NORTHSTAR_CLIENT_ID`` and a secret, a private key, or the identity of
a pipeline that the platform trusts), the profile that ``northstar login`` wrote, and the
``connection.json`` of an embedded platform in the nearest ``.northstar`` folder at or above the
working directory.
"""

from northstar.connection.credentials import Credentials, find_credentials, profile_path
from northstar.connection.session import PLATFORM_AUDIENCE, Connection, Granted

__all__ = [
    "PLATFORM_AUDIENCE",
    "Connection",
    "Credentials",
    "Granted",
    "find_credentials",
    "profile_path",
]
