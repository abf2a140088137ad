from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from northstar.environments.plan import Plan
from tests.infra.folder import PLATFORM, REPOSITORY, Folder, Settings
from tests.infra.stub_provider.build import build


@pytest.fixture(scope="package")
def terraform() -> None:
    """The real terraform is there."""
    if shutil.which("terraform") is None:
        pytest.skip("The infrastructure was not tested: there is no terraform on this machine.")


@pytest.fixture(scope="package")
def provider(
    terraform: None, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Settings]:
    """What leads Terraform to the stub; nothing with NORTHSTAR_AZURERM=registry, for azurerm."""
    if os.environ.get("NORTHSTAR_AZURERM") == "registry":
        yield {}
        return
    cache = request.config.cache
    assert cache is not None
    data = build(cache.mkdir("northstar-azurerm-stub"))
    socket = tmp_path_factory.mktemp("stub") / "socket"
    command = [sys.executable, "-m", "tests.infra.stub_provider.provider", str(data), str(socket)]
    with subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        ready = process.stdout.readline().strip()
        assert ready, "The stub did not start; what it wrote stands above."
        yield {"TF_REATTACH_PROVIDERS": ready}
        process.terminate()


@pytest.fixture(scope="package")
def stub(provider: Settings) -> None:
    """The stub, where it is needed: azurerm itself plans for those alone who have an account."""
    if not provider:
        pytest.skip("Nothing was planned: NORTHSTAR_AZURERM=registry, and azurerm would sign in.")


@pytest.fixture(scope="package")
def folder(provider: Settings, tmp_path_factory: pytest.TempPathFactory) -> Folder:
    """A copy of the Terraform as it is; tests leave it so."""
    return Folder.copied(tmp_path_factory.mktemp("infra") / "terraform", provider)


@pytest.fixture
def own_folder(provider: Settings, tmp_path: Path) -> Folder:
    """A copy that the test may change."""
    return Folder.copied(tmp_path / "terraform", provider)


@pytest.fixture(scope="package")
def planned(folder: Folder, stub: None) -> Callable[[str], Plan]:
    """The plan of the platform in a stage."""
    known: dict[str, Plan] = {}

    def plan(stage: str) -> Plan:
        if stage not in known:
            known[stage] = Plan(folder.plan(PLATFORM, folder.rendered(stage)))
        return known[stage]

    return plan
