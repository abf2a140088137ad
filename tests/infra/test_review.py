"""What reviews know of azurerm's resources is as azurerm's schema says."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from northstar.environments.as_code.changes import PROVIDERS_OWN
from northstar.environments.policies import KNOWN_TYPES
from tests.infra.folder import PLATFORM, Folder

Schema = Mapping[str, Any]


def test_lists_that_no_configuration_can_set_are_known_as_such(folder: Folder) -> None:
    folder.prepare(PLATFORM)
    said = json.loads(folder.run(PLATFORM, "providers", "schema", "-json").stdout)
    (provider,) = (one for name, one in said["provider_schemas"].items() if "azurerm" in name)
    used = {kind: provider["resource_schemas"][kind]["block"] for kind in KNOWN_TYPES}
    own = {kind.partition("_")[2]: dict(_providers_own(block)) for kind, block in used.items()}
    for kind in own.keys() & PROVIDERS_OWN.keys():
        assert set(PROVIDERS_OWN[kind]) <= set(own[kind]), kind
    missing = {
        (kind, path)
        for kind, paths in own.items()
        for path, several in paths.items()
        if several and path not in PROVIDERS_OWN.get(kind, ())
    }
    assert missing == set()


def _providers_own(block: Schema, way: str = "") -> Iterator[tuple[str, bool]]:
    """The attributes that only the provider sets, and whether they are more than one value."""
    for name, one in block.get("attributes", {}).items():
        if one.get("computed") and not one.get("optional"):
            yield f"{way}{name}", not isinstance(one["type"], str)
    for name, inner in block.get("block_types", {}).items():
        yield from _providers_own(inner["block"], f"{way}{name}.")
