"""From data to a registered version: the run, its steps and the jobs that repeat it."""
