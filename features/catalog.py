"""Every feature there is. To add one, declare it in its group's module: all else follows from here.

Light on purpose: no data-frame library is imported, so that the command line and serving may read it.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from datetime import timedelta
from functools import cache
from typing import Any

from crm_store.domain.sources import SOURCES
from features import (
    account_commerce,
    account_contract,
    account_relationship,
    account_service,
    account_voice,
    lead_context,
    lead_engagement,
    lead_handling,
    lead_profile,
    rep_fit,
    rep_state,
)
from features.composed import COMPOSED
from features.declare import ENTITIES, Entity, Feature, Language, Value
from features.errors import FeatureError

_GROUPS = (
    lead_profile,
    lead_engagement,
    lead_handling,
    lead_context,
    account_relationship,
    account_commerce,
    account_service,
    account_voice,
    account_contract,
    rep_state,
    rep_fit,
)


def collect(features: Iterable[Feature]) -> dict[str, Feature]:
    """Return the features by name; a name that is used twice is a mistake."""
    found: dict[str, Feature] = {}
    for feature in features:
        if feature.name in found:
            raise ValueError(f"{feature.name} is declared twice")
        found[feature.name] = feature
    return found


CATALOG: Mapping[str, Feature] = collect(feature for group in _GROUPS for feature in group.FEATURES)


def entity_named(name: str) -> Entity:
    """Return the entity, or raise FeatureError ``unknown_entity``."""
    if name not in ENTITIES:
        raise FeatureError("unknown_entity", "entity", str(name))
    return ENTITIES[name]


def features_of(entity: str, names: Iterable[str] | None = None) -> tuple[Feature, ...]:
    """Return the entity's features in catalog order, or the named ones in the order asked for.

    Raises FeatureError ``unknown_entity`` or ``unknown_feature``.
    """
    entity_named(entity)
    if names is None:
        return tuple(feature for feature in CATALOG.values() if feature.entity.name == entity)
    chosen = tuple(_feature(entity, name) for name in dict.fromkeys(names))
    if not chosen:
        raise FeatureError("unknown_feature", "features", "—")
    return chosen


def names_of(entity: str) -> tuple[str, ...]:
    """Return the names of the entity's features in catalog order."""
    return tuple(feature.name for feature in features_of(entity))


def sentence(name: str, value: Value, language: Language) -> str:
    """Say a feature's value in words, e.g. 近30天聊天互动 3 次."""
    feature = CATALOG.get(name) or COMPOSED.get(name)
    if feature is None:
        raise FeatureError("unknown_feature", "feature", name)
    return feature.say(value, language)


@cache
def catalog_hash() -> str:
    """Return 16 hex digits that change with what any feature computes or a source's columns.

    Titles and sentences do not count: mending a word leaves models and built features as good as they were.
    """
    columns = {name: list(table.columns.items()) for name, table in SOURCES.items()}
    both = hash_of([*CATALOG.values(), *COMPOSED.values()]) + json.dumps(columns, sort_keys=True)
    return hashlib.sha256(both.encode()).hexdigest()[:16]


def hash_of(features: Iterable[Feature]) -> str:
    """Return 16 hex digits for these declarations; their order does not matter."""
    said = sorted(json.dumps(_computed(feature), ensure_ascii=False, sort_keys=True) for feature in features)
    return hashlib.sha256("\n".join(said).encode()).hexdigest()[:16]


def _feature(entity: str, name: str) -> Feature:
    feature = CATALOG.get(name)
    if feature is None or feature.entity.name != entity:
        raise FeatureError("unknown_feature", "features", str(name))
    return feature


def _computed(feature: Feature) -> Any:
    return [feature.name, feature.entity.key, _plain(feature.value), feature.dtype, feature.unit]


def _plain(value: object) -> Any:
    if is_dataclass(value):
        return [type(value).__name__, *(_plain(getattr(value, field.name)) for field in fields(value))]
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return value.total_seconds() if isinstance(value, timedelta) else value
