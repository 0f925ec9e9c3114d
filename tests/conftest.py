"""What every test may ask for: servers and databases of its own, and the product on top of them."""

from __future__ import annotations

import gc
import os
import shutil
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Protocol

import pytest
from sqlalchemy.engine import make_url

from tests.servers import PostgresServer, RedisServer


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--database", choices=["sqlite", "postgresql"], default="sqlite", help="where the tests store")


def pytest_collection_finish() -> None:
    # Each test makes an application of its own; looking through all of them for garbage takes a quarter of the time.
    gc.set_threshold(100_000, 50, 100)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What no database can change is run beside SQLite only, and not once more beside PostgreSQL.

    What may take longest begins first: at the end nobody waits for one that was begun last.
    """
    items.sort(key=_may_take_s, reverse=True)
    if config.getoption("--database") == "postgresql":
        alike = [
            one
            for one in items
            if "database_kind" not in getattr(one, "fixturenames", ()) or one.get_closest_marker("looks")
        ]
        config.hook.pytest_deselected(items=alike)
        items[:] = [one for one in items if one not in set(alike)]


def _may_take_s(one: pytest.Item) -> float:
    """The time limit of its own; those without one are alike."""
    marker = one.get_closest_marker("timeout")
    return float(marker.args[0]) if marker else 0.0


class Databases(Protocol):
    """Makes databases and takes them away."""

    def blank(self) -> str:
        """The URL of a new and empty database."""

    def copy(self, template_url: str) -> str:
        """The URL of a new database that holds what `template_url` holds. Nobody may be connected to the template."""

    def tables_of(self, template_url: str) -> str:
        """The URL of a database with the tables of `template_url` and no rows. Whoever took it gives it back."""

    def give_back(self, url: str) -> None:
        """A database of `tables_of` is no longer needed. Nobody may be connected to it."""

    def drop(self, url: str) -> None:
        """Remove one."""


class SqliteDatabases:
    """Files in one folder."""

    def __init__(self, folder: Path) -> None:
        self._paths = (folder / f"{number}.db" for number in count())

    def blank(self) -> str:
        return f"sqlite:///{next(self._paths)}"

    def copy(self, template_url: str) -> str:
        path = next(self._paths)
        shutil.copyfile(template_url.removeprefix("sqlite:///"), path)
        return f"sqlite:///{path}"

    def tables_of(self, template_url: str) -> str:
        return self.copy(template_url)

    def give_back(self, url: str) -> None:
        self.drop(url)

    def drop(self, url: str) -> None:
        path = Path(url.removeprefix("sqlite:///"))
        for one in (path, path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}-shm")):
            one.unlink(missing_ok=True)


class PostgresDatabases:
    """Databases of one server. Making one costs far more than emptying one, so those given back are taken again."""

    def __init__(self, server: PostgresServer) -> None:
        self._server = server
        self._names = (f"test_{number}" for number in count())
        self._template_of: dict[str, str] = {}
        self._empty: defaultdict[str, list[str]] = defaultdict(list)

    def blank(self) -> str:
        return self._server.create(next(self._names))

    def copy(self, template_url: str) -> str:
        return self._server.create(next(self._names), template=_name(template_url))

    def tables_of(self, template_url: str) -> str:
        if self._empty[template_url]:
            return self._empty[template_url].pop()
        url = self.copy(template_url)
        self._template_of[url] = template_url
        return url

    def give_back(self, url: str) -> None:
        template_url = self._template_of[url]
        if self._server.empty(_name(url), like=_name(template_url)):
            self._empty[template_url].append(url)
        else:
            self.drop(url)

    def drop(self, url: str) -> None:
        self._server.drop(_name(url))


def _name(url: str) -> str:
    name = make_url(url).database
    assert name is not None
    return name


@pytest.fixture(scope="session")
def database_kind(pytestconfig: pytest.Config) -> str:
    """sqlite or postgresql."""
    return str(pytestconfig.getoption("--database"))


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """The PostgreSQL all tests share. A test that stops or cuts it starts its own instead."""
    with PostgresServer(fsync=False) as server:
        yield server


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    """The Redis all tests share. A test that stops it starts its own instead."""
    with RedisServer() as server:
        yield server


@pytest.fixture(scope="session")
def databases(
    database_kind: str, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Databases:
    """Where databases come from."""
    if database_kind == "postgresql":
        return PostgresDatabases(request.getfixturevalue("postgres_server"))
    return SqliteDatabases(_quick_folder(request) or tmp_path_factory.mktemp("databases"))


def _quick_folder(request: pytest.FixtureRequest) -> Path | None:
    """A folder in memory, where the machine has one: these databases survive no power cut and need no disk."""
    memory = Path("/dev/shm")
    if not os.access(memory, os.W_OK):
        return None
    folder = Path(tempfile.mkdtemp(prefix="metronome-", dir=memory))
    request.addfinalizer(lambda: shutil.rmtree(folder, ignore_errors=True))
    return folder


@pytest.fixture
def redis_url(redis_server: RedisServer) -> str:
    """The shared Redis, emptied."""
    redis_server.client().flushall()
    return redis_server.url


@pytest.fixture
def database_url(databases: Databases) -> Iterator[str]:
    """An empty database."""
    url = databases.blank()
    yield url
    databases.drop(url)


@pytest.fixture
def blank_database(databases: Databases) -> Iterator[Callable[[], str]]:
    """Makes as many empty databases as a test wants."""
    made: list[str] = []

    def make() -> str:
        made.append(databases.blank())
        return made[-1]

    yield make
    for url in made:
        databases.drop(url)
