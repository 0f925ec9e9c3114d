"""What a wake-up does: claim, run, settle."""

import itertools
import random
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg2
import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from jobs import GiveUp, Snooze, State, current_uid
from jobs.dispatch import runner as runner_module
from tests.jobs.host import SmallHost, effects
from tests.jobs.workshop import QUEUE, Workshop

# -- one job


def test_a_job_runs_and_its_result_is_kept(shop: Workshop) -> None:
    def add(number: int) -> dict[str, int]:
        shop.note(number)
        return {"sum": number + 1}

    uid = shop.submit_one(shop.job(add), 41)
    shop.work()
    assert (shop.state(uid), shop.entry(uid).result, shop.effects()) == ("succeeded", {"sum": 42}, [41])
    (attempt,) = shop.attempts(uid)
    assert (attempt.attempt, attempt.outcome, attempt.worker) == (1, "succeeded", shop.engine.runner.worker)


def test_a_job_without_a_result_has_none(shop: Workshop) -> None:
    uid = shop.submit_one(shop.noting())
    shop.work()
    assert shop.entry(uid).result is None


def test_jobs_run_by_priority_and_then_by_age(shop: Workshop) -> None:
    ran: list[int] = []

    def run(number: int) -> None:
        ran.append(number)

    job = shop.job(run)
    for number, priority in ((1, 5), (2, 9), (3, 0), (4, 5)):
        shop.submit_one(job, number, priority=priority)
    shop.work()
    assert ran == [3, 1, 4, 2]


def test_what_is_submitted_by_a_job_runs_too(shop: Workshop) -> None:
    note = shop.noting()

    def first(number: int) -> None:
        shop.submit_one(note, number + 1)

    shop.submit_one(shop.job(first), 1)
    shop.work()
    assert shop.effects() == [2]


def test_what_a_failed_job_submitted_does_not_exist(shop: Workshop) -> None:
    note = shop.noting()

    def first(number: int) -> None:
        shop.submit_one(note, number + 1)
        raise ValueError("no")

    shop.submit_one(shop.job(first, max_retries=0), 1)
    shop.work()
    assert shop.effects() == []


def test_a_running_job_knows_its_own_id(shop: Workshop) -> None:
    seen: list[str | None] = []

    def run(number: int) -> None:
        seen.append(current_uid.get())

    uid = shop.submit_one(shop.job(run))
    shop.work()
    assert (seen, current_uid.get()) == ([uid], None)


def test_a_job_that_is_not_atomic_runs_outside_of_any_transaction(shop: Workshop) -> None:
    states: list[str] = []

    def run(number: int) -> None:
        with shop.host.transaction() as session:
            states.append(session.scalar(text("SELECT state FROM job")) or "")
        shop.note(number)

    uid = shop.submit_one(shop.job(run, atomic=False), 7)
    shop.work()
    assert (states, shop.effects(), shop.state(uid)) == (["running"], [7], "succeeded")


# -- failures


def failing_until(shop: Workshop, tries: int) -> Callable[[int], None]:
    made: list[int] = []

    def unsteady(number: int) -> None:
        made.append(number)
        shop.note(number)
        if len(made) < tries:
            raise ValueError(f"not yet, {len(made)}")

    return unsteady


def test_a_failed_attempt_leaves_no_effect_and_is_tried_again_later(shop: Workshop) -> None:
    uid = shop.submit_one(shop.job(failing_until(shop, 2), min_backoff=60_000), 5)
    shop.work()
    entry = shop.entry(uid)
    assert (entry.state, entry.failures, entry.error_class, entry.error_message) == (
        "scheduled",
        1,
        "ValueError",
        "not yet, 1",
    )
    assert 45 < shop.delay_s(uid) < 75
    assert shop.effects() == []
    shop.let_time_pass()
    shop.engine.relay.promote()
    shop.work()
    assert (shop.state(uid), shop.effects(), shop.outcomes(uid)) == ("succeeded", [5], ["failed", "succeeded"])


def test_each_pause_is_longer_than_the_one_before(shop: Workshop) -> None:
    uid = shop.submit_one(shop.job(failing_until(shop, 99), min_backoff=10_000, max_retries=4))
    pauses = []
    for _ in range(4):
        shop.work()
        pauses.append(shop.delay_s(uid))
        shop.let_time_pass()
        shop.engine.relay.promote()
    for pause, nominal in zip(pauses, (10, 20, 40, 80), strict=True):
        assert nominal * 0.8 - 2 < pause <= nominal * 1.2


