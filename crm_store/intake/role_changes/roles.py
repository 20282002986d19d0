"""Which role a change leaves and which it leads to, from the words, the person named and the record."""

from crm_store.intake.role_changes.circle import KnownContact, Mention
from crm_store.intake.role_changes.grammar import Kind, Reading
from crm_store.intake.role_changes.vocabulary import vocabulary

# A department without a title (换成李强负责设备科) makes its head, as people there would say.
_IN_CHARGE = "负责人"
_ACTING = "代理"
# These heads say what they head: a 部长 is never one of a 科.
_HEADS_OF = ("科长", "处长", "部长")


def old_role_of(reading: Reading, mention: Mention, contact: KnownContact | None) -> str | None:
    """Return what is left: the role the sentence names, else the one on record."""
    if reading.kind == "department_merge":
        return mention.department
    named = reading.old[0].text if reading.old else None
    came_to = reading.verb.tag == "n" or mention.role is None
    return named or (None if came_to else mention.role) or (contact.role if contact else None)


def new_role_of(
    kind: Kind,
    reading: Reading,
    mention: Mention,
    contact: KnownContact | None,
    role_before: str | None,
    vacated: str | None,
) -> str | None:
    """Return the role come to, or None when the sentence does not say.

    ``role_before`` is the role of the one who is followed, ``vacated`` what was left earlier in the note.
    """
    if kind in ("leaving", "retirement", "replaced"):
        return None
    if kind == "department_merge":
        return reading.new.text if reading.new else None
    role = _named(kind, reading, mention, contact)
    if role is not None and vacated is not None and vacated.endswith(role):
        role = vacated  # 周主管离职，由罗平暂代主管
    if role is None and kind in ("taking_over", "acting") and reading.verb.tag != "@":
        whole = reading.job is None or reading.job.text in vocabulary().lists["whole_jobs"]
        role = role_before or (vacated if whole and reading.before is None else None)
    return _ACTING + role.removeprefix(_ACTING) if kind == "acting" and role else role


def _named(kind: Kind, reading: Reading, mention: Mention, contact: KnownContact | None) -> str | None:
    if reading.new is not None:
        return _with_department(reading.new.text, reading, mention, contact)
    if reading.post is not None:
        return reading.post.text if kind == "transfer" else reading.post.text + _IN_CHARGE
    if reading.verb.tag == "n":
        return mention.role
    return None


def _with_department(role: str, reading: Reading, mention: Mention, contact: KnownContact | None) -> str:
    """Say 设备科主任 where 设备科李副主任升任主任 leaves the department to the reader."""
    words = vocabulary().lists
    role = role.removeprefix("正")
    if reading.post is not None and role in words["titles"]:
        return reading.post.text + role
    if role not in words["titles_of_a_department"]:
        return role
    if reading.kind == "transfer":
        return role
    return with_department(role, mention.department or (contact.department if contact else None) or "")


def with_department(role: str, department: str) -> str:
    """Return 设备科主任 for 主任 of 设备科; a 部长 stays bare there, for a 科 has none."""
    fits = role[-2:] not in _HEADS_OF or department.endswith(role[-2])
    return department + role if fits else role
