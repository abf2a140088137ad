"""Where the control plane keeps its things; built once at start and passed in."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from northstar.errors import Invalid

DEFAULT_PORT = 8700


@dataclass(frozen=True)
class Settings:
    """Everything that differs between one installation and another.

    Args:
        state: the folder of everything that is not in a database.
        url: the address at which clients and endpoints reach the control plane.
        database_url: the control plane's database, as an SQLAlchemy URL.
        mlflow_database_url: MLflow's own database.
        trusted_proxies: networks whose ``X-Forwarded-For`` is believed.
        azure_monitor: the connection string of the Application Insights resource that gets the
            audit; empty for none.
        policies: a folder of the platform team's own access policies.
    """

    state: Path
    url: str
    database_url: str
    mlflow_database_url: str
    trusted_proxies: tuple[str, ...] = ()
    azure_monitor: str = field(default="", repr=False)
    policies: Path | None = None

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
        ``NORTHSTAR_TRUSTED_PROXIES``, ``NORTHSTAR_AZURE_MONITOR`` and ``NORTHSTAR_POLICIES``;
        raises ``Invalid``.
        """
        env = os.environ if environ is None else environ
        wanted = {
            "NORTHSTAR_STATE": "the folder for models and captures",
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
        return cls(
            state=Path(env["NORTHSTAR_STATE"]).resolve(),
            url=env["NORTHSTAR_PUBLIC_URL"].rstrip("/"),
            database_url=env["NORTHSTAR_DATABASE_URL"],
            mlflow_database_url=env["NORTHSTAR_MLFLOW_DATABASE_URL"],
            trusted_proxies=tuple(env.get("NORTHSTAR_TRUSTED_PROXIES", "").split()),
            azure_monitor=env.get("NORTHSTAR_AZURE_MONITOR", ""),
            policies=Path(folder).resolve() if (folder := env.get("NORTHSTAR_POLICIES")) else None,
        )

    @property
    def captures(self) -> Path:
        """Where endpoints leave what they were asked and what they answered."""
        return self.state / "captures"

    @property
    def models(self) -> Path:
        """The content-addressed store of registered models; only the platform writes it."""
        return self.state / "models"

    @property
    def jobs(self) -> Path:
        """Working folders of the runs that the platform starts."""
        return self.state / "jobs"

    @property
    def endpoints(self) -> Path:
        """Working folders of the endpoint processes."""
        return self.state / "endpoints"

    @property
    def mlflow_artifacts(self) -> Path:
        """Where MLflow's artifact proxy keeps what squads log."""
        return self.state / "mlflow-artifacts"

    @property
    def connection_file(self) -> Path:
        """How commands on this machine find and enter the embedded platform (mode 0600)."""
        return self.state / "connection.json"
