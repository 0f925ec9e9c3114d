"""What the engine's tests may ask for. Nothing here knows the product."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.conftest import Databases

from .host import SmallHost
from .workshop import Workshop


@pytest.fixture(scope="session")
def small_host(databases: Databases) -> Iterator[SmallHost]:
    """One database for all of the engine's tests that do not take it away."""
    url = databases.blank()
    host = SmallHost(url)
    host.create()
    yield host
    host.database.dispose()
    databases.drop(url)


@pytest.fixture(scope="session")
def small_template_url(databases: Databases) -> str:
    """A database with the small host's tables, to be copied."""
    url = databases.blank()
    host = SmallHost(url)
    host.create()
    host.database.dispose()
    return url


@pytest.fixture
def host(small_host: SmallHost) -> SmallHost:
    """The small host, its tables empty."""
    Workshop(small_host).empty()
    return small_host


@pytest.fixture
def shop(host: SmallHost) -> Workshop:
    """A workshop without Redis: what is worked off, the test works off."""
    return Workshop(host)


@pytest.fixture
def open_shop(host: SmallHost, redis_url: str) -> Callable[..., Workshop]:
    """Opens workshops that have a Redis."""

    def opened(**options: Any) -> Workshop:
        return Workshop(host, redis_url, **options)

    return opened
