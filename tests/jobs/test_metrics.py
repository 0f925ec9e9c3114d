"""The engine as Prometheus numbers."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest

from jobs import Misfire, Rule
from jobs.metrics import Board, LedgerNumbers, PrometheusObserver, trouble_with_redis
from tests.jobs.host import SmallHost
from tests.jobs.schedules.conftest import Diary
from tests.jobs.workshop import QUEUE, Workshop

KIND = "shop.note"


def fail(number: int) -> None:
    raise ValueError(f"no {number}")


def watched(host: SmallHost, **options: Any) -> tuple[Workshop, PrometheusObserver]:
    observer = PrometheusObserver()
    return Workshop(host, observer=observer, **options), observer


def value(observer: PrometheusObserver, name: str, **labels: str) -> float | None:
    observer.flush()
    return observer.registry.get_sample_value(name, labels)


def test_written_and_ended_jobs_are_counted_by_queue_and_kind(host: SmallHost) -> None:
    shop, observer = watched(host)
    shop.submit(shop.noting(), 1, 2, 3)
    shop.work()
    of_kind = {"queue": QUEUE, "kind": KIND}
    assert value(observer, "jobs_enqueued_total", **of_kind) == 3
    assert value(observer, "jobs_finished_total", **of_kind, outcome="succeeded") == 3
    assert value(observer, "job_wait_seconds_count", **of_kind) == 3
    assert value(observer, "job_run_seconds_count", **of_kind) == 3
    waited = value(observer, "job_wait_seconds_sum", **of_kind)
    assert waited is not None
    assert 0 <= waited < 30


def test_a_whole_batch_is_counted_job_by_job(host: SmallHost) -> None:
    shop, observer = watched(host)
    shop.submit(shop.batched(lambda numbers: [shop.note(one) for one in numbers], size=100), *range(40))
    shop.work()
    of_kind = {"queue": QUEUE, "kind": "shop.<lambda>"}
    assert value(observer, "jobs_finished_total", **of_kind, outcome="succeeded") == 40
    assert value(observer, "job_run_seconds_count", **of_kind) == 40


def test_what_is_rolled_back_is_not_counted_as_written(host: SmallHost) -> None:
    shop, observer = watched(host)
    note = shop.noting()
    try:
        with host.transaction():
            shop.submit(note, 1)
            raise LookupError
    except LookupError:
        pass
    assert value(observer, "jobs_enqueued_total", queue=QUEUE, kind=KIND) is None
    shop.submit(note, 1)
    assert value(observer, "jobs_enqueued_total", queue=QUEUE, kind=KIND) == 1


def test_a_failure_that_is_tried_again_ends_an_attempt_and_no_job(host: SmallHost) -> None:
    shop, observer = watched(host)
    shop.submit(shop.job(fail, max_retries=1, min_backoff=1, max_backoff=1), 1)
    shop.work()
    of_kind = {"queue": QUEUE, "kind": "shop.fail"}
    assert value(observer, "job_attempts_total", **of_kind, outcome="failed") == 1
    assert value(observer, "jobs_finished_total", **of_kind, outcome="dead") is None
    shop.let_time_pass()
    shop.engine.relay.promote()
    shop.work()
    assert value(observer, "job_attempts_total", **of_kind, outcome="failed") == 2
    assert value(observer, "jobs_finished_total", **of_kind, outcome="dead") == 1


def test_a_lost_lease_and_a_late_finish_are_counted(host: SmallHost) -> None:
    shop, observer = watched(host)
    stolen = []

    def slow(number: int) -> None:
        if not stolen:
            stolen.append(number)
            with host.database.connect() as other:  # another process, while this one was thought dead
                other.exec_driver_sql("UPDATE job SET lease_owner = 'somebody else'")
                other.commit()

    uid = shop.submit_one(shop.job(slow, atomic=False), 1)
    shop.work()
    assert shop.state(uid) == "running"
    assert value(observer, "jobs_superseded_total") == 1
    shop.let_time_pass()
    assert shop.engine.reaper.reap() == 1
    assert value(observer, "leases_expired_total") == 1
    assert value(observer, "job_attempts_total", queue=QUEUE, kind="shop.slow", outcome="lost") == 1


def test_the_time_of_a_sweep_is_taken(host: SmallHost) -> None:
    _, observer = watched(host)
    observer.swept("promote due jobs", 0.25)
    assert value(observer, "sweep_seconds_sum", sweep="promote due jobs") == 0.25


def test_what_was_heard_is_added_up_without_being_asked(host: SmallHost) -> None:
    shop, observer = watched(host)
    shop.submit(shop.noting(), 1)
    until = time.monotonic() + 30
    while observer.registry.get_sample_value("jobs_enqueued_total", {"queue": QUEUE, "kind": KIND}) != 1:
        assert time.monotonic() < until
        time.sleep(0.05)


def gauges(shop: Workshop, settled: dict[str, int] | None = None) -> dict[str, float]:
    registry = CollectorRegistry(auto_describe=False)
    registry.register(LedgerNumbers(shop.engine, settled=lambda: settled or {}))
    return {
        f"{sample.name}{sorted(sample.labels.items()) if sample.labels else ''}": sample.value
        for metric in registry.collect()
        for sample in metric.samples
    }


def test_the_ledger_says_how_it_stands(shop: Workshop) -> None:
    shop.submit(shop.noting(), 1, 2)
    shop.claim()
    found = gauges(shop, {"succeeded": 7})
    assert found["jobs_state[('queue', 'work'), ('state', 'ready')]"] == 1
    assert found["jobs_state[('queue', 'work'), ('state', 'running')]"] == 1
    assert found["jobs_state[('queue', 'work'), ('state', 'scheduled')]"] == 0
    assert found["jobs_state[('queue', ''), ('state', 'succeeded')]"] == 7
    assert 0 < found["queue_oldest_ready_seconds[('queue', 'work')]"] < 30
    assert found["outbox_lag_seconds"] == found["queue_oldest_ready_seconds[('queue', 'work')]"]
    assert found["worker_up[('role', 'worker')]"] == 0
    assert found["ledger_up"] == 1


def test_a_worker_that_beats_is_up(shop: Workshop) -> None:
    heartbeat = shop.engine._heartbeat("worker", "here", queues=["work"])
    heartbeat.beat()
    assert gauges(shop)["worker_up[('role', 'worker')]"] == 1


def test_without_a_database_only_that_is_said() -> None:
    away = Workshop(SmallHost("postgresql+psycopg2://nobody@/nothing?host=/nonexistent"))
    assert gauges(away) == {"ledger_up": 0}


def test_processes_that_share_a_folder_count_together(tmp_path: Path) -> None:
    program = (
        "from jobs.metrics import PrometheusObserver\n"
        "observer = PrometheusObserver()\n"
        "observer.ended('work', 'shop.note', 'succeeded', waits_s=[0.1] * 20, run_s=0.5, is_final=True)\n"
        "observer.flush()\n"
    )
    environ = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
    for _ in range(2):
        subprocess.run([sys.executable, "-c", program], env=environ, check=True)
    together = (
        "from prometheus_client import CollectorRegistry, generate_latest\n"
        "from prometheus_client.multiprocess import MultiProcessCollector\n"
        "registry = CollectorRegistry()\n"
        "MultiProcessCollector(registry)\n"
        "print(generate_latest(registry).decode())\n"
    )
    shown = subprocess.run([sys.executable, "-c", together], env=environ, check=True, capture_output=True, text=True)
    assert 'jobs_finished_total{kind="shop.note",outcome="succeeded",queue="work"} 40.0' in shown.stdout.splitlines()
    assert 'job_run_seconds_sum{kind="shop.note",queue="work"} 20.0' in shown.stdout.splitlines()


def test_a_board_holds_what_was_hung_there_and_nothing_else(open_shop: Callable[..., Workshop]) -> None:
    board = Board(open_shop().engine.broker, "numbers")
    assert board.read() == {}
    assert board.write({"a": "1", "b": "2"})
    assert board.write({"a": "3"})
    assert board.read() == {"a": "3"}


def test_a_board_without_redis_knows_nothing(shop: Workshop) -> None:
    board = Board(shop.engine.broker, "numbers")
    assert (board.write({"a": "1"}), board.read()) == (False, None)


def test_trouble_with_redis_is_put_into_words(open_shop: Callable[..., Workshop], shop: Workshop) -> None:
    broker = open_shop().engine.broker
    assert trouble_with_redis(broker) is None
    broker.client.config_set("maxmemory-policy", "allkeys-lru")
    try:
        assert trouble_with_redis(broker) == ("it may throw data away: maxmemory-policy is allkeys-lru, not noeviction")
    finally:
        broker.client.config_set("maxmemory-policy", "noeviction")
    assert str(trouble_with_redis(shop.engine.broker)).startswith("it does not answer")


def test_numbers_can_be_read_by_prometheus(host: SmallHost) -> None:
    shop, observer = watched(host)
    shop.submit(shop.noting(), 1)
    shop.work()
    observer.flush()
    assert b"# TYPE jobs_finished_total counter" in generate_latest(observer.registry).splitlines()


def test_slots_that_come_too_late_are_counted(host: SmallHost) -> None:
    shop, observer = watched(host)
    diary = Diary(shop)
    diary.missed(shop.noting(), slots=6, misfire=Misfire.ONE)
    assert diary.fire() == 1
    assert value(observer, "schedule_missed_total") == 5


def test_the_lag_of_schedules_is_that_of_the_longest_due(host: SmallHost) -> None:
    shop, _ = watched(host)
    diary, job = Diary(shop), shop.noting()

    def lag_s() -> float:
        numbers = CollectorRegistry()
        numbers.register(LedgerNumbers(shop.engine, settled=dict))
        found = numbers.get_sample_value("schedule_lag_seconds")
        assert found is not None
        return found

    diary.make(Rule.every(days=1), job)
    assert lag_s() == 0
    paused = diary.missed(job, slots=9)
    with host.inside():
        diary.book.pause(paused, by="ada")
    assert lag_s() == 0
    diary.missed(job, slots=1)
    assert 300 <= lag_s() < 400
    diary.fire()
    assert lag_s() == 0
