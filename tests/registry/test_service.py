from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from northstar.access.domain import Principal
from northstar.clock import FakeClock
from northstar.database import Database, metadata
from northstar.errors import Invalid, NotFound, Unavailable
from northstar.names import ProjectRef
from northstar.registry.domain import Metric, VersionUse
from northstar.registry.errors import WrongModel
from northstar.registry.fake import FakeMlflow, example_registration
from northstar.registry.models import ModelFolders
from northstar.registry.protection import RegisteredVersions
from northstar.registry.service import RegistryService
from northstar.serving.dataplane.download import unpack_model

PROJECT = ProjectRef("operations", "late-arrival")
MODEL = {"MLmodel": b"flavors: {}\n", "data/model.txt": b"tree\n"}


ANNA = Principal(id="user:anna", kind="user", name="anna")


class OneProject:
    def project(self, ref: ProjectRef) -> object:
        if ref == PROJECT:
            return ref
        raise NotFound(f"There is no project {ref}.")


@pytest.fixture
def mlflow() -> FakeMlflow:
    fake = FakeMlflow()
    fake.models["runs:/run1/model"] = MODEL
    fake.models["runs:/run2/model"] = MODEL
    return fake


@pytest.fixture
def registry(tmp_path: Path, mlflow: FakeMlflow) -> Iterator[RegistryService]:
    database = Database(f"sqlite:///{tmp_path / 'test.db'}")
    metadata.create_all(database.engine)
    clock = FakeClock()
    use = VersionUse(environment="prod", release=7, state="live", since=clock.now())
    yield RegistryService(
        database,
        mlflow,
        ModelFolders(tmp_path / "models"),
        tmp_path / "downloads",
        clock,
        lambda _project, version: [use] if version == 1 else [],
        OneProject(),
    )
    database.close()


def test_what_is_registered_comes_back_as_it_was(registry: RegistryService) -> None:
    registration = example_registration(monitoring={"window_days": 7})
    record = registry.register(PROJECT, registration, ANNA)
    assert (record.version, record.registered_by) == (1, "user:anna")
    assert registry.get(PROJECT, 1) == record
    assert record.evidence == registration.evidence
    assert [known.version for known in registry.list(PROJECT)] == [1]


def test_a_run_registers_one_version_however_often_it_asks(
    registry: RegistryService, mlflow: FakeMlflow
) -> None:
    first = registry.register(PROJECT, example_registration(), ANNA)
    again = registry.register(PROJECT, example_registration(), ANNA)
    assert again == first
    assert len(mlflow.versions[PROJECT]) == 1


def test_the_registered_model_is_the_one_that_the_run_logged(
    registry: RegistryService, tmp_path: Path
) -> None:
    record = registry.register(PROJECT, example_registration(), ANNA)
    unpack_model(registry.model_archive(record.digest), record.digest, tmp_path / "received")
    assert (tmp_path / "received" / "data" / "model.txt").read_bytes() == b"tree\n"


def test_two_runs_with_the_same_model_share_its_files(registry: RegistryService) -> None:
    one = registry.register(PROJECT, example_registration(), ANNA)
    second = example_registration(run_id="run2", model_uri="runs:/run2/model")
    two = registry.register(PROJECT, second, ANNA)
    assert (one.version, two.version) == (1, 2)
    assert one.digest == two.digest


