"""Leaves a registry that fails alone for a while, so that jobs do not queue up behind its timeouts."""

from collections.abc import Callable
from threading import Lock

# So many failures in a row are an outage, not bad luck.
FAILURES = 5
# How long an outage is left alone before one call tries again.
WAIT_S = 60.0


class CircuitBreaker:
    """Opens after ``failures`` in a row; after ``wait_s`` seconds it lets one call try (half-open).

    One for each provider and process, safe between threads. ``monotonic`` gives seconds.
    """

    def __init__(
        self, monotonic: Callable[[], float], *, failures: int = FAILURES, wait_s: float = WAIT_S
    ) -> None:
        self._monotonic = monotonic
        self._most, self._wait_s = failures, wait_s
        self._failures = 0
        self._next_trial: float | None = None
        self._lock = Lock()

    def allows(self) -> bool:
        """Tell whether a call may be made now. Who got a yes says how the call went."""
        with self._lock:
            if self._failures < self._most:
                return True
            now = self._monotonic()
            if self._next_trial is not None and now < self._next_trial:
                return False
            # This call is the trial; the others wait on. If it never reports, another comes in its time.
            self._next_trial = now + self._wait_s
            return True

    def succeeded(self) -> None:
        """Report a call that was answered: everyone may call again."""
        with self._lock:
            self._failures = 0
            self._next_trial = None

    def failed(self) -> None:
        """Report a call that failed."""
        with self._lock:
            self._failures += 1
            if self._failures >= self._most:
                self._next_trial = self._monotonic() + self._wait_s
