"""Every move in the ledger, one at a time."""

from collections.abc import Callable

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from jobs import JobRequest, NoSuchJob, Unique, WrongState
from jobs.errors import Superseded
from jobs.ledger import writer
from jobs.ledger.states import Outcome
from jobs.ledger.writer import Failure
from tests.jobs.workshop import Workshop

FAILURE = Failure("ValueError", "no", "Traceback")


def numbers(claims: list[writer.Claim]) -> list[int]:
    return [number for one in claims for number in one.args.values()]


# -- claiming


def test_the_most_urgent_is_claimed_first_and_among_equals_the_oldest(shop: Workshop) -> None:
    job = shop.noting()
    for number, priority in ((1, 5), (2, 0), (3, 5), (4, 9), (5, 0)):
        shop.submit_one(job, number, priority=priority)
    assert [numbers(shop.claim()) for _ in range(6)] == [[2], [5], [1], [3], [4], []]


def test_a_claim_takes_from_its_own_queue_only(shop: Workshop) -> None:
    here, there = shop.noting("here"), shop.noting("there", queue="elsewhere")
    shop.submit_one(there, 1)
    shop.submit_one(here, 2)
    assert numbers(shop.claim()) == [2]
    assert numbers(shop.claim()) == []
    assert numbers(shop.claim("elsewhere")) == [1]


def test_a_claimed_job_says_who_runs_it_and_since_when(shop: Workshop) -> None:
    uid = shop.submit_one(shop.noting())
    (claim,) = shop.claim(owner="somebody#1")
    entry = shop.entry(uid)
    assert (entry.state, entry.attempt, entry.lease_owner, entry.worker) == ("running", 1, "somebody#1", "hand")
    assert entry.started_at is not None
    assert entry.lease_until is not None
    assert 25 < (entry.lease_until - entry.started_at).total_seconds() < 35
    assert (claim.uid, claim.attempt, claim.failures, claim.crashes) == (uid, 1, 0, 0)


def test_a_kind_this_build_does_not_know_is_left_alone(shop: Workshop) -> None:
    newer = Workshop(shop.host)
    unknown = newer.submit_one(newer.noting("from_the_future"), 1, priority=0)
    shop.submit_one(shop.noting(), 2)
    assert numbers(shop.claim()) == [2]
    assert numbers(shop.claim()) == []
    assert shop.state(unknown) == "ready"
    assert numbers(newer.claim()) == [1]


def test_a_batch_is_of_one_kind_and_one_priority_and_no_longer_than_declared(shop: Workshop) -> None:
    batched, other = shop.batched(lambda numbers: None, size=3), shop.noting()
    shop.submit(batched, 1, 2)
    shop.submit_one(other, 3)
    shop.submit(batched, 4, 5)
    shop.submit_one(batched, 6, priority=0)
    assert [numbers(shop.claim()) for _ in range(5)] == [[6], [1, 2, 4], [3], [5], []]


def test_a_batch_never_carries_work_past_something_more_urgent(shop: Workshop) -> None:
    batched, other = shop.batched(lambda numbers: None, size=5), shop.noting()
    shop.submit_one(batched, 1, priority=3)
    shop.submit_one(other, 2, priority=4)
    shop.submit_one(batched, 3, priority=5)
    assert [numbers(shop.claim()) for _ in range(3)] == [[1], [2], [3]]


# -- settling


def test_a_finish_keeps_the_effect_the_result_and_the_attempt(shop: Workshop) -> None:
    uid = shop.submit_one(shop.noting())
    shop.finish(shop.claim(), 7, result={"kcal": "315.0"})
    entry = shop.entry(uid)
    assert (entry.state, entry.result, entry.lease_owner, entry.lease_until) == (
        "succeeded",
        {"kcal": "315.0"},
        None,
        None,
    )
    assert shop.effects() == [7]
    (attempt,) = shop.attempts(uid)
    assert (attempt.attempt, attempt.outcome, attempt.worker, attempt.traceback) == (1, "succeeded", "hand", None)
    assert attempt.ready_at is not None
    assert attempt.started_at is not None
    assert attempt.ready_at <= attempt.started_at <= attempt.finished_at
    assert entry.finished_at == attempt.finished_at


def test_a_finish_after_the_lease_was_taken_writes_nothing(shop: Workshop) -> None:
    uid = shop.submit_one(shop.noting())
    zombie = shop.claim()
    shop.let_time_pass()
    shop.engine.reaper.reap()
    with pytest.raises(Superseded):
        shop.finish(zombie, 13)
    assert (shop.effects(), shop.state(uid), shop.outcomes(uid)) == ([], "ready", ["lost"])


