"""Generate the pages and pictures that come from the code: ``python docs/build.py [--check]``.

``--check`` writes nothing and exits with 1 when a page on disk differs; the tests run it.
"""

from __future__ import annotations

import difflib
import json
import sys
from pathlib import Path

import click
from architecture_page import with_packages
from executed import executed
from linear_pictures import pictures
from platform_page import with_fields
from terraform_page import page as terraform_provider

from northstar.cli import COMMANDS, root
from northstar.environments.as_code.schema import schema_text
from northstar.project.schema import json_schema

_DOCS = Path(__file__).parent
_ARCHITECTURE = "explanation/architecture.md"
_LINEAR = "explanation/linear-models.md"
_PLATFORM = "how-to/environments-from-one-file.md"


def main() -> int:
    """Write or check every generated page; return the exit code."""
    stale = [name for name, text in pages().items() if not _settle(_DOCS / name, text)]
    if stale:
        print(f"Out of date: {', '.join(stale)}. Run `make docs` and commit.", file=sys.stderr)
    return 1 if stale else 0


def pages() -> dict[str, str]:
    """The generated files, by their place in this folder."""
    return {
        "reference/cli.md": _command_line(),
        "reference/northstar.schema.json": json.dumps(json_schema(), indent=2) + "\n",
        "reference/platform.schema.json": schema_text(),
        "reference/terraform-provider.md": terraform_provider(),
        _ARCHITECTURE: with_packages((_DOCS / _ARCHITECTURE).read_text(encoding="utf-8")),
        _PLATFORM: with_fields((_DOCS / _PLATFORM).read_text(encoding="utf-8")),
        _LINEAR: executed((_DOCS / _LINEAR).read_text(encoding="utf-8")),
        **{f"pictures/linear/{name}": text for name, text in pictures().items()},
    }


def _settle(path: Path, text: str) -> bool:
    old = path.read_text() if path.is_file() else ""
    if old == text:
        return True
    if "--check" in sys.argv:
        diff = difflib.unified_diff(
            old.splitlines(), text.splitlines(), "on disk", "generated", n=1
        )
        print("\n".join(list(diff)[:40]), file=sys.stderr)
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return True


def _command_line() -> str:
    context = click.Context(root, info_name="northstar")
    parts = [
        "# Command line\n",
        "Generated from the code by `make docs`.\n",
        "```text\n" + root.get_help(context) + "\n```\n",
    ]
    for name in COMMANDS:
        command = root.get_command(context, name)
        assert command is not None
        parts.extend(_one_command(command, f"northstar {name}", 2))
    return "\n".join(parts)


def _one_command(command: click.Command, path: str, depth: int) -> list[str]:
    context = click.Context(command, info_name=path, terminal_width=88, max_content_width=88)
    parts = [f"{'#' * depth} `{path}`\n", "```text\n" + command.get_help(context) + "\n```\n"]
    if isinstance(command, click.Group):
        for name in sorted(command.commands):
            parts.extend(_one_command(command.commands[name], f"{path} {name}", depth + 1))
    return parts


if __name__ == "__main__":
    sys.exit(main())
