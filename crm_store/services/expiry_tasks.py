"""What runs out becomes a task (product B3): a job that may run as often as it likes."""

from datetime import date, datetime, timedelta

from sqlalchemy.orm import Session

from crm_store.domain.admission import business_day, day_begins, last_day
from crm_store.domain.ids import stable_id
from crm_store.repositories import admission as rows
from crm_store.repositories.admission import ANY_LINE, ExpiringPaper, OpenTask
from crm_store.services.admission_lists import Lists, lists_in_force, need_of
from crm_store.services.writing import write

JOB = "job:expiry_tasks"
_TITLE_LENGTH = 200


def expiry_tasks(session: Session, now: datetime) -> int:
    """Open a task for each paper in force that runs out within its warning days, or has; close what is done.

    A task belongs to the account's owner (the paper's own, when it serves every account) and to one paper and
    its last day, so that running again opens none twice, and one that somebody closed stays closed. A paper
    renewed or given a later day completes its task; one rejected or deleted cancels it. Returns the number of
    tasks opened or closed.
    """
    today = business_day(now)
    lists = lists_in_force(session)
    due = {}
    for found in _running_out(session, lists, today):
        end = last_day(found.paper, need_of(lists, found.paper))
        if end is not None:
            due[_task_key(found.paper.id, end)] = (found, end)
    known = rows.known_tasks(session, list(due))
    for key, (found, end) in due.items():
        if key not in known:
            _open(session, key, found, end, now)
    closed = [_close(session, task, now) for task in rows.open_tasks(session) if task.external_id not in due]
    return len(due) - len(known) + len(closed)


def _running_out(session: Session, lists: Lists, today: date) -> list[ExpiringPaper]:
    """Return the papers that hold no longer than their line's warning days from today."""
    furthest = today + timedelta(days=max(found.warn_days for found in lists.values()) + 1)
    every_need = [item for found in lists.values() for item in found.items]
    return [
        found
        for found in rows.papers_running_out(session, every_need, furthest)
        if _runs_out(lists, found, today)
    ]


def _runs_out(lists: Lists, found: ExpiringPaper, today: date) -> bool:
    warn_days = lists.get(found.paper.product_line or ANY_LINE, lists[ANY_LINE]).warn_days
    end = last_day(found.paper, need_of(lists, found.paper))
    return end is not None and end <= today + timedelta(days=warn_days)


def _task_key(document_id: str, end: date) -> str:
    return f"{document_id}@{end}"


def _open(session: Session, key: str, found: ExpiringPaper, end: date, now: datetime) -> None:
    said = "已于" if end < business_day(now) else "将于"
    values = {
        "source": rows.TASK_SOURCE,
        "external_id": key,
        "kind": rows.TASK_KIND,
        "title": f"《{found.paper.title}》{said} {end} 到期，请更新"[:_TITLE_LENGTH],
        "due_at": day_begins(end + timedelta(days=1)),
        "account_id": found.account_id,
        "document_id": found.paper.id,
        "owner_id": found.owner_id,
    }
    task_id = stable_id("task", rows.TASK_SOURCE, key)
    write(session, "task", task_id, values, actor=JOB, reason="准入文件即将到期", now=now)


def _close(session: Session, task: OpenTask, now: datetime) -> str:
    gone = task.deleted or task.paper.status == "rejected"
    status, reason = ("cancelled", "文件已作废") if gone else ("done", "文件已更新")
    values = {"status": status, "completed_at": now}
    write(session, "task", task.id, values, actor=JOB, reason=reason, now=now)
    return task.id
