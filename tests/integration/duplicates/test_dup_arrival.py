"""A lead that arrives is compared with those that are there, by their keys."""

from typing import Any

import pytest
from sqlalchemy import func, select

from crm_store.domain.likeness import MOST_NAMESAKES, MOST_SHARING
from crm_store.intake.duplicates.scoring import THRESHOLD
from crm_store.models import DedupeKey
from crm_store.repositories.problems import StoreError
from crm_store.services.duplicates import dismiss, find_duplicates, index_record

HENGRUI = {
    "company": "苏州恒瑞医疗器械有限公司",
    "contact_name": "张伟",
    "phone": "13851234567",
    "city": "苏州",
}
OTHERS: dict[str, dict[str, Any]] = {
    "lea_b": {"company": "青岛恒瑞医疗器械有限公司", "contact_name": "王芳", "phone": "13900000002"},
    "lea_c": {"company": "苏州恒瑞物流有限公司", "contact_name": "李娜", "phone": "13900000003"},
    "lea_d": {"company": "成都美迪电子有限公司", "contact_name": "张伟", "phone": "13900000004"},
}


@pytest.fixture(autouse=True)
def _known_leads(store: Any) -> None:
    store.put("lead", "lea_a", **HENGRUI)
    for lead_id, fields in OTHERS.items():
        store.put("lead", lead_id, **fields)


@pytest.mark.parametrize(
    ("fields", "because"),
    [
        ({"phone": "+86 138 5123 4567"}, "same_mobile"),
        ({"company": "恒锐医疗器械", "city": "苏州", "contact_name": "赵强"}, "same_sound"),
        ({"company": "蘇州恒瑞醫療器械有限公司"}, "same_name"),
        ({"company": "恒瑞医疗", "contact_name": "张伟", "city": "苏州"}, "short_name"),
    ],
)
def test_the_same_customer_is_found_with_score_and_reason(
    store: Any, fields: dict[str, str], because: str
) -> None:
    with store.sessions() as session:
        [candidate] = find_duplicates(session, "lead", fields)
    assert candidate.record_id == "lea_a"
    assert THRESHOLD <= candidate.score <= 1
    assert because in {reason["code"] for reason in candidate.reasons}


def test_strangers_and_lookalikes_are_not_found(store: Any) -> None:
    with store.sessions() as session:
        assert find_duplicates(session, "lead", {"company": "武汉恒瑞医疗器械有限公司"}) == []
        assert find_duplicates(session, "lead", {"company": "西安广源软件有限公司"}) == []
        assert find_duplicates(session, "lead", {}) == []
    assert store.pairs() == {}


def test_what_arrives_is_proposed_as_a_pair_and_a_correction_takes_it_back(store: Any) -> None:
    [found] = store.put("lead", "lea_e", contact_name="赵强", phone="138-5123-4567")
    assert found.record_id == "lea_a"
    assert store.pairs() == {("lea_a", "lea_e"): "open"}
    store.put("lead", "lea_e", phone="13900000009")
    assert store.pairs() == {}


def test_a_deleted_lead_is_found_no_more_and_is_in_no_open_pair(store: Any) -> None:
    store.put("lead", "lea_e", phone="13851234567")
    store.put("lead", "lea_a", deleted_at=store.now)
    assert store.pairs() == {}
    with store.sessions() as session:
        [found] = find_duplicates(session, "lead", HENGRUI)
        assert found.record_id == "lea_e"
    store.put("lead", "lea_a", deleted_at=None)
    assert store.pairs() == {("lea_a", "lea_e"): "open"}


def test_indexing_again_changes_nothing(store: Any) -> None:
    def keys() -> set[tuple[str, str]]:
        with store.sessions() as session:
            query = select(DedupeKey.kind, DedupeKey.key).where(DedupeKey.record_id == "lea_a")
            return {(kind, key) for kind, key in session.execute(query)}

    before = keys()
    for _ in range(2):
        store.write(lambda session: index_record(session, "lead", "lea_a", HENGRUI))
    assert keys() == before
    assert "13851234567" not in str(before)


def test_accounts_are_found_among_accounts_only(store: Any) -> None:
    store.put("account", "acc_a", name="苏州恒瑞医疗器械有限公司", phone="13851234567")
    [found] = store.put("account", "acc_b", name="恒瑞医疗器械（苏州）有限公司")
    assert found.record_id == "acc_a"
    assert store.pairs() == {("acc_a", "acc_b"): "open"}


def test_a_dismissed_pair_is_not_proposed_again(store: Any) -> None:
    store.put("lead", "lea_e", phone="13851234567")
    pair_id = pair_between(store, "lea_a", "lea_e")
    for _ in range(2):
        store.write(lambda session: dismiss(session, pair_id, actor="user:wang", now=store.now))
    store.put("lead", "lea_e", contact_name="张伟")
    assert store.pairs() == {("lea_a", "lea_e"): "dismissed"}


def test_dismissing_an_unknown_pair_is_refused(store: Any) -> None:
    with pytest.raises(StoreError) as caught:
        store.write(lambda session: dismiss(session, "dup_none", actor="user:wang", now=store.now))
    assert caught.value.problem.code == "unknown_pair"


def test_a_telephone_that_too_many_share_is_passed_over(store: Any) -> None:
    """A placeholder or a call centre: whoever shares nothing else with it is not compared."""
    shared = {"phone": "0512-62872075"}
    for number in range(MOST_SHARING + 1):
        store.put("lead", f"lea_{number:03}", **shared)
    with store.sessions() as session:
        assert find_duplicates(session, "lead", shared) == []
        assert session.scalar(select(func.count()).where(DedupeKey.kind == "landline")) == MOST_SHARING + 1
        [found] = find_duplicates(session, "lead", HENGRUI | shared)
        assert found.record_id == "lea_a"


def test_a_name_that_too_many_bear_is_passed_over(store: Any) -> None:
    """Another 王伟 of whom nothing else is known is told while there are few of that name."""
    named = {"contact_name": "王伟"}
    for number in range(MOST_NAMESAKES):
        store.put("lead", f"lea_{number:03}", **named)
    with store.sessions() as session:
        assert len(find_duplicates(session, "lead", named)) == MOST_NAMESAKES
    store.put("lead", "lea_more", **named)
    with store.sessions() as session:
        assert find_duplicates(session, "lead", named) == []


def pair_between(store: Any, left: str, right: str) -> str:
    from crm_store.repositories.duplicates.pairs import pair_id

    assert (left, right) in store.pairs()
    return pair_id("lead", left, right)
