"""What is noted of a plan's exposure: what it opens, what it closes, and what can't be told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

NOT_KNOWN = "not known before the apply"


@dataclass(frozen=True)
class Note:
    """One sentence, what it is about, and whether it tells of roles."""

    about: Literal["opens", "doubts", "closes"]
    text: str
    roles: bool = False


def opens(text: str) -> Note:
    """More is reached, or more may be done."""
    return Note("opens", text)


def doubts(text: str) -> Note:
    """It may open something: somebody has to look."""
    return Note("doubts", text)


def closes(text: str) -> Note:
    """Less is reached, or less may be done."""
    return Note("closes", text)