def test_a_finish_cannot_end_the_attempt_of_another(shop: Workshop) -> None:
    uid = shop.submit_one(shop.noting())
    zombie = shop.claim()
    shop.let_time_pass()
    shop.engine.reaper.reap()
    second = shop.claim()
    with pytest.raises(Superseded):
        shop.finish(zombie, 13)
    shop.finish(second, 42)
    assert (shop.effects(), shop.outcomes(uid)) == ([42], ["lost", "succeeded"])


def test_what_is_told_too_late_ends_nothing_of_the_attempt_after_it(shop: Workshop) -> None:
    uid = shop.submit_one(shop.noting())
    (old,) = shop.claim()
    shop.let_time_pass()
    shop.engine.reaper.reap()
    (new,) = shop.claim()
    settlements: list[Callable[[Session], None]] = [
        lambda session: writer.retry_later(session, old, outcome=Outcome.FAILED, delay_s=0, failure=FAILURE),
        lambda session: writer.bury(session, old, outcome=Outcome.GAVE_UP, failure=FAILURE),
        lambda session: writer.hand_back(session, [old]),
        lambda session: writer.cancel_running(session, old),
    ]
    for settle in settlements:
        with pytest.raises(Superseded), shop.host.transaction() as session:
            settle(session)
    with shop.host.transaction() as session:
        assert writer.still_mine(session, [old]) == []
    assert (shop.state(uid), shop.entry(uid).attempt, shop.outcomes(uid)) == ("running", 2, ["lost"])
    shop.finish([new], 1)
    assert (shop.outcomes(uid), shop.effects()) == (["lost", "succeeded"], [1])


def test_a_finish_is_said_once(shop: Workshop) -> None:
    shop.submit_one(shop.noting())
    claims = shop.claim()
    shop.finish(claims, 1)
    with pytest.raises(Superseded):
        shop.finish(claims, 2)
    assert shop.effects() == [1]


def test_one_lost_member_holds_the_whole_batch_back(shop: Workshop) -> None:
    first, second = shop.submit(shop.batched(lambda numbers: None), 1, 2)
    claims = shop.claim()
    with shop.host.transaction() as session:
        writer.retry_later(session, claims[0], outcome=Outcome.SNOOZED, delay_s=60, failure=None)
    with pytest.raises(Superseded, match="1 of 2"):
        shop.finish(claims, 1, 2)
    assert (shop.effects(), shop.state(first, second)) == ([], ["scheduled", "running"])
    with shop.host.transaction() as session:
        assert writer.still_mine(session, claims) == [claims[1]]


@pytest.mark.parametrize(
    ("outcome", "delay_s", "state", "failures"),
    [
        (Outcome.FAILED, 60.0, "scheduled", 1),
        (Outcome.FAILED, 0.0, "ready", 1),
        (Outcome.SNOOZED, 60.0, "scheduled", 0),
        (Outcome.INTERRUPTED, 0.0, "ready", 0),
    ],
)
def test_only_a_failure_counts_as_a_failure(
    shop: Workshop, outcome: Outcome, delay_s: float, state: str, failures: int
) -> None:
    uid = shop.submit_one(shop.noting())
    (claim,) = shop.claim()
    with shop.host.transaction() as session:
        writer.retry_later(session, claim, outcome=outcome, delay_s=delay_s, failure=FAILURE)
    entry = shop.entry(uid)
    assert (entry.state, entry.failures, entry.attempt, entry.lease_owner) == (state, failures, 1, None)
    (attempt,) = shop.attempts(uid)
    assert (attempt.outcome, attempt.error_class, attempt.error_message, attempt.traceback) == (
        outcome,
        "ValueError",
        "no",
        "Traceback",
    )


def test_a_buried_job_is_dead_and_says_why(shop: Workshop) -> None:
    uid = shop.submit_one(shop.noting())
    (claim,) = shop.claim()
    with shop.host.transaction() as session:
        writer.bury(session, claim, outcome=Outcome.GAVE_UP, failure=FAILURE)
    entry = shop.entry(uid)
    assert (entry.state, entry.failures, entry.error_class, entry.error_message) == ("dead", 1, "ValueError", "no")
    assert entry.finished_at is not None
    assert shop.claim() == []


def test_given_back_jobs_are_ready_and_no_failure_is_counted(shop: Workshop) -> None:
    mine, others = shop.submit(shop.noting(), 1, 2)
    shop.claim(owner="me")
    shop.claim(owner="another")
    with shop.host.transaction() as session:
        assert writer.give_back(session, ["me", "nobody"]) == 1
    assert shop.state(mine, others) == ["ready", "running"]
    assert (shop.entry(mine).failures, shop.entry(mine).crashes, shop.outcomes(mine)) == (0, 0, ["interrupted"])


