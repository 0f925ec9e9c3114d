"""The product on a database of its own, and browsers that look at it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from jinja2 import BytecodeCache
from jinja2.bccache import Bucket
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from app import clock, create_app
from app.config import Config
from app.db import Base, db, disconnect
from jobs import metadata
from tests.conftest import Databases

PASSWORD = "horse plane grass"
ZONE = "Europe/Berlin"

Settings = dict[str, str]

_compile_builder: Callable[..., Any] = Rule._compile_builder
_builders: dict[Any, Callable[..., Any]] = {}


def _compiled_once(rule: Rule, append_unknown: bool = True) -> Callable[..., Any]:
    """What builds a rule's addresses: compiling it is half of what making the product for a test takes."""
    defaults = tuple(sorted((name, str(value)) for name, value in (rule.defaults or {}).items()))
    key = (tuple(rule._trace), defaults, append_unknown)
    if key not in _builders:
        _builders[key] = _compile_builder(rule, append_unknown)
    return _builders[key]


@pytest.fixture(scope="session", autouse=True)
def _rules_are_compiled_once() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Rule, "_compile_builder", _compiled_once)
        yield


@pytest.fixture(scope="session")
def template_url(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A database with every table in it, to be copied."""
    url = databases.blank()
    app = create_app(_config(url, tmp_path_factory.mktemp("template")))
    with app.app_context():
        Base.metadata.create_all(db.engine)
        metadata.create_all(db.engine)
        disconnect()
    return url


class CompiledTemplates(BytecodeCache):
    """What one test's product has compiled, for the next one's: the templates are the same."""

    def __init__(self) -> None:
        self._compiled: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        if bucket.key in self._compiled:
            bucket.bytecode_from_string(self._compiled[bucket.key])

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._compiled[bucket.key] = bucket.bytecode_to_string()


compiled_templates = CompiledTemplates()


@pytest.fixture
def settings() -> Settings:
    """What differs from the defaults; a test module overrides it, or a test changes it before it asks for `app`."""
    return {}


@pytest.fixture
def app(databases: Databases, template_url: str, tmp_path: Path, settings: Settings) -> Iterator[Flask]:
    """The product with an empty database."""
    url = databases.tables_of(template_url)
    app = create_app(_config(url, tmp_path, **settings))
    app.testing = True
    app.config["JOBS_CONSOLE_KEPT_S"] = 0
    app.jinja_env.bytecode_cache = compiled_templates
    yield app
    with app.app_context():
        disconnect()
    databases.give_back(url)


class Browser:
    """Sends forms as a browser does: with the token of the page it last saw."""

    def __init__(self, client: FlaskClient) -> None:
        self.client = client
        self._token = ""

    def get(self, path: str, **kwargs: Any) -> TestResponse:
        """Look at a page."""
        response = self.client.get(path, **kwargs)
        found = re.search(r'name="csrf_token" value="([^"]+)"', response.get_data(as_text=True))
        self._token = found[1] if found else self._token
        return response

    def post(self, path: str, data: dict[str, Any] | None = None, **kwargs: Any) -> TestResponse:
        """Send a form."""
        if not self._token:
            self.get("/a-page-that-is-not-there")
        response = self.client.post(path, data={"csrf_token": self._token, **(data or {})}, **kwargs)
        if response.status_code in {303, 201}:
            self._token = ""  # the session may be another one now
        return response

    def part(self, path: str, data: dict[str, Any] | None = None) -> TestResponse:
        """Send a form as htmx does, for a part of a page."""
        return self.post(path, data, headers={"HX-Request": "true", "HX-Request-Type": "partial"})

    def sign_up(self, name: str) -> Browser:
        """Make an account and be signed in."""
        answer = self.post("/sign-up", person(name))
        assert answer.status_code == 303, text_of(answer)
        return self


def person(name: str, **other: str) -> Settings:
    """What somebody types to sign up."""
    return {"name": name, "email": f"{name.lower()}@example.org", "password": PASSWORD, "zone": ZONE, **other}


def text_of(response: TestResponse) -> str:
    """What can be read on the page."""
    words = re.sub(r"<[^>]+>", " ", response.get_data(as_text=True))
    return re.sub(r"\s+", " ", unescape(words)).strip()


def errors_of(response: TestResponse) -> list[str]:
    """The sentences beside the fields, in their order."""
    marked = re.findall(r'class="err"[^>]*>(.*?)</span>', response.get_data(as_text=True), flags=re.DOTALL)
    return [unescape(re.sub(r"<[^>]+>", "", one)).strip() for one in marked]


@pytest.fixture
def browser(app: Flask) -> Callable[[], Browser]:
    """Opens browsers, each with cookies of its own."""
    return lambda: Browser(app.test_client())


@pytest.fixture
def stranger(browser: Callable[[], Browser]) -> Browser:
    """Somebody who is not signed in."""
    return browser()


@pytest.fixture
def ada(browser: Callable[[], Browser]) -> Browser:
    """Ada, signed in."""
    return browser().sign_up("Ada")


@pytest.fixture
def cleo(browser: Callable[[], Browser]) -> Browser:
    """Cleo, signed in; what is Ada's is not hers."""
    return browser().sign_up("Cleo")


class Clock:
    """The time it is in a test."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)

    def forward(self, by: timedelta) -> None:
        """Let time pass."""
        self.now += by


@pytest.fixture
def frozen_clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Time that stands still until it is told to pass."""
    frozen = Clock()

    class Standing(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:
            return frozen.now.astimezone(tz)

    monkeypatch.setattr(clock, "datetime", Standing)
    return frozen


def _config(database_url: str, folder: Path, **settings: str) -> Config:
    environ = {
        "DATABASE_URL": database_url,
        "DATA_DIR": str(folder),
        "SIGN_UP_PER_HOUR": "1000",
        # A worker among the tests is in their process, which grows beyond what one of the product's may.
        "WORKER_MAX_MEMORY_MIB": "1000000",
        **settings,
    }
    return Config.from_env(environ)
