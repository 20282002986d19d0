"""The words with which the guards refuse: what is wrong, and what to do instead."""

from collections.abc import Sequence

from crm_store.repositories.problems import Problem

_KINDS = {
    "contact": ("联系人", "contacts"),
    "lead": ("线索", "leads"),
    "opportunity": ("商机", "opportunities"),
}


def unknown_way(actor: str, ways: Sequence[str]) -> Problem:
    """Describe an actor that came in by no known way, or is nobody."""
    listed = ", ".join(ways)
    return Problem(
        "unknown_way",
        "actor",
        f"数据只能通过表单、接口或导入进入：{actor} 应为 {listed} 之一加冒号和名称",
        f"data enters by a form, the API or an import: {actor} must be one of {listed}, a colon and a name",
    )


def past_moment(field: str) -> Problem:
    """Describe an attempt to move or erase a moment that has passed."""
    return Problem(
        "past_moment",
        field,
        f"{field} 是已发生的时间，不能修改；如需更正，请新增一条记录并指向原记录",
        f"{field} lies in the past and cannot be moved: add a new entry that points at the old one",
    )


def locked(fields: Sequence[str]) -> Problem:
    """Describe a change to what a signed deal was agreed on."""
    listed = ", ".join(fields)
    return Problem(
        "locked",
        fields[0],
        f"商机已签约，{listed} 只读；更正须由经理提交并写明原因",
        f"the deal is signed and {listed} read-only: a manager may correct it and must give a reason",
    )


def bulk_status_change(entity: str, field: str) -> Problem:
    """Describe the second record of a kind whose status one transaction would change."""
    zh, en = _KINDS[entity]
    return Problem(
        "bulk_status_change",
        field,
        f"不能批量修改{zh}的状态：请逐条修改，或用导入任务带入外部系统的状态",
        f"the status of several {en} cannot be changed at once: change them one by one, "
        "or bring the states of an outside system by an import job",
    )


def in_the_future() -> Problem:
    """Describe an entry about something that has not happened."""
    return Problem(
        "in_the_future",
        "occurred_at",
        "occurred_at 晚于当前时间：尚未发生的事请建任务",
        "occurred_at lies in the future: what has not happened yet is a task",
    )


def backdated_entry() -> Problem:
    """Describe an entry that claims to have been made at another time than now."""
    return Problem(
        "backdated_entry",
        "recorded_at",
        "recorded_at 由系统填写，不能指定为其他时间",
        "recorded_at is set by the store: leave it out",
    )


def other_subject() -> Problem:
    """Describe a correction that is about someone else than the entry it corrects."""
    return Problem(
        "other_subject",
        "corrects_id",
        "更正必须与原记录属于同一线索和客户",
        "a correction must be about the same lead and account as the entry it corrects",
    )
