"""The table of packages in the architecture page, from the import contract and the code."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

_ROOT = Path(__file__).parents[1]
_SOURCE = _ROOT / "src" / "northstar"
_TABLE = re.compile(r"(?<=<!-- packages -->\n).*?(?=<!-- end of packages -->)", re.DOTALL)


def with_packages(page: str) -> str:
    """The page with its table of packages renewed, from the top layer down."""
    rows = ["| package | what it is for |", "|---|---|"]
    rows += [f"| `{name}` | {_purpose(name)} |" for layer in _layers() for name in layer]
    return _TABLE.sub(lambda _: "\n" + "\n".join(rows) + "\n\n", page)


def _layers() -> list[list[str]]:
    settings = tomllib.loads((_ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = settings["tool"]["importlinter"]["contracts"]
    (layers,) = (one["layers"] for one in contracts if one["type"] == "layers")
    return [layer.split(" | ") for layer in layers]


def _purpose(name: str) -> str:
    package = _SOURCE / name / "__init__.py"
    file = package if package.is_file() else _SOURCE / f"{name}.py"
    said = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""
    return said.partition("\n")[0].replace("``", "`")
