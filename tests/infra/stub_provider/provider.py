"""A provider that knows azurerm's schema and talks to nobody.

``python -m tests.infra.stub_provider.provider FOLDER SOCKET`` serves it until the process ends. One
process serves every Terraform that finds it in ``TF_REATTACH_PROVIDERS``: an import of gRPC takes
longer than what Terraform asks.

validate  read-only attributes, values off their documented list, ids of the wrong shape; what the
          schema itself forbids, Terraform finds
plan      the proposed state with documented defaults, what is computed being unknown
apply     every unknown becomes a fake, the same one each time; what holds a name below fails
read      the state as it is; data sources are faked from their configuration
"""

from __future__ import annotations

import functools
import json
import os
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import msgpack

from northstar.terraform.protocol.messages import message_classes
from northstar.terraform.protocol.server import PROTOCOL, Method
from northstar.terraform.values import UNKNOWN
from tests.infra.stub_provider.fakes import Block, Faker, elements

FAILS, SLOW = "fails.stub.invalid", "slow.stub.invalid"
"""What has one of these for a value can't be made; the second only fails when it is stopped."""

_PATIENCE_SECONDS = 60
_ERROR = 1
_THREADS = 10  # as many as Terraform works on at a time
_CHECKED = "The offline stub compares with the provider's documentation."
_MESSAGES = message_classes()


