from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from northstar.durable import PRIVATE, create_file, replace_file


def test_a_file_is_replaced_as_a_whole_and_with_its_mode(tmp_path: Path) -> None:
    path = tmp_path / "secret.json"
    path.write_text("older and longer")
    path.chmod(0o644)
    replace_file(path, "newer", PRIVATE)
    assert path.read_text() == "newer"
    assert stat.S_IMODE(path.stat().st_mode) == PRIVATE
    assert list(tmp_path.iterdir()) == [path]


def test_what_cannot_be_written_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    path.write_text("old")
    with pytest.raises(UnicodeEncodeError):
        replace_file(path, "half of it \ud800")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_of_many_that_create_a_file_one_does(tmp_path: Path) -> None:
    path = tmp_path / "key"
    with ThreadPoolExecutor(8) as threads:
        made = list(threads.map(lambda n: create_file(path, f"{n}", PRIVATE), range(32)))
    assert made.count(True) == 1
    assert path.read_text() == str(made.index(True))
    assert stat.S_IMODE(path.stat().st_mode) == PRIVATE
    assert list(tmp_path.iterdir()) == [path]
