from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from northstar.errors import Invalid
from northstar.flags.domain import compile_flag
from northstar.flags.hashing import percentage, salt

TWO = [{"name": "A", "configuration_value": {"size": 1}}, {"name": "B"}]
TARGETING = "Microsoft.Targeting"


def flag(**fields: Any) -> dict[str, Any]:
    return {"id": "f", "enabled": True, "variants": TWO, **fields}


def halves(**fields: Any) -> dict[str, Any]:
    slots = [{"variant": "A", "from": 0, "to": 50}, {"variant": "B", "from": 50, "to": 100}]
    return flag(allocation={"percentile": slots, **fields})


@pytest.mark.parametrize(
    ("user", "hint", "expected"),
    [
        ("Brittney", "RolloutPercentageUpdate", 61.7113420184961),
        ("Adam", "allocation\nAllocationAssignedVariant", 25.268430035856653),
        ("Britney", "allocation\nAllocationAssignedVariant", 69.03341749427688),
    ],
)
def test_users_stand_where_the_other_libraries_put_them(
    user: str, hint: str, expected: float
) -> None:
    assert percentage(user, salt(hint)) == pytest.approx(expected, abs=1e-12)


def test_percentile_uses_the_flag_id_as_default_seed() -> None:
    compiled = compile_flag(halves() | {"id": "AllocationAssignedVariant"})
    assert compiled.assign("Adam") == ("A", {"size": 1}, True, "Percentile")
    assert compiled.assign("Britney").variant == "B"


def test_a_seed_replaces_the_default_and_an_empty_one_is_a_seed() -> None:
    place = percentage("u", salt("spring"))
    slots = [{"variant": "A", "from": place, "to": place + 1e-9}]
    assert compile_flag(flag(allocation={"percentile": slots, "seed": "spring"})).assign("u")[0]
    assert compile_flag(flag(allocation={"percentile": slots})).assign("u")[0] is None
    assert compile_flag(flag(allocation={"percentile": slots, "seed": ""})).assign("u")[0] is None


@given(st.text(), st.floats(0, 100))
def test_a_range_includes_its_start_and_excludes_its_end(user: str, cut: float) -> None:
    slots = [{"variant": "A", "from": 0, "to": cut}, {"variant": "B", "from": cut, "to": 100}]
    place = percentage(user, salt("allocation\nf"))
    expected = "A" if place < cut or cut == 100 else "B"
    assert compile_flag(flag(allocation={"percentile": slots})).assign(user).variant == expected


def test_of_overlapping_ranges_the_first_wins() -> None:
    slots = [{"variant": "A", "from": 0, "to": 100}, {"variant": "B", "from": 0, "to": 100}]
    assert compile_flag(flag(allocation={"percentile": slots})).assign("u").variant == "A"


def test_a_range_from_0_to_0_holds_nobody() -> None:
    slots = [{"variant": "A", "from": 0, "to": 0}, {"variant": "B", "from": 0, "to": 100}]
    assert compile_flag(flag(allocation={"percentile": slots})).assign("u").variant == "B"


def test_user_comes_before_group_before_percentile_before_default() -> None:
    compiled = compile_flag(
        flag(
            variants=[{"name": name} for name in "ugpd"],
            allocation={
                "user": [{"variant": "u", "users": ["anna"]}],
                "group": [{"variant": "g", "groups": ["beta"]}],
                "percentile": [{"variant": "p", "from": 0, "to": 50}],
                "default_when_enabled": "d",
            },
        )
    )
    inside = next(u for u in map(str, range(99)) if percentage(u, salt("allocation\nf")) < 50)
    outside = next(u for u in map(str, range(99)) if percentage(u, salt("allocation\nf")) >= 50)
    assert compiled.assign("anna", ["beta"])[::3] == ("u", "User")
    assert compiled.assign(inside, ["beta"])[::3] == ("g", "Group")
    assert compiled.assign(inside)[::3] == ("p", "Percentile")
    assert compiled.assign(outside)[::3] == ("d", "DefaultWhenEnabled")


