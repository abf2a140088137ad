"""Checkov over a rendered stage; what fails is waived in ``platform.yaml`` like anything else."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from northstar.environments.as_code.operations import modules
from northstar.environments.as_code.platform_file import PlatformFile, Waiver
from northstar.environments.as_code.rendering import VARIABLES, render, write
from northstar.environments.as_code.review import waiver_for, waivers_of
from northstar.errors import Failed
from northstar.names import EnvironmentName


@dataclass(frozen=True)
class FailedCheck:
    """One of Checkov's checks that a resource does not pass."""

    policy: str
    address: str
    message: str


@dataclass(frozen=True)
class Scan:
    """What Checkov found of a stage."""

    passed: int
    failed: tuple[FailedCheck, ...]
    waived: tuple[tuple[FailedCheck, Waiver], ...]

    def as_json(self) -> dict[str, Any]:
        """For ``--json``."""
        return {
            "passed": self.passed,
            "failed": [vars(one) for one in self.failed],
            "waived": [{**vars(one), "reason": waiver.reason} for one, waiver in self.waived],
        }


def scan(
    file: PlatformFile, stage: EnvironmentName, program: str, config: Path | None, today: date
) -> Scan:
    """Run Checkov on a stage.

    Args:
        program: Checkov's, which has an environment of its own.
        config: its settings, with what the platform waives everywhere.

    Raises ``Failed`` where it is missing or does not run.
    """
    found = shutil.which(program)
    if found is None:
        raise Failed(
            f"There is no {program} on this machine.",
            hint="pip install checkov into an environment of its own, and name it: --checkov PATH",
        )
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "terraform"
        shutil.copytree(modules(), root, ignore=shutil.ignore_patterns(".terraform*", "tests"))
        module = root / "live" / "platform"
        write(render(file, stage), module)
        arguments = ["--directory", str(module), "--var-file", str(module / VARIABLES)]
        settings = ["--config-file", str(config)] if config else ["--framework", "terraform"]
        done = subprocess.run(
            [found, *settings, *arguments, "--output", "json", "--soft-fail", "--quiet"],
            capture_output=True,
            text=True,
            check=False,
        )
    try:
        results = json.loads(done.stdout)
    except ValueError as error:
        raise Failed(f"Checkov did not run: {(done.stderr or done.stdout)[-500:]}") from error
    return _read(results, file, stage, today)


def _read(results: Any, file: PlatformFile, stage: EnvironmentName, today: date) -> Scan:
    reports = results if isinstance(results, list) else [results]
    checks = [_check(one) for report in reports for one in report["results"]["failed_checks"]]
    running = waivers_of(file, stage, today)
    failed, waived = [], []
    for one in dict.fromkeys(checks):
        if waiver := waiver_for(one, running):
            waived.append((one, waiver))
        else:
            failed.append(one)
    passed = sum(report["summary"]["passed"] for report in reports)
    return Scan(passed, tuple(failed), tuple(waived))


def _check(one: Mapping[str, Any]) -> FailedCheck:
    return FailedCheck(
        one["check_id"], one.get("resource_address") or one["resource"], one["check_name"]
    )
