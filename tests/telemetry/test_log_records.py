"""What of a log line leaves the process."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import pytest

from northstar.errors import Failed
from northstar.telemetry.log_records import LogBridge

QUOTED = "postgresql://app:hunter2@db/northstar income=12345"


class Told:
    """What went through the bridge: fields of records with the name of their logger."""

    def __init__(self) -> None:
        self.records: list[tuple[str, dict[str, Any]]] = []

    def take(self, name: str, fields: dict[str, Any]) -> None:
        self.records.append((name, fields))

    @property
    def bodies(self) -> list[str]:
        return [fields["body"] for _, fields in self.records]


@pytest.fixture
def told() -> Iterator[Told]:
    told = Told()
    bridge = LogBridge(told.take)
    logging.getLogger().addHandler(bridge)
    yield told
    logging.getLogger().removeHandler(bridge)


@pytest.mark.parametrize(
    ("arguments", "body"),
    [
        (("the loop %s waits", "release"), "the loop release waits"),
        (("not %d%%", 5), "not 5%"),
        (("50 % of it",), "50 % of it"),
        (("%(what)s", {"what": "gone"}), "gone"),
        (("no store: %s", Failed("the folder is full")), "no store: the folder is full"),
        (("no store: %s", OSError(QUOTED)), "no store: builtins.OSError"),
    ],
)
def test_our_own_words_go_but_not_those_of_errors_that_are_not_ours(
    told: Told, arguments: tuple[Any, ...], body: str
) -> None:
    logging.getLogger("northstar.x").warning(*arguments)
    assert told.bodies == [body]


@pytest.mark.parametrize("arguments", [("connecting to %s", QUOTED), (f"connecting to {QUOTED}",)])
def test_what_a_library_says_goes_without_what_it_quotes(
    told: Told, arguments: tuple[str, ...]
) -> None:
    # not MLflow's, which keeps what it logs from its parents once it is imported
    logging.getLogger("sqlalchemy.pool").error(*arguments)
    (body,) = told.bodies
    assert "hunter2" not in body
    assert "sqlalchemy.pool, test_log_records.py" in body


def test_what_exporters_say_is_not_exported(told: Told) -> None:
    for name in ("azure.core", "opentelemetry.sdk", "urllib3.connectionpool", "msal.token"):
        logging.getLogger(name).error("failed")
    logging.getLogger("northstar.x").info("not worth sending")
    assert told.records == []


def test_an_exception_goes_with_its_type_and_the_code_that_it_passed(told: Told) -> None:
    try:
        int(QUOTED)
    except ValueError:
        logging.getLogger("northstar.x").exception("it failed")
    ((name, fields),) = told.records
    assert (name, fields["body"], fields["severity_number"]) == ("northstar.x", "it failed", 17)
    sent = fields["attributes"]
    assert sent["exception.type"] == "builtins.ValueError"
    assert "int(QUOTED)" in sent["exception.stacktrace"]
    assert "hunter2" not in str(sent)
