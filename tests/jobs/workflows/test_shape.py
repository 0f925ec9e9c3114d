"""The shape of workflows and the graph that comes of it, without any database."""

from datetime import datetime

import pytest

from jobs import Job, OnFailure, Step, Workflow, chain, chord, group
from jobs.workflows.plan import WIDTH, planned
from jobs.workflows.shape import MOST_LAYERS, MOST_STEPS, as_workflow


def job(name: str) -> Job:
    return Job(f"shop.{name}", lambda: None, "work")


A, B, C, D = (job(name) for name in "abcd")


def after(shape: object) -> dict[str, list[str]]:
    workflow = as_workflow(shape)  # type: ignore[arg-type]
    return {node.name: list(node.after) for node in workflow.nodes.values()}


def test_a_chain_runs_one_after_the_other() -> None:
    assert after(chain(A, B, C)) == {"a": [], "b": ["a"], "c": ["b"]}


def test_a_group_runs_side_by_side() -> None:
    assert after(group(A, B)) == {"a": [], "b": []}


def test_a_chord_ends_with_its_callback() -> None:
    assert after(chord([A, B], C)) == {"a": [], "b": [], "c": ["a", "b"]}


def test_groups_in_a_chain_wait_for_all_of_each_other() -> None:
    assert after(chain(group(A, B), group(C, D))) == {"a": [], "b": [], "c": ["a", "b"], "d": ["a", "b"]}


def test_chains_in_a_group_go_their_own_ways() -> None:
    assert after(group(chain(A, B), chain(C, D))) == {"a": [], "b": ["a"], "c": [], "d": ["c"]}


def test_steps_may_wait_for_what_is_added_later() -> None:
    workflow = Workflow("sum").step("sum", C, after=["left", "right"]).step("left", A).step("right", B)
    plan = planned(workflow)
    assert [plan.nodes[number].name for number in plan.order] == ["left", "right", "sum"]


def test_parts_may_be_added_behind_steps() -> None:
    workflow = Workflow("more").step("first", A).add(group(B, C), after=["first"])
    assert after(workflow) == {"first": [], "b": ["first"], "c": ["first"]}


def test_steps_of_the_same_job_are_numbered() -> None:
    assert list(after(chain(A, A, Step(A, name="a 3"), A))) == ["a", "a 2", "a 3", "a 4"]


def test_the_success_callback_waits_for_every_end() -> None:
    plan = planned(Workflow("all", group(chain(A, B), C), success_callback=D))
    names = [node.name for node in plan.nodes]
    assert names == ["a", "b", "c", "on success"]
    assert sorted(plan.edges) == [(0, 1, 0), (1, 3, 0), (2, 3, 1)]


def test_a_small_graph_has_no_joins() -> None:
    plan = planned(Workflow("small", chord([A] * WIDTH, B)))
    assert (plan.ends, plan.joins, plan.pending) == (2, 0, {WIDTH: WIDTH})


def test_a_wide_group_counts_on_joins() -> None:
    plan = planned(Workflow("wide", chord([A] * 10_000, B)))
    joins = {node: pending for node, pending in plan.pending.items() if node < 0}
    assert (plan.ends, plan.joins, plan.pending[10_000]) == (101, 100, 100)
    assert (sum(joins.values()), max(joins.values())) == (10_000, 112)
    assert sorted(joins) == list(range(-201, -101))


def test_a_very_wide_group_counts_on_joins_of_joins() -> None:
    plan = planned(Workflow("wider", chord([A] * 15_000, B)))
    assert (plan.joins, plan.pending[15_000]) == (152, 2)


def test_two_groups_in_a_row_meet_in_one_join() -> None:
    plan = planned(Workflow("meeting", chain(group(*[A] * 5_000), group(*[B] * 5_000))))
    assert (len(plan.edges), plan.pending[9_999]) == (10_050, 1)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (chain, "a chain has at least one part"),
        (group, "a group has at least one part"),
        (lambda: Workflow(""), "a workflow's name has 1 to 128 characters"),
        (lambda: planned(Workflow("none")), "none: a workflow has at least one step"),
        (lambda: Workflow("w").step("", A), "a step's name has 1 to 60 characters"),
        (lambda: Workflow("w").step("x" * 61, A), "a step's name has 1 to 60 characters"),
        (lambda: Workflow("w").step("undo a", A), "the engine keeps the name undo a for itself"),
        (lambda: Workflow("w").step("x", A).step("x", B), "w: two steps are called x"),
        (lambda: Workflow("w").step("x", A, after="y"), "after takes a list of step names"),
        (lambda: planned(Workflow("w").step("x", A, after=["y"])), "w: x waits for y, which is not a step"),
        (lambda: planned(Workflow("w").step("x", A, after=["x"])), "w: x waits for itself, in a circle"),
        (
            lambda: planned(Workflow("w").step("o", C).step("x", A, after=["y"]).step("y", A, after=["x"])),
            "w: x waits for itself, in a circle",
        ),
        (lambda: Workflow("w").step("x", A, priority=10), "shop.a: priority must be between 0 and 9"),
        (lambda: Workflow("w").step("x", A, run_at=datetime(2026, 1, 1)), "shop.a: run_at needs a time zone"),  # noqa: DTZ001
        (lambda: Workflow("w", A, on_failure="pray"), "'pray' is not a valid OnFailure"),
        (lambda: Workflow("w", "a"), "a workflow is made of steps and jobs, not of str"),
        (
            lambda: Workflow("w", chain(group(*[A] * MOST_STEPS), A)),
            "w: a workflow has at most 20000 steps",
        ),
        (lambda: group(*[A] * (MOST_STEPS + 1)), "a group has at most 20000 parts"),
    ],
)
def test_what_is_no_workflow_is_said(make: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()  # type: ignore[operator]


def test_parts_lie_only_so_deep_in_each_other() -> None:
    part = chain(A)
    for _ in range(MOST_LAYERS + 1):
        part = chain(part)
    with pytest.raises(ValueError, match="w: parts may lie 50 deep in each other"):
        Workflow("w", part)


def test_a_graph_with_too_many_edges_is_refused() -> None:
    workflow = Workflow("dense")
    names: list[str] = []
    for number in range(700):
        names.append(f"s{number}")
        workflow.step(names[-1], A, after=names[:-1])
    with pytest.raises(ValueError, match="a workflow has at most 200000 dependencies"):
        planned(workflow)


def test_the_policy_may_be_said_as_a_word() -> None:
    assert Workflow("w", A, on_failure="go_on").on_failure is OnFailure.GO_ON
