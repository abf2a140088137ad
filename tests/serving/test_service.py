from __future__ import annotations

import tarfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest

from northstar.access.testing import AccessBench
from northstar.clock import FakeClock
from northstar.database import Database, metadata
from northstar.digest import folder_digest
from northstar.errors import Invalid, NotFound
from northstar.names import EndpointRef, ProjectRef
from northstar.registry.archive import tar_stream
from northstar.registry.fake import example_record
from northstar.serving import api
from northstar.serving.dataplane.download import unpack_model
from northstar.serving.domain import EndpointStatus, VersionCounters, latency_quantile_ms
from northstar.serving.errors import ModelBroken
from northstar.serving.service import EndpointService
from tests.serving.endpoints import ENDPOINT, access

PATH = ENDPOINT.path


class Plane:
    """The service on a database of its own, with one model folder."""

    def __init__(self, folder: Path) -> None:
        self.database = Database(f"sqlite:///{folder / 'test.db'}")
        metadata.create_all(self.database.engine)
        self.clock = FakeClock()
        self.model = folder / "model"
        (self.model / "data").mkdir(parents=True)
        (self.model / "MLmodel").write_text("flavors: {}\n")
        (self.model / "data" / "weights.bin").write_bytes(bytes(range(256)) * 3000)
        self.digest = folder_digest(self.model)
        self.service = EndpointService(
            self.database, self.clock, model_archive=self._find, access=lambda _: access()
        )
        self.records = [example_record(version=v, digest=self.digest) for v in (1, 2)]

    def _find(self, digest: str) -> Iterator[bytes]:
        assert digest == self.digest
        return tar_stream(self.model)


@pytest.fixture
def plane(tmp_path: Path) -> Iterator[Plane]:
    plane = Plane(tmp_path)
    yield plane
    plane.database.close()


def status(instance: str, revision: int = 1, requests: int = 0, **more: object) -> EndpointStatus:
    counters = VersionCounters(version=1, requests=requests, rows=requests)
    return EndpointStatus(
        instance=instance,
        revision=revision,
        url="http://127.0.0.1:9000",
        started_at=FakeClock().now(),
        counters=(counters,),
        **more,  # type: ignore[arg-type]  # fields of the report
    )


def test_traffic_becomes_a_spec_whose_flag_splits_users(plane: Plane) -> None:
    assert plane.service.set_traffic(ENDPOINT, {1: 90, 2: 10}, plane.records) == 1
    spec = plane.service.spec(ENDPOINT)
    assert [model.version for model in spec.models] == [1, 2]
    shares = [(s["variant"], s["to"] - s["from"]) for s in spec.flag["allocation"]["percentile"]]
    assert shares == [("v1", 90.0), ("v2", 10.0)]


def test_saying_the_same_again_changes_nothing(plane: Plane) -> None:
    for _ in range(2):
        assert plane.service.set_traffic(ENDPOINT, {1: 100}, plane.records) == 1
    assert plane.service.set_traffic(ENDPOINT, {1: 0, 2: 100}, plane.records) == 2


@pytest.mark.parametrize("weights", [{1: 50}, {1: 60, 2: 60}, {1: -5, 2: 105}, {3: 100}])
def test_traffic_that_makes_no_sense_is_refused(plane: Plane, weights: dict[int, float]) -> None:
    with pytest.raises(Invalid):
        plane.service.set_traffic(ENDPOINT, weights, plane.records)
    assert plane.service.spec(ENDPOINT).revision == 0


def test_an_endpoint_without_traffic_is_told_to_wait(plane: Plane) -> None:
    assert plane.service.sync(ENDPOINT, status("a", revision=0)).models == ()
    with pytest.raises(NotFound, match="Nothing was ever released"):
        plane.service.view(ENDPOINT)
    assert plane.service.wanted() == []


def test_counters_add_up_over_restarts(plane: Plane) -> None:
    plane.service.set_traffic(ENDPOINT, {1: 100}, plane.records)
    for report in (status("a", requests=3), status("a", requests=5), status("b", requests=2)):
        plane.service.sync(ENDPOINT, report)
        plane.clock.advance(1)
    assert plane.service.counters(ENDPOINT, 1).requests == 7
    assert plane.service.counters(ENDPOINT, 2).requests == 0
    view = plane.service.view(ENDPOINT)
    assert view.counters[0].rows == 7
    assert view.answering


