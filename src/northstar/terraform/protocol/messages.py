"""The messages of Terraform's plugin protocol 6, as far as it is spoken here.

One message a line, ``field:type=number``; the names and numbers are those of ``tfplugin6.proto`` in
Terraform's ``docs/plugin-protocol``. A ``*`` marks a repeated field; a map is, on the wire, a
repeated message of key and value; an enumeration is a number.

The table takes the place of code that ``protoc`` generates: generated code refuses to run with a
protobuf older than the one that it was generated for, and with one of two major versions later.
"""

from __future__ import annotations

import re
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

_PACKAGE = "tfplugin6"
_TABLE = """
Empty
DynamicValue                    msgpack:bytes=1 json:bytes=2
AttributePathStep               attribute_name:string=1 element_key_int:int64=3
AttributePath                   steps:AttributePathStep*=1
Diagnostic                      severity:int32=1 summary:string=2 detail:string=3
                                attribute:AttributePath=4
RawState                        json:bytes=1
SchemaAttribute                 name:string=1 type:bytes=2 description:string=3 required:bool=4
                                optional:bool=5 computed:bool=6 sensitive:bool=7 write_only:bool=11
SchemaBlock                     version:int64=1 attributes:SchemaAttribute*=2
                                block_types:SchemaNestedBlock*=3 description:string=4
SchemaNestedBlock               type_name:string=1 block:SchemaBlock=2 nesting:int32=3
                                min_items:int64=4 max_items:int64=5
Schema                          version:int64=1 block:SchemaBlock=2
NamedSchema                     key:string=1 value:Schema=2
ServerCapabilities              plan_destroy:bool=1 get_provider_schema_optional:bool=2
GetProviderSchemaRequest
GetProviderSchemaResponse       provider:Schema=1 resource_schemas:NamedSchema*=2
                                data_source_schemas:NamedSchema*=3 diagnostics:Diagnostic*=4
                                server_capabilities:ServerCapabilities=6
ValidateProviderConfigRequest   config:DynamicValue=1
ValidateProviderConfigResponse  diagnostics:Diagnostic*=2
ValidateResourceConfigRequest   type_name:string=1 config:DynamicValue=2
ValidateResourceConfigResponse  diagnostics:Diagnostic*=1
ValidateDataResourceConfigRequest   type_name:string=1 config:DynamicValue=2
ValidateDataResourceConfigResponse  diagnostics:Diagnostic*=1
UpgradeResourceStateRequest     type_name:string=1 version:int64=2 raw_state:RawState=3
UpgradeResourceStateResponse    upgraded_state:DynamicValue=1 diagnostics:Diagnostic*=2
ConfigureProviderRequest        terraform_version:string=1 config:DynamicValue=2
ConfigureProviderResponse       diagnostics:Diagnostic*=1
ReadResourceRequest             type_name:string=1 current_state:DynamicValue=2
ReadResourceResponse            new_state:DynamicValue=1 diagnostics:Diagnostic*=2
PlanResourceChangeRequest       type_name:string=1 prior_state:DynamicValue=2
                                proposed_new_state:DynamicValue=3 config:DynamicValue=4
PlanResourceChangeResponse      planned_state:DynamicValue=1 requires_replace:AttributePath*=2
                                diagnostics:Diagnostic*=4 legacy_type_system:bool=5
ApplyResourceChangeRequest      type_name:string=1 prior_state:DynamicValue=2
                                planned_state:DynamicValue=3
ApplyResourceChangeResponse     new_state:DynamicValue=1 diagnostics:Diagnostic*=3
                                legacy_type_system:bool=4
ImportedResource                type_name:string=1 state:DynamicValue=2
ImportResourceStateRequest      type_name:string=1 id:string=2
ImportResourceStateResponse     imported_resources:ImportedResource*=1 diagnostics:Diagnostic*=2
ReadDataSourceRequest           type_name:string=1 config:DynamicValue=2
ReadDataSourceResponse          state:DynamicValue=1 diagnostics:Diagnostic*=2
StopProviderRequest
StopProviderResponse            Error:string=1
"""
_FIELD = re.compile(r"(\w+):(\w+)(\*?)=(\d+)")
_SCALARS = {
    kind: getattr(descriptor_pb2.FieldDescriptorProto, f"TYPE_{kind.upper()}")
    for kind in ("bytes", "string", "bool", "int32", "int64")
}


def message_classes() -> dict[str, Any]:
    """The message classes by name."""
    pool = descriptor_pool.DescriptorPool()
    pool.Add(_file())
    return {
        name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{_PACKAGE}.{name}"))
        for name in _table()
    }


def _file() -> Any:
    file = descriptor_pb2.FileDescriptorProto(name=f"{_PACKAGE}.proto", package=_PACKAGE)
    for name, fields in _table().items():
        message = file.message_type.add(name=name)
        for field, kind, repeated, number in _FIELD.findall(fields):
            label = "LABEL_REPEATED" if repeated else "LABEL_OPTIONAL"
            described = message.field.add(
                name=field,
                number=int(number),
                label=getattr(descriptor_pb2.FieldDescriptorProto, label),
            )
            if kind in _SCALARS:
                described.type = _SCALARS[kind]
            else:
                described.type = descriptor_pb2.FieldDescriptorProto.TYPE_MESSAGE
                described.type_name = f".{_PACKAGE}.{kind}"
    return file


def _table() -> dict[str, str]:
    """The fields of each message; a line that begins with a space goes on with the one above."""
    joined = re.sub(r"\n +", " ", _TABLE.strip())
    return {name: fields for name, _, fields in (s.partition(" ") for s in joined.split("\n"))}
