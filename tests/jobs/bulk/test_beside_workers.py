"""Bulk operations while real workers take, finish and fail the very jobs that are meant."""

import time
from collections.abc import Callable
from typing import Any

import pytest

from jobs import Action, BulkLook, BulkRequest, Selection, chain
from jobs.testing import working
from tests.jobs.host import SmallHost
from tests.jobs.workflows.flowshop import FlowShop
from tests.jobs.workshop import Workshop

MANY = 400


def over(shop: Workshop, uid: str) -> BulkLook:
    """The operation once it is over; its job may be tried again meanwhile."""
    while True:
        shop.engine.relay.promote()
        shop.engine.relay.top_up()
        with shop.host.inside():
            look = shop.engine.bulk.look(uid)
        if look.finished_at is not None:
            return look
        time.sleep(0.05)


def until_none_waits(shop: Workshop, uids: list[str]) -> None:
    while any(state not in ("succeeded", "cancelled") for state in shop.state(*uids)):
        shop.engine.relay.promote()
        shop.engine.relay.top_up()
        time.sleep(0.05)


@pytest.mark.timeout(100)
def test_each_job_is_either_run_or_cancelled(open_shop: Callable[..., Workshop]) -> None:
    shop = open_shop()
    note = shop.noting()
    uids = shop.submit(note, *range(MANY))
    with working(shop.engine, threads=3):
        operation = shop.engine.bulk.start(BulkRequest(Action.CANCEL, Selection(kinds=(note.name,))), by="olga")
        look = over(shop, operation)
        until_none_waits(shop, uids)
        back = over(shop, shop.engine.bulk.undo(operation, by="olga"))
        until_none_waits(shop, uids)
    assert (look.matched, look.failed) == (look.done + look.skipped, 0)
    assert back.matched == look.done
    # What was asked to end ran all the same, or was cancelled and then retried: none is lost, and none is run twice.
    assert (shop.effects(), {*shop.state(*uids)}) == (list(range(MANY)), {"succeeded"})


@pytest.mark.timeout(100)
def test_workflows_settle_whatever_of_them_is_cancelled(host: SmallHost, redis_url: str) -> None:
    flows = FlowShop(host, redis_url)
    started = [flows.start(chain(*flows.saying(10 * n + 1, 10 * n + 2, 10 * n + 3))) for n in range(20)]
    with working(flows.engine, threads=3):
        look = over(
            flows, flows.engine.bulk.start(BulkRequest(Action.CANCEL, Selection(kinds=("shop.say",))), by="olga")
        )
        while any(flows.flow_state(uid) == "running" for uid in started):
            flows.engine.relay.top_up()
            time.sleep(0.05)
    assert look.matched == look.done + look.skipped + look.failed
    ends: dict[str, Any] = {uid: (flows.flow_state(uid), list(flows.steps(uid).values())) for uid in started}
    for uid, (state, steps) in ends.items():
        assert state == ("succeeded" if steps == ["succeeded"] * 3 else "failed"), (uid, steps)
        assert steps == sorted(steps, reverse=True), "a step ran although one before it was cancelled"
