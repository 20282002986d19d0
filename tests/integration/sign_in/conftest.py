"""An identity provider for one test."""

import threading
from collections.abc import Iterator

import pytest

from crm_store.services.single_sign_on import SingleSignOn
from tests.integration.sign_in.local_provider import VAULT, LocalProvider


@pytest.fixture
def provider() -> Iterator[LocalProvider]:
    server = LocalProvider()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.patience.set()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def sso(provider: LocalProvider) -> SingleSignOn:
    return SingleSignOn(provider.provider(), VAULT)
