"""What Checkov finds of a stage, and what lets it pass."""

from __future__ import annotations

import json
import re
import shutil
import sys
from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from northstar.clock import SystemClock
from northstar.environments.as_code.checkov import Scan, scan
from northstar.environments.as_code.checks import DECIDED_BY, POLICIES, RULES, known_checks
from northstar.environments.as_code.platform_file import PlatformFile
from northstar.environments.as_code.scan_text import scan_as_text
from northstar.environments.cli import env
from northstar.environments.plan import Plan
from northstar.environments.policies import check
from northstar.errors import Failed

REPOSITORY = Path(__file__).resolve().parents[3]
EXAMPLE = REPOSITORY / "examples" / "environments" / "platform.yaml"
TODAY = date(2026, 11, 23)
STORE = "module.models.azurerm_storage_account.this"
REGISTRY = "module.container_registry.azurerm_container_registry.this"
_STAND_IN = """\
#!{python}
import json, os, sys
from pathlib import Path
told = {{"arguments": sys.argv[1:], "environment": dict(os.environ), "folder": os.getcwd()}}
Path({told!r}).write_text(json.dumps(told))
print({said!r})
"""


class Checkov:
    """A program in Checkov's place, which finds what it is told to."""

    def __init__(self, folder: Path) -> None:
        self.path, self._told = folder / "checkov", folder / "told.json"

    def finds(self, *failed: tuple[str, str], skipped: tuple[tuple[str, str], ...] = ()) -> Checkov:
        results = {"failed_checks": _checks(failed), "skipped_checks": _checks(skipped)}
        summary = {"passed": 7, "checkov_version": "3.3.12"}
        return self.says(json.dumps({"results": results, "summary": summary}))

    def says(self, text: str) -> Checkov:
        told = str(self._told)
        self.path.write_text(_STAND_IN.format(python=sys.executable, told=told, said=text))
        self.path.chmod(0o755)
        return self

    def told(self) -> dict[str, Any]:
        told: dict[str, Any] = json.loads(self._told.read_text())
        return told


@pytest.fixture
def checkov(tmp_path: Path) -> Checkov:
    return Checkov(tmp_path)


def test_what_fails_and_nothing_waives_ends_with_3(checkov: Checkov, tmp_path: Path) -> None:
    checkov.finds(("CKV_AZURE_206", STORE), ("CKV_AZURE_233", REGISTRY))
    now = SystemClock().now().date()
    path = tmp_path / "platform.yaml"
    path.write_text(_written(_waiver("CKV_AZURE_206", STORE, approved_on=now, until=now)))
    command = ["scan", "dev", "--file", str(path), "--checkov", str(checkov.path)]
    done = CliRunner().invoke(env, command)
    assert done.exit_code == 3
    assert "dev: 7 checks passed, 1 failed, 1 waived." in done.output
    assert f"CKV_AZURE_233 {REGISTRY}: it is told" in done.output
    checkov.finds(("CKV_AZURE_206", STORE))
    assert CliRunner().invoke(env, command).exit_code == 0
    found = json.loads(CliRunner().invoke(env, [*command, "--json"]).output)
    assert (found["failed"], found["waived"][0]["until"]) == ([], now.isoformat())


def test_a_commit_is_judged_by_the_waivers_of_its_day(checkov: Checkov, tmp_path: Path) -> None:
    checkov.finds(("CKV_AZURE_206", STORE))
    path, last = tmp_path / "platform.yaml", date(2026, 1, 31)
    path.write_text(_written(_waiver("CKV_AZURE_206", STORE, approved_on=last, until=last)))
    command = ["scan", "dev", "--file", str(path), "--checkov", str(checkov.path), "--on"]
    for day, code in ((last, 0), (last + timedelta(days=1), 3)):
        assert CliRunner().invoke(env, [*command, day.isoformat()]).exit_code == code


def test_a_waiver_that_ended_lets_nothing_pass_and_is_told(checkov: Checkov) -> None:
    yesterday = TODAY - timedelta(days=1)
    found = _scan(
        checkov.finds(("CKV_AZURE_206", STORE)), _waiver("CKV_AZURE_206", STORE, until=yesterday)
    )
    assert [one.policy for one in found.failed] == ["CKV_AZURE_206"]
    said = scan_as_text("dev", found)
    assert f"The waiver of CKV_AZURE_206 for {STORE} ended on {yesterday}." in said


