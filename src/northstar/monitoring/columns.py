"""One column's values as counts over bins that its reference has fixed: constant size, mergeable.

Numbers with many values are counted over quantile bins with open ends beyond the reference's least
and greatest value; numbers with few values and texts are counted value by value, the rest together;
of times only the presence is counted. The last bin of the two latter kinds holds what the reference
has no bin for.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, FiniteFloat

from northstar.metrics import Floats

QUANTILE_BINS = 20
DISCRETE_VALUES = 24
CATEGORIES = 200
_EXAMPLES = 5
_EXAMPLE_LENGTH = 64


class _Bins(BaseModel):
    model_config = ConfigDict(frozen=True)


class NumericBins(_Bins):
    """Bins between increasing ``edges``; the first and the last bin are open ended."""

    kind: Literal["numeric"] = "numeric"
    edges: list[FiniteFloat] = Field(min_length=2)

    @property
    def size(self) -> int:
        """How many bins there are."""
        return len(self.edges) + 1


class DiscreteBins(_Bins):
    """One bin for each of ``values`` (increasing), and one for every other number."""

    kind: Literal["discrete"] = "discrete"
    values: list[FiniteFloat]

    @property
    def size(self) -> int:
        """How many bins there are."""
        return len(self.values) + 1


class CategoryBins(_Bins):
    """One bin for each of ``categories``, and one for every other text.

    ``complete`` says that the reference had no other text, so that one is news.
    """

    kind: Literal["category"] = "category"
    categories: list[str]
    complete: bool = True

    @property
    def size(self) -> int:
        """How many bins there are."""
        return len(self.categories) + 1


class TimeBins(_Bins):
    """A single bin: a moment is there or not. Times always move on; that is no drift."""

    kind: Literal["time"] = "time"

    @property
    def size(self) -> int:
        """How many bins there are."""
        return 1


Bins = Annotated[NumericBins | DiscreteBins | CategoryBins | TimeBins, Field(discriminator="kind")]


@dataclass(frozen=True)
class Words:
    """A column of texts: the distinct ones, and for each row which one (-1: missing)."""

    codes: NDArray[np.int64]
    words: list[str]


@dataclass(frozen=True)
class Moments:
    """A column of times: for each row whether there is one."""

    present: NDArray[np.bool_]


Values = Floats | Words | Moments
"""A column as the profiles read it; numbers are floats with ``nan`` for missing."""


@dataclass(frozen=True)
class ColumnCounts:
    """What is kept of a column: counts by bin, what was missing or of a wrong type, moments.

    ``mean`` and ``spread`` (sum of squared deviations) are those of the finite numbers, of which
    there are ``numbers``. ``strangers`` are a few of the texts in the last bin.
    """

    counts: NDArray[np.int64]
    missing: int = 0
    invalid: int = 0
    numbers: int = 0
    mean: float = 0.0
    spread: float = 0.0
    strangers: tuple[str, ...] = field(default=())

    @property
    def present(self) -> int:
        """How many values were there and of the right type."""
        return int(self.counts.sum())

    @property
    def rows(self) -> int:
        """How many rows were counted, missing and invalid ones too."""
        return self.present + self.missing + self.invalid

    def merge(self, other: ColumnCounts) -> ColumnCounts:
        """The counts of both sets of rows together."""
        numbers = self.numbers + other.numbers
        gap = other.mean - self.mean
        share = other.numbers / numbers if numbers else 0.0
        return ColumnCounts(
            counts=self.counts + other.counts,
            missing=self.missing + other.missing,
            invalid=self.invalid + other.invalid,
            numbers=numbers,
            mean=self.mean + gap * share,
            spread=self.spread + other.spread + gap * gap * self.numbers * share,
            strangers=_few({*self.strangers, *other.strangers}),
        )

    def to_json(self) -> dict[str, Any]:
        """A form that ``from_json`` reads back."""
        return {
            "counts": self.counts.tolist(),
            "missing": self.missing,
            "invalid": self.invalid,
            "numbers": self.numbers,
            "mean": self.mean,
            "spread": self.spread,
            "strangers": list(self.strangers),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> ColumnCounts:
        """Read what ``to_json`` wrote."""
        return cls(
            counts=np.asarray(data["counts"], dtype=np.int64),
            missing=int(data["missing"]),
            invalid=int(data["invalid"]),
            numbers=int(data["numbers"]),
            mean=float(data["mean"]),
            spread=float(data["spread"]),
            strangers=tuple(data["strangers"]),
        )


def encode(array: NDArray[Any]) -> Values:
    """Bring an array of any type into one of the three forms that are counted.

    ``None``, ``nan`` and ``NaT`` are missing. Objects are numbers when all of them are, times when
    the first of them is, otherwise texts.
    """
    array = np.asarray(array)
    if array.dtype.kind == "M":
        return Moments(~np.isnat(array))
    if array.dtype.kind in "iuf":
        return array.astype(np.float64)
    if array.dtype.kind == "b":
        return Words(array.astype(np.int64), ["False", "True"])
    items = array.tolist()
    first = next((item for item in items if not _absent(item)), None)
    if hasattr(first, "isoformat"):
        return Moments(np.fromiter((not _absent(item) for item in items), np.bool_, len(items)))
    if isinstance(first, int | float) and not isinstance(first, bool):
        numbers = _numbers(items)
        if numbers is not None:
            return numbers
    return _words(items)


def choose_bins(values: Values) -> NumericBins | DiscreteBins | CategoryBins | TimeBins:
    """The bins that suit a column, from its reference values."""
    if isinstance(values, Moments):
        return TimeBins()
    if isinstance(values, Words):
        return _category_bins(values)
    finite = values[np.isfinite(values)]
    distinct = np.unique(finite)
    if distinct.size <= DISCRETE_VALUES:
        return DiscreteBins(values=distinct.tolist())
    inner = np.quantile(finite, np.linspace(0, 1, QUANTILE_BINS + 1)[1:-1])
    beyond = np.nextafter(distinct[-1], np.inf)  # the greatest reference value lies inside
    return NumericBins(edges=np.unique([distinct[0], *inner, beyond]).tolist())


def count(bins: Bins, values: Values) -> ColumnCounts:
    """Count ``values`` over ``bins``; what does not suit the bins' type is invalid."""
    if isinstance(bins, TimeBins):
        present = _present(values)
        return ColumnCounts(np.array([int(present.sum())]), missing=int((~present).sum()))
    if isinstance(values, Moments):
        absent = int((~values.present).sum())
        empty = np.zeros(bins.size, dtype=np.int64)
        return ColumnCounts(empty, missing=absent, invalid=values.present.size - absent)
    if isinstance(bins, CategoryBins):
        return _count_words(bins, values if isinstance(values, Words) else _as_words(values))
    if isinstance(values, Words):
        return _count_words_as_numbers(bins, values)
    return _count_numbers(bins, values)


