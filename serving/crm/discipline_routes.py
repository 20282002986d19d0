"""Discipline: completeness, the weekly brief, late entries, field definitions, stage gates, the formula."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any, Final

from pydantic import Field

from crm_store.domain.completeness import Completeness
from crm_store.domain.field_definitions import FieldDefinition
from crm_store.domain.stages import LOST, ORDER
from crm_store.domain.weekly_brief import WeeklyBrief, week_start_of
from crm_store.repositories.fields import FACTS, RECORDS
from crm_store.services import decision_chain, definitions, discipline, gates
from crm_store.services.discipline import EntryDelays, RecordCompleteness, Scope
from crm_store.services.gates import GateAnswer
from serving.crm import params
from serving.crm.contract import Strict
from serving.crm.forms import parsed, told_as
from serving.crm.operation import Call, Operation, Policy, Reply
from serving.crm.resources import PREFIX, RESOURCES
from serving.crm.settled import SavedOut

_TAG: Final = "discipline 数据纪律"
_DEFINED: Final = (*RECORDS, *FACTS)
_KEYED: Final = ("lead", "account", "contact", "opportunity", "contract", "ticket")


class DocumentIn(Strict):
    """An edited definition, whole or in part as its kind says, and why it was edited."""

    content: dict[str, Any] = Field(max_length=500)
    reason: str | None = Field(None, max_length=200)


class DocumentOut(Strict):
    """A definition in force."""

    content: dict[str, Any]


COMPLETENESS: Final = told_as("CompletenessByGroup", list[Completeness])
INCOMPLETE: Final = told_as("IncompleteRecords", list[RecordCompleteness])
BRIEF: Final = told_as("WeeklyBrief", WeeklyBrief)
DELAYS: Final = told_as("EntryDelays", EntryDelays)
FIELDS_OUT: Final = told_as("FieldDefinitions", list[FieldDefinition])
GATE: Final = told_as("GateAnswer", GateAnswer)


def discipline_operations() -> Iterator[Operation]:
    """Yield the operations on data discipline."""
    yield from (_completeness(), _incomplete(), _brief(), _delays(), _gate())
    yield from (_field_definitions(), *_saving())


def _completeness() -> Operation:
    def handle(call: Call) -> Reply:
        grouped = call.query.get("group_by", "all")
        found = discipline.completeness(call.sight, _kind(call), grouped, _scope(call))
        return Reply([asdict(one) for one in found])

    return _read(
        "discipline/completeness",
        "crm_completeness",
        "How complete key fields are 关键字段完整度",
        handle,
        COMPLETENESS,
        (
            _entity_param(),
            params.choice("group_by", ("all", "rep", "team", "region"), "groups 分组", "all"),
            *_SCOPE,
        ),
        errors=("not_allowed",),
    )


def _incomplete() -> Operation:
    def handle(call: Call) -> Reply:
        found = discipline.incomplete_records(
            call.sight, _kind(call), _scope(call), call.query.get("limit", 50), call.query.get("record_id")
        )
        return Reply([asdict(one) for one in found])

    return _read(
        "discipline/incomplete",
        "crm_incomplete_records",
        "Records that lack the most 最不完整的记录",
        handle,
        INCOMPLETE,
        (
            _entity_param(),
            *_SCOPE,
            params.whole("limit", 1, 1_000, "records 条数", 50),
            params.record_id("record_id", "query", "one record alone 只看一条"),
        ),
        errors=("not_allowed",),
    )


def _brief() -> Operation:
    def handle(call: Call) -> Reply:
        start = week_start_of(call.query.get("week", call.now))
        return Reply(asdict(discipline.weekly_brief(call.sight, _scope(call), start, call.now)))

    about = "any moment of the week, this one by default 该周内任一时刻"
    return _read(
        "discipline/weekly-brief",
        "crm_weekly_brief",
        "The three worst fields, who owns them, what changed 每周简报",
        handle,
        BRIEF,
        (params.moment("week", about), *_SCOPE),
        errors=("bad_week",),
    )


def _delays() -> Operation:
    def handle(call: Call) -> Reply:
        reps = call.query.get("rep_ids")
        since, until = call.query["since"], call.query["until"]
        return Reply(asdict(discipline.entry_delays(call.sight, since, until, reps)))

    return _read(
        "discipline/entry-delays",
        "crm_entry_delays",
        "How late entries are made, by rep and hour 补录延迟热力图",
        handle,
        DELAYS,
        (
            params.moment("since", "from 起", required=True),
            params.moment("until", "to, not included 止", required=True),
            _ids_param("rep_ids"),
        ),
        errors=("bad_range",),
    )


def _gate() -> Operation:
    def handle(call: Call) -> Reply:
        return Reply(asdict(gates.check_stage(call.sight, call.path["id"], call.query["stage"], call.now)))

    return Operation(
        "GET",
        f"{RESOURCES['opportunity'].path}/{{id}}/gate",
        "crm_stage_gate",
        "What a deal lacks for a stage 阶段门缺什么",
        _TAG,
        Policy("opportunity", "read"),
        handle,
        params=(params.record_id(), params.choice("stage", (*ORDER, LOST), "stage 阶段", required=True)),
        answers={200: GATE},
        errors=("record_not_found", "unknown_reference"),
    )


def _field_definitions() -> Operation:
    def handle(call: Call) -> Reply:
        language = call.query.get("language", "zh")
        found = definitions.field_definitions(call.sight, call.query["entity"], language)
        return Reply([asdict(one) for one in found])

    return Operation(
        "GET",
        f"{PREFIX}/field-definitions",
        "crm_field_definitions",
        "What every field means in business words 字段含义",
        _TAG,
        Policy("definition", "read"),
        handle,
        params=(
            params.choice("entity", _DEFINED, "kind of record 类型", required=True),
            params.choice("language", ("zh", "en"), "language 语言", "zh"),
        ),
        answers={200: FIELDS_OUT},
    )


def _saving() -> Iterator[Operation]:
    """Yield reading and saving of each definition that operations edit."""
    entity = params.choice("entity", _DEFINED, "kind of record 类型", required=True)

    def save_fields(call: Call, given: DocumentIn) -> int | str:
        return definitions.save_field_definitions(
            call.whole, call.query["entity"], given.content, **_by(call, given)
        )

    def save_keys(call: Call, given: DocumentIn) -> int | str:
        return definitions.save_key_fields(call.whole, given.content, **_by(call, given))

    def save_gate(call: Call, given: DocumentIn) -> int | str:
        return gates.save_gate(call.whole, given.content, **_by(call, given))

    def save_influence(call: Call, given: DocumentIn) -> int | str:
        return decision_chain.save_influence_settings(call.whole, given.content, **_by(call, given))

    yield _save("field-definitions", "field_definitions", "field meanings 字段含义", save_fields, (entity,))
    yield _save("key-fields", "key_fields", "key fields 关键字段", save_keys)
    yield _shown("key-fields", "key_fields", "key fields 关键字段", definitions.key_fields_document)
    yield _save("rules/stage-gate", "stage_gate", "stage gates 阶段门", save_gate)
    yield _shown("rules/stage-gate", "stage_gate_rule", "stage gates 阶段门", gates.gate_document)
    yield _save("settings/influence", "influence", "the influence formula 影响力公式", save_influence)
    yield _shown(
        "settings/influence",
        "influence_settings",
        "the influence formula 影响力公式",
        lambda session: asdict(decision_chain.influence_settings(session)),
    )


def _shown(path: str, name: str, what: str, read: Any) -> Operation:
    return Operation(
        "GET",
        f"{PREFIX}/{path}",
        f"crm_{name}",
        f"Read {what}",
        _TAG,
        Policy("definition", "read"),
        lambda call: Reply({"content": read(call.sight)}),
        answers={200: DocumentOut},
        example={"content": {}},
    )


def _save(path: str, name: str, what: str, save: Any, given: tuple[params.Param, ...] = ()) -> Operation:
    return Operation(
        "POST",
        f"{PREFIX}/{path}",
        f"crm_save_{name}",
        f"Put edited {what} in force",
        _TAG,
        Policy("definition", "update"),
        lambda call: Reply({"version": save(call, parsed(call, DocumentIn))}, 201),
        params=given,
        body=DocumentIn,
        body_kind="json",
        answers={201: SavedOut},
        errors=("bad_definition", "bad_setting", "unknown_field", "not_allowed"),
        example={"version": 2},
        writes=True,
    )


def _read(
    path: str,
    name: str,
    summary: str,
    handle: Any,
    answer: Any,
    given: tuple[params.Param, ...],
    errors: tuple[str, ...] = (),
) -> Operation:
    return Operation(
        "GET",
        f"{PREFIX}/{path}",
        name,
        summary,
        _TAG,
        Policy("report", "read"),
        handle,
        params=given,
        answers={200: answer},
        errors=errors,
    )


def _by(call: Call, given: DocumentIn) -> dict[str, Any]:
    return {"actor": call.viewer.actor, "reason": given.reason, "now": call.now}


def _kind(call: Call) -> str:
    return str(call.query.get("entity", "lead"))


def _scope(call: Call) -> Scope:
    reps, teams = call.query.get("rep_ids"), call.query.get("team_ids")
    return Scope(
        None if reps is None else tuple(sorted(reps)),
        None if teams is None else tuple(sorted(teams)),
        call.query.get("region"),
    )


def _entity_param() -> params.Param:
    return params.choice("entity", _KEYED, "kind of record 类型", "lead")


def _ids_param(name: str) -> params.Param:
    return params.ids(name, "only these, after a comma each 只看这些")


_SCOPE: Final = (
    _ids_param("rep_ids"),
    _ids_param("team_ids"),
    params.text("region", longest=40, about="only this region 只看该区域"),
)
