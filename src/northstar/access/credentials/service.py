"""Credentials of principals: kept, listed, withdrawn, and held against what is presented."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import JsonValue
from sqlalchemy import Row
from sqlalchemy.exc import IntegrityError

from northstar.access import store as access_store
from northstar.access.audit.log import AuditLog, Change
from northstar.access.credentials import store
from northstar.access.credentials.certificates import read_public_key, verify_assertion
from northstar.access.credentials.domain import (
    Credential,
    CredentialKind,
    EndingCredential,
    Federated,
    HeldTrust,
    Trust,
    check_trust,
)
from northstar.access.directory import hold, note_key
from northstar.access.domain import home_of
from northstar.access.errors import BadCredentials, ForeignTokenRefused
from northstar.access.issuers import LEEWAY_SECONDS, Issuers, read_unverified
from northstar.clock import Clock
from northstar.database import Database
from northstar.errors import Conflict, Invalid, NotFound

_LONGEST_FOREIGN_TOKEN = timedelta(hours=25)  # Entra's last for a day and five minutes
_SHORTEST_REUSABLE = timedelta(seconds=2)
_ONCE = (
    "Get a fresh one for each exchange. Where the issuer gives the same one again, as Entra ID and "
    "Kubernetes do, the trust must say so: `northstar principal trust add … --reusable`."
)
_NOT_TRUSTED = (
    "`northstar principal trust list ID` shows what is trusted; compare it with the token."
)


class Credentials:
    """Certificates and trusts of principals; secrets are listed and withdrawn here too.

    Who may change them is for the caller to see to. What changes is recorded with the change, as
    the deed of ``by``; ``policies`` are those that allowed it.

    Args:
        issuer: the control plane's address, which assertions are meant for.
        issuers: verifies what others signed.
    """

    def __init__(
        self, database: Database, clock: Clock, issuer: str, issuers: Issuers, audit: AuditLog
    ) -> None:
        self._database = database
        self._audit = audit
        self._clock = clock
        self._audiences = [issuer, f"{issuer}/oauth/token"]
        self._issuers = issuers

    def of(self, principal: str) -> list[Credential]:
        """A principal's credentials, without what is secret of them."""
        with self._database.read() as connection:
            secrets = store.rows_of(connection, "secret", principal)
            certificates = store.rows_of(connection, "certificate", principal)
            trusts = store.rows_of(connection, "trust", principal)
        return [
            *[_shown("secret", row, row.label) for row in secrets],
            *[
                _shown("certificate", row, f"{row.about}, SHA-256 {row.thumbprint}")
                for row in certificates
            ],
            *[_shown("trust", row, str(store.trust_of(row))) for row in trusts],
        ]

    def ending(self, within: timedelta) -> list[EndingCredential]:
        """Secrets and certificates that end so soon, the first to end first.

        Of a principal with several of a kind the last to end; none, where one outlasts the time.
        """
        now = self._clock.now()
        with self._database.read() as connection:
            secrets = store.ending(connection, "secret", now, now + within)
            certificates = store.ending(connection, "certificate", now, now + within)
        found = [
            *[(row, _shown("secret", row, row.label)) for row in secrets],
            *[(row, _shown("certificate", row, row.about)) for row in certificates],
        ]
        ends = [
            EndingCredential(principal=row.principal, **shown.model_dump()) for row, shown in found
        ]
        return sorted(ends, key=lambda one: (str(one.expires_at), one.principal))

    def add_certificate(
        self, principal: str, pem: str, by: str, policies: Sequence[str] = ()
    ) -> Credential:
        """Accept assertions that are signed with a certificate's key, until it expires.

        Raises ``Invalid``, and ``Conflict`` for one that is registered already.
        """
        key = read_public_key(pem)
        values = {
            "principal": principal,
            "thumbprint": key.thumbprint,
            "public_jwk": json.dumps(key.jwk),
            "about": key.about,
            "created_at": self._clock.now(),
            "expires_at": key.expires_at,
        }
        about = f"{key.about}, SHA-256 {key.thumbprint}"
        with self._adding(principal, "certificate") as change:
            number = store.add_certificate(change.connection, **values)
            told = _told(principal, "certificate", number, policies)
            note_key(change.connection, principal, by)
            change.record(by, "principal:certificate", home_of(principal), **told, about=about)
        return self._one(principal, "certificate", number)

    def add_trust(
        self, principal: str, trust: Trust, by: str, policies: Sequence[str] = ()
    ) -> Credential:
        """Accept tokens of another issuer; raises ``Invalid``, and ``Conflict`` for a known one."""
        self._check_trust(trust)
        with self._adding(principal, "trust") as change:
            number = store.add_trust(change.connection, principal, trust, self._clock.now())
            told = _told(principal, "trust", number, policies)
            note_key(change.connection, principal, by)
            change.record(by, "principal:trust", home_of(principal), **told, about=str(trust))
        return self._one(principal, "trust", number)

    def change_trust(
        self, principal: str, number: int, trust: Trust, by: str, policies: Sequence[str] = ()
    ) -> HeldTrust:
        """Accept these tokens instead of those of a trust that there is, from one moment on.

        Where it raises (``Invalid``, ``NotFound``, ``Conflict``), the trust stays as it is.
        """
        self._check_trust(trust)
        with self._adding(principal, "trust") as change:
            if not store.change_trust(change.connection, principal, number, trust):
                raise _missing(principal, "trust", number)
            told = _told(principal, "trust", number, policies)
            note_key(change.connection, principal, by)
            change.record(by, "principal:trust", home_of(principal), **told, about=str(trust))
        return self.trust(principal, number)

    def trust(self, principal: str, number: int) -> HeldTrust:
        """One trust of a principal; raises ``NotFound``."""
        with self._database.read() as connection:
            rows = store.rows_of(connection, "trust", principal)
        for row in rows:
            if row.id == number:
                found = store.trust_of(row).model_dump()
                return HeldTrust(number=number, principal=principal, **found)
        raise _missing(principal, "trust", number)

    def key_makers(self, principal: str) -> frozenset[str]:
        """Everybody who ever made a secret, certificate or trust of a service, and so may be able
        to speak as it; also those who did by way of another service.
        """
        found: set[str] = set()
        look_at = {principal}
        with self._database.read() as connection:
            while look_at:
                made = access_store.key_makers_of(connection, look_at.pop()) - found
                found |= made
                look_at |= made
        return frozenset(found)

    def remove(
        self,
        principal: str,
        kind: CredentialKind,
        number: int,
        by: str,
        policies: Sequence[str] = (),
    ) -> None:
        """Withdraw a credential: nothing is issued for it any more; raises ``NotFound``."""
        with self._audit.change() as change:
            if not store.remove(change.connection, kind, principal, number):
                raise _missing(principal, kind, number)
            told = _told(principal, kind, number, policies)
            change.record(by, "principal:withdraw", home_of(principal), **told)

    def check_assertion(self, client_id: str, assertion: str) -> None:
        """Return if the assertion proves the client, for the first time; raises
        ``BadCredentials``.
        """
        now = self._clock.now()
        with self._database.read() as connection:
            rows = store.rows_of(connection, "certificate", client_id)
        running = [row for row in rows if row.expires_at is None or row.expires_at > now]
        claims = verify_assertion(
            assertion,
            client_id,
            [json.loads(row.public_jwk) for row in running],
            self._audiences,
            int(now.timestamp()),
        )
        if not self._use_up(["assertion", client_id, claims["jti"]], claims):
            raise BadCredentials(
                "The client assertion was used before.", hint="Make one for each request."
            )

    def check_foreign(self, principal: str, token: str) -> Federated:
        """Whom another issuer's token is about, if ``principal`` trusts it; once for each token,
        unless the trust says otherwise.

        Raises ``ForeignTokenRefused``, and ``Unavailable`` while the issuer does not answer. Only
        issuers that the principal trusts are ever asked for their keys.
        """
        _, hearsay = read_unverified(token)
        issuer = str(hearsay.get("iss"))[:255]
        with self._database.read() as connection:
            trusts = store.trusts_in(connection, principal, issuer)
        trusted = [trust for trust in trusts if trust.audience in _audiences(hearsay)]
        if not trusted:
            raise _refusal(principal, hearsay)
        claims: dict[str, Any] = {}
        for audience in sorted({trust.audience for trust in trusted}):
            claims = self._issuers.verify(token, issuer, audience)
        subject = claims["sub"]
        admitting = [trust for trust in trusted if trust.admits(subject)]
        if not admitting:
            raise _refusal(principal, claims)
        now = self._clock.now()
        if claims["exp"] > (now + _LONGEST_FOREIGN_TOKEN).timestamp():
            raise ForeignTokenRefused("The token lives longer than a day.")
        left = timedelta(seconds=claims["exp"] - now.timestamp())
        proven = Federated(principal=principal, issuer=issuer, subject=str(subject))
        if any(trust.reusable for trust in admitting):
            if left < _SHORTEST_REUSABLE:
                raise ForeignTokenRefused("The token has ended.", hint="Get a fresh one.")
            return proven.model_copy(update={"left": left})
        once = claims.get("jti") or claims
        if not self._use_up(["token", issuer, once], claims):
            raise ForeignTokenRefused("The token was exchanged before.", hint=_ONCE)
        return proven

    def _check_trust(self, trust: Trust) -> None:
        self._issuers.check_address(check_trust(trust).issuer, "issuer")
        if trust.issuer.rstrip("/") == self._audiences[0].rstrip("/"):
            raise Invalid(
                f"{trust.issuer} is this platform, and its own tokens are no other issuer's.",
                hint="Give the principal that brings them the role instead.",
            )

    @contextmanager
    def _adding(self, principal: str, kind: CredentialKind) -> Iterator[Change]:
        try:
            with self._audit.change() as change:
                hold(change.connection, principal)
                yield change
        except IntegrityError as error:
            raise Conflict(f"{principal} has this {kind} already.") from error

    def _use_up(self, what: list[Any], claims: Mapping[str, Any]) -> bool:
        """Whether it is used for the first time. What was signed is compared, not its spelling:
        one token can be written in several ways.
        """
        digest = hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()
        ends = datetime.fromtimestamp(claims["exp"] + 2 * LEEWAY_SECONDS, UTC)
        try:
            with self._database.begin() as connection:
                store.use_up(connection, digest, ends, self._clock.now())
        except IntegrityError:
            return False
        return True

    def _one(self, principal: str, kind: CredentialKind, number: int) -> Credential:
        return next(
            each for each in self.of(principal) if (each.kind, each.number) == (kind, number)
        )


