"""The tables in the modules' READMEs: ``python infra/terraform/readmes.py`` writes them anew."""

from __future__ import annotations

import re
from pathlib import Path

_HERE = Path(__file__).resolve().parent
_MARK = "<!-- what follows is made by infra/terraform/readmes.py -->\n"
_BLOCK = re.compile(r'^(variable|output) "(\w+)" \{\n(.*?)^\}', re.M | re.DOTALL)
_DESCRIPTION = re.compile(r'^  description = "(.*)"$', re.M)
_TYPE = re.compile(r"^  type += (\w+)", re.M)


def main() -> None:
    """Write every README."""
    for path in readmes():
        path.write_text(current(path))


def readmes() -> list[Path]:
    """Every module's README."""
    return sorted(path.parent / "README.md" for path in _HERE.rglob("outputs.tf"))


def current(readme: Path) -> str:
    """What a README should be: its own words, and the tables."""
    words = readme.read_text().partition(_MARK)[0]
    variables, outputs = (
        _BLOCK.findall((readme.parent / name).read_text())
        for name in ("variables.tf", "outputs.tf")
    )
    lines = ["", "## Inputs", "", "| name | type | | what |", "|---|---|---|---|"]
    for _, name, body in sorted(variables, key=lambda one: one[1]):
        needed = "optional" if re.search(r"^  default +=", body, re.M) else "required"
        lines.append(f"| `{name}` | {_first(_TYPE, body)} | {needed} | {_words(body)} |")
    lines += ["", "## Outputs", "", "| name | what |", "|---|---|"]
    lines += [f"| `{name}` | {_words(body)} |" for _, name, body in sorted(outputs)]
    return words + _MARK + "\n".join(lines) + "\n"


def _words(body: str) -> str:
    return _first(_DESCRIPTION, body).replace("|", "\\|")


def _first(pattern: re.Pattern[str], body: str) -> str:
    found = pattern.search(body)
    if found is None:
        raise SystemExit(f"There is no {pattern.pattern} in:\n{body}")
    return found[1]


if __name__ == "__main__":
    main()
