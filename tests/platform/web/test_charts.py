from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

from northstar.monitoring.domain import (
    Alert,
    ColumnDrift,
    DriftSummary,
    EndpointMonitoring,
    RealisedMetric,
    Window,
)
from northstar.names import ProjectRef
from northstar.platform.web.charts import Chart, Point, Series, compare, forest
from northstar.platform.web.metering import metering
from northstar.platform.web.rendering import number, page
from northstar.platform.web.views import ProjectPage, Shell
from northstar.registry.domain import BaselineCoefficient, Metric
from northstar.registry.fake import example_evidence

START = datetime(2026, 1, 5, tzinfo=UTC)
WEEK = timedelta(days=7)
STATUS = EndpointMonitoring(endpoint="a/b/prod")


def window(number: int, version: int = 1, rows: int = 100, columns: int = 1) -> Window:
    return Window(
        version=version,
        number=number,
        start=START + number * WEEK,
        end=START + (number + 1) * WEEK,
        rows=rows,
        closed=True,
        drift=DriftSummary(
            score=2.0,
            columns=[
                ColumnDrift(column=f"feature_{i}", distance=1.0, limit=0.5, score=i / 10)
                for i in range(columns)
            ],
        ),
        performance=RealisedMetric(
            metric="rmse",
            value=float(version),
            low=0.5,
            high=3.0,
            standard_error=0.1,
            labels=50,
            expected=1.5,
        ),
    )


def test_the_chart_follows_the_version_that_answered_most() -> None:
    seen = metering(STATUS, [window(0), window(1, 1, 90), window(1, 2, 10), window(2, 2)], [])
    assert seen.performance is not None
    assert [point.value for point in seen.performance.series[0].points] == [1.0, 1.0, 2.0]
    assert [mark.text for mark in seen.performance.marks] == ["v1", "v2"]
    assert seen.performance.marks[1].at == START + 2 * WEEK


def test_an_alert_stands_at_the_end_of_the_window_that_raised_it() -> None:
    alert = Alert(
        id=1,
        endpoint="a/b/prod",
        kind="performance",
        version=1,
        state="open",
        title="worse",
        opened_at=START,
        window_start=START,
        window_end=START + 5 * WEEK,
    )
    seen = metering(STATUS, [window(0), window(1)], [alert])
    assert seen.performance is not None
    assert seen.drift is not None
    assert [mark.at for mark in seen.performance.marks if mark.role == "alert"] == [START + WEEK]
    assert not [mark for mark in seen.drift.marks if mark.role == "alert"]


def test_the_grid_shows_the_newest_windows_and_the_columns_that_moved_most() -> None:
    seen = metering(STATUS, [window(n, columns=60) for n in range(90)], [])
    assert seen.features is not None
    assert seen.features.columns[0] == START + 89 * WEEK
    assert len(seen.features.columns) == 40
    assert [name for name, _ in seen.features.rows][:2] == ["feature_59", "feature_58"]
    levels = {cell.level for _, cells in seen.features.rows for cell in cells}
    assert levels == {"found"}


def test_nothing_seen_is_nothing_drawn() -> None:
    seen = metering(STATUS, [], [])
    assert (seen.performance, seen.drift, seen.features) == (None, None, None)


def test_a_page_of_two_years_and_many_columns_stays_small() -> None:
    windows = [window(n, version=1 + n // 30, columns=60) for n in range(200)]
    view = ProjectPage(
        ref=ProjectRef("a", "b"),
        description="",
        environment="prod",
        endpoints=(),
        metering=metering(STATUS, windows, []),
        alerts=(),
        versions=(),
        older_versions=0,
        releases=(),
        latest=None,
        judged=None,
        comparisons=(),
    )
    shell = Shell("user:x", "0" * 64, waiting=0, alerts=0, reads_audit=True)
    assert 50_000 < len(page("project.html", shell, view=view).body) < 120_000


def test_what_is_no_number_leaves_a_gap() -> None:
    points = tuple(Point(START, value) for value in (math.nan, math.inf, None, 0.0, 2.0))
    chart = Chart("t", "e", "u", (Series("s", "feature", points),))
    assert chart.data()["series"][0]["y"] == [None, None, None, 0.0, 2.0]
    on_ratios = Chart("t", "e", "u", (Series("s", "feature", points),), logarithmic=True)
    assert on_ratios.data()["series"][0]["y"] == [None, None, None, None, 2.0]


def test_versions_and_baseline_share_a_scale() -> None:
    evidence = example_evidence(
        metrics={"b": Metric(value=3), "roc_auc": Metric(value=0.7, low=0.6, high=0.8)},
        baseline={"roc_auc": Metric(value=0.5, low=0.4, high=0.6)},
    )
    first, second = compare(evidence)
    assert first.metric == "roc_auc"
    assert first.baseline_bar is not None
    assert (first.baseline_bar.low, first.candidate_bar.high) == (4.0, 96.0)
    assert first.baseline_bar.high == first.candidate_bar.low
    assert second.baseline_bar is None


def test_numbers_keep_the_digits_that_count() -> None:
    told = [number(v) for v in (0.7, -0.0213, 0.000012, 1234.56, 20411, None, 0.0)]
    assert told == ["0.700", "−0.0213", "1.2e−05", "1235", "20,411", "–", "0.000"]


def test_a_problem_page_escapes_its_message() -> None:
    answer = page("problem.html", None, title="<b>", message="</p><script>", hint="<i>")
    assert b"<script>" not in bytes(answer.body)
    assert b"<b>" not in bytes(answer.body)


def test_effects_of_the_baseline_share_one_scale_with_zero_on_it() -> None:
    learnt = [
        BaselineCoefficient(input="a", effect=Metric(value=-2.0, low=-3.0, high=-1.0)),
        BaselineCoefficient(input="b=x", effect=Metric(value=0.5, low=-0.5, high=1.5)),
        BaselineCoefficient(input="c", effect=Metric(value=0.1)),
    ]
    evidence = example_evidence(baseline_coefficients=learnt, baseline_coefficients_left_out=4)
    found = forest(evidence, ["on time", "late"])
    assert found is not None
    assert [row.clear for row in found.rows] == [True, False, False]
    assert found.rows[0].bar.high < found.zero < found.rows[1].bar.value
    assert (found.zero, "0") in found.ticks
    assert all(4 <= place <= 96 for place, _ in found.ticks)
    assert "log odds of late" in found.explanation
    assert found.rows[0].interval == "−3.00 to −1.00"
    assert found.left_out == 4


def test_effects_name_their_class_or_its_number() -> None:
    learnt = [
        BaselineCoefficient(input="a", of_class=place, effect=Metric(value=1.0)) for place in (0, 2)
    ]
    evidence = example_evidence(task="multiclass", baseline_coefficients=learnt)
    found = forest(evidence, ["red", "green"])
    assert found is not None
    assert [row.of_class for row in found.rows] == ["red", "class 2"]


def test_a_record_from_before_has_no_effects_to_show() -> None:
    assert forest(example_evidence(baseline_coefficients=[]), None) is None
