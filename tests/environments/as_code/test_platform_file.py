"""What platform.yaml may say, and how it is told what is wrong."""

from __future__ import annotations

import json
import re
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from northstar.environments.as_code.control_plane_settings import KEPT, SETTABLE
from northstar.environments.as_code.errors import PlatformFileInvalid
from northstar.environments.as_code.prices import load_prices
from northstar.environments.as_code.reading import load_platform_file
from northstar.environments.as_code.rendering import backend, render, variables
from northstar.environments.as_code.schema import json_schema
from northstar.environments.as_code.starter import STARTER, starter
from northstar.errors import NotFound

REPOSITORY = Path(__file__).resolve().parents[3]
EXAMPLE = REPOSITORY / "examples" / "environments" / "platform.yaml"
GUIDE = REPOSITORY / "docs" / "how-to" / "environments-from-one-file.md"

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
        "stages.staging.addresses: 10.44.0.0/33 is no address space",
    ),
    "a small production": (
        "addresses: 10.48.0.0/22",
        "addresses: 10.48.0.0/22\n    size: small",
        "stages.prod.size: small does not outlive",
    ),
    "no amount for a stage": (
        "staging: 1000, prod: 3000 } }\n    training_may_reach",
        "prod: 3000 } }\n    training_may_reach",
        "squads.operations.budget.monthly: no amount for staging",
    ),
    "a stage that there is not": (
        "    github: [",
        "    stages: [dev, production]\n    github: [",
        r"squads.operations.stages\[1\]: must be 'dev', 'staging' or 'prod'",
    ),
    "no owner": ("  owner: platform-team\n", "", "tags: owner is missing"),
    "a secret in a setting": (
        "stages:",
        "settings: { NORTHSTAR_SIGN_IN_CLIENT_SECRET: hunter2 }\nstages:",
        "settings.NORTHSTAR_SIGN_IN_CLIENT_SECRET: looks like a secret",
    ),
    "a key in a text": (
        "name: northstar-administrators",
        "name: AccountKey=abc",
        "administrators.name: looks like a secret",
    ),
    "a bad name of a squad": (
        "  revenue:\n",
        "  Revenue:\n",
        "squads.Revenue: 'Revenue' is not a valid squad name. Use 1 to 63 lower-case",
    ),
    "a squad that Azure has no room for": (
        "  revenue:\n",
        f"  {'revenue' * 8}:\n",
        "squads.revenue.*: a squad's name has 3 to 54 letters",
    ),
    "a bad name of a project": (
        "      late-arrival:\n",
        "      late_arrival:\n",
        "squads.operations.endpoints.late_arrival: .* is not a valid project name",
    ),
    "a misspelt stage": (
        "  staging:\n",
        "  stagin:\n",
        "stages.stagin: must be 'dev', 'staging' or 'prod', not 'stagin'; .* 'staging'",
    ),
    "a misspelt stage of a budget": (
        "staging: 1000, prod: 3000 } }\n    training_may_reach",
        "stagin: 1000, prod: 3000 } }\n    training_may_reach",
        "squads.operations.budget.monthly.stagin: must be 'dev', .* 'staging'",
    ),
    "an amount that is none": (
        "monthly: { dev: 500, staging: 1000, prod: 3000 } }\n    training_may_reach",
        "monthly: much }\n    training_may_reach",
        "budget.monthly: must be a number or a mapping with dev, staging, prod, not 'much'",
    ),
    "an amount without an end": (
        "monthly: { dev: 500, staging: 1000, prod: 3000 } }\n    training_may_reach",
        f"monthly: {'9' * 5000} }}\n    training_may_reach",
        "budget.monthly: must be a finite number, not '999",
    ),
    "a misspelt field of one of two forms": (
        "{ resource_group: rg-northstar-state-dev,",
        "{ resource_grop: rg-northstar-state-dev,",
        "stages.dev.state.resource_grop: is not a field here; did you mean 'resource_group'",
    ),
    "two forms at once": (
        "account: stnorthstarstatedev }",
        "account: stnorthstarstatedev, folder: here }",
        "stages.dev.state.folder: does not go with the other fields here",
    ),
    "neither of two forms": (
        "{ resource_group: rg-northstar-state-dev, account: stnorthstarstatedev }",
        "here",
        "stages.dev.state: must be a mapping with resource_group, account, .* folder, not 'here'",
    ),
    "fewer processes than there are at least": (
        "        client: service:operations/late-arrival-{stage}\n",
        (
            "        client: service:operations/late-arrival-{stage}\n"
            "        replicas: { min: 4, max: 2 }\n"
        ),
        "endpoints.late-arrival.replicas: min is 4, which is more than max, 2",
    ),
    "an image that moves": (
        "    size: small\n    image: northstar:0.1.0",
        "    size: small\n    image: northstar:latest",
        "stages.dev.image: northstar:latest is another image tomorrow",
    ),
    "a size that Azure does not have": (
        "        client: service:operations/late-arrival-{stage}\n",
        "        client: service:operations/late-arrival-{stage}\n        size: { cpu: 2 }\n",
        "endpoints.late-arrival.size: with cpu 2 memory must be 4Gi, not 2Gi",
    ),
    "a number for a text": (
        'cost_center: "4711"',
        "cost_center: 4711",
        "tags.cost_center: must be a text; put it in quotes",
    ),
    "an alias": (
        "    people: 33333333-3333-3333-3333-333333333333",
        "    people: *members",
        r"\*members stands for what is written elsewhere",
    ),
    "a squad twice": (
        "  revenue:\n",
        "  operations: {}\n  revenue:\n",
        "squads.operations: is there twice",
    ),
    "addresses that Docker has": (
        "10.44.0.0/22",
        "172.17.0.0/22",
        "stages.staging.addresses: 172.17.0.0/22 is in 172.17.0.0/16, which is Docker's own",
    ),
    "addresses that Container Apps has": (
        "10.44.0.0/22",
        "172.31.4.0/22",
        "stages.staging.addresses: .* which Container Apps keeps for itself",
    ),
    "addresses that are not private": (
        "10.44.0.0/22",
        "198.18.0.0/22",
        "stages.staging.addresses: 198.18.0.0/22 is not private",
    ),
    "every host of a top level domain": (
        "pypi: pypi.org",
        "pypi: '*.com'",
        r"training_may_reach.pypi: must look like pypi.org or \*.pythonhosted.org, not '\*.com'",
    ),
    "one subscription for two stages": (
        "00000000-0000-0000-0000-000000000002",
        "00000000-0000-0000-0000-000000000001",
        "stages.staging.subscription: is that of dev",
    ),
    "one state for two stages": (
        "stnorthstarstatestaging",
        "stnorthstarstatedev",
        "stages.staging.state: stnorthstarstatedev/terraform/platform.tfstate is the state of dev",
    ),
    "a setting that there is not": (
        "stages:",
        "settings: { NORTHSTAR_SIGNIN_ISSUER: https://example.com }\nstages:",
        "settings.NORTHSTAR_SIGNIN_ISSUER: is no setting .* 'NORTHSTAR_SIGN_IN_ISSUER'",
    ),
    "everybody believed": (
        "stages:",
        "settings: { NORTHSTAR_TRUSTED_PROXIES: 0.0.0.0/0 }\nstages:",
        "settings.NORTHSTAR_TRUSTED_PROXIES: is set by the platform: .* into the audit",
    ),
    "unprotected jobs of one stage": (
        "    size: small\n",
        "    size: small\n    settings: { NORTHSTAR_JOBS: unprotected }\n",
        "stages.dev.settings.NORTHSTAR_JOBS: is set by the platform: squads' code",
    ),
    "a client of another squad": (
        "client: service:operations/late-arrival-{stage}",
        "client: service:revenue/late-arrival-{stage}",
        "late-arrival.client: is a service of squad revenue; name one of operations's own",
    ),
    "a resource that is no application": (
        "platform: northstar\n",
        "platform: northstar\ntoken_resource: northstar\n",
        "token_resource: must look like api://AzureADTokenExchange, not 'northstar'",
    ),
    "a client that is no service principal": (
        "client: service:operations/late-arrival-{stage}",
        "client: nonsense",
        "client: must look like service:operations/late-arrival-{stage}, not 'nonsense'",
    ),
    "a part of a core that Azure does not have": (
        "        client: service:operations/late-arrival-{stage}\n",
        (
            "        client: service:operations/late-arrival-{stage}\n"
            "        size: { cpu: 0.3, memory: 0.6Gi }\n"
        ),
        "late-arrival.size.cpu: must be a multiple of 0.25, not 0.3",
    ),
    "people from the Internet": (
        "      people_from: [10.8.0.0/16]\n",
        "      people_from: [20.0.0.0/16]\n",
        r"stages.prod.network.people_from\[0\]: 20.0.0.0/16 is not private: it must be in 10",
    ),
    "a way out that is none": (
        "egress: 10.0.0.4",
        "egress: 10.0.0.0/24",
        "stages.prod.network.egress: must be nat, none or an address such as 10.0.0.4",
    ),
    "a gateway without a hub": (
        "    addresses: 10.44.0.0/22\n    network: { ",
        "    addresses: 10.44.0.0/22\n    network: { hub_gateway: true, ",
        "stages.staging.network: hub_gateway needs a hub",
    ),
    "an open Internet without a firewall": (
        "    addresses: 10.44.0.0/22\n    network: { ",
        "    addresses: 10.44.0.0/22\n    network: { pipelines_may_reach: [Internet], ",
        "stages.staging.network: pipelines_may_reach: Internet needs a firewall",
    ),
    "everything as addresses": (
        "    addresses: 10.44.0.0/22\n    network: { ",
        "    addresses: 10.44.0.0/22\n    network: { pipelines_may_reach: [0.0.0.0/0], ",
        r"network.pipelines_may_reach\[0\]: 0.0.0.0/0 is not private",
    ),
    "no service tag": (
        "    addresses: 10.44.0.0/22\n    network: { ",
        "    addresses: 10.44.0.0/22\n    network: { pipelines_may_reach: [github.com], ",
        r"network.pipelines_may_reach\[0\]: github.com is not private addresses, nor one of Azure",
    ),
    "a service that reaches everybody's data": (
        "    addresses: 10.44.0.0/22\n    network: { ",
        "    addresses: 10.44.0.0/22\n    network: { pipelines_may_reach: [Storage], ",
        r"network.pipelines_may_reach\[0\]: Storage is not private .* goes through a firewall",
    ),
    "public addresses": (
        "    addresses: 10.44.0.0/22\n    network: { ",
        "    addresses: 10.44.0.0/22\n    network: { pipelines_may_reach: [140.82.112.0/20], ",
        r"network.pipelines_may_reach\[0\]: 140.82.112.0/20 is not private",
    ),
    "a service connection with the issuer of Azure DevOps": (
        "          prod: /eid1/",
        "          prod: sc://airline/fares/prod #",
        "sc://airline/fares/prod is no service connection with the issuer of Entra ID; convert",
    ),
    "no hub": (
        "hub: /subscriptions/",
        "hub: vnet-hub # /subscriptions/",
        "stages.prod.network.hub: must look like /subscriptions/ID/",
    ),
    "no GUID": ("33333333-3333", "3333", "squads.operations.people: must look like 33333333-"),
}


