"""The estimators: what is fitted, by which solver, and what is left after the fit."""
