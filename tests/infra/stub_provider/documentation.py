"""Facts that a schema does not carry, read from the documentation in PyPI's pulumi-azure.

That package is generated from azurerm, so its docstrings are the provider's own documentation. An
attribute's sentence says what forces a new resource, the default, and the possible values; a list
in the code names what is secret; the example of an import shows the shape of the resource's ARM id,
which attributes such as ``subnet_id`` must have, too. Types are paired with classes by name and by
the attributes that they share; doubtful pairs are left out.

The package is newer than the CDKTF bindings: attributes and blocks that only it knows are added,
and what it no longer requires becomes optional.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

_PAIRS = {  # names too far apart to find each other
    "azurerm_api_management": "apimanagement/service:Service",
    "azurerm_app_configuration": "appconfiguration/configurationStore:ConfigurationStore",
    "azurerm_storage_management_policy": "storage/managementPolicy:ManagementPolicy",
}
_WRONG = {  # documented lists that the provider itself does not hold to
    ("azurerm_machine_learning_workspace", "sku_name"): ["Basic"],
}
_ALWAYS_NEW = ("name", "location", "resource_group_name")
_NAMED = ("name", "location")  # Pulumi makes these up, Terraform does not
_TOKEN = re.compile(r'@pulumi\.type_token\("azure:([^"]+)"\)')
_SECRETS = re.compile(r"additional_secret_outputs=\[(.*?)\]")
_IMPORT = re.compile(r"\$ pulumi import azure:\S+ \S+ \"?(/[^\s\"|]+)")
_INIT = (
    r"class %s:\n    def __init__\(__self__, \*,\n(.*?)\):\n(.*?)\n"
    r"    (?:    pulumi\.set|    if|@|def )"
)
_ARGUMENT = re.compile(r"^ +(\w+): (.*?)(?: = None)?,?$", re.M)
_PARAMETER = re.compile(
    r"^ +:param \S.*?\] (\w+): (.*?)(?=^ +:param |^ +\"\"\"|\Z)", re.M | re.DOTALL
)
_DEFAULT = re.compile(r"[Dd]efaults to `\"?([^`\"]+)\"?`")
_VALUES = re.compile(
    r"(?:[Pp]ossible|[Vv]alid|[Aa]llowed|[Ss]upported) (?:values|options) (?:are|is|include) "
    r"(.*?)(?:\.\s|\.$|\n|$)"
)
_CTY = {"bool": "bool", "int": "number", "float": "number", "str": "string"}
_STRUCT = re.compile(r"'(\w+Args)'")
# An argument's resemblance to a type counts for 0.7, the resemblance of the names for the rest.
_RESEMBLES, _SAME_NAME, _ENDS_ALIKE, _SURE = 0.7, 0.3, 0.24, 0.75

Block = dict[str, Any]


def annotate(schema: dict[str, Any], wheel: Path) -> None:
    """Add to a schema what the documentation in ``wheel`` says, in place."""
    documentation, shapes = _Documentation(wheel), {}
    resources = schema["resources"]
    for block in resources.values():
        for name, attribute in block["attributes"].items():
            attribute.update({"write_only": True} if name.endswith("_wo") else {})
            attribute.update({"force_new": True} if name in _ALWAYS_NEW else {})
    for type_name, token in documentation.pairs(resources):
        source, (module, name) = documentation.sources[token], _module_and_name(token)
        block, state = resources[type_name], f"_{name}State"
        documentation.add_later(block, source, (f"{name}Args", state), module)
        documentation.annotate(block, source, state, module)
        both = [block, *filter(None, [schema["data_sources"].get(type_name)])]
        if example := _IMPORT.search(source):
            shapes[type_name] = example[1]
            for target in both:
                target["arm_id"] = example[1]
        secret = {_stem(_snake(name)) for name in _secrets(source)}
        for target in both:
            for name, attribute in target["attributes"].items():
                attribute.update({"sensitive": True} if _stem(name) in secret else {})
    for (type_name, name), values in _WRONG.items():
        resources[type_name]["attributes"][name]["values"] = values
    for block in resources.values():
        _require_ids(block, shapes)


def _module_and_name(token: str) -> tuple[str, str]:
    return token.split("/")[0], token.split(":")[1]


def _secrets(source: str) -> list[str]:
    return [name for found in _SECRETS.findall(source) for name in re.findall(r'"(\w+)"', found)]


def _require_ids(block: Block, shapes: dict[str, str]) -> None:
    for name, attribute in block["attributes"].items():
        target = "azurerm_subnet" if name.endswith("_subnet_id") else f"azurerm_{name[:-3]}"
        shape = shapes.get(target, "") if name.endswith("_id") else ""
        settable = attribute["type"] == "string" and attribute["mode"] != "computed"
        if "/resourceGroups/" in shape and settable:
            attribute["arm_id"] = shape
    for nested in block["blocks"].values():
        _require_ids(nested["block"], shapes)


class _Documentation:
    def __init__(self, wheel: Path) -> None:
        self.sources: dict[str, str] = {}
        self._inputs: dict[str, str] = {}
        with zipfile.ZipFile(wheel) as archive:
            for path in archive.namelist():
                parts = path.split("/")
                if len(parts) != 3 or not path.endswith(".py") or parts[2].startswith("get_"):
                    continue
                text = archive.read(path).decode()
                if parts[2] == "_inputs.py":
                    self._inputs[parts[1]] = text
                elif found := _TOKEN.search(text):
                    self.sources[found[1]] = text

    def pairs(self, resources: dict[str, Block]) -> list[tuple[str, str]]:
        """(Terraform's type, the class's token) for every type whose class is clear."""
        known = {}
        for token, text in self.sources.items():
            arguments, _ = _constructor(text, f"_{_module_and_name(token)[1]}State")
            known[token] = {_stem(name) for name in arguments}
        claims: dict[str, tuple[float, str]] = {}
        for type_name, block in resources.items():
            points, token = _best(type_name, block, known)
            if token:
                claims[token] = max(claims.get(token, (0.0, "")), (points, type_name))
        return sorted((type_name, token) for token, (_, type_name) in claims.items())

    def add_later(self, block: Block, source: str, classes: tuple[str, str], module: str) -> None:
        """Add what only the documentation knows. ``classes``: what is accepted, what is known."""
        accepted, known = (_constructor(source, name)[0] for name in classes)
        mine = {_squeeze(name) for name in (*block["attributes"], *block["blocks"])}
        for argument, annotation in known.items():
            if _squeeze(argument) not in mine:
                self._add(block, argument, annotation, accepted.get(argument, ""), module)
        by_name = {_squeeze(name): annotation for name, annotation in known.items()}
        for name, nested in block["blocks"].items():
            struct = _STRUCT.search(by_name.get(_squeeze(name), ""))
            if struct and name != "timeouts":
                self.add_later(nested["block"], self._inputs[module], (struct[1],) * 2, module)
        for name, attribute in block["attributes"].items():
            no_longer = "Optional[" in accepted.get(name, "") and name not in _NAMED
            if attribute["mode"] == "required" and no_longer:
                attribute["mode"] = "optional"

    def annotate(self, block: Block, source: str, class_name: str, module: str) -> None:
        """Add what the arguments' sentences say."""
        arguments, texts = _constructor(source, class_name)
        by_stem = {_stem(name): name for name in arguments}
        for name, item in (*block["attributes"].items(), *block["blocks"].items()):
            argument = name if name in arguments else by_stem.get(_stem(name))
            if argument is None or name in ("id", "timeouts"):
                continue
            text = texts.get(argument, "")
            if re.search(r"[Cc]hanging this forces", text):
                item["force_new"] = True
            if "block" in item:
                if struct := _STRUCT.search(arguments[argument]):
                    self.annotate(item["block"], self._inputs[module], struct[1], module)
            elif item["mode"] != "computed":
                item.update(_said(text, item, block["attributes"]))

    def _add(
        self, block: Block, argument: str, annotation: str, accepted: str, module: str
    ) -> None:
        struct, many = _STRUCT.search(annotation), "Sequence[" in annotation
        mode = "computed" if not accepted else "optional" if "Optional[" in accepted else "required"
        if struct and mode != "computed":
            inner: Block = {"attributes": {}, "blocks": {}}
            self.add_later(inner, self._inputs[module], (struct[1],) * 2, module)
            block["blocks"][argument.rstrip("s") if many else argument] = {
                "nesting": "list",
                "min": int(mode == "required"),
                "max": 0 if many else 1,
                "block": inner,
            }
        elif not struct:
            words = (cty for word, cty in _CTY.items() if f"_builtins.{word}]" in annotation)
            kind: Any = next(words, "string")
            kind = ["map", kind] if "Mapping[" in annotation else ["list", kind] if many else kind
            block["attributes"][argument] = {"mode": mode, "type": kind}


