"""Documents that people edit: versions that never change, and what they say from then on."""

import threading
from typing import Any

import pytest
from discipline_records import DAY, T0
from sqlalchemy import delete, update
from sqlalchemy.exc import DatabaseError
from sqlalchemy.orm import Session, sessionmaker

from crm_store.database import transaction
from crm_store.models import Definition
from crm_store.repositories import definitions
from crm_store.repositories.problems import StoreError
from crm_store.services.definitions import (
    field_definitions,
    key_fields,
    key_fields_document,
    names,
    save_field_definitions,
    save_key_fields,
    tier_for,
)

Sessions = sessionmaker[Session]
WHO: dict[str, Any] = {"actor": "user:wang", "reason": "按新口径", "now": T0}


def put(session: Session, content: dict[str, Any], name: str = "leads", kind: str = "mapping") -> int:
    return definitions.put(session, kind, name, content, **WHO)


def test_each_put_is_the_next_version_and_all_stay(sessions: Sessions):
    with transaction(sessions) as session:
        assert definitions.latest(session, "mapping", "leads") is None
        assert [put(session, {"n": n}) for n in (1, 2)] == [1, 2]
        assert put(session, {"n": 9}, name="accounts") == 1
        assert put(session, {"n": 9}, kind="rule") == 1
    with sessions() as session:
        newest = definitions.latest(session, "mapping", "leads")
        assert newest is not None
        assert (newest.version, newest.content) == (2, {"n": 2})
        assert (newest.actor, newest.reason) == ("user:wang", "按新口径")
        assert newest.created_at == T0
        first = definitions.at_version(session, "mapping", "leads", 1)
        assert first is not None
        assert first.content == {"n": 1}
        assert definitions.at_version(session, "mapping", "leads", 3) is None
        assert [one.version for one in definitions.versions(session, "mapping", "leads")] == [1, 2]
        listed = definitions.newest_of_kind(session, "mapping")
        assert [(one.name, one.version) for one in listed] == [("accounts", 1), ("leads", 2)]


def test_the_same_content_again_adds_nothing_until_it_was_something_else(sessions: Sessions):
    with transaction(sessions) as session:
        assert [put(session, {"b": [1], "a": "甲"}), put(session, {"a": "甲", "b": (1,)})] == [1, 1]
        assert [put(session, {"a": "乙"}), put(session, {"b": [1], "a": "甲"})] == [2, 3]


def test_what_no_store_can_keep_is_refused(sessions: Sessions):
    unfit = {"not_json": [float("nan"), T0], "bad_character": ["a\x00b", "\ud800"]}
    with transaction(sessions) as session:
        for code, values in unfit.items():
            for value in values:
                with pytest.raises(StoreError, match=code):
                    put(session, {"x": value})


def test_a_document_has_a_name_and_an_author(sessions: Sessions):
    with transaction(sessions) as session:
        for name, code in ((" ", "required"), ("x" * 81, "too_long"), ("a\x00", "bad_character")):
            with pytest.raises(StoreError, match=code):
                put(session, {}, name=name)
        with pytest.raises(StoreError, match="unknown_way"):
            definitions.put(session, "mapping", "leads", {}, actor="wang", now=T0)


def test_the_database_lets_no_version_change(sessions: Sessions):
    with transaction(sessions) as session:
        put(session, {"n": 1})
    for statement in (update(Definition).values(actor="user:x"), delete(Definition)):
        with pytest.raises(DatabaseError), transaction(sessions) as session:
            session.execute(statement)


def test_writers_of_one_document_wait_for_each_other(sessions: Sessions):
    ready = threading.Barrier(4)
    failed: list[BaseException] = []

    def write(number: int) -> None:
        try:
            ready.wait(30)
            with transaction(sessions) as session:
                put(session, {"n": number})
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failed == []
    with sessions() as session:
        stored = definitions.versions(session, "mapping", "leads")
        assert [one.version for one in stored] == [1, 2, 3, 4]
        assert {one.content["n"] for one in stored} == {0, 1, 2, 3}


def tier(session: Session, language: Any = "zh") -> Any:
    return next(one for one in field_definitions(session, "account", language) if one.field == "tier")


def test_a_field_is_explained_in_both_languages(sessions: Sessions):
    with sessions() as session:
        assert (tier(session).name, tier(session, "en").name) == ("客户等级", "Customer tier")
        assert "12 个月" in tier(session).meaning
        assert tier(session, "en").values["S"] == "expected margin of 500,000 yuan or more"
        margin = next(one for one in field_definitions(session, "account", "en") if one.unit)
        assert margin.unit in {"people", "yuan"}
        with pytest.raises(StoreError, match="not_allowed"):
            field_definitions(session, "mood", "zh")


def test_an_edited_definition_counts_from_then_on_and_leaves_the_rest(sessions: Sessions):
    edit = {"fields": {"tier": {"name": ["等级", "Grade"], "filled_by": ["admin"]}}}
    with transaction(sessions) as session:
        assert save_field_definitions(session, "account", edit, **WHO) == 1
        assert save_field_definitions(session, "account", edit, **WHO) == 1
        found = tier(session)
        assert (found.name, found.filled_by, found.field) == ("等级", ("admin",), "tier")
        assert "12 个月" in found.meaning
        assert names(session)["account", "tier"] == ("等级", "Grade")
        assert names(session)["account", "name"] == ("客户名称", "Name")
        assert names(session)["lead", None] == ("线索", "Lead")
        with pytest.raises(StoreError, match="bad_definition") as refused:
            save_field_definitions(session, "account", {"fields": {"mood": {}}}, **WHO)
        assert refused.value.problem.field == "fields.mood"


def test_the_thresholds_of_the_tiers_are_data(sessions: Sessions):
    with transaction(sessions) as session:
        margins = (5e5, 4.9e5, 1e5, 9e4, None)
        assert [tier_for(session, margin) for margin in margins] == ["S", "A", "A", "B", None]
        higher = {"tiers": [["S", 1e6], ["A", 5e5], ["B", None]]}
        save_field_definitions(session, "account", higher, **WHO)
        assert [tier_for(session, margin) for margin in (1e6, 5e5, 4.9e5)] == ["S", "A", "B"]


def test_key_fields_are_replaced_as_a_whole(sessions: Sessions):
    with transaction(sessions) as session:
        document = key_fields_document(session)
        assert save_key_fields(session, document, **WHO) == 1
        document["key_fields"] = {"lead": {"default": {"phone": 2}}}
        assert save_key_fields(session, document, **{**WHO, "now": T0 + DAY}) == 2
        assert key_fields(session).weights == {"lead": {"default": {"phone": 2}}}
        with pytest.raises(StoreError, match="bad_definition"):
            save_key_fields(session, {"industries": {}}, **WHO)
        assert key_fields_document(session) == document
