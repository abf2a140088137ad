"""Waivers of a plan: one that holds, that ended, that fits nothing, and that nothing needs."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import yaml

from northstar.environments.as_code.order import NETWORK
from northstar.environments.as_code.platform_file import PlatformFile
from northstar.environments.as_code.prices import load_prices
from northstar.environments.as_code.report_text import as_markdown, as_text
from northstar.environments.as_code.review import Review, review
from tests.environments.as_code.plans import STORE, TODAY, entry, plan
from tests.infra.folder import EXAMPLE_PLATFORM

OPEN = {"tags": {"owner": "o", "cost_center": "c", "environment": "dev"}, "location": "brazilsouth"}


def reviewed(*waivers: dict[str, Any]) -> Review:
    written = yaml.safe_load(EXAMPLE_PLATFORM.read_text())
    file = PlatformFile.model_validate({**written, "waivers": waivers})
    group = "azurerm_resource_group.far"
    made = {"type": "azurerm_resource_group", "name": "far", "mode": "managed", "values": OPEN}
    document = plan(
        entry(group, None, OPEN),
        planned_values={"root_module": {"resources": [{**made, "address": group}]}},
    )
    return review(document, file, "dev", load_prices(), TODAY)


def waiver(**more: Any) -> dict[str, Any]:
    return {
        "policy": "regions",
        "resource": "azurerm_resource_group.*",
        "reason": "A pilot with a partner that is only there.",
        "approved_on": TODAY - timedelta(days=30),
        "until": TODAY,
        "requested_by": "ada@example.com",
        "approved_by": "grace@example.com",
        **more,
    }


def test_without_a_waiver_a_finding_refuses_the_plan() -> None:
    found = reviewed()
    assert [one.policy for one in found.findings] == ["regions"]
    assert "brazilsouth" in found.refusals[0]
    assert "It may not be applied as it is." in as_text(found)


def test_a_waiver_holds_on_its_last_day_and_is_told() -> None:
    found = reviewed(waiver())
    assert not found.refusals
    said = as_text(found)
    assert f"until {TODAY}, asked for by ada@example.com, approved by grace@example.com" in said
    (told,) = found.reported_findings()
    assert told.waived.startswith("A pilot with a partner")


def test_a_waiver_that_ended_refuses_and_says_since_when() -> None:
    yesterday = TODAY - timedelta(days=1)
    found = reviewed(waiver(until=yesterday))
    assert f"ended on {yesterday}." in found.refusals[-1]
    assert found.findings


def test_a_waiver_that_is_approved_for_later_refuses_and_says_from_when() -> None:
    tomorrow = TODAY + timedelta(days=1)
    found = reviewed(waiver(approved_on=tomorrow, until=tomorrow))
    assert f"holds from {tomorrow} on." in found.refusals[-1]


@pytest.mark.parametrize(
    "other",
    [
        {"policy": "tags"},
        {"resource": "azurerm_resource_group.near"},
        {"resource": "azurerm_resource_group.fa[r]"},  # brackets are those of an address
        {"stages": ["prod"]},
    ],
)
def test_a_waiver_of_something_else_lets_nothing_pass(other: dict[str, Any]) -> None:
    assert reviewed(waiver(**other)).refusals


def test_a_waiver_that_nothing_needs_is_told() -> None:
    found = reviewed(waiver(), waiver(policy="tags"))
    assert [one.policy for one in found.unused] == ["tags"]
    assert "Waivers that nothing needs" in as_text(found)


def test_a_waiver_of_checkov_is_not_asked_for_by_a_plan() -> None:
    assert not reviewed(waiver(), waiver(policy="CKV_AZURE_1")).unused


def test_nothing_in_a_value_can_hide_what_follows_in_a_comment() -> None:
    written = yaml.safe_load(EXAMPLE_PLATFORM.read_text())
    change = entry(STORE, {"tags": {"owner": "a"}}, {"tags": {"owner": "<!-- \x1b[8m **"}})
    file = PlatformFile.model_validate(written)
    found = review(plan(change), file, "dev", load_prices(), TODAY)
    assert "&lt;!-- \\\\u001b\\[8m \\*\\*" in as_markdown(found)
    assert "\x1b" not in as_text(found)


def test_long_lines_go_on_under_their_beginning() -> None:
    lines = as_text(reviewed(), width=60).splitlines()
    assert max(map(len, lines)) <= 60
    assert any(line.startswith("      ") for line in lines)


def test_what_is_next_is_said_unless_everything_is_removed() -> None:
    written = yaml.safe_load(EXAMPLE_PLATFORM.read_text())
    del written["stages"]["dev"]["image"]
    file = PlatformFile.model_validate(written)

    def said(removed: str) -> Review:
        return review(plan(entry(removed, {}, None)), file, "dev", load_prices(), TODAY)

    app = 'module.control_plane.azurerm_container_app.this["server"]'
    assert "Left out, as stages.dev has no image: the control plane's ser" in as_text(said(app))
    assert said(NETWORK).after == ()
