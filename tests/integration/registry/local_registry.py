"""A registry on this machine that can be slow, wrong or down, and a clock to wait by."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from crm_store.intake.registry.http_provider import HttpRegistry, HttpRegistrySettings

Reply = Callable[["Asked"], None]
COMPANY = "杭州永盛机械制造有限公司"
FACTS: dict[str, Any] = {
    "name": COMPANY,
    "credit_code": "91330100GD5QA4XFDD",
    "status": "存续（在营、开业、在册）",
    "registered_capital": "1,000万元人民币",
    "insured_headcount": 86,
    "shareholders": [{"name": "王永盛", "share": "65%"}, {"name": "陈敏", "share": 0.35}],
}


class Asked(BaseHTTPRequestHandler):
    """One request, answered as the registry was told to."""

    server: "Registry"

    def do_GET(self) -> None:
        self.server.asked.append(parse_qs(urlsplit(self.path).query)["name"][0])
        self.server.headers.append(dict(self.headers))
        try:
            self.server.reply(self)
        except (BrokenPipeError, ConnectionResetError):
            self.server.hung_up.set()

    def send(self, body: bytes, status: int = 200, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def send_facts(self, **changed: Any) -> None:
        self.send(json.dumps({**FACTS, **changed}).encode())

    def log_message(self, *args: object) -> None:
        pass


class Registry(ThreadingHTTPServer):
    """``reply`` says how to answer; ``asked`` and ``headers`` what came in; ``patience`` ends waiting."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Asked)
        self.reply: Reply = lambda asked: asked.send_facts()
        self.asked: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.hung_up = threading.Event()
        self.patience = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/companies"

    def provider(self, **settings: Any) -> HttpRegistry:
        return HttpRegistry(HttpRegistrySettings(name="local", url=self.url, **settings))


@contextmanager
def serving() -> Iterator[Registry]:
    """Give a registry that answers while the block runs."""
    server = Registry()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.patience.set()
        server.shutdown()
        server.server_close()
        thread.join()


class Clock:
    """Seconds that pass when told to."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds
