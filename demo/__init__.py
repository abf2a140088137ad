"""The demo: a year of real flights on the paved road, through the public surface only."""