def test_a_waiver_that_is_approved_for_later_lets_nothing_pass_yet(checkov: Checkov) -> None:
    later = _waiver("CKV_AZURE_206", STORE, approved_on=TODAY + timedelta(days=1))
    found = _scan(checkov.finds(("CKV_AZURE_206", STORE)), later)
    assert found.failed
    assert "holds from 2026-11-24 on" in scan_as_text("dev", found)


@pytest.mark.parametrize(("days", "told"), [(0, True), (30, True), (31, False)])
def test_a_waiver_near_its_end_is_told_whichever_policy_it_is_of(
    checkov: Checkov, days: int, told: bool
) -> None:
    end = TODAY + timedelta(days=days)
    found = _scan(checkov.finds(), _waiver("public-access", "*", until=end))
    assert (f"ends on {end}" in scan_as_text("dev", found)) == told


def test_a_waiver_that_nothing_needs_is_told_in_its_stage(checkov: Checkov) -> None:
    others = _waiver("CKV_AZURE_233", REGISTRY, stages=["prod"])
    found = _scan(checkov.finds(), _waiver("CKV_AZURE_206", STORE), others)
    assert [one.policy for one in found.unused] == ["CKV_AZURE_206"]


def test_a_comment_that_skips_a_check_is_no_waiver(checkov: Checkov) -> None:
    found = _scan(checkov.finds(skipped=(("CKV_AZURE_206", STORE),)))
    assert [one.policy for one in found.failed] == ["CKV_AZURE_206"]


def test_nothing_around_it_changes_the_rules(
    checkov: Checkov, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CKV_CHECK", "CKV_AZURE_1")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    _scan(checkov.finds())
    told = checkov.told()
    assert "CKV_CHECK" not in told["environment"]
    assert str(tmp_path) not in (told["environment"]["HOME"], told["folder"])
    # In two words it would read a file of settings in that folder.
    assert not {"-d", "--directory"} & {*told["arguments"]}


def test_without_it_one_is_told_how_to_get_it(tmp_path: Path) -> None:
    file = PlatformFile.model_validate(yaml.safe_load(EXAMPLE.read_text()))
    with pytest.raises(Failed, match="no nowhere on this machine") as caught:
        scan(file, "dev", "nowhere", TODAY)
    assert f"pipx install checkov=={known_checks().version}" in caught.value.hint


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("Traceback", r"did not run: Traceback \(exit code"),
        ("", r"did not run: it said nothing \(exit code"),
        ("[]", "found no Terraform"),
        ('{"passed": 0, "failed": 0}', "found no Terraform"),
    ],
)
def test_where_it_looked_at_nothing_nothing_has_passed(
    checkov: Checkov, said: str, told: str
) -> None:
    with pytest.raises(Failed, match=told):
        _scan(checkov.says(said))


OPEN_ACCOUNT = {
    "public_network_access_enabled": True,
    "network_rules": [{"default_action": "Deny"}],
}
UNDECIDED: Mapping[str, tuple[str, dict[str, Any]]] = {
    "CKV2_AZURE_21": ("azurerm_storage_account", {}),
    "CKV2_AZURE_31": ("azurerm_subnet", {}),
    "CKV2_AZURE_50": ("azurerm_storage_account", OPEN_ACCOUNT),
}
MESSAGES = {
    "CKV2_AZURE_21": "Nothing keeps the logs of its blob service",
    "CKV2_AZURE_31": "It has no network security group",
    "CKV2_AZURE_50": "public_network_access_enabled is true",
}


@pytest.mark.parametrize("name", DECIDED_BY)
def test_a_check_that_is_not_run_is_decided_by_the_policy_that_is_named(name: str) -> None:
    kind, values = UNDECIDED[name]
    made = {"mode": "managed", "type": kind, "name": "this", "address": "it", "values": values}
    found = check(
        Plan(
            {
                "configuration": {"root_module": {}},
                "planned_values": {"root_module": {"resources": [made]}},
            }
        )
    )
    of_policy = [one.message for one in found if one.policy == DECIDED_BY[name].policy]
    assert any(MESSAGES[name] in one for one in of_policy)


