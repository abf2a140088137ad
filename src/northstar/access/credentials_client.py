"""The SDK's view of credentials."""

from __future__ import annotations

from urllib.parse import quote

from northstar.access.credentials.domain import (
    SOON_DAYS,
    Credential,
    CredentialKind,
    EndingCredential,
    Trust,
)
from northstar.access.domain import DEFAULT_SECRET_DAYS, Secret
from northstar.connection import Connection


class CredentialClient:
    """Credentials of principals, over the HTTP API."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def of(self, principal: str) -> list[Credential]:
        """A principal's secrets, certificates and trusts, without what is secret of them."""
        found = self._connection.get(f"{_place(principal)}/credentials")
        return [Credential.model_validate(one) for one in found]

    def ending(self, days: float = SOON_DAYS) -> list[EndingCredential]:
        """What ends within so many days: one's own, and of whom one sees to."""
        found = self._connection.get("/api/credentials/ending", days=days)
        return [EndingCredential.model_validate(one) for one in found]

    def new_secret(
        self,
        principal: str,
        days: float = DEFAULT_SECRET_DAYS,
        older_end_after_hours: float | None = None,
    ) -> Secret:
        """One more secret; it is in the answer and nowhere else.

        Args:
            days: how long it holds.
            older_end_after_hours: how long those before it hold still; as they do without it.
        """
        body = {"days": days, "older_end_after_hours": older_end_after_hours}
        self._connection.prove_anew()  # a secret of one's own takes a fresh proof
        return Secret.model_validate(self._connection.post(f"{_place(principal)}/secrets", body))

    def add_certificate(self, principal: str, pem: str) -> Credential:
        """Accept what is signed with the key of a certificate."""
        answer = self._connection.post(f"{_place(principal)}/certificates", {"pem": pem})
        return Credential.model_validate(answer)

    def add_trust(self, principal: str, trust: Trust) -> Credential:
        """Accept tokens of another issuer."""
        answer = self._connection.post(f"{_place(principal)}/trusts", trust.model_dump())
        return Credential.model_validate(answer)

    def link(self, principal: str, subject: str) -> None:
        """Say which account of the organisation is a user's."""
        self._connection.post(f"{_place(principal)}/accounts", {"subject": subject})

    def remove(self, principal: str, kind: CredentialKind, number: int) -> None:
        """Withdraw one credential."""
        self._connection.delete(f"{_place(principal)}/credentials/{kind}/{number}")

    def revoke(self, principal: str) -> None:
        """End everything that was issued to a principal until now."""
        self._connection.post(f"{_place(principal)}/revocation")

    def rotate_keys(self, *, at_once: bool = False) -> str:
        """Begin to use a new signing key; returns its id."""
        answer = self._connection.post("/api/signing-keys", {"at_once": at_once})
        return str(answer["kid"])


def _place(principal: str) -> str:
    return f"/api/principals/{quote(principal, safe=':/')}"
