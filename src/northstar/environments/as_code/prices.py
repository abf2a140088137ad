"""What a plan costs a month: a list of prices held against its resources.

Azure's price service is not asked: the list is a file, dated, that a company can replace with what
it really pays. What the list doesn't know is said to be unknown, never taken for nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from northstar.documents import DocumentInvalid, parse_document
from northstar.environments.policies import at
from northstar.errors import NotFound

_Amount = Annotated[float, Field(ge=0)]
_Range = tuple[_Amount, _Amount]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Price(_Section):
    """What one kind of resource costs a month: at least and at most."""

    type: str
    where: dict[str, str | bool | int] = Field(default_factory=dict)
    month: _Range
    each_replica: _Range = (0.0, 0.0)
    usage: str = ""

    def fits(self, kind: str, values: Mapping[str, Any]) -> bool:
        """Whether it is the price of a resource with these values."""
        return kind == self.type and all(at(values, k) == v for k, v in self.where.items())


class PriceList(_Section):
    """Prices; of those that fit, the first counts."""

    currency: str
    as_of: date
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
        usage: what comes on top, by use.
        unknown: kinds of resources that the list doesn't know.
    """

    low: float
    high: float
    currency: str
    as_of: date
    usage: tuple[str, ...]
    unknown: tuple[str, ...]


def load_prices(own: Path | None = None) -> PriceList:
    """The list that comes with Northstar, a company's own entries before its.

    Raises ``NotFound`` and ``DocumentInvalid`` for the company's file.
    """
    shipped = files("northstar.environments.as_code") / "prices.yaml"
    known = _parse(shipped.read_text(encoding="utf-8"), Path("prices.yaml"))
    if own is None:
        return known
    try:
        text = own.read_text(encoding="utf-8")
    except OSError as error:
        raise NotFound(f"The prices in {own} can't be read: {error.strerror}.") from error
    theirs = _parse(text, own)
    replaced = {price.type for price in theirs.prices} | set(theirs.free)
    rest = tuple(price for price in known.prices if price.type not in replaced)
    free = tuple(kind for kind in known.free if kind not in replaced)
    return theirs.model_copy(
        update={"prices": (*theirs.prices, *rest), "free": (*theirs.free, *free)}
    )


def cost_of(
    prices: PriceList,
    made: list[tuple[str, Mapping[str, Any]]],
    removed: list[tuple[str, Mapping[str, Any]]],
) -> Cost:
    """What a month costs more with what is made, and less without what is removed.

    Args:
        made, removed: types without their provider, and values.
    """
    low = high = 0.0
    usage: dict[str, None] = {}
    unknown: dict[str, None] = {}
    for resources, sign in ((made, 1.0), (removed, -1.0)):
        for kind, values in resources:
            price = prices.of(kind, values)
            if price is None:
                unknown[kind] = None
                continue
            replicas = float(at(values, "template.0.min_replicas") or 0)
            low += sign * (price.month[0] + replicas * price.each_replica[0])
            high += sign * (price.month[1] + replicas * price.each_replica[1])
            if price.usage and sign > 0:
                usage[f"{kind.replace('_', ' ')}: {price.usage}"] = None
    low, high = min(low, high), max(low, high)
    return Cost(low, high, prices.currency, prices.as_of, tuple(usage), tuple(unknown))


def _parse(text: str, path: Path) -> PriceList:
    return parse_document(text, path, PriceList, DocumentInvalid, begins="currency: …")
