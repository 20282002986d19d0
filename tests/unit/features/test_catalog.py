"""The catalog: every feature says what it is, what it is made of and how it is said."""

import subprocess
import sys
from dataclasses import replace
from datetime import timedelta

import pytest

from crm_store.domain.sources import SOURCES
from features.catalog import CATALOG, catalog_hash, collect, features_of, hash_of, names_of, sentence
from features.declare import ENTITIES, LEAD, Feature, count, days, latest, total
from features.errors import FeatureError
from features.expressions import DAY, WEEK, Aggregate, Constant, Selection, StillAhead

# The rule documents read these.
NEEDED_BY_RULES = [
    "lead_has_company",
    "lead_dwell_max_30d_s",
    "lead_downloads_30d",
    "lead_competitor_searches_30d",
    "lead_last_interaction_h",
    "lead_chats_30d",
    "lead_long_visits_30d",
    "lead_downloads_all",
    "lead_chats_all",
    "lead_long_visits_all",
    "account_days_since_order",
    "account_order_interval_days",
    "account_order_recency_ratio",
    "account_tickets_open",
    "account_first_response_mean_90d_h",
    "account_satisfaction_mean_180d",
    "account_risk_words_90d",
    "account_risk_words_last3",
    "account_chats_30d",
    "account_downloads_30d",
    "account_days_to_expiry",
    "account_days_since_contact",
]
WON = Selection("lead_flow", via="market")


def test_there_are_at_least_forty_features_and_those_that_rules_read():
    assert len(CATALOG) >= 40
    assert set(NEEDED_BY_RULES) <= set(CATALOG)
    assert {name for entity in ENTITIES for name in names_of(entity)} == set(CATALOG)


@pytest.mark.parametrize("feature", CATALOG.values(), ids=lambda feature: feature.name)
def test_a_feature_has_words_in_both_languages_and_records_behind_it(feature: Feature):
    value = "上海" if feature.dtype == "string" else 1.0
    said = {feature.say(value, "zh"), feature.say(value, "en"), *feature.title}

    assert len(said) >= 3
    assert not any("{" in words or "None" in words for words in said)
    assert feature.aggregates
    assert feature.owner
    assert feature.known_from.endswith(".recorded_at")


@pytest.mark.parametrize("feature", CATALOG.values(), ids=lambda feature: feature.name)
def test_a_feature_reads_columns_that_its_source_has(feature: Feature):
    for figure in feature.aggregates:
        chosen = figure.selection
        columns = SOURCES[chosen.source].columns
        read = [condition.column for condition in (*chosen.conditions, *chosen.among)]
        read += [figure.column] if figure.column not in (None, DAY, WEEK) else []
        read += [chosen.unless.key, chosen.unless.condition.column] if chosen.unless else []
        read += [feature.entity.key if chosen.via is None else chosen.via]
        assert set(read) <= set(columns)
        assert all(columns[c.column] == "moment" for c in chosen.conditions if isinstance(c, StillAhead))


def test_the_hash_is_the_same_in_every_process():
    code = "from features.catalog import catalog_hash; print(catalog_hash())"
    found = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for seed in ("1", "2")
    }

    assert found == {catalog_hash()}


@pytest.mark.parametrize(
    "change",
    [
        {"unit": "ratio"},
        {"value": count(Selection("activities").where(channel="chat"), days(31))},
        {"value": count(Selection("activities").where(channel="call"), days(30))},
        {"value": count(Selection("activities").where(channel="chat"), days(30)) * 2},
    ],
    ids=lambda change: next(iter(change)),
)
def test_the_hash_changes_with_anything_that_a_declaration_computes(change):
    feature = CATALOG["lead_chats_30d"]

    assert hash_of([feature]) != hash_of([replace(feature, **change)])


@pytest.mark.parametrize(
    "change",
    [
        {"title": ("近30天聊天", "Chats, 30 days")},
        {"sentence": ("{value} 次", "{value} times")},
        {"absent": ("尚无", "None yet")},
        {"owner": "somebody else"},
    ],
)
def test_mending_a_word_leaves_the_hash(change):
    feature = CATALOG["lead_chats_30d"]

    assert hash_of([feature]) == hash_of([replace(feature, **change)])


