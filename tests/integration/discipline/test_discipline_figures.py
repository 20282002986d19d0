"""Completeness, the weekly brief and the heat map, counted in the store: the same on both."""

import json
import random
import statistics
from dataclasses import asdict
from datetime import timedelta
from typing import Any

import pytest
from discipline_records import DAY, HOUR, T0, put, said
from sqlalchemy import event
from sqlalchemy.orm import Session, sessionmaker

from crm_store.database import transaction
from crm_store.domain.completeness import record_share
from crm_store.domain.policy import Viewer
from crm_store.domain.weekly_brief import WEEK, brief_text
from crm_store.repositories.fields import RECORDS
from crm_store.repositories.problems import StoreError
from crm_store.repositories.sight.sight import viewer_session
from crm_store.services.definitions import key_fields, save_key_fields
from crm_store.services.discipline import (
    Scope,
    completeness,
    entry_delays,
    incomplete_records,
    weekly_brief,
)

Sessions = sessionmaker[Session]
LEAD_KEYS = {
    "industries": {"medical": {"words": ["医院"], "codes": ["Q84"]}},
    "key_fields": {
        "lead": {"default": {"company": 1, "phone": 1, "need": 2}, "medical": {"title": 1, "budget": 3}},
        "contact": {"default": {"role": 1}, "medical": {"title": 1}},
        "opportunity": {"default": {"amount": 1}},
    },
}


@pytest.fixture
def store(sessions: Sessions) -> Sessions:
    """Two teams of two and one salesperson without a team, with the small lists of key fields above."""
    with transaction(sessions) as session:
        put(session, "team", "tea_1", name="华东", region="华东")
        put(session, "team", "tea_2", name="华南", region="华南")
        for number, team in enumerate(("tea_1", "tea_1", "tea_2", "tea_2", None), start=1):
            put(session, "rep", f"rep_{number}", name=f"销售{number}", team_id=team)
        save_key_fields(session, LEAD_KEYS, actor="user:wang", reason=None, now=T0)
    return sessions


def lead(session: Session, number: int, owner: str | None = "rep_1", **values: Any) -> None:
    put(session, "lead", f"lea_{number}", values.pop("at", T0), owner_id=owner, **values)


def shares(found: Any) -> dict[Any, tuple[int, float]]:
    return {one.group: (one.records, round(one.share, 6)) for one in found}


def test_completeness_is_over_key_fields_only_with_their_weights(store: Sessions):
    with transaction(store) as session:
        lead(session, 1, need="骨科", city="杭州", email="a@b.cn")  # 2 of 4
        lead(session, 2, company="甲厂", phone="  ", need="")  # 1 of 4: blank is not filled
        lead(session, 3, industry="三级医院", budget=0.0)  # 3 of 4 of the other list
        lead(session, 4, industry_code="Q8411", title="科长")  # 1 of 4
        (found,) = completeness(session, "lead")
        assert (found.group, found.records, found.share) == (None, 4, 7 / 16)
        fields = {field.field: (field.filled, field.records) for field in found.fields}
        assert fields == {
            "company": (1, 2),
            "phone": (0, 2),
            "need": (1, 2),
            "title": (1, 2),
            "budget": (1, 2),
        }


def test_groups_have_names_and_deleted_or_merged_records_are_out(store: Sessions):
    with transaction(store) as session:
        lead(session, 1, "rep_1", need="骨科", region="浙江")
        lead(session, 2, "rep_3", region="广东")
        lead(session, 3, "rep_5", need="骨科", company="甲", phone="1", region="广东")
        lead(session, 4, None)
        lead(session, 5, "rep_1", deleted_at=T0)
        lead(session, 6, "rep_1", merged_into="lea_1")
        by_rep = completeness(session, "lead", "rep")
        assert shares(by_rep) == {None: (1, 0.0), "rep_1": (1, 0.5), "rep_3": (1, 0.0), "rep_5": (1, 1.0)}
        assert [one.name for one in by_rep] == [None, "销售1", "销售3", "销售5"]
        by_team = completeness(session, "lead", "team")
        assert shares(by_team) == {None: (2, 0.5), "tea_1": (1, 0.5), "tea_2": (1, 0.0)}
        by_region = completeness(session, "lead", "region")
        assert shares(by_region) == {None: (1, 0.0), "广东": (2, 0.5), "浙江": (1, 0.5)}