SECRETS = (
    "https://store.blob.core.windows.net/data?sv=2026-01-01&sig=aBcDeF%2B0123",
    "Endpoint=sb://hub;SharedAccessKey=aBcDeF0123",
    "DefaultEndpointsProtocol=https;AccountKey=aBcDeF0123",
    "-----BEGIN RSA PRIVATE KEY-----",
    "ghp_" + "a1" * 18,
    "github_pat_" + "a1" * 18,
    "glpat-" + "a1" * 10,
    "postgresql://northstar:hunter2@db/northstar",
    "redis://:hunter2@cache:6379",
    "host=db password=hunter2",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhIn0.x",
    "abc8Q~" + "a1" * 17,
)


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


@pytest.mark.parametrize("secret", SECRETS)
def test_nothing_that_looks_like_a_secret_is_in_the_file(secret: str, tmp_path: Path) -> None:
    text = EXAMPLE.read_text()
    path = tmp_path / "platform.yaml"
    path.write_text(text.replace("northstar-administrators", f"'{secret}'"))
    with pytest.raises(
        PlatformFileInvalid, match=r":\d+: administrators.name: looks like a secret"
    ):
        load_platform_file(path)
    path.write_text(f"# {secret}\n{text}")
    with pytest.raises(PlatformFileInvalid, match=r"yaml:1: the comment looks like a secret"):
        load_platform_file(path)


