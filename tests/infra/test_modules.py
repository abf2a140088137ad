"""Every module and example holds to azurerm's schema, to its own tests, and to one layout."""

from __future__ import annotations

import re
import runpy
from collections import defaultdict

import pytest

from tests.infra.folder import EXAMPLES, MODULES, TERRAFORM, Folder

_READMES = runpy.run_path(str(TERRAFORM / "readmes.py"))
_VARIABLE = re.compile(r'^variable "(\w+)" \{\n.*?^\}', re.M | re.DOTALL)
_SHARED = ("location", "environment", "log_analytics_workspace_id", "private_endpoint_subnet_id")


def test_everything_is_formatted(folder: Folder) -> None:
    done = folder.run(".", "fmt", "-check", "-recursive", "-diff")
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("module", MODULES)
def test_a_module_is_valid_and_passes_its_tests(folder: Folder, module: str) -> None:
    assert folder.errors(module) == []
    done = folder.run(module, "test", "-no-color")
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"Success! [1-9]\d* passed, 0 failed", done.stdout)


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_is_valid(folder: Folder, example: str) -> None:
    assert folder.errors(example) == []


def test_every_module_is_laid_out_alike() -> None:
    wanted = ("terraform.tf", "main.tf", "variables.tf", "outputs.tf", "README.md")
    missing = [f"{m}/{file}" for m in MODULES for file in wanted if not _is_there(m, file)]
    untested = [m for m in MODULES if not list((TERRAFORM / m / "tests").glob("*.tftest.hcl"))]
    shown = {example.partition("/examples/")[0] for example in EXAMPLES}
    unshown = [m for m in MODULES if re.fullmatch(r"modules/[\w-]+", m) and m not in shown]
    assert (missing, untested, unshown) == ([], [], [])


def test_what_modules_have_in_common_they_say_alike() -> None:
    said = defaultdict(set)
    for module in MODULES:
        text = (TERRAFORM / module / "variables.tf").read_text()
        for found in _VARIABLE.finditer(text):
            if found[1] in _SHARED:
                said[found[1]].add(found[0])
    assert {name: len(texts) for name, texts in said.items()} == dict.fromkeys(_SHARED, 1)


def test_readmes_list_the_inputs_and_outputs_that_there_are() -> None:
    stale = [
        path for path in _READMES["readmes"]() if _READMES["current"](path) != path.read_text()
    ]
    assert stale == [], "Run: python infra/terraform/readmes.py"


def _is_there(module: str, file: str) -> bool:
    return (TERRAFORM / module / file).is_file()
