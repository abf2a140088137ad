"""Environments, reports and drift over HTTP, in the SDK and on the command line."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy.exc import DBAPIError

from northstar.environments.domain import Environment, EnvironmentReport, PolicyFinding
from northstar.errors import Conflict, Denied, Invalid, NotFound
from tests.environments.office import HOUR, Office, changed
from tests.failing_audit import failing_audit

DAY = timedelta(days=1)


def test_an_environment_is_what_was_said_of_it_until_that_is_taken_back(office: Office) -> None:
    admin = office.environments()
    said = Environment(
        name="prod", description="What flies.", owners=("platform-team",), region="westeurope"
    )
    assert admin.set(said) == said
    assert office.environments("reader", "/operations").status("prod").environment == said
    assert [one.environment.name for one in admin.environments()] == ["dev", "staging", "prod"]

    with failing_audit(office.platform.database), pytest.raises(DBAPIError):
        admin.set(Environment(name="prod"))
    with failing_audit(office.platform.database), pytest.raises(DBAPIError):
        office.connection("platform-admin").delete("/api/environments/prod")
    assert admin.status("prod").environment == said

    office.connection("platform-admin").delete("/api/environments/prod")
    assert admin.status("prod").environment == Environment(name="prod")


def test_replicas_that_are_told_of_one_environment_at_once_keep_the_last(office: Office) -> None:
    said = [Environment(name="dev", region=f"region{number}") for number in range(32)]
    with ThreadPoolExecutor(4) as replicas:
        list(replicas.map(lambda one: office.platform.environments.set(one, "x"), said))
    assert office.platform.environments.environment("dev") in said


def test_only_the_platforms_administrators_say_what_an_environment_is(office: Office) -> None:
    for role in ("release-manager", "infrastructure-reporter", "operator"):
        with pytest.raises(Denied):
            office.environments(role).set(Environment(name="prod", region="mars"))


def test_a_report_is_kept_with_who_told_it_and_once(office: Office) -> None:
    reporter = office.environments("infrastructure-reporter")
    finding = PolicyFinding(policy="tags", address="x", message="No owner.", waived="Until May.")
    report = EnvironmentReport(
        environment="prod", kind="apply", at=office.clock.now(), created=66, findings=(finding,)
    )
    first = reporter.report(report)
    assert first.reported_by == "user:infrastructure-reporter"
    assert reporter.report(report).id == first.id
    (kept,) = office.environments("reader").reports("prod")
    assert kept == first
    assert office.environments("reader").status("prod").infrastructure.applied == first


def test_who_reports_reads_nothing_and_who_reads_reports_nothing(office: Office) -> None:
    office.report("drift", changed())
    with pytest.raises(Denied):
        office.environments("infrastructure-reporter").reports("prod")
    report = EnvironmentReport(environment="prod", kind="drift", at=office.clock.now())
    with pytest.raises(Denied):
        office.environments("reader").report(report)


def test_whoever_works_in_a_squad_sees_how_much_drifted_and_not_what(office: Office) -> None:
    office.report("drift", changed("azurerm_key_vault.secrets"))
    seen = office.environments("data-scientist", "/operations").status("prod").infrastructure
    assert seen.checked is not None
    assert (seen.checked.differences, seen.checked.changes) == (1, ())
    seen = office.environments("reader").status("prod").infrastructure
    assert seen.checked is not None
    assert seen.checked.changes[0].address == "azurerm_key_vault.secrets"


def test_a_report_of_the_future_is_refused(office: Office) -> None:
    with pytest.raises(Invalid, match="in the future"):
        office.environments("infrastructure-reporter").report(
            EnvironmentReport(environment="prod", kind="drift", at=office.clock.now() + HOUR)
        )


def test_a_report_with_more_than_there_is_room_for_is_kept_as_far_as_it_goes(
    office: Office,
) -> None:
    office.report("drift", *[changed(f"r{number}", "x" * 3000) for number in range(600)])
    (kept,) = office.environments("reader").reports("prod")
    assert (len(kept.changes), kept.changed) == (500, 600)
    assert len(kept.changes[0].summary) == 2000


def test_history_is_bounded_and_the_last_apply_is_not_forgotten_for_many_checks(
    office: Office,
) -> None:
    office.report("apply")
    for _ in range(55):
        office.report("drift", after=HOUR)
    reader = office.environments("reader")
    assert len(reader.reports("prod", "drift", limit=200)) == 50
    assert len(reader.reports("prod", "apply")) == 1


def test_drift_opens_an_alert_that_later_checks_join_and_a_clean_one_resolves(
    office: Office,
) -> None:
    office.report("drift", changed("vault", "public access on"))
    (alert,) = office.alerts().alerts(kind="infrastructure")
    assert (alert.environment, alert.state, alert.title) == (
        "prod",
        "open",
        "1 resource differs from the code of prod.",
    )
    assert alert.findings == [
        "vault was changed by hand, from what the code says to what is there: public access on",
        "northstar env apply prod brings back what is written.",
    ]

    office.report("drift", changed("vault"), changed("storage"), after=DAY)
    (alert,) = office.alerts().alerts(state="open")
    assert (alert.windows, alert.title) == (2, "2 resources differ from the code of prod.")

    office.report("drift", after=DAY)
    (alert,) = office.alerts().alerts()
    assert (alert.state, alert.events[-1].by) == ("resolved", "platform:monitor")

    office.report("drift", changed(), after=DAY)
    assert [one.state for one in office.alerts().alerts()] == ["open", "resolved"]


def test_a_check_that_failed_says_nothing_about_drift(office: Office) -> None:
    office.report("drift", changed())
    office.report("drift", problem="terraform could not read the state", after=DAY)
    assert [one.state for one in office.alerts().alerts()] == ["open"]
    failed = office.environments("reader").status("prod").infrastructure.failed
    assert failed is not None
    assert failed.problem == "terraform could not read the state"


def test_what_was_destroyed_has_no_drift(office: Office) -> None:
    office.report("apply")
    office.report("drift", changed())
    office.report("destroy", after=HOUR)
    assert [one.state for one in office.alerts().alerts()] == ["resolved"]
    office.clock.advance(DAY.total_seconds() * 30)
    assert office.environments().status("prod").infrastructure.overdue_since is None


def test_people_take_a_drift_alert_on_and_the_same_check_opens_no_other(office: Office) -> None:
    office.report("drift", changed())
    operator = office.alerts()
    (alert,) = operator.alerts()
    assert operator.acknowledge(alert.id, "mine").state == "acknowledged"
    with pytest.raises(Conflict, match="of prod is acknowledged already"):
        operator.acknowledge(alert.id)
    operator.resolve(alert.id, "it was me")
    office.platform.environments.step()
    assert [one.state for one in operator.alerts()] == ["resolved"]


def test_a_squads_operator_has_no_say_in_the_platforms_infrastructure(office: Office) -> None:
    office.report("drift", changed())
    (alert,) = office.alerts().alerts()
    squads = office.alerts("operator", "/operations")
    assert squads.alerts() == []
    for ask in (squads.alert, squads.resolve):
        with pytest.raises(Denied):
            ask(alert.id)
    with pytest.raises(NotFound):
        office.connection("operator").post(f"/api/environments/dev/alerts/{alert.id}/resolve", {})


def test_a_stage_whose_check_is_overdue_says_so(office: Office) -> None:
    applied = office.report("apply")
    admin = office.environments()
    admin.set(Environment(name="prod", drift_check_hours=12))
    assert admin.status("prod").infrastructure.overdue_since is None
    office.clock.advance(13 * HOUR.total_seconds())
    admin = office.environments()
    assert admin.status("prod").infrastructure.overdue_since == applied.at + 12 * HOUR
    office.report("drift")
    assert admin.status("prod").infrastructure.overdue_since is None


def test_an_alert_about_an_environment_goes_to_the_platforms_webhook(tmp_path: Path) -> None:
    office = Office(tmp_path, webhook="http://127.0.0.1:1/hook")
    office.report("drift", changed())
    (alert,) = office.alerts().alerts()
    (action,) = office.alerts().actions(alert)
    assert (action.kind, action.detail["url"]) == ("notify", "http://127.0.0.1:1/hook")
    payload = action.detail["payload"]
    assert isinstance(payload, dict)
    assert (payload["environment"], payload["kind"]) == ("prod", "infrastructure")
    office.platform.close()


def test_of_an_environment_of_which_nothing_is_known_it_is_shown_what_can_be_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    office = Office(tmp_path)
    shown = office.command(monkeypatch, "reader", "env", "show", "dev")
    assert "northstar env set dev --owner TEAM" in shown
    assert "northstar env apply dev" in shown
    office.platform.close()


def test_setting_nothing_or_what_cannot_be_is_refused_and_owners_can_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    office = Office(tmp_path)

    def told(*words: str) -> str:
        return office.command(monkeypatch, "platform-admin", "env", "set", "prod", *words)

    with pytest.raises(Invalid, match="Nothing was given that is to be said of prod"):
        told()
    assert "0 is not in the range 1<=x<=2160" in told("--drift-check-hours", "0")
    told("--owner", "one", "--owner", "other")
    told("--owner", "")
    assert office.environments().status("prod").environment.owners == ()
    office.platform.close()


def test_the_commands_tell_it_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    office = Office(tmp_path)

    def told(*words: str) -> str:
        return office.command(monkeypatch, "platform-admin", *words)

    said = told("env", "set", "prod", "--owner", "platform-team", "--region", "westeurope")
    assert said == "Set: owners, region.\n"
    office.report("apply")
    office.report("drift", changed("vault", "public access on"), after=HOUR)
    assert "1 resource " in told("env", "list")
    shown = told("env", "show", "prod")
    assert "what is there: public access on" in shown
    assert "commit 9f2c1a77" in shown
    assert "prod" in told("alerts", "list", "--kind", "infrastructure")
    assert "Alert 1: infrastructure on prod, open." in told("alerts", "show", "1")
    office.platform.close()
