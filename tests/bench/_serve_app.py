"""The services of the serve bench: ours over the bench's data folder, and one that does nothing."""

from dataclasses import replace

import bentoml
from fastapi import FastAPI

from pipelines.runtime import OnlineFeatures, Runtime
from serving.app import create_app
from serving.bento_service import service_of
from serving.deps import ServingLimits
from serving.gate import GateLimits
from serving.online import LazyReader
from serving.online_memory import RememberingReader, sqlite_revision
from serving.workers import Worker


def build(remembered: int) -> FastAPI:
    """Return our app as the composition root wires it; it may remember that many rows and scores."""
    runtime, loading = Runtime.at(), Worker("loading")

    def reader() -> RememberingReader:
        revision = sqlite_revision(runtime.settings.features_folder / "online.db")
        return RememberingReader(OnlineFeatures(runtime.features, runtime.now), revision, remembered)

    deps = runtime.serving_deps(runtime.champions(loading), LazyReader(reader, loading))
    # A busy machine must not push the service down its ladder while it is measured.
    patient = GateLimits(base=5.0)
    limits = ServingLimits(online=patient, store=patient, remembered=remembered)
    return create_app(replace(deps, limits=limits))


known = service_of(lambda: build(20_000))
computed = service_of(lambda: build(0))


@bentoml.service(name="noop", workers=1, metrics={"enabled": False}, logging={"access": {"enabled": False}})
class Noop:
    """Answers a constant: the least a BentoML operation can cost."""

    @bentoml.api
    async def noop(self) -> dict[str, str]:
        """Return a constant."""
        return {"status": "ok"}
