"""Everything in a workflow happens once: with several workers, many wake-ups, lost claims, moves at the same time."""

import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jobs import Workflow, chain, chord, group
from jobs.errors import Superseded
from jobs.ledger import writer
from jobs.testing import working
from tests.jobs.host import SmallHost
from tests.jobs.workshop import Workshop

from .flowshop import FlowShop

THREADS = 4


def drain_together(flows: FlowShop, is_over: Callable[[], bool], *, within_s: float = 60) -> None:
    """Several threads work, as those of several workers would, until it is over."""
    until = time.monotonic() + within_s

    def drain() -> None:
        while not is_over():
            assert time.monotonic() < until, "it does not come to an end"
            flows.engine.relay.promote()
            flows.work()

    with ThreadPoolExecutor(THREADS) as pool:
        for one in [pool.submit(drain) for _ in range(THREADS)]:
            one.result()


def is_over(flows: FlowShop, uid: str) -> Callable[[], bool]:
    return lambda: flows.flow_state(uid) not in ("running", "compensating")


@pytest.mark.slow
def test_a_large_group_run_by_several_threads_calls_back_once(flows: FlowShop) -> None:
    uid = flows.start(chord(flows.saying(*range(1_000)), flows.add))
    drain_together(flows, is_over(flows, uid))
    assert flows.effects() == [*range(1_000), sum(range(1_000))]
    assert (flows.look(uid).counts, flows.interruptions()) == ({"succeeded": 1_001}, 0)
    pending, blocked, joins = flows.counters(uid)
    assert (flows.flow_state(uid), pending, blocked, set(joins.values())) == ("succeeded", 0, {}, {0})


@pytest.mark.slow
def test_failures_in_a_large_group_run_by_several_threads_are_counted_once(flows: FlowShop) -> None:
    flows.fails = set(range(0, 300, 7))
    shape = Workflow("some", chord(flows.saying(*range(300)), flows.add), on_failure="go_on")
    uid = flows.start(shape)
    drain_together(flows, is_over(flows, uid))
    good = [number for number in range(300) if number % 7]
    assert flows.effects() == good
    assert flows.look(uid).counts == {"succeeded": len(good), "dead": 43, "cancelled": 1}
    flows.fails = set()
    flows.retry(uid)
    drain_together(flows, is_over(flows, uid))
    assert (flows.effects(), flows.flow_state(uid)) == ([*range(300), sum(range(300))], "succeeded")
    assert flows.interruptions() == 0


def test_many_layers_run_by_several_threads_keep_their_order(flows: FlowShop) -> None:
    layers = [group(*flows.saying(*range(layer * 10, layer * 10 + 10))) for layer in range(10)]
    uid = flows.start(chain(*layers))
    drain_together(flows, is_over(flows, uid))
    with flows.host.inside():
        steps = flows.engine.workflows.steps(uid)
    for above, below in zip(steps[::10], steps[10::10], strict=False):
        assert above.finished_at is not None
        assert below.started_at is not None
    ends = [max(one.finished_at for one in steps[at : at + 10]) for at in range(0, 100, 10)]  # type: ignore[type-var]
    begins = [min(one.started_at for one in steps[at : at + 10]) for at in range(0, 100, 10)]  # type: ignore[type-var]
    assert all(end <= begin for end, begin in zip(ends, begins[1:], strict=False))  # type: ignore[operator]
    assert (flows.effects(), flows.flow_state(uid)) == (list(range(100)), "succeeded")


def test_many_wake_ups_run_the_callback_once(
    open_shop: Callable[..., Workshop], host: SmallHost, redis_url: str
) -> None:
    flows = FlowShop(host, redis_url)
    uid = flows.start(chord(flows.saying(*range(20)), flows.add))
    with working(flows.engine, threads=4):
        until = time.monotonic() + 30
        while not is_over(flows, uid)() and time.monotonic() < until:
            flows.engine.sender.wake("work", 20)
            time.sleep(0.02)
    assert (flows.effects(), flows.flow_state(uid)) == ([*range(20), 190], "succeeded")


