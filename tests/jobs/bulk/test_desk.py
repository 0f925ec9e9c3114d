"""Doing the same to many jobs: with the same rules as one by one, from the first to the last that was there."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, text, update

from jobs import (
    Action,
    BulkLook,
    BulkRequest,
    Entry,
    GiveUp,
    Job,
    NoSuchOperation,
    Selection,
    State,
    Unique,
    WrongState,
    chain,
)
from jobs.bulk.desk import QUEUE as OPERATIONS
from jobs.ledger import bulk
from jobs.ledger.bulk import BulkChange
from tests.jobs.host import SmallHost
from tests.jobs.workflows.flowshop import FlowShop
from tests.jobs.workshop import QUEUE, Workshop

BY = "olga"


@pytest.fixture
def flows(host: SmallHost) -> FlowShop:
    return FlowShop(host)


@pytest.fixture
def note(shop: Workshop) -> Job:
    """A job that writes its number down; there is another queue, too."""
    shop.noting("there", queue="other")
    return shop.noting()


def begin(shop: Workshop, action: Action, selection: Selection, **options: Any) -> str:
    return shop.engine.bulk.start(BulkRequest(action, selection, **options), by=BY)


def do(shop: Workshop, action: Action, selection: Selection, **options: Any) -> BulkLook:
    """Start an operation and work it off."""
    return worked_off(shop, begin(shop, action, selection, **options))


def worked_off(shop: Workshop, uid: str) -> BulkLook:
    shop.work(OPERATIONS)
    return look(shop, uid)


def look(shop: Workshop, uid: str) -> BulkLook:
    with shop.host.inside():
        return shop.engine.bulk.look(uid)


def undo(shop: Workshop, uid: str) -> BulkLook:
    return worked_off(shop, shop.engine.bulk.undo(uid, by=BY))


def counts(one: BulkLook) -> tuple[str, int, int, int, int]:
    return one.state, one.matched, one.done, one.skipped, one.failed


def failing(shop: Workshop, **options: Any) -> Job:
    def fail(number: int) -> None:
        raise GiveUp("no")

    return shop.job(fail, **options)


# -- what is done -------------------------------------------------------------------------------------------------


def test_failed_jobs_are_retried_together_and_no_others(shop: Workshop, note: Job) -> None:
    fail = failing(shop)
    failed, well, later = shop.submit(fail, 1, 2, 3), shop.submit_one(note, 4), shop.submit_one(note, 5, priority=9)
    shop.engine.cancel(later, by=None)
    shop.work()
    assert shop.state(*failed, well, later) == [*["dead"] * 3, "succeeded", "cancelled"]
    assert counts(do(shop, Action.RETRY, Selection(kinds=(fail.name,)))) == ("succeeded", 3, 3, 0, 0)
    assert shop.state(*failed, well, later) == [*["ready"] * 3, "succeeded", "cancelled"]
    assert shop.moves(failed[0]) == [f"retried by {BY}"]
    assert (shop.entry(failed[0]).failures, shop.entry(failed[0]).finished_at) == (0, None)


def test_jobs_with_the_same_error_are_retried_together(shop: Workshop, note: Job) -> None:
    uids = shop.submit(failing(shop), 1, 2)
    others = shop.submit(shop.job(_other_failure), 3)
    shop.work()
    fingerprint = shop.entry(uids[0]).error_fingerprint
    assert counts(do(shop, Action.RETRY, Selection(fingerprint=fingerprint))) == ("succeeded", 2, 2, 0, 0)
    assert shop.state(*uids, *others) == ["ready", "ready", "dead"]


def _other_failure(number: int) -> None:
    raise GiveUp("something else")


def test_what_waits_is_cancelled_and_what_runs_is_asked_to_end(shop: Workshop, note: Job) -> None:
    running, ready = shop.submit(note, 1, 2)
    shop.claim()
    later, other = shop.submit_one(note, 3), shop.submit_one(note, 4, requested_by="ada")
    uids = [running, ready, later, other]
    before = shop.state(*uids)
    assert counts(do(shop, Action.CANCEL, Selection(uids=(running, ready, later)))) == ("succeeded", 3, 3, 0, 0)
    after = ["cancelled" if state == "ready" else state for state in before[:3]]
    assert (shop.state(*uids), before[0]) == ([*after, "ready"], "running")
    assert shop.moves(running) == [f"asked to stop by {BY}"]
    assert shop.entry(running).cancel_requested_by == BY
    assert shop.moves(later) == [f"cancelled by {BY}"]


def test_settled_jobs_are_deleted_with_all_that_is_told_of_them_and_stay_counted(shop: Workshop, note: Job) -> None:
    done = shop.submit(note, 1, 2)
    shop.work()
    waits = shop.submit_one(note, 3)
    assert counts(do(shop, Action.DELETE, Selection(kinds=(note.name,)))) == ("succeeded", 2, 2, 0, 0)
    with shop.host.inside():
        left = shop.host.reading().scalars(select(Entry.uid).where(Entry.kind == note.name)).all()
        tallied = shop.host.reading().execute(text("SELECT count FROM job_tally WHERE name = 'succeeded'")).scalar()
    assert (left, tallied, done != []) == ([waits], 2, True)


def test_steps_that_an_open_workflow_needs_are_not_deleted(flows: FlowShop) -> None:
    flows.start(chain(*flows.saying(1, 2)))
    claims = flows.claim()
    flows.finish(claims)
    assert counts(do(flows, Action.DELETE, Selection(kinds=("shop.say",)))) == ("succeeded", 1, 0, 1, 0)


def test_jobs_are_moved_and_run_there(shop: Workshop, note: Job) -> None:
    uids, there = shop.submit(note, 1, 2), shop.submit_one(note, 3, queue="other")
    one = do(shop, Action.MOVE, Selection(kinds=(note.name,)), queue="other")
    assert counts(one) == ("succeeded", 3, 2, 1, 0)
    assert [shop.entry(uid).queue for uid in (*uids, there)] == ["other"] * 3
    shop.forget_lanes()
    shop.work(QUEUE)
    assert shop.effects() == []
    shop.work("other")
    assert shop.effects() == [1, 2, 3]


def test_jobs_are_reprioritised(shop: Workshop, note: Job) -> None:
    first, second, is_so = (
        shop.submit(note, 1, 2),
        shop.submit_one(note, 3, priority=7),
        shop.submit_one(note, 4, priority=1),
    )
    running = shop.claim()
    assert [one.uid for one in running] == [is_so]
    one = do(shop, Action.REPRIORITISE, Selection(queue=QUEUE), priority=1)
    assert counts(one) == ("succeeded", 3, 3, 0, 0)
    assert [(shop.entry(uid).priority, shop.entry(uid).rank) for uid in (*first, second)] == [(1, 1)] * 3


# -- workflows ----------------------------------------------------------------------------------------------------


def test_steps_that_are_retried_together_wait_for_each_other(flows: FlowShop) -> None:
    flows.fails = {1}
    uid = flows.start(chain(*flows.saying(1, 2, 3)))
    flows.work()
    assert (list(flows.steps(uid).values()), flows.order) == (["dead", "cancelled", "cancelled"], [])
    flows.fails = set()
    one = do(flows, Action.RETRY, Selection(kinds=("shop.say",)))
    assert (one.state, one.done, one.failed) == ("succeeded", 3, 0)
    assert list(flows.steps(uid).values()) == ["ready", "blocked", "blocked"]
    flows.work()
    assert (flows.order, flows.flow_state(uid)) == ([1, 2, 3], "succeeded")


def test_workflows_hear_of_steps_that_are_cancelled(flows: FlowShop) -> None:
    uid = flows.start(chain(*flows.saying(1, 2)))
    other = flows.start(chain(*flows.saying(3, 4)))
    first = flows.step(uid, "1").uid
    one = do(flows, Action.CANCEL, Selection(uids=(first,)))
    assert counts(one) == ("succeeded", 1, 1, 0, 0)
    assert (list(flows.steps(uid).values()), flows.flow_state(uid)) == (["cancelled", "cancelled"], "failed")
    flows.work()
    assert (flows.order, flows.flow_state(other)) == ([3, 4], "succeeded")


def test_a_cancelled_step_whose_cancellation_is_undone_takes_its_workflow_along(flows: FlowShop) -> None:
    uid = flows.start(chain(*flows.saying(1, 2)))
    one = do(flows, Action.CANCEL, Selection(uids=(flows.step(uid, "1").uid,)))
    assert counts(undo(flows, one.uid)) == ("succeeded", 1, 1, 0, 0)
    flows.work()
    assert (flows.order, flows.flow_state(uid)) == ([1, 2], "succeeded")


# -- chunks -------------------------------------------------------------------------------------------------------


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "AT_ONCE", 2)
    monkeypatch.setattr(bulk, "WINDOW", 3)


def test_many_chunks_meet_every_job_once(shop: Workshop, note: Job, small_chunks: None) -> None:
    uids = [shop.submit_one(note, number, priority=number % 3) for number in range(11)]
    one = do(shop, Action.CANCEL, Selection(kinds=(note.name,)))
    assert (counts(one), one.expected) == (("succeeded", 11, 11, 0, 0), 11)
    assert shop.state(*uids) == ["cancelled"] * 11
    assert [len(shop.moves(uid)) for uid in uids] == [1] * 11


def test_what_comes_after_the_operation_was_made_is_left_alone(shop: Workshop, note: Job, small_chunks: None) -> None:
    there = shop.submit(note, 1, 2, 3)
    uid = begin(shop, Action.CANCEL, Selection(kinds=(note.name,)))
    later = shop.submit(note, 4, 5)
    assert counts(worked_off(shop, uid)) == ("succeeded", 3, 3, 0, 0)
    assert shop.state(*there, *later) == [*["cancelled"] * 3, "ready", "ready"]


def test_an_operation_that_is_cut_off_goes_on_where_it_was(
    shop: Workshop, note: Job, small_chunks: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.submit(note, *range(7))
    uid = begin(shop, Action.REPRIORITISE, Selection(kinds=(note.name,)), priority=0)
    steps = 0
    step = shop.engine.bulk._step

    def stumble(*args: Any) -> None:
        nonlocal steps
        steps += 1
        step(*args)
        if steps == 3:
            raise RuntimeError("the power went, inside the transaction")

    monkeypatch.setattr(shop.engine.bulk, "_step", stumble)
    shop.work(OPERATIONS)
    half = look(shop, uid)
    assert (half.state, half.matched, half.finished_at) == ("scheduled", 4, None)
    shop.let_time_pass()
    shop.engine.relay.promote()
    assert counts(worked_off(shop, uid)) == ("succeeded", 7, 7, 0, 0)


def test_its_job_tells_how_far_it_is(shop: Workshop, note: Job, small_chunks: None) -> None:
    shop.submit(note, *range(5))
    job = shop.entry(do(shop, Action.CANCEL, Selection(kinds=(note.name,))).job_uid)
    assert (job.kind, job.queue, job.requested_by) == ("jobs.bulk", "default", BY)
    assert job.result == {"matched": 5, "done": 5, "skipped": 0, "failed": 0}
    assert (job.progress_total, (job.progress_current or 0) > 0) == (5, True)


def test_an_operation_can_be_stopped_before_it_begins_and_while_it_runs(
    shop: Workshop, note: Job, small_chunks: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    uids = shop.submit(note, *range(6))
    first = begin(shop, Action.CANCEL, Selection(kinds=(note.name,)))
    assert shop.engine.bulk.cancel(first, by=BY) is True
    assert (counts(worked_off(shop, first)), shop.state(*uids)) == (("cancelled", 0, 0, 0, 0), ["ready"] * 6)

    second = begin(shop, Action.CANCEL, Selection(kinds=(note.name,)))
    step = shop.engine.bulk._step

    def hear(*args: Any) -> None:
        step(*args)
        for hold in shop.engine.runner.running.values():
            hold.cancelled[look(shop, second).job_uid] = 0.0

    monkeypatch.setattr(shop.engine.bulk, "_step", hear)
    assert counts(worked_off(shop, second)) == ("cancelled", 2, 2, 0, 0)
    assert shop.state(*uids) == [*["cancelled"] * 2, *["ready"] * 4]
    with pytest.raises(WrongState):
        shop.engine.bulk.cancel(second, by=BY)


def test_jobs_in_each_others_way_are_retried_one_by_one(shop: Workshop, note: Job) -> None:
    fail = failing(shop, unique=Unique.LIVE)
    uids = []
    for number in (1, 1, 1):
        uids.append(shop.submit_one(fail, number))
        shop.work()
    other = shop.submit_one(fail, 2)
    shop.work()
    assert len({*uids}) == 3
    assert counts(do(shop, Action.RETRY, Selection(kinds=(fail.name,)))) == ("succeeded", 4, 4, 0, 0)
    assert shop.state(*uids, other) == ["ready"] * 4
    assert [shop.entry(uid).live_key is not None for uid in (*uids, other)] == [True, False, False, True]


def test_a_job_that_cannot_be_changed_does_not_stop_the_others(shop: Workshop, note: Job) -> None:
    uids = shop.submit(note, 1, 2, 3)
    _forbid_priority(shop, uids[1], priority=4)
    try:
        assert counts(do(shop, Action.REPRIORITISE, Selection(kinds=(note.name,)), priority=4)) == (
            "succeeded",
            3,
            2,
            0,
            1,
        )
    finally:
        _allow_priority(shop)
    assert [shop.entry(uid).priority for uid in uids] == [4, 5, 4]


def _forbid_priority(shop: Workshop, uid: str, *, priority: int) -> None:
    with shop.host.transaction() as session:
        if session.get_bind().dialect.name == "sqlite":
            session.execute(
                text(
                    f"CREATE TRIGGER forbid BEFORE UPDATE ON job WHEN NEW.uid = '{uid}' AND NEW.priority = {priority}"
                    " BEGIN SELECT RAISE(ABORT, 'no'); END"
                )
            )
        else:
            session.execute(
                text(f"ALTER TABLE job ADD CONSTRAINT forbid CHECK (uid <> '{uid}' OR priority <> {priority})")
            )


def _allow_priority(shop: Workshop) -> None:
    with shop.host.transaction() as session:
        is_sqlite = session.get_bind().dialect.name == "sqlite"
        session.execute(text("DROP TRIGGER forbid" if is_sqlite else "ALTER TABLE job DROP CONSTRAINT forbid"))


# -- the way back -------------------------------------------------------------------------------------------------


def test_priorities_are_put_back_as_they_were_unless_somebody_changed_them_since(shop: Workshop, note: Job) -> None:
    uids = [shop.submit_one(note, number, priority=priority) for number, priority in enumerate((5, 7, 5, 2))]
    one = do(shop, Action.REPRIORITISE, Selection(kinds=(note.name,)), priority=2)
    assert counts(one) == ("succeeded", 4, 3, 1, 0)
    shop.engine.reprioritise(uids[2], 9, by="ada")
    assert counts(undo(shop, one.uid)) == ("succeeded", 3, 2, 1, 0)
    assert [(shop.entry(uid).priority, shop.entry(uid).rank) for uid in uids] == [(5, 5), (7, 7), (9, 9), (2, 2)]


def test_queues_are_put_back_as_they_were(shop: Workshop, note: Job) -> None:
    uids = [shop.submit_one(note, 1), shop.submit_one(note, 2, queue="other"), shop.submit_one(note, 3)]
    one = do(shop, Action.MOVE, Selection(kinds=(note.name,)), queue="default")
    shop.engine.move(uids[2], "other", by="ada")
    assert counts(undo(shop, one.uid)) == ("succeeded", 3, 2, 1, 0)
    assert [shop.entry(uid).queue for uid in uids] == [QUEUE, "other", "other"]


def test_cancelled_jobs_are_retried(shop: Workshop, note: Job, small_chunks: None) -> None:
    uids = shop.submit(note, *range(5))
    untouched = shop.submit_one(note, 9)
    shop.engine.cancel(untouched, by="ada")
    one = do(shop, Action.CANCEL, Selection(uids=tuple(uids)))
    shop.engine.retry(uids[0], by="ada")
    assert counts(undo(shop, one.uid)) == ("succeeded", 5, 4, 1, 0)
    assert shop.state(*uids, untouched) == [*["ready"] * 5, "cancelled"]


def told(entry: Entry) -> tuple[Any, ...]:
    return entry.state, entry.run_at, entry.expires_at, entry.failures


def test_cancelled_jobs_are_put_back_as_they_were(shop: Workshop, note: Job) -> None:
    later = shop.now() + timedelta(days=3)
    uids = [shop.submit_one(note, run_at=later), shop.submit_one(note, expires_at=later)]
    with shop.host.transaction() as session:
        session.execute(update(Entry).values(failures=2))
    one = do(shop, Action.CANCEL, Selection(kinds=(note.name,)))
    assert shop.state(*uids) == ["cancelled", "cancelled"]
    assert counts(undo(shop, one.uid)) == ("succeeded", 2, 2, 0, 0)
    assert [told(shop.entry(uid)) for uid in uids] == [("scheduled", later, None, 2), ("ready", None, later, 2)]


def test_what_has_become_due_while_it_was_cancelled_is_ready(shop: Workshop, note: Job) -> None:
    uid = shop.submit_one(note, run_at=shop.now() + timedelta(days=3))
    one = do(shop, Action.CANCEL, Selection(uids=(uid,)))
    shop.let_time_pass()
    assert counts(undo(shop, one.uid)) == ("succeeded", 1, 1, 0, 0)
    assert told(shop.entry(uid)) == ("ready", None, None, 0)


def test_what_has_no_way_back_says_so(shop: Workshop, note: Job) -> None:
    uids = shop.submit(failing(shop), 1, 2)
    shop.work()
    retried = do(shop, Action.RETRY, Selection(uids=(uids[0],)))
    deleted = do(shop, Action.DELETE, Selection(uids=(uids[1],)))
    for one, word in ((retried, "retrying"), (deleted, "deleting")):
        with pytest.raises(WrongState, match=f"no way back from {word}"):
            shop.engine.bulk.undo(one.uid, by=BY)


def test_only_what_is_over_is_undone_and_only_once(shop: Workshop, note: Job) -> None:
    shop.submit(note, 1)
    uid = begin(shop, Action.CANCEL, Selection(kinds=(note.name,)))
    with pytest.raises(WrongState, match="not over yet"):
        shop.engine.bulk.undo(uid, by=BY)
    worked_off(shop, uid)
    back = undo(shop, uid)
    assert (back.action, back.undo_of, look(shop, uid).undone_by) == (Action.UNDO, uid, back.uid)
    with pytest.raises(WrongState, match="undone before"):
        shop.engine.bulk.undo(uid, by=BY)
    with pytest.raises(WrongState, match="no way back from undoing"):
        shop.engine.bulk.undo(back.uid, by=BY)


# -- asking for one -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("action", "selection", "options", "told"),
    [
        (Action.RETRY, Selection(), {}, "filter: say which jobs"),
        (Action.UNDO, Selection(queue=QUEUE), {}, "action: choose one of"),
        (
            Action.RETRY,
            Selection(states=(State.DEAD, State.READY)),
            {},
            "filter.states: retrying does not work on .* ready",
        ),
        (Action.DELETE, Selection(states=(State.RUNNING,)), {}, "filter.states: deleting"),
        (Action.MOVE, Selection(queue=QUEUE), {}, "queue: it goes with move"),
        (Action.MOVE, Selection(queue=QUEUE), {"queue": "nowhere"}, "queue: choose one of default, other, work"),
        (Action.RETRY, Selection(queue=QUEUE), {"queue": "other"}, "queue: it goes with move"),
        (Action.REPRIORITISE, Selection(queue=QUEUE), {}, "priority: it goes with reprioritise"),
        (Action.REPRIORITISE, Selection(queue=QUEUE), {"priority": 10}, "priority: it must be between 0 and 9"),
        (Action.CANCEL, Selection(queue=QUEUE), {"priority": 1}, "priority: it goes with reprioritise"),
    ],
)
def test_what_makes_no_sense_is_refused(
    shop: Workshop, note: Job, action: Action, selection: Selection, options: dict[str, Any], told: str
) -> None:
    uid = shop.submit_one(note)
    with pytest.raises(ValueError, match=told):
        begin(shop, action, selection, **options)
    with shop.host.inside(), pytest.raises(ValueError, match=told):
        shop.engine.bulk.preview(BulkRequest(action, selection, **options))
    with shop.host.inside():
        assert shop.engine.bulk.page() == []
    assert shop.state(uid) == "ready"


def test_a_preview_tells_what_would_be_met_and_changes_nothing(
    shop: Workshop, note: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    uids = shop.submit(note, *range(12))
    request = BulkRequest(Action.CANCEL, Selection(kinds=(note.name,)))
    with shop.host.inside():
        seen = shop.engine.bulk.preview(request)
        assert (seen.count, seen.has_more, [one.uid for one in seen.jobs]) == (12, False, uids[:10])
        monkeypatch.setattr("jobs.ledger.selection.COUNT_UP_TO", 11)
        assert (shop.engine.bulk.preview(request).count, shop.engine.bulk.preview(request).has_more) == (11, True)
    assert shop.state(*uids) == ["ready"] * 12


def test_every_part_of_a_selection_narrows_it(shop: Workshop, note: Job) -> None:
    ada = shop.submit(note, 1, 2, requested_by="ada")
    ben = shop.submit_one(note, 3, requested_by="ben")
    there = shop.submit_one(shop.engine.jobs["shop.there"], 4, requested_by="ada")
    everything = {
        Selection(requested_by="ada"): [*ada, there],
        Selection(requested_by="ada", queue=QUEUE): ada,
        Selection(kinds=("shop.there", "shop.note")): [*ada, ben, there],
        Selection(queue="other"): [there],
        Selection(uids=(ben, "0" * 32)): [ben],
        Selection(uids=(ben,), queue="other"): [],
        Selection(states=(State.SCHEDULED,)): [],
        Selection(fingerprint="0" * 16): [],
    }
    with shop.host.inside():
        for meant, uids in everything.items():
            found = shop.engine.bulk.preview(BulkRequest(Action.CANCEL, meant)).jobs
            assert [one.uid for one in found] == uids, meant
            assert Selection.read(meant.told()) == meant


def test_what_an_operation_of_nothing_came_to(shop: Workshop, note: Job) -> None:
    assert counts(do(shop, Action.CANCEL, Selection(queue="nowhere"))) == ("succeeded", 0, 0, 0, 0)


def test_operations_are_listed_the_newest_first(shop: Workshop, note: Job) -> None:
    uids = [begin(shop, Action.CANCEL, Selection(queue=QUEUE)) for _ in range(3)]
    with shop.host.inside():
        first = shop.engine.bulk.page(limit=2)
        second = shop.engine.bulk.page(limit=2, before_id=first[-1].id)
    assert [one.uid for one in (*first, *second)] == uids[::-1]
    with pytest.raises(NoSuchOperation):
        look(shop, "0" * 32)


def test_operations_are_in_the_audit_log(shop: Workshop, note: Job) -> None:
    shop.submit(note, 1)
    one = do(shop, Action.REPRIORITISE, Selection(queue=QUEUE), priority=2)
    back = undo(shop, one.uid)
    with shop.host.inside():
        rows = shop.engine.audit.page()[::-1]
        assert shop.engine.audit.verify().is_whole
    assert [(row.by, row.action, row.subject) for row in rows] == [
        (BY, "bulk reprioritise", f"bulk operation {one.uid}"),
        (BY, "bulk undo", f"bulk operation {back.uid}"),
    ]
    filtered = {"queue": QUEUE, "states": ["ready", "scheduled", "blocked"]}
    assert rows[0].told == {"selection": filtered, "priority": 2, "queue": None, "expected": 1, "reason": None}
    assert (rows[1].details["undoes"], rows[1].details["reason"]) == (one.uid, None)


def test_old_operations_are_forgotten_unless_they_are_worked_on(shop: Workshop, note: Job) -> None:
    shop.submit(note, 1)
    over = do(shop, Action.REPRIORITISE, Selection(queue=QUEUE), priority=2).uid
    waits = begin(shop, Action.CANCEL, Selection(queue=QUEUE))
    with shop.host.transaction() as session:
        session.execute(update(bulk.BulkRow).values(created_at=shop.now().replace(year=2020)))
    shop.engine.prune(keep_s=60)
    with shop.host.inside():
        assert [one.uid for one in shop.engine.bulk.page()] == [waits]
        assert shop.host.reading().scalars(select(BulkChange)).all() == []
    assert over != waits
