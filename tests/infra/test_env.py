"""``northstar env`` with the real terraform: planned, applied as reviewed, drifted, destroyed."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from northstar.clock import SystemClock
from northstar.environments.as_code.errors import PlanRefused, PlanStale, TerraformFailed
from northstar.environments.as_code.operations import Stage
from northstar.environments.as_code.reading import load_platform_file
from northstar.environments.cli import env
from northstar.errors import Conflict, Denied, Failed, Invalid
from tests.infra.folder import EXAMPLE_PLATFORM, Settings
from tests.infra.stub_provider.provider import FAILS, SLOW

Env = Callable[..., Result]
_GIVEN_UP = re.compile(r"--give-up '([^']+)'")


@pytest.fixture
def platform(tmp_path: Path) -> Path:
    """The example's file, its state in a folder."""
    path = tmp_path / "platform.yaml"
    change(
        path,
        EXAMPLE_PLATFORM,
        lambda it: [s.update(state={"folder": "state"}) for s in it["stages"].values()],
    )
    return path


@pytest.fixture
def run(platform: Path, provider: Settings, stub: None, monkeypatch: pytest.MonkeyPatch) -> Env:
    """A command of ``northstar env`` on that file, which must succeed unless told otherwise."""
    for name, value in provider.items():
        monkeypatch.setenv(name, value)
    return partial(invoke, platform)


@dataclass(frozen=True)
class Made:
    """What the plans said with which dev was made, and its state after all of them."""

    said: list[str]
    state: dict[str, Any]


@pytest.fixture(scope="module")
def made(provider: Settings, stub: None, tmp_path_factory: pytest.TempPathFactory) -> Made:
    """dev, made from nothing; the plans that can't be applied are those of steps left out."""
    platform, said = tmp_path_factory.mktemp("made") / "platform.yaml", []
    with pytest.MonkeyPatch.context() as patch:
        for name, value in provider.items():
            patch.setenv(name, value)
        for step, code in (
            (_keep_state_here, Denied.exit_code),
            (_without_image, 0),
            (_keep_state_here, 0),
        ):
            change(platform, EXAMPLE_PLATFORM, step)
            said.append(invoke(platform, "plan", "dev", exit_code=code).stdout)
            if code == 0:
                invoke(platform, "apply", "dev", "--yes")
    return Made(said, json.loads(_state(platform).read_text()))


@pytest.fixture
def applied(made: Made) -> dict[str, Any]:
    """The state of dev after it was applied."""
    return made.state


@pytest.fixture
def live(run: Env, platform: Path, applied: dict[str, Any]) -> Env:
    """Commands on a platform whose dev was applied."""
    _state(platform).parent.mkdir()
    _state(platform).write_text(json.dumps(applied))
    return run


def invoke(
    platform: Path, *arguments: str, exit_code: int = 0, answer: str | None = None
) -> Result:
    command = [*arguments, "--file", str(platform)]
    result = CliRunner().invoke(env, command, input=answer)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == exit_code, result.output
    return result


def change(path: Path, source: Path, by: Callable[[Any], object]) -> None:
    document = yaml.safe_load(source.read_text())
    by(document)
    path.write_text(yaml.safe_dump(document))


def test_what_was_reviewed_is_applied_and_then_nothing_differs(run: Env, platform: Path) -> None:
    change(platform, EXAMPLE_PLATFORM, _without_image)
    said = run("plan", "dev").stdout
    assert re.search(r"Squad revenue, new: .* 1 training workspace, 1 vault\n", said)
    its_own = "AzureML Data Scientist on its training workspace; Reader on its resource group"
    assert f"Squads operations and revenue, each: its CI gets: {its_own}\n" in said
    assert "What may open something" not in said
    assert "null" not in said
    assert len(said.splitlines()) < 60
    assert re.search(r"About \+\d+ to \+\d+ EUR a month", said.replace(",", ""))
    assert "training may reach pypi.org" in said
    assert "resources.\nLeft out, as stages.dev has no image" in run("apply", "dev", "--yes").stderr
    assert run("plan", "dev").stdout.startswith("dev: nothing changes.\n")
    assert run("drift", "dev").stdout.strip() == "dev: nothing differs from what is written."
    leftovers = [p.name for p in (platform.parent / ".northstar").rglob("plan*")]
    assert sorted(leftovers) == ["plan", "plan.json"]  # of the plan above, which waits


