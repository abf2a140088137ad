"""The thresholds in force: the shipped ones, until the company sets its own."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import update
from starlette.testclient import TestClient

from northstar.access.domain import AuditQuery
from northstar.access.testing import AccessBench
from northstar.registry.domain import VersionRecord
from northstar.registry.fake import example_record
from northstar.standards.api import router
from northstar.standards.domain import Parameters
from northstar.standards.service import StandardsService
from northstar.standards.store import ParameterStore, standards_parameters
from tests.release.world import World

PLACE = "/api/standards/parameters"


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


@pytest.fixture
def service(world: World) -> StandardsService:
    return world.standards


@pytest.fixture
def bench(tmp_path: Path, world: World) -> AccessBench:
    return AccessBench(tmp_path, database=world.database)


@pytest.fixture
def client(bench: AccessBench, service: StandardsService) -> TestClient:
    return bench.client(router(service, bench.guard))


def version(**evidence: object) -> VersionRecord:
    return example_record(evidence=evidence)


def test_a_gate_goes_by_the_thresholds_in_force(service: StandardsService) -> None:
    candidate = version(rows_train=700)
    assert service.judge(candidate, "prod", None).passed

    service.set_parameters(Parameters(minimum_rows_train=1000), "user:anna")
    verdict = service.judge(candidate, "prod", None)

    assert [one.id for one in verdict.unmet] == ["minimum-data"]
    assert "1,000" in verdict.unmet[0].asks
    service.reset_parameters("user:anna")
    assert service.judge(candidate, "prod", None).passed


def test_an_administrator_sets_them_and_it_is_recorded(
    bench: AccessBench, client: TestClient
) -> None:
    admin = bench.headers()
    set_ = client.put(PLACE, json={"calibration_error": 0.05}, headers=admin)

    assert set_.json() == Parameters(calibration_error=0.05).model_dump()
    assert client.get(PLACE, headers=bench.headers("ben", "", "/")).json() == set_.json()
    entry = bench.access.audit.entries(AuditQuery(action="standard:update", outcome="done"))[0]
    assert (entry.principal, entry.detail["calibration_error"]) == ("user:admin", 0.05)

    assert client.delete(PLACE, headers=admin).status_code == 204
    entry = bench.access.audit.entries(AuditQuery(action="standard:update", outcome="done"))[0]
    assert (entry.principal, entry.detail) == ("user:admin", Parameters().model_dump())
    assert client.get(PLACE, headers=admin).json() == Parameters().model_dump()


def test_an_owner_of_a_squad_does_not_set_them(bench: AccessBench, client: TestClient) -> None:
    owner = bench.headers("eve", "squad-owner", "/operations")
    assert client.put(PLACE, json={}, headers=owner).status_code == 403
    assert client.delete(PLACE, headers=owner).status_code == 403


@pytest.mark.parametrize("wrong", [{"latency_ms_p99": 0}, {"calibration": 1}])
def test_thresholds_that_make_no_sense_are_refused(
    bench: AccessBench, client: TestClient, wrong: dict[str, float]
) -> None:
    assert client.put(PLACE, json=wrong, headers=bench.headers()).status_code == 422


def test_a_threshold_that_joined_later_is_the_shipped_one(world: World) -> None:
    store = ParameterStore(world.database, world.clock, world.access.audit)
    store.write(Parameters(minimum_rows_test=9), "user:anna")
    with world.database.begin() as connection:
        older = {"parameters": '{"minimum_rows_test": 9}'}
        connection.execute(update(standards_parameters).values(**older))

    assert store.read() == Parameters(minimum_rows_test=9)
