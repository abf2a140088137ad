"""The routing table: which model answers which request. Immutable; a new spec makes a new one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

from northstar.errors import Invalid
from northstar.flags.domain import CompiledFlag, compile_flag
from northstar.names import EndpointRef
from northstar.serving.dataplane.auth import TokenCheck
from northstar.serving.dataplane.questions import Columns
from northstar.serving.dataplane.runtimes.interface import Runtime
from northstar.serving.domain import EndpointSpec, ModelSpec, variant_name
from northstar.serving.errors import ModelBroken, NotReady

Protocol = Literal["oip", "invocations"]
Loader = Callable[[ModelSpec], Runtime]


@dataclass(frozen=True)
class LoadedModel:
    """A model version that is ready to answer."""

    spec: ModelSpec
    variant: str
    runtime: Runtime
    columns: Columns


class Route(NamedTuple):
    """Where a ``POST`` leads: a protocol, and a model if the path names its version."""

    protocol: Protocol
    model: LoadedModel | None


class RoutingTable:
    """Everything that one revision of the spec says about answering.

    Args:
        spec: what the control plane wants.
        models: the loaded models, by version.

    Raises:
        Invalid: the spec's flag can assign a variant that none of the models stands for.
    """

    def __init__(self, spec: EndpointSpec, models: Mapping[int, LoadedModel]) -> None:
        self.revision = spec.revision
        self.endpoint = EndpointRef.parse(spec.endpoint)
        self.models = dict(models)
        self.check_token = TokenCheck(spec.access)
        self._by_variant = {model.variant: model for model in models.values()}
        self._flag: CompiledFlag | None = compile_flag(spec.flag) if models else None
        self._only: LoadedModel | None = None
        if self._flag is not None:
            named = {str(variant["name"]) for variant in spec.flag.get("variants", ())}
            unknown = named - set(self._by_variant)
            if unknown:
                raise Invalid(f"{spec.endpoint}: no model for {', '.join(sorted(unknown))}.")
            if not _splits(spec.flag):
                self._only = self._by_variant.get(self._flag.assign().variant or "")
        self.posts = self._post_routes()

    def choose(self, user: str) -> LoadedModel:
        """The model that answers ``user``; raises ``NotReady`` if there is none."""
        if self._only is not None:
            return self._only
        variant = self._flag.assign(user).variant if self._flag else None
        model = self._by_variant.get(variant) if variant else None
        if model is None:
            raise NotReady(f"{self.endpoint} has no model to answer with yet.")
        return model

    def _post_routes(self) -> dict[str, Route]:
        name = self.endpoint.project
        routes = {
            "/invocations": Route("invocations", None),
            f"/v2/models/{name}/infer": Route("oip", None),
        }
        for version, model in self.models.items():
            routes[f"/v2/models/{name}/versions/{version}/infer"] = Route("oip", model)
        return routes


def load_table(spec: EndpointSpec, load: Loader, known: RoutingTable | None) -> RoutingTable:
    """Load what ``spec`` wants; models that ``known`` holds already are taken over.

    Raises:
        ModelBroken: a model cannot be loaded or is not what the spec says; nothing has changed.
    """
    models: dict[int, LoadedModel] = {}
    for wanted in spec.models:
        held = known.models.get(wanted.version) if known else None
        if held is not None and held.spec == wanted:
            models[wanted.version] = held
            continue
        runtime = load(wanted)
        _check_agreement(wanted, runtime)
        models[wanted.version] = LoadedModel(
            spec=wanted,
            variant=variant_name(wanted.version),
            runtime=runtime,
            columns=Columns(runtime.facts.columns),
        )
    return RoutingTable(spec, models)


def model_path(models: Path, digest: str) -> Path:
    """Where a state folder keeps the model of this digest."""
    return models / digest.removeprefix("sha256:")


def _splits(flag: Mapping[str, Any]) -> bool:
    """Whether a flag can send two users different ways."""
    allocation = flag.get("allocation") or {}
    shares = allocation.get("percentile") or ()
    filters = (flag.get("conditions") or {}).get("client_filters")
    return bool(len(shares) > 1 or allocation.get("user") or allocation.get("group") or filters)


def _check_agreement(wanted: ModelSpec, runtime: Runtime) -> None:
    facts = runtime.facts
    if facts.task != wanted.task:
        raise ModelBroken(
            f"Version {wanted.version} is registered as {wanted.task}, "
            f"but its model folder holds a {facts.task} model."
        )
    registered = {column.name for column in wanted.columns}
    held = {column.name for column in facts.columns}
    if registered and registered != held:
        different = ", ".join(sorted(registered ^ held)[:10])
        raise ModelBroken(f"Version {wanted.version}: the columns differ in {different}.")
