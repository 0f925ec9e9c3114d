"""The audit log: what operators do is written down with it, and what is done to the log is found."""

from datetime import timedelta
from threading import Barrier, Thread
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from jobs import AuditRow, Limits, Rule, ScheduleRequest, Verification, WrongState, chain
from jobs.ledger import audit
from tests.jobs.host import SmallHost
from tests.jobs.tampering import unguarded
from tests.jobs.workflows.flowshop import FlowShop
from tests.jobs.workshop import QUEUE, Workshop

OPERATOR = "olga"
REST = "at, by, action, subject, details, prev_hash, hash"


@pytest.fixture
def flows(host: SmallHost) -> FlowShop:
    return FlowShop(host)


def told(shop: Workshop) -> list[tuple[str | None, str, str]]:
    """Who did what to what, oldest first."""
    return [(one.by, one.action, one.subject) for one in rows(shop)]


def rows(shop: Workshop) -> list[AuditRow]:
    with shop.host.inside():
        return shop.engine.audit.page(limit=1_000)[::-1]


def verified(shop: Workshop) -> Verification:
    with shop.host.inside():
        return shop.engine.audit.verify()


def do(shop: Workshop, statement: str, **values: Any) -> None:
    with shop.host.transaction() as session, unguarded(session):
        session.execute(text(statement), values)


def add(shop: Workshop, *subjects: str, **details: Any) -> None:
    for subject in subjects:
        with shop.host.transaction() as session:
            audit.append(session, by=OPERATOR, action="look", subject=subject, details=details)


def test_every_move_of_a_job_by_somebody_else_is_written_down(shop: Workshop) -> None:
    shop.noting("there", queue="other")
    uid = shop.submit_one(shop.noting(), requested_by="ada")
    shop.engine.reprioritise(uid, 2, by=OPERATOR, reason="sooner")
    shop.engine.reschedule(uid, shop.now() + timedelta(hours=1), by=OPERATOR, reason="later")
    shop.engine.move(uid, "other", by=OPERATOR, reason="elsewhere")
    shop.engine.cancel(uid, by=None)
    shop.engine.retry(uid, by=OPERATOR, reason="after all")
    subject = f"job {uid}"
    assert told(shop) == [
        (OPERATOR, "reprioritise", subject),
        (OPERATOR, "reschedule", subject),
        (OPERATOR, "move", subject),
        (None, "cancel", subject),
        (OPERATOR, "retry", subject),
    ]
    found = [(one.details["before"], one.details["after"], one.details["reason"]) for one in rows(shop)]
    later = found[1][1]["run_at"]
    assert found == [
        ({"priority": 5}, {"priority": 2}, "sooner"),
        ({"state": "ready", "run_at": None}, {"state": "scheduled", "run_at": later}, "later"),
        ({"queue": QUEUE}, {"queue": "other"}, "elsewhere"),
        ({"state": "scheduled"}, {"state": "cancelled"}, None),
        ({"state": "cancelled", "run_at": later}, {"state": "ready", "run_at": None}, "after all"),
    ]
    assert {one.details["kind"] for one in rows(shop)} == {"shop.note"}
    assert verified(shop).is_whole


def test_what_people_do_with_their_own_jobs_is_no_operators_action(shop: Workshop) -> None:
    uid = shop.submit_one(shop.noting(), requested_by="ada")
    shop.engine.reprioritise(uid, 2, by="ada")
    shop.engine.cancel(uid, by="ada")
    shop.engine.retry(uid, by="ada")
    assert told(shop) == []


def test_a_job_that_was_asked_to_end_is_written_down_as_running(shop: Workshop) -> None:
    uid = shop.submit_one(shop.noting())
    shop.claim()
    shop.engine.cancel(uid, by=OPERATOR)
    words = {"before": {"asked_to_end": False}, "after": {"asked_to_end": True}, "reason": None}
    assert [(one.action, one.told) for one in rows(shop)] == [("cancel", {"kind": "shop.note", **words})]


def test_what_was_refused_is_not_written_down(shop: Workshop) -> None:
    uid = shop.submit_one(shop.noting())
    with pytest.raises(WrongState):
        shop.engine.retry(uid, by=OPERATOR)
    assert told(shop) == []


def test_pauses_and_limits_are_written_down(shop: Workshop) -> None:
    shop.noting()
    key = ("queue", QUEUE)
    shop.engine.pause(key, by=OPERATOR, reason="a look", until=None)
    shop.engine.resume(key, by=OPERATOR)
    shop.engine.resume(key, by=OPERATOR)
    shop.engine.limit(("kind", "shop.note"), Limits(most_running=3), by=OPERATOR)
    assert told(shop) == [
        (OPERATOR, "pause", "queue work"),
        (OPERATOR, "resume", "queue work"),
        (OPERATOR, "limit", "kind shop.note"),
    ]
    none = {"most_running": None, "rate_count": None, "rate_period_s": None}
    assert [one.told for one in rows(shop)] == [
        {"before": {"is_paused": False}, "after": {"is_paused": True, "until": None}, "reason": "a look"},
        {"before": {"is_paused": True, "until": None}, "after": {"is_paused": False}, "reason": None},
        {"before": none, "after": {**none, "most_running": 3}, "reason": None},
    ]


