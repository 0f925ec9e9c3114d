"""Workflows in which something fails: the policies, cancelling, and running again what failed."""

import pytest

from jobs import NoSuchWorkflow, OnFailure, Step, Workflow, WrongState, chain, chord, group
from jobs.ledger import writer
from jobs.ledger.models import Attempt

from .flowshop import FlowShop


def two_branches(flows: FlowShop, **options: object) -> Workflow:
    """1 → 2 → 3 beside 11 → 12, and 20 after all of it."""
    left, right = chain(*flows.saying_with_undo(1, 2, 3)), chain(*flows.saying_with_undo(11, 12))
    return Workflow("branches", chain(group(left, right), *flows.saying(20)), **options)  # type: ignore[arg-type]


def test_stop_cancels_what_has_not_started(flows: FlowShop) -> None:
    flows.fails = {1}
    uid = flows.run(two_branches(flows))
    assert flows.steps(uid) == {
        "1": "dead",
        "11": "cancelled",
        "2": "cancelled",
        "12": "cancelled",
        "3": "cancelled",
        "20": "cancelled",
    }
    assert (flows.flow_state(uid), flows.look(uid).failed_step, flows.effects()) == ("failed", "1", [])
    assert flows.step(uid, "20").error_message == "The step 1 of its workflow did not succeed."


def test_stop_lets_what_runs_finish_before_the_workflow_has_failed(flows: FlowShop) -> None:
    uid = flows.start(group(*flows.saying(1, 2), Step(flows.add, {"results": [5]})))
    flows.fails = {1}
    other = flows.engine.runner
    (one,), (two,) = flows.claim(), flows.claim()
    other._record(one, ValueError("broken"))
    assert flows.steps(uid) == {"1": "dead", "2": "running", "add": "cancelled"}
    assert flows.flow_state(uid) == "running"
    with flows.host.transaction() as session:
        flows.finish([two], 2)
        flows.engine.workflows.succeeded(session, [two])
    assert (flows.steps(uid)["2"], flows.flow_state(uid)) == ("succeeded", "failed")


def test_go_on_cancels_only_what_depends_on_the_failure(flows: FlowShop) -> None:
    flows.fails = {1}
    uid = flows.run(two_branches(flows, on_failure=OnFailure.GO_ON))
    assert flows.steps(uid) == {
        "1": "dead",
        "11": "succeeded",
        "2": "cancelled",
        "12": "succeeded",
        "3": "cancelled",
        "20": "cancelled",
    }
    assert (flows.flow_state(uid), flows.effects()) == ("failed", [11, 12])


def test_go_on_goes_through_joins(flows: FlowShop) -> None:
    flows.fails = {7}
    shape = group(chord(flows.saying(*range(150)), flows.add), chain(*flows.saying(200, 201)))
    uid = flows.run(Workflow("wide", shape, on_failure="go_on"))
    steps = flows.steps(uid)
    assert (steps["7"], steps["add"], steps["201"]) == ("dead", "cancelled", "succeeded")
    assert flows.effects() == [*range(7), *range(8, 150), 200, 201]
    assert flows.flow_state(uid) == "failed"


def test_compensate_undoes_what_succeeded_the_latest_first(flows: FlowShop) -> None:
    flows.fails = {3}
    uid = flows.run(Workflow("trip", chain(*flows.saying_with_undo(1, 2, 3)), on_failure=OnFailure.COMPENSATE))
    assert flows.order == [1, 2, -2, -1]
    assert flows.flow_state(uid) == "failed"
    assert flows.steps(uid) == {
        "1": "succeeded",
        "2": "succeeded",
        "3": "dead",
        "undo 2": "succeeded",
        "undo 1": "succeeded",
    }


def test_a_workflow_is_compensating_until_all_is_undone(flows: FlowShop) -> None:
    flows.fails = {3, -1}
    uid = flows.run(Workflow("trip", chain(*flows.saying_with_undo(1, 2, 3)), on_failure="compensate"))
    assert (flows.order, flows.flow_state(uid), flows.steps(uid)["undo 1"]) == ([1, 2, -2], "failed", "dead")
    flows.fails = {3}
    flows.retry(uid)
    assert flows.flow_state(uid) == "compensating"
    flows.run_ready()
    assert (flows.order, flows.flow_state(uid)) == ([1, 2, -2, -1], "failed")
    with pytest.raises(WrongState, match="The workflow has no step that could run again"):
        flows.retry(uid)


