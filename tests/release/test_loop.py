"""Releases under whatever order of requests, traffic, failures and kills."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from northstar.errors import Conflict, Unavailable
from northstar.names import EndpointRef, ProjectRef
from northstar.registry.domain import VersionRecord
from northstar.registry.fake import FakeMlflow
from northstar.release.domain import Hold
from northstar.release.fake import FakeEndpoints
from tests.release.world import CANARY, DEV, PROJECT, World


class Killed(BaseException):
    """What a SIGKILL looks like from the inside: nothing catches it."""


class KillableEndpoints(FakeEndpoints):
    """Kills the process before or after an endpoint was told, once."""

    kill = ""

    def set_traffic(
        self,
        endpoint: EndpointRef,
        weights: Mapping[int, float],
        records: Sequence[VersionRecord],
    ) -> int:
        when, self.kill = self.kill, ""
        if when == "before":
            raise Killed
        revision = super().set_traffic(endpoint, weights, records)
        if when == "after":
            raise Killed
        return revision


class MovableMlflow(FakeMlflow):
    """An MLflow that is sometimes away."""

    away = False

    def set_alias(self, project: ProjectRef, alias: str, version: int) -> None:
        if self.away:
            raise Unavailable("MLflow is away.")
        super().set_alias(project, alias, version)


class ReleaseLoop(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.endpoints, self.mlflow = KillableEndpoints(), MovableMlflow()
        self.world = World(self.folder, self.endpoints, self.mlflow)
        self.versions = 0

    @rule(canary=st.booleans())
    def somebody_proposes(self, canary: bool) -> None:
        live = [v for v, state in self.world.states().items() if state == "live"]
        self.versions += 1
        self.world.register(self.versions, live=live[0] if live else None)
        plan = CANARY if canary else None
        try:
            self.world.releases.propose(DEV, self.versions, self.world.anna, plan)
        except Conflict:
            return

    @rule()
    def the_loop_steps(self) -> None:
        before = self.shares()
        try:
            self.world.releases.step()
        except Killed:
            return
        finally:
            if self.world.hold:
                assert all(before[one] >= share for one, share in self.shares().items())

    @rule(broken=st.booleans())
    def people_ask_the_endpoint(self, broken: bool) -> None:
        self.world.clock.advance(10)
        for version, share in self.endpoints.weights.get(DEV, {}).items():
            requests = round(share * 10)
            bad = broken and version == self.versions
            self.endpoints.serve(DEV, version, requests, requests if bad else 0)

    @rule()
    def somebody_rolls_back(self) -> None:
        try:
            self.world.releases.rollback(DEV, "a feeling", self.world.ben)
        except (Conflict, Killed):
            return

    @rule(reachable=st.booleans(), away=st.booleans(), answering=st.booleans())
    def things_fail_and_recover(self, reachable: bool, away: bool, answering: bool) -> None:
        self.endpoints.reachable, self.endpoints.answering = reachable, answering
        self.mlflow.away = away

    @rule(when=st.sampled_from(["before", "after"]))
    def the_process_will_be_killed(self, when: str) -> None:
        self.endpoints.kill = when

    @rule(frozen=st.booleans())
    def the_environment_freezes_and_thaws(self, frozen: bool) -> None:
        self.world.hold = Hold(reason="dev is frozen.", way_out="") if frozen else None

    @invariant()
    def at_most_one_is_live_and_one_on_its_way(self) -> None:
        states = list(self.world.states().values())
        assert states.count("live") <= 1
        assert sum(state in ("approved", "rolling-out") for state in states) <= 1

    @invariant()
    def traffic_is_divided_among_what_was_released(self) -> None:
        weights = self.endpoints.weights.get(DEV, {})
        assert not weights or abs(sum(weights.values()) - 100) < 1e-9
        assert set(weights) <= {r.version for r in self.world.releases.releases(DEV) if r.verdict}

    def shares(self) -> dict[int, float]:
        return {one.id: one.share for one in self.world.releases.releases(DEV)}

    def teardown(self) -> None:
        self.world.hold = None
        self.endpoints.reachable, self.endpoints.answering = True, True
        self.endpoints.kill, self.mlflow.away = "", False
        self.people_ask_the_endpoint(broken=False)
        for _ in range(6):
            self.world.releases.step()
            self.people_ask_the_endpoint(broken=False)
        live = [v for v, state in self.world.states().items() if state == "live"]
        rolling = [v for v, state in self.world.states().items() if state == "rolling-out"]
        assert not rolling
        assert self.endpoints.weights.get(DEV, {}) == dict.fromkeys(live, 100.0)
        assert self.world.registry.aliases(PROJECT) == ({"dev": live[0]} if live else {})
        self.world.database.close()
        shutil.rmtree(self.folder)


TestReleaseLoop = ReleaseLoop.TestCase
TestReleaseLoop.settings = settings(
    max_examples=25,
    stateful_step_count=20,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
