"""Making the provider known to Terraform on this machine, without a registry."""

from __future__ import annotations

import platform
import shutil
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from northstar import __version__
from northstar.errors import Failed

SOURCE = "northstar.internal/northstar/northstar"
"""What ``required_providers`` names; ``.internal`` is nobody's on the public internet."""

PROGRAM = "terraform-provider-northstar"
_NEEDS = ("cryptography", "grpc", "msgpack")  # the extra "terraform"
_PROCESSORS = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}
# The same text on every machine: its checksum goes into the lock file that a team shares. So it
# looks for the program on the PATH, as `northstar` itself is found.
_SCRIPT = f"""#!/bin/sh
exec {PROGRAM} "$@"
"""


@dataclass(frozen=True)
class Installed:
    """What was written, and what it takes besides.

    Args:
        missing_on_path: the folder that has to be on the PATH and is not; empty when it is.
    """

    program: Path
    mirror: Path
    version: str
    missing_on_path: str

    @property
    def configuration(self) -> str:
        """The block for Terraform's CLI configuration."""
        return (
            "provider_installation {\n"
            "  filesystem_mirror {\n"
            f'    path    = "{self.mirror}"\n'
            f'    include = ["{SOURCE}"]\n'
            "  }\n"
            "  direct {\n"
            f'    exclude = ["{SOURCE}"]\n'
            "  }\n"
            "}\n"
        )

    @property
    def requirement(self) -> str:
        """The block for a configuration that uses the provider."""
        return (
            "terraform {\n"
            "  required_providers {\n"
            f'    northstar = {{ source = "{SOURCE}", version = "{self.version}" }}\n'
            "  }\n"
            "}\n"
        )


def install(mirror: Path) -> Installed:
    """Write the provider into a folder that Terraform takes for a mirror; idempotent.

    Raises ``Failed`` where what it needs besides Northstar is not installed.
    """
    if missing := [name for name in _NEEDS if find_spec(name) is None]:
        raise Failed(
            f"The provider can't run here: there is no {' and no '.join(missing)}.",
            hint="pip install 'northstar-mlops[terraform]'",
        )
    folder = mirror / SOURCE / __version__ / _platform_name()
    folder.mkdir(parents=True, exist_ok=True)
    program = folder / f"{PROGRAM}_v{__version__}"
    program.write_text(_SCRIPT)
    program.chmod(0o755)
    beside = str(Path(sys.executable).parent)
    return Installed(program, mirror, __version__, "" if shutil.which(PROGRAM) else beside)


def _platform_name() -> str:
    """This machine as Terraform calls it, for example ``linux_amd64``."""
    processor = platform.machine().lower()
    return f"{platform.system().lower()}_{_PROCESSORS.get(processor, processor)}"
