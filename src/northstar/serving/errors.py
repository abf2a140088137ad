"""Serving's errors.

Invalid ── BadInput        the request does not fit the model's columns
Failed ─── ModelBroken     the model folder cannot be loaded, or it answered something unusable
Unavailable ── NotReady    the endpoint has no model yet
"""

from __future__ import annotations

from northstar.errors import Failed, Invalid, Unavailable


class BadInput(Invalid):
    """The request does not fit the protocol or the model's columns."""

    code, http_status = "invalid", 400


class ModelBroken(Failed):
    """The model folder cannot be loaded, or the model answered something unusable."""


class NotReady(Unavailable):
    """The endpoint has no model to answer with yet."""
