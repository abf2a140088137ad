"""Programs as users of their own, with real users: what they reach, what they have, their end."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any

from tests.isolation.attack import ATTACK
from tests.isolation.machine import Machine

BEGIN = """
    import json, os, subprocess, sys, time
    from pathlib import Path
    from northstar.isolation.interface import Program
    from northstar.isolation.own_users import OwnUsers

    os.environ["SECRET"] = "of the platform"
    work = Path({work!r})
    variables = {{"PATH": os.environ["PATH"], "LANG": "C.UTF-8"}}
    users = OwnUsers(work, range(23000, 24000), variables, {{}})

    def start(user, code, *arguments):
        # A program in a folder of its user's; it writes what it says to a file beside that.
        place = work / user.replace(":", "/")
        (place / "own").mkdir(parents=True)
        (place / "own" / "data.txt").write_text("the squad's own")
        users.hand_over(user, place / "own")
        with (place / "said").open("wb") as said, (place / "log").open("wb") as log:
            command = [sys.executable, "-c", code, *arguments]
            return users.start(user, Program(command, place / "own", {{}}, said, log)), place

    def ends(process, place):
        assert process.wait() == 0, (place / "log").read_text()
        return json.loads((place / "said").read_text())

    def wait_for(file):
        while not file.exists():
            time.sleep(0.01)
"""


def driven(machine: Machine, name: str, code: str, *before: str) -> Any:
    begin = textwrap.dedent(BEGIN).format(work=str(machine.work / name))
    (machine.work / name).mkdir(mode=0o711)
    text = f"ATTACK = {ATTACK!r}\n{begin}\n{textwrap.dedent(code)}"
    return machine.python(text, *before)


def test_neither_another_squad_nor_the_platform_can_be_reached(machine: Machine) -> None:
    found = driven(
        machine,
        "reach",
        """
        victim, place = start("job:a", "import time; open('up', 'w'); time.sleep(600)")
        wait_for(place / "own" / "up")
        (work / "log.txt").touch(mode=0o600)
        files = [str(place / "own"), str(place / "own" / "data.txt"), str(place), str(work),
                 str(work / "log.txt"), str(work / "homes")]
        code = ATTACK + "print(json.dumps([attacks(int(sys.argv[1]), sys.argv[3:]),"
        code += "attacks(int(sys.argv[2]), [])]))"
        attacker = start("job:b", code, str(victim.pid), str(os.getpid()), *files)
        print(json.dumps(ends(*attacker)))
        users.end("job:a")
        victim.wait()
        """,
    )
    for target in found:
        assert len(target) >= 7
        assert set(target.values()) == {"PermissionError"}, target


def test_a_program_has_nothing_but_what_it_was_given(machine: Machine) -> None:
    found = driven(
        machine,
        "given",
        """
        kept_open = os.open("/etc/hostname", os.O_RDONLY)
        os.set_inheritable(kept_open, True)
        code = (
            "import json, os, resource;"
            "status = dict(l.split(':', 1) for l in open('/proc/self/status').read().splitlines());"
            "open(os.path.expanduser('~/kept'), 'w'); open(os.environ['TMPDIR'] + '/x', 'w');"
            "print(json.dumps({'uids': os.getresuid(), 'gids': os.getresgid(),"
            "'groups': os.getgroups(), 'fds': sorted(os.listdir('/proc/self/fd')),"
            "'status': status, 'names': sorted(os.environ), 'core': resource.getrlimit(4),"
            "'session': os.getsid(0) == os.getpid(), 'umask': os.umask(0),"
            "'data': open('data.txt').read()}))"
        )
        print(json.dumps(ends(*start("job:c", code))))
        """,
    )
    assert found["uids"] == found["gids"] == [23000] * 3
    assert found["groups"] == []
    assert found["fds"] == ["0", "1", "2", "3"]  # 3 is the listing itself
    assert found["status"]["NoNewPrivs"].strip() == "1"
    for name in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
        assert int(found["status"][name], 16) == 0
    assert found["names"] == ["HOME", "LANG", "LOGNAME", "PATH", "TMPDIR", "USER"]
    assert (found["core"], found["session"], found["umask"]) == ([0, 0], True, 0o077)
    assert found["data"] == "the squad's own"


LEAVES_DAEMONS = """
import os, signal, time
for number in range(5):
    if os.fork() == 0:
        os.setsid()
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        if os.fork() == 0:
            with open(f"half-{number}", "w") as file:
                file.write(str(os.getpid()))
            os.rename(f"half-{number}", f"daemon-{number}")
            time.sleep(600)
        os._exit(0)
