"""Who a note may be about: the account's people, and how a mention in the text finds the right one."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from crm_store.intake.role_changes.vocabulary import vocabulary

# 小王 is anybody young, on our side too: the surname alone would name the wrong person.
_JUNIOR = "小"


@dataclass(frozen=True)
class KnownContact:
    """A contact of the account, as far as recognising them goes. ``role`` is the job, e.g. 设备科主任."""

    id: str
    name: str
    role: str | None = None
    department: str | None = None
    status: str = "active"

    def is_in(self, department: str) -> bool:
        """Tell whether this person works in a department, by the record or by the role."""
        return department in (self.department or "") or (self.role or "").startswith(department)


@dataclass(frozen=True)
class Mention:
    """How a text names a person: 李强, 王主任, 设备科的小刘, or the holder of a role (设备科主任)."""

    text: str
    name: str | None = None
    surname: str | None = None
    title: str | None = None
    role: str | None = None
    department: str | None = None


@dataclass(frozen=True)
class Circle:
    """The account that a note is about: its name, its contacts, and the names of our own people."""

    account: str
    contacts: Sequence[KnownContact] = ()
    own_people: frozenset[str] = field(default_factory=frozenset)

    @cached_property
    def names(self) -> dict[str, tuple[str, ...]]:
        """First character → the contacts' names that begin with it, the longest first."""
        return _by_first_character(contact.name for contact in self.contacts)

    @cached_property
    def own_names(self) -> dict[str, tuple[str, ...]]:
        """First character → the names of our own people; a contact of the same name comes first."""
        known = {contact.name for contact in self.contacts}
        return _by_first_character(self.own_people - known)

    @cached_property
    def initials(self) -> frozenset[str]:
        """The first characters of all names: which surnames are at home here."""
        return frozenset(contact.name[:1] for contact in self.contacts)

    @cached_property
    def short_name(self) -> str:
        """恒力 of 宁波恒力精密机械有限公司: what follows the place, "" when nothing does."""
        name = self.account
        for place in vocabulary().lists["cities"]:
            name = name.removeprefix(place)
        return name.lstrip("市省区县")[:2]

    def find(self, mention: Mention) -> KnownContact | None:
        """Return the one contact that a mention can mean, or None when there is none or more than one."""
        if mention.name is not None:
            found = [contact for contact in self.contacts if contact.name == mention.name]
        elif mention.surname is not None and mention.text.startswith(_JUNIOR) and mention.title is None:
            return None
        elif mention.surname is not None:
            found = [contact for contact in self.contacts if contact.name.startswith(mention.surname)]
            found = _narrowed(found, mention)
        else:
            found = [contact for contact in self.contacts if _holds(contact, mention.role)]
        if len(found) > 1 and mention.department is not None:
            found = [contact for contact in found if contact.is_in(mention.department)] or found
        return found[0] if len(found) == 1 else None

    def is_same_organisation(self, words: str) -> bool:
        """Tell whether 一院 or 萧山医院 can be short for the account's name: its characters, in order."""
        rest = iter(self.account)
        return bool(self.account) and all(char in rest for char in words if char != "第")


def _by_first_character(names: Iterable[str]) -> dict[str, tuple[str, ...]]:
    grouped: dict[str, set[str]] = {}
    for name in names:
        if len(name) > 1:
            grouped.setdefault(name[0], set()).add(name)
    return {first: tuple(sorted(found, key=len, reverse=True)) for first, found in grouped.items()}


_AT_THE_HEAD = ("一把手", "负责人")


def _holds(contact: KnownContact, role: str | None) -> bool:
    """Tell whether a contact holds a role; 设备科一把手 is whoever heads the department."""
    if contact.role is None or role is None:
        return False
    heads = vocabulary().lists["head_titles"]
    informal = next((end for end in _AT_THE_HEAD if role.endswith(end)), None)
    if informal is None:
        return contact.role == role
    return contact.role in {role.removesuffix(informal) + head for head in heads}


def _narrowed(found: list[KnownContact], mention: Mention) -> list[KnownContact]:
    """Keep those whose role goes with the title; 王主任 may also be a vice director, if no director is."""
    title = mention.title
    if title is None or not found:
        return found
    holders = [contact for contact in found if contact.role and contact.role.endswith(title)]
    exact = [contact for contact in holders if contact.role and not contact.role.endswith("副" + title)]
    return exact or holders or [contact for contact in found if _may_be_called(contact, title)]


# 李工 and 王总 are courtesies that say little about the job.
_COURTESIES = frozenset(
    ("工", "老师", "医生", "大夫", "教授", "博士", "老板", "姐", "哥", "师傅", "女士", "先生")
)
# 王总 runs something at a company; a hospital's 主任 is nobody's 总.
_OF_COMPANIES = "总"
_SHORT_FOR = {
    "处": "处长",
    "科": "科长",
    "院": "院长",
    "局": "局长",
    "董": "董事长",
    "部": "部长",
    "厂": "厂长",
}


def _may_be_called(contact: KnownContact, title: str) -> bool:
    if contact.role is None or title in _COURTESIES:
        return True
    if title == _OF_COMPANIES:
        return any(part in contact.role for part in ("总", "经理", "董事长", "厂长"))
    return contact.role.endswith(_SHORT_FOR.get(title, title))
