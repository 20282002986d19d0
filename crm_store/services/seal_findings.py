"""What an audit can find, in words: what happened, where, and since which seal."""

from dataclasses import dataclass
from typing import Any

_WORDS = {
    "altered": ("内容被改动", "was altered"),
    "re_chained": ("内容被改动，且哈希链被重算以作掩饰", "was altered, and its chain made to fit"),
    "removed": ("被删除", "was removed"),
    "tail_cut": ("连同其后的全部记录被截去", "was cut off with everything behind it"),
    "inserted": ("是事后插入的", "was inserted afterwards"),
    "reordered": ("被移动了位置", "was moved to another place"),
    "broken": ("没有接在前一条之后：有记录被删除、插入或调换", "does not follow from the entry before it"),
    "state_differs": ("当前内容与其变更日志不符", "is not what its log says"),
    "no_log": ("没有变更日志", "has no log"),
    "no_record": ("有变更日志但记录已不存在", "has a log but does not exist"),
    "unreadable": ("含有无法读取的内容", "holds something that cannot be read"),
    "window_differs": (
        "在此封存所覆盖的范围内被篡改，无法定位到行",
        "was tampered with among the rows of this seal; which of them cannot be told",
    ),
    "seal_missing": ("封存文件缺失", "is missing"),
    "seal_altered": ("封存文件被改动或签名无效", "was altered, or its signature is not valid"),
}


@dataclass(frozen=True)
class Finding:
    """One sign of tampering.

    ``key`` is the row: (kind, id, version) of a log entry, (id,) of a fact or score, (kind, name, version) of
    a definition; ``seal`` and ``sealed_at`` are those of the checkpoint that shows it.
    """

    code: str
    table: str | None = None
    key: tuple[Any, ...] | None = None
    seal: int | None = None
    sealed_at: str | None = None

    @property
    def where(self) -> str:
        """The place, e.g. ``change_log lead lea_1 @3 (seal 12, 2026-03-01T…)``."""
        parts = [self.table or "", *(str(one) for one in self.key or () if one is not None)]
        named = " ".join(part for part in parts if part)
        if self.seal is None:
            return named
        seal = f"seal {self.seal}" + (f", {self.sealed_at}" if self.sealed_at else "")
        return f"{named} ({seal})" if named else seal

    @property
    def zh(self) -> str:
        """The finding in Chinese."""
        return f"{self.where} {_WORDS[self.code][0]}"

    @property
    def en(self) -> str:
        """The finding in English."""
        return f"{self.where} {_WORDS[self.code][1]}"
