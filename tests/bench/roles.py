"""How well and how fast role changes are read, against the shortest thing that could work.

The reference looks for a contact's name or surname and one bare word of change in the same sentence; both
read the same sentences in the same process. Ratios are ours to the reference; times are per sentence.
"""

import statistics
import time
from collections.abc import Callable
from typing import Any

from tests.bench._role_sentences import Sentence, score, sentences

RUNS = 7
_WORDS = {
    "退休": "retirement",
    "离职": "leaving",
    "辞职": "leaving",
    "调到": "transfer",
    "调任": "transfer",
    "升任": "promotion",
    "接任": "taking_over",
    "代理": "acting",
    "合并": "department_merge",
}


def run() -> dict[str, Any]:
    """Return scores on both sets, microseconds a sentence, and the ratios to the bare words."""
    known, held_out = sentences("sentences"), sentences("held_out")
    ours, words = score(held_out), _bare_words(held_out)
    every = [*known, *held_out]
    ordinary = ["下周二上午十点到手术室跟台，带两套样品和报价单。" for _ in every]
    ours_us = _per_item(lambda: [sentence.found() for sentence in every], len(every))
    words_us = _per_item(lambda: [_guess(sentence) for sentence in every], len(every))
    circle = every[0].circle
    idle = [Sentence(circle, text, frozenset()) for text in ordinary]
    return {
        "held_out": ours,
        "made_with": {
            key: value for key, value in score(known).items() if not key.endswith(("_precision", "_recall"))
        },
        "precision_ratio": round(ours["precision"] / words["precision"], 3),
        "recall_ratio": round(ours["recall"] / words["recall"], 3),
        "us_per_sentence": round(ours_us, 1),
        "us_per_sentence_without_a_verb": round(
            _per_item(lambda: [sentence.found() for sentence in idle], len(idle)), 2
        ),
        "time_ratio": round(ours_us / words_us, 1),
    }


def _guess(sentence: Sentence) -> set[tuple[str, str]]:
    return {
        (contact.name, kind)
        for contact in sentence.circle.contacts
        if contact.name in sentence.text or contact.name[0] in sentence.text
        for word, kind in _WORDS.items()
        if word in sentence.text
    }


def _bare_words(read: list[Sentence]) -> dict[str, float]:
    right = guessed = wanted = 0
    for sentence in read:
        guess, truth = _guess(sentence), {change[:2] for change in sentence.wanted}
        right += len(guess & truth)
        guessed += len(guess)
        wanted += len(truth)
    return {"precision": right / guessed, "recall": right / wanted}


def _per_item(work: Callable[[], object], count: int) -> float:
    work()
    taken = []
    for _ in range(RUNS):
        start = time.perf_counter()
        work()
        taken.append(time.perf_counter() - start)
    return statistics.median(taken) / count * 1e6
