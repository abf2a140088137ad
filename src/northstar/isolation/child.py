"""What becomes squads' code: gives up every way back, sets limits, then is that program.

Started as a script by ``OwnUsers``, as the program's user already. No program that it or its
children start can gain rights (``no_new_privs``: no sudo, no setuid files), no capability is left
from a platform that has some without being root, and no core dump is written.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import sys

_PR_SET_NO_NEW_PRIVS = 38
_PR_CAP_AMBIENT = 47
_PR_CAP_AMBIENT_CLEAR_ALL = 4
_CAPABILITIES_VERSION_3 = 0x20080522


def main() -> None:
    """Arguments: limits (JSON: number of a resource → its limit), then the command."""
    libc = ctypes.CDLL(None, use_errno=True)
    _must(libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
    _must(libc.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0))
    header = (ctypes.c_uint32 * 2)(_CAPABILITIES_VERSION_3, 0)
    nothing = (ctypes.c_uint32 * 6)()  # effective, permitted, inheritable, of 32 bits each, twice
    _must(libc.capset(header, nothing))
    for number, limit in json.loads(sys.argv[1]).items():
        hard = resource.getrlimit(int(number))[1]
        most = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
        resource.setrlimit(int(number), (most, most))
    command = sys.argv[2:]
    try:
        os.execvp(command[0], command)  # noqa: S606 - no shell is wanted
    except OSError as error:
        sys.exit(f"{command[0]} can't be started: {error.strerror}")


def _must(result: int) -> None:
    if result != 0:
        sys.exit(f"Rights could not be given up: {os.strerror(ctypes.get_errno())}")


if __name__ == "__main__":
    main()
