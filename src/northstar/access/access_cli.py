"""``northstar access``: asking for roles, and asking why."""

from __future__ import annotations

import click

from northstar.access.elevation.cli import COMMANDS as ELEVATION


@click.group()
def access() -> None:
    """Ask for a role, decide on requests, and find out why something is allowed or not."""


for _command in ELEVATION:
    access.add_command(_command)