def test_a_secret_in_the_wrong_field_is_not_repeated(tmp_path: Path) -> None:
    token = "ghp_" + "a1" * 18
    path = tmp_path / "platform.yaml"
    path.write_text(EXAMPLE.read_text().replace("33333333-3333-3333-3333-333333333333", token))
    with pytest.raises(PlatformFileInvalid, match=r"operations.people: looks like a") as caught:
        load_platform_file(path)
    assert token not in str(caught.value)


def test_one_mistake_is_told_once(tmp_path: Path) -> None:
    """Whatever number of types a value may have, and in no words of the library's."""
    path = tmp_path / "platform.yaml"
    for old, new, _ in WRONG.values():
        path.write_text(EXAMPLE.read_text().replace(old, new))
        with pytest.raises(PlatformFileInvalid) as caught:
            load_platform_file(path)
        said = caught.value.message
        assert len(caught.value.faults) <= 2, said  # a misspelt field is missing as well
        assert not re.search(r"Section|StateIn|Compute|dict\[|literal\[|[Ii]nput should", said), (
            said
        )


def test_editors_are_told_the_same(tmp_path: Path) -> None:
    validator = Draft202012Validator(json_schema())
    for text in (EXAMPLE.read_text(), STARTER):
        assert [error.message for error in validator.iter_errors(_as_json(text))] == []
    for what in ("a misspelt field", "a bad name of a squad", "a misspelt stage", "no GUID"):
        old, new, _ = WRONG[what]
        wrong = EXAMPLE.read_text().replace(old, new)
        assert list(validator.iter_errors(_as_json(wrong))), what


