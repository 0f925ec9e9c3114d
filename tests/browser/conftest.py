"""The whole product in real processes, a small site for the shell alone, and a Chromium that forgives nothing."""

from __future__ import annotations

import base64
import hashlib
import os
import secrets
import shutil
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Error, Page, Request, Response, sync_playwright

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

    def make_person(self, *, admin: bool = False) -> str:
        """Create somebody and give their e-mail; the password is PASSWORD."""
        email = f"ada-{secrets.token_hex(6)}@example.com"
        words = ["--admin"] if admin else []
        self.run(
            str(ROOT / ".venv/bin/flask"), "--app", "wsgi", "users", "create", "--email", email, *words,
            "--password-stdin", feed=PASSWORD,
        )  # fmt: skip
        return email


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
        page.on(
            "response", lambda answer: answer.status >= 500 and self.complaints.append(f"{answer.status} {answer.url}")
        )
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


def sign_in(page: Page, email: str) -> None:
    """Through the form, as anybody would."""
    page.goto("/sign-in")
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("main").get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
