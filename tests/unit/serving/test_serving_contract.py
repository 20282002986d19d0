"""The OpenAPI document and the code say the same."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi.routing import iter_route_contexts

from serving.errors import PROBLEMS
from serving.schemas import (
    AccountResults,
    Alive,
    DetailOut,
    ErrorBody,
    Ids,
    LeadResults,
    RankedPageOut,
    Readiness,
    TraceOut,
)
from tests.unit.serving.fakes import ACCOUNTS, World

OPEN = {"/livez", "/readyz", "/metrics", "/docs", "/docs/{name}", "/openapi.json"}
ANSWERS = {
    "score_leads": LeadResults,
    "score_accounts": AccountResults,
    "list_leads": RankedPageOut,
    "list_accounts": RankedPageOut,
    "get_lead": DetailOut,
    "get_account": DetailOut,
    "trace_lead": TraceOut,
    "trace_account": TraceOut,
    "livez": Alive,
    "readyz": Readiness,
}


@pytest.fixture(scope="module")
def world() -> World:
    world = World()
    world.remember("lea_001", hours=1)
    world.remember("acc_001", hours=1)
    return world


@pytest.fixture(scope="module")
def document(world: World) -> dict[str, Any]:
    response = world.client().get("/openapi.json", key=None)
    assert response.status_code == 200
    content: dict[str, Any] = response.json()
    return content


def routes(world: World) -> set[tuple[str, str]]:
    """Return (path, method) of every route that the app has, however deeply it is included."""
    app = world.client().app
    found = set()
    for context in iter_route_contexts(app.routes):
        for method in context.methods or ():
            if method != "HEAD":
                found.add((context.path, method))
    return found


def test_the_document_lists_every_route_and_nothing_else(world: World, document: dict[str, Any]) -> None:
    listed = {(path, method.upper()) for path, item in document["paths"].items() for method in item}
    unlisted = {(path, "GET") for path in ("/docs", "/docs/{name}", "/openapi.json")}
    assert routes(world) == listed | unlisted
    assert len(listed) == 18


def test_only_the_open_routes_answer_without_a_key(world: World) -> None:
    call = world.client()
    for path, method in routes(world):
        real = (
            path.replace("{id}", "lea_001")
            .replace("{feature}", "lead_chats_30d")
            .replace("{name}", "start.js")
        )
        response = call(method, real, key=None)
        assert (response.status_code == 200) == (path in OPEN), (method, path)
        if path not in OPEN:
            assert response.json()["error"]["code"] == "api_key_missing"


def test_every_operation_has_an_example_that_fits_its_schema(document: dict[str, Any]) -> None:
    for path, item in document["paths"].items():
        for operation in item.values():
            (content,) = operation["responses"]["200"]["content"].values()
            assert "example" in content, path
            name = operation["operationId"]
            if name in ANSWERS:
                ANSWERS[name].model_validate(content["example"])
                assert content["schema"]["$ref"].endswith(ANSWERS[name].__name__)
            if "requestBody" in operation:
                Ids.model_validate(operation["requestBody"]["content"]["application/json"]["example"])


def test_every_error_has_an_example_under_its_status(document: dict[str, Any]) -> None:
    shown = set()
    for path, item in document["paths"].items():
        for operation in item.values():
            for status, response in operation["responses"].items():
                if status == "200" or path == "/readyz":
                    continue
                content = response["content"]["application/json"]
                assert content["schema"]["$ref"].endswith("ErrorBody")
                for code, example in content["examples"].items():
                    ErrorBody.model_validate(example["value"])
                    assert PROBLEMS[code].status == int(status)
                    shown.add(code)
    # Those of no operation: an address or a method that is not there; and of items, not of responses.
    assert set(PROBLEMS) - shown == {"not_found", "method_not_allowed", "no_score", "starting"}


def test_every_protected_operation_names_both_ways_to_send_a_key(document: dict[str, Any]) -> None:
    schemes = set(document["components"]["securitySchemes"])
    for path, item in document["paths"].items():
        for operation in item.values():
            named = {scheme for choice in operation.get("security", []) for scheme in choice}
            assert named == (set() if path in OPEN else schemes), path


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    assert {ref.rpartition("/")[2] for ref in references(document)} <= set(schemas)
    assert "HTTPValidationError" not in schemas


def test_answers_of_every_operation_fit_the_schema(world: World) -> None:
    call = world.client()
    for kind, ids in (("lead", ["lea_001", "x"]), ("account", list(ACCOUNTS))):
        path, score = f"/v1/{kind}s", "score" if kind == "lead" else "risk"
        scored = call("POST", f"{path}/{score}", json={"ids": ids})
        ANSWERS[f"score_{kind}s"].model_validate(scored.json())
        ANSWERS[f"list_{kind}s"].model_validate(call.get(path).json())
        ANSWERS[f"get_{kind}"].model_validate(call.get(f"{path}/{ids[0]}").json())


def references(node: Any) -> set[str]:
    if isinstance(node, dict):
        own = {node["$ref"]} if isinstance(node.get("$ref"), str) else set()
        return own.union(*map(references, node.values()))
    return set().union(*map(references, node)) if isinstance(node, list) else set()
