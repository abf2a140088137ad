"""Routes of signing in with an organisation's account."""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from http.cookies import CookieError, SimpleCookie
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, Field

from northstar.access.callers import session_cookie
from northstar.access.guard import Guard, caller
from northstar.access.role_giving import check_credential
from northstar.access.service import AccessService
from northstar.access.session_cookies import NO_STORE, signed_in
from northstar.access.sign_in.service import CALLBACK, SignIn
from northstar.names import Scope

START = "/sign-in/start"
_COOKIE = "northstar_sign_in"
_SECONDS = 600
_OWN_PAGE = re.compile(r"/(?!/)[!-\[\]-~]{0,500}")  # a path of ours: visible, and no backslash
_Word = Annotated[str, Query(max_length=4096)]


class Account(BaseModel):
    """An organisation's account, by the claim that never changes."""

    subject: Annotated[str, Field(min_length=1, max_length=255)]


def router(access: AccessService, sign_in: SignIn, guard: Guard) -> APIRouter:
    """Out, back, the provider's sign-out, and whose account is whose."""
    routes = APIRouter(tags=["access"])
    secure = access.tokens.issuer.startswith("https:")
    cookie = f"__Host-{_COOKIE}" if secure else _COOKIE
    proof = [guard.proof("the provider's answer, to this browser's question, is the proof")]

    @routes.get(START, dependencies=proof)
    def start(again: _Word = "/") -> RedirectResponse:
        place, secret = sign_in.start()
        answer = RedirectResponse(place, status_code=303, headers=NO_STORE)
        value = f"{secret}.{urlsafe_b64encode(_own_page(again).encode()).decode().rstrip('=')}"
        # Lax: the provider's answer is a navigation that another site began.
        answer.set_cookie(
            cookie, value, max_age=_SECONDS, httponly=True, samesite="lax", secure=secure
        )
        return answer

    @routes.get(CALLBACK, dependencies=proof)
    def callback(
        request: Request,
        state: _Word = "",
        code: _Word = "",
        error: _Word = "",
        iss: _Word | None = None,
    ) -> RedirectResponse:
        cookies = request.headers.get("cookie", "")
        secret, _, page = _value(cookies, cookie).partition(".")
        session = sign_in.finish(
            secret,
            state=state,
            code=code,
            error=error,
            issuer=iss,
            replaces=session_cookie(cookies),
        )
        answer = signed_in(session, _decoded(page), secure=secure)
        answer.delete_cookie(cookie, httponly=True, samesite="lax", secure=secure)
        return answer

    @routes.get(
        "/sign-out/organisation", dependencies=[guard.public("it leads to the provider, no more")]
    )
    def sign_out() -> RedirectResponse:
        return RedirectResponse(sign_in.sign_out_url() or "/", status_code=303, headers=NO_STORE)

    @routes.post(
        "/api/principals/{principal:path}/accounts",
        status_code=204,
        dependencies=[guard("principal:create")],
    )
    def link(principal: str, body: Account, request: Request) -> None:
        who = caller(request)
        check_credential(access, who, principal, access.decide(who, "principal:create", Scope()))
        sign_in.link(principal, body.subject, who.id)

    return routes


def _value(header: str, name: str) -> str:
    try:
        found = SimpleCookie(header).get(name)
    except CookieError:
        return ""
    return found.value if found else ""


def _own_page(page: str) -> str:
    """A page of ours to go on to; the first one, for any other address."""
    away = page.startswith(("/sign-in", "/sign-out"))
    return page if _OWN_PAGE.fullmatch(page) and not away else "/"


def _decoded(page: str) -> str:
    try:
        return _own_page(urlsafe_b64decode(page + "=" * (-len(page) % 4)).decode())
    except ValueError:
        return "/"
