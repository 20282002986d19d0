"""How often one address may fail to sign in: stops guessing at many accounts, beside the lock on each."""

from __future__ import annotations

import ipaddress
from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Final

# An office behind one address mistypes a few times on a Monday morning; a guesser needs thousands.
ALLOWED_FAILURES: Final = 30
WITHIN_SECONDS: Final = 900.0
_REMEMBERED_ADDRESSES: Final = 10_000
# One customer of a provider has this much of IPv6 to themselves.
_IPV6_PREFIX: Final = 64


class Attempts:
    """Counts failures by address, for one process, in a sliding window."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._failures: OrderedDict[str, deque[float]] = OrderedDict()

    def wait_of(self, address: str | None) -> float:
        """Return how many seconds an address must wait before it may try again; 0 when it may now."""
        failures = self._recent(_network(address))
        if len(failures) < ALLOWED_FAILURES:
            return 0.0
        return failures[-ALLOWED_FAILURES] + WITHIN_SECONDS - self._monotonic()

    def failed(self, address: str | None) -> None:
        """Count a failure."""
        network = _network(address)
        failures = self._recent(network)
        failures.append(self._monotonic())
        self._failures[network] = failures
        self._failures.move_to_end(network)
        while len(self._failures) > _REMEMBERED_ADDRESSES:
            self._failures.popitem(last=False)

    def _recent(self, network: str) -> deque[float]:
        failures = self._failures.get(network) or deque(maxlen=ALLOWED_FAILURES)
        while failures and failures[0] <= self._monotonic() - WITHIN_SECONDS:
            failures.popleft()
        return failures


def _network(address: str | None) -> str:
    try:
        found = ipaddress.ip_address(address or "")
    except ValueError:
        return "unknown"
    if found.version == 4:
        return str(found)
    mapped = found.ipv4_mapped
    return str(mapped) if mapped else str(ipaddress.ip_network((found, _IPV6_PREFIX), strict=False))
