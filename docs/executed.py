"""Pages whose code is run: what a ``python`` block prints is the ``text`` block after it."""

from __future__ import annotations

import io
import re
from contextlib import redirect_stdout

_BLOCKS = re.compile(r"```python\n(?P<code>.*?)```(?:\n\n```text\n.*?```)?", re.DOTALL)


def executed(page: str) -> str:
    """The page with its outputs renewed; its blocks share one namespace, from top to bottom."""
    names: dict[str, object] = {}

    def run(found: re.Match[str]) -> str:
        code, told = found["code"], io.StringIO()
        with redirect_stdout(told):
            exec(code, names)  # noqa: S102 - our own page
        shown = f"```python\n{code}```"
        output = "\n".join(line.rstrip() for line in told.getvalue().rstrip().splitlines())
        return f"{shown}\n\n```text\n{output}\n```" if output else shown

    return _BLOCKS.sub(run, page)
