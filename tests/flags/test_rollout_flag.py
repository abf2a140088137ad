from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from northstar.errors import Invalid
from northstar.flags.domain import compile_flag, rollout_flag
from northstar.flags.hashing import percentage, salt

users = st.text(max_size=20)
shares = st.floats(0, 100).map(lambda share: round(share, 3))


@given(users, shares, shares)
def test_a_growing_canary_keeps_its_users(user: str, first: float, second: float) -> None:
    small, large = sorted((first, second))
    before = compile_flag(rollout_flag("f", {"v1": 100 - small, "v2": small})).assign(user)
    after = compile_flag(rollout_flag("f", {"v1": 100 - large, "v2": large})).assign(user)
    assert (before.variant, after.variant) != ("v2", "v1")


def test_a_canary_of_half_a_percent_gets_half_a_percent() -> None:
    compiled = compile_flag(rollout_flag("f", {"v1": 99.5, "v2": 0.5}))
    hits = sum(compiled.assign(str(user)).variant == "v2" for user in range(40_000))
    assert 140 <= hits <= 260  # 200 expected, sd 14


def test_a_share_of_nothing_gets_nobody() -> None:
    compiled = compile_flag(rollout_flag("f", {"v1": 0, "v2": 100}))
    assert {compiled.assign(str(user)).variant for user in range(200)} == {"v2"}


def test_a_seed_moves_who_comes_first() -> None:
    halves = {"v1": 50.0, "v2": 50.0}
    user = next(
        u
        for u in map(str, range(99))
        if (percentage(u, salt("spring")) < 50) != (percentage(u, salt("autumn")) < 50)
    )
    variants = [
        compile_flag(rollout_flag("f", halves, seed)).assign(user).variant
        for seed in ("spring", "autumn")
    ]
    assert variants[0] != variants[1]


@pytest.mark.parametrize(
    "weights", [{}, {"v1": 90.0}, {"v1": 110.0, "v2": -10.0}, {"v1": float("nan")}]
)
def test_shares_that_do_not_divide_the_whole_are_refused(weights: dict[str, float]) -> None:
    with pytest.raises(Invalid, match="not a division of 100 %"):
        rollout_flag("f", weights)
