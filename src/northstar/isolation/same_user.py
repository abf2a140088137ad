"""Squads' code as the platform's own user: nothing keeps the two apart."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from northstar.isolation.interface import Program


class SameUser:
    """Programs of this process's own user.

    Args:
        protection: whose machine it is, or that somebody wants it so.
        environment: what every program is given.
    """

    def __init__(
        self, protection: Literal["unprotected", "own machine"], environment: Mapping[str, str]
    ) -> None:
        self.protection: Literal["unprotected", "own machine"] = protection
        self._environment = dict(environment)

    @property
    def problem(self) -> str:
        if self.protection == "own machine":
            return ""
        return (
            "Squads' code runs as the platform's own user (NORTHSTAR_JOBS=unprotected): it can "
            "read the state folder and other squads' data. Set NORTHSTAR_JOB_UIDS instead."
        )

    def hand_over(self, user: str, folder: Path) -> None:
        """Nothing to do: it is the user's already."""

    def start(self, user: str, program: Program) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            program.command,
            cwd=program.folder,
            env={**self._environment, **program.environment},
            stdin=subprocess.DEVNULL,
            stdout=program.output,
            stderr=program.errors,
            start_new_session=True,
        )

    def runs(self, user: str, pid: int) -> bool:
        return True

    def end(self, user: str) -> None:
        """Nothing can be told apart here; a run ends what its own script leaves behind."""
