"""What the Terraform modules set for containers, the commands in them know."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from northstar.cli import root
from tests.azure.modules import command_of, environment_of

SETTINGS = Path(__file__).parents[2] / "docs" / "reference" / "settings.md"
# What every server needs, and what an endpoint can't find out by itself.
NEEDED = {
    "control-plane": {
        "NORTHSTAR_STATE",
        "NORTHSTAR_PUBLIC_URL",
        "NORTHSTAR_DATABASE_URL",
        "NORTHSTAR_MLFLOW_DATABASE_URL",
        "NORTHSTAR_DATABASE_IDENTITY",
        "NORTHSTAR_ENCRYPTION_KEY",
        "NORTHSTAR_JOB_UIDS",
        "NORTHSTAR_WORK",
        "NORTHSTAR_ELSEWHERE",
        "NORTHSTAR_APP_CONFIGURATION",
        "NORTHSTAR_AZURE_MONITOR",
        "APPLICATIONINSIGHTS_AUTHENTICATION_STRING",
        "AZURE_CLIENT_ID",
    },
    "endpoint": {
        "NORTHSTAR_URL",
        "NORTHSTAR_CLIENT_ID",
        "NORTHSTAR_FEDERATED_TOKEN_RESOURCE",
        "NORTHSTAR_ENDPOINT_URL",
        "AZURE_CLIENT_ID",
    },
}


@pytest.mark.parametrize("module", NEEDED)
def test_what_a_module_sets_is_described_and_what_is_needed_is_set(module: str) -> None:
    described = set(re.findall(r"[A-Z]+(?:_[A-Z]+)+", SETTINGS.read_text()))
    names = environment_of(module).keys()
    assert (sorted(names - described), sorted(NEEDED[module] - names)) == ([], [])


@pytest.mark.parametrize("module", NEEDED)
def test_the_command_has_the_options_that_a_module_gives_it(module: str) -> None:
    northstar, name, *words = command_of(module)
    assert northstar == "northstar"
    command = root.get_command(click.Context(root), name)
    assert command is not None
    known = {option for parameter in command.params for option in parameter.opts}
    options = {word for word in words if word.startswith("--")}
    assert "--host" in options
    assert options <= known


def test_an_endpoint_has_the_variable_of_each_option_that_it_is_given_that_way() -> None:
    command = root.get_command(click.Context(root), "serve")
    assert command is not None
    variables = {parameter.envvar for parameter in command.params if parameter.envvar}
    assert variables <= environment_of("endpoint").keys()
