"""Workflows that go well: order, results, callbacks, and one transaction for everything."""

from datetime import timedelta

import pytest

from jobs import BadArguments, Job, NoSuchWorkflow, Step, UnknownJob, Wanted, Workflow, chain, chord, current, group

from .flowshop import FlowShop


def diamond(flows: FlowShop) -> Workflow:
    say = flows.say_also
    return (
        Workflow("diamond")
        .step("top", say, {"number": 1})
        .step("left", say, {"number": 2}, after=["top"])
        .step("right", say, {"number": 3}, after=["top"])
        .step("bottom", say, {"number": 4}, after=["right", "left"])
    )


def test_a_chain_runs_in_order(flows: FlowShop) -> None:
    uid = flows.run(chain(*flows.saying(3, 1, 2)))
    assert (flows.order, flows.flow_state(uid)) == ([3, 1, 2], "succeeded")
    assert flows.steps(uid) == {"3": "succeeded", "1": "succeeded", "2": "succeeded"}


def test_at_first_only_what_waits_for_nothing_is_ready(flows: FlowShop) -> None:
    uid = flows.start(diamond(flows))
    assert flows.steps(uid) == {"top": "ready", "left": "blocked", "right": "blocked", "bottom": "blocked"}
    assert flows.counters(uid) == (4, {"left": 1, "right": 1, "bottom": 2}, {})


def test_each_step_frees_what_waited_for_it_alone(flows: FlowShop) -> None:
    uid = flows.start(diamond(flows))
    (claim,) = flows.claim()
    with flows.host.transaction() as session:
        flows.finish([claim])
        assert flows.engine.workflows.succeeded(session, [claim]) is True
    assert flows.steps(uid) == {"top": "succeeded", "left": "ready", "right": "ready", "bottom": "blocked"}
    assert flows.counters(uid) == (3, {"bottom": 2}, {})


def test_a_diamond_runs_from_top_to_bottom(flows: FlowShop) -> None:
    uid = flows.run(diamond(flows))
    assert (flows.order[0], sorted(flows.order[1:3]), flows.order[3]) == (1, [2, 3], 4)
    assert (flows.flow_state(uid), flows.counters(uid)) == ("succeeded", (0, {}, {}))
    assert flows.look(uid).finished_at is not None


def test_results_of_parents_reach_their_children_by_name_and_in_the_order_declared(flows: FlowShop) -> None:
    flows.run(diamond(flows))
    top = {"me": 1}
    left, right = {"me": 2, "top": top}, {"me": 3, "top": top}
    assert flows.told == [{}, {"top": top}, {"top": top}, {"right": right, "left": left}]
    assert list(flows.told[3]) == ["right", "left"]


def test_a_chord_hands_its_callback_the_results_in_order(flows: FlowShop) -> None:
    uid = flows.run(chord(flows.saying(7, 5, 6), flows.add))
    assert (flows.effects(), flows.step(uid, "add").result) == ([5, 6, 7, 18], 18)


def test_the_results_of_a_wide_group_come_in_order_through_its_joins(flows: FlowShop) -> None:
    def tell(results: list[int]) -> None:
        flows.told.append(results)

    uid = flows.run(chord(flows.saying(*range(250)), flows.job(tell)))
    assert flows.told == [list(range(250))]
    assert (flows.flow_state(uid), flows.counters(uid)) == (
        "succeeded",
        (0, {}, dict.fromkeys(range(1, 7), 0)),
    )


def test_two_wide_groups_run_one_after_the_other(flows: FlowShop) -> None:
    uid = flows.run(chain(group(*flows.saying(*range(120))), group(*flows.saying(*range(120, 240)))))
    assert (max(flows.order[:120]), sorted(flows.order)) == (119, list(range(240)))
    assert flows.flow_state(uid) == "succeeded"


def test_what_an_argument_says_comes_before_what_parents_say(flows: FlowShop) -> None:
    flows.run(chain(*flows.saying(1), Step(flows.add, {"results": [20, 30]})))
    assert flows.effects() == [1, 50]


