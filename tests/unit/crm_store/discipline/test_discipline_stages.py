"""Which gates stand on the way of a deal, and what counts as evidence."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_store.domain.stages import LOST, ORDER, SIGNALS, Piece, count_evidence, gates_to_pass, signals_of
from crm_store.models.choices import EVIDENCE_KINDS, OPPORTUNITY_STAGES

NEED, PROPOSAL, TALKS, WON = ORDER


def test_the_stages_are_those_of_the_record():
    assert (*ORDER, LOST) == OPPORTUNITY_STAGES


@pytest.mark.parametrize(
    ("current", "target", "gates"),
    [
        (None, NEED, ()),  # a new deal is born free
        (None, PROPOSAL, (NEED, PROPOSAL)),
        (None, LOST, (LOST,)),
        (NEED, NEED, ()),
        (NEED, PROPOSAL, (NEED, PROPOSAL)),  # and proves its need on the way out
        (NEED, WON, (NEED, PROPOSAL, TALKS, WON)),
        (PROPOSAL, TALKS, (TALKS,)),
        (PROPOSAL, WON, (TALKS, WON)),
        (TALKS, PROPOSAL, ()),
        (WON, NEED, ()),
        (WON, WON, ()),
        (TALKS, LOST, (LOST,)),
        (WON, LOST, (LOST,)),
        (LOST, LOST, ()),
        (LOST, NEED, (NEED,)),
        (LOST, TALKS, (NEED, PROPOSAL, TALKS)),
    ],
)
def test_the_way_from_one_stage_to_another(current, target, gates):
    assert gates_to_pass(current, target) == gates


def test_the_same_words_count_once_however_they_are_typed():
    quotes = [
        Piece("customer_quote", text) for text in ("六月底前必须装完", " 六月底前，必须装完！", "ＡＢ", "ab")
    ]
    assert count_evidence(quotes) == {"customer_quote": 2}


def test_two_sentences_of_one_call_are_two_quotes():
    quotes = [Piece("customer_quote", text, activity="act_1") for text in ("太贵了", "下周再谈")]
    assert count_evidence(quotes) == {"customer_quote": 2}


def test_one_document_is_one_piece_whatever_is_noted_on_it():
    papers = [Piece("requirement_document", note, document="file_a") for note in ("第一版", "确认稿")]
    assert count_evidence(papers) == {"requirement_document": 1}


def test_a_document_counts_for_the_kind_it_was_first_given_as():
    same = [Piece("requirement_document", document="a"), Piece("quotation", document="a")]
    assert count_evidence(same) == {"requirement_document": 1}


def test_a_piece_that_says_nothing_does_not_count():
    assert count_evidence([Piece("customer_quote", "……！"), Piece("internal_review", "")]) == {}


pieces = st.builds(
    Piece,
    st.sampled_from(EVIDENCE_KINDS),
    st.sampled_from([None, "", "好", "好！", "贵"]),
    st.sampled_from([None, "a", "b"]),
    st.sampled_from([None, "x", "y"]),
)


@settings(max_examples=100, deadline=None)
@given(st.lists(pieces, max_size=12))
def test_repeating_evidence_adds_nothing_and_more_evidence_takes_nothing_away(found):
    counts = count_evidence(found)
    assert count_evidence(found + found) == counts
    assert sum(counts.values()) <= len(found)
    for end in range(len(found)):
        assert count_evidence(found[:end]) <= counts


def test_checklists_may_ask_about_evidence_and_fields():
    state = {
        "decision_chain": "con_1, con_2,,con_1",
        "budget": 0.0,
        "lost_reason": " ",
        "account_id": "acc_1",
    }
    signals = signals_of(state, {"customer_quote": 2})
    assert signals.keys() | {"target_stage"} == SIGNALS
    assert {name for name, value in signals.items() if value} == {
        "customer_quotes",
        "decision_chain_people",
        "has_account",
        "has_budget",  # a budget of nothing is known
    }
    assert signals["decision_chain_people"] == 2
    assert signals["customer_quotes"] == 2
