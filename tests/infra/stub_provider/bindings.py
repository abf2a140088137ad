"""A provider's schema, read out of its prebuilt CDKTF bindings.

A wheel such as ``cdktf-cdktf-provider-azurerm`` carries a jsii archive; each
``lib/<resource>/index.js`` in it ends with a source map that holds the generated TypeScript. That
text states of each attribute its name, type and nesting, and whether it is computed, optional or
required: everything but what is sensitive, and numbers of blocks other than "at most one" and "at
least one".

A schema is plain data, its types in cty's JSON notation::

    {"name": "azurerm", "provider": BLOCK, "resources": {type: BLOCK}, "data_sources": {…}}
    BLOCK = {"attributes": {name: {"type": CTY, "mode": "required|optional|computed|…"}},
             "blocks": {name: {"nesting": "single|list|set|map", "min": 0, "max": 0,
                               "block": BLOCK}}}
"""

from __future__ import annotations

import base64
import io
import json
import re
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

_SOURCE_MAP = re.compile(r"sourceMappingURL=data:application/json[^,]*;base64,(\S+)")
_TOP_LEVEL = re.compile(
    r"^(?:export (?:abstract )?(class|function|interface) (\w+)(?: extends cdktf\.(\w+))?|\})", re.M
)
_FLAGS = re.compile(r"^ +// (\w+) - computed: (\w+), optional: (\w+), required: (\w+)$", re.M)
_NESTED = re.compile(r"= new ([A-Z]\w+)\(this, \"\w+\"(?:, (true|false))?\)")
_DECLARED = re.compile(r"^  private _\w+[?!]?: (.*?); *$", re.M)
_GETTER = re.compile(r"return (.*);")
_GETTER_TYPE = re.compile(
    r"get(String|Number|Boolean|Any)(Map|List)?Attribute|get(List)Attribute"
    r"|new cdktf\.(\w+?)(Map|List)\b"
)
_HCL = re.compile(
    r"^ +(\w+): \{\n +value: (.*),\n +isBlock: \w+,\n"
    r" +type: \"(\w+)\",\n +storageClassType: \"(\w+)\"",
    re.M,
)
_HCL_STRUCT = re.compile(r"(\w+)ToHclTerraform(?:, (true|false)\))?\(?")
_CLASS_MAPPER = re.compile(r"^ +(\w+): cdktf\.listMapper\(\w+, (true|false)\)", re.M)
_NAME = re.compile(r"providerName: '(\w+)'")
_TYPE_NAME = re.compile(r'tfResourceType = "(\w+)"')
_COLLECTION = re.compile(r"(List|Map)$")

_ROOTS = {
    "TerraformResource": "resources",
    "TerraformDataSource": "data_sources",
    "TerraformProvider": "provider",
}
_STORAGE = {"string": "string", "number": "number", "boolean": "bool", "any": "dynamic"}

Block = dict[str, Any]


def read_schema(wheel: Path) -> dict[str, Any]:
    """The schema in a wheel of bindings."""
    found: dict[str, Any] = {"resources": {}, "data_sources": {}}
    for text in _sources(wheel):
        source = _Source(text)
        for class_name, (base, body) in source.classes.items():
            if base == "TerraformProvider" and (name := _NAME.search(body)):
                found["name"] = name[1]
                found["provider"] = source.provider_block(class_name)
            elif base in _ROOTS and (type_name := _TYPE_NAME.search(body)):
                found[_ROOTS[base]][type_name[1]] = source.block(class_name)
    return found


def _sources(wheel: Path) -> Iterator[str]:
    """The TypeScript of every resource, every data source and the provider."""
    with zipfile.ZipFile(wheel) as archive:
        jsii = next(name for name in archive.namelist() if name.endswith(".jsii.tgz"))
        data = archive.read(jsii)
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        for member in tar:
            parts = member.name.split("/")
            file = tar.extractfile(member)
            if file is None or len(parts) != 4 or (parts[1], parts[3]) != ("lib", "index.js"):
                continue
            if found := _SOURCE_MAP.search(file.read().decode()):
                yield json.loads(base64.b64decode(found[1]))["sourcesContent"][0]


