"""Solving least squares: one file per solver, all fed by the same small triangle.

``triangle`` is what rows are reduced to, ``tsqr`` how, block by block. ``householder`` is the same
written by hand, with the rank; ``cholesky`` the fast and fragile way, ``svd`` the way for columns
that depend on each other, ``refinement`` (with ``exact_gram`` and ``double_double``) the way to the
last digit. ``solvers`` chooses.
"""