def test_a_stage_is_made_in_the_steps_that_its_plans_name(made: Made) -> None:
    at_once, first, servers = made.said
    assert "Leave stages.dev.image out of the first apply." in at_once
    assert "no image: the control plane's servers, and the endpoints (operations/late-arr" in first
    assert "Next, from inside of the network: push the image to the registry, put" in first
    assert servers.startswith("dev: 3 new.")
    assert "Before this apply: northstar:0.1.0 is in the registry" in servers
    assert "gateway to leave by: a way out to the Internet, by an address that takes no" in first
    assert "a public address" not in first
    trusts = "service:operations/late-arrival-dev trusts the identity id-operations-serving-dev"
    assert f"endpoint late-arrival: it answers once {trusts}: northstar principal trust" in servers


def test_what_somebody_changed_by_hand_is_drift(live: Env, platform: Path) -> None:
    state = _state(platform)
    known = json.loads(state.read_text())
    (account,) = [
        instance
        for resource in known["resources"]
        if resource.get("module", "").startswith("module.models")
        and resource["type"] == "azurerm_storage_account"
        for instance in resource["instances"]
    ]
    account["attributes"]["shared_access_key_enabled"] = True
    state.write_text(json.dumps({**known, "serial": known["serial"] + 1}))
    said = live("drift", "dev", exit_code=Conflict.exit_code).stdout
    assert "storage account (shared_access_key_enabled: false -> true)" in said
    assert "Opened by hand\n  Models and data: storage account lets in whoever has a key" in said
    told = json.loads(live("drift", "dev", "--json", exit_code=Conflict.exit_code).stdout)
    assert [one["what"] for one in told["differences"]] == ["change"]
    assert (len(told["opened"]), told["closed"]) == (1, [])
    assert told["apply"]["counts"] == {"create": 0, "change": 1, "replace": 0, "destroy": 0}


def test_a_budget_counts_from_the_month_it_was_made_in_and_stays(live: Env, platform: Path) -> None:
    state = _state(platform)
    known = json.loads(state.read_text())
    periods = [
        instance["attributes"]["time_period"][0]
        for resource in known["resources"]
        if resource["type"] == "azurerm_consumption_budget_subscription"
        for instance in resource["instances"]
    ]
    this_month = f"{SystemClock().now():%Y-%m}-01T00:00:00Z"
    assert {period["start_date"] for period in periods} == {this_month}
    for period in periods:
        period["start_date"] = "2024-02-01T00:00:00Z"
    state.write_text(json.dumps({**known, "serial": known["serial"] + 1}))
    assert live("plan", "dev").stdout.strip() == "dev: nothing changes."


def test_a_mixed_change_is_told_in_a_few_lines_with_all_that_it_opens(
    live: Env, platform: Path
) -> None:
    def mixed(it: Any) -> None:
        it["stages"]["dev"]["image"] = "northstar:0.2.0"
        it["tags"]["owner"] = "data-platform"
        it["squads"]["operations"]["github"] = ["evil/late-arrival"]
        it["squads"]["revenue"]["people"] = "66666666-6666-6666-6666-666666666666"

    change(platform, platform, mixed)
    said = live("plan", "dev").stdout
    assert re.search(r'Tags on \d+ resources: owner "platform-team" -> "data-platform"', said)
    assert "Control plane, changed: 2 container apps (template" in said
    assert said.count("/northstar:0.2.0") == 2
    assert (
        "the GitHub repository evil/late-arrival in its environment dev may act as its CI" in said
    )
    assert "airline/late-arrival in its environment dev may no longer act as its CI" in said
    assert "members (group 66666666-6666-6666-6666-666666666666) get: AzureML Data" in said
    assert "the group 44444444-4444-4444-4444-444444444444 loses: AzureML Data" in said
    assert "What may open something" not in said
    assert len(said.splitlines()) < 30


