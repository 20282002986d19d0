"""What features have in common, in the words that people use."""

from features.catalog import CATALOG
from features.meanings import MEANINGS, gathered, meaning_of, title_of


def test_windows_of_the_same_thing_mean_the_same() -> None:
    names = ["lead_chats_7d", "lead_need", "lead_chats_90d", "lead_days_since_chat", "lead_long_visits_all"]
    assert gathered(names) == {"chats": [0, 2, 3], "lead_need": [1], "visits": [4]}


def test_no_feature_has_two_meanings_and_every_meaning_has_features() -> None:
    matches = {
        name: [meaning.name for meaning in MEANINGS if meaning.features.fullmatch(name)] for name in CATALOG
    }
    assert {name: found for name, found in matches.items() if len(found) > 1} == {}
    used = {found[0] for found in matches.values() if found}
    assert used == {meaning.name for meaning in MEANINGS}


def test_every_meaning_has_a_title_in_both_languages() -> None:
    for name in CATALOG:
        zh, en = title_of(meaning_of(name))
        assert zh
        assert en
    assert title_of("rule:otherwise") == ("rule:otherwise", "rule:otherwise")
