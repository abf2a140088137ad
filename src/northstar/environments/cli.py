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
    schema,
)
from northstar.environments.freeze_cli import freeze
from northstar.environments.status_cli import list_environments, set_environment, show_environment


@click.group()
def env() -> None:
    """Environments: as code, and as the platform knows them.

    platform.yaml says what each stage is. `init` writes one, `plan` says what a change of it means,
    `apply` does that, `drift` is run on a schedule, `destroy` removes a stage; `render`, `scan` and
    `schema` are for reviewers and editors. `list`, `show`, `set` and `freeze` are about what the
    platform knows of its environments.
    """


_AS_CODE = (init, schema, render, plan, apply, drift, destroy, scan_stage)
for command in (*_AS_CODE, list_environments, show_environment, set_environment, freeze):
    env.add_command(command)