def test_scope_narrows_to_people_teams_a_region_or_open_work(store: Sessions):
    with transaction(store) as session:
        lead(session, 1, "rep_1", need="骨科", region="浙江")
        lead(session, 2, "rep_3", region="广东", status="won")
        lead(session, 3, "rep_5", region="华南")

        def ids(**scope: Any) -> set[str]:
            return {one.record_id for one in incomplete_records(session, "lead", Scope(**scope))}

        assert ids() == {"lea_1", "lea_2", "lea_3"}
        assert ids(rep_ids=("rep_1", "rep_5")) == {"lea_1", "lea_3"}
        assert ids(rep_ids=()) == set()
        assert ids(team_ids=("tea_2",)) == {"lea_2"}
        assert ids(region="浙江") == {"lea_1"}
        assert ids(region="华南") == {"lea_2", "lea_3"}  # the team's region, and its own
        assert ids(open_only=True) == {"lea_1", "lea_3"}


def test_records_of_an_account_have_its_industry_and_region(store: Sessions):
    with transaction(store) as session:
        put(session, "account", "acc_1", industry="骨科医院", region="浙江")
        put(session, "contact", "con_1", account_id="acc_1", title="院长")
        put(session, "contact", "con_2", role="决策人")
        put(session, "contact", "con_3", account_id="acc_1", role="决策人")
        worst, *others = incomplete_records(session, "contact")
        assert (worst.record_id, worst.industry, worst.region, worst.missing) == (
            "con_3",
            "medical",
            "浙江",
            ("title",),
        )
        assert [(one.record_id, one.share) for one in others] == [("con_1", 1.0), ("con_2", 1.0)]


def test_the_least_complete_come_first_and_one_can_be_asked_for(store: Sessions):
    with transaction(store) as session:
        lead(session, 1, need="骨科")
        lead(session, 2)
        lead(session, 3, need="骨科", company="甲", phone="1")
        found = incomplete_records(session, "lead", limit=2)
        assert [(one.record_id, one.share, one.missing) for one in found] == [
            ("lea_2", 0.0, ("company", "phone", "need")),
            ("lea_1", 0.5, ("company", "phone")),
        ]
        (one,) = incomplete_records(session, "lead", record_id="lea_3")
        assert (one.share, one.missing, one.owner_id) == (1.0, (), "rep_1")
        assert incomplete_records(session, "lead", record_id="lea_9") == []


def test_a_kind_without_a_list_a_grouping_or_a_limit_that_is_none_is_told(store: Sessions):
    with store() as session:
        with pytest.raises(StoreError, match="not_allowed: entity"):
            completeness(session, "ticket")
        with pytest.raises(StoreError, match="not_allowed: group_by"):
            completeness(session, "lead", "mood")  # type: ignore[arg-type]
        for limit in (0, 1_001):
            with pytest.raises(StoreError, match="out_of_range"):
                incomplete_records(session, "lead", limit=limit)
        assert completeness(session, "lead") == []


def test_the_store_counts_what_a_walk_over_the_records_counts(store: Sessions):
    chance = random.Random(7)
    with transaction(store) as session:
        keys = key_fields(session)
        expected: dict[str | None, list[float]] = {}
        for number in range(60):
            owner = chance.choice([None, "rep_1", "rep_2", "rep_3"])
            industry = chance.choice([None, "三级医院", "机械", "a_%医院"])
            values = {name: "x" for name in ("company", "phone", "need", "title") if chance.random() < 0.5}
            lead(session, number, owner, industry=industry, **values)
            weights = keys.of("lead", keys.industry_of(industry, None))
            expected.setdefault(owner, []).append(record_share(set(values), weights))
        found = shares(completeness(session, "lead", "rep"))
        assert found == {k: (len(v), round(sum(v) / len(v), 6)) for k, v in expected.items()}


def test_a_grouped_answer_takes_a_fixed_number_of_queries(store: Sessions):
    with transaction(store) as session:
        for number in range(40):
            lead(session, number, f"rep_{number % 5 + 1}")
        asked: list[str] = []
        event.listen(session.get_bind(), "before_cursor_execute", lambda *sent: asked.append(sent[2]))
        completeness(session, "lead", "rep")
        assert len(asked) <= 3


def test_deals_whose_stage_an_import_set_are_flagged_until_a_person_moves_them(store: Sessions):
    with transaction(store) as session:
        for number, (actor, stage) in enumerate(
            [
                ("import:crm", "negotiation"),
                ("import:crm", "need_confirmed"),  # where every deal begins
                ("import:crm", "lost"),
                ("user:li", "proposal"),
                ("api:crm", "won"),
            ]
        ):
            put(session, "opportunity", f"opp_{number}", stage=stage, actor=actor)
        put(session, "opportunity", "opp_3", T0 + HOUR, amount=1.0, actor="import:crm")  # not the stage
        (found,) = completeness(session, "opportunity")
        assert (found.records, found.ungated) == (5, 1)
        flagged = {one.record_id for one in incomplete_records(session, "opportunity") if one.ungated}
        assert flagged == {"opp_0"}
        put(session, "opportunity", "opp_0", T0 + DAY, stage="proposal")
        assert completeness(session, "opportunity")[0].ungated == 0


