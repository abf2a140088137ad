"""What a policy finds."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class Finding:
    """What a plan has that a policy does not allow.

    Args:
        policy: the policy's name.
        address: of the resource or variable.
    """

    policy: str
    address: str
    message: str
    hint: str
