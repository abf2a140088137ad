"""The client filters that decide whether an enabled flag is on for somebody."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from northstar.flags.hashing import percentage, salt, upper_bound
from northstar.flags.reading import Fields

Filter = Callable[[str, Sequence[str]], bool]
Now = Callable[[], datetime]

TARGETING = "Microsoft.Targeting"
TIME_WINDOW = "Microsoft.TimeWindow"


def compile_filters(conditions: Fields, now: Now) -> Filter | None:
    """One predicate for all client filters, or ``None`` where there are none.

    ``requirement_type`` "Any" (the default) wants one of them to hold, "All" wants every one. An
    unknown filter raises ``Invalid``: nobody could say what it would have decided.
    """
    kind = conditions.one_of("requirement_type", ("Any", "All"))
    filters = [_compile_filter(item, now) for item in conditions.items("client_filters")]
    if not filters:
        return None
    if len(filters) == 1:
        return filters[0]
    combine = any if kind == "Any" else all
    return lambda user, groups: combine(holds(user, groups) for holds in filters)


def _compile_filter(item: Fields, now: Now) -> Filter:
    name = item.text("name")
    parameters = item.mapping("parameters")
    if name in (TARGETING, "Targeting"):
        return _targeting(parameters.mapping("Audience"))
    if name in (TIME_WINDOW, "TimeWindow"):
        return _time_window(parameters, now)
    return item.fail("name", f"must be {TARGETING} or {TIME_WINDOW}")


def _targeting(audience: Fields) -> Filter:
    exclusion = audience.mapping("Exclusion")
    excluded_users = frozenset(exclusion.texts("Users"))
    excluded_groups = frozenset(exclusion.texts("Groups"))
    users = frozenset(audience.texts("Users"))
    rollouts = [
        (
            name := group.text("Name"),
            upper_bound(group.percent("RolloutPercentage")),
            salt(f"{audience.flag_id}\n{name}"),
        )
        for group in audience.items("Groups")
    ]
    everybody = upper_bound(audience.percent("DefaultRolloutPercentage"))
    everybody_salt = salt(audience.flag_id)

    def holds(user: str, groups: Sequence[str]) -> bool:
        if user in excluded_users or not excluded_groups.isdisjoint(groups):
            return False
        if user in users:
            return True
        if any(
            name in groups and percentage(user, group_salt) < share
            for name, share, group_salt in rollouts
        ):
            return True
        return percentage(user, everybody_salt) < everybody

    return holds


def _time_window(parameters: Fields, now: Now) -> Filter:
    start, end = _moment(parameters, "Start"), _moment(parameters, "End")
    if start is None and end is None:
        parameters.fail("Start", "or End must be a moment")
    if parameters.raw("Recurrence") is not None:
        parameters.fail("Recurrence", "is not supported: the window must be a single one")

    def holds(_user: str, _groups: Sequence[str]) -> bool:
        at = now()
        return (start is None or start <= at) and (end is None or at < end)

    return holds


def _moment(parameters: Fields, field: str) -> datetime | None:
    text = parameters.optional_text(field)
    if not text:
        return None
    for read in (parsedate_to_datetime, datetime.fromisoformat):
        try:
            moment = read(text)
        except ValueError:
            continue
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return parameters.fail(field, "must be an HTTP date or an ISO 8601 moment")
