"""The whole product in real processes, a small site for the shell alone, and a Chromium that forgives nothing."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import secrets
import shutil
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Error, Page, Request, Response, expect, sync_playwright
from sqlalchemy import create_engine, text

from tests.browser.gallery import Gallery
from tests.servers import RedisServer

ROOT = Path(__file__).parents[2]
AXE = Path(__file__).with_name("axe") / "axe.min.js"
AXE_SHA384 = "xt1SFg49QaDwsyt0Xfs2XAyBtYPClXl3X2q5OOLeGAUmq9jZTYIMdztpF99WdhiH"
READY_WITHIN_S = 30
Axe = Callable[[Page], list[str]]
PASSWORD = "a long walk along the river"
LISTEN_FOR_REPORTS = """
addEventListener("securitypolicyviolation", (event) =>
  console.error(`CSP: ${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber}`));
"""


class Product:
    """Web, worker and scheduler of one installation, each a process that a test may stop and start again."""

    def __init__(self, *, folder: Path, database_url: str, redis_url: str, settings: Mapping[str, str]) -> None:
        self.port = _free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.folder = folder
        self.environment = {
            "PATH": os.environ["PATH"],
            "LC_ALL": "C.UTF-8",
            "DATA_DIR": str(folder),
            "DATABASE_URL": database_url,
            "REDIS_URL": redis_url,
            "HOST": "127.0.0.1",
            "PORT": str(self.port),
            "WORKERS": "1",
            "WORKER_THREADS": "2",
            "SIGN_UP_PER_HOUR": "10000",
            **settings,
        }
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def run(self, *command: str, feed: str = "") -> str:
        """Run one command of the product to its end and give what it printed."""
        done = subprocess.run(
            command, cwd=ROOT, env=self.environment, input=feed, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, f"{command} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
        return done.stdout.strip()

    def start(self, name: str, **settings: str) -> None:
        """Start bin/<name>, with `settings` on top of the product's own."""
        with (self.folder / f"{name}.log").open("ab") as log:
            self._running[name] = subprocess.Popen(
                [ROOT / "bin" / name], cwd=ROOT, env={**self.environment, **settings}, stdout=log, stderr=log
            )

    def stop(self, name: str) -> None:
        """End it in order."""
        process = self._running.pop(name)
        process.terminate()
        try:
            process.wait(READY_WITHIN_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def stop_everything(self) -> None:
        for name in list(self._running):
            self.stop(name)

    def wait_until_it_answers(self) -> None:
        deadline = time.monotonic() + READY_WITHIN_S
        while time.monotonic() < deadline:
            try:
                urllib.request.urlopen(f"{self.url}/healthz", timeout=2).close()
            except OSError:
                time.sleep(0.1)
            else:
                return
        raise AssertionError(f"The web server did not answer:\n{(self.folder / 'web.log').read_text()}")

    def flask(self, *words: str, feed: str = "") -> str:
        """Run one of the product's own commands and give what it printed."""
        return self.run(str(ROOT / ".venv/bin/flask"), "--app", "wsgi", *words, feed=feed)

    def make_person(self, *, admin: bool = False) -> str:
        """Create somebody and give their e-mail; the password is PASSWORD."""
        email = f"ada-{secrets.token_hex(6)}@example.com"
        self.flask(
            "users", "create", "--email", email, *(["--admin"] if admin else []), "--password-stdin", feed=PASSWORD
        )
        return email

    def log(self, email: str, activities: list[dict[str, Any]]) -> list[int]:
        """Log activities as a program of that person would; their ids."""
        token = self.flask("tokens", "create", "--email", email, "--scope", "write")
        request = urllib.request.Request(
            f"{self.url}/api/v1/activities/batch",
            data=json.dumps(activities).encode(),
            headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            return [one["id"] for one in json.load(answer)["activities"]]

    def sql(self, statement: str, **values: object) -> None:
        """Change something behind the product's back."""
        engine = create_engine(self.environment["DATABASE_URL"])
        with engine.begin() as connection:
            connection.execute(text(statement), values)
        engine.dispose()


@pytest.fixture(scope="session")
def make_product(databases: object, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Product]]:
    """Starts products of a test's own: make_product(POLL_PACE_S="1")."""
    started: list[tuple[Product, RedisServer, str]] = []

    def make(**settings: str) -> Product:
        redis_server = RedisServer()
        redis_server.start()
        database_url = databases.blank()  # type: ignore[attr-defined]
        folder = tmp_path_factory.mktemp("product")
        product = Product(folder=folder, database_url=database_url, redis_url=redis_server.url, settings=settings)
        started.append((product, redis_server, database_url))
        product.run(str(ROOT / "bin" / "migrate"))
        for name in ("web", "worker", "scheduler"):
            product.start(name)
        product.wait_until_it_answers()
        return product

    yield make
    for product, redis_server, database_url in started:
        product.stop_everything()
        redis_server.remove()
        databases.drop(database_url)  # type: ignore[attr-defined]
        shutil.rmtree(product.folder, ignore_errors=True)


@pytest.fixture(scope="session")
def product(make_product: Callable[..., Product]) -> Product:
    """The product most tests share. A test that stops parts of it makes its own."""
    return make_product()


@pytest.fixture(scope="session")
def slow_product(make_product: Callable[..., Product]) -> Product:
    """A product in which a calculation takes two seconds, so that it can be watched."""
    return make_product(ACTIVITY_DELAY_S="2")


@pytest.fixture(scope="session")
def still_product(make_product: Callable[..., Product]) -> Product:
    """A product whose worker is stopped: nothing is worked out until a test starts it."""
    made = make_product()
    made.stop("worker")
    return made


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """Debian's Chromium."""
    path = os.environ.get("CHROMIUM") or shutil.which("chromium") or "/usr/bin/chromium"
    with sync_playwright() as playwright:
        as_root = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = playwright.chromium.launch(executable_path=path, args=as_root)
        yield browser
        browser.close()


class Watched:
    """Browser windows whose every complaint is collected."""

    def __init__(self, chromium: Browser, origin: str) -> None:
        self._chromium, self._origin = chromium, origin
        self._contexts: list[BrowserContext] = []
        self.complaints: list[str] = []

    def open(self, *, width: int = 1280, height: int = 800, **options: object) -> Page:
        """A fresh browser with nobody signed in; `options` are Playwright's."""
        context = self._chromium.new_context(
            base_url=self._origin,
            viewport={"width": width, "height": height},
            **options,  # type: ignore[arg-type]
        )
        self._contexts.append(context)
        context.set_default_timeout(10_000)
        if options.get("java_script_enabled", True):
            context.add_init_script(LISTEN_FOR_REPORTS)
        page = context.new_page()
        page.on("console", self._is_quiet)
        page.on("pageerror", self._does_not_throw)
        page.on("request", self._stays_here)
        page.on("response", self._succeeds)
        page.on("requestfailed", self._arrives)
        return page

    def close(self) -> None:
        for context in self._contexts:
            context.close()

    def _is_quiet(self, message: ConsoleMessage) -> None:
        # Chromium prints a line for every 4xx, also for a form that was filled in wrongly; `_succeeds` judges those.
        if message.type == "error" and not message.text.startswith("Failed to load resource"):
            self.complaints.append(message.text)

    def _does_not_throw(self, error: Error) -> None:
        # Chromium reports its own unfinished page transition when a page is left for one without a stylesheet.
        if "ViewTransition opt-in disabled" not in str(error):
            self.complaints.append(str(error))

    def _succeeds(self, answer: Response) -> None:
        is_page = answer.request.resource_type in ("document", "fetch", "xhr")
        if answer.status >= 500 or (answer.status >= 400 and not is_page):
            self.complaints.append(f"{answer.status} {answer.url}")

    def _arrives(self, request: Request) -> None:
        if request.failure != "net::ERR_ABORTED":  # the page was left while it still asked for something
            self.complaints.append(f"{request.failure} {request.url}")

    def _stays_here(self, request: Request) -> None:
        if not request.url.startswith((self._origin, "data:", "blob:")):
            self.complaints.append(f"asked another host: {request.url}")


@pytest.fixture(scope="session")
def gallery() -> Iterator[Gallery]:
    """The shell on pages of the tests' own."""
    with Gallery() as site:
        yield site


@pytest.fixture
def gallery_windows(chromium: Browser, gallery: Gallery) -> Iterator[Watched]:
    """Windows on the gallery, as it is when nothing has happened yet."""
    gallery.reset()
    watched = Watched(chromium, gallery.url)
    yield watched
    watched.close()
    assert watched.complaints == []


@pytest.fixture
def windows(chromium: Browser, product: Product) -> Iterator[Watched]:
    """Windows on the shared product. A test that expects complaints clears `complaints` when it has seen them."""
    watched = Watched(chromium, product.url)
    yield watched
    watched.close()
    assert watched.complaints == []


@pytest.fixture
def slow_windows(chromium: Browser, slow_product: Product) -> Iterator[Watched]:
    """Windows on the product that takes its time."""
    watched = Watched(chromium, slow_product.url)
    yield watched
    watched.close()
    assert watched.complaints == []


@pytest.fixture
def still_windows(chromium: Browser, still_product: Product) -> Iterator[Watched]:
    """Windows on the product without a worker."""
    watched = Watched(chromium, still_product.url)
    yield watched
    watched.close()
    assert watched.complaints == []


@pytest.fixture
def windows_on(chromium: Browser) -> Iterator[Callable[[Product], Watched]]:
    """Windows on a product of the test's own."""
    opened: list[Watched] = []

    def on(product: Product) -> Watched:
        opened.append(Watched(chromium, product.url))
        return opened[-1]

    yield on
    for watched in opened:
        watched.close()
    assert [watched.complaints for watched in opened] == [[] for _ in opened]


@pytest.fixture(scope="session")
def axe() -> Axe:
    """What axe-core finds on a page: "rule: where", for WCAG 2.2 AA and best practice."""
    source = AXE.read_text()
    assert base64.b64encode(hashlib.sha384(source.encode()).digest()).decode() == AXE_SHA384

    def look(page: Page) -> list[str]:
        page.evaluate(source)
        found = page.evaluate(
            "axe.run({runOnly: {type: 'tag', values:"
            " ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']}})"
        )
        return [f"{one['id']}: {node['target']}" for one in found["violations"] for node in one["nodes"]]

    return look


def sign_up(page: Page) -> str:
    """A new account through the form, as anybody would; its e-mail."""
    email = f"ada-{secrets.token_hex(6)}@example.com"
    page.goto("/sign-up")
    page.get_by_label("Name").fill("Ada")
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("main").get_by_role("button", name="Sign up").click()
    page.wait_for_url("**/")
    return email


def sign_in(page: Page, email: str) -> None:
    """Through the form, as anybody would."""
    page.goto("/sign-in")
    fill_in_sign_in(page, email)
    page.wait_for_url("**/")


def fill_in_sign_in(page: Page, email: str) -> None:
    """The form of the sign-in page, wherever it leads."""
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("main").get_by_role("button", name="Sign in").click()


def log_running(page: Page, *, weight_kg: str = "70", minutes: str = "30") -> None:
    """Log "Running, 30 minutes, 70 kg" through the form; ends on the activity's page."""
    page.goto("/activities/new")
    page.get_by_label("Running").check()
    page.get_by_label("Duration").fill(minutes)
    page.get_by_label("Weight").fill(weight_kg)
    page.get_by_role("button", name="Save activity").click()
    expect(page.get_by_role("heading", name="Running", level=1)).to_be_visible()


def requests_within(page: Page, milliseconds: int) -> list[str]:
    """The addresses a page asks for while that time passes."""
    seen: list[str] = []

    def note(request: Request) -> None:
        seen.append(request.url)

    page.on("request", note)
    page.wait_for_timeout(milliseconds)
    page.remove_listener("request", note)
    return seen


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
