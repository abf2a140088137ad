"""Credentials as they are shown, and trust in another issuer's tokens; values and rules."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, model_validator

from northstar.access.addresses import check_address
from northstar.errors import Invalid

CredentialKind = Literal["secret", "certificate", "trust"]

GITHUB = "https://token.actions.githubusercontent.com"
AZURE_DEVOPS = "https://vstoken.dev.azure.com/{organisation}"
AZURE_AUDIENCE = "api://AzureADTokenExchange"
ENTRA = "https://login.microsoftonline.com/{tenant}/v2.0"
ENTRA_AUDIENCE = "fb60f99c-7a34-4190-8149-302f77469936"
"""What Entra's own tokens name ``AZURE_AUDIENCE`` by: its application id, the same everywhere."""
SOON_DAYS = 30.0
"""So long before its end a credential is spoken of, unless told otherwise."""
_LONGEST = 255
_ENTRA_ISSUER = re.compile(
    r"https://login\.microsoftonline\.com/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/v2\.0"
)
_GITHUB_OWNER = re.compile(r"repo:[A-Za-z0-9._@-]+/")


class Credential(BaseModel):
    """One way in which a principal can prove itself; what is secret of it is not in here.

    ``number`` counts within one kind.
    """

    model_config = ConfigDict(frozen=True)

    kind: CredentialKind
    number: int
    about: str
    created_at: datetime
    expires_at: datetime | None = None


class EndingCredential(Credential):
    """A credential that ends soon, and whose principal has none of its kind that outlasts it."""

    principal: str


class Trust(BaseModel):
    """A principal is whoever brings a token of ``issuer`` for ``audience`` about ``subject``.

    In ``subject``, ``*`` stands for one or more characters other than a colon; everything else
    stands for itself, and the whole subject must match.
    """

    model_config = ConfigDict(frozen=True)

    issuer: str = Field(description="Who signs the tokens, as they write it in iss.")
    audience: str = Field(description="Whom the tokens are for: aud.")
    subject: str = Field(description="Whom they are about: sub. A * stands for what has no colon.")
    reusable: bool = Field(
        default=False,
        description="Whether a token may be exchanged again until it ends, for issuers that give "
        "the same one again, such as Entra ID and Kubernetes. By default each is exchanged once.",
    )

    def admits(self, subject: object) -> bool:
        """Whether a token's subject is one that is trusted."""
        if not isinstance(subject, str) or not subject.isprintable():
            return False
        literal = [re.escape(part) for part in self.subject.split("*")]
        return re.fullmatch("[^:]+".join(literal), subject) is not None

    def __str__(self) -> str:
        again = ", each more than once" if self.reusable else ""
        return f"{self.subject} of {self.issuer} for {self.audience}{again}"


class HeldTrust(Trust):
    """A principal trusts the tokens of another issuer, such as a pipeline's, for an audience."""

    number: int
    principal: str = Field(description="Who is proven by the tokens, for example service:ci.")


class Federated(BaseModel):
    """Whom another issuer's token was about.

    Args:
        left: of that token, if it may be exchanged until it ends: what is given for it must not
            outlive it.
    """

    model_config = ConfigDict(frozen=True)

    principal: str
    issuer: str
    subject: str
    left: timedelta | None = None


class NewTrust(Trust):
    """Whose tokens shall be trusted; raises ``Invalid`` where it says of nobody whom."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        check_trust(self)
        return self


def check_trust(trust: Trust) -> Trust:
    """Return a trust that says whom it trusts; raises ``Invalid`` for one that doesn't."""
    check_address(trust.issuer, "issuer")
    for what in ("issuer", "audience", "subject"):
        value = str(getattr(trust, what))
        if not value or len(value) > _LONGEST or not value.isprintable():
            raise Invalid(f"{value[:80]!r} can't be a trust's {what}.")
    if trust.subject.startswith("*"):
        raise Invalid(
            f"The subject {trust.subject!r} says of nobody in particular whom it trusts.",
            hint="Begin with what is fixed, for example repo:ORG/REPO:environment:prod.",
        )
    host = urlsplit(trust.issuer).hostname or ""
    if host.endswith("githubusercontent.com") and not _GITHUB_OWNER.match(trust.subject):
        raise Invalid(
            f"The subject {trust.subject!r} does not name the owner of the repository.",
            hint="All of GitHub shares this issuer. Write repo:ORG/REPO:… with the owner in full.",
        )
    if host == "login.microsoftonline.com":
        _check_entra(trust)
    return trust


def _check_entra(trust: Trust) -> None:
    """Refuse what Entra ID never writes into a token, for such a trust would hold for nobody."""
    if not _ENTRA_ISSUER.fullmatch(trust.issuer):
        raise Invalid(
            f"{trust.issuer!r} is not how Entra ID writes itself into tokens.",
            hint=f"Write {ENTRA.format(tenant='TENANT-ID')}, with the id of the tenant.",
        )
    if trust.audience == AZURE_AUDIENCE:
        raise Invalid(
            f"Entra ID's own tokens don't name {AZURE_AUDIENCE} so, but by its id.",
            hint=f"Make the audience {ENTRA_AUDIENCE}.",
        )
