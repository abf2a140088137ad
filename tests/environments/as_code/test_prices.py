"""What a plan costs a month."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from northstar.documents import DocumentInvalid
from northstar.environments.as_code.prices import Priced, PriceList, cost_of, load_prices
from northstar.errors import NotFound
from tests.environments.as_code.plans import SQUAD, STORE, entry, summary
from tests.environments.as_code.plans import text as as_text_of

LIST = PriceList.model_validate(
    {
        "currency": "EUR",
        "as_of": "2026-11-01",
        "prices": [
            {"type": "db", "where": {"size": "big"}, "month": [100, 150], "usage": "backups"},
            {"type": "db", "month": [10, 20]},
            {"type": "app", "month": [1, 1], "each_replica": [28, 78], "each": "cpu"},
        ],
        "free": ["tag"],
    }
)
CLUSTER = f"{SQUAD}azurerm_machine_learning_compute_cluster.this"
HOST = f"{SQUAD}azurerm_machine_learning_workspace_network_outbound_rule_fqdn.this"
BIG, SMALL = {"size": "big"}, {"size": "small"}


def cluster(most: int, least: int = 0) -> dict[str, int]:
    return {"min_node_count": least, "max_node_count": most}


def cost(*changed: tuple[str, Any, Any]) -> tuple[float, float]:
    found = cost_of(LIST, [Priced(*one) for one in changed])
    return found.low, found.high


def test_what_is_made_costs_and_what_is_removed_saves() -> None:
    assert cost(("db", None, BIG)) == (100, 150)
    assert cost(("db", BIG, None)) == (-150, -100)
    assert cost(("db", None, BIG), ("db", None, SMALL), ("tag", None, {})) == (110, 170)


def test_what_only_changes_costs_the_difference() -> None:
    assert cost(("db", SMALL, BIG)) == (90, 130)
    assert cost(("db", BIG, BIG)) == (0, 0)


def test_one_made_for_another_is_not_taken_for_nothing() -> None:
    assert cost(("db", None, BIG), ("db", BIG, None)) == (-50, 50)


def test_replicas_cost_by_their_cores() -> None:
    assert cost(("app", None, {"template": [{"min_replicas": 2}], "cpu": 0.5})) == (29, 79)


def test_what_has_no_price_is_named_and_counted() -> None:
    found = cost_of(LIST, [Priced("magic_box", None, {}), Priced("magic_box", None, {})])
    assert found.unknown == ("2 magic boxes",)
    assert (found.low, found.high) == (0, 0)


def test_by_use_is_told_of_what_is_new_and_of_what_changes() -> None:
    assert cost_of(LIST, [Priced("db", None, BIG)]).usage == ("db: backups",)
    assert cost_of(LIST, [Priced("db", SMALL, BIG)]).usage == ("db: backups",)
    assert cost_of(LIST, [Priced("db", BIG, None)]).usage == ()


def test_a_bigger_cluster_is_told_with_the_most_that_its_nodes_can_cost() -> None:
    small = {"vm_size": "Standard_D4ds_v5", "scale_settings": [cluster(4)]}
    big = {"vm_size": "Standard_NC96ads_A100_v4", "scale_settings": [cluster(100)]}
    (said,) = summary(entry(CLUSTER, small, big)).cost.usage
    assert said == (
        "training cluster: nodes while they train, at most 1,480,000 EUR a month (840 until now)"
    )
    assert "at most 1,480,000 EUR" in as_text_of(entry(CLUSTER, small, big))


def test_nodes_that_are_always_there_are_no_matter_of_use() -> None:
    node = {"vm_size": "Standard_D4ds_v5", "scale_settings": [cluster(3, least=2)]}
    found = summary(entry(CLUSTER, None, node)).cost
    assert (found.low, found.high) == (360, 420)
    assert "at most 210 EUR" in found.usage[0]


def test_a_size_without_a_price_is_not_taken_for_nothing() -> None:
    known = {"vm_size": "Standard_D4ds_v5", "scale_settings": [cluster(4)]}
    found = summary(entry(CLUSTER, known, {**known, "vm_size": "Standard_Huge"})).cost
    assert found.unknown == ("1 training cluster of Standard_Huge",)
    assert found.usage == ()


def test_the_first_host_that_training_may_reach_brings_a_firewall_and_the_next_do_not() -> None:
    first = entry(f'{HOST}["pypi"]', None, {"destination_fqdn": "pypi.org"})
    there = {"destination_fqdn": "pypi.org", "workspace_id": "/w"}
    kept = entry(f'{HOST}["pypi"]', there, there, actions=["no-op"])
    second = entry(f'{HOST}["files"]', None, {"destination_fqdn": "a.b", "workspace_id": "/w"})
    assert summary(first).cost.low >= 800
    assert summary(kept, second).cost.high == 0
    assert summary(entry(f'{HOST}["pypi"]', there, None)).cost.high < -800
    assert summary(first, entry(f'{HOST}["b"]', None, {})).cost.low < 2 * 800
    other = entry(HOST.replace("operations", "cargo"), None, {"destination_fqdn": "a.b"})
    assert summary(first, other).cost.low >= 2 * 800


def test_a_private_way_out_of_the_workspace_costs() -> None:
    assert summary(entry(HOST.replace("fqdn", "private_endpoint"), None, {})).cost.low > 0


def test_what_is_paid_by_use_is_not_called_nothing() -> None:
    said = as_text_of(entry(STORE, {"access_tier": "Cool"}, {"access_tier": "Hot"}))
    assert "Nothing by the month, but what is paid by use may differ" in said
    assert "storage account: GB that are stored" in said


def test_what_only_has_other_tags_is_not_priced() -> None:
    found = summary(entry("azurerm_magic_box.this", {"tags": {"a": "1"}}, {"tags": {"a": "2"}}))
    assert found.cost.unknown == ()


def test_the_list_says_where_it_is_from_and_of_when() -> None:
    known = load_prices()
    assert known.as_of >= date(2026, 11, 1)
    assert "list prices for West Europe" in known.source


@pytest.mark.parametrize(("currency", "vault_is_known"), [("EUR", True), ("USD", False)])
def test_a_company_s_prices_come_instead_and_currencies_are_not_mixed(
    tmp_path: Path, currency: str, vault_is_known: bool
) -> None:
    own = tmp_path / "own.yaml"
    entry = "{type: private_endpoint, month: [1, 2]}"
    own.write_text(f"currency: {currency}\nas_of: 2026-11-20\nprices: [{entry}]\n")
    known = load_prices(own)
    price = known.of("private_endpoint", {})
    assert price is not None
    assert price.month == (1.0, 2.0)
    assert (known.of("key_vault", {}) is not None) == vault_is_known
    assert known.source.startswith("own.yaml")


def test_prices_that_are_missing_or_wrong_are_told(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="no prices in"):
        load_prices(tmp_path / "none.yaml")
    (tmp_path / "wrong.yaml").write_text("currency: EUR\nas_of: 2026-11-20\nprices: [{type: x}]\n")
    with pytest.raises(DocumentInvalid, match="month"):
        load_prices(tmp_path / "wrong.yaml")


def test_a_list_that_is_no_text_is_told(tmp_path: Path) -> None:
    (tmp_path / "prices.yaml").write_bytes(b"currency: EUR\nsource: Ren\xe9\n")
    with pytest.raises(DocumentInvalid, match=r"prices.yaml:2: .*UTF-8"):
        load_prices(tmp_path / "prices.yaml")