def test_what_becomes_of_somebody_elses_schedule_is_written_down(shop: Workshop) -> None:
    book, kind = shop.engine.schedules, shop.noting().name
    uid = book.create(ScheduleRequest("daily", kind, Rule.every(days=1), {"number": 1}), requested_by="ada")
    book.pause(uid, by="ada")
    book.resume(uid, by=OPERATOR)
    book.change(uid, by=OPERATOR, priority=3)
    book.pause(uid, by=OPERATOR, reason="a look")
    book.run_now(uid, by=OPERATOR)
    now = shop.now()
    assert book.backfill(uid, since=now - timedelta(days=2), until=now, by=OPERATOR) != []
    book.delete(uid, by=OPERATOR)
    actions = ["resume", "change", "pause", "run now", "backfill", "delete"]
    subject = f"schedule {uid}"
    assert told(shop) == [("ada", "create", subject), *((OPERATOR, action, subject) for action in actions)]


def test_what_a_schedule_was_and_became_is_written_down(shop: Workshop) -> None:
    book, kind = shop.engine.schedules, shop.noting().name
    uid = book.create(ScheduleRequest("daily", kind, Rule.every(days=1), {"number": 1}), requested_by="ada")
    book.change(uid, by="ada", name="weekly", rule=Rule.cron("0 8 * * 1"), reason="too often")
    book.delete(uid, by="ada")
    created, changed, deleted = (one.told for one in rows(shop))
    assert (created["before"], created["after"]["rule_text"]) == (None, "1 day")
    assert (changed["name"], changed["reason"]) == ("weekly", "too often")
    told_of = ("name", "rule_kind", "rule_text")
    assert [[changed[when][name] for name in told_of] for when in ("before", "after")] == [
        ["daily", "every", "1 day"],
        ["weekly", "cron", "0 8 * * 1"],
    ]
    assert "args" not in changed["after"]
    assert (deleted["before"]["rule_text"], deleted["after"]) == ("0 8 * * 1", None)


def test_what_becomes_of_somebody_elses_workflow_is_written_down(flows: FlowShop) -> None:
    uid = flows.start(chain(*flows.saying(1, 2)), requested_by="ada")
    flows.engine.workflows.cancel(uid, by=OPERATOR)
    flows.engine.workflows.retry(uid, by="ada")
    flows.engine.workflows.cancel(uid, by="ada")
    flows.engine.workflows.retry(uid, by=OPERATOR)
    assert told(flows) == [(OPERATOR, "cancel", f"workflow {uid}"), (OPERATOR, "retry", f"workflow {uid}")]


def test_an_action_that_is_rolled_back_leaves_no_row_and_no_gap(shop: Workshop) -> None:
    add(shop, "a")

    def write_and_fail() -> None:
        with shop.host.transaction() as session:
            audit.append(session, by=OPERATOR, action="look", subject="b", details={})
            raise RuntimeError

    with pytest.raises(RuntimeError):
        write_and_fail()
    add(shop, "c")
    assert [(one.id, one.subject) for one in rows(shop)] == [(1, "a"), (2, "c")]
    assert verified(shop) == Verification(True, 2, None, None, rows(shop)[-1].hash)


def test_secrets_are_not_written_down(shop: Workshop) -> None:
    add(shop, "a", api_key="hunter2", inner={"password": "x", "kept": 1.5})
    assert rows(shop)[0].told == {"api_key": "…", "inner": {"password": "…", "kept": 1.5}}
    assert verified(shop).is_whole


@pytest.mark.parametrize(
    "statement", ["UPDATE job_audit SET by = 'nobody'", "DELETE FROM job_audit WHERE id = 1", "TRUNCATE job_audit"]
)
def test_the_database_of_any_host_refuses_to_change_the_log(shop: Workshop, statement: str) -> None:
    add(shop, "a", "b")
    with shop.host.transaction() as session:
        is_sqlite = session.get_bind().dialect.name == "sqlite"
    if is_sqlite and statement.startswith("TRUNCATE"):
        pytest.skip("SQLite has no TRUNCATE")
    with pytest.raises(DBAPIError, match="the audit log is only added to"), shop.host.transaction() as session:
        session.execute(text(statement))
    assert [one.subject for one in rows(shop)] == ["a", "b"]
    assert verified(shop).is_whole


