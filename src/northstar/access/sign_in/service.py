"""Signing in with an organisation's account: out to the provider, back, and whose session it is."""

from __future__ import annotations

import hmac
import re
import secrets
from datetime import datetime, timedelta

from northstar.access import store as access_store
from northstar.access.audit.log import Change
from northstar.access.directory import add_role, hold, remove_role
from northstar.access.domain import PLATFORM, Grant, principal_of
from northstar.access.errors import BadCredentials
from northstar.access.origin import came_through
from northstar.access.service import AccessService
from northstar.access.sessions import SESSION_SECONDS, fingerprint
from northstar.access.sign_in import store
from northstar.access.sign_in.domain import (
    Person,
    SignInSettings,
    distinct_name_for,
    name_for,
)
from northstar.access.sign_in.provider import Flow, Provider
from northstar.clock import Clock
from northstar.errors import Conflict, Denied
from northstar.names import Scope

CALLBACK = "/sign-in/callback"
ASSIGNER = "platform:sign-in"
_RESERVED = frozenset({"admin"})  # made by `northstar bootstrap`, and an administrator
_ERROR = re.compile(r"[a-z_]{1,60}")


class SignIn:
    """Makes web sessions for people whom the provider knows."""

    def __init__(self, access: AccessService, clock: Clock, settings: SignInSettings) -> None:
        self._access = access
        self._clock = clock
        self._settings = settings
        redirect_uri = access.tokens.issuer + CALLBACK
        self._provider = Provider(settings, access.issuers, clock, redirect_uri)

    def start(self) -> tuple[str, str]:
        """Where to send a browser, and the secret that it must bring back in a cookie."""
        secret = secrets.token_urlsafe(32)
        return self._provider.authorization_url(Flow.of(secret)), secret

    def finish(
        self,
        secret: str,
        *,
        state: str,
        code: str,
        error: str = "",
        issuer: str | None = None,
        replaces: str = "",
    ) -> str:
        """Turn the provider's answer into a new session; returns the cookie's value.

        Args:
            secret: of the browser that brought the answer.
            error: the provider's, instead of a code.
            replaces: the cookie of the session that the browser had, which ends.

        Raises ``BadCredentials`` for an answer that is not to this browser's question, or that
        proves nothing; ``Unavailable`` while the provider is away.
        """
        flow = Flow.of(secret)
        try:
            if not secret or not hmac.compare_digest(flow.state.encode(), state.encode()):
                raise _unasked()
            self._provider.check_issuer(issuer)
            if error or not code:
                raise _refused(error)
            person = self._provider.redeem(code, flow)
        except BadCredentials as error:
            self._access.record_failed_sign_in(error)
            raise
        came_through(f"account:{fingerprint(f'{person.issuer} {person.subject}')}")
        return self._begin(person, replaces)

    def link(self, principal: str, subject: str, by: str) -> None:
        """Say beforehand which account is whose; raises ``Conflict``, ``Denied``, ``NotFound``."""
        known = self._access.directory.get(principal)
        if known.kind != "user":
            raise Denied(f"{principal} is no person.")
        person = Person(self._settings.issuer, subject, subject)
        with self._access.audit.change() as change:
            hold(change.connection, principal)
            if whose := store.principal_of(change.connection, person):
                raise Conflict(f"The account {subject} is that of {whose}.")
            store.add(change.connection, person, known.id, self._clock.now())
            told = {"principal": principal, "issuer": person.issuer, "account": subject}
            change.record(by, "principal:link", Scope(), **told)

    def sign_out_url(self) -> str | None:
        """Where a person ends the session at the provider, too."""
        return self._provider.sign_out_url(f"{self._access.tokens.issuer}/")

    def _begin(self, person: Person, replaces: str) -> str:
        """A session of the user whose account it is, made at its first sign-in, with the roles of
        its groups; all in one change.
        """
        now = self._clock.now()
        with self._access.directory.change() as change:
            who = store.principal_of(change.connection, person)
            if who is None:
                who = _made_for(change, person, now)
                store.add(change.connection, person, who, now)
            hold(change.connection, who)
            grants = {g for group in person.groups for g in self._settings.roles.get(group, ())}
            _give(change, who, grants, now)
            told = {"issuer": person.issuer, "account": person.display}
            return self._access.sessions.start(change, who, now, replaces, **told)


def _give(change: Change, who: str, grants: set[Grant], now: datetime) -> None:
    """Let a person's roles by their groups be ``grants``, for as long as a session lasts."""
    ends = now + timedelta(seconds=SESSION_SECONDS)
    for held in access_store.assignments_of(change.connection, who):
        if held.assigned_by != ASSIGNER:
            continue
        grant = Grant(role=held.role, scope=held.scope)
        running = held.expires_at is not None and held.expires_at > now
        if grant in grants and running:
            access_store.prolong_assignment(change.connection, held.id, ends)
            grants = grants - {grant}
        elif running:
            remove_role(change, held.id, ASSIGNER)
        else:
            access_store.remove_assignment(change.connection, held.id)
    for grant in sorted(grants, key=lambda grant: (grant.role, grant.scope)):
        add_role(change, who, grant, ASSIGNER, now, ends)


def _made_for(change: Change, person: Person, now: datetime) -> str:
    """A new user for a person. A name that is taken is somebody else's, whoever calls themselves
    so: the person then gets one with an ending that nobody else has.
    """
    usual, distinct = name_for(person), distinct_name_for(person)
    for name in (usual, distinct) if usual not in _RESERVED else (distinct,):
        principal = principal_of("user", name)
        if access_store.add_principal(change.connection, principal, PLATFORM.id, now):
            told = {"principal": principal.id, "account": person.display}
            change.record(ASSIGNER, "principal:create", Scope(), **told)
            return principal.id
    raise Conflict(
        f"There is no name left for the account {person.subject}.",
        hint=f"Say whose it is: northstar principal link user:NAME {person.subject}",
    )


def _unasked() -> BadCredentials:
    return BadCredentials(
        "This sign-in was not begun in this browser, or too long ago.",
        hint="Begin again, and allow cookies for this address.",
    )


def _refused(error: str) -> BadCredentials:
    why = error if _ERROR.fullmatch(error) else "no reason was given"
    return BadCredentials(f"Your organisation did not sign you in: {why}.", hint="Begin again.")
