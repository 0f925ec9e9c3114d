"""Workflows: jobs that wait for jobs, as a list and as a picture."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from flask import Blueprint, Response, abort, url_for

from jobs.errors import NoSuchWorkflow, WrongState
from jobs.ledger.flows import FlowState
from jobs.ledger.states import RETRYABLE
from jobs.workflows.looks import StepBrief, WorkflowBrief

from . import layers
from .desk import REASON, Desk, Question, asked, line
from .layers import Node, Picture

ON_A_PAGE = 25
STEPS_ON_A_PAGE = 100
MOST_DRAWN = 120
STATES: Mapping[str, tuple[str, str]] = {
    "running": ("running", "Running"),
    "compensating": ("retrying", "Undoing"),
    "succeeded": ("done", "Done"),
    "failed": ("failed", "Failed"),
    "cancelled": ("cancelled", "Cancelled"),
}
STEP_STATES: Mapping[str, tuple[str, str]] = {
    "blocked": ("scheduled", "Waits for others"),
    "scheduled": ("scheduled", "Scheduled"),
    "ready": ("queued", "Queued"),
    "running": ("running", "Running"),
    "succeeded": ("done", "Done"),
    "cancelled": ("cancelled", "Cancelled"),
    "dead": ("failed", "Failed"),
    "parked": ("failed", "Parked"),
}


class Flows:
    """The pages of workflows."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def index(self) -> Response:
        """Workflows, the newest first."""
        state, below = asked("state"), asked("below", longest=32)
        states = [state] if state in list(FlowState) else []
        found = self._desk.engine.workflows.page(states=states, before_uid=below or None, limit=ON_A_PAGE)
        looks, more = found[:ON_A_PAGE], found[ON_A_PAGE - 1].uid if len(found) > ON_A_PAGE else None
        draw = {"looks": looks, "more": more, "below": below, "state": states[0] if states else "", "states": STATES}
        return self._desk.region("workflows", "_workflows", told_by=(looks, more), draw=lambda: draw)

    def show(self, uid: str) -> Response:
        """One workflow: its steps as a list and as a picture."""
        look = self._found(uid)
        after = asked("after")
        after_id = int(after) if after.isascii() and after.isdecimal() and len(after) < 19 else 0
        steps = self._desk.engine.workflows.steps(uid, after_id=after_id, limit=STEPS_ON_A_PAGE)
        told_by = (look, [(one.state, one.attempt) for one in steps])

        def draw() -> dict[str, Any]:
            return {
                "look": look,
                "steps": steps[:STEPS_ON_A_PAGE],
                "more": steps[STEPS_ON_A_PAGE - 1].id if len(steps) > STEPS_ON_A_PAGE else None,
                "after": after_id,
                "picture": self._picture(look),
                "states": STATES,
                "step_states": STEP_STATES,
                "can_cancel": look.state == FlowState.RUNNING,
                "can_retry": any(look.counts.get(state, 0) for state in RETRYABLE),
                "most_drawn": MOST_DRAWN,
            }

        return self._desk.region("workflow", "_workflow", told_by=told_by, draw=draw)

    def cancel(self, uid: str) -> Response:
        """Cancel what waits, and ask what runs to end."""
        look = self._found(uid)
        told = "What waits is cancelled at once, and what runs is asked to end. What is done stays done."
        question = self._question(look, "Cancel this workflow?", "cancellation", "Cancel it", told)
        return self._act(uid, question, self._desk.engine.workflows.cancel, "It is being cancelled.")

    def retry(self, uid: str) -> Response:
        """Run the steps that failed or were cancelled again."""
        look = self._found(uid)
        bad = sum(look.counts.get(state, 0) for state in RETRYABLE)
        told = f"{bad} {'step runs' if bad == 1 else 'steps run'} again; those that succeeded keep their results."
        question = self._question(look, "Retry from where it failed?", "retry", "Retry", told)
        return self._act(uid, question, self._desk.engine.workflows.retry, "It goes on from where it failed.")

    def _act(self, uid: str, question: Question, do: Callable[..., None], said: str) -> Response:
        def act() -> Response:
            try:
                do(uid, by=self._desk.who(), reason=line("reason") or None)
            except WrongState as error:
                return self._desk.refused(str(error), ".workflow", uid=uid)
            return self._desk.done(said, ".workflow", uid=uid)

        return self._desk.answer(question, act)

    def _question(self, look: WorkflowBrief, question: str, noun: str, word: str, told: str) -> Question:
        return Question(
            title=look.name,
            question=question,
            url=url_for(f".create_workflow_{noun}", uid=look.uid),
            back=url_for(".workflow", uid=look.uid),
            word=word,
            kind="danger" if noun == "cancellation" else "primary",
            sentences=(told,),
            fields=(REASON,),
        )

    def _picture(self, look: WorkflowBrief) -> Picture | None:
        """The graph; none where it is too large to be looked at."""
        if sum(look.counts.values()) > MOST_DRAWN:
            return None
        steps = self._desk.engine.workflows.steps(look.uid, limit=MOST_DRAWN)
        edges = self._desk.engine.workflows.edges(look.uid, limit=MOST_DRAWN * MOST_DRAWN)
        return layers.drawn([*_nodes(steps), *_joints(edges)], edges)

    def _found(self, uid: str) -> WorkflowBrief:
        try:
            return self._desk.engine.workflows.look(uid if uid.isascii() and uid.isalnum() else "")
        except NoSuchWorkflow:
            abort(404)


def _nodes(steps: Sequence[StepBrief]) -> list[Node]:
    return [Node(one.id, one.name, STEP_STATES[one.state][0]) for one in steps]


def _joints(edges: Sequence[tuple[int, int]]) -> list[Node]:
    numbers = sorted({end for edge in edges for end in edge if end < 0}, reverse=True)
    return [Node(number, is_joint=True) for number in numbers]


def mount(bp: Blueprint, desk: Desk) -> None:
    """Put the pages on the blueprint."""
    pages = Flows(desk)
    bp.add_url_rule("/workflows", "workflows", pages.index)
    bp.add_url_rule("/workflows/<uid>", "workflow", pages.show)
    for path, noun, view in (("cancellations", "cancellation", pages.cancel), ("retries", "retry", pages.retry)):
        bp.add_url_rule(f"/workflows/<uid>/{path}", f"workflow_{path}", view)
        bp.add_url_rule(f"/workflows/<uid>/{path}", f"create_workflow_{noun}", view, methods=["POST"])
