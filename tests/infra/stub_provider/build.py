"""Makes what the stub provider serves: azurerm's schema, and what its documentation adds."""

from __future__ import annotations

import fcntl
import hashlib
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from northstar.terraform.protocol.messages import message_classes
from tests.infra.stub_provider.bindings import read_schema
from tests.infra.stub_provider.documentation import annotate

_SERVICES = (
    "app_configuration",
    "application_insights",
    "client_config",
    "consumption",
    "container_",
    "federated_identity",
    "key_vault",
    "log_analytics",
    "machine_learning",
    "monitor_",
    "mssql_",
    "nat_gateway",
    "network_security",
    "postgresql_",
    "private_",
    "public_ip",
    "resource_group",
    "role_",
    "route_table",
    "storage_",
    "subnet",
    "user_assigned_identity",
    "virtual_network",
)
"""How the types begin that the stub has; with all 1,127 every command takes 0.3 s longer."""

_HERE = Path(__file__).resolve().parent
_KINDS = ("resources", "data_sources")
_NESTING = {"single": 1, "list": 2, "set": 3, "map": 4}
_PATIENCE_SECONDS = 600


def build(cache: Path) -> Path:
    """The folder with the stub's data; made in ``cache`` if need be.

    Takes 7 seconds, and the time for downloading 53 MB of wheels from the package index. Of several
    processes one makes it, and the others wait.
    """
    folder = cache / _digest()
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "index.json").is_file():
            _make(folder)
    return folder


def _make(folder: Path) -> None:
    with tempfile.TemporaryDirectory() as wheels:
        bindings, documentation = _wheels(Path(wheels))
        schema = read_schema(bindings)
        annotate(schema, documentation)
    for kind in _KINDS:
        schema[kind] = {
            name: block
            for name, block in schema[kind].items()
            if name.removeprefix("azurerm_").startswith(_SERVICES)
        }
    _write_schema(schema, folder)


def _digest() -> str:
    """Of everything that the data is made from, so that a change makes it anew."""
    known = hashlib.sha256()
    names = ("requirements.txt", "build.py", "bindings.py", "documentation.py")
    for file in (*(_HERE / name for name in names), Path(message_classes.__code__.co_filename)):
        known.update(file.read_bytes())
    return known.hexdigest()[:16]


def _wheels(folder: Path) -> list[Path]:
    command = ["pip", "download", "--quiet", "--no-deps", "--only-binary=:all:", "--require-hashes"]
    names = ["--dest", str(folder), "--requirement", str(_HERE / "requirements.txt")]
    subprocess.run([sys.executable, "-m", *command, *names], check=True, timeout=_PATIENCE_SECONDS)
    wanted = ("cdktf_cdktf_provider_azurerm-*.whl", "pulumi_azure-*.whl")
    return [next(folder.glob(pattern)) for pattern in wanted]


def _write_schema(schema: dict[str, Any], folder: Path) -> None:
    """``schema.pb``: the answer to Terraform; ``types.json`` and ``index.json``: what is read."""
    messages = message_classes()
    answer = messages["GetProviderSchemaResponse"](
        provider=messages["Schema"](block=_message(messages, schema["provider"])),
        server_capabilities=messages["ServerCapabilities"](get_provider_schema_optional=True),
        **{
            f"{kind[:-1]}_schemas": [
                messages["NamedSchema"](
                    key=name, value=messages["Schema"](block=_message(messages, block))
                )
                for name, block in schema[kind].items()
            ]
            for kind in _KINDS
        },
    )
    (folder / "schema.pb").write_bytes(answer.SerializeToString())
    index, position = {}, 0
    with (folder / "types.json").open("wb") as types:
        for kind in _KINDS:
            for name, block in sorted(schema[kind].items()):
                text = json.dumps(block, separators=(",", ":")).encode() + b"\n"
                types.write(text)
                index[f"{kind}/{name}"] = [position, position + len(text)]
                position += len(text)
    (folder / "index.json").write_text(json.dumps(index))


def _message(messages: dict[str, Any], block: dict[str, Any]) -> Any:
    attributes = [
        messages["SchemaAttribute"](
            name=name,
            type=json.dumps(one["type"], separators=(",", ":")).encode(),
            required=one["mode"] == "required",
            optional="optional" in one["mode"],
            computed="computed" in one["mode"],
            sensitive=one.get("sensitive", False),
            write_only=one.get("write_only", False),
        )
        for name, one in sorted(block["attributes"].items())
    ]
    blocks = [
        messages["SchemaNestedBlock"](
            type_name=name,
            block=_message(messages, nested["block"]),
            nesting=_NESTING[nested["nesting"]],
            min_items=nested["min"],
            max_items=nested["max"],
        )
        for name, nested in sorted(block["blocks"].items())
    ]
    return messages["SchemaBlock"](attributes=attributes, block_types=blocks)
