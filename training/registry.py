"""The only MLflow code: runs, data sets, metrics, registered versions and the alias ``champion``.

Bundles are logged as plain artifacts and registered by their place. No ``log_model``, no pyfunc: nothing
here pickles, and nobody has a reason to call MLflow's generic loader.
"""

from __future__ import annotations

import os
import tempfile
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

CHAMPION = "champion"
ARTIFACTS = "bundle"


@dataclass(frozen=True)
class RunRecord:
    """One training, as it is logged: ``dataset`` is what identifies the rows, ``files`` by artifact path."""

    model: str
    version: str
    company: str
    started_at: datetime
    finished_at: datetime
    dataset: Mapping[str, Any]
    dataset_digest: str
    params: Mapping[str, Any]
    metrics: Mapping[str, float]
    tags: Mapping[str, str]
    files: Mapping[str, bytes] = field(repr=False)


class Tracking(Protocol):
    """Where trainings are written down."""

    def record(self, run: RunRecord) -> str:
        """Log a run and register its bundle; return the registered version's name."""
        ...

    def promote(self, model: str, registered: str) -> None:
        """Give a registered version the alias ``champion``."""
        ...


class MlflowTracking:
    """MLflow on any tracking URI; ``artifacts`` is the URI or folder under which files go."""

    def __init__(self, uri: str, artifacts: str) -> None:
        self.uri, self.artifacts = uri, artifacts

    @classmethod
    def under(cls, home: Path) -> MlflowTracking:
        """Keep everything below one data folder: ``mlflow/mlflow.db`` and ``mlflow/artifacts``."""
        folder = home.resolve() / "mlflow"
        folder.mkdir(parents=True, exist_ok=True)
        return cls(f"sqlite:///{folder / 'mlflow.db'}", (folder / "artifacts").as_uri())

    @cached_property
    def client(self) -> Any:
        """MLflow's client. The first use of a new SQLite file takes seconds, for its tables."""
        # Read once when MLflow is imported, so it can't wait: nothing is reported to anyone.
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
        os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")
        with warnings.catch_warnings():
            # MLflow's own tables use a loader that SQLAlchemy 2.1 deprecates; nothing that we can change.
            warnings.simplefilter("ignore", DeprecationWarning)
            from mlflow import MlflowClient

            return MlflowClient(tracking_uri=self.uri, registry_uri=self.uri)

    def record(self, run: RunRecord) -> str:
        """Log parameters, metrics, data set, tags and files of a run, and register its bundle."""
        started = self.client.create_run(
            self._experiment(run.model),
            start_time=_millis(run.started_at),
            run_name=run.version,
            tags={"company": run.company, **run.tags},
        )
        run_id = started.info.run_id
        self._log(run_id, run)
        self.client.set_terminated(run_id, "FINISHED", end_time=_millis(run.finished_at))
        return self._register(run, run_id, f"{started.info.artifact_uri}/{ARTIFACTS}")

    def promote(self, model: str, registered: str) -> None:
        """Move the alias ``champion`` to a registered version."""
        self.client.set_registered_model_alias(model, CHAMPION, registered)

    def promote_bundle(self, model: str, version: str) -> bool:
        """Move the alias to the bundle of a version; tell whether the registry knows it."""
        found = self.client.search_model_versions(f"name = '{model}' and tags.bundle = '{version}'")
        if found:
            self.promote(model, max((one.version for one in found), key=int))
        return bool(found)

    def champion(self, model: str) -> str | None:
        """Return the registered version that has the alias ``champion``, None when none has."""
        from mlflow.exceptions import MlflowException

        try:
            return str(self.client.get_model_version_by_alias(model, CHAMPION).version)
        except MlflowException:
            return None

    def _experiment(self, name: str) -> str:
        found = self.client.get_experiment_by_name(name)
        if found is not None:
            return str(found.experiment_id)
        return str(self.client.create_experiment(name, artifact_location=f"{self.artifacts}/{name}"))

    def _log(self, run_id: str, run: RunRecord) -> None:
        from mlflow.entities import Dataset, DatasetInput, Metric, Param

        stamp = _millis(run.finished_at)
        metrics = [Metric(name, value, stamp, 0) for name, value in run.metrics.items()]
        params = [Param(name, str(value)) for name, value in run.params.items()]
        self.client.log_batch(run_id, metrics=metrics, params=params)
        source, profile = (_json(run.dataset.get(part, {})) for part in ("source", "profile"))
        dataset = Dataset(
            f"{run.company}.{run.model}", run.dataset_digest, "local", source, schema=None, profile=profile
        )
        self.client.log_inputs(run_id, datasets=[DatasetInput(dataset, tags=[])])
        with tempfile.TemporaryDirectory() as folder:
            for name, content in run.files.items():
                path = Path(folder, name)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
            self.client.log_artifacts(run_id, folder)

    def _register(self, run: RunRecord, run_id: str, source: str) -> str:
        if not self.client.search_registered_models(f"name = '{run.model}'"):
            self.client.create_registered_model(run.model)
        tags = {"bundle": run.version, "company": run.company, **run.tags}
        made = self.client.create_model_version(run.model, source, run_id=run_id, tags=tags)
        return str(made.version)


def _json(value: object) -> str:
    import json

    return json.dumps(value, ensure_ascii=False, sort_keys=True, default=str)


def _millis(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
