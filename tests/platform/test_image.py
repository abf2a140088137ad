"""The Dockerfile, as far as it can be held to the rest without building it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.metadata import requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.azure.modules import environment_of, launcher_of

ROOT = Path(__file__).parents[2]
REQUIREMENTS = ROOT / "requirements"
EXTRAS = {"server", "postgres", "azure"}
_LOCKED = re.compile(r"([\w.-]+)(?:\[[\w,-]+\])?==([^ ;]+)")


def instructions() -> list[tuple[str, str]]:
    text = re.sub(r"^#.*\n", "", (ROOT / "Dockerfile").read_text(), flags=re.M)
    lines = re.sub(r"\\\n\s*", "", text).splitlines()
    return [(word, rest) for word, _, rest in (line.partition(" ") for line in lines) if word]


def of(instruction: str) -> list[str]:
    return [rest for word, rest in instructions() if word == instruction]


def locked(name: str) -> dict[str, str]:
    """Versions by names of what a lock file has, each with a hash."""
    found: dict[str, str] = {}
    text = (REQUIREMENTS / f"{name}.lock").read_text().replace("\\\n", " ")
    for line in text.splitlines():
        entry = _LOCKED.match(line)
        assert entry, f"{line!r} is not pinned"
        assert " --hash=sha256:" in line, f"{entry[1]} has no hash"
        found[canonicalize_name(entry[1])] = entry[2]
    return found


def wanted(extras: set[str]) -> Iterator[Requirement]:
    """What the package needs with these extras, those that extras name in their turn included."""
    for text in requires("northstar-mlops") or []:
        one = Requirement(text)
        environments = ({"extra": extra} for extra in ("", *extras))
        if one.marker and not any(one.marker.evaluate(each) for each in environments):
            continue
        if one.name == "northstar-mlops":
            yield from wanted(set(one.extras))
        else:
            yield one


def test_all_that_is_copied_is_there_and_not_ignored() -> None:
    copied = [path for rest in of("COPY") if "--from" not in rest for path in rest.split()[:-1]]
    assert {"src", "pyproject.toml", "requirements/image.lock"} <= set(copied)
    assert [path for path in copied if not (ROOT / path).exists()] == []
    allowed = [
        line[1:]
        for line in (ROOT / ".dockerignore").read_text().splitlines()
        if line.startswith("!")
    ]
    assert [path for path in allowed if not (ROOT / path).exists()] == []
    assert [p for p in copied if not any(f"{a}/".startswith(f"{p}/") for a in allowed)] == []


def test_what_the_commands_need_is_locked_with_hashes_in_a_version_that_fits() -> None:
    present = locked("image")
    found = {canonicalize_name(one.name): one for one in wanted(EXTRAS)}
    assert {"azure-identity", "opentelemetry-sdk", "uvicorn", "mlflow", "psycopg"} <= found.keys()
    missing = [n for n, one in found.items() if not one.specifier.contains(present.get(n, "0"))]
    assert missing == []


def test_what_is_in_the_image_is_what_was_tested() -> None:
    tested, present = locked("dev"), locked("image")
    assert {name: v for name, v in present.items() if tested.get(name) != v} == {}
    assert locked("build")["hatchling"] == tested["hatchling"]


def test_the_base_is_named_by_an_argument_in_both_stages_so_that_it_can_be_pinned() -> None:
    assert [rest.split()[0] for rest in of("FROM")] == ["${PYTHON}", "${PYTHON}"]
    first, *_ = instructions()
    assert re.fullmatch(r"PYTHON=python:3\.\d+-slim-\w+", first[1])


def test_nothing_is_fetched_but_by_hash_and_into_the_first_stage_alone() -> None:
    build, final = (ROOT / "Dockerfile").read_text().split("\nFROM ")[1:]
    assert "PIP_REQUIRE_HASHES=1" in build
    assert "PIP_NO_CACHE_DIR=1" in build
    unhashed = re.findall(r"PIP_REQUIRE_HASHES=0 (\S+)", build)
    assert unhashed == ["PIP_NO_INDEX=1"] * 2
    assert "pip " not in final


def test_the_module_names_the_certificates_that_the_image_has() -> None:
    (named,) = re.findall(r"sslrootcert=([^&\"]+)", _control_plane())
    assert any(f"test -s {named}" in rest for rest in of("RUN"))


@pytest.mark.parametrize("module", ["control-plane", "endpoint"])
def test_what_starts_the_commands_is_in_the_image(module: str) -> None:
    program, *options = launcher_of(module)
    (installing,) = [rest for rest in of("RUN") if "apt-get install" in rest]
    assert program in (*installing.split(), "setpriv")  # which is in every Debian
    for user in re.findall(r"--re[ug]id=(\w+)", " ".join(options)):
        assert f"useradd --no-log-init --uid 10001 --gid {user} " in installing
    assert of("ENTRYPOINT") == ['["northstar"]']


def test_the_images_own_user_is_none_of_those_that_jobs_get() -> None:
    (numbers,) = [rest for rest in of("RUN") if "useradd" in rest]
    (own,) = re.findall(r"useradd .*?--uid (\d+)", numbers)
    first, last = environment_of("control-plane")["NORTHSTAR_JOB_UIDS"].strip('"').split("-")
    assert not int(first) <= int(own) <= int(last)


def _control_plane() -> str:
    return (ROOT / "infra/terraform/modules/control-plane/main.tf").read_text()
