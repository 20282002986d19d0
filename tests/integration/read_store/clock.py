"""When the small company lives."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

T0 = datetime(2026, 3, 1, 8, 0, 0, 123456, tzinfo=UTC)
HOUR = timedelta(hours=1)
Write = Callable[..., int]
"""``write(entity, id, values, hours)``: write a record so many hours after T0, and return its version."""
