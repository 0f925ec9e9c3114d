"""Acting on many jobs: a question that says which and how many, then a bulk operation."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from flask import Blueprint, Response, current_app, flash, redirect, request, url_for

from jobs.bulk.desk import BulkRequest
from jobs.engine import Engine
from jobs.ledger import browsing
from jobs.ledger.bulk import WORKS_ON, Action
from jobs.ledger.selection import Preview, Selection
from jobs.registry import HIGHEST, LOWEST

from . import answers, lists, pages
from .asking import Question
from .pages import words
from .steering import Steering, needed_for

SAMPLE = 5
TYPED_ABOVE = 100
MOST_TICKED = 200
QUESTIONS = {
    Action.RETRY: ("Run", "again", "They go back into their queues with all their tries."),
    Action.CANCEL: ("Cancel", "", "What waits will not run; what runs is asked to end. It can be undone."),
    Action.DELETE: ("Delete", "", "They are gone for good, with all that is told of them."),
    Action.MOVE: ("Move", "to another queue", "The workers of that queue take them. It can be undone."),
    Action.REPRIORITISE: ("Change the priority of", "", "0 is the most urgent, 9 the least. It can be undone."),
}
WORDS = {
    Action.RETRY: "Retry",
    Action.CANCEL: "Cancel",
    Action.DELETE: "Delete",
    Action.MOVE: "Move",
    Action.REPRIORITISE: "Change priority",
}


class Refused(ValueError):
    """What was chosen makes no sense; the text says why, and `field` which part of the form."""

    def __init__(self, sentence: str, field: str = "") -> None:
        self.field = field
        super().__init__(sentence)


@dataclass(frozen=True, slots=True)
class Choice:
    """What shall be done to which jobs: ticked ones, or all that a question means."""

    action: Action
    meant: Selection
    question: Question
    uids: tuple[str, ...]
    is_all: bool

    @property
    def fields(self) -> list[tuple[str, str]]:
        """What carries the choice from page to page."""
        ticked = [("uid", uid) for uid in self.uids]
        return [
            ("action", self.action.value),
            *([("all", "1")] if self.is_all else ticked),
            *self.question.args().items(),
        ]


def mount(bp: Blueprint, engine: Engine, steering: Steering) -> None:
    """Put the question and its answer on the blueprint."""
    of = SelectionPages(engine, steering)
    bp.add_url_rule("/jobs/chosen", "chosen", of.confirm)
    bp.add_url_rule("/jobs/chosen", "act_on_chosen", of.act, methods=["POST"])


class SelectionPages:
    """Acting on many jobs of one engine."""

    def __init__(self, engine: Engine, steering: Steering) -> None:
        self._engine, self._steering = engine, steering

    def confirm(self) -> Response:
        """Say how many jobs are meant, and ask."""
        try:
            choice = self._choice(request.args)
            return self._ask(choice)
        except Refused as error:
            return self._refused(error)

    def act(self) -> Response:
        """Begin the operation and show it."""
        try:
            choice = self._choice(request.form)
            preview = self._preview(choice)
            if not preview.count:
                raise Refused(f"None of these jobs can be {_done(choice.action)} now.")
        except Refused as error:
            return self._refused(error)
        try:
            asked = self._request(choice)
            self._check_number(choice, preview)
            uid = self._steering.begin(asked, reason=_reason())
        except Refused as error:
            return self._ask(choice, error=error)
        except ValueError as error:
            return self._ask(choice, error=Refused(str(error).partition(": ")[2] or str(error)))
        flash(f"{WORDS[choice.action]}: {_number(preview)} jobs, in the background.", "success")
        return redirect(self._address_of(uid), code=303)  # type: ignore[return-value]

    def _ask(self, choice: Choice, *, error: Refused | None = None) -> Response:
        preview = self._preview(choice)
        if not preview.count:
            raise Refused(f"None of these jobs can be {_done(choice.action)} now.")
        begin, end, detail = QUESTIONS[choice.action]
        number = _number(preview)
        return answers.page(
            "chosen",
            status=422 if error else 200,
            choice=choice,
            question=" ".join(filter(None, [begin, number, "job" if preview.count == 1 else "jobs", end])) + "?",
            detail=detail,
            word=f"{WORDS[choice.action]} {number}",
            preview=preview,
            sample=preview.jobs[:SAMPLE],
            must_type=_must_type(choice, preview),
            queues=self._engine.queues,
            priorities=range(HIGHEST, LOWEST + 1),
            error=error,
            now=self._engine.inspector.now(),
            **words(),
        )

    def _refused(self, error: Refused) -> Response:
        empty = lists.nothing(self._engine, Question())
        told: dict[str, Any] = {"look": empty, "wrong": [str(error)], "tag": "", "typed": "", "may_manage": False}
        return answers.page("jobs", status=422, **told, **words())

    def _choice(self, given: Mapping[str, Any]) -> Choice:
        try:
            action = Action(given.get("action", ""))
            allowed = WORKS_ON[action]
        except (ValueError, KeyError):
            raise Refused(f"Choose what to do: {', '.join(WORDS.values())}.") from None
        self._steering.needs(needed_for(action))
        question, wrong = Question.read({name: given.get(name, "") for name in ("state", "q")})
        if wrong:
            raise Refused(" ".join(wrong))
        if given.get("all"):
            return Choice(action, self._all(question, action), question, (), is_all=True)
        uids = tuple(dict.fromkeys(given.getlist("uid")))  # type: ignore[attr-defined]
        if not uids:
            raise Refused("Tick some jobs first, or “All matching”.")
        if len(uids) > MOST_TICKED or not all(pages.is_word(uid) for uid in uids):
            raise Refused(f"Tick up to {MOST_TICKED} jobs, or “All matching”.")
        return Choice(action, Selection(uids=uids, states=tuple(allowed)), question, uids, is_all=False)

    def _all(self, question: Question, action: Action) -> Selection:
        meant = lists.selection_of(self._engine, question)
        states = tuple(one for one in WORKS_ON[action] if not meant.states or one in meant.states)
        if not states:
            raise Refused(f"Jobs that are {question.view.word.lower()} cannot be {_done(action)}.")
        meant = replace(meant, states=states)
        counted = browsing.count(self._engine.host.reading(), meant)
        if counted.is_least and counted.number < browsing.COUNT_UP_TO:
            raise Refused(
                "Too many jobs would have to be looked through. Add a kind:, a state: or since: to the filter."
            )
        return meant

    def _preview(self, choice: Choice) -> Preview:
        if choice.action is Action.REPRIORITISE:
            request_ = BulkRequest(choice.action, choice.meant, priority=LOWEST)
        elif choice.action is Action.MOVE:
            request_ = BulkRequest(choice.action, choice.meant, queue=self._engine.queues[0])
        else:
            request_ = BulkRequest(choice.action, choice.meant)
        return self._engine.bulk.preview(request_)

    def _request(self, choice: Choice) -> BulkRequest:
        queue = priority = None
        if choice.action is Action.MOVE:
            queue = request.form.get("to_queue", "")
            if queue not in self._engine.queues:
                raise Refused("Choose a queue.", "to_queue")
        if choice.action is Action.REPRIORITISE:
            text = request.form.get("priority", "")
            if text not in {str(one) for one in range(HIGHEST, LOWEST + 1)}:
                raise Refused(f"Choose a priority from {HIGHEST} to {LOWEST}.", "priority")
            priority = int(text)
        return BulkRequest(choice.action, choice.meant, priority, queue)

    def _check_number(self, choice: Choice, preview: Preview) -> None:
        if not _must_type(choice, preview):
            return
        typed = "".join(sign for sign in request.form.get("number", "")[:20] if not sign.isspace() and sign not in ",+")
        if typed != str(preview.count):
            raise Refused(f"Type {preview.count}, the number of jobs as it is now, to go on.", "number")

    def _address_of(self, uid: str) -> str:
        """The operation's page, where this console has one; else that of the job which does it."""
        if f"{request.blueprint}.operation" in current_app.view_functions:
            return url_for(".operation", uid=uid)
        return url_for(".job", uid=self._engine.bulk.look(uid).job_uid)


def _reason() -> str | None:
    try:
        return pages.reason_in(request.form)
    except ValueError as error:
        raise Refused(str(error), "reason") from None


def _must_type(choice: Choice, preview: Preview) -> bool:
    return choice.is_all or preview.count > TYPED_ABOVE


def _number(preview: Preview) -> str:
    return pages.grouped(preview.count) + ("+" if preview.has_more else "")


def _done(action: Action) -> str:
    return {
        Action.RETRY: "run again",
        Action.CANCEL: "cancelled",
        Action.DELETE: "deleted",
        Action.MOVE: "moved",
        Action.REPRIORITISE: "given another priority",
    }[action]