def test_an_empty_log_is_whole(shop: Workshop) -> None:
    assert verified(shop) == Verification(True, 0, None, None, "0" * 64)


@pytest.mark.parametrize(
    ("statement", "broken_id"),
    [
        ("UPDATE job_audit SET subject = 'z' WHERE id = 2", 2),
        ("UPDATE job_audit SET by = NULL WHERE id = 3", 3),
        ("UPDATE job_audit SET details = '{\"x\": 1}' WHERE id = 1", 1),
        ("UPDATE job_audit SET hash = prev_hash WHERE id = 2", 2),
        ("DELETE FROM job_audit WHERE id = 1", 1),
        ("DELETE FROM job_audit WHERE id = 2", 2),
        ("DELETE FROM job_audit WHERE id = 4", 4),
        ("DELETE FROM job_audit", 1),
        ("UPDATE job_audit_head SET length = 3", 4),
        (f"INSERT INTO job_audit SELECT 5, {REST} FROM job_audit WHERE id = 4", 5),
        (f"INSERT INTO job_audit SELECT 0, {REST} FROM job_audit WHERE id = 1", 1),
    ],
)
def test_whatever_is_done_to_the_log_is_found(shop: Workshop, statement: str, broken_id: int) -> None:
    add(shop, "a", "b", "c", "d")
    assert verified(shop).is_whole
    do(shop, statement)
    found = verified(shop)
    assert (found.is_whole, found.broken_id) == (False, broken_id)


def test_a_row_that_was_sealed_anew_breaks_the_one_after_it(shop: Workshop) -> None:
    add(shop, "a", "b", "c")
    with shop.host.transaction() as session, unguarded(session):
        row = session.get(AuditRow, 2)
        assert row is not None
        row.subject = "z"
        row.hash = row.seal()
    assert (verified(shop).entries, verified(shop).broken_id) == (2, 3)


def test_the_last_row_sealed_anew_is_not_what_the_head_says(shop: Workshop) -> None:
    add(shop, "a", "b")
    with shop.host.transaction() as session, unguarded(session):
        row = session.get(AuditRow, 2)
        assert row is not None
        row.subject = "z"
        row.hash = row.seal()
    assert verified(shop).problem == "The head is not as it was written."


def test_those_who_write_at_once_write_one_after_the_other(shop: Workshop) -> None:
    gate = Barrier(4)

    def write(name: str) -> None:
        gate.wait()
        add(shop, *(f"{name}{number}" for number in range(10)))

    threads = [Thread(target=write, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(one.subject for one in rows(shop)) == sorted(f"{name}{n}" for name in "abcd" for n in range(10))
    assert (verified(shop).is_whole, verified(shop).entries) == (True, 40)


def test_more_rows_than_are_read_at_once_are_walked(shop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "AT_ONCE", 2)
    add(shop, *"abcde")
    assert (verified(shop).is_whole, verified(shop).entries) == (True, 5)
    do(shop, "UPDATE job_audit SET subject = 'z' WHERE id = 5")
    assert verified(shop).broken_id == 5


def test_retention_forgets_jobs_and_nothing_of_the_log(shop: Workshop) -> None:
    uid = shop.submit_one(shop.noting())
    shop.engine.cancel(uid, by=OPERATOR)
    do(shop, "UPDATE job SET finished_at = '2020-01-01 00:00:00+00:00'")
    assert shop.engine.prune(keep_s=60) == 1
    assert (told(shop), verified(shop).is_whole) == ([(OPERATOR, "cancel", f"job {uid}")], True)


def test_pages_go_back_in_time(shop: Workshop) -> None:
    add(shop, *"abc")
    with shop.host.inside():
        first = shop.engine.audit.page(limit=2)
        second = shop.engine.audit.page(limit=2, before_id=first[-1].id)
    assert ([one.subject for one in first], [one.subject for one in second]) == (["c", "b"], ["a"])


def test_a_host_notes_what_its_own_operators_do(shop: Workshop) -> None:
    with shop.host.inside():
        shop.engine.audit.note(
            by=OPERATOR, action="change settings", subject="page_size", details={"before": "10", "after": "25"}
        )
    [row] = rows(shop)
    assert [row.by, row.action, row.subject, row.told] == [
        OPERATOR,
        "change settings",
        "page_size",
        {"before": "10", "after": "25"},
    ]
    assert verified(shop).is_whole


@pytest.mark.parametrize(
    ("entries", "words"),
    [
        (0, "0 entries are as they were written"),
        (1, "1 entry is as it was written"),
        (1_234, "1,234 entries are as they were written"),
    ],
)
def test_how_many_are_as_they_were_is_said_in_words(entries: int, words: str) -> None:
    assert Verification(True, entries, None, None, "").counted == words
