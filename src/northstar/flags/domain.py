"""A compiled evaluator of feature flags in Microsoft's feature management schema v2.

The schema and its semantics: https://github.com/microsoft/FeatureManagement (schema v2.0.0), as the
JavaScript and .NET libraries evaluate it. A flag is checked and compiled once and then assigned
many times: ``compile_flag(flag).assign("anna")``. Everything here is pure and needs the standard
library only, because it runs in an endpoint's inner loop.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Literal, NamedTuple

from northstar.errors import Invalid
from northstar.flags.filters import Filter, Now, compile_filters
from northstar.flags.hashing import percentage, salt, upper_bound
from northstar.flags.reading import Fields

Flag = Mapping[str, Any]
Reason = Literal["None", "DefaultWhenDisabled", "DefaultWhenEnabled", "User", "Group", "Percentile"]

_STATUS: dict[str, bool] = {"Enabled": True, "Disabled": False}
_TOTAL_TOLERANCE = 1e-6


class Assignment(NamedTuple):
    """What a flag says to one user: the variant with its configuration, on or off, and why."""

    variant: str | None
    configuration_value: Any
    enabled: bool
    reason: Reason


class CompiledFlag:
    """A flag ready to be assigned; made by ``compile_flag``, immutable, safe between threads."""

    __slots__ = ("_filters", "_groups", "_off", "_on", "_salt", "_slots", "_users", "id")

    def __init__(
        self,
        flag_id: str,
        *,
        filters: Filter | None,
        users: dict[str, Assignment],
        groups: list[tuple[frozenset[str], Assignment]],
        slots: list[tuple[float, float, Assignment]],
        seed: str,
        on: Assignment,
        off: Assignment,
    ) -> None:
        self.id = flag_id
        self._filters = filters
        self._users = users
        self._groups = groups
        self._slots = slots
        self._salt = salt(seed)
        self._on = on
        self._off = off

    def assign(self, user: str = "", groups: Sequence[str] = ()) -> Assignment:
        """Assign a variant: by user, then group, then percentile, then the default.

        The same user always gets the same variant; a missing user is the empty text.
        """
        if self._filters is not None and not self._filters(user, groups):
            return self._off
        if self._users and (by_user := self._users.get(user)):
            return by_user
        for names, by_group in self._groups:
            if not names.isdisjoint(groups):
                return by_group
        if self._slots:
            place = percentage(user, self._salt)
            for low, high, by_percentile in self._slots:
                if low <= place < high:
                    return by_percentile
        return self._on


def compile_flag(flag: Flag, now: Now | None = None) -> CompiledFlag:
    """Check a flag and prepare it for assignment.

    Time windows, and nothing else, ask ``now``. Raises ``Invalid`` naming the field. Of overlapping
    percentiles the first wins, as in Microsoft's libraries.
    """
    fields = _fields(flag)
    conditions = compile_filters(fields.mapping("conditions"), now or _system_now)
    enabled = fields.boolean("enabled", default=False)
    variants = _Variants(fields, enabled=enabled)
    allocation = fields.mapping("allocation")
    users: dict[str, Assignment] = {}
    for item in allocation.items("user"):
        assignment = variants.chosen(item, "variant", "User")
        for user in item.texts("users"):
            users.setdefault(user, assignment)
    groups = [
        (frozenset(item.texts("groups")), variants.chosen(item, "variant", "Group"))
        for item in allocation.items("group")
    ]
    slots = [
        (*_range(item), variants.chosen(item, "variant", "Percentile"))
        for item in allocation.items("percentile")
    ]
    seed = allocation.optional_text("seed")
    return CompiledFlag(
        fields.flag_id,
        filters=conditions if enabled else _never,
        users=users,
        groups=groups,
        slots=slots,
        seed=f"allocation\n{fields.flag_id}" if seed is None else seed,
        on=variants.default(allocation, "default_when_enabled", "DefaultWhenEnabled"),
        off=variants.default(allocation, "default_when_disabled", "DefaultWhenDisabled"),
    )


def rollout_flag(
    flag_id: str, weights: Mapping[str, float], seed: str | None = None
) -> dict[str, Any]:
    """The flag that gives each variant its share of users, in percent.

    Variants take their places in the order given; keep the order when shares change, and users
    move only from shrinking variants to growing ones. Without a ``seed`` the same users come
    first in every rollout of this flag. Raises ``Invalid`` unless the shares add up to 100.
    """
    total = sum(weights.values())
    adds_up = abs(total - 100) <= _TOTAL_TOLERANCE  # false for NaN, too
    if not weights or min(weights.values()) < 0 or not adds_up:
        raise Invalid(
            f"Feature flag {flag_id!r}: the shares {dict(weights)} are not a division of 100 %.",
            hint="Give every variant a share of at least 0, adding up to 100.",
        )
    shares = {variant: share for variant, share in weights.items() if share > 0}
    percentile: list[dict[str, Any]] = []
    begin = 0.0
    for index, (variant, share) in enumerate(shares.items()):
        end = 100.0 if index == len(shares) - 1 else round(begin + share, 9)
        percentile.append({"variant": variant, "from": begin, "to": end})
        begin = end
    largest = max(shares, key=lambda variant: shares[variant])
    allocation: dict[str, Any] = {
        "percentile": percentile,
        "default_when_enabled": largest,
        "default_when_disabled": largest,
    }
    if seed:
        allocation["seed"] = seed
    return {
        "id": flag_id,
        "enabled": True,
        "variants": [{"name": variant} for variant in weights],
        "allocation": allocation,
    }


class _Variants:
    """The variants of a flag, and the assignments made of them."""

    def __init__(self, fields: Fields, *, enabled: bool) -> None:
        self._flag_enabled = enabled
        self._by_name: dict[str, tuple[Any, bool | None]] = {}
        for item in fields.items("variants"):
            name = item.text("name")
            if name in self._by_name:
                item.fail("name", "must differ from the other variants' names")
            status = item.one_of("status_override", ("None", "Enabled", "Disabled"))
            self._by_name[name] = (item.raw("configuration_value"), _STATUS.get(status))

    def chosen(self, item: Fields, field: str, reason: Reason) -> Assignment:
        name = item.text(field)
        if name not in self._by_name:
            known = ", ".join(sorted(self._by_name)) or "none is defined"
            item.fail(field, f"must name one of the flag's variants ({known})")
        configuration, override = self._by_name[name]
        on = reason != "DefaultWhenDisabled"
        if override is not None and self._flag_enabled:
            on = override
        return Assignment(name, configuration, on, reason)

    def default(self, allocation: Fields, field: str, reason: Reason) -> Assignment:
        if allocation.optional_text(field):
            return self.chosen(allocation, field, reason)
        on = reason == "DefaultWhenEnabled"
        return Assignment(None, None, on, reason if self._by_name else "None")


def _fields(flag: Flag) -> Fields:
    flag_id = flag.get("id") if isinstance(flag, Mapping) else None
    if not isinstance(flag_id, str) or not flag_id:
        raise Invalid("A feature flag has no 'id'.", hint="Give it a non-empty text as its id.")
    return Fields(flag_id, "", flag)


def _range(item: Fields) -> tuple[float, float]:
    low, high = item.percent("from"), item.percent("to")
    if low > high:
        item.fail("from", f"must not be greater than to ({high:g})")
    return low, upper_bound(high)


def _never(_user: str, _groups: Sequence[str]) -> bool:
    return False


def _system_now() -> datetime:
    return datetime.now(UTC)
