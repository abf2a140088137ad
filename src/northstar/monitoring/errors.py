"""Monitoring's own errors.

Conflict
└── AlertSettled     the alert's state does not admit the change
Invalid
└── BadLabels        the labels cannot be taken as they are
NotFound
└── NoSuchAlert      the endpoint has no alert of this number
"""

from __future__ import annotations

from northstar.errors import Conflict, Invalid, NotFound


class AlertSettled(Conflict):
    """The alert's state does not admit the change."""


class BadLabels(Invalid):
    """The labels cannot be taken as they are."""


class NoSuchAlert(NotFound):
    """The endpoint has no alert of this number."""