def test_the_brief_of_a_week(store: Sessions):
    with transaction(store) as session:
        for number in range(4):
            lead(session, number, "rep_1", at=T0 - DAY, company="甲", phone="139", need="骨科")
        lead(session, 4, "rep_2", at=T0 - DAY, company="甲")
        lead(session, 5, "rep_3", at=T0 - DAY)
        lead(session, 0, "rep_1", at=T0 + HOUR, phone=None)
        lead(session, 1, "rep_1", at=T0 + 2 * HOUR, phone=None)
        lead(session, 1, "rep_1", at=T0 + 3 * HOUR, phone="138")
        lead(session, 2, "rep_1", at=T0 + 4 * HOUR, phone=None)
        lead(session, 2, "rep_1", at=T0 + WEEK, phone="137")  # the week after
        lead(session, 6, "rep_2", at=T0 + WEEK, company="乙")
        lead(session, 7, "rep_1", at=T0 - DAY, status="lost")  # no longer open
        scope = Scope(team_ids=("tea_1",))
        brief = weekly_brief(session, scope, T0, T0 + WEEK + DAY)

        assert (brief.week_start, brief.records) == ("2026-03-01T16:00:00+00:00", 6)
        phone, need = brief.fields
        assert (phone.field, phone.why, phone.records, phone.missing) == ("phone", "drop", 5, 3)
        assert (phone.share, phone.share_before, phone.name) == (0.4, 0.8, ("电话", "Phone"))
        assert (need.field, need.why, need.share, need.share_before) == ("need", "low", 0.8, 0.8)
        assert [(gap.owner, gap.missing) for gap in phone.owners] == [("销售2", 2), ("销售1", 1)]
        assert [(one.record_id, one.old, one.new) for one in phone.changes] == [
            ("lea_2", "***", None),
            ("lea_1", None, "***"),
            ("lea_1", "***", None),
        ]  # masked, since a phone is nobody's to read in a brief
        assert json.loads(json.dumps(asdict(brief)))["fields"][0]["field"] == "phone"
        assert "线索·电话：完整度 40.0%（比上周降 40.0 个百分点）" in brief_text(brief, "zh")


def test_a_week_that_still_runs_is_told_up_to_now(store: Sessions):
    with transaction(store) as session:
        lead(session, 1, at=T0 - DAY, company="甲", phone="1", need="骨科")
        lead(session, 1, at=T0 + HOUR, need=None)
        (found,) = weekly_brief(session, Scope(), T0, T0 + 2 * HOUR).fields
        assert (found.field, found.share, found.share_before) == ("need", 0.0, 1.0)
        assert [one.recorded_at[:13] for one in found.changes] == ["2026-03-01T17", "2026-02-28T16"]


def test_a_week_is_one_that_began_on_a_monday_in_shanghai(store: Sessions):
    with store() as session:
        for start, now in ((T0 + HOUR, T0 + DAY), (T0 - DAY, T0 + DAY), (T0 + WEEK, T0 + DAY)):
            with pytest.raises(StoreError, match="bad_week"):
                weekly_brief(session, Scope(), start, now)


NIGHT = T0 + timedelta(hours=23, minutes=30)  # 23:30 in Shanghai


def test_the_heat_map_of_late_entries(store: Sessions):
    with transaction(store) as session:
        lead(session, 1)
        lead(session, 2)
        delays = [timedelta(minutes=10), 2 * HOUR, DAY, DAY + timedelta(microseconds=1), -HOUR]
        for number, delay in enumerate(delays):
            session.add(said(f"act_{number}", NIGHT - delay, delay))
        session.add(said("act_site", NIGHT - DAY, DAY, channel="site"))  # nobody enters a visit
        session.add(said("act_whose", NIGHT - DAY, DAY, rep_id=None))
        session.add(said("act_early", T0 - 2 * HOUR, HOUR))  # recorded before the range
        session.add(said("act_late", NIGHT, DAY))  # and after
        session.add(said("act_morning", T0 + 9 * HOUR, timedelta(0), rep_id="rep_2"))
        session.flush()
        session.add(said("act_fix", T0, DAY - HOUR, corrects_id="act_0"))
        session.flush()
        found = entry_delays(session, T0, T0 + DAY)

        night, morning = found.cells
        assert (night.rep_id, night.hour, night.entries) == ("rep_1", 23, 5)
        assert (night.median_s, night.late_share) == (7_200.0, 0.2)  # a day exactly is not late
        assert night.p90_s == pytest.approx(86_400.0, abs=1e-3)
        assert (morning.rep_id, morning.hour, morning.entries, morning.median_s) == ("rep_2", 9, 1, 0.0)
        assert (found.reps, found.late_after_h) == ({"rep_1": "销售1", "rep_2": "销售2"}, 24.0)
        assert json.loads(json.dumps(asdict(found)))["cells"][0]["hour"] == 23
        assert [cell.rep_id for cell in entry_delays(session, T0, T0 + DAY, ["rep_2"]).cells] == ["rep_2"]
        with pytest.raises(StoreError, match="bad_range"):
            entry_delays(session, T0, T0)


