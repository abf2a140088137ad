"""What differs between two sides of a plan's change: leaf by leaf, as Terraform writes values.

Only what Terraform marks as sensitive is withheld, and only that leaf of it. Nothing that somebody
wrote can steer a terminal or pass for something else: texts stand in quotation marks, and what
can't be printed is escaped.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

SECRET = "(a secret)"  # noqa: S105 - stands in place of one
UNKNOWN = "(not known before apply)"
_LONGEST = 100
_CONTEXT = 12
_MOST_ITEMS = 6


@dataclass(frozen=True)
class Difference:
    """One leaf that differs.

    Attributes:
        path: the way to it, such as ``template.container[0].image``.
        pattern: the same without what tells elements apart: ``template.container.image``.
        said: what becomes of it: ``"a" -> "b"``.
        before, after: the values themselves; ``None`` where there is none or it isn't known.
        known: whether it is known before the apply what it becomes.
        secret: whether Terraform withholds it.
        follows: whether it stays what it is of, something that is made anew: another id of it.
    """

    path: str
    pattern: str
    said: str
    before: Any = None
    after: Any = None
    known: bool = True
    secret: bool = False
    follows: bool = False

    @property
    def attribute(self) -> str:
        """The resource's attribute that it is in."""
        return self.pattern.partition(".")[0]

    def __str__(self) -> str:
        return f"{self.path}: {self.said}"


def differences(change: Mapping[str, Any]) -> tuple[Difference, ...]:
    """The leaves that differ in a ``change`` of ``terraform show -json``."""
    sides = _Sides(
        change.get("before"),
        change.get("after"),
        change.get("after_unknown"),
        change.get("before_sensitive"),
        change.get("after_sensitive"),
    )
    return tuple(_walk(_Place(), sides))


def written(value: Any, longest: int = _LONGEST) -> str:
    """A value in JSON, safe to print; what is too long is cut, and it says so."""
    text = printable(json.dumps(value, ensure_ascii=False))
    more = len(text) - longest
    return f"{text[:longest]}… ({more} more characters)" if more > 0 else text


def without_secrets(value: Any, secret: Any) -> Any:
    """A value whose sensitive texts and numbers are withheld, and whose sensitive blocks are empty.

    Args:
        secret: the tree that says what is sensitive, such as ``after_sensitive``.
    """
    if secret is True:
        return type(value)() if isinstance(value, list | dict) else SECRET
    if _is_mapping(value):
        return {key: without_secrets(one, _step(secret, key)) for key, one in value.items()}
    if isinstance(value, list):
        return [without_secrets(one, _step(secret, i)) for i, one in enumerate(value)]
    return value


def printable(text: str) -> str:
    """A text with everything escaped that can't be seen or that moves what is seen."""
    return "".join(one if one.isprintable() else ascii(one)[1:-1] for one in text)


@dataclass(frozen=True)
class _Place:
    """A way into a value, as it is shown, and without what tells elements apart."""

    path: str = ""
    pattern: str = ""

    def under(self, key: str) -> _Place:
        dot, named = "." if self.path else "", _key(key)
        return _Place(f"{self.path}{dot}{named}", f"{self.pattern}{dot}{named}")

    def element(self, label: str, *, alone: bool) -> _Place:
        # The outermost block, where there is one of it, needs no number.
        shown = self.path if alone and "." not in self.path else f"{self.path}[{label}]"
        return _Place(shown, self.pattern)


@dataclass(frozen=True)
class _Sides:
    """The same place in each of the five trees of a change."""

    before: Any
    after: Any
    unknown: Any
    secret_before: Any
    secret_after: Any

    def at(self, before: Any, after: Any) -> _Sides:
        """One step down: keys or indexes, or ``None`` where that side has none."""
        return _Sides(
            _step(self.before, before),
            _step(self.after, after),
            _step(self.unknown, after),
            _step(self.secret_before, before),
            _step(self.secret_after, after),
        )


def _walk(place: _Place, sides: _Sides) -> Iterator[Difference]:
    before, after = sides.before, sides.after
    if sides.secret_before is True or sides.secret_after is True:
        if before != after or sides.unknown is True:
            yield _secret(place, sides)
    elif sides.unknown is True:
        said = f"{_whole(before, sides.secret_before)} -> {UNKNOWN}"
        yield Difference(place.path, place.pattern, said, before, None, known=False)
    elif _is_mapping(before) and _is_mapping(after):
        keys = {*before, *after, *(sides.unknown if _is_mapping(sides.unknown) else ())}
        for key in sorted(keys):
            yield from _walk(place.under(key), sides.at(key, key))
    elif _holds_objects(before) and _holds_objects(after) and (before or after):
        alone = len(before or []) <= 1 and len(after or []) <= 1
        for label, old, new in _pairs(before or [], after or [], sides.unknown):
            yield from _walk(place.element(label, alone=alone), sides.at(old, new))
    elif _is_empty(before) and _is_empty(after):
        return
    elif before != after or _any_unknown(sides.unknown):
        yield _leaf(place, sides)