def test_a_step_that_lost_its_worker_counts_once(flows: FlowShop) -> None:
    uid = flows.start(chord(flows.saying(1, 2), flows.add))
    (lost,) = flows.claim()
    flows.let_time_pass()
    flows.engine.reaper.reap()
    flows.run_ready()
    assert (flows.effects(), flows.flow_state(uid)) == ([1, 2, 3], "succeeded")
    with pytest.raises(Superseded), flows.host.transaction():
        flows.finish([lost], 1)
    assert (flows.effects(), flows.counters(uid)) == ([1, 2, 3], (0, {}, {}))


def test_a_claim_taken_back_at_every_step_still_calls_back_once(flows: FlowShop) -> None:
    uid = flows.start(chord(flows.saying(*range(5)), flows.add))
    while not is_over(flows, uid)():
        stale = flows.claim()
        flows.let_time_pass()
        with flows.host.transaction() as session:
            assert len(writer.rescue_expired(session, limit=100)) == len(stale)
        claims = flows.claim()
        with flows.host.transaction() as session:
            flows.finish(claims, 1)
            flows.engine.workflows.succeeded(session, claims)
        with pytest.raises(Superseded), flows.host.transaction():
            flows.finish(stale, 1)
    assert (flows.effects(), flows.flow_state(uid)) == ([1] * 6, "succeeded")


def test_a_finish_that_is_rolled_back_frees_nobody(flows: FlowShop) -> None:
    uid = flows.start(chain(*flows.saying(1, 2)))
    (claim,) = flows.claim()
    before = flows.counters(uid)

    def finish_and_fail() -> None:
        with flows.host.transaction() as session:
            flows.finish([claim])
            flows.engine.workflows.succeeded(session, [claim])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        finish_and_fail()
    assert (flows.counters(uid), flows.steps(uid)) == (before, {"1": "running", "2": "blocked"})


# -- two moves at the same time


def overlap(flows: FlowShop, first: Callable[[], Any], second: Callable[[], Any]) -> None:
    """Begin the second while the first holds its commit back."""
    with ThreadPoolExecutor(1) as pool:
        with flows.host.transaction():
            first()
            later = pool.submit(second)
            time.sleep(0.05)
        later.result(timeout=20)


def finishing(flows: FlowShop, claims: list[writer.Claim], number: int) -> Callable[[], None]:
    def finish() -> None:
        with flows.host.transaction() as session:
            flows.finish(claims, number, result=number)
            flows.engine.workflows.succeeded(session, claims)

    return finish


def test_two_last_parents_finish_at_once(flows: FlowShop) -> None:
    uid = flows.start(chord(flows.saying(1, 2), flows.add))
    one, two = flows.claim(), flows.claim()
    overlap(flows, finishing(flows, one, 1), finishing(flows, two, 2))
    assert (flows.steps(uid)["add"], flows.counters(uid)) == ("ready", (1, {}, {}))


def test_the_last_two_steps_end_at_once(flows: FlowShop) -> None:
    uid = flows.start(group(*flows.saying(1, 2)))
    one, two = flows.claim(), flows.claim()
    overlap(flows, finishing(flows, one, 1), finishing(flows, two, 2))
    assert (flows.flow_state(uid), flows.counters(uid)) == ("succeeded", (0, {}, {}))


@pytest.mark.parametrize("finish_first", [True, False])
def test_a_step_finishes_while_its_workflow_is_cancelled(flows: FlowShop, finish_first: bool) -> None:
    uid = flows.start(chain(*flows.saying(1, 2)))
    moves = [finishing(flows, flows.claim(), 1), lambda: flows.cancel(uid)]
    overlap(flows, *(moves if finish_first else moves[::-1]))
    assert (flows.steps(uid), flows.flow_state(uid)) == ({"1": "succeeded", "2": "cancelled"}, "cancelled")