def test_the_running_step_finds_the_results_of_its_parents(flows: FlowShop) -> None:
    def look() -> None:
        flows.told.append(current().parents)

    flows.run(chain(*flows.saying(4), flows.job(look, atomic=False)))
    assert flows.told == [{"4": 4}]


def test_a_job_that_is_no_step_has_no_parents(flows: FlowShop) -> None:
    def look() -> None:
        flows.told.append(current().parents)

    flows.submit_plain(flows.job(look, atomic=False))
    flows.run_ready()
    assert flows.told == [{}]


def test_batched_kinds_may_be_steps(flows: FlowShop) -> None:
    def together(numbers: list[int]) -> None:
        for number in numbers:
            flows.note(number)

    job = flows.batched(together)
    steps = [Step(job, {"number": number}) for number in range(5)]
    uid = flows.run(chain(group(*steps), *flows.saying(9)))
    assert (flows.effects(), flows.flow_state(uid)) == ([0, 1, 2, 3, 4, 9], "succeeded")


def test_the_success_callback_runs_when_every_step_has_succeeded(flows: FlowShop) -> None:
    shape = Workflow("all", group(chain(*flows.saying(1, 2)), *flows.saying(3)), success_callback=flows.add)
    uid = flows.run(shape)
    assert (flows.effects(), flows.flow_state(uid)) == ([1, 2, 3, 5], "succeeded")
    assert flows.look(uid).steps == 4


def test_a_step_may_wait_for_its_time_beside_its_parents(flows: FlowShop) -> None:
    late = Step(flows.say, {"number": 2}, name="late", run_at=flows.now() + timedelta(hours=1))
    uid = flows.run(chain(*flows.saying(1), late))
    assert flows.steps(uid) == {"1": "succeeded", "late": "scheduled"}
    flows.let_time_pass()
    flows.run_ready()
    assert (flows.order, flows.flow_state(uid)) == ([1, 2], "succeeded")


def test_a_step_whose_time_has_passed_is_ready_with_its_parents(flows: FlowShop) -> None:
    early = Step(flows.say, {"number": 2}, name="early", run_at=flows.now() - timedelta(hours=1))
    uid = flows.run(chain(*flows.saying(1), early))
    assert (flows.order, flows.step(uid, "early").run_at) == ([1, 2], None)


def test_a_step_whose_time_is_changed_still_waits_for_its_parents(flows: FlowShop) -> None:
    uid = flows.start(chain(*flows.saying(1, 2)))
    flows.engine.reschedule(flows.step(uid, "2").uid, flows.now() - timedelta(hours=1), by="ada")
    assert flows.steps(uid) == {"1": "ready", "2": "blocked"}
    flows.run_ready()
    assert (flows.order, flows.flow_state(uid)) == ([1, 2], "succeeded")


def test_the_priority_of_a_step_is_its_own(flows: FlowShop) -> None:
    uid = flows.start(group(*flows.saying(1), Step(flows.say, {"number": 2}, name="urgent", priority=0)))
    assert (flows.step(uid, "1").priority, flows.step(uid, "urgent").priority) == (5, 0)
    flows.run_ready()
    assert flows.order == [2, 1]


def test_freed_steps_take_turns_with_what_others_asked_for(flows: FlowShop) -> None:
    def first() -> None:
        with flows.host.transaction() as session:
            flows.engine.workflows.start(session, group(*flows.saying(10)), requested_by="ben")

    shape = chain(flows.job(first), group(*flows.saying(1, 2, 3)))
    flows.start(shape, requested_by="ada")
    flows.run_ready()
    assert flows.order.index(10) < 2


def test_a_workflow_exists_with_its_transaction_or_not_at_all(flows: FlowShop) -> None:
    uids: list[str] = []

    def start_and_fail() -> None:
        with flows.host.transaction() as session:
            uids.append(flows.engine.workflows.start(session, diamond(flows)))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        start_and_fail()
    with pytest.raises(NoSuchWorkflow):
        flows.look(uids[0])
    flows.run_ready()
    assert (flows.order, flows.rows_of_workflows()) == ([], 0)