def take(values: Values, rows: NDArray[np.bool_]) -> Values:
    """The values of some rows."""
    if isinstance(values, Words):
        return Words(values.codes[rows], values.words)
    return Moments(values.present[rows]) if isinstance(values, Moments) else values[rows]


def _count_numbers(bins: NumericBins | DiscreteBins, values: Floats) -> ColumnCounts:
    there = values[~np.isnan(values)]
    if isinstance(bins, NumericBins):
        place = np.searchsorted(np.asarray(bins.edges), there, side="right")
    else:
        known = np.asarray(bins.values)
        place = np.searchsorted(known, there)
        other = place == known.size
        other[~other] = known[place[~other]] != there[~other]
        place[other] = known.size
    finite = there[np.isfinite(there)]
    mean = float(finite.mean()) if finite.size else 0.0
    return ColumnCounts(
        counts=np.bincount(place, minlength=bins.size),
        missing=values.size - there.size,
        numbers=finite.size,
        mean=mean,
        spread=float(np.square(finite - mean).sum()),
    )


def _count_words(bins: CategoryBins, values: Words) -> ColumnCounts:
    place_of = {word: place for place, word in enumerate(bins.categories)}
    other = len(bins.categories)
    places = np.array([place_of.get(word, other) for word in values.words], dtype=np.int64)
    by_word = _by_word(values)
    strangers = {
        word
        for word, place, rows in zip(values.words, places, by_word, strict=True)
        if place == other and rows
    }
    counts = np.bincount(places, weights=by_word, minlength=bins.size).astype(np.int64)
    return ColumnCounts(
        counts=counts,
        missing=values.codes.size - int(by_word.sum()),
        strangers=_few(strangers),
    )


def _count_words_as_numbers(bins: NumericBins | DiscreteBins, values: Words) -> ColumnCounts:
    numbers = np.array([_number(word) for word in values.words], dtype=np.float64)
    by_word = _by_word(values)
    wrong = int(by_word[np.isnan(numbers)].sum()) if numbers.size else 0
    missing = values.codes.size - int(by_word.sum())
    counted = _count_numbers(bins, np.repeat(numbers, by_word))
    return ColumnCounts(
        counts=counted.counts,
        missing=missing,
        invalid=wrong,
        numbers=counted.numbers,
        mean=counted.mean,
        spread=counted.spread,
    )


def _category_bins(values: Words) -> CategoryBins:
    by_word = _by_word(values)
    found = [(-int(n), word) for n, word in zip(by_word, values.words, strict=True) if n]
    frequent = [word for _, word in sorted(found)[:CATEGORIES]]
    return CategoryBins(categories=frequent, complete=len(found) <= CATEGORIES)


def _by_word(values: Words) -> NDArray[np.int64]:
    return np.bincount(values.codes[values.codes >= 0], minlength=len(values.words))


def _present(values: Values) -> NDArray[np.bool_]:
    if isinstance(values, Moments):
        return values.present
    return values.codes >= 0 if isinstance(values, Words) else ~np.isnan(values)


def _as_words(values: Floats) -> Words:
    distinct, codes = np.unique(values + 0.0, return_inverse=True)  # -0.0 and 0.0 are one
    words = [f"{number:g}" for number in distinct.tolist()]
    return Words(np.where(np.isnan(values), -1, codes), words)


def _words(items: list[Any]) -> Words:
    known: dict[Any, int] = {}
    codes = (-1 if _absent(item) else known.setdefault(str(item), len(known)) for item in items)
    return Words(np.fromiter(codes, dtype=np.int64, count=len(items)), list(known))


def _numbers(items: list[Any]) -> Floats | None:
    try:
        numbers = (np.nan if _absent(item) else float(item) for item in items)
        return np.fromiter(numbers, dtype=np.float64, count=len(items))
    except (TypeError, ValueError):
        return None


def _number(word: str) -> float:
    try:
        return float(word)
    except ValueError:
        return float("nan")


def _absent(item: Any) -> bool:
    try:
        return item is None or bool(item != item)  # only nan and NaT differ from themselves
    except TypeError:  # pandas.NA does not even say whether it differs
        return True


def _few(words: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted({word[:_EXAMPLE_LENGTH] for word in words})[:_EXAMPLES])
