"""Where the control plane keeps its things; built once at start and passed in."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from northstar.access.sealing import key_from_file
from northstar.access.secret_sources import SecretSource, default_sources, read_secret
from northstar.access.sign_in.domain import SignInSettings, parse_roles
from northstar.errors import Invalid
from northstar.isolation.settings import IsolationSettings
from northstar.platform.database_identity import ENTRA, check_database
from northstar.storage.places import Places, local_folder
from northstar.telemetry.settings import azure_identity

DEFAULT_PORT = 8700
SQUADS_CODE = frozenset({"jobs", "endpoints"})
"""The kinds of squads' code that a server can leave to others."""


@dataclass(frozen=True)
class Settings:
    """Everything that differs between one installation and another.

    Args:
        state: the folder of everything that is neither in a database nor in a store.
        url: the address at which clients and endpoints reach the control plane.
        database_url: the control plane's database, as an SQLAlchemy URL.
        mlflow_database_url: MLflow's own database.
        entra_databases: whether this process's identity is signed in to both databases.
        trusted_proxies: networks whose ``X-Forwarded-For`` is believed.
        azure_monitor: the connection string of the Application Insights resource that gets the
            audit; empty for none.
        azure_identity: the client id of the identity whose token that resource wants; empty for
            the only one that there is, ``None`` where the connection string is enough.
        policies: a folder of the platform team's own access policies.
        encryption_key: what seals signing keys in the database; empty for the key in the file
            ``encryption.key`` of the state folder.
        rate_limit_store: where attempts to sign in are counted for all replicas; empty for each
            by itself.
        sign_in: how people sign in with their organisation's account, if they can.
        stores: where models, captures and MLflow's artifacts are; without it, in ``state``.
        isolation: how squads' code is kept apart; ``None`` where all is one person's.
        elsewhere: the kinds of squads' code that other servers run, or containers of its own.
        alert_webhook: where alerts about environments are told; empty for nowhere.
    """

    state: Path
    url: str
    database_url: str = field(repr=False)
    mlflow_database_url: str = field(repr=False)
    entra_databases: bool = False
    trusted_proxies: tuple[str, ...] = ()
    azure_monitor: str = field(default="", repr=False)
    azure_identity: str | None = None
    policies: Path | None = None
    encryption_key: str = field(default="", repr=False)
    rate_limit_store: str = field(default="", repr=False)
    sign_in: SignInSettings | None = None
    stores: Places | None = None
    isolation: IsolationSettings | None = None
    elsewhere: frozenset[str] = frozenset()
    alert_webhook: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        if self.entra_databases:
            check_database("NORTHSTAR_DATABASE_URL", self.database_url)
            check_database("NORTHSTAR_MLFLOW_DATABASE_URL", self.mlflow_database_url)

    @classmethod
    def embedded(cls, state: Path, host: str, port: int) -> Settings:
        """Everything in one folder, for one machine; ``policies`` in it, if it is there, too."""
        root = state.resolve()
        policies = root / "policies"
        return cls(
            state=root,
            url=f"http://{host}:{port}",
            database_url=f"sqlite:///{root / 'northstar.db'}",
            mlflow_database_url=f"sqlite:///{root / 'mlflow.db'}",
            policies=policies if policies.is_dir() else None,
        )

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> Settings:
        """For ``northstar server``: read ``NORTHSTAR_STATE``, ``NORTHSTAR_PUBLIC_URL``,
        ``NORTHSTAR_DATABASE_URL`` and ``NORTHSTAR_MLFLOW_DATABASE_URL``, and if they are there
        ``NORTHSTAR_DATABASE_IDENTITY``, ``NORTHSTAR_TRUSTED_PROXIES``,
        ``NORTHSTAR_AZURE_MONITOR``, ``NORTHSTAR_POLICIES``, ``NORTHSTAR_ENCRYPTION_KEY``,
        ``NORTHSTAR_RATE_LIMIT_STORE``, ``NORTHSTAR_SIGN_IN_…``, ``NORTHSTAR_ALERT_WEBHOOK``,
        ``NORTHSTAR_ELSEWHERE`` and ``NORTHSTAR_STORE``. What is secret may be a reference to a
        source of secrets. Raises ``Invalid``, and what reading a secret raises.
        """
        env = os.environ if environ is None else environ
        wanted = {
            "NORTHSTAR_STATE": "the folder for working files, and what is in no store",
            "NORTHSTAR_PUBLIC_URL": "the address that clients use",
            "NORTHSTAR_DATABASE_URL": "the control plane's database",
            "NORTHSTAR_MLFLOW_DATABASE_URL": "MLflow's database",
        }
        missing = [f"{name} ({what})" for name, what in wanted.items() if not env.get(name)]
        if missing:
            raise Invalid(
                f"The server's settings are incomplete: {', '.join(missing)}.",
                hint="Set them in the environment; docs/reference/settings.md explains each.",
            )
        sources = default_sources(env)
        return cls(
            state=Path(env["NORTHSTAR_STATE"]).resolve(),
            url=env["NORTHSTAR_PUBLIC_URL"].rstrip("/"),
            database_url=read_secret(env["NORTHSTAR_DATABASE_URL"], sources),
            mlflow_database_url=read_secret(env["NORTHSTAR_MLFLOW_DATABASE_URL"], sources),
            entra_databases=_entra_databases(env),
            trusted_proxies=tuple(env.get("NORTHSTAR_TRUSTED_PROXIES", "").split()),
            azure_monitor=read_secret(env.get("NORTHSTAR_AZURE_MONITOR", ""), sources),
            azure_identity=azure_identity(env),
            policies=Path(folder).resolve() if (folder := env.get("NORTHSTAR_POLICIES")) else None,
            encryption_key=read_secret(env.get("NORTHSTAR_ENCRYPTION_KEY", ""), sources),
            rate_limit_store=read_secret(env.get("NORTHSTAR_RATE_LIMIT_STORE", ""), sources),
            sign_in=_sign_in(env, sources),
            stores=Places.from_environment(env, Path(env["NORTHSTAR_STATE"]).resolve()),
            isolation=IsolationSettings.from_environment(env),
            elsewhere=_elsewhere(env),
            alert_webhook=read_secret(env.get("NORTHSTAR_ALERT_WEBHOOK", ""), sources),
        )

    def encryption_keys(self) -> list[str]:
        """What seals signing keys: the newest first. Made in the state folder if none is set."""
        if self.encryption_key:
            return self.encryption_key.split()
        self.state.mkdir(parents=True, exist_ok=True)
        return key_from_file(self.state / "encryption.key").split()

    @property
    def signed_in_to(self) -> tuple[str, ...]:
        """The databases that take a token of Entra's for a password."""
        return (self.database_url, self.mlflow_database_url) if self.entra_databases else ()

    @property
    def places(self) -> Places:
        """Where models, captures and MLflow's artifacts are kept."""
        return self.stores or Places.below(str(self.state))

    @property
    def captures(self) -> Path:
        """The folder in which endpoints of this machine leave what they were asked and what they
        answered; from there it is shipped, if captures are kept in a store.
        """
        return local_folder(self.places.captures) or self.state / "captures"

    @property
    def work(self) -> Path:
        """Where squads' code works; elsewhere than the state if it has users of its own."""
        return (self.isolation and self.isolation.folder) or self.state

    @property
    def jobs(self) -> Path:
        """Working folders of the runs that the platform starts."""
        return self.work / "jobs"

    @property
    def endpoints(self) -> Path:
        """Working folders of the endpoint processes."""
        return self.work / "endpoints"

    @property
    def connection_file(self) -> Path:
        """How commands on this machine find and enter the embedded platform (mode 0600)."""
        return self.state / "connection.json"


