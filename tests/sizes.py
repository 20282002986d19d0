"""How large a test is: small on every push, full at night and before a release (``make test-full``)."""

import os

FULL = os.environ.get("LEADPULSE_TEST_FULL") == "1"


def full(small: int, large: int) -> int:
    """Return ``large`` in a full run, else ``small``."""
    return large if FULL else small
