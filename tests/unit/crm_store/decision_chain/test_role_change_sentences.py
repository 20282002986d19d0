"""Role changes in written sentences, half of them traps. The floors stand here; the bench prints figures."""

import pytest

from tests.bench._role_sentences import Sentence, score, sentences

MADE_WITH = sentences("sentences")
HELD_OUT = sentences("held_out")


def test_there_are_enough_sentences_and_half_are_traps() -> None:
    every = [*MADE_WITH, *HELD_OUT]
    assert len(every) >= 240
    assert len({sentence.text for sentence in every}) == len(every)
    traps = sum(not sentence.wanted for sentence in every)
    assert 0.45 <= traps / len(every) <= 0.55


def test_what_is_found_in_sentences_never_seen_before_is_right() -> None:
    figures = score(HELD_OUT)
    assert figures["precision"] >= 0.962  # the reference of product B2
    assert figures["recall"] >= 0.9
    assert figures["new_role_right"] >= 0.95
    assert figures["traps_fired"] == 0


def test_what_is_found_in_the_sentences_the_rules_were_made_with_stays_right() -> None:
    figures = score(MADE_WITH)
    assert figures["precision"] >= 0.995
    assert figures["recall"] >= 0.985
    assert figures["sentences_right"] >= 0.985


@pytest.mark.parametrize(
    "sentence", [trap for trap in MADE_WITH if not trap.wanted], ids=lambda sentence: sentence.text
)
def test_a_trap_tells_no_change(sentence: Sentence) -> None:
    assert sentence.found() == []
