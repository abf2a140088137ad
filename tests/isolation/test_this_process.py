"""A process with secrets, and code of the very same user beside it."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from tests.isolation.attack import ATTACK
from tests.isolation.machine import Machine

VICTIM = """
import sys
from northstar.isolation.this_process import hide_secrets
print("up", flush=True)
sys.stdin.readline()
hide_secrets()
print("hidden", flush=True)
sys.stdin.readline()
"""
DRIVER = f"""{ATTACK}
import subprocess
victim = subprocess.Popen(
    [sys.executable, "-c", {VICTIM!r}], stdin=subprocess.PIPE, stdout=subprocess.PIPE
)
found = []
for _ in range(2):
    victim.stdout.readline()
    found.append(trying(lambda: len(Path(f"/proc/{{victim.pid}}/environ").read_bytes())))
    found.append(trying(lambda: memory(victim.pid)))
    victim.stdin.write(b"go on\\n")
    victim.stdin.flush()
victim.communicate()
print(json.dumps(found))
"""


@pytest.fixture
def found(request: pytest.FixtureRequest) -> list[str]:
    """What is read of a process before and after it has hidden itself, by another of its user."""
    if os.geteuid() == 0:  # whom nothing is hidden from
        machine: Machine = request.getfixturevalue("machine")
        nobody = ("setpriv", "--reuid", "22000", "--regid", "22000", "--clear-groups")
        return list(machine.python(DRIVER, *nobody))
    done = subprocess.run([sys.executable, "-c", DRIVER], capture_output=True, check=True)
    return list(json.loads(done.stdout))


def test_once_hidden_it_is_closed_to_others_of_its_user(found: list[str]) -> None:
    assert found[0].startswith("got")
    assert found[2:] == ["PermissionError", "PermissionError"]
