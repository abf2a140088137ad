"""Minimising: what is minimised (losses, penalties, the objective), and one file per solver."""