class _Source:
    """One generated file, cut into what it declares."""

    def __init__(self, text: str) -> None:
        self.classes: dict[str, tuple[str, str]] = {}
        self._functions: dict[str, str] = {}
        self._interfaces: dict[str, str] = {}
        marks = list(_TOP_LEVEL.finditer(text))
        for mark, after in pairwise(marks):
            kind, name, base = mark.groups()
            body = text[mark.start() : after.start()]
            if kind == "class":
                self.classes[name] = (base, body)
            elif kind == "function":
                self._functions[name.lower()] = body
            elif kind == "interface":
                self._interfaces[name.lower()] = body

    def block(self, class_name: str) -> Block:
        """A resource's block, or one inside of it: its class says everything."""
        base, body = self.classes[class_name]
        facts = body
        if base not in _ROOTS:
            struct = re.sub(r"OutputReference$", "", class_name).lower()
            names = (f"{struct}tohclterraform", f"{struct}toterraform")
            facts = "".join(self._functions.get(name, "") for name in names)
        nesting = {name: kind for name, _, kind, _ in _HCL.findall(facts)}
        is_block = {name: flag == "true" for name, flag in _CLASS_MAPPER.findall(facts)}
        block: Block = {"attributes": {}, "blocks": {}}
        for name, mode, text in _attributes(body):
            nested = _NESTED.search(text)
            if nested is None or nested[1].startswith("StringMap"):
                kind = _attribute_type(text, nesting.get(name))
                block["attributes"][name] = {"type": kind, "mode": mode}
                continue
            inner, single, depth = self._struct(nested[1])
            kind = nesting.get(name) or ("set" if nested[2] == "true" else "list")
            kind = "single" if kind == "struct" else kind
            # listMapper's second argument tells a block from an attribute whose type is a
            # collection of objects; computed ones are attributes.
            if single or is_block.get(name, False):
                block["blocks"][name] = {
                    "nesting": kind,
                    "min": int(mode == "required"),
                    "max": int(single and kind != "single"),
                    "block": self.block(inner),
                }
            else:
                cty: Any = ["object", _object_fields(self.block(inner))]
                cty = [kind, ["list", cty] if depth > 1 else cty]
                block["attributes"][name] = {"type": cty, "mode": mode}
        return block

    def provider_block(self, class_name: str) -> Block:
        """The provider's configuration: only the functions that write HCL say it."""
        _, body = self.classes[class_name]
        required = {name for name, mode, _ in _attributes(body) if mode == "required"}
        return self._hcl_block(body, required.__contains__)

    def _struct(self, name: str) -> tuple[str, bool, int]:
        """Of a nested structure's class: the element's class, whether at most one, the depth."""
        depth = 0
        while not name.endswith("OutputReference") and f"{name}OutputReference" not in self.classes:
            name, depth = _COLLECTION.sub("", name), depth + 1
        single = name.endswith("OutputReference")
        return (name if single else f"{name}OutputReference"), single, depth

    def _hcl_block(self, body: str, is_required: Callable[[str], bool]) -> Block:
        block: Block = {"attributes": {}, "blocks": {}}
        for name, value, kind, storage in _HCL.findall(body):
            if name == "alias":
                continue
            struct = _HCL_STRUCT.search(value)
            if storage[0].isupper() and struct:
                inner = struct[1].lower()
                members = self._interfaces[inner]
                block["blocks"][name] = {
                    "nesting": "single" if kind == "struct" else kind,
                    "min": int(is_required(name)),
                    "max": 0,
                    "block": self._hcl_block(
                        self._functions[f"{inner}tohclterraform"],
                        lambda field, members=members: f"readonly {_camel(field)}:" in members,
                    ),
                }
            else:
                element = _STORAGE[_COLLECTION.sub("", storage)]
                block["attributes"][name] = {
                    "type": element if kind == "simple" else [kind, element],
                    "mode": "required" if is_required(name) else "optional",
                }
        return block


def _attributes(body: str) -> Iterator[tuple[str, str, str]]:
    """Of each attribute of a class: its name, its mode, and the text up to the next one."""
    marks = list(_FLAGS.finditer(body))
    for i, mark in enumerate(marks):
        name, computed, optional, required = mark.groups()
        flags = (("optional", optional), ("computed", computed))
        words = "+".join(word for word, flag in flags if flag == "true")
        end = marks[i + 1].start() if i + 1 < len(marks) else len(body)
        yield name, "required" if required == "true" else words, body[mark.end() : end]


def _attribute_type(text: str, nesting: str | None) -> Any:
    getter = _GETTER.search(text)
    declared = _DECLARED.search(text)
    assert getter is not None, text
    if "interpolationForAttribute" in getter[1] and declared and "number[][]" in declared[1]:
        return ["list", ["list", "number"]]
    found = _GETTER_TYPE.search(text)
    element = _STORAGE[((found and (found[1] or found[4])) or "string").lower()]
    shape = found and (found[2] or found[3] or found[5])
    if shape == "Map":
        return ["map", element]
    if shape == "List":
        return [nesting or ("set" if "Fn.tolist" in getter[1] else "list"), element]
    return element


def _object_fields(block: Block) -> dict[str, Any]:
    fields = {name: attribute["type"] for name, attribute in block["attributes"].items()}
    for name, nested in block["blocks"].items():
        inner = ["object", _object_fields(nested["block"])]
        fields[name] = inner if nested["nesting"] == "single" else [nested["nesting"], inner]
    return fields


def _camel(name: str) -> str:
    head, *tail = name.split("_")
    return head + "".join(part.title() for part in tail)
