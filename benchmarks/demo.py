"""The demo: how long it takes, and what share of the avoidable loss was not avoided.

``--quick`` replays one week. That shows that the demo works; it is not the
figure, so both keys are then ``null`` and what was measured stands in the details.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.harness import Result, main

_QUICK = ("--until", "2013-04-08")


def measure(quick: bool) -> Result:
    """Run the demo once, as a person would."""
    with tempfile.TemporaryDirectory(prefix="northstar-demo-") as folder:
        command = [sys.executable, "-m", "demo", "--folder", folder, *(_QUICK if quick else ())]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        found = json.loads((Path(folder) / "demo.json").read_text())
    keys = ("minutes", "undetected_loss_share")
    return Result({key: None if quick else found[key] for key in keys}, found)


if __name__ == "__main__":
    main("demo", measure)
