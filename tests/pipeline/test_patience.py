"""Calls wait for a platform that is away, but not for one that refuses."""

from __future__ import annotations

import pytest

from northstar.errors import Denied, Unavailable
from northstar.pipeline.patience import patiently


def test_a_platform_that_comes_back_is_waited_for() -> None:
    answers = iter([Unavailable("away"), Unavailable("away"), "here"])

    def call() -> str:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    assert patiently(call) == "here"


def test_patience_ends() -> None:
    def call() -> None:
        raise Unavailable("away for good")

    with pytest.raises(Unavailable, match="for good"):
        patiently(call, patience_seconds=0.3)


def test_a_refusal_is_not_repeated() -> None:
    calls = []

    def call() -> None:
        calls.append(1)
        raise Denied("no")

    with pytest.raises(Denied):
        patiently(call)
    assert len(calls) == 1
