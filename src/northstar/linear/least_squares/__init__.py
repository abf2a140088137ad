"""Solving least squares: one file per solver, all fed by the same small triangle."""
