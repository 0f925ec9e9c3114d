"""The console on the small host: an application of a few lines, in the console's own plain layout."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

import pytest
from flask import Flask
from jinja2.bccache import Bucket, BytecodeCache

from jobs import install
from jobs.console import console
from jobs.console.areas.overview import KEPT_S
from tests.conftest import Databases
from tests.jobs.host import SmallHost
from tests.jobs.workshop import Workshop


class GuardedHost(SmallHost):
    """A host that says who may do what."""

    allowed: frozenset[str] = frozenset({"see", "act"})

    def allow(self, action: str) -> bool:
        """Whether it is among what is allowed now."""
        return action in self.allowed


@pytest.fixture
def guarded(databases: Databases, small_template_url: str) -> Iterator[GuardedHost]:
    """A host with a database of its own."""
    url = databases.tables_of(small_template_url)
    host = GuardedHost(url)
    yield host
    host.database.dispose()
    databases.give_back(url)


@pytest.fixture
def staffed(guarded: GuardedHost) -> Workshop:
    """A workshop whose console is open to Ada."""
    return Workshop(guarded)


class Remembered(BytecodeCache):
    """Templates are compiled once for all tests."""

    kept: ClassVar[dict[str, bytes]] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        if bucket.key in self.kept:
            bucket.bytecode_from_string(self.kept[bucket.key])

    def dump_bytecode(self, bucket: Bucket) -> None:
        self.kept[bucket.key] = bucket.bytecode_to_string()


@pytest.fixture
def app(staffed: Workshop) -> Flask:
    """An application with nothing but the console."""
    app = Flask(__name__)
    app.jinja_env.bytecode_cache = Remembered()
    app.secret_key = "not much of one"
    app.testing = True
    app.config[KEPT_S] = 0
    install(app, staffed.engine)
    app.register_blueprint(console(staffed.engine, who=lambda: "Ada"), url_prefix="/ops")
    serve = app.wsgi_app

    def inside(environ: Any, start_response: Any) -> Any:
        with staffed.host.inside():
            return serve(environ, start_response)

    app.wsgi_app = inside  # type: ignore[method-assign]
    return app
