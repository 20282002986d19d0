"""The book of documents, and what the engine beneath it does with nulls and hit policies."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from decimal import Decimal

import numpy as np
import pytest

from crm_store.domain.scores import Bands, Score, Scorer, band_of
from crm_store.rules.engine import RuleBook, RuleRefused, validate_document
from crm_store.rules.errors import RuleFailed

NOW = datetime(2026, 3, 1, tzinfo=UTC)

# What a condition says of: missing, 0, 1, 1.5, 2, a text
CONDITIONS = {
    "": (True, True, True, True, True, True),
    "null": (True, False, False, False, False, False),
    "!= null": (False, True, True, True, True, True),
    "> 1": (False, False, False, True, True, False),
    ">= 1": (False, False, True, True, True, False),
    "< 1": (False, True, False, False, False, False),
    "null, > 1": (True, False, False, True, True, False),
    "null, 0": (True, True, False, False, False, False),
    "[1..2)": (False, False, True, True, False, False),
    "(1..2]": (False, False, False, True, True, False),
    "1, 2": (False, False, True, False, True, False),
    "'text'": (False, False, False, False, False, True),
}


@pytest.mark.parametrize("condition", CONDITIONS)
def test_a_condition_on_a_missing_or_odd_value_never_fails(condition):
    book = RuleBook([validate_document(document([(condition, "1")]))])

    values = book.values("doc", [{"x": x} for x in (None, 0, 1, 1.5, 2, "text")])

    assert tuple(value == 1 for value in values) == CONDITIONS[condition]


def test_first_stops_at_the_first_row_and_collect_takes_all():
    rows = [("> 1", "1"), ("> 2", "2"), ("", "4")]
    first, collect = (RuleBook([validate_document(document(rows, hit))]) for hit in ("first", "collect"))

    table = [{"x": 0}, {"x": 2}, {"x": 3}]
    assert first.values("doc", table) == [4, 1, 1]
    assert collect.values("doc", table) == [4, 5, 7]


def test_an_otherwise_row_that_moves_the_score_is_a_reason_of_its_own():
    reasons = RuleBook([validate_document(document([("", "4")]))]).evaluate("doc", {}).reasons

    assert [(r.feature, r.value, r.effect, r.sentence) for r in reasons] == [("rule:row0", None, 4, None)]


def test_effects_are_exact_decimals():
    book = RuleBook([validate_document(document([("", "0.1"), ("", "0.2")], "collect"))])

    assert book.values("doc", [{}]) == [0.3]


@pytest.mark.parametrize("two", [2, 2.0, np.float64(2), np.float32(2), np.int64(2), Decimal(2)], ids=repr)
def test_any_kind_of_number_is_a_number(two):
    book = RuleBook([validate_document(document([("2", "1")]))])

    assert book.values("doc", [{"x": two}]) == [1]


@pytest.mark.parametrize(
    "odd",
    [float("nan"), float("inf"), np.float64("nan"), object(), b"2", [2]],
    ids=["nan", "infinite", "numpy nan", "object", "bytes", "list"],
)
def test_anything_else_is_missing(odd):
    book = RuleBook([validate_document(document([("null", "1")]))])

    assert book.values("doc", [{"x": odd}]) == [1]


@pytest.mark.parametrize("huge", [1e300, 10**40])
def test_a_runaway_number_is_still_large(huge):
    book = RuleBook([validate_document(document([("> 1000", "1")]))])

    assert book.values("doc", [{"x": huge}, {"x": -huge}]) == [1, 0]


def test_a_truth_value_counts_as_0_or_1():
    book = RuleBook([validate_document(document([("0", "1"), ("1", "2")]))])

    assert book.values("doc", [{"x": False}, {"x": True}, {"x": np.bool_(True)}]) == [1, 2, 2]


def test_a_row_the_document_cannot_answer_for_fails_with_a_code_and_no_stack_trace():
    book = RuleBook([validate_document(document([("> 1", "x")]))])

    with pytest.raises(RuleFailed, match="doc@1") as failed:
        book.evaluate("doc", {"x": 500})

    assert failed.value.code == "rule_failed"
    assert "\n" not in failed.value.en


def test_versions_live_side_by_side_and_a_name_means_the_newest():
    old = validate_document(document([("", "1")]))
    new = validate_document(document([("", "2")], version=10))
    book = RuleBook([new, old])

    assert [book.values(name, [{}])[0] for name in ("doc", "doc@1", "doc@10")] == [2, 1, 2]
    assert [document.version for document in book.documents()] == ["doc@1", "doc@10"]
    with pytest.raises(KeyError):
        book.document("unknown")


def test_a_version_means_one_document_for_ever():
    one, other = (validate_document(document([("", effect)])) for effect in "12")

    assert len(RuleBook([one, one]).documents()) == 1
    with pytest.raises(RuleRefused, match="version_taken"):
        RuleBook([one, other])


def test_only_a_document_on_the_scale_of_scores_is_a_scorer():
    with pytest.raises(RuleRefused, match="not_a_score"):
        RuleBook.shipped().scorer("activity_pool")


def test_a_scorer_answers_every_row_in_order_and_agrees_with_the_bare_values():
    book = RuleBook.shipped()
    scorer: Scorer = book.scorer("account_risk")
    rows = [{"account_risk_words_last3": words} for words in (3, 0, 2, None, 1)]

    scores = scorer.score(rows, NOW)

    assert [score.value for score in scores] == book.values("account_risk", rows) == [48, 70, 55, 70, 62]
    assert [score.probability for score in scores] == book.scorer("account_risk").probabilities(rows)
    assert scorer.score([], NOW) == []


def test_a_document_without_a_probability_gives_none_and_its_own_bands_colour_it():
    raw = document([("", "50")])
    raw["metadata"]["bands"] = {"green": 50, "yellow": 20}

    score = RuleBook([validate_document(raw)]).scorer("doc").score([{}], NOW)[0]

    assert (score.band, score.probability) == ("green", None)


def test_a_book_is_shared_between_threads():
    book = RuleBook.shipped()
    rows = [{"account_tickets_open": n % 7} for n in range(400)]

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda row: book.evaluate("account_risk", row).value, rows))

    assert answers == book.values("account_risk", rows)


def test_shipped_documents_say_what_they_are():
    told = {(d.version, d.entity, d.scale, d.probability) for d in RuleBook.shipped().documents()}

    assert told == {
        ("lead_health@1", "lead", "0-100", "value"),
        ("activity_pool@1", "lead", "points", None),
        ("account_risk@1", "account", "0-100", "loss"),
        ("account_purchase@1", "account", "0-100", None),
        ("account_service@1", "account", "0-100", None),
        ("account_stability@1", "account", "0-100", None),
        ("stage_gate@1", "opportunity", "points", None),
        ("lead_fit@1", "lead", "points", None),
        ("customer_tier@1", "account", "points", None),
        ("lead_match@1", "pair", "0-100", "value"),
    }


@pytest.mark.parametrize(
    ("value", "band"),
    [(100, "green"), (90, "green"), (89.99, "yellow"), (60, "yellow"), (59.99, "red"), (0, "red")],
)
def test_a_value_on_a_threshold_has_the_better_colour(value, band):
    assert band_of(value) == band


def test_thresholds_can_be_set():
    assert band_of(70, Bands(green=70, yellow=50)) == "green"


@pytest.mark.parametrize(
    ("value", "probability"), [(-0.1, None), (100.1, None), (float("nan"), None), (50, 1.1)]
)
def test_a_score_outside_its_range_is_an_error(value, probability):
    with pytest.raises(ValueError, match="lies in"):
        Score(value, "red", probability, (), "rules", "rules:doc@1", NOW)


def document(rows, hit="first", version=1):
    """A table over one signal x; the score is the sum of the effects of the rows that fired."""
    table = {
        "hitPolicy": hit,
        "outputPath": "fired",
        "inputs": [{"id": "in", "field": "x", "name": "x"}],
        "outputs": [{"id": "effect", "field": "effect", "name": "effect"}],
        "rules": [{"_id": f"row{n}", "in": test, "effect": effect} for n, (test, effect) in enumerate(rows)],
    }
    total = {"collect": "sum(map(fired, #.effect))", "first": "fired.effect ?? 0"}[hit]
    answer = {"expressions": [{"id": "s", "key": "score", "value": total}]}
    return {
        "metadata": {
            "name": "doc",
            "version": f"doc@{version}",
            "entity": "lead",
            "title": {"zh": "文档", "en": "Document"},
            "scale": "0-100",
            "signals": ["x"],
        },
        "nodes": [
            {"id": "start", "type": "inputNode", "name": "", "content": {}},
            {"id": "table", "type": "decisionTableNode", "name": "", "content": table},
            {"id": "answer", "type": "expressionNode", "name": "", "content": answer},
            {"id": "end", "type": "outputNode", "name": "", "content": {}},
        ],
        "edges": [
            {"id": "1", "sourceId": "start", "targetId": "table"},
            {"id": "2", "sourceId": "table", "targetId": "answer"},
            {"id": "3", "sourceId": "answer", "targetId": "end"},
        ],
    }
