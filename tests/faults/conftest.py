"""Marks every test here as a fault, and makes stages."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.servers import PostgresServer, RedisServer

from .stage import Stage


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything here is slow and breaks things."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.faults)
            item.add_marker(pytest.mark.timeout(180))


@pytest.fixture
def own_redis() -> Iterator[RedisServer]:
    """A Redis that the test may kill."""
    with RedisServer() as server:
        yield server


@pytest.fixture
def own_postgres(database_kind: str) -> Iterator[PostgresServer]:
    """A PostgreSQL that the test may stop."""
    if database_kind != "postgresql":
        pytest.skip("needs PostgreSQL")
    with PostgresServer() as server:
        yield server


@pytest.fixture
def staged(own_redis: RedisServer, tmp_path: Path) -> Iterator[Callable[..., Stage]]:
    """Makes stages on databases of the test's choice."""
    made: list[Stage] = []

    def make(database_url: str, *, redis_url: str | None = None) -> Stage:
        made.append(Stage(database_url, own_redis, tmp_path, redis_url=redis_url))
        return made[-1]

    yield make
    for stage in made:
        stage.close()


@pytest.fixture
def stage(staged: Callable[..., Stage], database_url: str) -> Stage:
    """A stage on the database of this run."""
    return staged(database_url)
