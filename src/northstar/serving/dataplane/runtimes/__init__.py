"""Loaded models that predict, one file for each kind of model."""
