from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from northstar.environments.plan import Plan
from tests.infra.folder import PLATFORM, Folder
from tests.infra.stub_provider.build import build


@pytest.fixture(scope="session")
def configuration(request: pytest.FixtureRequest) -> Path | None:
    """What leads Terraform to the stub; ``None`` with NORTHSTAR_AZURERM=registry, for azurerm."""
    if shutil.which("terraform") is None:
        pytest.skip("The infrastructure was not tested: there is no terraform on this machine.")
    if os.environ.get("NORTHSTAR_AZURERM") == "registry":
        return None
    cache = request.config.cache
    assert cache is not None
    return build(cache.mkdir("northstar-azurerm-stub"))


@pytest.fixture(scope="session")
def stub(configuration: Path | None) -> Path:
    """As ``configuration``, where the stub is needed: azurerm itself plans for an account alone."""
    if configuration is None:
        pytest.skip("Nothing was planned: NORTHSTAR_AZURERM=registry, and azurerm would sign in.")
    return configuration


@pytest.fixture(scope="session")
def folder(configuration: Path | None, tmp_path_factory: pytest.TempPathFactory) -> Folder:
    """A copy of the Terraform as it is; tests leave it so."""
    return Folder.copied(tmp_path_factory.mktemp("infra") / "terraform", configuration)


@pytest.fixture
def own_folder(configuration: Path | None, tmp_path: Path) -> Folder:
    """A copy that the test may change."""
    return Folder.copied(tmp_path / "terraform", configuration)


@pytest.fixture(scope="session")
def planned(folder: Folder, stub: Path) -> Callable[[str], Plan]:
    """The plan of the platform in a stage."""
    known: dict[str, Plan] = {}

    def plan(stage: str) -> Plan:
        if stage not in known:
            shown = folder.plan(PLATFORM, f"-var-file=environments/{stage}.tfvars")
            known[stage] = Plan(shown)
        return known[stage]

    return plan
