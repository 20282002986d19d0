"""What the HTTP registry makes of a server that is right, slow, wrong or down."""

import json
import socket
import time
import zlib
from typing import Any

import pytest
from pydantic import ValidationError

from crm_store.intake.registry.http_provider import HttpRegistry, HttpRegistrySettings
from crm_store.intake.registry.provider import RegistryFailure
from tests.integration.registry.local_registry import COMPANY, FACTS, Asked, Registry


def test_facts_arrive_in_one_spelling(registry: Registry) -> None:
    facts = registry.provider().look_up(COMPANY)

    assert facts is not None
    assert (facts.name, facts.credit_code, facts.status) == (COMPANY, "91330100GD5QA4XFDD", "active")
    assert (facts.registered_capital, facts.insured_headcount) == (10_000_000.0, 86)
    assert [(owner.name, owner.share) for owner in facts.shareholders] == [("王永盛", 0.65), ("陈敏", 0.35)]


def test_the_registry_gets_the_name_and_the_key_and_nothing_else(registry: Registry) -> None:
    registry.provider(token="k-1").look_up(COMPANY)

    assert registry.asked == [COMPANY]
    sent = {name.lower(): value for name, value in registry.headers[0].items()}
    assert sent["authorization"] == "Bearer k-1"
    assert sent["accept-encoding"] == "identity"
    assert "cookie" not in sent


def test_a_name_cannot_add_to_the_request(registry: Registry) -> None:
    tricky = "杭州永盛&admin=1#x有限公司\r\nX-Evil: 1"

    registry.provider().look_up(tricky)

    assert registry.asked == [tricky]
    assert "X-Evil" not in registry.headers[0]


def test_facts_are_found_where_the_settings_say(registry: Registry) -> None:
    told = {"code": 0, "result": {"title": COMPANY, "regCapital": "2亿元", "staff": {"insured": 1200}}}
    registry.reply = lambda asked: asked.send(json.dumps(told).encode())
    paths = {
        "name": "result.title",
        "registered_capital": "result.regCapital",
        "insured_headcount": "result.staff.insured",
    }

    facts = registry.provider(paths=paths).look_up(COMPANY)

    assert facts is not None
    assert (facts.registered_capital, facts.insured_headcount) == (200_000_000.0, 1200)


@pytest.mark.parametrize("status", [404, 204])
def test_a_company_that_is_not_there_is_none(registry: Registry, status: int) -> None:
    registry.reply = lambda asked: asked.send(b"", status)

    assert registry.provider().look_up(COMPANY) is None


def test_an_answer_about_another_company_is_none(registry: Registry) -> None:
    registry.reply = lambda asked: asked.send_facts(name="宁波海天塑机集团有限公司")

    assert registry.provider().look_up(COMPANY) is None


def test_the_same_company_in_another_spelling_is_taken(registry: Registry) -> None:
    registry.reply = lambda asked: asked.send_facts(name="杭州市永盛机械制造有限公司")

    assert registry.provider().look_up(COMPANY) is not None


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (500, "registry_down"),
        (503, "registry_down"),
        (429, "registry_busy"),
        (401, "registry_denied"),
        (403, "registry_denied"),
        (400, "registry_bad_answer"),
        (201, "registry_bad_answer"),
    ],
)
def test_a_status_says_what_is_wrong(registry: Registry, status: int, code: str) -> None:
    registry.reply = lambda asked: asked.send(b"{}", status)

    assert _failure(registry.provider()) == code


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>maintenance</html>",
        b"\xff\xfe\x00",
        b"[]",
        b"null",
        b'"a company"',
        b'{"name": ',
        b"[" * 100_000,
        b'{"error": "no such key"}',
    ],
    ids=["empty", "html", "bytes", "list", "null", "text", "cut off", "nested", "error in a 200"],
)
def test_garbage_is_refused(registry: Registry, body: bytes) -> None:
    registry.reply = lambda asked: asked.send(body)

    assert _failure(registry.provider()) == "registry_bad_answer"


@pytest.mark.parametrize(
    "changed",
    [
        {"name": None},
        {"name": 7},
        {"name": "厂" * 201},
        {"insured_headcount": "many"},
        {"insured_headcount": -1},
        {"insured_headcount": True},
        {"insured_headcount": 8.5},
        {"registered_capital": -1.0},
        {"registered_capital": 1e300},
        {"registered_capital": "1000万美元"},
        {"registered_capital": float("nan")},
        {"registered_capital": [1]},
        {"credit_code": "91330100GD5QA4XFDE"},
        {"status": "很好"},
        {"shareholders": "王永盛"},
        {"shareholders": [{"name": "王永盛", "share": 65}]},
        {"shareholders": [{"share": 0.5}]},
        {"shareholders": [{"name": "某"}] * 1001},
    ],
    ids=str,
)
def test_facts_of_a_wrong_kind_are_refused_as_a_whole(registry: Registry, changed: dict[str, Any]) -> None:
    registry.reply = lambda asked: asked.send(json.dumps({**FACTS, **changed}).encode())

    assert _failure(registry.provider()) == "registry_bad_answer"


