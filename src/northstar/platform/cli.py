"""``northstar up`` and ``northstar server``."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from northstar.isolation.this_process import (
    hide_secrets,
    keep_files_private,
    private_folder,
)
from northstar.platform.app import create_app
from northstar.platform.database_identity import signing_in_to_databases
from northstar.platform.logs import log_to_stderr
from northstar.platform.settings import SQUADS_CODE, Settings
from northstar.platform.settings_sources import FoundSettings, find_settings
from northstar.platform.telemetry import start_telemetry
from northstar.platform.up import run_embedded, serve
from northstar.platform.wiring import build
from northstar.terminal import emit, json_option, say, table


@click.command()
@click.option(
    "--state",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(".northstar"),
    show_default=True,
    help="The folder that holds everything.",
)
@click.option("--port", type=click.IntRange(0, 65535), help="Where to listen; 0 for any free port.")
def up(state: Path, port: int | None) -> None:
    """Start the whole platform on this machine, in one folder, for this machine only."""

    def announce(url: str, link: str) -> None:
        say(f"Northstar is up at {url}")
        say(f"  sign in:  {link}")
        say(f"  state:    {state}")
        say("  stop:     Ctrl-C")

    run_embedded(state, port, announce)


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), default=8700, show_default=True)
@click.option(
    "--show-settings", is_flag=True, help="Print the settings and where each is from, and stop."
)
def server(host: str, port: int, show_settings: bool) -> None:
    """Start the control plane alone; settings come from the environment, or from Azure App
    Configuration if the environment says where that is.

    It does not start with a store that it can't use. Squads' code (jobs, endpoints) is started as
    users of its own, or not at all, unless the settings say otherwise; or it is left to others.
    """
    if show_settings:
        _show_settings()
        return
    log_to_stderr()
    with _started() as (settings, found), found.watched():
        platform = build(settings, telemetry=start_telemetry())
        platform.storage.check()
        platform.access.limits.check()
        problem = platform.isolation.problem
        if problem and settings.elsewhere != SQUADS_CODE:
            say(f"Warning: {problem}")
        with socket.create_server((host, port), backlog=1024) as listener:
            say(f"The control plane listens on {host}:{listener.getsockname()[1]}")
            serve(create_app(platform), listener)
        platform.close()


@click.command()
@json_option
def bootstrap(as_json: bool) -> None:
    """Make the administrator of a `northstar server`; run it where its settings are.

    Prints a client id and a new secret of user:admin, for `northstar login`, and a sign-in link
    for the pages. Whoever can read the settings can do this at any time; secrets of earlier calls
    end after a day.
    """
    with _started() as (settings, _):
        platform = build(settings)
        client_id, client_secret = platform.access.bootstrap_administrator()
        link = platform.access.sign_in_link(client_id)
        platform.close()
    found = {
        "url": settings.url,
        "client_id": client_id,
        "client_secret": client_secret,
        "sign_in_link": link,
    }
    emit(found, as_json=as_json, text="\n".join(f"{n:<14} {v}" for n, v in found.items()))


def _show_settings() -> None:
    with find_settings() as found:
        rows = found.shown()
    emit(rows, as_json=False, text=table(("setting", "value", "from"), rows))


@contextmanager
def _started() -> Iterator[tuple[Settings, FoundSettings]]:
    """The server's settings; from now on this process keeps them, and what it writes, to itself,
    and signs in to its databases in the block.
    """
    hide_secrets()
    keep_files_private()
    with find_settings() as found:
        settings = Settings.from_environment(found)
        for name in found.unread():
            say(f"Warning: nothing reads {name}, which is in App Configuration.")
        private_folder(settings.state)
        with signing_in_to_databases(settings.signed_in_to):
            yield settings, found
