"""A copy of the project's Terraform, and the real terraform that works on it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from northstar.environments.as_code.platform_file import PlatformFile
from northstar.environments.as_code.reading import load_platform_file
from northstar.environments.as_code.rendering import variables
from northstar.names import EnvironmentName

REPOSITORY = Path(__file__).resolve().parents[2]
TERRAFORM = REPOSITORY / "infra" / "terraform"
MODULES = sorted(
    path.parent.relative_to(TERRAFORM).as_posix() for path in TERRAFORM.rglob("outputs.tf")
)
EXAMPLE_PLATFORM = REPOSITORY / "examples" / "environments" / "platform.yaml"
EXAMPLES = sorted(
    path.relative_to(TERRAFORM).as_posix() for path in TERRAFORM.glob("modules/*/examples/*")
)
PLATFORM = "live/platform"
Settings = dict[str, str]
"""Environment variables of Terraform's own."""

_PATIENCE_SECONDS = 180


@dataclass
class Folder:
    """A copy of ``infra/terraform`` that may be changed.

    Args:
        path: where the copy is.
        provider: the settings that lead to the stub; empty for azurerm, out of the registry.
    """

    path: Path
    provider: Settings

    @classmethod
    def copied(cls, path: Path, provider: Settings) -> Folder:
        """A fresh copy; its state is kept beside it instead of in Azure."""
        unwanted = shutil.ignore_patterns(".terraform*", "*.tfstate*", "__pycache__")
        shutil.copytree(TERRAFORM, path, ignore=unwanted)
        (path / PLATFORM / "backend.tf").unlink()
        return cls(path, provider)

    def run(self, module: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Terraform in a module, which must have been prepared for all but ``fmt``."""
        own = {"CHECKPOINT_DISABLE": "1", "TF_IN_AUTOMATION": "1", "TF_INPUT": "0"}
        environment = {name: value for name, value in os.environ.items() if name[:3] != "TF_"}
        return subprocess.run(
            ["terraform", f"-chdir={self.path / module}", *arguments],
            env={**environment, **own, **self.provider},
            capture_output=True,
            text=True,
            timeout=_PATIENCE_SECONDS,
            check=False,
        )

    def prepare(self, module: str) -> None:
        """Make a module's modules known, and its providers where they are not the stub."""
        first = ("get",) if self.provider else ("init", "-backend=false")
        done = self.run(module, *first, "-no-color")
        assert done.returncode == 0, done.stdout + done.stderr

    def errors(self, module: str) -> list[str]:
        """What ``terraform validate`` finds: summary, detail and place of each error."""
        self.prepare(module)
        said = json.loads(self.run(module, "validate", "-json").stdout)
        return [
            f"{one['summary']}: {one['detail']} ({one.get('range', {}).get('filename', '')})"
            for one in said["diagnostics"]
            if one["severity"] == "error"
        ]

    def plan(self, module: str, *arguments: str) -> dict[str, Any]:
        """What would be made, as ``terraform show -json`` says it."""
        self.prepare(module)
        done = self.run(module, "plan", "-no-color", "-out=plan", *arguments)
        assert done.returncode == 0, done.stdout + done.stderr
        shown: dict[str, Any] = json.loads(self.run(module, "show", "-json", "plan").stdout)
        return shown

    def rendered(self, stage: EnvironmentName, platform: PlatformFile | None = None) -> str:
        """The option that gives the variables of a stage: of the example, or another platform."""
        file = platform or load_platform_file(EXAMPLE_PLATFORM)
        path = self.path / f"{stage}.tfvars.json"
        path.write_text(json.dumps(variables(file, stage)))
        return f"-var-file={path}"

    def change(self, file: str, old: str, new: str) -> None:
        """Replace a text that a file has once."""
        path = self.path / file
        text = path.read_text()
        assert text.count(old) == 1, f"{text.count(old)} times in {file}: {old}"
        path.write_text(text.replace(old, new))
