"""What was changed by hand is told from what the code says to what is there."""

from __future__ import annotations

from typing import Any

import yaml

from northstar.environments.as_code.drift import Drift, drift_of
from northstar.environments.as_code.platform_file import PlatformFile
from northstar.environments.as_code.prices import load_prices
from northstar.environments.as_code.report_text import drift_as_text
from northstar.environments.as_code.review import review
from tests.environments.as_code.plans import CI, SQUAD, STORE, TODAY, entry, plan, written
from tests.infra.folder import EXAMPLE_PLATFORM

VAULT = "module.vault.azurerm_key_vault.this"
OPEN, SHUT = (
    {"public_network_access_enabled": True},
    {"public_network_access_enabled": False},
)
ROLE = f"{SQUAD}azurerm_role_assignment.ci_on_group"


def drift(*changes: dict[str, Any], **more: Any) -> Drift:
    file = PlatformFile.model_validate(yaml.safe_load(EXAMPLE_PLATFORM.read_text()))
    document, prices = plan(*changes, **more), load_prices()
    return drift_of(document, review(document, file, "dev", prices, TODAY), prices)


def test_what_was_opened_by_hand_is_not_told_as_closed() -> None:
    found = drift(entry(VAULT, OPEN, SHUT))
    (opened,) = found.found.openings
    assert opened.startswith("Platform's vault: vault is reached from everywhere (public_network_")
    assert opened.endswith("false -> true)")
    assert found.found.closings == ()
    (change,) = found.changes
    assert (change.what, change.summary) == (
        "change",
        "public_network_access_enabled: false -> true",
    )


def test_what_was_closed_by_hand_is_told_as_closed() -> None:
    found = drift(entry(VAULT, SHUT, OPEN)).found
    assert (found.openings, len(found.closings)) == ((), 1)


def test_the_text_says_that_an_apply_brings_it_back() -> None:
    said = drift_as_text(drift(entry(VAULT, OPEN, SHUT)))
    assert said.startswith("dev: 1 resource differs from what is written.\n\nOpened by hand\n")
    assert "northstar env apply dev brings back what is written" in said
    assert drift_as_text(drift()) == "dev: nothing differs from what is written."


def test_a_role_that_is_not_in_the_code_is_one_that_somebody_has() -> None:
    given = {"role_definition_name": "Owner", "scope": "/subscriptions/s", "principal_id": "p"}
    found = drift(entry(ROLE, given, None))
    assert found.found.rights == (
        "Squad operations: the principal p gets: Owner on /subscriptions/s",
    )
    assert found.changes[0].what == "destroy"
    gone = drift(entry(ROLE, None, given))
    assert (gone.found.openings, gone.changes[0].what) == ((), "create")
    assert gone.found.closings[0].endswith("loses: Owner on /subscriptions/s")


def test_what_follows_from_making_something_anew_was_not_changed_by_hand() -> None:
    there = {"id": "/x", "name": "a", "principal_id": "p", "location": "northeurope"}
    wanted = {"name": "a", "location": "westeurope"}
    unknown = {"id": True, "principal_id": True}
    found = drift(entry(CI, there, wanted, actions=["delete", "create"], unknown=unknown))
    assert found.changes[0].summary == 'location: "westeurope" -> "northeurope"'


def test_what_the_code_says_and_nobody_knows_before_an_apply_has_to_be_looked_at() -> None:
    place = "azurerm_storage_account.this"
    one = entry(place, {"sku": "a", "key": "k"}, {"sku": "a"}, unknown={"key": True})
    found = drift(one, **written(azurerm_storage_account__this={"key": {"references": []}}))
    assert found.found.doubts == (
        "Platform: storage account: what the code says of key is not known before the apply",
    )


def test_a_secret_of_what_is_there_is_withheld() -> None:
    said = str(drift(entry(VAULT, {"key": "new"}, {"key": "old"}, secret={"key": True})))
    assert "(another secret)" in said
    assert "'new'" not in said


def test_a_data_loss_of_the_apply_is_told_of_the_apply() -> None:
    found = drift(entry(STORE, {"name": "by-hand"}, {"name": "st"}, actions=["delete", "create"]))
    assert found.mending.refusals
    assert "but not as it is" in drift_as_text(found)