def test_an_instance_that_falls_silent_is_not_answering(plane: Plane) -> None:
    plane.service.set_traffic(ENDPOINT, {1: 100}, plane.records)
    plane.service.sync(ENDPOINT, status("a"))
    plane.clock.advance(60)
    assert not plane.service.view(ENDPOINT).answering


def test_a_model_travels_whole_and_is_checked_on_arrival(plane: Plane, tmp_path: Path) -> None:
    plane.service.set_traffic(ENDPOINT, {1: 100}, plane.records)
    unpack_model(plane.service.model_archive(ENDPOINT, plane.digest), plane.digest, tmp_path / "m")
    assert folder_digest(tmp_path / "m") == plane.digest
    with pytest.raises(ModelBroken, match="has digest"):
        other = "sha256:" + "1" * 64
        unpack_model(plane.service.model_archive(ENDPOINT, plane.digest), other, tmp_path / "n")
    assert not (tmp_path / "n").exists()


@pytest.mark.parametrize("name", ["../out", "/etc/out"])
def test_an_archive_that_reaches_outside_is_refused(tmp_path: Path, name: str) -> None:
    archive = BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as file:
        member = tarfile.TarInfo(name)
        member.size = 1
        file.addfile(member, BytesIO(b"x"))
    with pytest.raises(ModelBroken, match="no file of a model"):
        unpack_model(iter([archive.getvalue()]), "sha256:" + "0" * 64, tmp_path / "m")
    assert list(tmp_path.iterdir()) == []


def test_an_archive_with_a_link_is_refused(tmp_path: Path) -> None:
    archive = BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as file:
        member = tarfile.TarInfo("MLmodel")
        member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"
        file.addfile(member)
    with pytest.raises(ModelBroken, match="no file of a model"):
        unpack_model(iter([archive.getvalue()]), "sha256:" + "0" * 64, tmp_path / "m")


def test_routes_let_each_role_do_its_part(plane: Plane, tmp_path: Path) -> None:
    plane.service.set_traffic(ENDPOINT, {1: 100}, plane.records)
    bench = AccessBench(tmp_path)
    client = bench.client(api.router(plane.service, bench.guard))
    runtime = bench.headers("runtime", "endpoint-runtime", f"/{ENDPOINT}")
    reader = bench.headers("rita", "reader", "/operations")
    stranger = bench.headers("sam", "reader", "/sales")
    report = status("a").model_dump(mode="json")

    assert (
        client.post(f"{PATH}/endpoint/sync", json=report, headers=runtime).json()["revision"] == 1
    )
    assert client.post(f"{PATH}/endpoint/sync", json=report, headers=reader).status_code == 403
    model = client.get(f"{PATH}/models/{plane.digest}", headers=runtime)
    assert model.headers["content-type"] == "application/x-tar"
    other = "sha256:" + "2" * 64
    assert client.get(f"{PATH}/models/{other}", headers=runtime).status_code == 404
    assert client.get(f"{PATH}/models/{plane.digest}", headers=stranger).status_code == 403
    assert client.get(f"{PATH}/endpoint", headers=reader).json()["url"] == "http://127.0.0.1:9000"
    listed = client.get(f"{ENDPOINT.project_ref.path}/endpoints", headers=reader).json()
    assert [one["endpoint"] for one in listed] == [str(ENDPOINT)]
    assert client.get(f"{PATH}/endpoint").status_code == 401


def test_endpoints_are_listed_by_project(plane: Plane) -> None:
    other = EndpointRef("sales", "churn", "dev")
    for endpoint in (ENDPOINT, other):
        plane.service.set_traffic(endpoint, {1: 100}, plane.records)
    assert plane.service.endpoints(ProjectRef("sales", "churn")) == [other]
    plane.service.set_traffic(other, {}, [])
    assert plane.service.wanted() == [ENDPOINT]


def test_quantiles_come_from_the_histogram() -> None:
    counters = VersionCounters(version=1)
    assert latency_quantile_ms(counters.latency, 0.5) is None
    latency = list(counters.latency)
    latency[0], latency[10] = 99, 1
    assert latency_quantile_ms(latency, 0.5) == 0.05
    assert latency_quantile_ms(latency, 1.0) == pytest.approx(0.05 * 1.25**10, rel=1e-4)
