"""One folder of configuration and the real terraform that works on it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from northstar.terraform.install import SOURCE, install

_PATIENCE_SECONDS = 120
_REQUIRES = f"""
terraform {{
  required_providers {{
    northstar = {{ source = "{SOURCE}" }}
  }}
}}
"""


def find() -> str | None:
    """Where terraform is installed, if it is."""
    return shutil.which("terraform")


@dataclass
class Said:
    """What one command said, in Terraform's machine-readable lines."""

    exit_code: int
    lines: list[dict[str, Any]]

    @property
    def changes(self) -> dict[str, str]:
        """What is planned: address → create, update, replace, delete, import …"""
        return self._about("planned_change")

    @property
    def drift(self) -> dict[str, str]:
        """What was found to differ from the state: address → update, delete."""
        return self._about("resource_drift")

    @property
    def errors(self) -> list[dict[str, Any]]:
        """The diagnostics that are errors."""
        found = [line["diagnostic"] for line in self.lines if line["type"] == "diagnostic"]
        return [one for one in found if one["severity"] == "error"]

    @property
    def warnings(self) -> list[str]:
        """What can be gone ahead with all the same."""
        found = [line["diagnostic"] for line in self.lines if line["type"] == "diagnostic"]
        return [one["summary"] for one in found if one["severity"] == "warning"]

    @property
    def error(self) -> str:
        """The only error, with the line of the configuration that it points at."""
        assert len(self.errors) == 1, self.errors
        one = self.errors[0]
        code = one.get("snippet", {}).get("code", "").strip()
        return f"{one['summary']}\n{one['detail']}\nat: {code}"

    def _about(self, kind: str) -> dict[str, str]:
        found = [line["change"] for line in self.lines if line["type"] == kind]
        return {one["resource"]["addr"]: one["action"] for one in found}


@dataclass
class Workspace:
    """A root module with a state of its own.

    Args:
        settings: the environment's variables, besides those that every process needs.
    """

    terraform: str
    folder: Path
    settings: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        cli = self.folder / "terraformrc"
        cli.write_text(install(self.folder / "mirror").configuration)
        (self.folder / "requires.tf").write_text(_REQUIRES)
        done = self.run("init", "-no-color")
        assert done.returncode == 0, done.stderr

    def plan(self, configuration: str, *options: str) -> Said:
        """Write the configuration and plan it."""
        return self._say(configuration, "plan", *options)

    def apply(self, configuration: str, *options: str) -> Said:
        """Write the configuration and apply it; it must succeed."""
        said = self._say(configuration, "apply", "-auto-approve", *options)
        assert said.exit_code == 0, said.errors
        return said

    def destroy(self) -> Said:
        """Destroy what is in the state."""
        return self._say(None, "destroy", "-auto-approve")

    def validate(self, configuration: str) -> list[dict[str, Any]]:
        """Write the configuration and check it without any platform."""
        self._write(configuration)
        answer = json.loads(self.run("validate", "-json", NORTHSTAR_URL="").stdout)
        return list(answer["diagnostics"])

    def output(self, name: str) -> Any:
        """The value of an output."""
        return json.loads(self.run("output", "-json", name).stdout)

    def run(self, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        """Run one command."""
        here = Path(sys.executable).parent
        environment = {
            "PATH": f"{here}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(self.folder),
            "TF_CLI_CONFIG_FILE": str(self.folder / "terraformrc"),
            "TF_IN_AUTOMATION": "1",
            "CHECKPOINT_DISABLE": "1",
            **self.settings,
            **more,
        }
        return subprocess.run(
            [self.terraform, *arguments],
            cwd=self.folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=_PATIENCE_SECONDS,
            check=False,
        )

    def _say(self, configuration: str | None, *arguments: str) -> Said:
        self._write(configuration)
        done = self.run(*arguments, "-json")
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        return Said(done.returncode, lines)

    def _write(self, configuration: str | None) -> None:
        if configuration is not None:
            (self.folder / "main.tf").write_text(configuration)