def test_a_job_out_of_retries_is_dead_and_the_host_has_heard_of_it(shop: Workshop) -> None:
    uid = shop.submit_one(shop.job(failing_until(shop, 99), max_retries=2, min_backoff=0), 6)
    shop.work()
    entry = shop.entry(uid)
    assert (entry.state, entry.failures, entry.attempt, entry.error_message) == ("dead", 3, 3, "not yet, 3")
    assert (shop.outcomes(uid), shop.effects()) == (["failed"] * 3, [])
    assert shop.regrets() == ["shop.unsteady {'number': 6}: not yet, 3"]
    traceback = shop.attempts(uid)[0].traceback
    assert traceback is not None
    assert "in unsteady" in traceback


def test_a_dead_job_is_run_again_by_hand(shop: Workshop) -> None:
    uid = shop.submit_one(shop.job(failing_until(shop, 2), max_retries=0), 6)
    shop.work()
    shop.engine.retry(uid, by="Ada")
    shop.work()
    assert (shop.state(uid), shop.effects(), shop.outcomes(uid)) == ("succeeded", [6], ["failed", "succeeded"])


def test_a_job_that_gives_up_is_not_tried_again(shop: Workshop) -> None:
    def run(number: int) -> None:
        shop.note(number)
        raise GiveUp("There is no such person.")

    uid = shop.submit_one(shop.job(run))
    shop.work()
    assert (shop.state(uid), shop.outcomes(uid), shop.effects()) == ("dead", ["gave up"], [])
    assert shop.entry(uid).error_message == "There is no such person."


def test_a_job_that_snoozes_comes_back_and_has_lost_no_try(shop: Workshop) -> None:
    naps: list[int] = []

    def run(number: int) -> None:
        naps.append(number)
        if len(naps) < 3:
            raise Snooze(minutes=5)
        shop.note(number)

    uid = shop.submit_one(shop.job(run, max_retries=0), 1)
    for _ in range(3):
        shop.work()
        if shop.state(uid) == "scheduled":
            assert 280 < shop.delay_s(uid) <= 300
            assert shop.entry(uid).failures == 0
            shop.let_time_pass()
            shop.engine.relay.promote()
    assert (shop.outcomes(uid), shop.effects()) == (["snoozed", "snoozed", "succeeded"], [1])


def test_a_job_that_would_snooze_for_ever_dies(shop: Workshop) -> None:
    def run(number: int) -> None:
        raise Snooze(seconds=0)

    uid = shop.submit_one(shop.job(run))
    shop.work()
    assert (shop.state(uid), shop.outcomes(uid)) == ("dead", ["snoozed"] * 25)


@pytest.mark.parametrize(
    ("result", "told"),
    [
        (
            object(),
            "Its result cannot be kept: it must be a JSON value: Object of type object is not JSON serializable.",
        ),
        (float("nan"), "Its result cannot be kept: it must be a JSON value: Out of range float values are not JSON"),
        ("x" * 65_535, "Its result cannot be kept: it may have 65,536 characters of JSON; this has 65,537."),
    ],
)
def test_a_result_that_cannot_be_kept_is_given_up_and_its_effect_is_not_kept(
    shop: Workshop, result: Any, told: str
) -> None:
    def run(number: int) -> Any:
        shop.note(number)
        return result if number == 2 else "x" * 65_534

    uids = shop.submit(shop.job(run, max_retries=5), 1, 2, 3)
    shop.work()
    assert (shop.state(*uids), shop.effects()) == (["succeeded", "dead", "succeeded"], [1, 3])
    assert shop.outcomes(uids[1]) == ["gave up"]
    assert (shop.entry(uids[1]).error_message or "").startswith(told)


def test_a_large_result_of_what_runs_outside_a_transaction_is_given_up(shop: Workshop) -> None:
    def run(number: int) -> str:
        return "x" * 70_000

    uid = shop.submit_one(shop.job(run, max_retries=5, atomic=False))
    shop.work()
    assert (shop.state(uid), shop.outcomes(uid), shop.entry(uid).result) == ("dead", ["gave up"], None)


