"""Telling the host that a job gave up."""

import time
from collections.abc import Mapping
from typing import Any

import pytest
from sqlalchemy import text, update

from jobs import Action, BulkRequest, Entry, GiveUp, Selection, Step, chain, current
from jobs.dispatch.pace import LONGEST_TRANSACTION_S
from tests.jobs.host import SmallHost
from tests.jobs.workshop import Workshop


def gives_up(number: int) -> None:
    raise GiveUp("There is no such person.")


def test_the_host_hears_which_job_gave_up_and_why(shop: Workshop) -> None:
    uid = shop.submit_one(shop.job(gives_up), 3)
    shop.work()
    assert shop.state(uid) == "dead"
    assert shop.regrets() == ["shop.gives_up {'number': 3}: There is no such person."]


def test_what_the_host_writes_and_the_settlement_commit_together(shop: Workshop, monkeypatch: Any) -> None:
    seen: list[str] = []
    hear = shop.host.gave_up

    def gave_up(kind: str, args: Mapping[str, Any], reason: str) -> None:
        with shop.host.transaction() as session:
            seen.append(session.scalar(text("SELECT state FROM job")) or "")
        hear(kind, args, reason)

    monkeypatch.setattr(shop.host, "gave_up", gave_up)
    shop.submit_one(shop.job(gives_up))
    shop.work()
    assert (seen, len(shop.regrets())) == (["dead"], 1)


@pytest.mark.parametrize("trouble", ["SELECT * FROM nowhere", None])
def test_a_host_that_cannot_listen_does_not_stop_the_settlement(
    host: SmallHost, monkeypatch: Any, trouble: str | None
) -> None:
    shop = Workshop(host)

    def deaf(kind: str, args: Mapping[str, Any], reason: str) -> None:
        with host.transaction() as session:
            session.execute(text("INSERT INTO regret (reason) VALUES ('half')"))
            if trouble:
                session.execute(text(trouble))
        raise RuntimeError("not now")

    monkeypatch.setattr(host, "gave_up", deaf)
    uid = shop.submit_one(shop.job(gives_up))
    shop.work()
    assert (shop.state(uid), shop.regrets(), shop.outcomes(uid)) == ("dead", [], ["gave up"])


# -- what was cancelled


def by_hand(shop: Workshop, uids: list[str]) -> None:
    for uid in uids:
        shop.engine.cancel(uid, by="ops")


def together(shop: Workshop, uids: list[str]) -> None:
    shop.engine.bulk.start(BulkRequest(Action.CANCEL, Selection(uids=tuple(uids))), by="ops")
    shop.work(shop.engine.bulk.job.queue_name)


TOLD = ["shop.note {'number': 1}: It was cancelled.", "shop.note {'number': 2}: It was cancelled."]


@pytest.mark.parametrize("cancel", [by_hand, together])
def test_the_host_hears_what_was_cancelled_while_it_waited(shop: Workshop, cancel: Any) -> None:
    uids = shop.submit(shop.noting(), 1, 2)
    cancel(shop, uids)
    assert (shop.state(*uids), shop.regrets()) == (["cancelled", "cancelled"], TOLD)


def give_back(shop: Workshop, owner: str) -> None:
    shop.engine.runner.give_back([owner])


def lose(shop: Workshop, owner: str) -> None:
    shop.let_time_pass()
    shop.engine.reaper.reap()


@pytest.mark.parametrize("cancel", [by_hand, together])
@pytest.mark.parametrize("end", [give_back, lose])
def test_the_host_hears_what_was_cancelled_while_it_ran(shop: Workshop, cancel: Any, end: Any) -> None:
    uids = shop.submit(shop.noting(), 1, 2)
    shop.claim(owner="me")
    shop.claim(owner="me")
    cancel(shop, uids)
    assert (shop.state(*uids), shop.regrets()) == (["running", "running"], [])
    end(shop, "me")
    assert (shop.state(*uids), shop.regrets()) == (["cancelled", "cancelled"], TOLD)


@pytest.mark.parametrize("hears", [True, False])
def test_the_host_hears_of_a_run_that_was_asked_to_end(shop: Workshop, *, hears: bool) -> None:
    """It hears of the request and ends, or fails before it has: it is cancelled either way."""

    def note(number: int) -> None:
        shop.engine.cancel(current().uid, by="ops")
        if hears:
            for hold in shop.engine.runner.running.values():
                hold.cancelled[current().uid] = 0.0
            current().check_cancelled()
        raise RuntimeError("too bad")

    uid = shop.submit_one(shop.job(note, atomic=False), 1)
    shop.work()
    assert (shop.state(uid), shop.regrets()) == ("cancelled", TOLD[:1])


def test_what_is_handed_back_and_was_to_end_is_told_of(shop: Workshop) -> None:
    """The first of a shared transaction takes long; the second was cancelled before it had begun."""
    uids: list[str] = []

    def note(number: int) -> None:
        if number == 1:
            with shop.host.transaction() as session:
                asked = {"cancel_requested_at": shop.now()}
                session.execute(update(Entry).where(Entry.uid == uids[1]).values(asked))
            time.sleep(1.2 * LONGEST_TRANSACTION_S)

    job = shop.job(note)
    shop.engine.runner._pace.learn(job.name, 0.0001, 0.0001)
    uids += shop.submit(job, 1, 2)
    shop.work()
    assert (shop.state(*uids), shop.regrets()) == (["succeeded", "cancelled"], TOLD[1:])


def test_the_host_hears_of_the_steps_of_a_cancelled_workflow(shop: Workshop) -> None:
    job = shop.noting()
    with shop.host.inside(), shop.host.transaction() as session:
        uid = shop.engine.workflows.start(session, chain(Step(job, {"number": 1}), Step(job, {"number": 2})))
    with shop.host.inside():
        shop.engine.workflows.cancel(uid, by="ops")
    assert shop.regrets() == TOLD


def test_the_host_hears_of_the_steps_that_waited_for_one_that_failed(shop: Workshop) -> None:
    with shop.host.inside(), shop.host.transaction() as session:
        first = Step(shop.job(gives_up), {"number": 1}, name="first")
        shop.engine.workflows.start(session, chain(first, Step(shop.noting(), {"number": 2})))
    shop.work()
    assert shop.regrets() == [
        "shop.gives_up {'number': 1}: There is no such person.",
        "shop.note {'number': 2}: The step first of its workflow did not succeed.",
    ]


def test_one_that_cannot_be_told_of_keeps_no_other_from_it(shop: Workshop, monkeypatch: Any) -> None:
    hear = shop.host.gave_up

    def half_deaf(kind: str, args: Mapping[str, Any], reason: str) -> None:
        hear(kind, args, reason)
        if args["number"] == 1:
            raise RuntimeError("not now")

    monkeypatch.setattr(shop.host, "gave_up", half_deaf)
    uids = shop.submit(shop.noting(), 1, 2)
    together(shop, uids)
    assert (shop.state(*uids), shop.regrets()) == (["cancelled", "cancelled"], TOLD[1:])