def test_unique_kinds_are_jobs_of_their_own_as_steps(flows: FlowShop) -> None:
    unique = flows.noting("only", unique="live")
    flows.submit_one(unique, 1)
    uid = flows.run(chain(Step(unique, {"number": 1}), Step(unique, {"number": 1})))
    assert (flows.effects(), flows.flow_state(uid)) == ([1, 1, 1], "succeeded")


def test_only_declared_jobs_make_steps(flows: FlowShop) -> None:
    with pytest.raises(UnknownJob, match=r"No job is called shop\.nobody"):
        flows.start(chain(Job("shop.nobody", print, "work")))


def test_wrong_arguments_are_said_at_the_start(flows: FlowShop) -> None:
    with pytest.raises(BadArguments, match=r"shop\.say: number must be a whole number"):
        flows.start(chain(Step(flows.say, {"number": "one"})))


def test_a_child_claimed_by_the_finishing_worker_needs_no_wake_up(flows: FlowShop) -> None:
    flows.start(chain(*flows.saying(1, 2, 3)))
    flows.work()
    assert flows.order == [1, 2, 3]


def test_steps_are_told_with_what_they_wait_for(flows: FlowShop) -> None:
    uid = flows.start(diamond(flows), requested_by="ada")
    with flows.host.inside():
        told = flows.engine.workflows.steps(uid)
        (page,) = flows.engine.workflows.page(requested_by="ada")
        none = flows.engine.workflows.page(requested_by="ben")
    assert {one.name: one.after for one in told} == {
        "top": (),
        "left": ("top",),
        "right": ("top",),
        "bottom": ("right", "left"),
    }
    assert (page.uid, page.counts, page.settled, page.is_live, none) == (uid, {"ready": 1, "blocked": 3}, 0, True, [])


def test_the_queue_of_a_step_is_its_own(flows: FlowShop) -> None:
    workflow = Workflow("w", Step(flows.say, {"number": 1}, name="1"))
    uid = flows.start(workflow.step("2", flows.say, {"number": 2}, after=["1"], queue="default"))
    with flows.host.inside():
        assert [one.queue for one in flows.engine.workflows.steps(uid)] == ["work", "default"]
    flows.run_ready()
    assert (flows.order, flows.flow_state(uid)) == ([1, 2], "succeeded")


def test_what_undoes_a_step_and_what_is_called_back_have_queues_too(flows: FlowShop) -> None:
    flows.fails = {2}
    undo = Step(flows.take_back, queue="default")
    parts = chain(*flows.saying(1, undo=undo), *flows.saying(2))
    mourn = Step(flows.mourn, queue="default")
    uid = flows.start(Workflow("w", parts, on_failure="compensate", failure_callback=mourn))
    for _ in ("the steps", "what undoes them", "the callback"):
        flows.forget_lanes()
        flows.run_ready()
    with flows.host.inside():
        last = flows.engine.inspector.page(Wanted(kinds=("shop.mourn",)))[0]
    assert (flows.step(uid, "undo 1").queue, [one.queue for one in last]) == ("default", ["default"])
    assert (flows.order, flows.told) == ([1, -1], [{"2": "GiveUp: 2 fails"}])


@pytest.mark.parametrize("place", ["step", "undo", "callback"])
def test_a_queue_that_is_none_is_refused_and_nothing_is_written(flows: FlowShop, place: str) -> None:
    wrong = Step(flows.say, {"number": 1}, queue="nothing")
    shape = {
        "step": Workflow("w", wrong),
        "undo": Workflow("w", Step(flows.say, {"number": 2}, undo=wrong)),
        "callback": Workflow("w", Step(flows.say, {"number": 2}), failure_callback=wrong),
    }[place]
    with pytest.raises(UnknownJob, match=r"^There is no queue called nothing\.$"):
        flows.start(shape)
    assert flows.rows_of_workflows() == 0
