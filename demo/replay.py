"""Nine months of flights as requests with their event times; labels a week later, as in life."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import pandas as pd

from demo.policies import LABEL_DELAY, TARGET, TIME
from northstar.connection import Connection
from northstar.monitoring.client import MonitoringClient
from northstar.monitoring.domain import EndpointMonitoring, Label
from northstar.names import EndpointRef
from northstar.serving.client import EndpointClient

FEATURES = (
    "carrier",
    "origin",
    "dest",
    "distance",
    "minute_of_day",
    "seats",
    "built",
    "temp",
    "visib",
)


@dataclass
class Served:
    """What the endpoint answered: a score and a version for each flight, NaN and 0 before."""

    scores: np.ndarray
    versions: np.ndarray


class Replay:
    """The airline's booking system, which asks about every flight, and tells what became of it.

    One request holds the departures of one airport in one hour.
    """

    def __init__(
        self, connection: Connection, endpoint: EndpointRef, flights: pd.DataFrame
    ) -> None:
        self._endpoint = endpoint
        self._serving = EndpointClient(connection)
        self._monitoring = MonitoringClient(connection)
        self._flights = flights
        self._rows = _rows(flights)
        self._labelled = 0
        self._sent = 0
        self._ids: list[str] = [""] * len(flights)
        self._hours = flights[TIME].dt.floor("h")
        self.served = Served(np.full(len(flights), np.nan), np.zeros(len(flights), dtype=int))

    @property
    def sent(self) -> int:
        """How many flights were asked about so far."""
        return self._sent

    def days(self) -> Iterator[pd.Timestamp]:
        """The days of the replay, as the moments at which they end."""
        first = self._flights[TIME].iloc[0].floor("D")
        last = self._flights[TIME].iloc[-1].ceil("D")
        yield from pd.date_range(first + pd.Timedelta(days=1), last, freq="D")

    def send_until(self, moment: pd.Timestamp) -> None:
        """Ask about every flight that departs before ``moment`` and was not asked about yet."""
        end = int(self._flights[TIME].searchsorted(moment))
        part = self._flights.iloc[self._sent : end]
        hours = self._hours.iloc[self._sent : end]
        for key, positions in part.groupby([hours, "origin"]).indices.items():
            hour, origin = cast("tuple[pd.Timestamp, str]", key)
            places = np.asarray(positions) + self._sent
            name = f"{origin}-{hour:%Y%m%dT%H}"
            answer = self._serving.predict(
                self._endpoint,
                [self._rows[place] for place in places],
                request_id=name,
                event_time=hour.to_pydatetime(),
            )
            self.served.scores[places] = answer.predictions
            self.served.versions[places] = answer.version
            for place, prediction in zip(places, answer.ids, strict=True):
                self._ids[place] = prediction
        self._sent = end

    def push_labels(self, now: pd.Timestamp) -> int:
        """Tell what became of the flights of a week ago and before; how many were told."""
        end = int(self._flights[TIME].searchsorted(now - LABEL_DELAY))
        late = self._flights[TARGET].to_numpy()
        labels = [
            Label(prediction_id=self._ids[place], label=int(late[place]))
            for place in range(self._labelled, end)
        ]
        if labels:
            self._monitoring.push_labels(self._endpoint, labels)
        told, self._labelled = end - self._labelled, end
        return told

    def monitor_has_seen(self, status: EndpointMonitoring) -> bool:
        """Whether everything that was sent and labelled has reached the monitor."""
        return status.predictions >= self._sent and status.labels >= self._labelled


def _rows(flights: pd.DataFrame) -> list[dict[str, Any]]:
    """The flights as JSON objects; a missing value is ``None``."""
    features = flights[list(FEATURES)].astype(object)
    records = features.where(features.notna(), None).to_dict("records")
    return cast("list[dict[str, Any]]", records)
