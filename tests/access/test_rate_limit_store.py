"""Where attempts are counted: in this process, or in a Redis that replicas share."""

from __future__ import annotations

import importlib.util
import logging
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from northstar.access.errors import TooManyAttempts
from northstar.access.rate_limits import RateLimits
from northstar.clock import FakeClock
from northstar.errors import Invalid, Unavailable
from tests.embedded import wait_until

HERE = "203.0.113.9"


class Redis:
    """A real server that listens on a socket in a folder; started and killed at will."""

    def __init__(self, folder: Path) -> None:
        self._socket = folder / "redis.sock"
        self.url = f"redis+unix://{self._socket}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        keep_nothing = ("--save", "", "--appendonly", "no", "--port", "0")
        self._process = subprocess.Popen(
            ["redis-server", *keep_nothing, "--unixsocket", str(self._socket)],
            cwd=self._socket.parent,
            stdout=subprocess.DEVNULL,
        )
        wait_until(self._socket.exists, "redis-server")

    def kill(self) -> None:
        if self._process:
            self._process.kill()
            self._process.wait()
            self._socket.unlink(missing_ok=True)
            self._process = None


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[Redis]:
    if not shutil.which("redis-server") or not importlib.util.find_spec("redis"):
        pytest.skip("The shared store of rate limits was not tested: there is no Redis here.")
    redis = Redis(tmp_path)
    redis.start()
    yield redis
    redis.kill()


@pytest.mark.parametrize("store", ["", "memory://"])
def test_without_a_shared_store_each_process_counts_for_itself(store: str) -> None:
    first, second = (RateLimits(attempts="1/day", store=store) for _ in range(2))
    first.check()
    first.admit(HERE, "x")
    second.admit(HERE, "x")
    with pytest.raises(TooManyAttempts):
        first.admit(HERE, "x")


@pytest.mark.parametrize("store", ["memcached://cache:11211", "localhost:6379", "cache"])
def test_an_address_of_something_else_is_refused(store: str) -> None:
    with pytest.raises(Invalid, match="NORTHSTAR_RATE_LIMIT_STORE") as caught:
        RateLimits(store=store)
    assert "redis://" in caught.value.hint


def test_a_missing_library_is_named_and_no_password_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "redis", None)
    with pytest.raises(Invalid, match="not installed") as caught:
        RateLimits(store="redis://:hunter2@cache:6379")
    assert "pip install" in caught.value.hint
    assert "hunter2" not in str(caught.value)


def test_replicas_that_share_a_store_count_together(redis: Redis) -> None:
    first, second = (RateLimits("3/day", "1/day", "2/day", store=redis.url) for _ in range(2))
    first.check()
    first.admit(HERE, "anna")
    first.failed(HERE, "anna")
    with pytest.raises(TooManyAttempts) as caught:
        second.admit(HERE, "anna")
    assert 0 < caught.value.retry_after_seconds <= 2 * 86400
    second.admit(HERE, "ben")
    second.failed(HERE, "ben")
    with pytest.raises(TooManyAttempts):
        first.admit(HERE, "carl")
    first.admit("203.0.113.8", "carl")


def test_while_the_store_is_away_each_replica_counts_for_itself(
    redis: Redis, caplog: pytest.LogCaptureFixture
) -> None:
    clock = FakeClock()
    first, second = (RateLimits("2/day", store=redis.url, clock=clock) for _ in range(2))
    first.admit(HERE, "x")
    redis.kill()
    with caplog.at_level(logging.WARNING):
        for limits in (first, second):
            limits.admit(HERE, "x")
            limits.admit(HERE, "x")
            with pytest.raises(TooManyAttempts):
                limits.admit(HERE, "x")
    assert len([r for r in caplog.records if "counts for itself" in r.message]) == 2
    with pytest.raises(Unavailable, match="NORTHSTAR_RATE_LIMIT_STORE"):
        first.check()
    redis.start()  # it has forgotten everything
    clock.advance(11)
    first.admit(HERE, "x")
    second.admit(HERE, "x")
    with pytest.raises(TooManyAttempts):
        first.admit(HERE, "x")


def test_a_port_that_is_none_is_told() -> None:
    if not importlib.util.find_spec("redis"):
        pytest.skip("Redis's library was not asked: it is not installed.")
    with pytest.raises(Invalid, match="no address of a Redis server"):
        RateLimits(store="redis://cache:port")
