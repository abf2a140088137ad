"""The reference of the Terraform provider, from its table of resources."""

from __future__ import annotations

from collections.abc import Iterable

from northstar.terraform.install import SOURCE
from northstar.terraform.provider import SETTINGS
from northstar.terraform.resources import KINDS, Kind
from northstar.terraform.schema import Attribute, described
from northstar.terraform.values import to_json

_MODES = {
    "required": "required",
    "optional": "optional",
    "defaulted": "optional",
    "computed": "read only",
}
_HEAD = f"""# Terraform provider

Generated from the code by `make docs`. How to use it:
[Governing with Terraform](../how-to/governing-with-terraform.md).

Its source is `{SOURCE}`; `northstar terraform install` makes it known
to Terraform. It speaks plugin protocol 6 (Terraform 1.0 and later).

A resource is what the API of the platform shows: its attributes are the fields of the API's model,
with the model's constraints, which `terraform validate` checks without a platform. Every kind is a
data source, too: what stands in its import id is required, the rest is read.
"""
_WHO = """What is not set is taken from the environment. In a pipeline whose tokens are trusted,
the client id is enough.
"""


def page() -> str:
    """The whole page."""
    resources = [kind for kind in KINDS if kind.collection]
    sources = [kind for kind in KINDS if not kind.collection]
    parts = [
        _HEAD,
        '## The block `provider "northstar"`\n',
        _WHO,
        _table(SETTINGS),
        "## Resources\n",
        *(_resource(kind) for kind in resources),
        "## Data sources only\n",
        *(_source(kind) for kind in sources),
    ]
    return "\n".join(parts)


def _resource(kind: Kind) -> str:
    import_id = "/".join(name.upper() for name in kind.identity) or "anything"
    changed = "can't be changed" if kind.kept else "another value makes a new one"
    ends = f"It can't be destroyed: {kind.kept}." if kind.kept else ""
    told = "\n".join(part for part in (kind.about, kind.note, ends) if part)
    parts = [
        f"### `{kind.type_name}`\n",
        told + "\n",
        _table(kind.attributes, kind.replacing, changed),
        f"Import: `terraform import {kind.type_name}.NAME {import_id}`\n",
    ]
    return "\n".join(parts)


def _source(kind: Kind) -> str:
    told = f"{kind.about}\n{kind.note}".strip()
    return "\n".join([f"### `{kind.type_name}`\n", told + "\n", _table(kind.looked_up)])


def _table(
    attributes: Iterable[Attribute], replacing: Iterable[str] = (), changed: str = ""
) -> str:
    lines = ["| attribute | type | | about |", "|---|---|---|---|"]
    for one in attributes:
        how = _MODES[one.mode]
        if one.mode == "defaulted":
            how += f", `{_written(one.default)}` if not set"
        if one.name in replacing:
            how += f"; {changed}"
        if one.sensitive:
            how += "; sensitive"
        lines.append(f"| `{one.name}` | {described(one.type)} | {how} | {one.description} |")
    return "\n".join(lines) + "\n"


def _written(default: object) -> str:
    value = to_json(default)
    if isinstance(value, str):
        return f'"{value}"'
    return str(value).lower() if isinstance(value, bool) else str(value)