def test_the_policies_that_waivers_may_name_are_those_there_are() -> None:
    """As the reference describes them, and as the code names them."""
    page = (REPOSITORY / "docs" / "reference" / "infrastructure.md").read_text()
    (table,) = re.findall(r"\| policy \| holds \|\n.*?\n(.*?)\n\n", page, re.DOTALL)
    assert tuple(sorted(re.findall(r"^\| `([\w-]+)`", table, re.MULTILINE))) == POLICIES
    code = REPOSITORY / "src" / "northstar" / "environments" / "policies"
    texts = "".join(path.read_text() for path in code.glob("*.py"))
    assert {*re.findall(r'"([\w-]+)"', texts)}.issuperset(POLICIES)


def test_the_checks_that_waivers_may_name_are_of_the_checkov_that_ci_runs() -> None:
    locked = (REPOSITORY / "requirements" / "checkov.lock").read_text()
    assert re.findall(r"^checkov==(\S+)", locked, re.MULTILINE) == [known_checks().version]
    guide = (REPOSITORY / "docs" / "how-to" / "environments-from-one-file.md").read_text()
    assert re.findall(r"checkov==(\S+)", guide) == [known_checks().version]
    ours = [yaml.safe_load(path.read_text())["metadata"]["id"] for path in _own_checks()]
    assert len(set(ours)) == len(ours) == 8
    assert {name for name in known_checks().names if "NORTHSTAR" in name} == set(ours)
    assert known_checks().names.issuperset(DECIDED_BY)


MISTAKES = """\
resource "azurerm_log_analytics_workspace" "this" { local_authentication_enabled = true }
resource "azurerm_application_insights" "this" { local_authentication_enabled = true }
resource "azurerm_monitor_private_link_scope" "this" { ingestion_access_mode = "Open" }
resource "azurerm_container_app_environment" "this" { public_network_access = "Enabled" }
resource "azurerm_postgresql_flexible_server" "this" {
  authentication { password_auth_enabled = true }
}
resource "azurerm_machine_learning_workspace" "this" {
  storage_account_access_type = "AccessKey"
  managed_network { isolation_mode = "AllowInternetOutbound" }
}
resource "azurerm_federated_identity_credential" "this" { audience = ["api://Others"] }
resource "azurerm_container_registry" "this" {
  #checkov:skip=CKV_AZURE_137:nobody approved that
  admin_enabled = true
}
"""


def test_checkov_itself_runs_our_policies_and_minds_no_settings(tmp_path: Path) -> None:
    program = shutil.which("checkov") or shutil.which(REPOSITORY / ".venv-checkov/bin/checkov")
    if program is None:
        pytest.skip("Checkov did not run: there is none on this machine (make infra-check).")
    (tmp_path / "main.tf").write_text(MISTAKES)
    (tmp_path / ".checkov.yaml").write_text("check: [CKV_AZURE_137]\n")
    file = PlatformFile.model_validate(yaml.safe_load(EXAMPLE.read_text()))
    found = scan(file, "dev", program, TODAY, tmp_path)
    ours = {f"CKV2_NORTHSTAR_{number}" for number in range(1, 9)}
    assert {*ours, "CKV_AZURE_137"} <= {one.policy for one in found.failed}


def _scan(checkov: Checkov, *waivers: dict[str, Any]) -> Scan:
    written = yaml.safe_load(_written(*waivers))
    return scan(PlatformFile.model_validate(written), "dev", str(checkov.path), TODAY)


def _written(*waivers: dict[str, Any]) -> str:
    written = yaml.safe_load(EXAMPLE.read_text())
    plain = json.loads(json.dumps({**written, "waivers": waivers}, default=str))
    return yaml.safe_dump(plain)


def _waiver(policy: str, resource: str, **more: Any) -> dict[str, Any]:
    start = more.get("approved_on", TODAY - timedelta(days=100))
    return {
        "policy": policy,
        "resource": resource,
        "reason": "It is made again from what others keep.",
        "approved_on": start,
        "until": start + timedelta(days=180),
        "requested_by": "ada@example.com",
        "approved_by": "grace@example.com",
        **more,
    }


def _checks(named: tuple[tuple[str, str], ...]) -> list[dict[str, str]]:
    return [
        {"check_id": name, "resource": address, "check_name": "it is told"}
        for name, address in named
    ]


def _own_checks() -> list[Path]:
    return sorted((RULES / "policies").glob("*.yaml"))