def _entra_databases(env: Mapping[str, str]) -> bool:
    identity = env.get("NORTHSTAR_DATABASE_IDENTITY", "")
    if identity not in ("", ENTRA):
        raise Invalid(
            f"NORTHSTAR_DATABASE_IDENTITY is {identity!r}.",
            hint=f"It can be {ENTRA}, or not be set.",
        )
    return bool(identity)


def _elsewhere(env: Mapping[str, str]) -> frozenset[str]:
    words = frozenset(env.get("NORTHSTAR_ELSEWHERE", "").split())
    if unknown := words - SQUADS_CODE:
        raise Invalid(
            f"NORTHSTAR_ELSEWHERE has {', '.join(sorted(unknown))}.",
            hint=f"It can have {' and '.join(sorted(SQUADS_CODE))}, separated by a blank.",
        )
    return words


def _sign_in(env: Mapping[str, str], sources: Mapping[str, SecretSource]) -> SignInSettings | None:
    """What ``NORTHSTAR_SIGN_IN_…`` says; ``None`` without an issuer."""
    if not (issuer := env.get("NORTHSTAR_SIGN_IN_ISSUER")):
        return None
    return SignInSettings(
        issuer=issuer,
        client_id=env.get("NORTHSTAR_SIGN_IN_CLIENT_ID", ""),
        client_secret=read_secret(env.get("NORTHSTAR_SIGN_IN_CLIENT_SECRET", ""), sources),
        claim=env.get("NORTHSTAR_SIGN_IN_CLAIM", ""),
        groups_claim=env.get("NORTHSTAR_SIGN_IN_GROUPS_CLAIM", "groups"),
        roles=parse_roles(env.get("NORTHSTAR_SIGN_IN_ROLES", "")),
    )
