"""The settings of a control plane that ``platform.yaml`` may say, and why it may not say others.

All of them stand in ``docs/reference/settings.md``, and a test holds this list to that page.
"""

from __future__ import annotations

from collections.abc import Mapping

from northstar.documents import did_you_mean

SETTABLE = (
    "NORTHSTAR_ALERT_WEBHOOK",
    "NORTHSTAR_JOB_LIMITS",
    "NORTHSTAR_JOB_VARIABLES",
    "NORTHSTAR_POLICIES",
    "NORTHSTAR_PUBLIC_URL",
    "NORTHSTAR_RATE_LIMIT_STORE",
    "NORTHSTAR_SIGN_IN_CLAIM",
    "NORTHSTAR_SIGN_IN_CLIENT_ID",
    "NORTHSTAR_SIGN_IN_CLIENT_SECRET",
    "NORTHSTAR_SIGN_IN_GROUPS_CLAIM",
    "NORTHSTAR_SIGN_IN_ISSUER",
    "NORTHSTAR_SIGN_IN_ROLES",
)

_DATABASE = "it is the database that the stage has"
_STORE = "it is the store that the stage has, and the only one that the control plane has a role on"
_FOLDER = "it is a folder that the stage has"
_JOBS = "squads' code must not run as the user that reads the platform's secrets"
_SETTINGS = "it is the store of settings that the stage has"

KEPT: Mapping[str, str] = {
    "NORTHSTAR_APP_CONFIGURATION": _SETTINGS,
    "NORTHSTAR_APP_CONFIGURATION_LABEL": _SETTINGS,
    "NORTHSTAR_AZURE_MONITOR": "the audit goes to the stage's Application Insights",
    "NORTHSTAR_CAPTURES": _STORE,
    "NORTHSTAR_DATABASE_IDENTITY": _DATABASE,
    "NORTHSTAR_DATABASE_URL": _DATABASE,
    "NORTHSTAR_ELSEWHERE": "one server answers and another one runs jobs, and each has its own",
    "NORTHSTAR_ENCRYPTION_KEY": "it is northstar-encryption-key in the platform's vault",
    "NORTHSTAR_JOBS": _JOBS,
    "NORTHSTAR_JOB_UIDS": _JOBS,
    "NORTHSTAR_MLFLOW_ARTIFACTS": _STORE,
    "NORTHSTAR_MLFLOW_DATABASE_URL": _DATABASE,
    "NORTHSTAR_MODELS": _STORE,
    "NORTHSTAR_STATE": _FOLDER,
    "NORTHSTAR_STORE": _STORE,
    "NORTHSTAR_TRUSTED_PROXIES": "it is the ingress of the stage alone: "
    "who is believed can put any address into the audit",
    "NORTHSTAR_WORK": _FOLDER,
}
"""Why a setting can't be another one: the platform sets it."""


def fault_of(name: str) -> str:
    """What is wrong with a setting of such a name; empty if it may be there."""
    if name in SETTABLE:
        return ""
    if why := KEPT.get(name):
        return f"is set by the platform: {why}"
    return f"is no setting of the control plane{did_you_mean(name, (*SETTABLE, *KEPT))}"
