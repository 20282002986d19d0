"""The kinds of records as addresses: ``contact_relation`` lives at ``/crm/v1/contact-relations``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from crm_store.repositories.fields import FACTS, FIELDS, RECORDS, Field

PREFIX: Final = "/crm/v1"
_TITLES: Final = {
    "lead": ("线索", "lead"),
    "account": ("客户", "account"),
    "contact": ("联系人", "contact"),
    "contact_relation": ("决策关系", "contact relation"),
    "role_change": ("角色变动", "role change"),
    "opportunity": ("商机", "opportunity"),
    "evidence": ("阶段凭证", "evidence"),
    "campaign": ("市场活动", "campaign"),
    "product": ("产品", "product"),
    "task": ("任务", "task"),
    "ticket": ("工单", "ticket"),
    "contract": ("合同", "contract"),
    "delivery": ("交付", "delivery"),
    "document": ("文件", "document"),
    "device": ("设备", "device"),
    "team": ("团队", "team"),
    "rep": ("销售", "rep"),
    "territory": ("片区", "territory"),
    "leave": ("请假", "leave"),
    "user": ("用户", "user"),
    "activity": ("活动", "activity"),
    "communication": ("沟通记录", "communication"),
    "order_snapshot": ("订单快照", "order snapshot"),
}
_UNCOUNTED: Final = frozenset({"evidence"})


@dataclass(frozen=True)
class Resource:
    """One kind of record as integrators see it.

    ``entity`` names what is stored; a communication is an activity with a scene, under an address of its own.
    """

    name: str
    entity: str

    @property
    def plural(self) -> str:
        """The kind as it stands in addresses."""
        if self.name in _UNCOUNTED:
            return self.name
        stem = self.name.replace("_", "-")
        return f"{stem[:-1]}ies" if stem.endswith("y") else f"{stem}s"

    @property
    def path(self) -> str:
        """The address of the list."""
        return f"{PREFIX}/{self.plural}"

    @property
    def tag(self) -> str:
        """The heading in the documentation."""
        return f"{self.plural} {_TITLES[self.name][0]}"

    @property
    def zh(self) -> str:
        """The kind in Chinese."""
        return _TITLES[self.name][0]

    @property
    def en(self) -> str:
        """The kind in English."""
        return _TITLES[self.name][1]

    @property
    def schema(self) -> str:
        """The stem of its schemas' names."""
        return "".join(part.capitalize() for part in self.name.split("_"))

    @property
    def fields(self) -> dict[str, Field]:
        """The fields, as the store has them."""
        return FIELDS[self.entity]


RECORD_RESOURCES: Final = tuple(Resource(name, name) for name in RECORDS)
ACTIVITY: Final = Resource("activity", "activity")
COMMUNICATION: Final = Resource("communication", "activity")
ORDER_SNAPSHOT: Final = Resource("order_snapshot", "order_snapshot")
FACT_RESOURCES: Final = (ACTIVITY, COMMUNICATION, ORDER_SNAPSHOT)
RESOURCES: Final = {resource.name: resource for resource in (*RECORD_RESOURCES, *FACT_RESOURCES)}
BY_PLURAL: Final = {resource.plural: resource for resource in RESOURCES.values()}
assert {r.entity for r in RESOURCES.values()} == set(RECORDS) | set(FACTS)  # noqa: S101 - a kind without a page
