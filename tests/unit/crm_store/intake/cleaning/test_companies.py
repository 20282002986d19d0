"""What makes two spellings one company, and what makes a name a full one."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_store.intake.cleaning.companies import parse_company
from tests.sizes import full

PLACES = st.sampled_from(["杭州", "杭州市", "浙江杭州", "浙江省杭州市", "苏州", "深圳市", "义乌市"])
TRADE_NAMES = st.sampled_from(["永盛", "海天", "恒源", "德胜", "华光", "鸿图", "众诚"])
TRADES = st.sampled_from(["机械", "电子科技", "精密模具", "国际贸易", "包装材料", "物流"])
FORMS = st.sampled_from(["有限公司", "有限责任公司", "股份有限公司", "（集团）有限公司", "集团股份有限公司"])


@settings(max_examples=full(150, 2000), deadline=None)
@given(PLACES, TRADE_NAMES, TRADES, FORMS)
def test_place_and_legal_form_do_not_tell_companies_apart_but_trade_does(
    place: str, trade_name: str, trade: str, form: str
) -> None:
    found = parse_company(f"{place}{trade_name}{trade}{form}")

    assert (found.core, found.trade_name, found.is_full) == (f"{trade_name}{trade}", trade_name, True)
    assert found.legal_form is not None
    assert found.region is not None


@settings(max_examples=full(150, 2000), deadline=None)
@given(PLACES, TRADE_NAMES, TRADES, FORMS)
def test_a_canonical_name_is_its_own_canonical_name(
    place: str, trade_name: str, trade: str, form: str
) -> None:
    found = parse_company(f" {place} {trade_name}{trade}{form}。")

    assert parse_company(found.name) == found


@settings(max_examples=full(100, 3000), deadline=None)
@given(PLACES, TRADE_NAMES, TRADES, FORMS, st.sampled_from(["上海分公司", "北京办事处", "第二分厂"]))
def test_a_branch_has_the_core_of_its_company(
    place: str, trade_name: str, trade: str, form: str, branch: str
) -> None:
    company = parse_company(f"{place}{trade_name}{trade}{form}")
    found = parse_company(f"{place}{trade_name}{trade}{form}{branch}")

    assert (found.core, found.branch, found.is_full) == (company.core, branch, True)


@pytest.mark.parametrize(
    ("fragment", "problem"),
    [
        ("永盛机械", "company_no_form"),
        ("永盛螺丝厂", "company_no_place"),
        ("科技有限公司", "company_no_trade_name"),
        ("测试", "company_placeholder"),
        ("", "company_empty"),
        (None, "company_empty"),
    ],
)
def test_a_fragment_says_what_it_lacks(fragment: str | None, problem: str) -> None:
    found = parse_company(fragment)

    assert (found.is_full, found.problem) == (False, problem)


@settings(max_examples=full(200, 4000), deadline=None)
@given(st.text(max_size=60) | st.text("杭州永盛有限公司集团（）() 分厂、", max_size=30))
def test_any_text_is_full_or_has_a_problem(text: str) -> None:
    found = parse_company(text)

    assert found.is_full == (found.problem is None)
    assert not found.is_full or found.core
