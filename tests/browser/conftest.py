"""Products to drive, a small site for the shell alone, and a Chromium to drive them with."""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.browser.gallery import Gallery
from tests.browser.product import ROOT, Product
from tests.browser.watched import Watched
from tests.servers import RedisServer

AXE = Path(__file__).with_name("axe") / "axe.min.js"
AXE_SHA384 = "xt1SFg49QaDwsyt0Xfs2XAyBtYPClXl3X2q5OOLeGAUmq9jZTYIMdztpF99WdhiH"
expect.set_options(timeout=10_000)  # this machine may have other things to do
AXE_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
Axe = Callable[..., list[str]]


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
    """A product in which a calculation takes five seconds, so that it can be watched."""
    return make_product(ACTIVITY_DELAY_S="5")


@pytest.fixture(scope="session")
def still_product(make_product: Callable[..., Product]) -> Product:
    """A product whose worker is stopped: nothing is worked out until a test starts it."""
    made = make_product(POLL_PACE_S="0.5")
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
    """What axe-core finds on a page: "rule: where", for WCAG 2.2 AA and best practice, or for some rules only."""
    source = AXE.read_text()
    assert base64.b64encode(hashlib.sha384(source.encode()).digest()).decode() == AXE_SHA384

    def look(page: Page, *rules: str) -> list[str]:
        if not page.evaluate("'axe' in window"):
            page.evaluate(source)
        chosen = {"type": "rule", "values": rules} if rules else {"type": "tag", "values": AXE_TAGS}
        # The options of a list are drawn by the browser, and there are 500 time zones.
        found = page.evaluate("chosen => axe.run({exclude: [['option']]}, {runOnly: chosen})", chosen)
        return [f"{one['id']}: {node['target']}" for one in found["violations"] for node in one["nodes"]]

    return look