def _best(type_name: str, block: Block, known: dict[str, set[str]]) -> tuple[float, str]:
    """How well the best class resembles a type, and its token; no token when none does."""
    if type_name in _PAIRS:
        return (1.0, _PAIRS[type_name])
    names = (*block["attributes"], *block["blocks"])
    mine = {_stem(name) for name in names if name not in ("id", "timeouts")}
    short = type_name.split("_", 1)[1].replace("_", "")
    best = (_SURE, "")
    for token, theirs in known.items():
        module, name = re.split(r"/\w+:", token.lower())
        if short.endswith(name):
            close = _SAME_NAME if short in (name, module + name) else _ENDS_ALIKE
            best = max(best, (_RESEMBLES * len(mine & theirs) / len(mine | theirs) + close, token))
    return best


def _constructor(source: str, class_name: str) -> tuple[dict[str, str], dict[str, str]]:
    """A class's arguments with their annotations, and with their documentation."""
    found = re.search(_INIT % class_name, source, re.DOTALL)
    if not found:
        return {}, {}
    return dict(_ARGUMENT.findall(found[1])), dict(_PARAMETER.findall(found[2]))


def _said(text: str, attribute: dict[str, Any], siblings: Iterable[str]) -> dict[str, Any]:
    """The default and the possible values in an attribute's documentation."""
    said: dict[str, Any] = {}
    kind = attribute["type"]
    if (found := _DEFAULT.search(text)) and attribute["mode"] != "required":
        value = found[1]
        if kind == "bool" and value.lower() in ("true", "false"):
            said["default"] = value.lower() == "true"
        elif kind == "number" and re.fullmatch(r"-?\d+", value):
            said["default"] = int(value)
        elif kind == "string":
            said["default"] = value
    if (found := _VALUES.search(text)) and kind == "string":
        listed = re.split(r"[Dd]efaults to|between|through", found[1])[0]
        values = [v for v in re.findall(r"`\"?([^`\"]+)\"?`", listed) if v not in siblings]
        if len(values) > 1 and not re.search(r"such as|e\.g|for example|etc", found[1]):
            said["values"] = values
    return said


def _squeeze(name: str) -> str:
    return _stem(name).replace("_", "")


def _stem(name: str) -> str:
    """One stem for a name and its plural: pulumi-azure pluralizes what Terraform does not."""
    return re.sub(r"(ies|es|s|y|e|_)+$", "", name.replace("indices", "index"))


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
