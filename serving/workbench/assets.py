"""Addresses of our own static files; each carries a digest of the file, so that browsers may keep it."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).parent / "static"


@cache
def asset(name: str) -> str:
    """Return the address of a file of ``static``."""
    digest = hashlib.sha256((FOLDER / name).read_bytes()).hexdigest()[:12]
    return f"/static/{name}?v={digest}"
