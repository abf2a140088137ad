from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from northstar.backoff import pause_seconds


def test_each_failure_doubles_the_pause_until_it_is_long_enough() -> None:
    assert [pause_seconds(n, 0.5, 3.0) for n in range(6)] == [0.0, 0.5, 1.0, 2.0, 3.0, 3.0]


@given(st.integers(-5, 10**12), st.floats(0.0, 100.0), st.floats(0.0, 1000.0))
def test_no_number_of_failures_is_too_many(failures: int, first: float, longest: float) -> None:
    pause = pause_seconds(failures, first, longest)
    assert 0.0 <= pause <= longest
    assert pause <= pause_seconds(failures + 1, first, longest)
