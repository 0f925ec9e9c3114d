"""The product itself, process by process: whatever dies while people log, every number comes, once and right."""

import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.servers import PostgresServer, RedisServer
from tests.waiting import wait_until

from .product import Installation


@pytest.fixture
def install(own_redis: RedisServer, tmp_path: Path) -> Iterator[Callable[..., Installation]]:
    """Makes installations with all their processes running."""
    made: list[Installation] = []

    def make(database_url: str, **settings: str) -> Installation:
        made.append(Installation(tmp_path, database_url, own_redis.url, **settings))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.mark.everyfault
def test_any_process_may_die_and_every_number_comes(
    install: Callable[..., Installation], own_redis: RedisServer, database_url: str
) -> None:
    """All of F1, F4, F5 and F36, one after the other."""
    home = install(database_url)
    web, worker, scheduler = home.start_web(), home.start_worker(), home.start("scheduler")
    home.log(30)
    home.wait_for_all()

    for minutes in range(10, 22):
        home.log(minutes)
    home.wait_for_running()
    worker.kill()
    worker = home.start_worker()
    print(f"\nworker killed: all numbers after {home.wait_for_all():.1f} s")

    own_redis.kill()
    slowest_s = max(home.log(minutes) for minutes in range(30, 45))
    away_s = home.wait_for_all()
    print(f"\nRedis dead: slowest answer {slowest_s * 1000:.0f} ms, all numbers {away_s:.1f} s later")
    assert slowest_s < 3
    own_redis.start()

    for minutes in range(50, 62):
        home.log(minutes)
    home.wait_for_running()
    worker.tell(signal.SIGTERM)
    assert worker.wait() == 0
    assert home.states()["running"] == 0
    home.start_worker()
    home.wait_for_all()

    for minutes in range(70, 80):
        home.log(minutes)
    web.kill()
    scheduler.kill()
    home.start_web()
    home.start("scheduler")
    home.log(90)
    home.wait_for_all()
    home.check("F1, F4, F5, F36 web, worker, scheduler and Redis died in turn")


@pytest.mark.everyfault
def test_what_processes_hold_is_given_back_once_a_fault_is_over(
    install: Callable[..., Installation], own_redis: RedisServer, database_url: str
) -> None:
    """I8."""
    home = install(database_url, ACTIVITY_DELAY_S="0")
    home.start_web()
    home.start_worker()
    home.start("scheduler")
    with ThreadPoolExecutor(8) as people:
        for minutes in (10, 200, 400):  # until every pool is as large as it gets
            _faults(home, own_redis, people, minutes)
        before = home.weights()
        for minutes in (600, 800):
            _faults(home, own_redis, people, minutes)
    after = home.weights()
    assert after.keys() == before.keys()
    more_mib = max(after[pid][0] - before[pid][0] for pid in after)
    more_files = max(after[pid][1] - before[pid][1] for pid in after)
    print(f"\nI8 after the same twice more: at most {more_mib:+.0f} MiB and {more_files:+} files")
    assert more_mib <= 50
    assert more_files <= 10
    home.check("I8 Redis died and the database was held, five times")


def _faults(home: Installation, redis: RedisServer, people: ThreadPoolExecutor, minutes: int) -> None:
    """Redis dies and returns while people log; then all of them ask while nobody can be served."""
    list(people.map(home.log, range(minutes, minutes + 20)))
    redis.kill()
    list(people.map(home.log, range(minutes + 20, minutes + 40)))
    redis.start()
    with home.held():
        asked = [people.submit(home.try_to_log, minutes + 40 + number) for number in range(20)]
        time.sleep(3)
    assert {one.result()[0] for one in asked} <= {201, 503}
    list(people.map(home.log, range(minutes + 60, minutes + 160)))
    home.wait_for_all()


