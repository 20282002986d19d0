"""The model cards, to read: what a score's model learned from, how good it is, how to contest it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from serving.kinds import KINDS
from serving.workbench import plain
from serving.workbench.headers import CARD_POLICY

Cards = Callable[[str], bytes | None]
"""Model → the card of its champion as HTML, None where there is none."""
CARD: Final = "/cards/{id}"


def card_route(cards: Cards) -> Route:
    """Return the route of the cards."""

    async def card(request: Request) -> Response:
        model = request.path_params["id"]
        known = any(model in kind.models for kind in KINDS)
        page = await asyncio.to_thread(cards, model) if known else None
        if page is None:
            return plain.problem(request, "not_found")
        headers = {"content-security-policy": CARD_POLICY, "cache-control": "no-store"}
        return Response(page, media_type="text/html", headers=headers)

    return Route(CARD, card, methods=["GET"])
