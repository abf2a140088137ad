"""``python -m demo``: the whole story on a year of real flights, in about four minutes."""

from __future__ import annotations

import json
import time
from pathlib import Path

import click

from demo.people import Platform
from demo.story import Story


@click.command()
@click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(".demo"),
    show_default=True,
    help="Where the demo works; its platform is made anew at every run.",
)
@click.option("--until", default="2014-01-01", show_default=True, help="Where the replay ends.")
@click.option("--airport", "airports", multiple=True, help="Only flights from here (repeatable).")
def main(folder: Path, until: str, airports: tuple[str, ...]) -> None:
    """Train, release, serve, watch, retrain: April to December 2013, in order of departure."""
    began = time.monotonic()
    folder = folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    platform = Platform(folder)
    try:
        story = Story(platform, folder, until, list(airports))
        story.prologue()
        story.first_release()
        story.the_year()
        outcome = story.epilogue()
    finally:
        platform.stop()
    minutes = (time.monotonic() - began) / 60
    result = {
        "minutes": minutes,
        "undetected_loss_share": outcome.undetected_loss_share,
        "unprotected": {
            "never": outcome.never,
            "monthly": outcome.monthly,
            "northstar": outcome.northstar,
        },
        "events": [f"{e.at:%Y-%m-%d} {e.who}: {e.what}" for e in story.timeline.events],
    }
    (folder / "demo.json").write_text(json.dumps(result, indent=2))
    click.echo(f"\nThe demo took {minutes:.1f} minutes. To look around in what it left:\n")
    click.echo(f"  {_northstar()} up --state {platform.state}\n")
    click.echo("and open the sign-in link that it prints.")


def _northstar() -> str:
    return ".venv/bin/northstar" if Path(".venv/bin/northstar").exists() else "northstar"


if __name__ == "__main__":
    main()
