"""A YAML text read strictly: what stands in it is what a person sees who reads it.

Aliases, merged mappings and tags are refused, since they stand for what is written elsewhere; so is
a name that is there twice. Names are texts as they are written, so that ``no`` and ``1`` may be
names. What is no date or number after all is a text, which the model then finds wrong.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from northstar.documents.domain import Fault, Place, Wrong, dotted

_DEEPEST = 40
_MERGE = "tag:yaml.org,2002:merge"
_MEANT = (
    ("found character '\\t'", "a tab stands where spaces are needed"),
    ("expected '<document start>'", "it is indented otherwise than what it belongs to"),
    ("found another document", "a second document begins here; a file has one"),
    ("found undefined tag handle", "tags such as !name are not read; leave it out"),
    ("mapping values are not allowed", "a colon too many; a text with one in it needs quotes"),
    ("expected <block end>", "it is indented otherwise than what it belongs to"),
    ("could not find expected ':'", "a name without a colon after it"),
    ("cannot start any token", "a text that begins with this character needs quotes"),
    ("expected ',' or", "a list or mapping in brackets is not closed"),
    ("entries are not allowed here", "a list begins here, where there can be none"),
    ("keys are not allowed here", "a name stands here, where there can be none"),
    ("expected the node content", "a value is missing, or a text needs quotes"),
    ("unexpected end of stream", "a quote is not closed"),
)


@dataclass(frozen=True)
class Document:
    """What a text says, and where."""

    values: dict[str, Any]
    root: yaml.MappingNode

    def node(self, place: Place) -> yaml.Node:
        """The deepest node on the way to a place: its name, where it has one."""
        shown: yaml.Node = self.root
        node: yaml.Node = self.root
        for part in place:
            if isinstance(node, yaml.MappingNode):
                pair = next(((k, v) for k, v in node.value if k.value == str(part)), None)
                if pair is None:
                    break
                shown, node = pair
            elif isinstance(node, yaml.SequenceNode) and isinstance(part, int):
                shown = node = node.value[part]
            else:
                break
        return shown

    def fault(self, place: Place, what: str) -> Fault:
        """A fault of what is at a place."""
        return Fault(_line(self.node(place)), dotted(place), what)


def read_text(path: Path, wrong: Wrong) -> str:
    """The text of a file; raises ``FileNotFoundError``, and ``wrong`` for what is no text."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise
    except OSError as error:
        fault = Fault(1, "", f"cannot be read: {error.strerror}")
        raise wrong(path, [fault]) from error
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        what = f"cannot be read: byte 0x{data[error.start]:02x} is not UTF-8; save it as UTF-8"
        raise wrong(path, [Fault(line, "", what)]) from error


def read_yaml(text: str, path: Path, wrong: Wrong, begins: str) -> Document:
    """Read a text whose top is a mapping; raises ``wrong``.

    Args:
        begins: how such a file begins, for one that isn't a mapping.
    """
    try:
        loader = _Loader(text)
        root = loader.get_single_node()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise wrong(path, [Fault(mark.line + 1 if mark else 1, "", _said(error))]) from error
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        what = f"has a character that no text may have, #x{ord(text[error.position]):04x}"
        raise wrong(path, [Fault(line, "", what)]) from error
    if not isinstance(root, yaml.MappingNode):
        what = "is empty" if root is None or root.value == "" else "is no mapping"
        raise wrong(path, [Fault(_line(root), "", f"{what}; it begins with '{begins}'")])
    if faults := list(_name_faults(root, ())):
        raise wrong(path, faults)
    return Document(loader.construct_document(root), root)


class _Refused(yaml.MarkedYAMLError):
    """What is YAML, but not read."""


class _Loader(yaml.SafeLoader):
    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        event: Any = self.peek_event()  # type: ignore[no-untyped-call]  # PyYAML has no type for it
        what = ""
        if isinstance(event, yaml.AliasEvent):
            what = f"*{event.anchor} stands for what is written elsewhere; write it here as well"
        elif event.tag is not None:
            what = "tags such as !name are not read; leave it out"
        elif self._depth > _DEEPEST:
            what = f"is nested more than {_DEEPEST} deep"
        if what:
            raise _Refused(None, None, what, event.start_mark)
        self._depth += 1
        try:
            return super().compose_node(parent, index)
        finally:
            self._depth -= 1

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep)
        except ValueError:  # 2026-13-01, or a number of 5,000 digits
            return node.value

    def construct_mapping(
        self,
        node: yaml.MappingNode,
        deep: bool = False,
    ) -> dict[Hashable, Any]:
        return {name.value: self.construct_object(value, deep) for name, value in node.value}


def _name_faults(node: yaml.Node, place: Place) -> Iterator[Fault]:
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                yield Fault(_line(key), dotted(place), "a name must be a text")
                continue
            here = (*place, key.value)
            if key.tag == _MERGE:
                yield Fault(_line(key), dotted(here), "is not read; write out what it stands for")
            if key.value in seen:
                yield Fault(_line(key), dotted(here), "is there twice")
            seen.add(key.value)
            yield from _name_faults(value, here)
    elif isinstance(node, yaml.SequenceNode):
        for number, value in enumerate(node.value):
            yield from _name_faults(value, (*place, number))


def _said(error: yaml.MarkedYAMLError) -> str:
    if isinstance(error, _Refused):
        return str(error.problem)
    problem = f"{error.problem or error.context}"
    meant = next((meant for known, meant in _MEANT if known in problem), problem)
    return f"not valid YAML: {meant}"


def _line(node: yaml.Node | None) -> int:
    return node.start_mark.line + 1 if node else 1