def test_with_nothing_to_undo_a_compensating_workflow_has_just_failed(flows: FlowShop) -> None:
    flows.fails = {1}
    uid = flows.run(Workflow("trip", chain(*flows.saying_with_undo(1, 2)), on_failure="compensate"))
    assert (flows.flow_state(uid), flows.steps(uid)) == ("failed", {"1": "dead", "2": "cancelled"})


def test_the_failure_callback_runs_once_and_hears_what_failed(flows: FlowShop) -> None:
    flows.fails = {1, 2}
    flows.run(Workflow("sad", group(*flows.saying(1, 2, 3)), on_failure="go_on", failure_callback=flows.mourn))
    assert flows.told == [{"1": "GiveUp: 1 fails", "2": "GiveUp: 2 fails"}]


def test_the_failure_callback_does_not_run_when_all_goes_well(flows: FlowShop) -> None:
    uid = flows.run(Workflow("glad", group(*flows.saying(1)), failure_callback=flows.mourn))
    assert (flows.told, flows.flow_state(uid)) == ([], "succeeded")


def test_the_success_callback_does_not_run_after_a_failure(flows: FlowShop) -> None:
    flows.fails = {2}
    uid = flows.run(Workflow("sad", group(*flows.saying(1, 2)), on_failure="go_on", success_callback=flows.add))
    assert (flows.effects(), flows.steps(uid)["on success"]) == ([1], "cancelled")


def test_a_step_that_is_tried_again_does_not_fail_its_workflow(flows: FlowShop) -> None:
    tries: list[int] = []

    def shaky() -> None:
        tries.append(1)
        if len(tries) == 1:
            raise ValueError

    uid = flows.run(chain(flows.job(shaky, max_retries=1), *flows.saying(1)))
    assert (flows.flow_state(uid), flows.effects()) == ("running", [])
    flows.let_time_pass()
    flows.run_ready()
    assert (flows.flow_state(uid), flows.effects()) == ("succeeded", [1])


def test_a_step_that_was_parked_fails_its_workflow(flows: FlowShop) -> None:
    uid = flows.start(chain(*flows.saying(1, 2)))
    for _ in range(3):
        assert len(flows.claim()) == 1
        flows.let_time_pass()
        flows.engine.reaper.reap()
        flows.let_time_pass()
        flows.engine.relay.promote()
    assert (flows.steps(uid), flows.flow_state(uid)) == ({"1": "parked", "2": "cancelled"}, "failed")


def test_a_step_cancelled_by_hand_fails_its_workflow(flows: FlowShop) -> None:
    uid = flows.start(two_branches(flows, on_failure="go_on"))
    flows.engine.cancel(flows.step(uid, "1").uid, by="ada")
    flows.run_ready()
    assert (flows.effects(), flows.flow_state(uid), flows.look(uid).failed_step) == ([11, 12], "failed", "1")


# -- cancel


def test_cancel_cancels_what_waits_at_once(flows: FlowShop) -> None:
    uid = flows.start(two_branches(flows, failure_callback=flows.mourn))
    flows.cancel(uid)
    flows.run_ready()
    assert (set(flows.steps(uid).values()), flows.flow_state(uid)) == ({"cancelled"}, "cancelled")
    assert (flows.effects(), flows.told) == ([], [])


def test_cancel_asks_what_runs_to_end(flows: FlowShop) -> None:
    uid = flows.start(chain(*flows.saying(1, 2)))
    (claim,) = flows.claim()
    flows.cancel(uid)
    entry = flows.step(uid, "1")
    assert (flows.steps(uid), flows.flow_state(uid)) == ({"1": "running", "2": "cancelled"}, "running")
    assert (entry.cancel_requested_by, entry.cancel_requested_at is not None) == ("ada", True)
    assert flows.moves(entry.uid) == ["asked to stop by ada"]
    with flows.host.transaction() as session:
        writer.cancel_running(session, claim)
        flows.engine.workflows.failed(session, [claim.id])
    assert (flows.steps(uid)["1"], flows.flow_state(uid)) == ("cancelled", "cancelled")


