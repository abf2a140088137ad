"""Reading a flag's JSON: typed access to its fields, with errors that name flag and field."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NoReturn

from northstar.errors import Invalid


class Fields:
    """One JSON object inside a flag; ``path`` is its place, for messages."""

    def __init__(self, flag_id: str, path: str, value: Mapping[str, Any]) -> None:
        self.flag_id = flag_id
        self.path = path
        self._value = value

    def fail(self, field: str, wanted: str) -> NoReturn:
        """Raise ``Invalid``: the field is not what the schema wants."""
        place = f"{self.path}.{field}" if self.path else field
        raise Invalid(
            f"Feature flag {self.flag_id!r}: {place} {wanted}, not {self._value.get(field)!r}.",
            hint="The format is Microsoft's feature management schema v2.",
        )

    def boolean(self, field: str, *, default: bool) -> bool:
        """True or false; ``default`` where it is missing."""
        value = self._value.get(field, default)
        return value if isinstance(value, bool) else self.fail(field, "must be true or false")

    def text(self, field: str) -> str:
        """A non-empty text."""
        value = self.optional_text(field)
        return value or self.fail(field, "must be a text")

    def optional_text(self, field: str) -> str | None:
        """A text (perhaps empty), or ``None`` where it is missing."""
        value = self._value.get(field)
        if value is not None and not isinstance(value, str):
            self.fail(field, "must be a text")
        return value

    def one_of(self, field: str, accepted: tuple[str, ...]) -> str:
        """One of the accepted texts; the first where it is missing."""
        value = self.optional_text(field) or accepted[0]
        return value if value in accepted else self.fail(field, f"must be {' or '.join(accepted)}")

    def texts(self, field: str) -> list[str]:
        """A list of texts; empty where it is missing."""
        value = self._value.get(field, [])
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            self.fail(field, "must be a list of texts")
        return value

    def percent(self, field: str) -> float:
        """A number from 0 to 100; fractions are welcome."""
        value = self._value.get(field)
        if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 100:
            return float(value)
        return self.fail(field, "must be a number from 0 to 100")

    def mapping(self, field: str) -> Fields:
        """The object in this field; an empty one where it is missing."""
        value = self._value.get(field) or {}
        if not isinstance(value, Mapping):
            self.fail(field, "must be an object")
        return Fields(self.flag_id, f"{self.path}.{field}".lstrip("."), value)

    def items(self, field: str) -> Iterator[Fields]:
        """The objects in this field's list; none where it is missing."""
        value = self._value.get(field) or []
        if not isinstance(value, list) or not all(isinstance(item, Mapping) for item in value):
            self.fail(field, "must be a list of objects")
        for index, item in enumerate(value):
            yield Fields(self.flag_id, f"{self.path}.{field}[{index}]".lstrip("."), item)

    def raw(self, field: str) -> Any:
        """Whatever stands there."""
        return self._value.get(field)
