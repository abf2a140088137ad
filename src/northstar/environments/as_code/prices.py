"""What a plan costs a month: a list of prices held against its resources.

Azure's price service is not asked: the list is a file, dated, that a company can replace with what
it really pays. What the list doesn't know is said to be unknown, never taken for nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from northstar.documents import DocumentInvalid, parse_document, read_text
from northstar.environments.as_code.wording import counted, noun_of
from northstar.environments.policies import at
from northstar.errors import NotFound

_Amount = Annotated[float, Field(ge=0)]
_Range = tuple[_Amount, _Amount]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Price(_Section):
    """What one kind of resource costs a month: at least and at most.

    Attributes:
        each_replica: on top, for each replica that always runs.
        each: the way to an attribute whose value multiplies ``each_replica``, such as its cores.
    """

    type: str
    where: dict[str, str | bool | int] = Field(default_factory=dict)
    month: _Range
    each_replica: _Range = (0.0, 0.0)
    each: str = ""
    usage: str = ""

    def fits(self, kind: str, values: Mapping[str, Any]) -> bool:
        """Whether it is the price of a resource with these values."""
        return kind == self.type and all(at(values, k) == v for k, v in self.where.items())

    def amounts(self, values: Mapping[str, Any]) -> _Range:
        """What a resource with these values costs a month: at least and at most."""
        replicas = float(at(values, "template.0.min_replicas") or 0)
        times = replicas * float((at(values, self.each) if self.each else None) or 1)
        low, high = (a + times * b for a, b in zip(self.month, self.each_replica, strict=True))
        return low, high


class PriceList(_Section):
    """Prices; of those that fit, the first counts.

    Attributes:
        source: where they are from, in words.
    """

    currency: str
    as_of: date
    source: str = ""
    prices: tuple[Price, ...]
    free: tuple[str, ...] = ()

    def of(self, kind: str, values: Mapping[str, Any]) -> Price | None:
        """The price of a resource; ``None`` when the list doesn't know it."""
        if kind in self.free:
            return Price(type=kind, month=(0.0, 0.0))
        return next((price for price in self.prices if price.fits(kind, values)), None)


@dataclass(frozen=True)
class Cost:
    """By how much a month's cost changes: at least and at most, in the list's currency.

    Attributes:
        source: where the prices are from, in words; may be empty.
        usage: what comes on top, by use.
        unknown: resources that the list doesn't know: how many of which kind.
    """

    low: float
    high: float
    currency: str
    as_of: date
    source: str
    usage: tuple[str, ...]
    unknown: tuple[str, ...]


@dataclass(frozen=True)
class Priced:
    """A resource to be priced: its type without the provider, and its values on both sides."""

    kind: str
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None


def load_prices(own: Path | None = None) -> PriceList:
    """The list that comes with Northstar, a company's own entries instead of its.

    Raises ``NotFound`` and ``DocumentInvalid`` for the company's file.
    """
    shipped = files("northstar.environments.as_code") / "prices.yaml"
    known = _parse(shipped.read_text(encoding="utf-8"), Path("prices.yaml"))
    if own is None:
        return known
    try:
        theirs = _parse(read_text(own, DocumentInvalid), own)
    except FileNotFoundError as error:
        raise NotFound(f"There are no prices in {own}.") from error
    replaced = {price.type for price in theirs.prices} | set(theirs.free)
    free = tuple(kind for kind in known.free if kind not in replaced)
    # Amounts in another currency can't be added: what theirs doesn't know, is then unknown.
    same = theirs.currency == known.currency
    rest = tuple(price for price in known.prices if same and price.type not in replaced)
    source = theirs.source or own.name
    if rest:
        source += f"; for the rest {known.source} of {known.as_of}"
    merged = {"prices": (*theirs.prices, *rest), "free": (*theirs.free, *free), "source": source}
    return theirs.model_copy(update=merged)


def cost_of(prices: PriceList, changed: Iterable[Priced]) -> Cost:
    """What a month costs more or less with what is made, changed and removed.

    What a resource costs at least counts against what it cost at least, as it stays the same one;
    of different resources, the least of one counts against the most of the other.
    """
    low = high = 0.0
    usage: dict[str, None] = {}
    unknown: Counter[str] = Counter()
    for one in changed:
        old, new = (_amounts(prices, one.kind, side) for side in (one.before, one.after))
        if old is None or new is None:
            unknown[noun_of(one.kind)] += 1
            continue
        if one.before and one.after:
            least, most = sorted((new[0] - old[0], new[1] - old[1]))
        else:
            least, most = new[0] - old[1], new[1] - old[0]
        low, high = low + least, high + most
        price = prices.of(one.kind, one.after or {}) if not one.before else None
        if price and price.usage:
            usage[f"{noun_of(one.kind)}: {price.usage}"] = None
    missing = tuple(counted(count, kind) for kind, count in sorted(unknown.items()))
    return Cost(low, high, prices.currency, prices.as_of, prices.source, tuple(usage), missing)


def _amounts(prices: PriceList, kind: str, values: Mapping[str, Any] | None) -> _Range | None:
    """What a resource costs; nothing if it isn't there, ``None`` if the list doesn't know it."""
    if values is None:
        return 0.0, 0.0
    price = prices.of(kind, values)
    return price.amounts(values) if price else None


def _parse(text: str, path: Path) -> PriceList:
    return parse_document(text, path, PriceList, DocumentInvalid, begins="currency: …")
