"""Finds changes of people's roles in notes and communications, each with the sentence that shows it.

Rules over tagged words, no model: every finding can be explained by its sentence, its shape and the guards
it passed. Decisions that a reader should know:

* A rumour of something done (听说王主任已经调走了) is found with little confidence; a possibility (可能)
  and a rumour of something to come are not found.
* What is announced (下个月退休, 已递交辞呈) is found with less confidence than what is done.
* What lies ``history_years`` or more back is the past, not a change.
* Leaving means gone from the account; a transfer stays within it; ``replaced`` lost the role and may stay.
* Professional ranks (主任医师, 教授) are no roles in a decision chain.
"""

from datetime import datetime

from crm_store.intake.role_changes.circle import Circle
from crm_store.intake.role_changes.findings import RoleChangeFound, one_per_person
from crm_store.intake.role_changes.note import Note
from crm_store.intake.role_changes.vocabulary import vocabulary

__all__ = ["RoleChangeFound", "find_role_changes"]


def find_role_changes(text: str, circle: Circle, said_at: datetime) -> list[RoleChangeFound]:
    """Return the changes a text tells, one per person, in the order of the text. ``said_at`` dates it."""
    if vocabulary().hint.search(text) is None:
        return []
    return one_per_person(list(Note(text, circle, said_at).changes()))
