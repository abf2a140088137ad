"""Whatever people do to requests, in whatever order: a role holds exactly while one is active."""

from __future__ import annotations

import tempfile
from datetime import datetime, timedelta
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from northstar.access.elevation.domain import UNDECIDED_LASTS, Elevation
from northstar.access.elevation.errors import WrongState
from northstar.access.elevation.service import ElevationService
from northstar.access.errors import NotAllowed
from northstar.access.testing import AccessBench
from northstar.clock import FakeClock
from northstar.errors import Conflict, NotFound
from northstar.names import Scope

OPERATIONS = Scope("operations")
PEOPLE = ("anna", "olga", "otto")  # anna asks; olga and otto own the squad, and may ask as well
numbers = st.integers(min_value=1, max_value=6)


class Requests(RuleBasedStateMachine):
    @initialize()
    def begin(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.clock = FakeClock()
        self.bench = AccessBench(Path(self.folder.name), self.clock)
        self.service = ElevationService(self.bench.database, self.clock, self.bench.access)
        self.who = {"anna": self.bench.principal("anna", "reader", "/operations")}
        for name in ("olga", "otto"):
            self.who[name] = self.bench.principal(name, "squad-owner", "/operations")
        self.asked: dict[int, tuple[str, datetime, timedelta]] = {}
        self.expected: dict[int, str] = {}
        self.until: dict[int, datetime] = {}

    def teardown(self) -> None:
        if hasattr(self, "bench"):
            self.bench.database.close()
            self.folder.cleanup()

    @rule(name=st.sampled_from(PEOPLE), hours=st.integers(min_value=1, max_value=24))
    def request(self, name: str, hours: int) -> None:
        clash = any(
            self.asked[number][0] == name and state in ("requested", "active")
            for number, state in self.expected.items()
        )
        duration = timedelta(hours=hours)
        try:
            made = self.service.request(self.who[name], "operator", OPERATIONS, "why", duration)
        except Conflict:
            assert clash
            return
        assert not clash
        self.asked[made.id] = (name, self.clock.now(), duration)
        self.expected[made.id] = "requested"

    @rule(name=st.sampled_from(PEOPLE), number=numbers, agree=st.booleans())
    def decide(self, name: str, number: int, agree: bool) -> None:
        move = self.service.approve if agree else self.service.reject
        try:
            move(self.who[name], number, "said so")
        except (NotAllowed, WrongState, NotFound):
            assert not self._may_decide(name, number) or self.expected[number] != "requested"
            return
        assert self._may_decide(name, number)
        assert self.expected[number] == "requested"
        self.expected[number] = "active" if agree else "rejected"
        if agree:
            self.until[number] = self.clock.now() + self.asked[number][2]

    @rule(name=st.sampled_from(PEOPLE), number=numbers)
    def withdraw(self, name: str, number: int) -> None:
        mine = number in self.asked and self.asked[number][0] == name
        try:
            self.service.withdraw(self.who[name], number)
        except (NotFound, WrongState):
            assert not mine or self.expected[number] != "requested"
            return
        assert mine
        self.expected[number] = "withdrawn"

    @rule(name=st.sampled_from(PEOPLE), number=numbers)
    def end(self, name: str, number: int) -> None:
        mine = number in self.asked and self.asked[number][0] == name
        may = mine or self._may_decide(name, number)
        try:
            self.service.end(self.who[name], number)
        except (NotFound, NotAllowed, WrongState):
            assert not may or self.expected[number] != "active"
            return
        assert may
        assert self.expected[number] == "active"
        self.expected[number] = "ended"

    @rule(number=numbers)
    def revoke_like_any_role(self, number: int) -> None:
        name = self.asked[number][0] if number in self.asked else ""
        for held in self.bench.access.directory.assignments(f"user:{name}"):
            if held.role == "operator" and held.expires_at == self.until.get(number):
                self.bench.access.directory.revoke(held.id, by="test")
                self.expected[number] = "ended"

    @rule(hours=st.sampled_from([0.5, 5, 25, 24 * 8]))
    def wait(self, hours: float) -> None:
        self.clock.advance(hours * 3600)
        now = self.clock.now()
        for number, state in self.expected.items():
            if state == "requested" and now >= self.asked[number][1] + UNDECIDED_LASTS:
                self.expected[number] = "lapsed"
            if state == "active" and now >= self.until[number]:
                self.expected[number] = "expired"

    @invariant()
    def states_are_as_expected(self) -> None:
        if hasattr(self, "bench"):
            shown: list[Elevation] = self.service.seen_by(self.who["olga"])
            assert {one.id: one.state for one in shown} == self.expected

    @invariant()
    def a_role_holds_exactly_while_a_request_is_active(self) -> None:
        for name in PEOPLE if hasattr(self, "bench") else ():
            held = self.bench.access.directory.assignments(f"user:{name}")
            active = {n for n, s in self.expected.items() if s == "active"}
            mine = [self.until[n] for n in active if self.asked[n][0] == name]
            assert [a.expires_at for a in held if a.role == "operator"] == mine

    def _may_decide(self, name: str, number: int) -> bool:
        return name != "anna" and number in self.asked and self.asked[number][0] != name


TestRequests = Requests.TestCase
TestRequests.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
