"""How Entra ID names a service connection of Azure DevOps.

Since 2025 a connection shows the issuer of its tenant, and a subject made of ids. The issuer
``vstoken.dev.azure.com`` with ``sc://ORGANISATION/PROJECT/NAME`` ends on 1 July 2027 (Microsoft's
"Convert service connections to use the Microsoft Entra issuer").
"""

from __future__ import annotations

import base64
import re
import uuid
from dataclasses import dataclass

_ID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_AZURE_DEVOPS = "rISbSSETf0KqFyZ8ppdXmA"  # its application, 499b84ac-1321-427f-aa17-267ca6975798
_SUBJECT = re.compile(
    rf"/eid1/c/pub/t/([\w-]{{22}})/a/{_AZURE_DEVOPS}/sc/({_ID})/({_ID})", re.ASCII
)


@dataclass(frozen=True)
class ServiceConnection:
    """A service connection by its ids.

    Attributes:
        tenant: as Entra ID encodes it in subjects.
    """

    tenant: str
    organization: str
    connection: str

    def is_of(self, tenant: str) -> bool:
        """Whether it is of the tenant with this id."""
        try:
            encoded = base64.urlsafe_b64encode(uuid.UUID(tenant).bytes_le)
        except ValueError:
            return False
        return encoded.decode().rstrip("=") == self.tenant


def service_connection(subject: str) -> ServiceConnection | None:
    """The service connection that a subject names; ``None`` if it names none."""
    found = _SUBJECT.fullmatch(subject)
    return ServiceConnection(*found.groups()) if found else None