def _shown(kind: CredentialKind, row: Row[Any], about: str) -> Credential:
    expires = None if kind == "trust" else row.expires_at
    return Credential(
        kind=kind, number=row.id, about=about, created_at=row.created_at, expires_at=expires
    )


def _told(
    principal: str, kind: CredentialKind, number: int, policies: Sequence[str]
) -> dict[str, JsonValue]:
    told = {"principal": principal, "credential": f"{kind} {number}"}
    return {**told, "policies": [*policies]}


def _missing(principal: str, kind: CredentialKind, number: int) -> NotFound:
    return NotFound(
        f"{principal} has no {kind} {number}.",
        hint=f"`northstar principal credentials {principal}` shows the numbers.",
    )


def _audiences(claims: Mapping[str, Any]) -> list[object]:
    found = claims.get("aud")
    return found if isinstance(found, list) else [found]


def _refusal(principal: str, claims: Mapping[str, Any]) -> ForeignTokenRefused:
    """Says what the sender's own token says, and nothing of what would have been trusted."""
    told = ", ".join(
        f"{name} {str(claims.get(name, ''))[:200]!r}" for name in ("iss", "aud", "sub")
    )
    return ForeignTokenRefused(
        f"The token does not prove its bearer to be {principal[:255]}: {told}.", hint=_NOT_TRUSTED
    )
