"""The numbers of real processes: one scrape shows them all, and a lost Redis loses none."""

from __future__ import annotations

import json
import socket
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser.product import ROOT, Product
from tests.conftest import Databases
from tests.servers import RedisServer
from tests.waiting import wait_until

pytestmark = pytest.mark.slow

RUN = {"kind": "running", "duration_min": 30, "weight_kg": 70}
COUNT = 20


@pytest.fixture
def own_redis() -> Iterator[RedisServer]:
    """A Redis that the test may empty."""
    with RedisServer() as server:
        yield server


@pytest.fixture
def door() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def product(databases: Databases, own_redis: RedisServer, tmp_path: Path, door: int) -> Iterator[Product]:
    """Web, worker and scheduler, with a door for the numbers of the latter two."""
    url = databases.blank()
    settings = {"METRICS_PORT": str(door)}
    product = Product(folder=tmp_path, database_url=url, redis_url=own_redis.url, settings=settings)
    product.run(str(ROOT / "bin" / "migrate"))
    for name in ("web", "worker", "scheduler"):
        product.start(name)
    product.wait_until_it_answers()
    yield product
    product.stop_everything()
    databases.drop(url)


def read(url: str) -> str:
    with urllib.request.urlopen(url, timeout=10) as answer:
        return str(answer.read().decode())


def samples(url: str) -> dict[str, float]:
    lines = [line for line in read(url).splitlines() if line and not line.startswith("#")]
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


def test_one_scrape_of_the_web_shows_every_process(product: Product, own_redis: RedisServer, door: int) -> None:
    product.log(product.make_person(), [RUN] * COUNT)
    kind = 'kind="activities.count_calories"'
    finished = f'jobs_finished_total{{{kind},outcome="succeeded",queue="activities"}}'
    web, own = f"{product.url}/metrics", f"http://127.0.0.1:{door}/metrics"
    wait_until(lambda: samples(web).get(finished) == COUNT, what=lambda: read(web))
    wait_until(lambda: samples(web)['worker_up{role="worker"}'] == 1, what=lambda: read(web))
    found = samples(web)
    assert found[f'jobs_enqueued_total{{{kind},queue="activities"}}'] == COUNT
    assert found[f'job_run_seconds_count{{{kind},queue="activities"}}'] == COUNT
    assert found['sweep_seconds_count{sweep="promote due jobs"}'] > 0
    assert any(name.startswith('flask_http_request_duration_seconds_count{endpoint="activities') for name in found)
    wait_until(lambda: samples(web)["calories_burned_kcal_total"] == 315.0 * COUNT, what=lambda: read(web))

    totals = {"tasks_started": COUNT, "tasks_completed": COUNT, "tasks_failed": 0, "total_calories": 315.0 * COUNT}
    assert json.loads(read(f"{product.url}/metrics-json/")) == totals
    own_redis.client().flushall()
    wait_until(lambda: own_redis.client().hget("metronome:numbers", "tasks_completed") == b"20", what="not kept again")
    assert json.loads(read(f"{product.url}/metrics-json/")) == totals

    assert samples(own)[finished] == COUNT
    for name in ("worker", "scheduler"):
        product.stop(name)
        product.start(name)
    wait_until(lambda: opens(own) and samples(own)[finished] == COUNT, what="nobody opened the door again")


def opens(url: str) -> bool:
    try:
        read(url)
    except urllib.error.URLError:
        return False
    return True


def test_it_is_the_same_picture_with_one_web_process_or_two(product: Product, tmp_path: Path) -> None:
    other = Product(
        folder=tmp_path,
        database_url=product.environment["DATABASE_URL"],
        redis_url=product.environment["REDIS_URL"],
        settings={},
    )
    other.start("web")
    try:
        other.wait_until_it_answers()
        for _ in range(3):
            read(f"{product.url}/sign-in")
            read(f"{other.url}/sign-in")
        asked = 'flask_http_request_duration_seconds_count{endpoint="accounts.sign_in",method="GET",status="200"}'
        pictures = [samples(f"{one.url}/metrics") for one in (product, other)]
        assert [one[asked] for one in pictures] == [6, 6]
        for number, one in enumerate(pictures):
            webs = {
                name for name in one if name.startswith('process_resident_memory_bytes{pid="') and 'role="web"' in name
            }
            assert len(webs) == 2, (number, webs)
        steady = [
            {name: value for name, value in one.items() if name.startswith(("flask_", "jobs_", "calories_", "tasks_"))}
            for one in pictures
        ]
        assert steady[0] == steady[1]
    finally:
        other.stop_everything()