def test_the_hash_does_not_depend_on_the_order_of_declarations():
    some = features_of("lead")[:5]

    assert hash_of(some) == hash_of(reversed(some))


def test_reading_the_catalog_imports_no_data_frames():
    heavy = {"pandas", "ibis", "feast", "duckdb", "numpy"}
    code = f"import sys, features.catalog; print(sorted({heavy} & set(sys.modules)))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert found.stdout.strip() == "[]"


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": "lead_category_y"},
        {"name": "account_chats_30d"},
        {"name": "lead_Chats"},
        {"title": ("", "Chats")},
        {"sentence": ("聊天 {value} 次", "chats")},
    ],
    ids=str,
)
def test_a_declaration_that_says_too_little_is_refused(wrong):
    with pytest.raises(ValueError):
        replace(CATALOG["lead_chats_30d"], **wrong)


def test_a_feature_without_records_behind_it_is_refused():
    with pytest.raises(ValueError, match="no trace"):
        replace(CATALOG["lead_chats_30d"], value=Constant(1.0))


@pytest.mark.parametrize(
    "figure",
    [
        lambda: Aggregate("latest", WON, "event"),
        lambda: Aggregate("distinct", WON, "lead_id"),
        lambda: Aggregate("smallest", WON, "occurred_at", timedelta(days=30)),
        lambda: Aggregate("count", Selection("orders").last(3), None, timedelta(days=30)),
        lambda: Aggregate("count", Selection("nothing")),
    ],
)
def test_a_figure_that_the_engines_cannot_give_is_refused_where_it_is_declared(figure):
    with pytest.raises(ValueError):
        figure()


def test_a_name_is_declared_once():
    feature = CATALOG["lead_chats_30d"]

    with pytest.raises(ValueError, match="twice"):
        collect([feature, replace(feature, unit="ratio")])


def test_unknown_names_are_answered_with_a_code_and_words():
    with pytest.raises(FeatureError) as unknown:
        features_of("lead", ["lead_nothing"])
    assert (unknown.value.code, unknown.value.field) == ("unknown_feature", "features")
    assert "lead_nothing" in unknown.value.zh
    with pytest.raises(FeatureError, match="unknown_entity"):
        features_of("ticket")
    with pytest.raises(FeatureError, match="unknown_feature"):
        features_of("account", ["lead_chats_30d"])


def test_a_formula_lists_what_it_is_made_of():
    rate = CATALOG["lead_campaign_win_rate"]

    assert (rate.function, rate.sources, rate.windows) == ("formula", ("lead_flow",), (None,))
    assert CATALOG["account_amount_30d"].function == total(Selection("orders"), "amount").kind
    assert latest(Selection("lead_states"), "status") in CATALOG["lead_status"].aggregates
    assert rate.entity == LEAD


def test_values_are_said_in_the_reader_s_way():
    assert sentence("lead_chats_30d", 3.0, "zh") == "近30天聊天互动 3 次"
    assert sentence("lead_has_company", 0.0, "zh") == "已填写公司名称：否"
    assert sentence("account_amount_30d", 12345.6, "en") == "Ordered for 12,346 in 30 days"
    assert sentence("lead_campaign_win_rate", 0.105, "zh") == "本活动历史成交率 10.5%"
    assert sentence("lead_status", "qualified", "zh") == "状态为已确认"
    assert sentence("lead_status", "a code of another system", "en") == "Status: a code of another system"
    assert sentence("account_order_recency_ratio", 2.345, "en").startswith("Silent for 2.35 times")
    assert sentence("lead_last_interaction_h", 71.96, "en").startswith("72.0 hours")
    assert sentence("lead_owner_h", 388.3, "en").startswith("388 hours")
    assert sentence("account_days_since_order", None, "zh") == "尚无下单记录"
    assert sentence("lead_first_touch_h", float("nan"), "en") == "Not contacted yet"
    assert sentence("lead_region", None, "zh") == "未填写地区"
    assert sentence("lead_campaign_win_rate", None, "en").endswith("not on record")
