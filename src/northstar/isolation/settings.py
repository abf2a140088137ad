"""How squads' code is to run on a server, and what comes of it on this machine."""

from __future__ import annotations

import resource
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import northstar
from northstar.errors import Invalid
from northstar.isolation.interface import Isolation
from northstar.isolation.own_users import OwnUsers, what_is_missing
from northstar.isolation.refused import Refused
from northstar.isolation.same_user import SameUser
from northstar.isolation.users import parse_numbers
from northstar.isolation.variables import of_ones_own_machine, passed_on

_UNPROTECTED = "unprotected"
_USUAL_PROCESSES = 4096
_LIMITS = {
    "processes": (resource.RLIMIT_NPROC, 1),
    "memory_mb": (resource.RLIMIT_DATA, 1 << 20),
    "cpu_seconds": (resource.RLIMIT_CPU, 1),
    "file_mb": (resource.RLIMIT_FSIZE, 1 << 20),
}
_OF_A_USER = ("HOME", "TMPDIR", "USER", "LOGNAME")
_WHAT_TO_DO = (
    "Set NORTHSTAR_JOB_UIDS=20000-59999 and NORTHSTAR_WORK, or accept the risk with "
    "NORTHSTAR_JOBS=unprotected (docs/how-to/running-a-server.md)."
)


@dataclass(frozen=True)
class IsolationSettings:
    """What a server's settings say of squads' code.

    Args:
        numbers: of the users that it may run as; ``None`` for none.
        folder: in which those users work.
        unprotected: whether it may run as the platform's own user.
        variables: names of variables that it is given besides the usual ones.
        limits: numbers of resources and their limits.
    """

    numbers: range | None = None
    folder: Path | None = None
    unprotected: bool = False
    variables: tuple[str, ...] = ()
    limits: Mapping[int, int] = field(default_factory=dict)

    @classmethod
    def from_environment(cls, env: Mapping[str, str]) -> IsolationSettings:
        """Read ``NORTHSTAR_JOB_UIDS``, ``NORTHSTAR_WORK``, ``NORTHSTAR_JOBS``,
        ``NORTHSTAR_JOB_VARIABLES`` and ``NORTHSTAR_JOB_LIMITS``; raises ``Invalid``.
        """
        numbers = _numbers(env.get("NORTHSTAR_JOB_UIDS", ""))
        folder = env.get("NORTHSTAR_WORK", "")
        jobs = env.get("NORTHSTAR_JOBS", "")
        if jobs not in ("", _UNPROTECTED):
            raise Invalid(
                f"NORTHSTAR_JOBS is {jobs!r}.", hint=f"It can be {_UNPROTECTED}, or not be set."
            )
        if bool(numbers) != bool(folder) or (numbers and jobs):
            raise Invalid(
                "NORTHSTAR_JOB_UIDS and NORTHSTAR_WORK go together, and without "
                f"NORTHSTAR_JOBS={_UNPROTECTED}.",
                hint="Set the users and the folder in which they work, or neither.",
            )
        return cls(
            numbers=numbers,
            folder=Path(folder).resolve() if folder else None,
            unprotected=jobs == _UNPROTECTED,
            variables=tuple(env.get("NORTHSTAR_JOB_VARIABLES", "").split()),
            limits=_limits(env.get("NORTHSTAR_JOB_LIMITS", "")),
        )


def choose_isolation(settings: IsolationSettings | None, environ: Mapping[str, str]) -> Isolation:
    """How squads' code runs here; ``None`` stands for one's own machine."""
    if settings is None:
        return SameUser("own machine", of_ones_own_machine(environ))
    if settings.unprotected:
        return SameUser("unprotected", passed_on(environ, (*settings.variables, *_OF_A_USER)))
    if settings.numbers is None or settings.folder is None:
        return Refused(
            "This server does not run squads' code: nothing would keep it from the platform's "
            "secrets.",
            _WHAT_TO_DO,
        )
    if missing := what_is_missing(settings.folder, Path(northstar.__file__)):
        return Refused(
            f"This server does not run squads' code. {missing}",
            "Put that right, or accept the risk with NORTHSTAR_JOBS=unprotected in the place of "
            "NORTHSTAR_JOB_UIDS (docs/how-to/running-a-server.md).",
        )
    environment = passed_on(environ, settings.variables)
    return OwnUsers(settings.folder, settings.numbers, environment, settings.limits)


def _numbers(text: str) -> range | None:
    if not text:
        return None
    numbers = parse_numbers(text)
    if numbers is None:
        raise Invalid(
            f"NORTHSTAR_JOB_UIDS is {text!r}, which is no range of users.",
            hint="Write the first and the last number, from 1000 on: 20000-59999.",
        )
    return numbers


def _limits(text: str) -> dict[int, int]:
    limits = {resource.RLIMIT_NPROC: _USUAL_PROCESSES}
    for word in text.split():
        name, _, amount = word.partition("=")
        if name not in _LIMITS or not amount.isdecimal():
            raise Invalid(
                f"NORTHSTAR_JOB_LIMITS has {word!r}.",
                hint=f"Write NAME=NUMBER, separated by blanks; names are {', '.join(_LIMITS)}.",
            )
        number, unit = _LIMITS[name]
        limits[number] = int(amount) * unit
    return limits
