"""Every address is in the policy or on the short list of public ones, and lets in only whom it should."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.routing import Route

from crm_store.domain.policy import Viewer, rows_for
from serving.access import POLICY_MARK, PUBLIC_ROUTES
from serving.crm.operations import OPERATIONS
from serving.crm.operations import PUBLIC_ROUTES as PUBLIC_OPERATIONS
from tests.integration.crm_api.office import Api, api_over

# Who calls an operation with the rights to it, by the scope that programs need.
ANYBODY_MUST_BE_KNOWN = {401}
ROLES = ("rep", "lead", "manager", "operations", "scientist", "admin")


def test_every_route_is_in_the_policy_or_public(sqlite_api: Api) -> None:
    document = sqlite_api.app.openapi()
    for path, method, operation in routes(document):
        if path in PUBLIC_ROUTES or (method, path) in PUBLIC_OPERATIONS:
            assert "security" not in operation or operation["security"] == [], (method, path)
        else:
            assert set(operation[POLICY_MARK]) == {"resource", "operation"}, (method, path)
    documented = {(method, path) for path, method, _ in routes(document)}
    assert documented >= {(operation.method, operation.path) for operation in OPERATIONS}
    served = {route.path for route in sqlite_api.app.routes if isinstance(route, Route)}
    assert served - {path for _, path in documented} <= PUBLIC_ROUTES


def test_nobody_gets_in_without_a_key(sqlite_api: Api) -> None:
    for path, method, operation in routes(sqlite_api.app.openapi()):
        if POLICY_MARK in operation:
            response = sqlite_api(method, filled(path), who=None)
            assert response.status_code == 401, (method, path, response.text)


def test_a_key_without_the_scope_is_refused_and_an_administrator_is_not(sqlite_api: Api) -> None:
    for path, method, operation in routes(sqlite_api.app.openapi()):
        line = operation.get(POLICY_MARK)
        if line is None or not path.startswith("/crm/v1") or line["resource"] == "self":
            continue
        refused = sqlite_api(
            method, filled(path), who="form" if line["resource"] != "submission" else "reader"
        )
        if (line["resource"], line["operation"]) != ("submission", "read"):
            assert refused.status_code == 403, (method, path, refused.text)
        allowed = sqlite_api(method, filled(path), who="admin")
        assert allowed.status_code not in (401, 403), (method, path, allowed.text)
        assert allowed.status_code < 500, (method, path, allowed.text)


@pytest.mark.parametrize("role", ROLES)
def test_a_role_without_any_row_of_a_kind_is_refused(sqlite_api: Api, role: str) -> None:
    viewer = Viewer("use_x", role, role, "rep_ann", "tea_east")
    refusals = 0
    for operation in OPERATIONS:
        policy = operation.policy
        if policy is None or policy.resource == "self":
            continue
        if rows_for(viewer, policy.resource, policy.operation) == "none":
            response = sqlite_api(operation.method, filled(operation.path), who=role)
            assert response.status_code == 403, (role, operation.method, operation.path, response.text)
            refusals += 1
    assert refusals or role == "admin"


def routes(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            yield path, method.upper(), operation


def filled(path: str) -> str:
    """Return the address with something in the place of every parameter."""
    return re.sub(r"{[^}]+}", "none_1", path)


@pytest.fixture
def sqlite_api(sqlite_engine: Any, sqlite_sessions: Any, tmp_path: Any) -> Api:
    return api_over(sqlite_engine, sqlite_sessions, tmp_path)