def test_a_restarted_postgresql_refuses_in_words_and_loses_nothing(
    install: Callable[..., Installation], database_kind: str
) -> None:
    """F13."""
    if database_kind != "postgresql":
        pytest.skip("needs PostgreSQL")
    with PostgresServer() as postgres:
        home = install(postgres.create("metronome"))
        home.start_web()
        worker, scheduler = home.start_worker(), home.start("scheduler")
        for minutes in range(10, 25):
            home.log(minutes)
        home.wait_for_running()
        postgres.kill()
        refusals = {home.try_to_log(minutes) for minutes in range(100, 103)}
        time.sleep(2)
        postgres.start()
        home.database.dispose()
        wait_until(lambda: _accepts(home, 40), within_s=20)
        home.wait_for_all()
        home.check("F13 PostgreSQL killed under the product")
        assert refusals == {(503, "5")}
        assert (worker.code, scheduler.code) == (None, None)
        home.close()


def _accepts(home: Installation, minutes: int) -> bool:
    """Whether it is stored; the only other answer is that nothing can be stored right now."""
    code, _ = home.try_to_log(minutes)
    assert code in {201, 503}
    return code == 201


def test_what_people_ask_for_is_stored_once_or_refused_in_words(
    install: Callable[..., Installation], database_url: str
) -> None:
    """F2, F14, F19, F37."""
    home = install(database_url, DB_POOL_SIZE="1")
    web = home.start_web()
    for minutes in range(10, 15):
        home.log(minutes)
    assert home.read("/readyz")[0] == 200

    with ThreadPoolExecutor(20) as people:
        for one in [people.submit(home.log, 20, key="the same click") for _ in range(20)]:
            one.result()
        assert len(home.rows()) == 6

        with home.held():
            asked = [people.submit(home.try_to_log, minutes) for minutes in range(30, 50)]
            time.sleep(4)
        answers = Counter(one.result() for one in asked)
        print(f"\nno connection left: {dict(answers)}")
        assert {answer for answer in answers if answer[0] != 201} == {(503, "5")}
        assert home.try_to_log(50) == (201, None)

        with home.held():
            asked = [people.submit(home.try_to_log, minutes) for minutes in range(60, 64)]
            time.sleep(0.7)
            web.tell(signal.SIGTERM)
            time.sleep(0.5)
        assert {one.result() for one in asked} == {(201, None)}
    assert web.wait() == 0

    home.start_web()
    home.start_worker()
    home.start("scheduler")
    home.wait_for_all()
    wait_until(lambda: home.metric("jobs_state") == home.states(), what="the metrics do not agree with the ledger")
    home.check("F2, F14, F19, F37 asked for twice, without a worker, without a connection, while the web stops")


CLIENTS, SINGLES = 50, 4
MOST_WAKE_UPS = 30


@pytest.mark.everyfault
def test_a_burst_over_http_is_taken_whole_and_what_is_urgent_does_not_wait_for_it(
    install: Callable[..., Installation], own_redis: RedisServer, database_url: str, database_kind: str
) -> None:
    """F33."""
    # Of two who claim at the same moment, either may be the first: here one claims.
    home = install(database_url, ACTIVITY_DELAY_S="0", ACTIVITY_BATCH_SIZE="50", WORKER_THREADS="1")
    home.start_web()
    together = range(1, (200 if database_kind == "postgresql" else 20) - SINGLES + 1)

    def submit(client: int) -> None:
        home.log_many(together)
        for number in range(SINGLES):
            home.log(1 + client + number)

    started = time.monotonic()
    with ThreadPoolExecutor(CLIENTS) as clients:
        asked = [clients.submit(submit, number) for number in range(CLIENTS)]
        looks = []
        while not all(one.done() for one in asked):
            looks.append(home.list_activities())
        for one in asked:
            one.result()
    rate = len(home.wanted) / (time.monotonic() - started)
    wake_ups = own_redis.client().llen("metronome:activities")
    before = set(home.wanted)
    home.log(30)
    ((urgent, _),) = home.wanted.keys() - before
    home.hurry(urgent)
    home.start("scheduler")
    home.start_worker()
    home.wait_for_all()
    slow_s = sorted(looks)[len(looks) * 95 // 100]
    print(f"\n{rate:.0f} activities/s were taken, {wake_ups} wake-ups; looks within {slow_s * 1000:.0f} ms")
    home.check(f"F33 {len(home.wanted)} activities at once")
    assert home.started_before(urgent) == 0
    assert wake_ups <= MOST_WAKE_UPS
