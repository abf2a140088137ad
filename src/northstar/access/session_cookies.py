"""The answer that starts a web session."""

from __future__ import annotations

from fastapi.responses import RedirectResponse

from northstar.access.sessions import COOKIE, SESSION_SECONDS

NO_STORE = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}


def signed_in(session: str, page: str, *, secure: bool) -> RedirectResponse:
    """Sets the session's cookie and leads to a page of ours.

    Args:
        secure: whether the platform's address is https.
    """
    answer = RedirectResponse(page, status_code=303, headers=NO_STORE)
    answer.set_cookie(
        COOKIE,
        session,
        max_age=SESSION_SECONDS,
        httponly=True,
        # A link in a mail shall open the page that it names. What changes something takes the
        # session's form token and our own origin besides, see the guard.
        samesite="lax",
        secure=secure,
    )
    return answer
