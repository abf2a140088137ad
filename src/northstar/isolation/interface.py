"""The port: how squads' code (jobs, endpoints) is started and ended on this machine."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal, Protocol

Protection = Literal["isolated", "unprotected", "refused", "own machine"]
"""What keeps squads' code from the platform and from other squads': users of its own; nothing,
because somebody said so; that it isn't started; nothing, because everything is one person's.
"""


@dataclass(frozen=True)
class Program:
    """What to start.

    Args:
        folder: its working directory.
        environment: added to what every program of squads' code is given.
        output: takes its standard output, ``errors`` its standard error.
    """

    command: Sequence[str]
    folder: Path
    environment: Mapping[str, str]
    output: IO[bytes]
    errors: IO[bytes]


class Isolation(Protocol):
    """Starts programs, each for a user by a name of ours such as ``job:squad/project``.

    What runs for one name is kept from what runs for every other name, and from this process, as
    far as ``protection`` says.

    Attributes:
        problem: what is wrong with it, in a sentence with what to do; empty if nothing is.
    """

    @property
    def protection(self) -> Protection: ...

    @property
    def problem(self) -> str: ...

    def hand_over(self, user: str, folder: Path) -> None:
        """Give a folder that this process made, and all that is in it, to a user.

        Never call it for what the user's programs have written already. Raises ``Failed``.
        """
        ...

    def start(self, user: str, program: Program) -> subprocess.Popen[bytes]:
        """Start a program in a session of its own, which may outlive this process.

        The caller waits for it. Raises ``Failed`` where squads' code can't or must not run.
        """
        ...

    def runs(self, user: str, pid: int) -> bool:
        """Whether a process may be taken for one of the user's; they could name any other."""
        ...

    def end(self, user: str) -> None:
        """Kill whatever runs for a user, as far as it can be told from the rest; idempotent."""
        ...