def test_a_registration_that_was_cut_off_continues(
    registry: RegistryService, mlflow: FakeMlflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut_off(*_: object) -> int:
        raise Unavailable("MLflow went away.")

    with monkeypatch.context() as patch:
        patch.setattr(mlflow, "ensure_version", cut_off)
        with pytest.raises(Unavailable):
            registry.register(PROJECT, example_registration(), ANNA)
    assert registry.list(PROJECT) == []
    assert registry.register(PROJECT, example_registration(), ANNA).version == 1


def test_a_folder_without_a_model_is_refused_and_leaves_nothing(
    registry: RegistryService, mlflow: FakeMlflow, tmp_path: Path
) -> None:
    mlflow.models["runs:/run1/model"] = {"notes.txt": b""}
    with pytest.raises(WrongModel, match="no file MLmodel"):
        registry.register(PROJECT, example_registration(), ANNA)
    assert list((tmp_path / "models").iterdir()) == []
    assert PROJECT not in mlflow.versions


def test_a_registration_for_another_project_is_refused(registry: RegistryService) -> None:
    with pytest.raises(Invalid, match="sent to operations/other"):
        registry.register(ProjectRef("operations", "other"), example_registration(), ANNA)


def test_a_project_that_nobody_made_has_no_versions(registry: RegistryService) -> None:
    nobody_s = example_registration(project="other")
    with pytest.raises(NotFound, match="no project operations/other"):
        registry.register(ProjectRef("operations", "other"), nobody_s, ANNA)


def test_an_unknown_version_is_not_found(registry: RegistryService) -> None:
    with pytest.raises(NotFound, match="operations/late-arrival has no version 3"):
        registry.get(PROJECT, 3)


def test_an_alias_follows_the_release(registry: RegistryService, mlflow: FakeMlflow) -> None:
    registry.register(PROJECT, example_registration(), ANNA)
    second = example_registration(run_id="run2", model_uri="runs:/run2/model")
    registry.register(PROJECT, second, ANNA)
    for version in (1, 2, 2):
        registry.set_alias(PROJECT, "prod", version)
    assert registry.aliases(PROJECT) == {"prod": 2}
    assert mlflow.aliases == {(PROJECT, "prod"): 2}
    with pytest.raises(NotFound):
        registry.set_alias(PROJECT, "prod", 3)


def test_lineage_goes_back_to_the_data_and_forward_to_the_endpoint(
    registry: RegistryService,
) -> None:
    registry.register(PROJECT, example_registration(), ANNA)
    view = registry.lineage(PROJECT, 1)
    assert view.lineage.data_digest == "sha256:da"
    assert [(use.environment, use.state) for use in view.uses] == [("prod", "live")]


def test_a_run_s_artifact_is_fetched_whole(registry: RegistryService, mlflow: FakeMlflow) -> None:
    mlflow.run_artifacts["run1", "northstar/source.tar.gz"] = b"source"
    path = registry.download_run_artifact(PROJECT, "run1", "northstar/source.tar.gz")
    assert path.read_bytes() == b"source"
    with pytest.raises(NotFound):
        registry.download_run_artifact(PROJECT, "run1", "northstar/other")
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("path", ["../secret", "a/../../b", "/etc/passwd", ""])
def test_an_artifact_path_stays_inside_the_run(registry: RegistryService, path: str) -> None:
    with pytest.raises(Invalid, match="not an artifact path"):
        registry.download_run_artifact(PROJECT, "run1", path)


def test_what_was_registered_is_protected_in_mlflow(
    registry: RegistryService, tmp_path: Path
) -> None:
    protected = RegisteredVersions(Database(f"sqlite:///{tmp_path / 'test.db'}"))
    assert protected.model("operations", "late-arrival") == ""
    assert protected.experiments("operations") == ""
    registry.register(PROJECT, example_registration(), ANNA)
    assert protected.model("operations", "late-arrival")
    assert protected.version("operations", "late-arrival", "1")
    assert protected.experiments("operations")
    assert protected.experiments("fashion") == ""
    assert protected.artifacts("operations", "run1")
    assert protected.version("operations", "late-arrival", "2") == ""
    assert protected.version("operations", "late-arrival", "x") == ""
    assert protected.artifacts("operations", "run2") == ""
    assert protected.model("fashion", "late-arrival") == ""


def test_evidence_must_be_of_numbers_and_of_the_model_s_task() -> None:
    with pytest.raises(ValueError, match="finite"):
        Metric(value=float("nan"))
    with pytest.raises(ValueError, match="the evidence is for regression"):
        example_registration(evidence={"task": "regression"})
