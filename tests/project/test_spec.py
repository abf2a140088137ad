"""northstar.yaml: what is accepted, and what each mistake is told."""

from __future__ import annotations

from pathlib import Path

import jsonschema
import pytest
import yaml

from northstar.errors import NotFound
from northstar.project.domain import MonitoringConfig, ProjectSpec
from northstar.project.errors import SpecInvalid
from northstar.project.schema import json_schema
from northstar.project.spec import load_spec, parse_spec

GOOD = """\
squad: operations
project: late-arrival
task: binary
target: late
data:
  path: data/flights.parquet
  time_column: scheduled
train:
  command: python train.py {train_data} --leaves {leaves}
  parameters: {leaves: 31}
monitoring:
  actions: {performance: retrain}
"""


def parse(text: str) -> ProjectSpec:
    return parse_spec(text, Path("northstar.yaml"))


def faults_of(text: str) -> list[tuple[int, str]]:
    with pytest.raises(SpecInvalid) as caught:
        parse(text)
    return [(fault.line, fault.field) for fault in caught.value.faults]


def test_a_short_file_gets_sensible_defaults() -> None:
    spec = parse(GOOD)

    assert spec.split_by == "time"
    assert spec.metric == "roc_auc"
    assert spec.data.file_format == "parquet"
    assert spec.monitoring.actions == {
        "drift": "notify",
        "quality": "notify",
        "performance": "retrain",
    }


def test_monitoring_notifies_unless_told_otherwise() -> None:
    assert set(MonitoringConfig().actions.values()) == {"notify"}


@pytest.mark.parametrize(
    ("wrong", "line", "field"),
    [
        (GOOD.replace("task: binary", "task: binry"), 3, "task"),
        (GOOD.replace("  path:", "  pth:"), 6, "data.pth"),
        (GOOD.replace("target: late\n", ""), 1, "target"),
        (GOOD.replace("{leaves}", "{trees}"), 8, "train"),
        (GOOD.replace("--leaves", '"--leaves'), 9, "train.command"),
        (GOOD.replace("leaves: 31", "leaves: 2013-01-01"), 10, "train.parameters.leaves"),
        (GOOD.replace("retrain", "panic"), 12, "monitoring.actions.performance"),
        (GOOD + "split: {by: random, test_share: 1.5}\n", 13, "split.test_share"),
        (GOOD + "split:\n  by: group\n", 13, "split"),
        (GOOD + "evaluate: {metric: rmse}\n", 1, ""),
        (GOOD + "squad: fashion\n", 13, "squad"),
        (GOOD.replace("squad: operations", "squad: Operations!"), 1, "squad"),
    ],
)
def test_a_mistake_is_reported_with_its_line_and_field(wrong: str, line: int, field: str) -> None:
    assert (line, field) in faults_of(wrong)


def test_all_mistakes_are_reported_at_once() -> None:
    wrong = GOOD.replace("binary", "binry").replace("target: late", "targt: late")

    assert {field for _, field in faults_of(wrong)} == {"task", "target", "targt"}


def test_an_unknown_field_is_told_the_nearest_one() -> None:
    with pytest.raises(SpecInvalid, match=r"northstar.yaml:6: data.pth: .*did you mean 'path'"):
        parse(GOOD.replace("  path:", "  pth:"))


@pytest.mark.parametrize(
    "text", ["", "- a list\n", "just text", "squad: [1\n", "a: \x00", "a: !x 1"]
)
def test_what_is_no_mapping_is_one_clear_fault(text: str) -> None:
    assert len(faults_of(text)) == 1


def test_what_is_written_in_another_form_is_shown_the_right_one() -> None:
    wrong = GOOD.replace("squad: operations", "squad: Operations!")
    with pytest.raises(SpecInvalid, match=r"yaml:1: squad: must look like operations, not 'Oper"):
        parse(wrong)
    wrong = GOOD.replace("command: python train.py {train_data} --leaves {leaves}", "function: fit")
    with pytest.raises(SpecInvalid, match=r"yaml:9: train.function: must look like train:fit, not"):
        parse(wrong)


def test_a_folder_without_the_file_says_so(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"has no northstar.yaml"):
        load_spec(tmp_path)


def test_a_file_that_is_no_text_is_one_clear_fault(tmp_path: Path) -> None:
    (tmp_path / "northstar.yaml").write_bytes(b"\xff\xfe\x00")

    with pytest.raises(SpecInvalid, match="cannot be read"):
        load_spec(tmp_path)


def test_the_schema_accepts_what_the_loader_accepts() -> None:
    jsonschema.validate(yaml.safe_load(GOOD), json_schema())


@pytest.mark.parametrize(
    "wrong",
    [
        GOOD.replace("  path:", "  pth:"),
        GOOD.replace("task: binary", "task: binry"),
        GOOD.replace("  time_column", "  sql: select 1\n  time_column"),
        GOOD.replace("  parameters", "  function: train:fit\n  parameters"),
    ],
)
def test_the_schema_refuses_what_the_loader_refuses(wrong: str) -> None:
    faults_of(wrong)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(yaml.safe_load(wrong), json_schema())