def test_what_finishes_although_it_was_cancelled_has_finished(flows: FlowShop) -> None:
    uid = flows.start(chain(*flows.saying(1, 2)))
    (claim,) = flows.claim()
    flows.cancel(uid)
    with flows.host.transaction() as session:
        flows.finish([claim])
        flows.engine.workflows.succeeded(session, [claim])
    assert (flows.steps(uid), flows.flow_state(uid)) == ({"1": "succeeded", "2": "cancelled"}, "cancelled")


def test_a_cancelled_workflow_whose_step_lost_its_worker_is_over(flows: FlowShop) -> None:
    uid = flows.start(chain(*flows.saying(1, 2)))
    flows.claim()
    flows.cancel(uid)
    flows.let_time_pass()
    flows.engine.reaper.reap()
    assert (flows.steps(uid)["1"], flows.flow_state(uid)) == ("cancelled", "cancelled")


def test_cancelling_twice_is_said_to_be_late(flows: FlowShop) -> None:
    uid = flows.start(chain(*flows.saying(1)))
    flows.cancel(uid)
    with pytest.raises(WrongState, match="The workflow is cancelled; it can only be cancelled while it is running"):
        flows.cancel(uid)
    with pytest.raises(NoSuchWorkflow):
        flows.cancel("nobody")


# -- retry


def test_retry_goes_on_from_the_failed_step(flows: FlowShop) -> None:
    flows.fails = {2}
    uid = flows.run(two_branches(flows))
    good = flows.order.copy()
    flows.fails = set()
    flows.retry(uid)
    assert (flows.flow_state(uid), flows.look(uid).failed_step) == ("running", None)
    flows.run_ready()
    assert (flows.effects(), flows.flow_state(uid)) == ([1, 2, 3, 11, 12, 20], "succeeded")
    assert flows.order[: len(good)] == good
    assert flows.moves(flows.step(uid, "2").uid) == ["retried by ada"]


def test_retry_in_a_wide_group_runs_only_what_failed(flows: FlowShop) -> None:
    flows.fails = {7, 140}
    uid = flows.run(Workflow("wide", chord(flows.saying(*range(150)), flows.add), on_failure="go_on"))
    flows.fails, flows.order = set(), []
    flows.retry(uid)
    flows.run_ready()
    assert (flows.order, flows.step(uid, "add").result) == ([7, 140], sum(range(150)))
    assert flows.flow_state(uid) == "succeeded"


def test_retry_after_cancel_runs_the_rest(flows: FlowShop) -> None:
    uid = flows.start(two_branches(flows))
    flows.cancel(uid)
    flows.retry(uid)
    flows.run_ready()
    assert (flows.effects(), flows.flow_state(uid)) == ([1, 2, 3, 11, 12, 20], "succeeded")


def test_retry_may_fail_again(flows: FlowShop) -> None:
    flows.fails = {2}
    uid = flows.run(Workflow("sad", chain(*flows.saying(1, 2, 3)), failure_callback=flows.mourn))
    flows.retry(uid)
    flows.run_ready()
    assert (flows.flow_state(uid), flows.steps(uid)["3"], len(flows.told)) == ("failed", "cancelled", 2)


def test_retrying_a_step_takes_its_workflow_along(flows: FlowShop) -> None:
    flows.fails = {1}
    uid = flows.run(chain(*flows.saying(1, 2)))
    flows.fails = set()
    flows.engine.retry(flows.step(uid, "1").uid, by="ada")
    flows.run_ready()
    assert (flows.effects(), flows.flow_state(uid)) == ([1, 2], "succeeded")


def test_what_has_succeeded_is_not_retried(flows: FlowShop) -> None:
    uid = flows.run(chain(*flows.saying(1)))
    with pytest.raises(WrongState, match="The workflow has succeeded"):
        flows.retry(uid)


def test_retry_while_others_run_takes_only_what_is_over(flows: FlowShop) -> None:
    flows.fails = {1}
    uid = flows.start(Workflow("mixed", group(*flows.saying(1, 2)), on_failure="go_on"))
    one, two = flows.claim() + flows.claim()
    flows.engine.runner._record(one, ValueError("broken"))
    flows.retry(uid)
    assert flows.steps(uid) == {"1": "ready", "2": "running"}
    flows.fails = set()
    flows.run_ready()
    assert flows.flow_state(uid) == "running"
    with flows.host.transaction() as session:
        flows.finish([two], 2)
        flows.engine.workflows.succeeded(session, [two])
    assert (flows.effects(), flows.flow_state(uid)) == ([1, 2], "succeeded")


