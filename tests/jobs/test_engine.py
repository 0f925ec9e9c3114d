"""The engine and its host."""

import ast
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask

from jobs import JobGroup, UnknownJob, engine_of, install
from tests.jobs.host import SmallHost
from tests.jobs.workshop import QUEUE, Workshop

ROOT = Path(__file__).parents[2]


def imported(file: Path) -> set[str]:
    """The top-level packages a file imports."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            found |= {name.name.split(".")[0] for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            found.add(node.module.split(".")[0])
    return found


@pytest.mark.parametrize("folder", ["jobs", "tests/jobs"])
def test_the_engine_can_leave_its_product(folder: str) -> None:
    files = sorted((ROOT / folder).rglob("*.py"))
    assert "sqlalchemy" in set().union(*(imported(file) for file in files))
    assert [file for file in files if "app" in imported(file)] == []


def test_declared_jobs_are_found_by_their_name(shop: Workshop) -> None:
    job = shop.noting()
    shop.noting("side", queue="b_side")
    assert shop.engine.job_named("shop.note") == job
    assert shop.engine.queues == ["b_side", "default", QUEUE]
    with pytest.raises(UnknownJob, match=r"No job is called shop\.nothing\."):
        shop.engine.job_named("shop.nothing")


def test_each_declared_job_is_a_real_actor(shop: Workshop) -> None:
    shop.noting(priority=2, time_limit=1_000, max_retries=7)
    actor = shop.engine.broker.get_actor("shop.note")
    assert (actor.queue_name, actor.priority, actor.options["time_limit"], actor.options["max_retries"]) == (
        QUEUE,
        2,
        1_000,
        7,
    )


def test_the_host_may_set_the_policy_of_a_job(shop: Workshop) -> None:
    group = JobGroup("letters")

    @group.actor(queue_name=QUEUE, max_retries=3)
    def send(number: int) -> None:
        pass

    shop.engine.include(group, send={"max_retries": 0, "slow_down": 5})
    assert (shop.engine.jobs["letters.send"].max_retries, shop.engine.jobs["letters.send"].slow_down) == (0, 5)
    assert send.max_retries == 3


def test_two_engines_do_not_know_each_others_jobs(host: SmallHost) -> None:
    first, second = Workshop(host), Workshop(host)
    first.noting("ours")
    second.noting("theirs")
    assert list(first.engine.jobs) == ["jobs.bulk", "shop.ours"]
    assert list(second.engine.jobs) == ["jobs.bulk", "shop.theirs"]
    assert first.engine.runner.worker != second.engine.runner.worker or first.engine is not second.engine


def test_an_application_finds_its_engine(shop: Workshop) -> None:
    app = Flask("small")
    install(app, shop.engine)
    assert engine_of(app) is shop.engine
    with app.app_context():
        assert engine_of() is shop.engine


def test_it_knows_whether_a_worker_would_find_something(shop: Workshop) -> None:
    job = shop.noting()
    assert not shop.engine.has_ready(QUEUE)
    shop.submit_one(job, run_at=shop.now() + timedelta(hours=1))
    assert not shop.engine.has_ready(QUEUE)
    shop.submit_one(job)
    assert shop.engine.has_ready(QUEUE)


def test_the_engines_own_sweeps_bring_a_lost_job_back_and_forget_it_in_the_end(shop: Workshop) -> None:
    uid = shop.submit_one(shop.noting())
    shop.claim()
    shop.let_time_pass()
    sweeps = {sweep.name: sweep.run for sweep in shop.engine.sweeps(keep_s=-60)}
    sweeps["rescue expired leases"]()
    assert shop.state(uid) == "ready"
    sweeps["promote due jobs"]()
    sweeps["top up wake-ups"]()
    shop.work()
    assert shop.effects() == [1]
    sweeps["prune settled jobs"]()
    with shop.host.inside():
        assert shop.engine.latest_for("activity", [1]) == {}
    assert shop.claim() == []


def test_a_policy_that_is_tuned_holds_for_what_runs_and_comes_next(shop: Workshop) -> None:
    job = shop.noting(max_retries=3, min_backoff=60_000)
    before = shop.submit_one(job, 1)
    shop.engine.tune(job.name, max_retries=7, min_backoff=1_000)
    after = shop.submit_one(job, 2)
    assert [shop.entry(before).max_retries, shop.entry(after).max_retries] == [3, 7]
    assert shop.engine.job_named(job.name).min_backoff == 1_000
    shop.work()
    assert shop.state(before, after) == ["succeeded", "succeeded"]


def test_only_what_is_read_anew_for_every_job_can_be_tuned(shop: Workshop) -> None:
    job = shop.noting()
    with pytest.raises(ValueError, match="time_limit cannot change while jobs run"):
        shop.engine.tune(job.name, time_limit=1)
    with pytest.raises(UnknownJob):
        shop.engine.tune("shop.nothing", max_retries=1)
    assert shop.engine.job_named(job.name) == job