def test_the_line_is_that_of_the_field(tmp_path: Path) -> None:
    path = tmp_path / "platform.yaml"
    path.write_text(EXAMPLE.read_text().replace("10.44.0.0/22", "10.40.0.0/22"))
    with pytest.raises(PlatformFileInvalid) as caught:
        load_platform_file(path)
    (fault,) = caught.value.faults
    assert path.read_text().splitlines()[fault.line - 1].strip() == "addresses: 10.40.0.0/22"
    assert fault.line > path.read_text()[: path.read_text().index("staging:")].count("\n")


@pytest.mark.parametrize(
    "approved_by",
    [
        "ada@example.com",
        "Ada@Example.COM",
        "ada+waivers@example.com",
        "ada@example.com.",
        " ada@example.com",
        "ada@example.com ",
        "ada.@example.com",
        "\u0430da@example.com",  # of Cyrillic letters
        "ada",
    ],
)
def test_a_waiver_is_approved_by_somebody_else(approved_by: str, tmp_path: Path) -> None:
    path = _with(tmp_path, waivers=[_waiver(approved_by=approved_by)])
    with pytest.raises(
        PlatformFileInvalid, match=r"somebody else must approve|must look like ada@example.com"
    ):
        load_platform_file(path)


def test_a_waiver_holds_half_a_year_at_most(tmp_path: Path) -> None:
    longest = _waiver(approved_on="2026-11-23", until="2027-05-22")
    assert load_platform_file(_with(tmp_path, waivers=[longest])).waivers
    path = _with(tmp_path, waivers=[{**longest, "until": "2027-05-23"}])
    with pytest.raises(PlatformFileInvalid, match=r"180 days .* the latest is 2027-05-22"):
        load_platform_file(path)
    path = _with(tmp_path, waivers=[{**longest, "until": "2026-11-22"}])
    with pytest.raises(PlatformFileInvalid, match="before it was approved on 2026-11-23"):
        load_platform_file(path)


@pytest.mark.parametrize(
    ("policy", "said"),
    [
        ("public-acces", "no policy, and no check of Checkov 3.3.12; did you mean 'public-access'"),
        ("CKV_AZURE_2333", "did you mean 'CKV_AZURE_233'"),
        ("CKV_AWS_1", "did you mean"),
        ("CKV2_AZURE_21", "is decided by the policy diagnostics; name that"),
        ("*", r"\* is no policy"),
    ],
)
def test_a_waiver_names_what_there_is(policy: str, said: str, tmp_path: Path) -> None:
    path = _with(tmp_path, waivers=[_waiver(), _waiver(policy=policy)])
    with pytest.raises(
        PlatformFileInvalid, match=rf":\d+: waivers\[1\].policy: .*{said}"
    ) as caught:
        load_platform_file(path)
    (fault,) = caught.value.faults
    assert path.read_text().splitlines()[fault.line - 1].strip("- ").startswith("policy:")