# -- counting anew


def test_reconcile_corrects_what_is_counted_wrong(flows: FlowShop) -> None:
    uid = flows.start(chord(flows.saying(*range(250)), flows.add))
    before = flows.counters(uid)
    flows.spoil("UPDATE job SET pending_deps = 9 WHERE state = 'blocked'")
    flows.spoil("UPDATE workflow_join SET pending = pending + 1")
    flows.spoil("UPDATE workflow SET pending = pending + 3")
    assert (flows.reconcile(), flows.counters(uid)) == (1, before)
    flows.run_ready()
    assert (flows.flow_state(uid), flows.step(uid, "add").result) == ("succeeded", sum(range(250)))


def test_reconcile_frees_what_waits_for_nothing(flows: FlowShop) -> None:
    uid = flows.start(chain(*flows.saying(1, 2)))
    flows.spoil("UPDATE job SET state = 'succeeded' WHERE step = '1'")
    flows.reconcile()
    flows.run_ready()
    assert (flows.steps(uid)["2"], flows.flow_state(uid)) == ("succeeded", "succeeded")


def test_reconcile_settles_a_workflow_that_has_nothing_left(flows: FlowShop) -> None:
    good, bad = flows.start(chain(*flows.saying(1))), flows.start(chain(*flows.saying(2)))
    flows.spoil("UPDATE job SET state = 'succeeded' WHERE step = '1'")
    flows.spoil("UPDATE job SET state = 'dead' WHERE step = '2'")
    assert [flows.reconcile(), flows.reconcile()] == [2, 0]
    assert (flows.flow_state(good), flows.flow_state(bad), flows.look(bad).failed_step) == ("succeeded", "failed", "2")


def test_reconcile_applies_a_failure_nobody_told_of(flows: FlowShop) -> None:
    uid = flows.start(two_branches(flows, on_failure="go_on"))
    flows.spoil("UPDATE job SET state = 'dead' WHERE step = '1'")
    flows.reconcile()
    flows.run_ready()
    assert (flows.effects(), flows.flow_state(uid)) == ([11, 12], "failed")


def test_reconcile_leaves_what_is_right_alone(flows: FlowShop) -> None:
    uid = flows.start(two_branches(flows))
    before = (flows.counters(uid), flows.steps(uid))
    assert [flows.reconcile(), flows.reconcile()] == [1, 1]
    assert (flows.counters(uid), flows.steps(uid)) == before


def test_a_workflow_that_failed_keeps_its_good_steps_as_long_as_the_bad_one(flows: FlowShop) -> None:
    flows.fails = {2}
    uid = flows.run(two_branches(flows))
    assert flows.engine.prune(keep_s=-1, keep_failed_s=60) == 0
    flows.fails = set()
    flows.retry(uid)
    flows.run_ready()
    assert (flows.effects(), flows.flow_state(uid)) == ([1, 2, 3, 11, 12, 20], "succeeded")
    assert flows.engine.prune(keep_s=-1, keep_failed_s=60) == 6


def test_a_workflow_that_is_not_over_keeps_its_steps(flows: FlowShop) -> None:
    uid = flows.start(chain(*flows.saying(1, 2)))
    (claim,) = flows.claim()
    with flows.host.transaction() as session:
        flows.finish([claim], result=1)
        flows.engine.workflows.succeeded(session, [claim])
    assert flows.engine.prune(keep_s=-1) == 0
    flows.run_ready()
    assert flows.engine.prune(keep_s=-1) == 2
    with pytest.raises(NoSuchWorkflow):
        flows.look(uid)
    with flows.host.inside():
        assert flows.host.reading().query(Attempt).all() == []


def test_the_steps_of_a_workflow_keep_their_results_until_all_of_it_has_succeeded(flows: FlowShop) -> None:
    flows.fails = {2}
    uid = flows.run(chain(*flows.saying(1, 2), Step(flows.say_also, {"number": 3})))
    assert flows.engine.let_results_go(keep_s=-1) == 0
    flows.fails = set()
    flows.retry(uid)
    flows.run_ready()
    assert (flows.told, flows.flow_state(uid)) == ([{"2": 2}], "succeeded")
    assert flows.results_gone_at(uid) is None
    assert flows.engine.let_results_go(keep_s=-1) == 3
    assert flows.results_gone_at(uid) == flows.step(uid, "1").result_gone_at
