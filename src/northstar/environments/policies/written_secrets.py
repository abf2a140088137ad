"""Secrets that everybody can read who reads the code."""

from __future__ import annotations

import re
from collections.abc import Iterator

from northstar.environments.plan import Plan
from northstar.environments.policies.findings import Finding

_SECRET_NAME = re.compile(r"(password|secret|token|private_key|access_key|connection_string)$")
_SECRET_TEXT = re.compile(
    r"AccountKey=|SharedAccessKey=|-----BEGIN [A-Z ]*PRIVATE KEY|://[^/:@\s]+:[^/@\s]+@"
)


def secrets(plan: Plan) -> Iterator[Finding]:
    """No variable has a secret for its default."""
    for address, variable in plan.variables():
        default = variable.get("default")
        named = bool(_SECRET_NAME.search(address)) and default not in (None, "", {}, [])
        if named or _SECRET_TEXT.search(str(default)):
            message = "Its default is a secret, which everybody who reads the code can see."
            hint = "Leave the default away, and let the program read the secret from the vault."
            yield Finding("secrets", address, message, hint)