def test_a_disabled_flag_gives_its_default_and_ignores_status_override() -> None:
    variants = [{"name": "off", "status_override": "Enabled", "configuration_value": 7}]
    allocation = {"default_when_disabled": "off"}
    compiled = compile_flag(flag(enabled=False, variants=variants, allocation=allocation))
    assert compiled.assign("u") == ("off", 7, False, "DefaultWhenDisabled")


def test_status_override_has_the_last_word() -> None:
    variants = [{"name": "on", "status_override": "Disabled"}]
    compiled = compile_flag(flag(variants=variants, allocation={"default_when_enabled": "on"}))
    assert compiled.assign("u") == ("on", None, False, "DefaultWhenEnabled")


def test_a_flag_without_variants_is_just_on_or_off() -> None:
    assert compile_flag({"id": "f", "enabled": True}).assign() == (None, None, True, "None")
    assert compile_flag({"id": "f"}).assign() == (None, None, False, "None")


def targeting(**audience: Any) -> dict[str, Any]:
    parameters = {"Audience": {"DefaultRolloutPercentage": 0, **audience}}
    filters = [{"name": TARGETING, "parameters": parameters}]
    return {"id": "f", "enabled": True, "conditions": {"client_filters": filters}}


def test_targeting_names_users_and_rolls_out_to_a_share() -> None:
    compiled = compile_flag(
        targeting(Users=["Aiden"], DefaultRolloutPercentage=62) | {"id": "RolloutPercentageUpdate"}
    )
    assert compiled.assign("Aiden").enabled
    assert compiled.assign("Brittney").enabled  # she stands at 61.7
    narrower = targeting(DefaultRolloutPercentage=61) | {"id": "RolloutPercentageUpdate"}
    assert not compile_flag(narrower).assign("Brittney").enabled


def test_targeting_groups_have_shares_of_their_own_and_exclusion_beats_all() -> None:
    compiled = compile_flag(
        targeting(
            Users=["banned"],
            Groups=[{"Name": "all", "RolloutPercentage": 100}],
            Exclusion={"Users": ["banned"], "Groups": ["outside"]},
        )
    )
    assert compiled.assign("x", ["all"]).enabled
    assert not compiled.assign("x").enabled
    assert not compiled.assign("banned", ["all"]).enabled
    assert not compiled.assign("x", ["all", "outside"]).enabled


def window(start: str, end: str, requirement: str = "Any") -> dict[str, Any]:
    filters = [
        {"name": "Microsoft.TimeWindow", "parameters": {"Start": start}},
        {"name": "Microsoft.TimeWindow", "parameters": {"End": end}},
    ]
    conditions = {"requirement_type": requirement, "client_filters": filters}
    return {"id": "f", "enabled": True, "conditions": conditions}


@pytest.mark.parametrize(
    ("requirement", "day", "enabled"),
    [("All", 1, False), ("All", 15, True), ("All", 31, False), ("Any", 1, True), ("Any", 31, True)],
)
def test_filters_combine_as_required(requirement: str, day: int, enabled: bool) -> None:
    either = window("Sun, 10 May 2026 00:00:00 GMT", "2026-05-20T00:00:00Z", requirement)
    compiled = compile_flag(either, now=lambda: datetime(2026, 5, day, tzinfo=UTC))
    assert compiled.assign().enabled is enabled


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({}, "no 'id'"),
        (flag(enabled="true"), "enabled must be true or false"),
        (flag(variants=[{"name": "A"}, {"name": "A"}]), r"variants\[1\].name must differ"),
        (flag(allocation={"default_when_enabled": "C"}), r"one of the flag's variants \(A, B\)"),
        (
            flag(allocation={"percentile": [{"variant": "A", "from": 0, "to": 101}]}),
            r"allocation.percentile\[0\].to must be a number from 0 to 100, not 101",
        ),
        (flag(allocation={"percentile": [{"variant": "A", "from": 9, "to": 8}]}), "not be greater"),
        (flag(conditions={"client_filters": [{"name": "Geo"}]}), "must be Microsoft.Targeting or"),
        (flag(conditions={"requirement_type": "None"}), "must be Any or All"),
        (targeting(DefaultRolloutPercentage=None), "Audience.DefaultRolloutPercentage"),
        (window("soon", "later"), "must be an HTTP date"),
    ],
)
def test_a_wrong_flag_is_refused_by_field(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(Invalid, match=message):
        compile_flag(wrong)
