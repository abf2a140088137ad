"""What platform.yaml may say, and how it is told what is wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from northstar.environments.as_code.errors import PlatformFileInvalid
from northstar.environments.as_code.platform_file import load_platform_file
from northstar.environments.as_code.rendering import backend, render, variables
from northstar.environments.as_code.starter import STARTER
from northstar.errors import NotFound

EXAMPLE = Path(__file__).resolve().parents[3] / "examples" / "environments" / "platform.yaml"

WRONG: dict[str, tuple[str, str, str]] = {
    "a misspelt field": (
        "  revenue:\n",
        "  revenue:\n    budgte: 1\n",
        "squads.revenue.budgte: .* 'budget'",
    ),
    "a region that is not allowed": (
        "region: westeurope\n    addresses: 10.40",
        "region: eastus\n    addresses: 10.40",
        "stages.dev.region: eastus is not one of regions",
    ),
    "a region that nobody may use": (
        "regions: [westeurope]",
        "regions: [westeurope, eastus]",
        r"regions\[1\]: eastus is not one of francecentral",
    ),
    "networks that overlap": (
        "10.44.0.0/22",
        "10.40.0.0/22",
        "stages.staging.addresses: .* overlaps that of dev",
    ),
    "no network": (
        "10.44.0.0/22",
        "10.44.0.0/33",
        "stages.staging: 10.44.0.0/33 is no address space",
    ),
    "a small production": (
        "addresses: 10.48.0.0/22",
        "addresses: 10.48.0.0/22\n    size: small",
        "stages.prod.size: small does not outlive",
    ),
    "no amount for a stage": (
        "staging: 1000, prod: 3000 }, since: 2026-01-01 }\n    endpoints",
        "prod: 3000 }, since: 2026-01-01 }\n    endpoints",
        "squads.operations.budget.monthly: no amount for staging",
    ),
    "a budget from the middle of a month": (
        "since: 2026-01-01 }\n    endpoints",
        "since: 2026-01-15 }\n    endpoints",
        "squads.operations.budget: .*first of a month",
    ),
    "a stage that there is not": (
        "    github: [",
        "    stages: [dev, production]\n    github: [",
        "squads.operations.stages",
    ),
    "no owner": ("  owner: platform-team\n", "", "tags: owner is missing"),
    "a secret in a setting": (
        "training_may_reach:",
        "settings: { NORTHSTAR_SIGN_IN_CLIENT_SECRET: hunter2 }\ntraining_may_reach:",
        "settings.NORTHSTAR_SIGN_IN_CLIENT_SECRET: looks like a secret",
    ),
    "a key in a text": (
        "image: northstar:0.1.0",
        "image: AccountKey=abc",
        "image: looks like a secret",
    ),
    "a squad twice": (
        "  revenue:\n",
        "  operations: {}\n  revenue:\n",
        "squads.operations: is there twice",
    ),
    "no GUID": ("33333333-3333", "3333", "squads.operations.people: string should match"),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_is_wrong_is_told_with_its_line(what: str, tmp_path: Path) -> None:
    old, new, message = WRONG[what]
    text = EXAMPLE.read_text()
    assert text.count(old) == 1
    path = tmp_path / "platform.yaml"
    path.write_text(text.replace(old, new))
    with pytest.raises(PlatformFileInvalid, match=rf"platform.yaml:\d+: .*{message}") as caught:
        load_platform_file(path)
    (fault, *_) = caught.value.faults
    assert 1 <= fault.line <= len(path.read_text().splitlines())


def test_the_line_is_that_of_the_field(tmp_path: Path) -> None:
    path = tmp_path / "platform.yaml"
    path.write_text(EXAMPLE.read_text().replace("10.44.0.0/22", "10.40.0.0/22"))
    with pytest.raises(PlatformFileInvalid) as caught:
        load_platform_file(path)
    (fault,) = caught.value.faults
    assert path.read_text().splitlines()[fault.line - 1].strip() == "addresses: 10.40.0.0/22"
    assert fault.line > path.read_text()[: path.read_text().index("staging:")].count("\n")


def test_a_waiver_is_approved_by_somebody_else(tmp_path: Path) -> None:
    path = _with(tmp_path, waivers=[_waiver(requested_by="Ada", approved_by="ada")])
    with pytest.raises(PlatformFileInvalid, match="somebody else must approve"):
        load_platform_file(path)


def test_a_secret_may_be_referred_to(tmp_path: Path) -> None:
    reference = "keyvault:https://v.vault.azure.net/secrets/sign-in"
    path = _with(tmp_path, settings={"NORTHSTAR_SIGN_IN_CLIENT_SECRET": reference})
    assert load_platform_file(path).settings["NORTHSTAR_SIGN_IN_CLIENT_SECRET"] == reference


def test_each_stage_has_what_is_written_for_it() -> None:
    platform = load_platform_file(EXAMPLE)
    dev, prod = variables(platform, "dev"), variables(platform, "prod")
    assert dev["squads"]["operations"]["budget"]["amount"] == 500
    assert prod["squads"]["operations"]["budget"]["amount"] == 3000
    assert prod["endpoints"]["operations/late-arrival"]["client_id"] == "service:late-arrival-prod"
    fares = dev["squads"]["revenue"]["azure_devops_connections"]["fares"]
    assert fares["subject"] == "sc://airline/fares/dev"
    assert backend(platform, "dev")["storage_account_name"] == "stnorthstarstatedev"


def test_a_squad_is_where_it_says(tmp_path: Path) -> None:
    document = yaml.safe_load(EXAMPLE.read_text())
    document["squads"]["revenue"]["stages"] = ["dev"]
    path = tmp_path / "platform.yaml"
    path.write_text(yaml.safe_dump(document))
    platform = load_platform_file(path)
    assert "revenue" in variables(platform, "dev")["squads"]
    assert "revenue" not in variables(platform, "prod")["squads"]


def test_the_order_of_a_file_does_not_matter(tmp_path: Path) -> None:
    document = yaml.safe_load(EXAMPLE.read_text())
    path = tmp_path / "platform.yaml"
    path.write_text(yaml.safe_dump(dict(reversed(document.items()))))
    for stage in ("dev", "staging", "prod"):
        assert render(load_platform_file(path), stage) == render(load_platform_file(EXAMPLE), stage)


def test_what_init_writes_is_a_platform(tmp_path: Path) -> None:
    path = tmp_path / "platform.yaml"
    path.write_text(STARTER)
    assert list(load_platform_file(path).stages) == ["dev"]


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"no .*platform\.yaml"):
        load_platform_file(tmp_path)


def _with(folder: Path, **more: Any) -> Path:
    path = folder / "platform.yaml"
    path.write_text(yaml.safe_dump({**yaml.safe_load(EXAMPLE.read_text()), **more}))
    return path


def _waiver(**fields: Any) -> dict[str, Any]:
    usual = {
        "policy": "public-access",
        "resource": "module.models.*",
        "reason": "The old loader reads it until it is moved.",
        "until": "2026-12-31",
        "requested_by": "ada",
        "approved_by": "grace",
    }
    return {**usual, **fields}
