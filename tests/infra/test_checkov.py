"""What Checkov is told; it runs in an environment of its own (``infra/checkov/check.sh``)."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

_CHECKOV = Path(__file__).resolve().parents[2] / "infra" / "checkov"


def test_every_waiver_says_why() -> None:
    text = (_CHECKOV / "config.yaml").read_text()
    waived = yaml.safe_load(text)["skip-check"]
    reasons = dict(re.findall(r"^  - (CKV\w+) # (.{20,})$", text, re.M))
    assert [one for one in waived if one not in reasons] == []
    assert len(set(waived)) == len(waived)


def test_our_policies_have_ids_of_their_own() -> None:
    policies = [yaml.safe_load(path.read_text()) for path in _CHECKOV.glob("policies/*.yaml")]
    ids = [policy["metadata"]["id"] for policy in policies]
    assert len(set(ids)) == len(ids) == 8
    assert all(one.startswith("CKV2_NORTHSTAR_") for one in ids)
