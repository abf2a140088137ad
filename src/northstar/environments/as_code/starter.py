"""What `northstar env init` writes: a platform to begin with, to be filled in."""

from __future__ import annotations

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
