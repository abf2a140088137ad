"""Whose tokens Entra ID takes for an identity: pipelines of ours, for CI alone."""

from __future__ import annotations

import re
from collections.abc import Iterator, Set

from northstar.environments.azure_devops import service_connection
from northstar.environments.plan import Plan
from northstar.environments.policies.findings import Finding

_GITHUB = "https://token.actions.githubusercontent.com"
_REPOSITORY = re.compile(r"repo:[\w.-]+/[\w.-]+:environment:[\w.-]+")
_ENTRA = re.compile(r"https://login\.microsoftonline\.com/([\w-]+)/v2\.0/?")
_AUDIENCE = ["api://AzureADTokenExchange"]


def trusts(plan: Plan) -> Iterator[Finding]:
    """Federated credentials are CI's, of one repository or connection, of the platform's tenant."""
    tenants = {str(one.values.get("tenant_id")) for one in plan.of_type("azurerm_key_vault")}
    for one in plan.of_type("azurerm_federated_identity_credential"):
        identities = plan.leads_to(one, "user_assigned_identity_id")
        if {identity.key for identity in identities} != {"ci"}:
            message = "It is not proven to be of a squad's identity for CI."
            yield Finding("trusts", one.address, message, "Give it that identity.")
        if one.values.get("audience") != _AUDIENCE:
            hint = f"Set audience to {_AUDIENCE[0]} alone."
            yield Finding("trusts", one.address, "Its tokens are not for Entra ID alone.", hint)
        issuer, subject = str(one.values.get("issuer")), str(one.values.get("subject"))
        if said := _objection(issuer, subject, tenants):
            yield Finding("trusts", one.address, *said)


def _objection(issuer: str, subject: str, tenants: Set[str]) -> tuple[str, str] | None:
    if issuer == _GITHUB:
        if _REPOSITORY.fullmatch(subject):
            return None
        return "Its subject is not one environment of one repository.", "Name repo:…:environment:…."
    entra = _ENTRA.fullmatch(issuer)
    if not entra or entra[1] not in tenants:
        message = f"Its issuer {issuer} is not proven to be of the platform's tenant."
        return message, "Convert the service connection to the issuer of the platform's tenant."
    connection = service_connection(subject)
    if connection is None or not connection.is_of(entra[1]):
        hint = "Copy the subject that the connection shows: /eid1/c/pub/t/…/sc/…/…."
        return "Its subject is not one service connection of Azure DevOps in that tenant.", hint
    return None
