"""What was changed by hand: a plan read the other way round, from the code to what is there.

A plan goes from what is there to what the code wants: a store that somebody opened by hand is one
that the plan closes. Read backwards, the same rules say what was opened.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import Any

from northstar.environments.as_code.changes import changes_of
from northstar.environments.as_code.notes import NOT_KNOWN
from northstar.environments.as_code.prices import PriceList
from northstar.environments.as_code.review import Review
from northstar.environments.as_code.summary import Summary, summarise
from northstar.environments.as_code.wording import named
from northstar.environments.domain import ResourceChange
from northstar.environments.plan import Plan

_BACKWARDS: Mapping[tuple[str, ...], list[str]] = {
    ("create",): ["delete"],
    ("delete",): ["create"],
    ("forget",): ["no-op"],
}


@dataclass(frozen=True)
class Drift:
    """What a check found.

    Attributes:
        found: from what the code says to what is there: what was opened, closed and changed.
        mending: the review of what an apply would do about it.
        changes: each resource that differs, with what an apply would do to it (``create`` what is
            missing), and what was changed of it.
    """

    found: Summary
    mending: Review

    @property
    def changes(self) -> tuple[ResourceChange, ...]:
        by_hand = {one.address: one.summary for one in self.found.changes}
        return tuple(
            one.model_copy(update={"summary": by_hand.get(one.address, "")})
            for one in self.mending.summary.changes
        )


def drift_of(document: Mapping[str, Any], mending: Review, prices: PriceList) -> Drift:
    """Read what ``terraform show -json`` says of a plan that nobody means to apply."""
    found = summarise(_backwards(document), prices)
    return Drift(replace(found, doubts=(*found.doubts, *_unknown(document))), mending)


def _backwards(document: Mapping[str, Any]) -> dict[str, Any]:
    """The plan from what its code says to what is there.

    What the code says is only known in part, and what is there in full; so nothing is looked up in
    the configuration, and what isn't known is taken as it is there: ``_unknown`` tells it.
    """
    return {
        "configuration": {"root_module": {}},
        "planned_values": {},
        "resource_changes": [
            {
                "address": one["address"],
                "mode": one["mode"],
                "type": one["type"],
                "change": _turned(one["change"]),
            }
            for one in document.get("resource_changes", ())
            if one["mode"] == "managed"
        ],
        "resource_drift": document.get("resource_drift", ()),
        "deferred_changes": document.get("deferred_changes"),
        "complete": document.get("complete"),
    }


def _turned(change: Mapping[str, Any]) -> dict[str, Any]:
    there = change.get("before")
    unknown = change.get("after_unknown")
    return {
        "actions": _BACKWARDS.get(tuple(change["actions"]), change["actions"]),
        "before": _filled(change.get("after"), there, unknown) if there else change.get("after"),
        "after": there,
        "before_sensitive": change.get("after_sensitive"),
        "after_sensitive": change.get("before_sensitive"),
    }


def _filled(wanted: Any, there: Any, unknown: Any) -> Any:
    """What is wanted, with what is there wherever that is not known."""
    if unknown is True:
        return there
    if isinstance(unknown, Mapping) and isinstance(wanted, Mapping):
        of = there if isinstance(there, Mapping) else {}
        keys = dict.fromkeys((*wanted, *unknown))
        return {key: _filled(wanted.get(key), of.get(key), unknown.get(key)) for key in keys}
    if isinstance(unknown, list) and isinstance(wanted, list):
        rest = there if isinstance(there, list) else []
        return [_filled(*one) for one in zip_longest(wanted, rest[: len(wanted)], unknown)]
    return wanted


def _unknown(document: Mapping[str, Any]) -> list[str]:
    """What is written for a resource that is there, and can't be compared with it."""
    return [
        f"{named(change.address)}: what the code says of {one.path} is {NOT_KNOWN}"
        for change in changes_of(document, Plan(document))
        for one in change.differences
        if not one.known and not one.follows and change.sets(one)
    ]
