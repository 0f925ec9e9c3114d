"""One database for all areas of the console, emptied before each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.conftest import Databases
from tests.jobs.console.conftest import GuardedHost
from tests.jobs.workshop import Workshop


@pytest.fixture(scope="session")
def shared_host(databases: Databases) -> Iterator[GuardedHost]:
    """A host with the tables of the engine."""
    url = databases.blank()
    host = GuardedHost(url)
    host.create()
    yield host
    host.database.dispose()
    databases.drop(url)


@pytest.fixture
def guarded(shared_host: GuardedHost) -> GuardedHost:
    """The host, its tables empty, open to see and to act."""
    Workshop(shared_host).empty()
    shared_host.allowed = frozenset({"see", "act"})
    return shared_host
