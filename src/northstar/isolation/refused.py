"""Squads' code is not started at all."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Literal

from northstar.errors import Failed
from northstar.isolation.interface import Program


class Refused:
    """No program is started, because nothing would keep it from the platform's secrets.

    Args:
        problem: why, in a sentence.
        hint: what to do.
    """

    protection: Literal["refused"] = "refused"

    def __init__(self, problem: str, hint: str) -> None:
        self._problem = problem
        self._hint = hint

    @property
    def problem(self) -> str:
        return f"{self._problem} {self._hint}"

    def hand_over(self, user: str, folder: Path) -> None:
        raise Failed(self._problem, hint=self._hint)

    def start(self, user: str, program: Program) -> subprocess.Popen[bytes]:
        raise Failed(self._problem, hint=self._hint)

    def runs(self, user: str, pid: int) -> bool:
        return True  # what was started under earlier settings goes on until it ends

    def end(self, user: str) -> None:
        """Nothing was started that would have to be ended."""