def test_a_job_that_breaks_its_own_transaction_is_a_failure(shop: Workshop) -> None:
    def run(number: int) -> None:
        shop.note(number)
        with shop.host.transaction() as session:
            session.execute(text("SELECT * FROM nowhere"))

    uid = shop.submit_one(shop.job(run, max_retries=0))
    shop.work()
    assert (shop.state(uid), shop.effects(), shop.outcomes(uid)) == ("dead", [], ["failed"])


class SilentError(Exception):
    def __str__(self) -> str:
        raise RuntimeError("I say nothing")


class TextlessError(BaseException):
    def __str__(self) -> str:
        raise SystemExit(3)


def deep() -> None:
    deep()


@pytest.mark.parametrize(
    "error",
    [
        ValueError("no"),
        MemoryError("full"),
        KeyboardInterrupt(),
        SystemExit(2),
        BaseException("root"),
        GeneratorExit(),
        StopIteration(1),
        StopAsyncIteration(),
        SilentError(),
        TextlessError(),
        ValueError("\x00 \ud800 \x1b[31m"),
        ValueError("x" * 10_000_000),
        ExceptionGroup("several", [ValueError("one"), KeyError("two")]),
        type("E" * 300, (Exception,), {})("long name"),
        RecursionError,
    ],
    ids=lambda error: type(error).__name__[:20],
)
def test_whatever_a_job_raises_is_settled_and_the_worker_lives_on(shop: Workshop, error: Any) -> None:
    def run(number: int) -> None:
        if error is RecursionError:
            deep()
        raise error

    uid = shop.submit_one(shop.job(run, max_retries=0), priority=0)
    other = shop.submit_one(shop.noting(), 2)
    shop.work()
    assert shop.state(uid, other) == ["dead", "succeeded"]
    entry = shop.entry(uid)
    assert entry.error_message
    assert len(entry.error_message) <= 2_000
    assert shop.engine.runner.running == {}


def test_arguments_that_fitted_an_older_function_are_a_failure(shop: Workshop) -> None:
    uid = shop.submit_one(shop.noting(max_retries=0))

    def note(other: int) -> None:
        pass

    shop.engine.jobs.clear()
    shop.engine.broker.actors.clear()
    shop.job(note, max_retries=0)
    shop.work()
    assert (shop.state(uid), shop.entry(uid).error_class) == ("dead", "TypeError")


# -- zombies


def test_an_attempt_that_outlived_its_lease_writes_nothing(shop: Workshop) -> None:
    others = Workshop(shop.host)

    def overtaken(number: int) -> None:
        rescue = threading.Thread(target=lambda: (shop.let_time_pass(), shop.engine.reaper.reap()))
        rescue.start()
        rescue.join()
        shop.engine.runner.stopping.set()
        shop.note(13)

    def second(number: int) -> None:
        others.note(number)

    second.__name__ = "overtaken"
    job = shop.job(overtaken)
    others.job(second)
    uid = shop.submit_one(job, 1)
    shop.engine.runner.drain(QUEUE)
    assert (shop.state(uid), shop.effects(), shop.outcomes(uid)) == ("ready", [], ["lost"])
    others.work()
    assert (shop.state(uid), shop.effects(), shop.outcomes(uid)) == ("succeeded", [1], ["lost", "succeeded"])


def test_a_failure_told_too_late_counts_for_nobody(shop: Workshop) -> None:
    def overtaken(number: int) -> None:
        shop.let_time_pass()
        shop.engine.reaper.reap()
        shop.claim()
        raise ValueError("too late")

    uid = shop.submit_one(shop.job(overtaken, atomic=False, max_retries=0))
    shop.work()
    entry = shop.entry(uid)
    assert (entry.state, entry.attempt, entry.failures, shop.outcomes(uid)) == ("running", 2, 0, ["lost"])
    assert shop.regrets() == []


# -- batches


def batching(shop: Workshop, *, guilty: set[int], calls: list[list[int]] | None = None) -> Callable[[list[int]], None]:
    def many(numbers: list[int]) -> None:
        if calls is not None:
            calls.append(list(numbers))
        for number in numbers:
            shop.note(number)
        if found := sorted(guilty & set(numbers)):
            raise ValueError(f"cannot bear {found}")

    return many


