"""The catalog as a page: complete, searchable, and safe whatever a title holds."""

from dataclasses import replace
from html.parser import HTMLParser

import pytest

from features.catalog import CATALOG
from features.composed import COMPOSED
from features.declare import Feature
from features.docs_page import page
from features.in_words import formula


class Articles(HTMLParser):
    """Collects what each feature can be found by, and every element that there is."""

    def __init__(self) -> None:
        super().__init__()
        self.words: dict[str, str] = {}
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag == "article":
            given = dict(attrs)
            self.words[str(given["id"])] = str(given["data-words"])


def read(text: str) -> Articles:
    articles = Articles()
    articles.feed(text)
    return articles


def test_every_feature_is_on_the_page_and_found_by_name_title_and_source() -> None:
    found = read(page()).words

    assert list(found) == [*CATALOG, *COMPOSED]
    for name, feature in CATALOG.items():
        assert all(
            word.lower() in found[name] for word in (name, *feature.title, feature.group, *feature.sources)
        )


@pytest.mark.parametrize("feature", CATALOG.values(), ids=lambda feature: feature.name)
def test_a_formula_names_its_sources(feature: Feature) -> None:
    assert all(source in formula(feature.value) for source in feature.sources)


def test_the_page_needs_nothing_from_elsewhere() -> None:
    text = page()
    assert "http" not in text.replace("http-equiv", "")
    assert not {"link", "img", "iframe"} & set(read(text).tags)


def test_words_are_never_markup() -> None:
    feature = replace(next(iter(CATALOG.values())), title=("<b>甲</b>", 'a"><script>'))
    assert read(page([feature])).tags.count("script") == 1
