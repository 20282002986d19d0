"""Where a list stands is all in its address, and signing in leads nowhere but to own pages."""

from dataclasses import replace
from itertools import pairwise
from urllib.parse import parse_qs, parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.workbench.addresses import HOME, ListState, own_path, sign_in_address
from serving.workbench.trail import Trail


@pytest.mark.parametrize(
    "path", ["/leads", "/leads?band=red&page=2&after=abc", "/accounts/acc_1", "/leads?q=%E9%AA%A8%E7%A7%91"]
)
def test_own_pages_may_be_returned_to(path: str) -> None:
    assert own_path(path) == path


def test_chinese_in_an_address_is_encoded() -> None:
    assert own_path("/leads?q=骨科") == "/leads?q=%E9%AA%A8%E7%A7%91"


@pytest.mark.parametrize(
    "elsewhere",
    [
        None, "", "leads", "//evil.example", "///evil.example", "/\\evil.example", "\\\\evil.example",
        "https://evil.example/leads", "javascript:alert(1)", "/leads\r\nSet-Cookie: a=b", "/leads\x00",
        "/\t/evil.example",
        "/sign-in?next=/leads", "/sign-out", "/language?to=en", "/_nicegui/x", "/", "/" + "x" * 3_000,
    ],
)  # fmt: skip
def test_anything_else_leads_home(elsewhere: str | None) -> None:
    assert own_path(elsewhere) == HOME


@given(st.text())
def test_whatever_is_asked_for_a_redirect_stays_on_this_site(wanted: str) -> None:
    path = own_path(wanted)
    parts = urlsplit(path)
    assert path.startswith("/")
    assert not path.startswith("//")
    assert (parts.scheme, parts.netloc) == ("", "")
    assert path.isascii()
    assert path.isprintable()


def test_the_sign_in_address_remembers_where_one_was() -> None:
    told = parse_qs(urlsplit(sign_in_address("/leads?band=red", ended=True)).query)
    assert told == {"next": ["/leads?band=red"], "ended": ["1"]}
    assert sign_in_address() == "/sign-in"


texts = st.none() | st.text(min_size=1, max_size=100).map(
    lambda text: text.replace("\x00", "").strip() or None
)


@given(st.sampled_from([None, "red", "yellow", "green"]), texts, texts, texts, st.integers(2, 10**6))
def test_an_address_says_where_a_list_stands(
    band: str | None, owner: str | None, region: str | None, search: str | None, page: int
) -> None:
    state = ListState("/leads", band, owner, region, search, "cursor-_", page)  # type: ignore[arg-type]
    assert ListState.read("/leads", dict(parse_qsl(urlsplit(state.url()).query))) == state


@pytest.mark.parametrize(
    "query",
    [
        {"band": "purple"}, {"page": "2"}, {"page": "-1", "after": "x"}, {"page": "x", "after": "x"},
        {"after": "x"}, {"page": "3", "after": "x" * 1_000}, {"page": "٣", "after": "x"}, {"q": "  "},
        {"x": "y"},
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_left_out(query: dict[str, str]) -> None:
    assert ListState.read("/leads", query) == ListState("/leads")


def test_changing_a_filter_starts_again_at_the_top_and_keeps_the_others() -> None:
    deep = ListState("/leads", "red", "rep_1", None, "骨科", "cursor", 7)
    assert deep.with_band(None) == ListState("/leads", None, "rep_1", None, "骨科")
    assert deep.with_filters(None, "华东", "骨科") == ListState("/leads", "red", None, "华东", "骨科")
    assert deep.bare == ListState("/leads")


def test_the_trail_leads_back_page_by_page_and_forgets_the_oldest() -> None:
    trail = Trail(limit=2)
    pages = [ListState("/leads"), *(ListState("/leads", after=f"c{n}", page=n) for n in (2, 3, 4))]
    for here, following in pairwise(pages):
        trail.walked(here, following)
    assert trail.before(pages[3]) == pages[2]
    assert trail.before(pages[2]) == pages[1]
    assert trail.before(pages[1]) is None
    assert trail.before(replace(pages[3], band="red")) is None
