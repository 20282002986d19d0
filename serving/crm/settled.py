"""What is answered when an edited definition is put in force."""

from __future__ import annotations

from pydantic import Field

from serving.crm.contract import Strict


class SavedOut(Strict):
    """The version now in force; a number for definitions, name@number for rules."""

    version: int | str = Field(description="version now in force 生效版本")