"""


def test_what_a_program_leaves_behind_is_killed_and_nothing_else(machine: Machine) -> None:
    found = driven(
        machine,
        "daemons",
        f"""
        other, elsewhere = start("job:other", "import time; open('up', 'w'); time.sleep(600)")
        wait_for(elsewhere / "own" / "up")
        process, place = start("job:d", {LEAVES_DAEMONS!r})
        process.wait()
        daemons = [place / "own" / f"daemon-{{number}}" for number in range(5)]
        for daemon in daemons:
            wait_for(daemon)
        alive = lambda: [users.runs("job:d", int(daemon.read_text())) for daemon in daemons]
        before = alive()
        users.end("job:d")
        users.end("job:d")
        print(json.dumps([before, alive(), other.poll()]))
        users.end("job:other")
        other.wait()
        """,
    )
    assert found == [[True] * 5, [False] * 5, None]


def test_a_platform_that_is_not_root_needs_six_capabilities_and_passes_none_on(
    machine: Machine,
) -> None:
    names = ("chown", "dac_override", "fowner", "kill", "setgid", "setuid")
    as_northstar = _with_capabilities(names)
    machine.work.chmod(0o777)
    found = driven(
        machine,
        "capabilities",
        """
        from northstar.isolation.own_users import what_is_missing
        import northstar
        code = "import json, os; s = open('/proc/self/status').read();"
        code += "print(json.dumps([os.getresuid(), [l.split()[1] for l in s.splitlines()"
        code += " if l.startswith(('CapInh', 'CapPrm', 'CapEff', 'CapAmb'))]]))"
        who = ends(*start("job:e", code))
        sleeper, place = start("job:f", "import time; open('up', 'w'); time.sleep(600)")
        wait_for(place / "own" / "up")
        users.end("job:f")
        os.chown(work, 22000, 22000)
        print(json.dumps([what_is_missing(work, Path(northstar.__file__)), who, sleeper.wait()]))
        """,
        *as_northstar,
    )
    missing, (uids, capabilities), code = found
    assert missing == ""
    assert uids == [23000] * 3
    assert [int(text, 16) for text in capabilities] == [0] * 4
    assert code == -9


MISSING = """
import json, os, sys; from pathlib import Path; import northstar
from northstar.isolation.own_users import what_is_missing
print(json.dumps(what_is_missing(Path("{work}"), Path(northstar.__file__))))
"""


def test_what_keeps_users_from_being_used_is_named(machine: Machine) -> None:
    work = machine.folder / "wanted"
    code = MISSING.format(work=work)
    assert "NORTHSTAR_WORK" in machine.python(code)
    work.mkdir()
    assert machine.python(code) == ""
    machine.folder.chmod(0o700)
    assert f"{machine.folder} is closed" in machine.python(code)
    machine.folder.chmod(0o711)
    assert "CAP_KILL" in machine.python(code, *_with_capabilities(["chown", "setuid"]))
    hidden = 'mount -t proc -o hidepid=2 proc /proc && exec "$@"'
    view = ("unshare", "--mount", "--propagation", "private", "sh", "-c", hidden, "sh")
    assert machine.python(code, *view) == ""
    names = ("chown", "dac_override", "fowner", "kill", "setgid", "setuid")
    assert "hidepid" in machine.python(code, *view, *_with_capabilities(names))


def _with_capabilities(names: Sequence[str]) -> tuple[str, ...]:
    """A command that starts a program as a user who is not root, but has these capabilities."""
    raised = ",".join(f"+{name}" for name in names)
    user = ("--reuid", "22000", "--regid", "22000", "--clear-groups")
    return ("setpriv", *user, "--inh-caps", raised, "--ambient-caps", raised)


def test_links_in_a_folder_are_handed_over_and_not_what_they_lead_to(machine: Machine) -> None:
    found = driven(
        machine,
        "links",
        """
        secret = work / "secret"
        secret.write_text("x")
        (work / "job" / "own").mkdir(parents=True)
        (work / "job" / "own" / "link").symlink_to(secret)
        (work / "job" / "own" / "folder").symlink_to(work)
        users.hand_over("job:g", work / "job" / "own")
        owners = [p.lstat().st_uid for p in (secret, work, work / "job" / "own" / "link")]
        print(json.dumps(owners))
        """,
    )
    assert found == [0, 0, 23000]


def test_programs_of_one_user_can_be_started_at_once(machine: Machine) -> None:
    found = driven(
        machine,
        "at-once",
        """
        from concurrent.futures import ThreadPoolExecutor
        def begin(number):
            with open(os.devnull, "wb") as nowhere:
                program = Program(["/bin/true"], Path("/"), {}, nowhere, nowhere)
                return users.start(f"job:{number // 8}", program)
        with ThreadPoolExecutor(8) as threads:
            started = list(threads.map(begin, range(80)))
        print(json.dumps([one.wait() for one in started]))
        """,
    )
    assert found == [0] * 80


def test_limits_hold_for_everything_that_a_program_starts(machine: Machine) -> None:
    found = driven(
        machine,
        "limits",
        """
        import resource
        users = OwnUsers(work, range(23000, 24000), {}, {resource.RLIMIT_NPROC: 20})
        code = (
            "import json, os, time\\n"
            "count = 0\\n"
            "try:\\n"
            "    while count < 100:\\n"
            "        if os.fork() == 0: time.sleep(600)\\n"
            "        count += 1\\n"
            "except BlockingIOError: pass\\n"
            "print(json.dumps(count))\\n"
        )
        count = ends(*start("job:h", code))
        users.end("job:h")
        print(count)
        """,
    )
    assert found == 19
