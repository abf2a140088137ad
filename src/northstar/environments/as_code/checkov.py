"""Checkov over a rendered stage; what fails is waived in ``platform.yaml`` like anything else.

Its rules are those that come with Northstar, and nothing around it changes them: neither a file of
settings nor the environment. It asks no server for anything.
"""

from __future__ import annotations

import json
import os
import shutil
import site
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

from northstar.environments.as_code.checks import DECIDED_BY, RULES, known_checks
from northstar.environments.as_code.operations import modules
from northstar.environments.as_code.platform_file import PlatformFile
from northstar.environments.as_code.rendering import VARIABLES, render, write
from northstar.environments.as_code.waivers import SOON, Waiver, running, waiver_for
from northstar.errors import Failed
from northstar.names import EnvironmentName

_OWN_SETTINGS = ("BC_", "CHECKOV_", "CKV_", "PRISMA_")
_NOT_NEEDED = (".terraform*", "tests", "examples")


@dataclass(frozen=True)
class FailedCheck:
    """One of Checkov's checks that a resource does not pass."""

    policy: str
    address: str
    message: str


@dataclass(frozen=True)
class Scan:
    """What Checkov found of a stage, and how its waivers stand.

    Attributes:
        unused: waivers of its checks that hold and that nothing needs.
        ending: waivers of the stage, of whatever policy, that hold for 30 more days at most.
        unheld: which of them ended or have not begun, in words.
        version: Checkov's own.
    """

    passed: int
    failed: tuple[FailedCheck, ...]
    waived: tuple[tuple[FailedCheck, Waiver], ...]
    unused: tuple[Waiver, ...]
    ending: tuple[Waiver, ...]
    unheld: tuple[str, ...]
    version: str

    def as_json(self) -> dict[str, Any]:
        """For ``--json``."""
        return {
            "passed": self.passed,
            "failed": [vars(one) for one in self.failed],
            "waived": [
                {**vars(one), **waiver.model_dump(mode="json", include={"reason", "until"})}
                for one, waiver in self.waived
            ],
            "decided_by": {check: one.policy for check, one in DECIDED_BY.items()},
            "unused_waivers": [one.model_dump(mode="json") for one in self.unused],
            "ending_waivers": [one.model_dump(mode="json") for one in self.ending],
            "unheld_waivers": list(self.unheld),
            "checkov": self.version,
        }


def scan(
    file: PlatformFile,
    stage: EnvironmentName,
    program: str,
    today: date,
    directory: Path | None = None,
) -> Scan:
    """Run Checkov on a stage.

    Args:
        program: Checkov's, which has an environment of its own.
        directory: other Terraform to look at instead, by the same rules and waivers.

    Raises ``Failed`` where it is missing or does not run.
    """
    found = shutil.which(program)
    if found is None:
        raise Failed(f"There is no {program} on this machine.", hint=_how_to_install())
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "terraform"
        if directory is None:
            shutil.copytree(modules(), root, ignore=shutil.ignore_patterns(*_NOT_NEEDED))
            module = root / "live" / "platform"
            write(render(file, stage), module)
            where = [f"--directory={module}", f"--var-file={module / VARIABLES}"]
        else:
            where = [f"--directory={directory.resolve()}"]
        report = _run(str(Path(found).absolute()), where, Path(folder))
    found_there = _read(report, file, stage, today)
    # What is only a part of the stage does not show which of its waivers nothing needs.
    return found_there if directory is None else replace(found_there, unused=())


def _how_to_install() -> str:
    return (
        f"Install it into an environment of its own, for instance: "
        f"pipx install checkov=={known_checks().version}; or name the program: --checkov PATH"
    )


def _run(program: str, where: list[str], folder: Path) -> Mapping[str, Any]:
    """What Checkov says, by our rules alone.

    ``--directory X`` in two words, the working folder and the home would be asked for a
    ``.checkov.yaml``, and variables of the environment for more settings.
    """
    own = {name: text for name, text in os.environ.items() if not name.startswith(_OWN_SETTINGS)}
    rules = (
        "--framework=terraform",
        "--skip-download",
        "--download-external-modules=false",
        f"--external-checks-dir={RULES / 'policies'}",
        f"--skip-check={','.join(DECIDED_BY)}",
    )
    done = subprocess.run(
        [program, *where, *rules, "--output=json", "--soft-fail", "--compact"],
        cwd=folder,
        # Where the program was installed for one user alone, it is beneath the real home.
        env={"PYTHONUSERBASE": site.getuserbase(), **own, "HOME": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    try:
        report = json.loads(done.stdout)
    except ValueError as error:
        said = (done.stderr or done.stdout).strip()[-500:] or "it said nothing"
        raise Failed(f"Checkov did not run: {said} (exit code {done.returncode}).") from error
    if not (isinstance(report, dict) and "results" in report):
        raise Failed("Checkov found no Terraform there.", hint="Name a folder that has *.tf files.")
    if unread := report["results"].get("parsing_errors"):
        raise Failed(f"Checkov could not read {', '.join(map(str, unread))}.")
    return report


def _read(
    report: Mapping[str, Any], file: PlatformFile, stage: EnvironmentName, today: date
) -> Scan:
    results, summary = report["results"], report["summary"]
    checks = [_check(one) for one in results["failed_checks"]]
    # A comment in the code that skips a check is no waiver: it has no end, and nobody approved it.
    checks += [_check(one) for one in results.get("skipped_checks", ())]
    of_stage = [one for one in file.waivers if stage in one.stages]
    holding = running(of_stage, stage, today)
    failed, waived = [], []
    for one in sorted(dict.fromkeys(checks), key=lambda check: (check.policy, check.address)):
        if waiver := waiver_for(one, holding):
            waived.append((one, waiver))
        else:
            failed.append(one)
    used = {waiver for _, waiver in waived}
    return Scan(
        passed=summary["passed"],
        failed=tuple(failed),
        waived=tuple(waived),
        unused=tuple(w for w in holding if w.policy.startswith("CKV") and w not in used),
        ending=tuple(one for one in holding if one.until - today <= SOON),
        unheld=tuple(why for one in of_stage if (why := one.unheld(today))),
        version=summary["checkov_version"],
    )


def _check(one: Mapping[str, Any]) -> FailedCheck:
    return FailedCheck(
        one["check_id"], one.get("resource_address") or one["resource"], one["check_name"]
    )