def _secret(place: _Place, sides: _Sides) -> Difference:
    if sides.unknown is True:
        said = f"{SECRET} -> {UNKNOWN}"
    elif sides.before is None:
        said = f"null -> {SECRET}"
    elif sides.after is None:
        said = f"{SECRET} -> null"
    else:
        said = "(a secret) -> (another secret)"
    known = sides.unknown is not True
    return Difference(
        place.path, place.pattern, said, sides.before, sides.after, known=known, secret=True
    )


def _leaf(place: _Place, sides: _Sides) -> Difference:
    before, after = sides.before, sides.after
    known = not _any_unknown(sides.unknown)
    if known and _is_texts(before) and _is_texts(after):
        said = _said_of_lists(before, after)
    elif isinstance(before, str) and isinstance(after, str):
        said = _said_of_texts(before, after)
    else:
        old = _whole(before, sides.secret_before)
        said = f"{old} -> {_whole(after, sides.secret_after, sides.unknown)}"
    return Difference(place.path, place.pattern, said, before, after, known=known)


def _said_of_texts(before: str, after: str) -> str:
    """Of long texts, the part in which they differ: a change at the end must not be cut off."""
    start = 0
    if max(len(before), len(after)) > _LONGEST:
        shared = zip(before, after, strict=False)
        same = next((i for i, (a, b) in enumerate(shared) if a != b), min(len(before), len(after)))
        start = max(0, same - _CONTEXT)
    dots = "…" if start else ""
    return f"{written(dots + before[start:])} -> {written(dots + after[start:])}"


def _said_of_lists(before: Sequence[Any], after: Sequence[Any]) -> str:
    added = [one for one in after if one not in before]
    removed = [one for one in before if one not in after]
    if not added and not removed:
        return f"{written(before)} -> {written(after)}"
    told = [f"adds {_listed(added)}"] if added else []
    told += [f"removes {_listed(removed)}"] if removed else []
    return ", ".join(told)


def _listed(items: Sequence[Any]) -> str:
    shown = ", ".join(written(one) for one in items[:_MOST_ITEMS])
    more = len(items) - _MOST_ITEMS
    return f"{shown} and {more} more" if more > 0 else shown


def _whole(value: Any, secret: Any, unknown: Any = None) -> str:
    """A value in one piece, without the leaves that are secret, and the empty ones."""
    if value is None and unknown is None:
        return "null"
    return written(_cleared(value, secret, unknown), 3 * _LONGEST)


def _cleared(value: Any, secret: Any, unknown: Any) -> Any:
    if secret is True:
        return SECRET
    if unknown is True:
        return UNKNOWN
    if _is_mapping(value):
        keys = [*value, *(key for key in (unknown or {}) if key not in value)]
        inner = {k: _cleared(value.get(k), _step(secret, k), _step(unknown, k)) for k in keys}
        return {key: one for key, one in inner.items() if not _is_empty(one)}
    if isinstance(value, list):
        return [_cleared(v, _step(secret, i), _step(unknown, i)) for i, v in enumerate(value)]
    return value


def _pairs(
    before: Sequence[Any], after: Sequence[Any], unknown: Any
) -> Iterator[tuple[str, int | None, int | None]]:
    """Which object of one list is which of the other: by name, by being the same, by its place."""
    old_names, new_names = _names(before), _names(after)
    if old_names is not None and new_names is not None and not len(before) == len(after) == 1:
        for name in dict.fromkeys((*old_names, *new_names)):
            yield json.dumps(name, ensure_ascii=False), old_names.get(name), new_names.get(name)
        return
    old = [i for i, one in enumerate(before) if one not in after]
    new = [i for i, one in enumerate(after) if one not in before or _any_unknown(_step(unknown, i))]
    for place in range(max(len(old), len(new))):
        left = old[place] if place < len(old) else None
        right = new[place] if place < len(new) else None
        yield str(right if right is not None else left), left, right


def _names(objects: Sequence[Any]) -> dict[str, int] | None:
    """The objects' places by their names; ``None`` where names don't tell them apart."""
    names = [one.get("name") for one in objects]
    told = all(isinstance(name, str) for name in names) and len(set(names)) == len(names)
    return {str(name): place for place, name in enumerate(names)} if told else None


def _key(key: str) -> str:
    return key if re.fullmatch(r"[\w-]+", key, re.ASCII) else json.dumps(key, ensure_ascii=False)


def _step(tree: Any, key: Any) -> Any:
    if key is None:
        return None
    if tree is True:  # holds for everything in it
        return True
    if _is_mapping(tree):
        return tree.get(key)
    if isinstance(tree, list) and isinstance(key, int) and key < len(tree):
        return tree[key]
    return None


def _any_unknown(tree: Any) -> bool:
    if _is_mapping(tree):
        return any(_any_unknown(one) for one in tree.values())
    return any(map(_any_unknown, tree)) if isinstance(tree, list) else tree is True


def _is_mapping(value: Any) -> bool:
    return isinstance(value, Mapping)


def _is_empty(value: Any) -> bool:
    return value is None or value in ({}, [])


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, str | int | float) for one in value)


def _holds_objects(value: Any) -> bool:
    return value is None or (isinstance(value, list) and all(_is_mapping(one) for one in value))
