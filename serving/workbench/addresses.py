"""Addresses: where a list stands (filters and page, kept in the URL), and where signing in may lead."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final, cast, get_args
from urllib.parse import quote, urlencode, urlsplit

from crm_store.domain.scores import Band

HOME: Final = "/leads"
SIGN_IN: Final = "/sign-in"
SIGN_IN_CODE: Final = "/sign-in/code"
SSO: Final = "/sign-in/sso"
SSO_BACK: Final = "/sign-in/sso/callback"
SECOND_FACTOR: Final = "/second-factor"
_LONGEST_TEXT: Final = 100
_LONGEST_CURSOR: Final = 400
_LONGEST_ADDRESS: Final = 2_000
_LAST_PAGE: Final = 1_000_000


def own_path(wanted: str | None) -> str:
    """Return ``wanted`` if it is a path of this site, otherwise the home page.

    ``//host``, ``/\\host``, schemes, control characters and the sign-in pages themselves are not.
    """
    if not wanted or len(wanted) > _LONGEST_ADDRESS or not wanted.startswith("/"):
        return HOME
    if "\\" in wanted or wanted.startswith("//") or not wanted.isprintable():
        return HOME
    parts = urlsplit(wanted)
    if (
        parts.scheme
        or parts.netloc
        or parts.path.startswith(("//", SIGN_IN, "/sign-out", "/language", "/_nicegui"))
    ):
        return HOME
    return HOME if parts.path == "/" else quote(wanted, safe="/?&=%+~-._:,;@!$'()*")


def language_address(to: str, back_to: str) -> str:
    """Return the address that switches the language and comes back."""
    return f"/language?{urlencode({'to': to, 'next': back_to})}"


def sign_in_address(back_to: str | None = None, *, ended: bool = False) -> str:
    """Return the sign-in page that leads back to where someone was."""
    told = {"next": own_path(back_to)} if back_to else {}
    if ended:
        told["ended"] = "1"
    return f"{SIGN_IN}?{urlencode(told)}" if told else SIGN_IN


@dataclass(frozen=True)
class ListState:
    """A ranked list as its address says it. ``after`` is the cursor of page ``page``; page 1 has none."""

    path: str
    band: Band | None = None
    owner: str | None = None
    region: str | None = None
    search: str | None = None
    after: str | None = None
    page: int = 1

    @classmethod
    def read(cls, path: str, query: Mapping[str, str]) -> ListState:
        """Read an address; what makes no sense is left out rather than refused."""
        band = query.get("band")
        after = query.get("after") or None
        page = query.get("page", "")
        number = int(page) if page.isascii() and page.isdigit() and len(page) <= len(str(_LAST_PAGE)) else 1
        if after is None or len(after) > _LONGEST_CURSOR or number < 2:
            after, number = None, 1
        return cls(
            path,
            cast(Band, band) if band in get_args(Band) else None,
            _text(query.get("owner")),
            _text(query.get("region")),
            _text(query.get("q")),
            after,
            number,
        )

    @property
    def filtered(self) -> bool:
        """Whether anything narrows the list."""
        return self.band is not None or self.narrowed

    @property
    def narrowed(self) -> bool:
        """Whether anything but the colour narrows the list."""
        return any(value is not None for value in (self.owner, self.region, self.search))

    @property
    def first(self) -> ListState:
        """The first page of the same list."""
        return replace(self, after=None, page=1)

    @property
    def bare(self) -> ListState:
        """The first page without filters."""
        return ListState(self.path)

    def with_band(self, band: Band | None) -> ListState:
        """Return the first page in one colour, or in all."""
        return replace(self.first, band=band)

    def with_filters(self, owner: str | None, region: str | None, search: str | None) -> ListState:
        """Return the first page with these filters and the same colour."""
        return replace(self.first, owner=_text(owner), region=_text(region), search=_text(search))

    def at(self, page: int, after: str | None) -> ListState:
        """Return another page of the same list."""
        return replace(self, page=page, after=after)

    def url(self) -> str:
        """Return the address, with only what differs from the plain list."""
        pairs = {
            "band": self.band,
            "owner": self.owner,
            "region": self.region,
            "q": self.search,
            "page": str(self.page) if self.page > 1 else None,
            "after": self.after,
        }
        query = urlencode({name: value for name, value in pairs.items() if value is not None})
        return f"{self.path}?{query}" if query else self.path


def _text(value: str | None) -> str | None:
    value = (value or "").replace("\x00", "").strip()[:_LONGEST_TEXT]
    return value or None