def test_a_batch_is_one_call_and_each_job_has_its_own_attempt(shop: Workshop) -> None:
    calls: list[list[int]] = []
    uids = shop.submit(shop.batched(batching(shop, guilty=set(), calls=calls), size=4), *range(10))
    shop.work()
    assert calls == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    assert (shop.state(*uids), shop.effects()) == (["succeeded"] * 10, list(range(10)))
    assert [shop.outcomes(uid) for uid in uids] == [["succeeded"]] * 10


@pytest.mark.parametrize("guilty", [{0}, {9}, {4, 5}, {0, 3, 9}, set(range(10))])
def test_only_the_guilty_of_a_batch_is_tried_again(shop: Workshop, guilty: set[int]) -> None:
    uids = shop.submit(shop.batched(batching(shop, guilty=guilty), size=10), *range(10))
    shop.work()
    assert [shop.state(uid) for uid in uids] == ["scheduled" if n in guilty else "succeeded" for n in range(10)]
    assert shop.effects() == [n for n in range(10) if n not in guilty]
    assert [(shop.entry(uid).attempt, shop.entry(uid).failures) for uid in uids] == [
        (1, int(n in guilty)) for n in range(10)
    ]
    assert {shop.entry(uids[n]).error_message for n in guilty} == {f"cannot bear [{n}]" for n in guilty}
    assert shop.engine.runner.running == {}


def test_the_guilty_of_a_batch_may_give_up_or_snooze(shop: Workshop) -> None:
    def many(numbers: list[int]) -> None:
        for number in numbers:
            shop.note(number)
        if 3 in numbers:
            raise GiveUp("three")
        if 5 in numbers:
            raise Snooze(minutes=1)

    uids = shop.submit(shop.batched(many, size=8), *range(8))
    shop.work()
    assert {n: shop.state(uids[n]) for n in (3, 5)} == {3: "dead", 5: "scheduled"}
    assert shop.effects() == [0, 1, 2, 4, 6, 7]


def test_a_member_lost_meanwhile_does_not_hold_the_others_back(shop: Workshop) -> None:
    calls: list[list[int]] = []

    def lose_the_first() -> None:
        with shop.host.transaction() as session:
            session.execute(text("UPDATE job SET lease_until = created_at WHERE id = (SELECT min(id) FROM job)"))
        shop.engine.reaper.reap()

    def many(numbers: list[int]) -> None:
        calls.append(list(numbers))
        if len(calls) == 1:
            thief = threading.Thread(target=lose_the_first)
            thief.start()
            thief.join()
        for number in numbers:
            shop.note(number)

    uids = shop.submit(shop.batched(many, size=3), 1, 2, 3)
    shop.work()
    assert calls == [[1, 2, 3], [2, 3], [1]]
    assert (shop.effects(), shop.state(*uids)) == ([1, 2, 3], ["succeeded"] * 3)
    assert [shop.outcomes(uid) for uid in uids] == [["lost", "succeeded"], ["succeeded"], ["succeeded"]]


def test_chance_never_loses_or_doubles_a_batched_effect(shop: Workshop) -> None:
    chance = random.Random(11)

    def many(numbers: list[int]) -> None:
        for number in numbers:
            shop.note(number)
        if chance.random() < 0.5:
            raise ValueError("bad luck")

    uids = shop.submit(shop.batched(many, size=8, min_backoff=0, max_retries=100), *range(40))
    deadline = time.monotonic() + 20
    while set(shop.state(*uids)) != {"succeeded"} and time.monotonic() < deadline:
        shop.work()
    assert shop.effects() == list(range(40))


# -- shutting down, slices, limits


def test_a_drain_ends_with_its_slice_and_says_that_work_is_left(
    shop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner_module, "SLICE_S", 0.0)
    shop.submit(shop.noting(), 1, 2)
    assert not shop.engine.runner.drain(QUEUE)
    assert shop.effects() == [1]


def test_a_stopping_worker_claims_nothing_more(shop: Workshop) -> None:
    def run(number: int) -> None:
        shop.note(number)
        shop.engine.runner.stopping.set()

    first, second = shop.submit(shop.job(run), 1, 2)
    shop.work()
    shop.work()
    assert (shop.state(first, second), shop.effects()) == (["succeeded", "ready"], [1])


def test_an_artificial_delay_ends_with_the_worker_and_costs_no_try(shop: Workshop) -> None:
    uid = shop.submit_one(shop.noting(slow_down=60_000))
    threading.Timer(0.2, shop.engine.runner.stopping.set).start()
    started = time.monotonic()
    shop.work()
    assert time.monotonic() - started < 10
    entry = shop.entry(uid)
    assert (entry.state, entry.failures, shop.outcomes(uid), shop.effects()) == ("ready", 0, ["interrupted"], [])