@pytest.mark.parametrize("finish_first", [True, False])
def test_a_step_finishes_while_another_fails(flows: FlowShop, finish_first: bool) -> None:
    uid = flows.start(chord(flows.saying(1, 2), flows.add))
    one, two = flows.claim(), flows.claim()

    def fail() -> None:
        flows.engine.runner._record(two[0], ValueError("broken"))

    moves = [finishing(flows, one, 1), fail]
    overlap(flows, *(moves if finish_first else moves[::-1]))
    assert (flows.steps(uid), flows.flow_state(uid)) == ({"1": "succeeded", "2": "dead", "add": "cancelled"}, "failed")


@pytest.mark.parametrize("finish_first", [True, False])
def test_a_step_finishes_while_its_workflow_is_counted_anew(flows: FlowShop, finish_first: bool) -> None:
    uid = flows.start(chord(flows.saying(1, 2), flows.add))
    moves: list[Callable[[], Any]] = [finishing(flows, flows.claim(), 1), flows.reconcile]
    overlap(flows, *(moves if finish_first else moves[::-1]))
    assert flows.counters(uid) == (2, {"add": 1}, {})
    flows.run_ready()
    assert (flows.effects(), flows.flow_state(uid)) == ([1, 2, 3], "succeeded")


def test_counting_anew_while_threads_work_harms_nothing(flows: FlowShop) -> None:
    uid = flows.start(chord(flows.saying(*range(200)), flows.add))
    stop = threading.Event()

    def disturb() -> None:
        while not stop.wait(0.05):
            flows.reconcile()

    with ThreadPoolExecutor(2) as pool:
        disturbing = [pool.submit(disturb) for _ in range(2)]
        try:
            drain_together(flows, is_over(flows, uid))
        finally:
            stop.set()
        for one in disturbing:
            one.result()
    assert (flows.effects(), flows.flow_state(uid)) == ([*range(200), sum(range(200))], "succeeded")
    assert flows.interruptions() == 0


# -- any graph, any failures


@st.composite
def graphs(draw: st.DrawFn) -> list[list[int]]:
    """For each step, the earlier steps it waits for."""
    size = draw(st.integers(1, 12))
    return [draw(st.lists(st.integers(0, one - 1), unique=True, max_size=4)) if one else [] for one in range(size)]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(graph=graphs(), fails=st.sets(st.integers(0, 11)), policy=st.sampled_from(["stop", "go_on"]), data=st.data())
def test_any_graph_runs_exactly_what_it_should(
    host: SmallHost, graph: list[list[int]], fails: set[int], policy: str, data: st.DataObject
) -> None:
    Workshop(host).empty()
    flows = FlowShop(host)
    flows.fails = fails
    workflow = Workflow("any", on_failure=policy)
    for number, parents in enumerate(graph):
        name, after = str(number), [str(one) for one in parents]
        workflow.step(name, flows.say, {"number": number}, after=after)
    uid = flows.run(workflow)

    good: set[int] = set()
    tried: set[int] = set()
    for number, parents in enumerate(graph):
        if good.issuperset(parents):
            tried.add(number)
            if number not in fails:
                good.add(number)
    is_good = len(good) == len(graph)
    if policy == "go_on" or is_good:
        assert flows.effects() == sorted(good)
    else:
        assert set(flows.effects()) <= good
        assert len(set(flows.effects())) == len(flows.effects())
    assert flows.flow_state(uid) == ("succeeded" if is_good else "failed")
    at = {number: place for place, number in enumerate(flows.order)}
    assert all(at[parent] < at[number] for number in flows.order for parent in graph[number])
    assert not {"ready", "running", "scheduled", "blocked"} & set(flows.steps(uid).values())

    if not is_good:  # and once what was wrong is right, the rest runs, and nothing twice
        flows.fails = set()
        flows.retry(uid)
        assert flows.reconcile() == 1
        flows.run_ready()
        assert (Counter(flows.effects()), flows.flow_state(uid)) == (Counter(range(len(graph))), "succeeded")
