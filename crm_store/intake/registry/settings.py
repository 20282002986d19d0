"""The company registry of a data folder, as a JSON file."""

import time
from collections.abc import Mapping
from pathlib import Path

from pydantic import Field, SecretStr
from sqlalchemy.orm import Session, sessionmaker

from crm_store.intake.registry.breaker import CircuitBreaker
from crm_store.intake.registry.enrich import Enricher, Limits
from crm_store.intake.registry.http_provider import HttpRegistry, HttpRegistrySettings
from crm_store.json_settings import read_settings, resolved


class RegistrySettings(HttpRegistrySettings):
    """Where and how a registry is asked, and how often a day it may be."""

    look_ups_a_day: int = Field(default=Limits().look_ups_a_day, ge=1, le=1_000_000)


def read_registry(
    file: Path, environment: Mapping[str, str], sessions: sessionmaker[Session]
) -> Enricher | None:
    """Return the registry that a file sets up, None where there is no file. Raises StoreError.

    A ``token`` of the form ``env:NAME`` stands in the environment.
    """
    settings = read_settings(file, RegistrySettings, "registry_invalid", "工商信息接口")
    if settings is None:
        return None
    asked = HttpRegistrySettings.model_validate(settings.model_dump(exclude={"look_ups_a_day"}))
    if settings.token is not None:
        token = resolved(settings.token.get_secret_value(), environment, "registry_invalid", "token")
        asked = asked.model_copy(update={"token": SecretStr(token)})
    return Enricher(
        sessions, HttpRegistry(asked), CircuitBreaker(time.monotonic), Limits(settings.look_ups_a_day)
    )