def test_a_job_past_its_time_limit_is_interrupted(shop: Workshop) -> None:
    def run(number: int) -> None:
        shop.note(number)
        for _ in range(200):
            time.sleep(0.05)

    shop.engine.broker.emit_after("process_boot")
    uid = shop.submit_one(shop.job(run, time_limit=200, max_retries=0, atomic=True))
    shop.work()
    entry = shop.entry(uid)
    assert (entry.state, entry.error_class, shop.effects()) == ("dead", "TimeLimitExceeded", [])
    assert entry.error_message == "It took longer than its time limit of 0.2 seconds."
    assert entry.processing_ms is not None
    assert 150 < entry.processing_ms < 9_000


# -- a database that goes away


class Outage:
    """Cuts the small host off from its database for a while."""

    def __init__(self, host: SmallHost, patch: pytest.MonkeyPatch) -> None:
        self.host, self.patch, self.database = host, patch, host.database

    def begin(self) -> None:
        self.patch.setattr(self.host, "database", SmallHost("sqlite:////nonexistent/none.db").database)

    def end(self) -> None:
        self.patch.setattr(self.host, "database", self.database)


def busy() -> OperationalError:
    return OperationalError("COMMIT", {}, sqlite3.OperationalError("database is locked"))


def test_a_busy_database_costs_the_job_no_try(shop: Workshop) -> None:
    made: list[int] = []

    def run(number: int) -> None:
        made.append(number)
        if len(made) == 1:
            raise busy()
        shop.note(number)

    uid = shop.submit_one(shop.job(run, max_retries=0))
    shop.work()
    assert (shop.state(uid), shop.entry(uid).failures, shop.outcomes(uid)) == ("scheduled", 0, ["interrupted"])
    assert shop.delay_s(uid) <= 1
    shop.let_time_pass()
    shop.engine.relay.promote()
    shop.work()
    assert (shop.state(uid), shop.effects()) == ("succeeded", [1])


def test_an_outage_gives_a_whole_batch_back_without_splitting_it(shop: Workshop) -> None:
    calls: list[int] = []

    def many(numbers: list[int]) -> None:
        calls.append(len(numbers))
        raise busy()

    uids = shop.submit(shop.batched(many, size=5), *range(5))
    shop.work()
    assert (calls, set(shop.state(*uids))) == ([5], {"scheduled"})


def test_a_database_away_while_settling_is_waited_for(shop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner_module, "SETTLE_AGAIN_S", 0.05)
    outage = Outage(shop.host, monkeypatch)

    def run(number: int) -> None:
        outage.begin()
        threading.Timer(0.4, outage.end).start()
        raise ValueError("no")

    uid = shop.submit_one(shop.job(run, max_retries=0))
    shop.work()
    assert (shop.state(uid), shop.outcomes(uid)) == ("dead", ["failed"])