def test_a_lease_is_extended_for_its_owner_alone(shop: Workshop) -> None:
    mine, others = shop.submit(shop.noting(), 1, 2)
    shop.claim(owner="me", lease_s=10)
    shop.claim(owner="another", lease_s=10)
    before = shop.entry(others).lease_until
    with shop.host.transaction() as session:
        assert writer.extend_leases(session, ["me"], lease_s=1_000) == 1
    extended = shop.entry(mine).lease_until
    assert extended is not None
    assert (extended - shop.now()).total_seconds() > 900
    assert shop.entry(others).lease_until == before


# -- rescue


def test_the_third_lost_worker_parks_the_job(shop: Workshop) -> None:
    uid = shop.submit_one(shop.noting())
    states = []
    for _ in range(3):
        shop.claim()
        shop.let_time_pass()
        shop.engine.reaper.reap()
        states.append((shop.entry(uid).state, shop.entry(uid).crashes))
        shop.let_time_pass()
        shop.engine.relay.promote()
    assert states == [("ready", 1), ("scheduled", 2), ("parked", 3)]
    assert shop.outcomes(uid) == ["lost", "lost", "lost"]
    assert shop.moves(uid) == ["lease lost by reaper"] * 3
    assert shop.claim() == []


def test_jobs_that_lost_their_worker_are_claimed_alone(shop: Workshop) -> None:
    job = shop.batched(lambda numbers: None, size=10)
    shop.submit(job, 1, 2, 3)
    shop.claim()
    shop.let_time_pass()
    shop.engine.reaper.reap()
    shop.submit(job, 4, 5)
    shop.submit_one(job, 6, priority=0)
    shop.submit_one(job, 7, priority=9)
    assert [numbers(shop.claim()) for _ in range(7)] == [[6], [1], [2], [3], [4, 5], [7], []]


def test_a_batch_passes_by_jobs_that_lost_their_worker(shop: Workshop) -> None:
    job = shop.batched(lambda numbers: None, size=10)
    first = shop.submit_one(job, 1)
    shop.submit_one(job, 2)
    shop.claim(owner="lost")
    with shop.host.transaction() as session:
        session.execute(text("UPDATE job SET lease_until = created_at WHERE uid <> :uid"), {"uid": first})
    shop.engine.reaper.reap()
    with shop.host.transaction() as session:
        writer.give_back(session, ["lost"])
    shop.submit_one(job, 3)
    assert [numbers(shop.claim()) for _ in range(3)] == [[1, 3], [2], []]


def test_after_the_second_loss_jobs_come_back_apart_from_each_other(shop: Workshop) -> None:
    uids = shop.submit(shop.noting(), 1, 2, 3, 4)
    for _ in range(2):
        while shop.claim():
            pass
        shop.let_time_pass()
        shop.engine.reaper.reap()
    assert shop.state(*uids) == ["scheduled"] * 4
    delays = sorted(round(shop.delay_s(uid) / writer.APART_S) for uid in uids)
    assert len(set(delays)) == 4
    assert max(delays) < writer.SUSPECTS_APART


def test_a_job_whose_lease_runs_is_not_rescued(shop: Workshop) -> None:
    uid = shop.submit_one(shop.noting())
    shop.claim()
    assert shop.engine.reaper.reap() == 0
    assert (shop.state(uid), shop.outcomes(uid)) == ("running", [])


# -- by hand


def test_cancelling_ends_what_waits(shop: Workshop) -> None:
    uid = shop.submit_one(shop.noting())
    shop.engine.cancel(uid, by="Ada")
    assert (shop.state(uid), shop.moves(uid), shop.claim()) == ("cancelled", ["cancelled by Ada"], [])


def test_what_runs_is_asked_to_end_once(shop: Workshop) -> None:
    uid = shop.submit_one(shop.noting())
    shop.claim()
    assert [shop.engine.cancel(uid, by=who) for who in ("Ada", "Ben")] == [False, False]
    assert (shop.state(uid), shop.entry(uid).cancel_requested_by) == ("running", "Ada")


def test_a_finish_wins_over_a_request_to_end(shop: Workshop) -> None:
    uid = shop.submit_one(shop.noting())
    claims = shop.claim()
    shop.engine.cancel(uid, by="Ada")
    shop.finish(claims, 1)
    assert (shop.state(uid), shop.effects()) == ("succeeded", [1])


@pytest.mark.parametrize("outcome", [Outcome.FAILED, Outcome.SNOOZED, Outcome.INTERRUPTED])
def test_what_was_asked_to_end_does_not_come_back(shop: Workshop, outcome: Outcome) -> None:
    uid = shop.submit_one(shop.noting())
    (one,) = shop.claim()
    shop.engine.cancel(uid, by="Ada")
    with shop.host.transaction() as session:
        writer.retry_later(session, one, outcome=outcome, delay_s=60, failure=None)
    assert (shop.state(uid), shop.entry(uid).finished_at is not None) == ("cancelled", True)
    assert shop.entry(uid).run_at is None


