"""Settings: where the data folder is, and what replaces its embedded parts in production.

Every field is an environment variable with the prefix ``LEADPULSE_``, e.g. ``LEADPULSE_DATABASE_URL``.
Read once by the command line and passed on; nothing reads the environment behind its back.
"""

from pathlib import Path
from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """One data folder holds all state of the embedded profile; the URLs move parts of it elsewhere."""

    model_config = SettingsConfigDict(env_prefix="LEADPULSE_")

    home: Path = Field(Path(".leadpulse"), description="the data folder")
    database_url: str = Field("", description="record store; SQLite in the data folder unless given")
    online_url: str = Field("", description="online features; SQLite in the data folder unless redis://…")
    features_engine: Literal["duckdb", "spark"] = Field(
        "duckdb", description="what works sets of features out"
    )
    spark_master: str = Field("local[*]", description="the Spark cluster, for features_engine=spark")
    tracking_uri: str = Field("", description="MLflow; SQLite in the data folder unless given")
    host: str = Field("127.0.0.1", description="address that the services bind to")
    api_port: int = Field(3000, ge=1, le=65535, description="scoring API")
    workbench_port: int = Field(8080, ge=1, le=65535, description="workbench")
    mlflow_port: int = Field(5000, ge=1, le=65535, description="MLflow UI")
    public_workbench_url: str = Field("", description="the workbench as browsers see it, behind a proxy")
    seals_folder: Path | None = Field(
        None, description="seals of the change log; in the data folder unless given"
    )
    seal_key: Path | None = Field(None, description="key that signs seals; in the data folder unless given")

    @property
    def folder(self) -> Path:
        """The data folder, absolute."""
        return self.home.expanduser().resolve()

    @property
    def store_url(self) -> str:
        """The record store's URL."""
        return self.database_url or f"sqlite:///{self.folder / 'crm.db'}"

    @property
    def tracking(self) -> str:
        """The MLflow tracking URI."""
        return self.tracking_uri or f"sqlite:///{self.mlflow_folder / 'mlflow.db'}"

    @property
    def mlflow_folder(self) -> Path:
        """MLflow's embedded store and its artifacts."""
        return self.folder / "mlflow"

    @property
    def features_folder(self) -> Path:
        """The Feast repository: sources, definitions, registry, offline and embedded online store."""
        return self.folder / "features"

    @property
    def models_folder(self) -> Path:
        """Bundles and the pointer to each champion."""
        return self.folder / "models"

    @property
    def connectors_file(self) -> Path:
        """The order connectors: name → settings."""
        return self.folder / "connectors.json"

    @property
    def registry_file(self) -> Path:
        """The company registry that accounts are filled in from."""
        return self.folder / "registry.json"

    @property
    def imports_folder(self) -> Path:
        """The files that the command imports, until they are loaded, and what it rejects of them."""
        return self.folder / "imports"

    @property
    def uploads_folder(self) -> Path:
        """The files that are imported over HTTP, until they are loaded, and what is rejected of them."""
        return self.folder / "uploads"