def test_a_database_away_for_too_long_leaves_the_job_to_the_reaper(
    host: SmallHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = Workshop(host, lease_s=0.05)
    monkeypatch.setattr(runner_module, "SETTLE_AGAIN_S", 0.05)
    outage = Outage(host, monkeypatch)

    def run(number: int) -> None:
        outage.begin()
        raise ValueError("no")

    uid = shop.submit_one(shop.job(run, max_retries=0))
    with pytest.raises(OperationalError):
        shop.work()
    outage.end()
    assert (shop.state(uid), shop.engine.runner.running) == ("running", {})
    shop.let_time_pass()
    shop.engine.reaper.reap()
    assert (shop.state(uid), shop.outcomes(uid)) == ("ready", ["lost"])


@pytest.fixture
def lose_answer(shop: Workshop, monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Have the transaction of this number, counted from now, be committed, and the answer to its commit lost."""

    def lose(number: int) -> None:
        begun, transaction = itertools.count(1), shop.host.transaction

        @contextmanager
        def unheard(*, durable: bool = True) -> Iterator[Session]:
            is_inner = shop.host.in_transaction()
            with transaction(durable=durable) as session:
                yield session
            if not is_inner and next(begun) == number:
                raise OperationalError("COMMIT", {}, psycopg2.OperationalError("server closed the connection"))

        monkeypatch.setattr(shop.host, "transaction", unheard)

    return lose


def test_a_claim_that_was_never_heard_of_goes_back_and_costs_no_crash(
    shop: Workshop, lose_answer: Callable[[int], None]
) -> None:
    uid = shop.submit_one(shop.noting())
    lose_answer(1)
    with pytest.raises(OperationalError):
        shop.work()
    runner = shop.engine.runner
    assert (shop.state(uid), runner.running, len(runner.doubtful)) == ("running", {}, 1)
    runner.settle_doubts()
    assert (shop.state(uid), shop.outcomes(uid), shop.entry(uid).crashes) == ("ready", ["interrupted"], 0)
    assert runner.doubtful == set()
    shop.work()
    assert (shop.state(uid), shop.effects()) == ("succeeded", [1])


def test_what_was_claimed_with_a_finish_that_was_never_heard_of_goes_back(
    shop: Workshop, lose_answer: Callable[[int], None]
) -> None:
    first = shop.submit_one(shop.noting("one"), 1, priority=0)
    second = shop.submit_one(shop.noting("two"), 2)
    lose_answer(2)
    shop.work()
    assert (shop.state(first, second), shop.engine.runner.running) == (["succeeded", "running"], {})
    shop.engine.runner.settle_doubts()
    assert (shop.state(second), shop.outcomes(second)) == ("ready", ["interrupted"])
    shop.work()
    assert (shop.outcomes(first), shop.effects()) == (["succeeded"], [1, 2])


def test_of_what_failed_by_itself_there_is_no_doubt(shop: Workshop) -> None:
    def run(number: int) -> None:
        raise ValueError("no")

    shop.submit(shop.job(run), 1, 2)
    shop.work()
    assert shop.engine.runner.doubtful == set()


def test_the_states_a_job_goes_through_are_those_others_see(shop: Workshop) -> None:
    seen: list[Any] = []

    def run(number: int) -> None:
        seen.append(shop.state(uid))
        with shop.host.inside():
            seen.append(list(shop.host.reading().scalars(select(effects.c.number))))

    uid = shop.submit_one(shop.job(run, atomic=False))
    before = shop.state(uid)
    shop.work()
    assert [before, *seen, shop.state(uid)] == [State.READY, State.RUNNING, [], State.SUCCEEDED]


# -- quick jobs together


def test_quick_jobs_share_a_transaction_and_keep_their_own_results(shop: Workshop) -> None:
    transactions: list[int] = []

    def add(number: int) -> int:
        with shop.host.transaction() as session:
            transactions.append(id(session))
        shop.note(number)
        return number + 1

    uids = [shop.submit_one(job, number) for job in [shop.job(add)] for number in range(20)]
    shop.work()
    assert [shop.entry(uid).result for uid in uids] == list(range(1, 21))
    assert [(shop.state(uid), len(shop.attempts(uid))) for uid in uids] == [("succeeded", 1)] * 20
    assert sorted(shop.effects()) == list(range(20))
    assert len(set(transactions)) < 20


def test_of_jobs_that_share_a_transaction_only_the_one_that_fails_is_tried_again(shop: Workshop) -> None:
    def fragile(number: int) -> None:
        shop.note(number)
        if number == 13:
            raise ValueError("thirteen")

    uids = [shop.submit_one(job, number) for job in [shop.job(fragile, max_retries=0)] for number in range(20)]
    shop.work()
    assert [shop.state(uid) for uid in uids] == ["dead" if number == 13 else "succeeded" for number in range(20)]
    assert sorted(shop.effects()) == [number for number in range(20) if number != 13]
    assert [attempt.error_message for attempt in shop.attempts(uids[13])] == ["thirteen"]


def test_a_transaction_that_gets_long_hands_back_what_it_did_not_begin(shop: Workshop) -> None:
    ran: list[int] = []

    def moody(number: int) -> None:
        if number == 5:
            time.sleep(0.1)
        ran.append(number)
        shop.note(number)

    uids = [shop.submit_one(job, number) for job in [shop.job(moody)] for number in range(12)]
    shop.work()
    assert ran == list(range(12))
    assert [(shop.state(uid), shop.entry(uid).attempt) for uid in uids] == [("succeeded", 1)] * 12
    assert sorted(shop.effects()) == list(range(12))