def test_the_percentiles_of_the_store_are_those_of_the_entries(store: Sessions):
    chance = random.Random(3)
    expected: dict[tuple[str, int], list[float]] = {}
    with transaction(store) as session:
        lead(session, 1)
        for number in range(300):
            rep, at = f"rep_{chance.randint(1, 3)}", T0 + timedelta(seconds=chance.randrange(86_400))
            delay = timedelta(microseconds=int(chance.expovariate(1 / 20e9)))
            session.add(said(f"act_{number}", at - delay, delay, rep_id=rep))
            expected.setdefault((rep, (at - T0) // HOUR), []).append(delay.total_seconds())
        session.flush()
        cells = {(cell.rep_id, cell.hour): cell for cell in entry_delays(session, T0, T0 + DAY).cells}
    assert cells.keys() == expected.keys()
    for key, delays in expected.items():
        cell, late = cells[key], sum(delay > 86_400 for delay in delays)
        assert (cell.entries, cell.late_share) == (len(delays), late / len(delays))
        assert cell.median_s == pytest.approx(statistics.median(delays), abs=1e-5)
        if len(delays) > 1:
            p90 = statistics.quantiles(delays, n=10, method="inclusive")[8]
            assert cell.p90_s == pytest.approx(p90, abs=1e-5)


def test_a_viewer_is_told_about_their_rows_by_fields_that_they_may_see(store: Sessions):
    """A team lead sees the team; a data scientist everybody, but no budget, and that there is a phone."""
    with transaction(store) as session:
        lead(session, 1, "rep_1", need="骨科", phone="13900001234")
        lead(session, 2, "rep_3", need="骨科", at=T0)
        lead(session, 3, "rep_3", industry="三级医院", budget=3e5)
        session.add(said("act_1", T0, HOUR))
        session.add(said("act_2", T0, HOUR, lead_id="lea_2", rep_id="rep_3"))
    team_lead = Viewer("use_1", "wang", "lead", rep_id="rep_1", team_id="tea_1")
    scientist = Viewer("use_2", "chen", "scientist")
    with viewer_session(store, team_lead) as session:
        assert [one.record_id for one in incomplete_records(session, "lead")] == ["lea_1"]
        assert shares(completeness(session, "lead", "rep")) == {"rep_1": (1, 0.75)}
        assert [cell.rep_id for cell in entry_delays(session, T0, T0 + DAY).cells] == ["rep_1"]
        assert weekly_brief(session, Scope(), T0, T0 + DAY).records == 1
    with viewer_session(store, scientist) as session:
        (found,) = completeness(session, "lead")
        assert found.records == 3
        assert {field.field for field in found.fields} == {"company", "phone", "need", "title"}
        assert incomplete_records(session, "lead", record_id="lea_3")[0].missing == ("title",)
        told = json.dumps(asdict(weekly_brief(session, Scope(), T0, T0 + DAY)))
        assert "phone" in told
        assert "13900001234" not in told


def test_a_viewer_without_rows_is_told_of_none(store: Sessions):
    with transaction(store) as session:
        lead(session, 1)
        put(session, "opportunity", "opp_1", stage="proposal", actor="import:crm")
        session.add(said("act_1", T0, HOUR))
    stranger = Viewer("use_3", "new", "rep", rep_id="rep_5")
    with viewer_session(store, stranger) as session:
        assert completeness(session, "lead", "region") == []
        assert incomplete_records(session, "opportunity") == []
        assert entry_delays(session, T0, T0 + DAY).cells == ()
        assert weekly_brief(session, Scope(), T0, T0 + DAY).records == 0


def test_every_listed_kind_can_be_counted(sessions: Sessions):
    """The lists that ship, on a store that nobody edited."""
    with transaction(sessions) as session:
        for entity in key_fields(session).weights:
            assert entity in RECORDS
            for group_by in ("all", "rep", "team", "region"):
                assert completeness(session, entity, group_by) == []
        assert weekly_brief(session, Scope(), T0, T0 + DAY).fields == ()