def test_a_retried_job_has_all_its_tries_again(shop: Workshop) -> None:
    def fails(number: int) -> None:
        raise ValueError("no")

    uid = shop.submit_one(shop.job(fails, max_retries=0))
    shop.work()
    assert (shop.state(uid), shop.entry(uid).failures) == ("dead", 1)
    shop.engine.retry(uid, by="Ada")
    entry = shop.entry(uid)
    assert (entry.state, entry.failures, entry.crashes, entry.finished_at) == ("ready", 0, 0, None)
    assert shop.moves(uid) == ["retried by Ada"]


@pytest.mark.parametrize("move", ["retry", "cancel"])
def test_a_job_that_is_not_there_is_said_to_be_not_there(shop: Workshop, move: str) -> None:
    with pytest.raises(NoSuchJob):
        getattr(shop.engine, move)("0" * 32, by="Ada")


def test_a_job_that_succeeded_is_not_run_again(shop: Workshop) -> None:
    uid = shop.submit_one(shop.noting())
    shop.work()
    with pytest.raises(WrongState, match="The job is succeeded"):
        shop.engine.retry(uid, by="Ada")
    assert shop.state(uid) == "succeeded"


# -- unique jobs


def test_a_unique_job_whose_twin_waits_is_not_written_twice(shop: Workshop) -> None:
    job = shop.noting(unique=Unique.WAITING)
    shop.submit(job, 1, 1, 2)
    shop.submit_one(job, 1)
    shop.work()
    assert shop.effects() == [1, 2]


def test_a_unique_job_may_wait_while_its_twin_runs(shop: Workshop) -> None:
    job = shop.noting(unique=Unique.WAITING)
    first = shop.submit_one(job)
    shop.claim()
    second = shop.submit_one(job)
    assert shop.state(first, second) == ["running", "ready"]


@pytest.mark.parametrize("way", ["fails", "is interrupted", "is lost", "is given back", "is retried"])
def test_a_unique_job_goes_back_though_its_twin_waits(shop: Workshop, way: str) -> None:
    job = shop.noting(unique=Unique.WAITING)
    first = shop.submit_one(job)
    (claim,) = shop.claim(owner="me")
    second = shop.submit_one(job)
    with shop.host.transaction() as session:
        if way == "fails":
            writer.retry_later(session, claim, outcome=Outcome.FAILED, delay_s=0, failure=FAILURE)
        elif way == "is interrupted":
            writer.retry_later(session, claim, outcome=Outcome.INTERRUPTED, delay_s=0, failure=None)
        elif way == "is given back":
            writer.give_back(session, ["me"])
        elif way == "is retried":
            writer.bury(session, claim, outcome=Outcome.GAVE_UP, failure=FAILURE)
    if way == "is lost":
        shop.let_time_pass()
        assert shop.engine.reaper.reap() == 1
    if way == "is retried":
        shop.engine.retry(first, by="Ada")
    assert shop.state(first, second) == ["ready", "ready"]
    shop.work()
    assert shop.state(first, second) == ["succeeded", "succeeded"]


def test_twins_that_ran_at_once_are_rescued_together(shop: Workshop) -> None:
    job = shop.noting(unique=Unique.WAITING)
    first = shop.submit_one(job)
    shop.claim()
    second = shop.submit_one(job)
    shop.claim()
    shop.let_time_pass()
    assert shop.engine.reaper.reap() == 2
    assert shop.state(first, second) == ["ready", "ready"]


def test_a_unique_job_that_waits_for_its_next_try_still_has_no_twin(shop: Workshop) -> None:
    job = shop.noting(unique=Unique.WAITING)
    shop.submit_one(job)
    (claim,) = shop.claim()
    with shop.host.transaction() as session:
        writer.retry_later(session, claim, outcome=Outcome.FAILED, delay_s=0, failure=FAILURE)
    shop.submit_one(job)
    shop.work()
    assert shop.effects() == [1]


def test_long_arguments_that_differ_at_their_end_are_not_twins(shop: Workshop) -> None:
    seen: list[str] = []

    def read(text: str) -> None:
        seen.append(text)

    job = shop.job(read, unique=Unique.WAITING)
    texts = ["x" * 300 + end for end in "ab"]
    with shop.host.transaction() as session:
        shop.engine.write_down(session, [JobRequest(job, {"text": text}) for text in texts])
    shop.work()
    assert seen == texts
