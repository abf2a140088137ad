"""``python -m northstar`` is the command line."""

from northstar.cli import main

main()
