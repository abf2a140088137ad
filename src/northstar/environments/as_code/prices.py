"""What a plan costs a month: a list of prices held against its resources.

Azure's price service is not asked: the list is a file, dated, that a company can replace with what
it really pays. What the list doesn't know is said to be unknown, never taken for nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
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
        each_replica: on top, for each replica, node or gigabyte a day that is always there.
        replicas: the ways to the attributes that say how many of them are always there, and how
            many there can be at most; an empty way stands for none.
        each: the way to an attribute whose value multiplies ``each_replica``, such as its cores.
        size: the way to an attribute that says which of ``sizes`` stands for ``each_replica``.
        once: on top, once for all resources of this type in a workspace.
        usage: what comes on top, by use.
    """

    type: str
    where: dict[str, str | bool | int] = Field(default_factory=dict)
    month: _Range
    each_replica: _Range = (0.0, 0.0)
    replicas: tuple[str, str] = ("template.0.min_replicas", "template.0.max_replicas")
    each: str = ""
    size: str = ""
    sizes: dict[str, _Range] = Field(default_factory=dict)
    once: _Range = (0.0, 0.0)
    usage: str = ""

    def fits(self, kind: str, values: Mapping[str, Any]) -> bool:
        """Whether it is the price of a resource with these values."""
        if kind != self.type or (self.size and at(values, self.size) not in self.sizes):
            return False
        return all(at(values, k) == v for k, v in self.where.items())

    def amounts(self, values: Mapping[str, Any]) -> _Range:
        """What a resource with these values costs a month: at least and at most."""
        times = self._number(values, self.replicas[0]) * self._factor(values)
        low, high = (a + times * b for a, b in zip(self.month, self._each(values), strict=True))
        return low, high

    def by_use(self, values: Mapping[str, Any]) -> float | None:
        """What its use can cost on top at most; ``None`` where nothing says how much there is."""
        if not self._each(values)[1] or at(values, self.replicas[1]) is None:
            return None
        always, most = (self._number(values, way) for way in self.replicas)
        return max(0.0, most - always) * self._factor(values) * self._each(values)[1]

    def _each(self, values: Mapping[str, Any]) -> _Range:
        return self.sizes[at(values, self.size)] if self.size else self.each_replica

    def _number(self, values: Mapping[str, Any], way: str) -> float:
        return float((at(values, way) if way else None) or 0)

    def _factor(self, values: Mapping[str, Any]) -> float:
        return float((at(values, self.each) if self.each else None) or 1)


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
    """A resource to be priced: its type without the provider, and its values on both sides.

    Attributes:
        within: what it shares a cost with that is paid once, such as its workspace.
        same: whether nothing of it changes but its tags; it then only counts for such a cost.
    """

    kind: str
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None
    within: str = ""
    same: bool = False


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


def cost_of(prices: PriceList, resources: Iterable[Priced]) -> Cost:
    """What a month costs more or less with what is made, changed and removed.

    What a resource costs at least counts against what it cost at least, as it stays the same one;
    of different resources, the least of one counts against the most of the other.
    """
    every = list(resources)
    low, high = _paid_once(prices, every)
    used: dict[tuple[str, str], list[_Use]] = {}
    unknown: Counter[str] = Counter()
    for one in every:
        if one.same:
            continue
        old, new = (_amounts(prices, one.kind, side) for side in (one.before, one.after))
        if old is None or new is None:
            unknown[_unpriced(prices, one)] += 1
            continue
        if one.before and one.after:
            least, most = sorted((new[0] - old[0], new[1] - old[1]))
        else:
            least, most = new[0] - old[1], new[1] - old[0]
        low, high = low + least, high + most
        price = prices.of(one.kind, one.after) if one.after else None
        if price and price.usage:
            use = _Use(_most(prices, one.kind, one.before), price.by_use(one.after or {}))
            used.setdefault((noun_of(one.kind), price.usage), []).append(use)
    usage = tuple(_in_words(*named, uses, prices.currency) for named, uses in used.items())
    missing = tuple(counted(count, kind) for kind, count in sorted(unknown.items()))
    return Cost(low, high, prices.currency, prices.as_of, prices.source, usage, missing)


@dataclass(frozen=True)
class _Use:
    """What a resource's use can cost a month at most: before, and afterwards."""

    before: float | None
    after: float | None


def _in_words(noun: str, usage: str, uses: Sequence[_Use], currency: str) -> str:
    """``training cluster: nodes while they train, at most 740 EUR a month (200 until now)``."""
    known = [one.after for one in uses if one.after is not None]
    if len(known) < len(uses):
        return f"{noun}: {usage}"
    new, old = sum(known), sum(one.before or 0.0 for one in uses)
    now = f" ({old:,.0f} until now)" if old and old != new else ""
    return f"{noun}: {usage}, at most {new:,.0f} {currency} a month{now}"


def _paid_once(prices: PriceList, resources: Sequence[Priced]) -> _Range:
    """What is paid once for several resources: with the first of them, and until the last."""
    before: dict[tuple[str, str], _Range] = {}
    after: dict[tuple[str, str], _Range] = {}
    for one in resources:
        for values, side in ((one.before, before), (one.after, after)):
            if values is not None and (price := prices.of(one.kind, values)):
                side[one.kind, one.within] = price.once
    new = [once for key, once in after.items() if key not in before]
    gone = [once for key, once in before.items() if key not in after]
    low = sum(once[0] for once in new) - sum(once[1] for once in gone)
    return low, sum(once[1] for once in new) - sum(once[0] for once in gone)


def _amounts(prices: PriceList, kind: str, values: Mapping[str, Any] | None) -> _Range | None:
    """What a resource costs; nothing if it isn't there, ``None`` if the list doesn't know it."""
    if values is None:
        return 0.0, 0.0
    price = prices.of(kind, values)
    return price.amounts(values) if price else None


def _most(prices: PriceList, kind: str, values: Mapping[str, Any] | None) -> float | None:
    price = prices.of(kind, values) if values else None
    return price.by_use(values) if price and values else None


def _unpriced(prices: PriceList, one: Priced) -> str:
    """What the list doesn't know: the kind, and what the prices of the kind are told apart by."""
    known = [price for price in prices.prices if price.type == one.kind]
    ways = dict.fromkeys(way for price in known for way in (*price.where, price.size) if way)
    sides = [side for side in (one.before, one.after) if side and not prices.of(one.kind, side)]
    told = dict.fromkeys(str(at(side, way)) for side in sides for way in ways if at(side, way))
    return f"{noun_of(one.kind)} of {', '.join(told)}" if told else noun_of(one.kind)


def _parse(text: str, path: Path) -> PriceList:
    return parse_document(text, path, PriceList, DocumentInvalid, begins="currency: …")
