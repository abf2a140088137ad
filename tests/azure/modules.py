"""What the Terraform modules of containers set, read from their text."""

from __future__ import annotations

import re
from pathlib import Path

MODULES = Path(__file__).parents[2] / "infra" / "terraform" / "modules"
_ENV = re.compile(r'env \{\s+name\s+= "(\w+)"(?: *#.*)?\s+(?:value|secret_name)\s+= (.+)\n')
_SETTINGS = re.compile(r"settings = merge\(\{\n(.*?)\n  \}, var\.settings\)", re.DOTALL)
_ENTRY = re.compile(r"^\s+([A-Z][A-Z0-9_]+)\s+= (.+)$", re.MULTILINE)
_LOCAL = re.compile(r"\$\{local\.(\w+)\}")


def environment_of(module: str) -> dict[str, str]:
    """The container's variables and the expressions that they are set to, with locals put in."""
    text = (MODULES / module / "main.tf").read_text()
    found = dict(_ENV.findall(text))
    for block in _SETTINGS.findall(text):
        found |= dict(_ENTRY.findall(block))

    def of_local(match: re.Match[str]) -> str:
        value = re.search(rf'^  {match[1]}\s+= "(.*?)"', text, re.MULTILINE)
        return value[1] if value else match[0]

    return {name: _LOCAL.sub(of_local, expression) for name, expression in found.items()}


def command_of(module: str) -> list[str]:
    """Northstar's command and options in the container, as far as they are written as they are."""
    words = _words(module)
    return words[words.index("northstar") :]


def launcher_of(module: str) -> list[str]:
    """What stands before Northstar's command: a program that starts it."""
    words = _words(module)
    return words[: words.index("northstar")]


def _words(module: str) -> list[str]:
    text = (MODULES / module / "main.tf").read_text()
    (command,) = re.findall(r"command\s+= \[(.*?)\]", text, re.DOTALL)
    return re.findall(r'"([^"]+)"', command)
