"""What a data folder holds: which company, as of which moment, and how far its first build came."""

import json
import os
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, Self

CompanyKind = Literal["demo", "olist", "own"]
FILE_NAME = "state.json"


@dataclass
class HomeState:
    """The facts about one data folder, kept beside the data in ``state.json``.

    ``data_as_of`` is the clock of a company whose history has ended (the demo company, the public Olist
    files); None means live data, whose clock is the real one.
    """

    company: CompanyKind = "own"
    seed: int | None = None
    data_as_of: str | None = None
    finished: list[str] = field(default_factory=list)
    summary: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def read(cls, folder: Path) -> Self | None:
        """Return the state of ``folder``, or None where nothing has been built."""
        file = folder / FILE_NAME
        return cls(**json.loads(file.read_text("utf-8"))) if file.exists() else None

    def write(self, folder: Path) -> None:
        """Replace the file in one step, so that a kill leaves the old state or the new one."""
        folder.mkdir(parents=True, exist_ok=True)
        temporary = folder / f".{FILE_NAME}.{os.getpid()}"
        temporary.write_text(json.dumps(asdict(self), ensure_ascii=False, indent=1), "utf-8")
        temporary.replace(folder / FILE_NAME)

    def clock(self, real_now: datetime) -> datetime:
        """Return the moment that counts as now for this folder's data."""
        return datetime.fromisoformat(self.data_as_of) if self.data_as_of else real_now