def test_a_half_failed_apply_reports_what_was_done_and_goes_on_from_there(
    live: Env, platform: Path
) -> None:
    _reach(platform, good="example.com", bad=FAILS)
    stage = Stage(load_platform_file(platform), platform, "dev", SystemClock(), lambda _: None)
    reviewed = stage.plan()
    with pytest.raises(TerraformFailed, match=r"Azure says no(?s:.)*Done \(1\)") as failed:
        stage.apply(reviewed)
    assert "Not done (1):\n  Squad operations: way out to a host bad (failed)" in str(failed.value)
    assert failed.value.exit_code != 0
    report = stage.report("apply", reviewed, failed.value.message)
    assert (report.created, len(report.changes)) == (1, 1)
    assert report.changes[0].address.endswith('["good"]')
    assert stage.saved() is None
    said = live("plan", "dev").stdout
    assert said.startswith("dev: 1 new.")


def test_an_interrupted_apply_gives_its_lock_back_and_says_what_it_left(
    live: Env, platform: Path
) -> None:
    _reach(platform, slow=SLOW)
    command = [sys.executable, "-m", "northstar", "env", "apply", "dev", "--yes", "--file"]
    with subprocess.Popen(
        [*command, str(platform)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith("making"):
                process.send_signal(signal.SIGINT)
                break
        said = process.stderr.read()
    assert process.returncode == 130
    assert "Stopping in order" in said
    assert "Stopped before all was done." in said
    assert "way out to a host slow" in said
    assert live("plan", "dev").stdout.startswith("dev: 1 new.")  # the lock is free


def test_a_third_squad_is_all_that_a_plan_with_it_names(live: Env, platform: Path) -> None:
    cargo = {
        "people": "55555555-5555-5555-5555-555555555555",
        "budget": {"monthly": 500},
    }
    change(platform, platform, lambda it: it["squads"].update(cargo=cargo))
    told = json.loads(live("plan", "dev", "--json").stdout)
    assert told["counts"]["create"] == len(told["changes"]) > 20
    assert all(c["address"].startswith('module.squad["cargo"].') for c in told["changes"])
    markdown = live("plan", "dev", "--markdown").stdout
    assert markdown.startswith("### dev: ")
    assert "- Squad cargo, new: " in markdown


def test_data_is_lost_only_by_its_name(live: Env, platform: Path) -> None:
    change(platform, platform, lambda it: it["squads"].pop("revenue"))
    said = live("plan", "dev", exit_code=Denied.exit_code).stdout
    assert "DATA WOULD BE LOST" in said
    assert "Squad revenue: vault: secrets" in said
    with pytest.raises(PlanRefused, match=r"reasons? against it"):
        live("apply", "dev", "--yes")
    lost = [part for one in _GIVEN_UP.findall(said) for part in ("--give-up", one)]
    live("apply", "dev", "--yes", *lost)
    assert live("plan", "dev").stdout.strip() == "dev: nothing changes."


def test_a_plan_of_another_file_or_time_is_not_applied(run: Env, platform: Path) -> None:
    change(platform, EXAMPLE_PLATFORM, _without_image)
    run("plan", "dev")
    change(platform, platform, lambda it: it["tags"].update(owner="others"))
    with pytest.raises(PlanStale, match=r"another platform\.yaml"):
        run("apply", "dev", "--yes")
    run("plan", "dev")
    state = _state(platform)
    state.write_text(json.dumps({"version": 4, "serial": 9, "lineage": "other", "resources": []}))
    with pytest.raises((PlanStale, TerraformFailed), match=r"stale|lineage"):
        run("apply", "dev", "--yes")


def test_a_state_that_a_killed_apply_left_is_not_deleted(run: Env, platform: Path) -> None:
    change(platform, EXAMPLE_PLATFORM, _without_image)
    run("plan", "dev")
    (root,) = platform.parent.glob("**/live/platform")
    (root / "errored.tfstate").write_text("what was made")
    for _ in range(2):
        with pytest.raises(TerraformFailed, match="could not write its state") as refused:
            run("plan", "dev")
    (kept,) = platform.parent.glob("**/errored.tfstate")
    assert kept.read_text() == "what was made"
    assert f"state push {kept}" in refused.value.hint


def test_nobody_who_says_no_changes_anything(run: Env, platform: Path) -> None:
    change(platform, EXAMPLE_PLATFORM, _without_image)
    assert "Aborted" in run("apply", "dev", answer="n\n", exit_code=1).output
    assert not _state(platform).exists()


def test_a_stage_is_destroyed_by_its_name_and_prod_is_not(live: Env, platform: Path) -> None:
    with pytest.raises(Denied, match="prod may not be destroyed"):
        live("destroy", "prod", "--confirm", "prod")
    with pytest.raises(PlanRefused):
        live("destroy", "dev", "--confirm", "dev")
    said = CliRunner().invoke(env, ["destroy", "dev", "--file", str(platform), "--confirm", "dev"])
    lost = [part for one in _GIVEN_UP.findall(said.output) for part in ("--give-up", one)]
    with pytest.raises(Conflict, match="is not dev: nothing was removed"):
        live("destroy", "dev", *lost, answer="staging\n")
    live("destroy", "dev", *lost, answer="dev\n")
    known = json.loads(_state(platform).read_text())
    assert known["resources"] == []


def test_a_database_that_another_region_would_remove_is_told_to_be_protected(
    live: Env, platform: Path
) -> None:
    def move(it: Any) -> None:
        it["regions"] = ["westeurope", "northeurope"]
        it["stages"]["dev"]["region"] = "northeurope"

    change(platform, platform, move)
    with pytest.raises(TerraformFailed) as refused:
        live("plan", "dev")
    said = refused.value.message
    assert "Database: database northstar is protected, with the data in it, and would be" in said
    assert "prevent_destroy" not in said
    assert "-target" not in said
    assert "another region, subscription or name: take that back" in refused.value.hint


def test_what_terraform_refuses_is_told_with_the_part_it_is_about(run: Env, platform: Path) -> None:
    change(
        platform,
        platform,
        lambda it: it["squads"]["revenue"].update(compute={"size": "D4"}),
    )
    with pytest.raises(TerraformFailed, match=r"vm_size must be a size of Azure's"):
        run("plan", "dev")


def test_who_is_not_signed_in_to_azure_is_told_how(
    run: Env, platform: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    change(platform, EXAMPLE_PLATFORM, lambda _: None)  # its state is in Azure
    terraform = shutil.which("terraform")
    assert terraform
    alone = tmp_path / "alone"  # without Azure's command line
    alone.mkdir()
    (alone / "terraform").symlink_to(terraform)
    monkeypatch.setenv("PATH", str(alone))
    with pytest.raises(TerraformFailed) as failed:
        run("plan", "dev")
    assert "az login" in failed.value.hint


def test_a_machine_without_terraform_says_so(run: Env, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NORTHSTAR_TERRAFORM", "terraform-of-tomorrow")
    with pytest.raises(Failed, match="no terraform-of-tomorrow on this machine"):
        run("plan", "dev")


def test_rendered_files_are_held_to_the_file(run: Env, platform: Path) -> None:
    folder = platform.parent / "rendered"
    run("render", "--to", str(folder))
    run("render", "--to", str(folder), "--check")
    change(platform, platform, lambda it: it["tags"].update(owner="others"))
    with pytest.raises(Invalid, match=r"prod/terraform\.tfvars\.json"):
        run("render", "--to", str(folder), "--check")


def _reach(platform: Path, **hosts: str) -> None:
    """Let a squad's training reach more hosts."""
    squad = "operations"
    change(platform, platform, lambda it: it["squads"][squad]["training_may_reach"].update(hosts))


def _without_image(platform: Any) -> None:
    """As for the first apply."""
    _keep_state_here(platform)
    del platform["stages"]["dev"]["image"]


def _keep_state_here(platform: Any) -> None:
    for stage in platform["stages"].values():
        stage["state"] = {"folder": "state"}


def _state(platform: Path) -> Path:
    return platform.parent / "state" / "dev.tfstate"
