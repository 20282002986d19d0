"""A made-up Chinese medical-device distributor: seeded, repeatable, and synthetic to the last name.

Everything in it is invented: companies, people, phones, sentences, figures. Every record carries
``source="demo"``, and whoever shows it prints ``SYNTHETIC_NOTICE``. The simulation runs forward in time:
hidden quality and how people were treated cause behaviour, and both cause the outcome, so what was known
early predicts the outcome only as well as it would in an honest company.

``world`` is the stage (clock, market, names, reps), ``lead_life`` and ``account_life`` are what happens,
``records`` writes it down as a CRM would have, and ``loading`` puts that into a store.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

SOURCE = "demo"
SYNTHETIC_NOTICE = (
    "演示数据：公司、人物、电话、对话和数字全部由程序虚构，与任何真实主体无关。",
    "Demo data: every company, person, phone number, conversation and figure is made up by a program.",
)

Progress = Callable[[int, int], None]
Version = dict[str, Any]


@dataclass(frozen=True)
class DemoCompany:
    """What the simulation wrote down, in the row formats of ``crm_store.repositories.writes.bulk``.

    ``histories``: entity → versions ``{"id", "source", "external_id", "recorded_at", "fields"}``, the first
    of an id being its creation, and sorted by ``recorded_at`` within an id. ``facts``: ``activity`` and
    ``order_snapshot`` as Arrow tables with every column of their models, moments in UTC microseconds.
    """

    now: datetime
    histories: dict[str, list[Version]]
    facts: dict[str, "pa.Table"]


def generate(seed: int, now: datetime, scale: float = 1.0, progress: Progress | None = None) -> DemoCompany:
    """Simulate the 18 months that end at ``now`` and return what the company knows by then.

    ``scale`` 1.0 is about 20,000 leads and 2,000 accounts; tests use 0.02 to 0.1. The same arguments give
    the same company, and moving ``now`` by whole days moves every moment by as much. ``progress`` is
    called with (done, total). Raises ValueError for a naive ``now`` or a scale that is not positive.
    """
    from pipelines.demo_company.simulation import simulate

    if now.tzinfo is None:
        raise ValueError("now needs a time zone")
    if scale <= 0:
        raise ValueError("scale must be positive")
    histories, facts = simulate(seed, now, scale, progress or _silent)
    return DemoCompany(now, histories, facts)


def _silent(done: int, total: int) -> None:
    """Take the report and show nothing."""
