"""Reading a ``platform.yaml``: every fault at once, each with its line."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from northstar.documents import Fault, Place, did_you_mean, parse_document, read_text
from northstar.environments.as_code.checks import fault_of_name
from northstar.environments.as_code.control_plane_settings import fault_of
from northstar.environments.as_code.errors import PlatformFileInvalid
from northstar.environments.as_code.platform_file import FILE_NAME, PlatformFile, StateInAzure
from northstar.environments.policies import REGIONS, TAGS
from northstar.environments.secret_texts import (
    ADVICE,
    in_comments,
    is_secret,
    is_secret_setting,
)
from northstar.errors import NotFound

_LONGEST_SQUAD = 54


def load_platform_file(path: Path) -> PlatformFile:
    """Read a ``platform.yaml``, or the one in a folder.

    Raises ``NotFound``, and ``PlatformFileInvalid`` with every fault, its line and field.
    """
    file = path / FILE_NAME if path.is_dir() else path
    try:
        text = read_text(file, PlatformFileInvalid)
    except FileNotFoundError:
        raise NotFound(
            f"There is no {file}.",
            hint=f"Name it with --file, or start one: northstar env init writes a {FILE_NAME}.",
        ) from None
    if told := [Fault(line, "", f"the comment {ADVICE}") for line in in_comments(text)]:
        raise PlatformFileInvalid(file, told)
    return parse_document(text, file, PlatformFile, _invalid, begins="platform: …", check=_check)


def _invalid(path: Path, faults: Sequence[Fault]) -> PlatformFileInvalid:
    """The error of a file, which does not repeat what is secret in it."""
    said = [replace(one, what=ADVICE) if is_secret(one.what) else one for one in faults]
    return PlatformFileInvalid(path, said)


def _check(file: PlatformFile) -> Iterator[tuple[Place, str]]:
    """What no single field can tell."""
    yield from _regions(file)
    yield from _networks(file)
    yield from _of_one_stage_each(file)
    yield from _settings(file)
    for tag in TAGS:
        if tag != "environment" and tag not in file.tags:  # the stage's name is put in
            yield ("tags",), f"{tag} is missing, so that a resource can be asked about and paid for"
    for name in file.squads:
        yield from _squad(file, name)
    for number, waiver in enumerate(file.waivers):
        if what := fault_of_name(waiver.policy):
            yield ("waivers", number, "policy"), what
    yield from _secrets(file)


def _regions(file: PlatformFile) -> Iterator[tuple[Place, str]]:
    for number, region in enumerate(file.regions):
        if region not in REGIONS:
            known = f"{region} is not one of {', '.join(sorted(REGIONS))}"
            yield ("regions", number), known + did_you_mean(region, REGIONS)
    for name, stage in file.stages.items():
        if stage.region not in file.regions:
            what = f"{stage.region} is not one of regions, which are {', '.join(file.regions)}"
            yield ("stages", name, "region"), what
    if (prod := file.stages.get("prod")) and prod.size == "small":
        yield ("stages", "prod", "size"), "small does not outlive the loss of a zone; use standard"


def _networks(file: PlatformFile) -> Iterator[tuple[Place, str]]:
    networks: dict[str, ipaddress.IPv4Network] = {}
    for name, stage in file.stages.items():
        mine = ipaddress.IPv4Network(stage.addresses)
        for other, network in networks.items():
            if network.overlaps(mine):
                yield ("stages", name, "addresses"), f"{mine} overlaps that of {other}, {network}"
        networks[name] = mine


def _of_one_stage_each(file: PlatformFile) -> Iterator[tuple[Place, str]]:
    """A second stage in the same state would remove the first one."""
    subscriptions: dict[str, str] = {}
    states: dict[str, str] = {}
    for name, stage in file.stages.items():
        if other := subscriptions.get(stage.subscription):
            what = f"is that of {other}; each stage has a subscription of its own"
            yield ("stages", name, "subscription"), what
        subscriptions.setdefault(stage.subscription, name)
        if not isinstance(stage.state, StateInAzure):  # its file has the stage's name
            continue
        blob = f"{stage.state.account}/{stage.state.container}/{stage.state.key}"
        if other := states.get(blob):
            yield ("stages", name, "state"), f"{blob} is the state of {other}; give it its own"
        states.setdefault(blob, name)


def _settings(file: PlatformFile) -> Iterator[tuple[Place, str]]:
    places: list[tuple[Place, dict[str, str]]] = [(("settings",), file.settings)]
    places += [(("stages", name, "settings"), one.settings) for name, one in file.stages.items()]
    for place, settings in places:
        for name in settings:
            if what := fault_of(name):
                yield (*place, name), what


def _squad(file: PlatformFile, name: str) -> Iterator[tuple[Place, str]]:
    """Azure takes its name, it names stages that there are, and has an amount for each of them."""
    section, here = file.squads[name], ("squads", name)
    if not 3 <= len(name) <= _LONGEST_SQUAD:
        yield here, f"a squad's name has 3 to {_LONGEST_SQUAD} letters, for Azure's sake"
    yield from _known(section.stages, tuple(file.stages), "the platform", (*here, "stages"))
    stages = section.stages or tuple(file.stages)
    for project, endpoint in section.endpoints.items():
        place = (*here, "endpoints", project)
        yield from _known(endpoint.stages, stages, "its squad", (*place, "stages"))
        if (other := endpoint.client.removeprefix("service:").rpartition("/")[0]) not in ("", name):
            yield (*place, "client"), f"is a service of squad {other}; name one of {name}'s own"
    monthly = section.budget.monthly
    for stage in stages:
        if isinstance(monthly, Mapping) and stage not in monthly:
            yield (*here, "budget", "monthly"), f"no amount for {stage}"


def _known(
    named: tuple[str, ...] | None, stages: tuple[str, ...], whose: str, place: Place
) -> Iterator[tuple[Place, str]]:
    for number, stage in enumerate(named or ()):
        if stage not in stages:
            there = f"there is no stage {stage}; {whose} is in {', '.join(stages)}"
            yield (*place, number), there


def _secrets(file: PlatformFile) -> Iterator[tuple[Place, str]]:
    """The file is read by everybody who reviews it."""
    for place, value in _texts(file.model_dump(mode="json"), ()):
        setting = "settings" in place and is_secret_setting(str(place[-1]), value)
        if setting or is_secret(value):
            yield place, ADVICE


def _texts(value: Any, place: Place) -> Iterator[tuple[Place, str]]:
    if isinstance(value, str):
        yield place, value
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _texts(inner, (*place, str(key)))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _texts(inner, (*place, number))
