"""Access as the other domains see it: who is asking, may they, and write down that they did."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from pydantic import JsonValue

from northstar.access.audit.checkpoints import Checkpoints
from northstar.access.audit.log import AuditLog
from northstar.access.client_secrets import number_of
from northstar.access.credentials.domain import Federated
from northstar.access.credentials.service import Credentials
from northstar.access.decisions import PolicyBook
from northstar.access.directory import Directory
from northstar.access.domain import (
    PLATFORM,
    Decision,
    Grant,
    Principal,
    Secret,
    Token,
    principal_of,
)
from northstar.access.errors import BadCredentials, NoSuchAudience, NotAllowed
from northstar.access.explanations import Explanations
from northstar.access.issuers import Issuers
from northstar.access.origin import came_through
from northstar.access.rate_limits import RateLimits
from northstar.access.sealing import Sealer
from northstar.access.sessions import Sessions, ended, fingerprint
from northstar.access.tokens import (
    ENDPOINT_TOKEN_SECONDS,
    PLATFORM_TOKEN_SECONDS,
    STARTED_BY,
    Tokens,
)
from northstar.clock import Clock
from northstar.connection import PLATFORM_AUDIENCE
from northstar.database import Database
from northstar.errors import Invalid
from northstar.names import EndpointRef, ProjectRef, Scope

_BOOTSTRAP = "bootstrap"
_CLIENT_ID = re.compile(r"(user|service|managed|platform):[a-z0-9/-]{1,255}")
_UNKNOWN = "unknown"  # who the audit says it was when nobody proved to be anybody
_OLDER_SECRETS_LAST = timedelta(days=1)
_RUN_SECRETS_LAST = timedelta(days=3)
_RENEW_BEFORE = timedelta(minutes=5)


class AccessService:
    """Authentication, decisions and their record.

    Args:
        issuer: the control plane's address; stands in every token as ``iss``.
        checkpoints: where heads of the audit are kept outside of the database.
        book: the policies; without it, those that are shipped.
        sealer: seals the signing keys in the database; without it, this object alone can open
            them.
        limits: how often one address may try to prove who it is; without it, counted here.
        require_place: raises ``NotFound`` for a scope of a squad or project that there is not;
            without it, every scope will do.

    Attributes:
        directory: principals and roles.
        explanations: why something is allowed or not, and who else may.
        tokens: issuing and checking tokens.
        credentials: certificates, and trust in tokens of other issuers.
        issuers: other issuers' metadata and keys.
        sessions: sign-in links and web sessions.
        audit: the record of decisions.
        limits: how often one address may try to prove who it is.
        require_place: raises ``NotFound`` for a scope of a squad or project that there is not.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        issuer: str,
        checkpoints: Checkpoints | None = None,
        book: PolicyBook | None = None,
        sealer: Sealer | None = None,
        limits: RateLimits | None = None,
        require_place: Callable[[Scope], None] = lambda scope: None,
    ) -> None:
        self._clock = clock
        self.require_place = require_place
        book = book or PolicyBook()
        self.audit = AuditLog(database, clock, checkpoints)
        self.directory = Directory(database, clock, book, self.audit)
        self.explanations = Explanations(self.directory, book)
        self.tokens = Tokens(database, clock, issuer, sealer or Sealer(), self.audit)
        self.issuers = Issuers(clock, loopback=not issuer.startswith("https:"))
        self.credentials = Credentials(database, clock, issuer, self.issuers, self.audit)
        self.sessions = Sessions(database, clock, self.audit)
        self.limits = limits or RateLimits()
        self._own_token = ("", clock.now())

    def decide(self, principal: Principal, action: str, scope: Scope, **about: str) -> Decision:
        """What the policies say, with their reasons; nothing is recorded.

        Args:
            about: what a guard rail needs to know, for example ``proposed_by="user:anna"``;
                names that end in ``_by`` or ``_to`` are principals.
        """
        return self.directory.rights(principal.id).decide(principal.id, action, scope, about)

    def allowed(self, principal: Principal, action: str, scope: Scope, **about: str) -> bool:
        """Whether the policies allow it; nothing is recorded. For filtering lists and pages."""
        return self.decide(principal, action, scope, **about).allowed

    def check(self, principal: Principal, action: str, scope: Scope, **about: str) -> Decision:
        """Return the decision that allows it; otherwise record the denial and raise ``NotAllowed``.

        Never call it inside a database transaction of your own.
        """
        decision = self.decide(principal, action, scope, **about)
        if decision.allowed:
            return decision
        self.audit.record(
            principal.id, action, scope, "denied", {"policies": list(decision.reasons), **about}
        )
        raise NotAllowed(
            f"{principal.id} may not {action} in {scope}{_because(decision)}.",
            hint=self.explanations.way_in(principal, action, scope, about, decision),
        )

    def authenticate(self, token: str) -> Principal:
        """Whose platform token this is; raises ``BadCredentials``, also for who was deleted or
        had their tokens revoked.
        """
        claims = self.tokens.check(token)
        principal = self._existing(str(claims["sub"]))
        if not self.directory.issued_since_revocation(principal.id, float(claims["iat"])):
            raise BadCredentials(
                f"The tokens of {principal.id} were revoked.", hint="Ask for a new one."
            )
        return principal

    def authenticate_secret(self, client_id: str, client_secret: str) -> Principal:
        """Whose id and secret these are; raises ``BadCredentials``."""
        if not self.directory.secret_is_good(client_id, client_secret):
            raise BadCredentials(
                "The client id or the secret is wrong.",
                hint="Ids look like user:anna or service:ci; a new secret comes from "
                "`northstar principal secret ID`.",
            )
        return self._existing(client_id)

    def authenticate_session(self, cookie: str) -> Principal:
        """Whose web session this is; raises ``BadCredentials``, also for one whose proof is older
        than a revocation.
        """
        who, issued_at = self.sessions.principal_of(cookie)
        principal = self._existing(who)
        if not self.directory.issued_since_revocation(who, issued_at.timestamp()):
            raise ended()
        return principal

    def seconds_since(self, moment: float) -> float:
        """How long ago a moment was, which is told in seconds since 1970."""
        return self._clock.now().timestamp() - moment

    def token_for(
        self,
        principal: Principal,
        audience: str,
        longest_seconds: int | None = None,
        proven: Federated | None = None,
        since: float | None = None,
        started_by: str = "",
    ) -> Token:
        """A token for the platform, or for an endpoint that ``principal`` may invoke.

        Args:
            longest_seconds: what is left of the token that this one is exchanged for.
            proven: whom the token of another issuer was about, for which this one is given.
            since: when the token was issued that this one is exchanged for.
            started_by: who started the process that speaks as the principal.
        """
        lifetime = PLATFORM_TOKEN_SECONDS
        if audience != PLATFORM_AUDIENCE:
            endpoint = _endpoint_audience(audience)
            self.check(principal, "endpoint:invoke", endpoint)
            lifetime = ENDPOINT_TOKEN_SECONDS
        if longest_seconds is not None:
            lifetime = min(lifetime, longest_seconds)
        more = _federated(principal, proven) | ({"iat": since} if since else {})
        more |= {STARTED_BY: started_by} if started_by else {}
        return self.tokens.issue(principal, audience, lifetime, more)

    def client_credentials(self, client_id: str, client_secret: str, audience: str) -> Token:
        """A token for who knows its secret; issuing and wrong secrets are recorded."""
        try:
            principal = self.authenticate_secret(client_id, client_secret)
        except BadCredentials as error:
            self._record_refusal(client_id, audience, error)
            raise
        came_through(f"secret:{number_of(client_secret)}")
        held = self.directory.held_secret(client_id, number_of(client_secret))
        return self._issue(principal, audience, started_by=held.started_by if held else "")

    def client_assertion(self, client_id: str, assertion: str, audience: str) -> Token:
        """A token for who signs with its certificate (RFC 7523); recorded as above."""
        try:
            self.credentials.check_assertion(client_id, assertion)
            principal = self._existing(client_id)
        except BadCredentials as error:
            self._record_refusal(client_id, audience, error)
            raise
        came_through("certificate")
        return self._issue(principal, audience)

    def federate(self, client_id: str, subject_token: str, audience: str) -> Token:
        """A token for who brings one of an issuer that it trusts (RFC 8693); recorded as above."""
        try:
            proven = self.credentials.check_foreign(client_id, subject_token)
            principal = self._existing(client_id)
        except BadCredentials as error:
            self._record_refusal(client_id, audience, error)
            raise
        came_through(f"federated:{proven.subject}"[:255])
        left = int(proven.left.total_seconds()) if proven.left else None
        return self._issue(principal, audience, proven, left)

    def exchange(self, subject_token: str, audience: str) -> Token:
        """A token for another audience that lives no longer than the one it is exchanged for;
        recorded as above.
        """
        try:
            principal = self.authenticate(subject_token)
        except BadCredentials as error:
            self._record_refusal("", audience, error)
            raise
        claims = self.tokens.check(subject_token)
        came_through(f"token:{claims.get('jti', '')}")
        left = int(claims["exp"] - self._clock.now().timestamp())
        since, started_by = float(claims["iat"]), str(claims.get(STARTED_BY, ""))
        return self._issue(
            principal, audience, _federated_in(principal, claims), left, since, started_by
        )

    def sign_in(self, code: str, replaces: str = "") -> str:
        """Turn a sign-in link's code into a new session; returns the cookie's value.

        Args:
            replaces: the cookie of the session that the browser had, which ends.
        """
        came_through(f"link:{fingerprint(code)}")
        try:
            return self.sessions.redeem(code, replaces)
        except BadCredentials as error:
            self.record_failed_sign_in(error)
            raise

    def record_failed_sign_in(self, error: BadCredentials) -> None:
        """Note that somebody did not prove who they are, and why not."""
        told: dict[str, JsonValue] = {"reason": error.message}
        self.audit.record(_UNKNOWN, "session:start", Scope(), "denied", told)

    def platform_token(self) -> str:
        """A token of the control plane itself, renewed as needed."""
        token, renew_at = self._own_token
        if self._clock.now() >= renew_at:
            issued = self.tokens.issue(PLATFORM, PLATFORM_AUDIENCE, PLATFORM_TOKEN_SECONDS)
            renew_at = self._clock.now() + timedelta(seconds=issued.expires_in) - _RENEW_BEFORE
            token = issued.access_token
            self._own_token = (token, renew_at)
        return token

    def run_identity(self, project: ProjectRef, started_by: str = "") -> Secret:
        """Credentials for a run that the platform starts: one more secret each call, for some days.

        The identity is ``managed:run/SQUAD/PROJECT``: its project, and its squad's workspace. Its
        tokens name ``started_by``, so that what the run makes is not approved by who started it.
        """
        identity = self.directory.ensure(
            principal_of("managed", f"run/{project}"),
            (
                Grant(role="run", scope=f"/{project}"),
                Grant(role="workspace-writer", scope=f"/{project.squad}"),
            ),
        )
        return self.directory.new_secret(
            identity.id,
            PLATFORM.id,
            label="run",
            lasts=_RUN_SECRETS_LAST,
            older_end_after=_RUN_SECRETS_LAST,
            started_by=started_by,
        )

    def end_run_identity(self, project: ProjectRef) -> None:
        """End what the platform's runs of a project were given: secrets, and tokens got by them.

        A token that a script put aside is worth nothing once its run is over. May be repeated.
        """
        identity = principal_of("managed", f"run/{project}").id
        for held in self.credentials.of(identity):
            self.credentials.remove(identity, held.kind, held.number, PLATFORM.id)
        self.directory.revoke_tokens(identity, PLATFORM.id)

    def endpoint_identity(self, endpoint: EndpointRef) -> Secret:
        """Credentials for a serving process, which outlives this one: one more secret each call.

        The identity is ``managed:endpoint/SQUAD/PROJECT/ENVIRONMENT``.
        """
        identity = self.directory.ensure(
            principal_of("managed", f"endpoint/{endpoint}"),
            (Grant(role="endpoint-runtime", scope=f"/{endpoint}"),),
        )
        return self.directory.new_secret(
            identity.id, PLATFORM.id, label="process", older_end_after=_OLDER_SECRETS_LAST
        )

    def bootstrap_administrator(self) -> tuple[str, str]:
        """The client id and a new secret of ``user:admin``, who is made if missing.

        Secrets of earlier calls end after a day, so that who holds one has time to read the new.
        """
        admin = self.directory.ensure(
            principal_of("user", "admin"), (Grant(role="platform-admin", scope="/"),)
        )
        secret = self.directory.new_secret(
            admin.id, PLATFORM.id, label=_BOOTSTRAP, older_end_after=_OLDER_SECRETS_LAST
        )
        return secret.client_id, secret.client_secret

    def sign_in_link(
        self, principal: str, by: str = PLATFORM.id, proven_at: datetime | None = None
    ) -> str:
        """An address that signs a user (``admin`` or ``user:admin``) in to the pages, once.

        Args:
            proven_at: as for ``Sessions.new_code``.
        """
        known = self.directory.get(principal if ":" in principal else f"user:{principal}")
        code = self.sessions.new_code(known.id, by, proven_at)
        return f"{self.tokens.issuer}/sign-in?code={code}"

    def _issue(
        self,
        principal: Principal,
        audience: str,
        proven: Federated | None = None,
        longest_seconds: int | None = None,
        since: float | None = None,
        started_by: str = "",
    ) -> Token:
        """Issue and record: what is done with the token later is recorded under its ``jti``."""
        issued = self.token_for(principal, audience, longest_seconds, proven, since, started_by)
        jti = str(self.tokens.check(issued.access_token, audience)["jti"])
        detail: dict[str, JsonValue] = {"audience": audience, "token": jti}
        if proven:
            detail |= {"issuer": proven.issuer, "subject": proven.subject}
        self.audit.record(principal.id, "token:issue", Scope(), "done", detail)
        return issued

    def _record_refusal(self, client_id: str, audience: str, error: BadCredentials) -> None:
        who = client_id if self.directory.find(client_id) else _UNKNOWN
        # Whoever mixes up id and secret finds neither in the audit.
        told = client_id[:255] if _CLIENT_ID.fullmatch(client_id) else "(no client id)"
        detail: dict[str, JsonValue] = {"audience": audience[:255], "claimed": told}
        detail["reason"] = error.message[:1000]
        self.audit.record(who, "token:issue", Scope(), "denied", detail)

    def _existing(self, principal: str) -> Principal:
        if found := self.directory.find(principal):
            return found
        raise BadCredentials(f"{principal} does not exist (any more).")


def _because(decision: Decision) -> str:
    return f" ({', '.join(decision.reasons)})" if decision.reasons else ""


def _federated(principal: Principal, proven: Federated | None) -> dict[str, object]:
    """What a token says of where it came from."""
    if proven is None:
        return {}
    name = f"{principal.name} ({proven.subject})"
    return {"name": name, "federated": {"iss": proven.issuer, "sub": proven.subject}}


def _federated_in(principal: Principal, claims: Mapping[str, Any]) -> Federated | None:
    """For whose token of another issuer a token of ours was given; ``None`` for most."""
    if not (told := claims.get("federated")):
        return None
    return Federated(principal=principal.id, issuer=told["iss"], subject=told["sub"])


def _endpoint_audience(audience: str) -> Scope:
    try:
        return Scope.parse("/" + str(EndpointRef.parse(audience)))
    except Invalid as error:
        raise NoSuchAudience(
            f"{audience!r} is not an audience.",
            hint=f"Use {PLATFORM_AUDIENCE!r} or an endpoint, SQUAD/PROJECT/ENVIRONMENT.",
        ) from error