def test_facts_that_are_not_told_are_none(registry: Registry) -> None:
    registry.reply = lambda asked: asked.send(json.dumps({"name": COMPANY, "extra": {"a": 1}}).encode())

    facts = registry.provider().look_up(COMPANY)

    assert facts is not None
    assert (facts.registered_capital, facts.insured_headcount, facts.shareholders) == (None, None, [])


def test_a_redirect_is_not_followed(registry: Registry) -> None:
    elsewhere = Registry()
    with elsewhere, socket.create_connection(elsewhere.server_address[:2]):
        registry.reply = lambda asked: asked.send(b"", 302, Location=elsewhere.url)

        assert _failure(registry.provider(token="secret")) == "registry_redirect"
        assert elsewhere.asked == []
    assert len(registry.asked) == 1


def test_a_proxy_of_the_environment_is_not_used(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")

    assert registry.provider().look_up(COMPANY) is not None


def test_a_huge_answer_is_cut_off(registry: Registry) -> None:
    def flood(asked: Asked) -> None:
        asked.send_response(200)
        asked.end_headers()
        while not asked.server.patience.is_set():
            asked.wfile.write(b" " * 65_536)

    registry.reply = flood

    assert _failure(registry.provider(max_bytes=100_000)) == "registry_too_large"
    assert registry.hung_up.wait(5)


def test_packed_bytes_are_not_unpacked(registry: Registry) -> None:
    bomb = zlib.compress(b" " * 10_000_000)
    registry.reply = lambda asked: asked.send(bomb, Content_Encoding="deflate")

    assert _failure(registry.provider()) == "registry_bad_answer"


def test_a_registry_that_says_nothing_is_left_in_time(registry: Registry) -> None:
    registry.reply = _wait

    assert _timed_out(registry.provider(timeout_s=0.2))


@pytest.mark.parametrize(
    "begun", [b"HTTP/1.1 200 OK\r\nX-Slow: ", b"HTTP/1.1 200 OK\r\n\r\n{"], ids=["headers", "body"]
)
def test_a_registry_that_drips_is_left_in_time(registry: Registry, begun: bytes) -> None:
    """Each byte comes well within any timeout of a single read; the whole call has one limit."""

    def drip(asked: Asked) -> None:
        asked.wfile.write(begun)
        while not asked.server.patience.wait(0.02):
            asked.wfile.write(b" ")

    registry.reply = drip

    assert _timed_out(registry.provider(timeout_s=0.3))


def test_a_registry_that_hangs_up_is_down(registry: Registry) -> None:
    registry.reply = lambda asked: asked.connection.shutdown(socket.SHUT_RDWR)

    assert _failure(registry.provider()) == "registry_down"


def test_a_registry_that_is_not_there_is_down() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    provider = HttpRegistry(HttpRegistrySettings(name="gone", url=f"http://127.0.0.1:{port}/"))

    assert _failure(provider) == "registry_down"


@pytest.mark.parametrize(
    "settings",
    [
        {"url": "http://registry.example/companies"},
        {"url": "ftp://registry.example/"},
        {"url": "file:///etc/passwd"},
        {"url": "https://user:secret@registry.example/"},
        {"timeout_s": 0},
        {"timeout_s": 3600},
        {"max_bytes": 0},
        {"name": "Über Registry"},
        {"paths": {"turnover": "result.turnover"}},
        {"retries": 3},
    ],
    ids=str,
)
def test_settings_that_would_do_harm_are_refused(settings: dict[str, Any]) -> None:
    good = {"name": "r", "url": "https://registry.example/companies"}
    HttpRegistrySettings.model_validate(good)

    with pytest.raises(ValidationError):
        HttpRegistrySettings.model_validate({**good, **settings})


def test_the_key_shows_in_no_text() -> None:
    settings = HttpRegistrySettings(name="r", url="https://registry.example/", token="k-secret")

    assert "k-secret" not in f"{settings!r} {settings} {settings.model_dump_json()}"


def _wait(asked: Asked) -> None:
    asked.server.patience.wait(30)


def _failure(provider: HttpRegistry) -> str:
    with pytest.raises(RegistryFailure) as failure:
        provider.look_up(COMPANY)
    assert failure.value.problem.zh
    return failure.value.problem.code


def _timed_out(provider: HttpRegistry) -> bool:
    start = time.monotonic()
    code = _failure(provider)
    # Far above the limit asked for, far below what the server would take.
    return code == "registry_timeout" and time.monotonic() - start < 10
