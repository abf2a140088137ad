"""An ordinary script: python train.py flights.csv. It knows MLflow, and nothing of Northstar."""

import sys

import mlflow
import pandas as pd
from sklearn.ensemble import RandomForestClassifier

mlflow.autolog()

flights = pd.read_csv(sys.argv[1])
features = flights[["hour", "distance", "busy"]].astype(float)
forest = RandomForestClassifier(n_estimators=60, min_samples_leaf=50, random_state=0)
forest.fit(features, flights["delayed"])
