"""What `northstar env init` writes: a platform to begin with, to be filled in."""

from __future__ import annotations

from datetime import date, timedelta

from northstar.environments.as_code.waivers import LONGEST_DAYS

_STORE, _REGISTRY = "azurerm_storage_account", "azurerm_container_registry"
OF_THE_MODULES: tuple[tuple[str, str, str], ...] = (
    (
        "CKV2_AZURE_1",
        _STORE,
        "Microsoft's keys encrypt the accounts, twice; a key of our own is one more thing to lose.",
    ),
    (
        "CKV_AZURE_164",
        _REGISTRY,
        "Docker Content Trust ends in 2028, and azurerm 5 has no trust_policy_enabled any more.",
    ),
    (
        "CKV_AZURE_165",
        _REGISTRY,
        "The platform is in one region, and so are those who pull images.",
    ),
    (
        "CKV_AZURE_166",
        _REGISTRY,
        "In quarantine an image waits for a scanner's verdict; no scanner gives one.",
    ),
    (
        "CKV_AZURE_186",
        "azurerm_app_configuration",
        "Microsoft's keys encrypt the store; what is secret is in a vault, and not in it.",
    ),
    (
        "CKV_AZURE_206",
        _STORE,
        "Three zones keep what can be made again; models are in two regions in staging and prod.",
    ),
    (
        "CKV_AZURE_233",
        _REGISTRY,
        "A small stage has one zone; that others have three, Checkov does not follow over a local.",
    ),
)
"""What Checkov finds in the modules as they come: the check, the type, and why it is so."""

STARTER = """\
# yaml-language-server: $schema=platform.schema.json
# A platform: what is written here is what `northstar env plan STAGE` compares with Azure.
# Editors show every field by the schema, which `northstar env schema` prints.
platform: northstar
tenant: 00000000-0000-0000-0000-000000000000        # your Entra tenant
regions: [westeurope]                               # where data may be

tags:
  owner: platform-team
  cost_center: "0000"

administrators:                                     # an Entra group, of the database server
  name: northstar-administrators
  group: 00000000-0000-0000-0000-000000000000

alerts:
  platform: platform@example.com

stages:
  dev:
    subscription: 00000000-0000-0000-0000-000000000000
    region: westeurope
    addresses: 10.40.0.0/22
    # network: { people_from: [10.8.0.0/16] }     # private addresses that you come from, as a VPN's
    size: small
    # image: northstar:0.1.0      # once it is in the stage's registry: not before the first apply
    state: { resource_group: rg-northstar-state-dev, account: stnorthstarstatedev }

squads:
  first-squad:
    people: 00000000-0000-0000-0000-000000000000    # an Entra group
    github: []                                      # ORGANISATION/NAME, whose workflows are its CI
    budget: { monthly: 500 }
"""

_ABOUT_WAIVERS = """
# What `northstar env scan` finds in the modules as they come, and why those who made them decided
# so. Take over what you agree with: who asks and who approves are two persons of yours.
# waivers:
"""


def starter(today: date) -> str:
    """A platform to begin with, and the waivers that a company would need, for it to take over."""
    until = today + timedelta(days=LONGEST_DAYS)
    waivers = [
        f"""\
#   - policy: {policy}
#     resource: "*.{kind}.this"
#     reason: {reason}
#     approved_on: {today}
#     until: {until}
#     requested_by: who.asks@example.com
#     approved_by: who.approves@example.com
"""
        for policy, kind, reason in OF_THE_MODULES
    ]
    return f"{STARTER}{_ABOUT_WAIVERS}{''.join(waivers)}"
