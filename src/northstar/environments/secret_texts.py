"""Texts that look like secrets, in files that everybody reads who reviews them."""

from __future__ import annotations

import re
from collections.abc import Iterator

_SECRET = re.compile(
    r"(Account|SharedAccess|Instrumentation)Key=|SharedAccessSignature=|\bsig=[\w%+/-]"  # of Azure
    r"|-----BEGIN [A-Z ]*PRIVATE KEY"
    r"|://[^/:@\s]*:[^/@\s]+@"  # a password in an address
    r"|\b(password|passwd|pwd|secret|token|api[_-]?key)=[^\s;{]"
    r"|\b(nss_|gh[pousr]_|github_pat_|glpat-|xox[abps]-|npm_|hf_|pypi-|sk-)[\w-]{10}"
    r"|\b(AKIA|ASIA)[0-9A-Z]{16}|\bdapi[0-9a-f]{32}|[0-9]Q~[\w~.-]{30}"
    r"|\beyJ[\w-]{12}",  # a JSON web token
    re.IGNORECASE,
)
_NAME = re.compile(r"(PASSWORD|SECRET|TOKEN|_KEY|WEBHOOK)$")
_NAME_OF_A_VARIABLE = re.compile(
    r"(^|[_.-])(pass(word|wd|phrase)?|passwd|pwd|secret|token|key|credential|connection_string|webhook)s?$",
    re.IGNORECASE,
)
_REFERENCE = re.compile(r"^(env|file|keyvault):")  # to where a secret is kept

ADVICE = "looks like a secret; put it into the vault and write keyvault:https://… instead"


def is_secret(text: str) -> bool:
    """Whether a text looks like a secret, or has one in it."""
    return _SECRET.search(text) is not None


def is_secret_setting(name: str, value: str) -> bool:
    """Whether a setting of such a name holds its secret, and not where that is kept."""
    return _NAME.search(name) is not None and not _REFERENCE.match(value)


def is_secret_value(name: str, value: str) -> bool:
    """Whether a text is a secret, by itself or by the name of the variable that holds it."""
    named = bool(_NAME_OF_A_VARIABLE.search(name)) and value != ""
    return is_secret(value) or (named and not _REFERENCE.match(value))


def in_comments(text: str) -> Iterator[int]:
    """The lines of a YAML text with a secret behind a ``#``."""
    for number, line in enumerate(text.splitlines(), 1):
        if is_secret(line.partition("#")[2]):
            yield number