class StubProvider:
    """The provider, as Terraform calls it.

    Args:
        folder: where ``build.py`` put ``index.json``, ``types.json`` and ``schema.pb``.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._index = json.loads((folder / "index.json").read_bytes())
        self._stopped = threading.Event()

    def methods(self) -> dict[str, Method]:
        """Every method by its name in the protocol."""
        answers: dict[str, Callable[[Any], dict[str, Any]]] = {
            "ValidateProviderConfig": self._validate_provider,
            "ConfigureProvider": lambda _: {},
            "ValidateResourceConfig": self._validate,
            "ValidateDataResourceConfig": lambda _: {},
            "UpgradeResourceState": self._upgrade,
            "ReadResource": lambda request: {"new_state": request.current_state},
            "PlanResourceChange": self._plan,
            "ApplyResourceChange": self._apply,
            "ImportResourceState": self._import,
            "ReadDataSource": self._read_data,
            "StopProvider": self._stop,
        }
        return {
            "GetProviderSchema": (
                lambda _: (self._folder / "schema.pb").read_bytes(),
                _MESSAGES["GetProviderSchemaRequest"],
                _Serialized,
            ),
            **{name: _method(name, answer) for name, answer in answers.items()},
        }

    def _validate_provider(self, request: Any) -> dict[str, Any]:
        if len(_decode(request.config).get("features") or []) == 1:
            return {}
        detail = 'At least 1 "features" blocks are required.'
        return {"diagnostics": [_diagnostic("Insufficient features blocks", detail, ("features",))]}

    def _validate(self, request: Any) -> dict[str, Any]:
        block = self._block("resources", request.type_name)
        return {"diagnostics": list(_problems(block, _decode(request.config)))}

    def _upgrade(self, request: Any) -> dict[str, Any]:
        block, state = (
            self._block("resources", request.type_name),
            json.loads(request.raw_state.json),
        )
        return {"upgraded_state": _encode({**_empty(block), **state})}

    def _plan(self, request: Any) -> dict[str, Any]:
        before, after = _decode(request.prior_state), _decode(request.proposed_new_state)
        if after is None:
            return {"planned_state": request.proposed_new_state}
        block = self._block("resources", request.type_name)
        return {
            "planned_state": _encode(_planned(block, after)),
            "requires_replace": [_path((name,)) for name in _replacing(block, before or {}, after)],
            "legacy_type_system": True,
        }

    def _apply(self, request: Any) -> dict[str, Any]:
        state = _decode(request.planned_state)
        values = [] if state is None else list(state.values())
        if SLOW in values:
            self._stopped.clear()
            self._stopped.wait(_PATIENCE_SECONDS)
        if SLOW in values or FAILS in values:
            problem = _diagnostic("Azure says no.", "As it was asked to.", ())
            return {"new_state": request.prior_state, "diagnostics": [problem]}
        if state is not None:
            self._fake("resources", request.type_name, state)
        return {"new_state": _encode(state), "legacy_type_system": True}

    def _stop(self, _request: Any) -> dict[str, Any]:
        self._stopped.set()
        return {}

    def _import(self, request: Any) -> dict[str, Any]:
        block, parts = self._block("resources", request.type_name), request.id.strip("/").split("/")
        state = _empty(block)
        above = dict(zip((key.lower() for key in parts[0::2]), parts[1::2], strict=False))
        known = {"id": request.id, "name": parts[-1]}
        known["resource_group_name"] = above.get("resourcegroups", "")
        state.update({name: value for name, value in known.items() if name in state and value})
        self._fake("resources", request.type_name, state)
        imported = _MESSAGES["ImportedResource"](type_name=request.type_name, state=_encode(state))
        return {"imported_resources": [imported]}

    def _read_data(self, request: Any) -> dict[str, Any]:
        value = self._fake("data_sources", request.type_name, _decode(request.config))
        return {"state": _encode(value)}

    def _fake(self, kind: str, type_name: str, value: dict[str, Any]) -> dict[str, Any]:
        block = self._block(kind, type_name)
        return Faker(type_name, block.get("arm_id", ""), value).fill(block, value)

    @functools.cache  # noqa: B019 - one provider a process
    def _block(self, kind: str, type_name: str) -> Block:
        start, end = self._index[f"{kind}/{type_name}"]
        with (self._folder / "types.json").open("rb") as types:
            types.seek(start)
            block: Block = json.loads(types.read(end - start))
        return block


def main(folder: Path, socket: Path) -> None:
    """Serve until the process ends; once it does, say what ``TF_REATTACH_PROVIDERS`` has to be."""
    methods = {name: _handler(*one) for name, one in StubProvider(folder).methods().items()}
    service = grpc.method_handlers_generic_handler(f"tfplugin{PROTOCOL}.Provider", methods)
    server = grpc.server(ThreadPoolExecutor(_THREADS))
    server.add_generic_rpc_handlers((service,))
    server.add_insecure_port(f"unix:{socket}")
    server.start()
    reattach = {
        "registry.terraform.io/hashicorp/azurerm": {
            "Protocol": "grpc",
            "ProtocolVersion": PROTOCOL,
            "Pid": os.getpid(),
            "Test": True,
            "Addr": {"Network": "unix", "String": str(socket)},
        }
    }
    sys.stdout.write(json.dumps(reattach) + "\n")
    sys.stdout.flush()
    server.wait_for_termination()


def _handler(answer: Callable[[Any], Any], request: Any, response: Any) -> Any:
    return grpc.unary_unary_rpc_method_handler(
        lambda message, _context: answer(message),
        request_deserializer=request.FromString,
        response_serializer=response.SerializeToString,
    )


class _Serialized:
    """An answer that is bytes already."""

    SerializeToString = staticmethod(lambda data: data)


def _method(name: str, answer: Callable[[Any], dict[str, Any]]) -> Method:
    request, response = _MESSAGES[f"{name}Request"], _MESSAGES[f"{name}Response"]
    return (lambda message: response(**answer(message)), request, response)


def _empty(block: Block) -> dict[str, Any]:
    """A resource of which nothing is known."""
    nested = block["blocks"].items()
    single: dict[str, Any] = {
        name: None if one["nesting"] == "single" else [] for name, one in nested
    }
    return {**dict.fromkeys(block["attributes"]), **single}


def _planned(block: Block, value: dict[str, Any]) -> dict[str, Any]:
    for name, attribute in block["attributes"].items():
        if attribute.get("write_only"):
            value[name] = None
        elif value.get(name) is None:
            if "computed" in attribute["mode"]:
                value[name] = UNKNOWN
            elif "default" in attribute:
                value[name] = attribute["default"]
    for name, nested in block["blocks"].items():
        for _, item in elements(value.get(name)):
            _planned(nested["block"], item)
    return value


def _problems(block: Block, value: dict[str, Any], path: tuple[Any, ...] = ()) -> Iterator[Any]:
    for name, attribute in block["attributes"].items():
        given, where = value.get(name), (*path, name)
        full = ".".join(map(str, where))
        if attribute["mode"] == "computed" and given is not None:
            detail = f'Can\'t configure a value for "{full}": it will be decided automatically.'
            yield _diagnostic("Value for unconfigurable attribute", detail, where)
        if not isinstance(given, str):
            continue
        if given not in attribute.get("values", [given]):
            summary = f"expected {full} to be one of {attribute['values']}, got {given}"
            yield _diagnostic(summary, _CHECKED, where)
        if "arm_id" in attribute and _shape(given) != _shape(attribute["arm_id"]):
            summary = f"expected {full} to be an id such as {attribute['arm_id']}, got {given}"
            yield _diagnostic(summary, _CHECKED, where)
    for name, nested in block["blocks"].items():
        for place, item in elements(value.get(name)):
            # An element of a set has no number by which Terraform could find it.
            numbered = place is not None and nested["nesting"] == "list"
            step = (*path, name, place) if numbered else (*path, name)
            yield from _problems(nested["block"], item, step)


def _shape(arm_id: str) -> tuple[list[str], list[str]]:
    """What two ARM ids of one type of resource have in common."""
    parts = arm_id.strip("/").lower().split("/")
    pairs = zip(parts[0::2], parts[1::2], strict=False)
    return parts[0::2], [name for key, name in pairs if key == "providers"]


def _replacing(block: Block, before: dict[str, Any], after: dict[str, Any]) -> Iterator[str]:
    for name, item in (*block["attributes"].items(), *block["blocks"].items()):
        if item.get("force_new") and before.get(name) not in (None, after.get(name)):
            yield name


def _decode(value: Any) -> Any:
    if value.msgpack:
        return msgpack.unpackb(value.msgpack, raw=False, strict_map_key=False)
    return json.loads(value.json) if value.json else None


def _encode(value: Any) -> Any:
    return _MESSAGES["DynamicValue"](msgpack=msgpack.packb(value))


def _diagnostic(summary: str, detail: str, path: tuple[Any, ...]) -> Any:
    return _MESSAGES["Diagnostic"](
        severity=_ERROR, summary=summary, detail=detail, attribute=_path(path)
    )


def _path(names: tuple[Any, ...]) -> Any:
    step = _MESSAGES["AttributePathStep"]
    steps = [
        step(element_key_int=name) if isinstance(name, int) else step(attribute_name=name)
        for name in names
    ]
    return _MESSAGES["AttributePath"](steps=steps)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
