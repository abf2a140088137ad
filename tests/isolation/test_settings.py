"""What a server's settings say of squads' code, and that it is not started by mistake."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from northstar.errors import Failed, Invalid
from northstar.isolation.interface import Program
from northstar.isolation.settings import IsolationSettings, choose_isolation
from northstar.isolation.users import UserNumbers
from northstar.isolation.variables import PASSED_ON, of_ones_own_machine, passed_on

USERS = {"NORTHSTAR_JOB_UIDS": "20000-20063", "NORTHSTAR_WORK": "/srv/work"}


def test_a_server_that_was_told_nothing_starts_nothing_and_says_what_to_do(tmp_path: Path) -> None:
    isolation = choose_isolation(IsolationSettings.from_environment({}), {})
    assert isolation.protection == "refused"
    with (tmp_path / "out").open("wb") as out, pytest.raises(Failed) as caught:
        isolation.start("job:a/b", Program(["true"], tmp_path, {}, out, out))
    assert "NORTHSTAR_JOB_UIDS" in caught.value.hint
    assert "NORTHSTAR_JOBS=unprotected" in caught.value.hint


def test_unprotected_has_to_be_said_and_is_warned_of() -> None:
    said = IsolationSettings.from_environment({"NORTHSTAR_JOBS": "unprotected"})
    isolation = choose_isolation(said, {})
    assert isolation.protection == "unprotected"
    assert "state folder" in isolation.problem


def test_users_without_a_folder_that_is_there_are_refused(tmp_path: Path) -> None:
    told = {**USERS, "NORTHSTAR_WORK": str(tmp_path / "absent")}
    isolation = choose_isolation(IsolationSettings.from_environment(told), {})
    assert isolation.protection == "refused"
    assert isolation.problem


@pytest.mark.parametrize(
    "wrong",
    [
        {"NORTHSTAR_JOBS": "yes"},
        {"NORTHSTAR_JOB_UIDS": "20000-20063"},
        {"NORTHSTAR_WORK": "/srv/work"},
        {**USERS, "NORTHSTAR_JOBS": "unprotected"},
        {**USERS, "NORTHSTAR_JOB_UIDS": "0-20"},
        {**USERS, "NORTHSTAR_JOB_UIDS": "30-20"},
        {**USERS, "NORTHSTAR_JOB_UIDS": "20000"},
        {**USERS, "NORTHSTAR_JOB_LIMITS": "memory=2G"},
    ],
)
def test_settings_that_make_no_sense_are_told(wrong: dict[str, str]) -> None:
    with pytest.raises(Invalid):
        IsolationSettings.from_environment(wrong)


def test_a_server_passes_on_what_is_listed_and_nothing_that_it_knows_itself() -> None:
    environ = {
        "PATH": "/bin", "LC_ALL": "C", "IDENTITY_HEADER": "s", "NORTHSTAR_DATABASE_URL": "s",
        "PGPASSWORD": "s", "AZURE_CLIENT_SECRET": "s", "WAREHOUSE": "w",
    }  # fmt: skip
    assert passed_on(environ, ["WAREHOUSE"]) == {"PATH": "/bin", "LC_ALL": "C", "WAREHOUSE": "w"}
    own = of_ones_own_machine(environ)
    assert set(own) == {"PATH", "LC_ALL", "PGPASSWORD", "WAREHOUSE"}


def test_a_name_keeps_its_number_and_nobody_else_gets_it(tmp_path: Path) -> None:
    users = UserNumbers(tmp_path / "users.json", range(20000, 20002))
    assert [users.number("a"), users.number("b"), users.number("a")] == [20000, 20001, 20000]
    again = UserNumbers(tmp_path / "users.json", range(20000, 20002))
    assert again.number("b") == 20001
    with pytest.raises(Failed, match="No user is left for c"):
        again.number("c")


def test_a_number_that_could_not_be_kept_is_not_used(tmp_path: Path) -> None:
    file = tmp_path / "users.json"
    one, other = (UserNumbers(file, range(20000, 20002)) for _ in range(2))
    part = f".users.json.{os.getpid()}-{threading.get_ident()}.part"
    full = tmp_path / part  # as a full disk would, it
    full.mkdir()  # keeps the file from being written
    with pytest.raises(IsADirectoryError):
        one.number("job:a")
    full.rmdir()
    assert other.number("job:b") != one.number("job:a")


def test_every_variable_that_is_passed_on_is_documented() -> None:
    page = (Path(__file__).parents[2] / "docs" / "reference" / "settings.md").read_text()
    assert {name for name in PASSED_ON if f"`{name}`" not in page} == set()
