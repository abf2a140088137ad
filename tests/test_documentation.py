"""The reference is generated from the code, and what it describes is there."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

_ROOT = Path(__file__).parent.parent


def test_generated_pages_are_up_to_date() -> None:
    command = [sys.executable, str(_ROOT / "docs" / "build.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_links_between_pages_lead_somewhere() -> None:
    broken = []
    for page in [*_ROOT.glob("*.md"), *(_ROOT / "docs").rglob("*.md")]:
        targets = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text())
        broken += [
            f"{page.relative_to(_ROOT)} → {target}"
            for target in targets
            if not (page.parent / target).exists()
        ]
    assert broken == []


def test_every_setting_that_is_read_is_described_and_none_else() -> None:
    """What starts with NORTHSTAR_ in the code is a variable; a name that goes on isn't whole."""
    page = (_ROOT / "docs" / "reference" / "settings.md").read_text()
    files = (_ROOT / "src" / "northstar").rglob("*.py")
    name = re.compile(r"NORTHSTAR(?:_[A-Z]+)+(?![A-Z_…])")
    described = set(name.findall(page))
    read = {found for file in files for found in name.findall(file.read_text())}
    assert (sorted(read - described), sorted(described - read)) == ([], [])
