"""The checklists that ship, and what an edited copy must be like."""

import copy

import pytest

from crm_store.domain.stages import ORDER, SIGNALS
from crm_store.rules.errors import RuleRefused
from crm_store.rules.gates import StageGate, shipped_document, validate_gate

PLENTY = dict.fromkeys(SIGNALS, 9)
NOTHING = dict.fromkeys(SIGNALS, 0)


@pytest.fixture
def document():
    return shipped_document()


def missing(document, stages, signals):
    found = StageGate(validate_gate(document)).missing(stages, signals)
    return {item.item: (item.missing, item.needed) for item in found}


def test_a_confirmed_need_is_two_quotes_a_document_and_a_review(document):
    assert missing(document, ["need_confirmed"], NOTHING) == {
        "customer_quotes": (2, 2),
        "requirement_documents": (1, 1),
        "internal_reviews": (1, 1),
    }
    one_quote = NOTHING | {"customer_quotes": 1, "requirement_documents": 3, "internal_reviews": 1}
    assert missing(document, ["need_confirmed"], one_quote) == {"customer_quotes": (1, 2)}


@pytest.mark.parametrize("stage", [*ORDER, "lost"])
def test_every_stage_asks_for_something_and_can_be_entered(document, stage):
    assert missing(document, [stage], NOTHING)
    assert missing(document, [stage], PLENTY) == {}


def test_every_missing_item_says_how_many_in_both_languages(document):
    quotes, *_ = StageGate(validate_gate(document)).missing(["need_confirmed"], NOTHING)
    assert (quotes.stage, quotes.zh) == ("need_confirmed", "至少需要 2 条客户原话，还差 2 条")
    assert quotes.en == "at least 2 needed of: quotes of the customer's own words; 2 missing"


def test_an_item_of_several_stages_is_told_once_as_the_strictest_asks(document):
    rows = document["nodes"][1]["content"]["rules"]
    stricter = copy.deepcopy(rows[0]) | {"_id": "more", "in_target_stage": "'proposal'"}
    stricter |= {"in_customer_quotes": "null, < 5", "out_needed": "5", "out_missing": "5 - customer_quotes"}
    rows.append(stricter)
    assert missing(document, ["need_confirmed", "proposal"], NOTHING)["customer_quotes"] == (5, 5)


def test_a_document_may_only_ask_what_can_be_answered(document):
    document["metadata"]["signals"].append("mood")
    with pytest.raises(RuleRefused, match="unknown_signal"):
        validate_gate(document)


@pytest.mark.parametrize(("key", "value"), [("name", "gate"), ("entity", "lead")])
def test_a_document_says_that_it_is_the_stage_gate(document, key, value):
    document["metadata"][key] = value
    document["metadata"]["version"] = f"{document['metadata']['name']}@1"
    with pytest.raises(RuleRefused, match=f"metadata.{key}"):
        validate_gate(document)


def test_a_document_that_breaks_at_some_stage_is_refused(document):
    document["nodes"][1]["content"]["rules"][-1]["out_missing"] = "0 - 1"
    with pytest.raises(RuleRefused, match="not_runnable"):
        validate_gate(document)


def test_a_document_without_words_is_refused(document):
    document["nodes"][1]["content"]["rules"][-1]["out_zh"] = "''"
    with pytest.raises(RuleRefused, match="not_runnable"):
        validate_gate(document)


def test_a_document_with_code_in_it_is_refused(document):
    document["nodes"][1] |= {"type": "functionNode", "content": {"source": "while (true) {}"}}
    with pytest.raises(RuleRefused, match="function_node"):
        validate_gate(document)
