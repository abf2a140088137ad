"""A monitor on SQLite and a folder, and an endpoint whose traffic a test can shape."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from northstar.clock import FakeClock
from northstar.database import Database, metadata
from northstar.monitoring.captures import Captures
from northstar.monitoring.domain import Label, LabelReceipt
from northstar.monitoring.fake import FakeActions, FakeVersions, FakeWebhooks
from northstar.monitoring.profile import build_reference
from northstar.monitoring.service import MonitoringService
from northstar.names import EndpointRef
from northstar.registry.domain import Column, VersionRecord
from northstar.registry.fake import example_registration
from northstar.serving.dataplane.segments import (
    CapturedRows,
    segment_table,
    write_segment,
)
from northstar.serving.dataplane.spool import segments_folder
from northstar.serving.domain import ModelSpec
from northstar.storage.places import SquadStores

PROD = EndpointRef("operations", "late-arrival", "prod")
START = datetime(2026, 1, 5, tzinfo=UTC)
WEEK = timedelta(days=7)
COLUMNS = [Column(name="size", type="double"), Column(name="town", type="string")]
ROWS = 420  # a week's
DIGEST = f"sha256:{0:064}"


class World:
    """One monitor; versions are registered and weeks of traffic captured on demand."""

    def __init__(self, folder: Path, database: Database | None = None) -> None:
        self.folder = folder
        self.captures = folder / "captures"
        self.database = database or Database(f"sqlite:///{folder / 'test.db'}")
        metadata.create_all(self.database.engine)
        self.clock = FakeClock(START + timedelta(days=400))
        self.versions = FakeVersions()
        self.actions = FakeActions()
        self.webhooks = FakeWebhooks()
        self.monitor = self.restarted()
        self._written = 0

    def restarted(self) -> MonitoringService:
        """Another monitor on the same state, as after a kill."""
        return MonitoringService(
            self.database,
            Captures(SquadStores(str(self.captures))),
            self.versions,
            self.actions,
            self.webhooks,
            self.clock,
        )

    def register(self, version: int = 1, task: str = "binary", **monitoring: Any) -> None:
        """Register a version whose reference is eight quiet weeks; AUC about 0.8."""
        rng = np.random.default_rng(7)
        weeks = [_week(rng, START + (n - 8) * WEEK, 0.0, 1.0) for n in range(8)]
        merged = {key: np.concatenate([week[key] for week in weeks]) for key in weeks[0]}
        profile = build_reference(
            {"size": merged["size"], "town": merged["town"]},
            merged["prediction"],
            merged["label"],
            merged["time"],
            "binary",
            "roc_auc",
            7.0,
        )
        registration = example_registration(
            run_id=f"run{version}",
            columns=COLUMNS,
            profile=profile,
            monitoring={"minimum_rows": 50, "minimum_labels": 50, **monitoring},
            evidence={"primary_metric": "roc_auc"},
        )
        self.versions.add(
            VersionRecord(
                **registration.model_dump(),
                version=version,
                digest=DIGEST,
                registered_by="user:anna",
                registered_at=START,
            )
        )

    def week(
        self,
        number: int,
        version: int = 1,
        *,
        shift: float = 0.0,
        skill: float = 1.0,
        days: int = 7,
        seed: int = 0,
        traces: Sequence[str | None] = (),
        **columns: Any,
    ) -> list[Label]:
        """Capture a week of traffic, and return the labels that belong to it.

        Args:
            shift: added to ``size``, in its standard deviations.
            skill: how far predictions follow the truth; 1 as in the reference, 0 not at all.
            days: on how many of its days there is traffic.
            traces: the ``traceparent`` of each row.
            columns: values that replace a column's in all rows.
        """
        rng = np.random.default_rng([number + 100, version, seed])
        data = _week(rng, START + number * WEEK, shift, skill, days)
        for name, value in columns.items():
            data[name] = np.full(ROWS, value, dtype=object)
        ids = [f"v{version}w{number}s{seed}r{row}" for row in range(ROWS)]
        self.write(ids, data, version, traces)
        return [
            Label(prediction_id=name, label=int(label))
            for name, label in zip(ids, data["label"], strict=True)
        ]

    def write(
        self,
        ids: list[str],
        data: dict[str, Any],
        version: int = 1,
        traces: Sequence[str | None] = (),
    ) -> Path:
        """Write a segment as an endpoint does, and return its path."""
        times = (data["time"].astype("datetime64[us]").astype(np.int64)).tolist()
        rows = [list(row) for row in zip(data["size"].tolist(), data["town"].tolist(), strict=True)]
        captured = CapturedRows(
            ids, times, times, rows, data["prediction"].tolist(), list(traces) or [None] * len(ids)
        )
        model = ModelSpec(
            version=version,
            digest=DIGEST,
            flavor="lightgbm",
            task="binary",
            columns=tuple(COLUMNS),
            classes=("0", "1"),
        )
        return self.keep(segment_table(str(PROD), model, captured))

    def keep(self, table: pa.Table) -> Path:
        """Write any table as the next segment of predictions."""
        self._written += 1
        name = f"{self._written:012d}.arrow"
        path = segments_folder(self.captures, PROD, self.clock.now()) / name
        write_segment(path, table)
        return path

    def push(self, labels: list[Label]) -> LabelReceipt:
        """Push labels and let the monitor join them."""
        receipt = self.monitor.push_labels(PROD, labels)
        self.monitor.step()
        return receipt

    def kinds(self) -> list[str]:
        """The kinds of all findings, in order of their windows."""
        return [finding.kind for finding in self.monitor.findings(PROD)]


def _week(
    rng: np.random.Generator, start: datetime, shift: float, skill: float, days: int = 7
) -> dict[str, Any]:
    size = rng.normal(shift, 1.0, ROWS)
    label = (rng.random(ROWS) < 1 / (1 + np.exp(-size + shift))).astype(np.int64)
    known = np.where(label == 1, 0.6, 0.4) * skill + 0.5 * (1 - skill)
    seconds = np.sort(rng.random(ROWS)) * days * 86_400
    return {
        "size": size,
        "town": rng.choice(["ams", "ber", "cph"], ROWS, p=[0.5, 0.3, 0.2]),
        "prediction": np.clip(known + rng.normal(0, 0.17, ROWS), 0.001, 0.999),
        "label": label,
        "time": np.datetime64(start.replace(tzinfo=None), "us")
        + (seconds * 1e6).astype("timedelta64[us]"),
    }
