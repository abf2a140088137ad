"""Serving's errors.

Invalid ── BadInput        the request does not fit the protocol or the model's columns
        ── TooLarge        its body is too large
        ── WrongMethod     the path is known, but not with this method
NotFound ── NoRoute        the path leads nowhere
Failed ─── ModelBroken     the model folder cannot be loaded, or it answered something unusable
Unavailable ── NotReady    the endpoint has no model yet
"""

from __future__ import annotations

from northstar.errors import Failed, Invalid, NotFound, Unavailable


class BadInput(Invalid):
    """The request does not fit the protocol or the model's columns."""

    code, http_status = "invalid", 400


class TooLarge(Invalid):
    """The request's body is larger than the endpoint accepts."""

    http_status = 413


class WrongMethod(Invalid):
    """The path is known, but not with this method."""

    http_status = 405


class NoRoute(NotFound):
    """The path leads nowhere."""


class ModelBroken(Failed):
    """The model folder cannot be loaded, or the model answered something unusable."""


class NotReady(Unavailable):
    """The endpoint has no model to answer with yet."""
