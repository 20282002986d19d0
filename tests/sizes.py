"""How large a test is: small on every push, full at night and before a release (``make test-full``)."""

import os
from typing import TypeVar

FULL = os.environ.get("LEADPULSE_TEST_FULL") == "1"

Size = TypeVar("Size")


def full(small: Size, large: Size) -> Size:
    """Return ``large`` in a full run, else ``small``."""
    return large if FULL else small
