"""The methods of ``tfplugin6.Provider``: messages in, the provider's answers, messages out."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable
from typing import Any

from northstar.errors import Failed, NorthstarError
from northstar.terraform.protocol.messages import message_classes
from northstar.terraform.protocol.server import Method
from northstar.terraform.provider import SETTINGS, Problem, Provider
from northstar.terraform.resources import Kind
from northstar.terraform.schema import Attribute, object_type
from northstar.terraform.values import decode, decode_json, encode

log = logging.getLogger(__name__)

_ERROR, _WARNING = 1, 2
_METHODS = (
    "GetProviderSchema",
    "ValidateProviderConfig",
    "ValidateResourceConfig",
    "ValidateDataResourceConfig",
    "UpgradeResourceState",
    "ConfigureProvider",
    "ReadResource",
    "PlanResourceChange",
    "ApplyResourceChange",
    "ImportResourceState",
    "ReadDataSource",
    "StopProvider",
)


class Service:
    """The provider as Terraform calls it.

    Errors become diagnostics: the message is the summary, the hint the detail.
    """

    def __init__(self, provider: Provider) -> None:
        self._provider = provider
        self.messages = message_classes()
        self._settings = object_type(SETTINGS)

    def methods(self) -> dict[str, Method]:
        """Every method by its name in the protocol."""
        return {
            name: (
                self._guarded(name),
                self.messages[f"{name}Request"],
                self.messages[f"{name}Response"],
            )
            for name in _METHODS
        }

    def get_provider_schema(self, _request: Any) -> dict[str, Any]:
        kinds = self._provider.kinds.values()
        return {
            "provider": self._schema("The governance of a Northstar platform.", SETTINGS),
            "resource_schemas": [
                self._named(kind, kind.attributes) for kind in kinds if kind.collection
            ],
            "data_source_schemas": [self._named(kind, kind.looked_up) for kind in kinds],
            "server_capabilities": self.messages["ServerCapabilities"](
                plan_destroy=True, get_provider_schema_optional=True
            ),
        }

    def validate_provider_config(self, _request: Any) -> dict[str, Any]:
        return {}

    def configure_provider(self, request: Any) -> dict[str, Any]:
        self._provider.configure(_value(request.config, self._settings))
        return {}

    def validate_resource_config(self, request: Any) -> dict[str, Any]:
        kind = self._kind(request)
        problems = self._provider.validate(kind, _value(request.config, kind.object_type))
        return {"diagnostics": [self._diagnostic(one) for one in problems]}

    def validate_data_resource_config(self, _request: Any) -> dict[str, Any]:
        return {}

    def upgrade_resource_state(self, request: Any) -> dict[str, Any]:
        state = decode_json(request.raw_state.json, self._kind(request).object_type)
        return {"upgraded_state": self._dynamic(state)}

    def read_resource(self, request: Any) -> dict[str, Any]:
        kind = self._kind(request)
        found = self._provider.read(kind, _value(request.current_state, kind.object_type))
        return {"new_state": self._dynamic(found)}

    def plan_resource_change(self, request: Any) -> dict[str, Any]:
        kind = self._kind(request)
        prior = _value(request.prior_state, kind.object_type)
        # Without a proposed state the object shall go; what is proposed is made of the
        # configuration, which tells what is not set apart from what is as before.
        goes = _value(request.proposed_new_state, kind.object_type) is None
        config = None if goes else _value(request.config, kind.object_type)
        plan = self._provider.plan(kind, prior, config)
        return {
            "planned_state": self._dynamic(plan.state),
            "requires_replace": [self._path(name) for name in plan.replacing],
            "diagnostics": [self._diagnostic(one) for one in plan.problems],
        }

    def apply_resource_change(self, request: Any) -> dict[str, Any]:
        kind = self._kind(request)
        prior, planned = (
            _value(one, kind.object_type) for one in (request.prior_state, request.planned_state)
        )
        try:
            return {"new_state": self._dynamic(self._provider.apply(kind, prior, planned))}
        except Exception as error:  # noqa: BLE001 - without a state Terraform forgets the object
            return {"new_state": self._dynamic(prior), "diagnostics": [self._told(error)]}

    def import_resource_state(self, request: Any) -> dict[str, Any]:
        state = self._provider.adopt(self._kind(request), request.id)
        imported = self.messages["ImportedResource"](
            type_name=request.type_name, state=self._dynamic(state)
        )
        return {"imported_resources": [imported]}

    def read_data_source(self, request: Any) -> dict[str, Any]:
        kind = self._kind(request)
        config = _value(request.config, object_type(kind.looked_up))
        return {"state": self._dynamic(self._provider.look_up(kind, config))}

    def stop_provider(self, _request: Any) -> dict[str, Any]:
        return {}

    def _guarded(self, name: str) -> Callable[[Any], Any]:
        own = "".join(f"_{c.lower()}" if c.isupper() else c for c in name).lstrip("_")
        function, response = getattr(self, own), self.messages[f"{name}Response"]

        def answer(request: Any) -> Any:
            try:
                return response(**function(request))
            except Exception as error:  # noqa: BLE001 - whatever it is, Terraform is to tell it
                return response(diagnostics=[self._told(error)])

        return answer

    def _kind(self, request: Any) -> Kind:
        return self._provider.kinds[request.type_name]

    def _named(self, kind: Kind, attributes: Iterable[Attribute]) -> Any:
        about = f"{kind.about} {kind.note}".strip()
        schema = self._schema(about, attributes)
        return self.messages["NamedSchema"](key=kind.type_name, value=schema)

    def _schema(self, about: str, attributes: Iterable[Attribute]) -> Any:
        of_block = [self._attribute(one) for one in sorted(attributes, key=lambda one: one.name)]
        block = self.messages["SchemaBlock"](attributes=of_block, description=about)
        return self.messages["Schema"](block=block)

    def _attribute(self, attribute: Attribute) -> Any:
        return self.messages["SchemaAttribute"](
            name=attribute.name,
            type=json.dumps(attribute.type).encode(),
            description=attribute.description,
            required=attribute.mode == "required",
            optional=attribute.mode in ("optional", "defaulted"),
            computed=attribute.mode in ("computed", "defaulted"),
            sensitive=attribute.sensitive,
        )

    def _told(self, error: Exception) -> Any:
        if isinstance(error, NorthstarError):
            return self._diagnostic(Problem(error))
        log.error("The provider failed", exc_info=error)
        defect = Failed(
            f"The provider failed: {type(error).__name__}: {error}",
            hint="This is a defect of Northstar; TF_LOG=debug shows where.",
        )
        return self._diagnostic(Problem(defect))

    def _diagnostic(self, problem: Problem) -> Any:
        about = {"attribute": self._path(problem.attribute)} if problem.attribute else {}
        return self.messages["Diagnostic"](
            severity=_WARNING if problem.is_warning else _ERROR,
            summary=problem.error.message,
            detail=problem.error.hint,
            **about,
        )

    def _path(self, attribute: str) -> Any:
        step = self.messages["AttributePathStep"](attribute_name=attribute)
        return self.messages["AttributePath"](steps=[step])

    def _dynamic(self, value: Any) -> Any:
        return self.messages["DynamicValue"](msgpack=encode(value))


def _value(dynamic: Any, kind: Any) -> Any:
    return decode_json(dynamic.json, kind) if dynamic.json else decode(dynamic.msgpack, kind)
