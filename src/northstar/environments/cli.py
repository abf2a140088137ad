"""``northstar env``: environments as code, and as the platform knows them."""

from __future__ import annotations

import click

from northstar.environments.as_code.cli import (
    apply,
    destroy,
    drift,
    init,
    plan,
    render,
    scan_stage,
)
from northstar.environments.freeze_cli import freeze
from northstar.environments.status_cli import list_environments, set_environment, show_environment


@click.group()
def env() -> None:
    """Environments: as code, and as the platform knows them."""


_AS_CODE = (init, render, plan, apply, drift, destroy, scan_stage)
for command in (*_AS_CODE, list_environments, show_environment, set_environment, freeze):
    env.add_command(command)
