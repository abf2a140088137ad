"""``northstar terraform``: the provider for the platform's own objects."""

from __future__ import annotations

from pathlib import Path

import click

from northstar.terminal import emit, json_option, say
from northstar.terraform.install import PROGRAM, install


@click.group()
def terraform() -> None:
    """Squads, roles and trusts as Terraform resources."""


@terraform.command("install")
@click.option(
    "--mirror",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("~/.terraform.d/plugins"),
    show_default=True,
    help="The folder of providers; Terraform looks into the default one by itself.",
)
@json_option
def install_provider(mirror: Path, as_json: bool) -> None:
    """Make the provider known to Terraform on this machine; print what to configure.

    The configuration is for a Terraform that has a provider_installation block already, and for
    another folder than the default one.
    """
    done = install(mirror.expanduser().resolve())
    if done.missing_on_path:
        say(f"{PROGRAM} is not on the PATH. Where Terraform runs, say:")
        say(f'  export PATH="{done.missing_on_path}:$PATH"')
    say(f"Wrote {done.program}.")
    data = {
        "program": str(done.program),
        "version": done.version,
        "cli_configuration": done.configuration,
        "required_providers": done.requirement,
    }
    text = (
        f"# In the configuration that uses it:\n{done.requirement}\n"
        "# In Terraform's CLI configuration (~/.terraformrc), where it has such a block or the\n"
        f"# folder is not the default one:\n{done.configuration}"
    )
    emit(data, as_json=as_json, text=text.rstrip())
