"""Response headers that every answer of the workbench carries."""

from __future__ import annotations

from typing import Final

COMMON: Final[dict[str, str]] = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    # Own pages see where they came from, and a form's Origin stays readable; other sites learn nothing.
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
_YEAR: Final = 31_536_000
HTTPS_ONLY: Final[dict[str, str]] = {"strict-transport-security": f"max-age={_YEAR}"}

_SHARED: Final = (
    "default-src 'none'; img-src 'self' data:; font-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)


def live_policy(nonce: str) -> str:
    """Return the content security policy of NiceGUI's pages.

    Vue compiles templates in the browser, which is eval to a browser, and Quasar writes style elements: both
    are as tight as they go. Inline scripts run only with this response's nonce.
    """
    scripts = f"script-src 'self' 'nonce-{nonce}' 'unsafe-eval'"
    return f"{_SHARED}; {scripts}; style-src 'self' 'unsafe-inline'; connect-src 'self'"


CARD_POLICY: Final = f"{_SHARED}; style-src 'unsafe-inline'"
"""The policy of a model card: one page with its styles in it, which loads nothing and runs nothing."""
PLAIN_POLICY: Final = f"{_SHARED}; style-src 'self'"
"""The policy of pages without scripts: signing in, and what went wrong."""