def test_every_setting_of_a_server_may_be_said_or_is_refused_with_its_reason() -> None:
    page = (REPOSITORY / "docs" / "reference" / "settings.md").read_text()
    (table,) = re.findall(r"## `northstar server`\n(.*?)\nWhat is secret", page, re.DOTALL)
    rows = [line.split("|")[1] for line in table.splitlines() if line.startswith("|")]
    there = {name for row in rows for name in re.findall(r"NORTHSTAR_\w+", row)}
    assert {*SETTABLE, *KEPT} == there
    module = REPOSITORY / "infra" / "terraform" / "modules" / "control-plane" / "variables.tf"
    (refused,) = re.findall(
        r"setintersection\(keys\(var.settings\), \[(.*?)\]", module.read_text(), re.DOTALL
    )
    assert set(re.findall(r"NORTHSTAR_\w+", refused)) == set(KEPT)


def test_a_secret_may_be_referred_to(tmp_path: Path) -> None:
    reference = "keyvault:https://v.vault.azure.net/secrets/sign-in"
    path = _with(tmp_path, settings={"NORTHSTAR_SIGN_IN_CLIENT_SECRET": reference})
    assert load_platform_file(path).settings["NORTHSTAR_SIGN_IN_CLIENT_SECRET"] == reference


def test_each_stage_has_what_is_written_for_it() -> None:
    platform = load_platform_file(EXAMPLE)
    dev, prod = variables(platform, "dev"), variables(platform, "prod")
    assert dev["squads"]["operations"]["monthly_budget"] == 500
    assert prod["squads"]["operations"]["monthly_budget"] == 3000
    assert (
        prod["endpoints"]["operations/late-arrival"]["client_id"]
        == "service:operations/late-arrival-prod"
    )
    fares = [one["squads"]["revenue"]["azure_devops_connections"]["fares"] for one in (dev, prod)]
    assert [one[-36:-28] for one in fares] == ["77777771", "77777773"]
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
    path.write_text(starter(date(2026, 11, 23)))
    platform = load_platform_file(path)
    assert list(platform.stages) == ["dev"]
    assert not platform.waivers  # nobody has approved any


def test_the_waivers_that_init_offers_are_those_of_the_example(tmp_path: Path) -> None:
    text = starter(date(2026, 11, 23))
    begin = text.index("# waivers:")
    path = tmp_path / "platform.yaml"
    path.write_text(text[:begin] + re.sub("^# ?", "", text[begin:], flags=re.MULTILINE))
    own = {"requested_by", "approved_by", "approved_on", "until"}
    offered, shown = (load_platform_file(one).waivers for one in (path, EXAMPLE))
    assert [one.model_dump(exclude=own) for one in offered] == [
        one.model_dump(exclude=own) for one in shown
    ]


def test_the_guide_shows_what_the_files_may_say(tmp_path: Path) -> None:
    squad, waivers, prices = (_shown(name) for name in ("  cargo:", "waivers:", "currency:"))
    network, endpoints = (_shown(name) for name in ("    network:", "    endpoints:"))
    starter = STARTER.replace("    size: small\n", f"    size: small\n{network}")
    assert network in starter
    (tmp_path / "platform.yaml").write_text(starter + squad + endpoints + waivers)
    (tmp_path / "prices.yaml").write_text(prices)
    platform = load_platform_file(tmp_path)
    assert platform.stages["dev"].network.egress == "10.0.0.4"
    assert list(platform.endpoints_of("dev")) == [("cargo", "freight-delay")]
    assert list(platform.squads) == ["first-squad", "cargo"]
    assert [waiver.policy for waiver in platform.waivers] == ["public-access"]
    registry = load_prices(tmp_path / "prices.yaml").of("container_registry", {"sku": "Premium"})
    assert registry is not None
    assert registry.month == (38, 42)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"no .*platform\.yaml"):
        load_platform_file(tmp_path)


def _shown(begin: str) -> str:
    """The block of the guide that begins so."""
    (block,) = re.findall(rf"```yaml\n({begin}.*?)```", GUIDE.read_text(), re.DOTALL)
    return str(block)


def _as_json(text: str) -> Any:
    """What an editor sees, to which a date is a text."""
    return json.loads(json.dumps(yaml.safe_load(text), default=str))


def _with(folder: Path, **more: Any) -> Path:
    path = folder / "platform.yaml"
    path.write_text(yaml.safe_dump({**yaml.safe_load(EXAMPLE.read_text()), **more}))
    return path


def _waiver(**fields: Any) -> dict[str, Any]:
    usual = {
        "policy": "public-access",
        "resource": "module.models.*",
        "reason": "The old loader reads it until it is moved.",
        "approved_on": "2026-11-23",
        "until": "2026-12-31",
        "requested_by": "ada@example.com",
        "approved_by": "grace@example.com",
    }
    return {**usual, **fields}
