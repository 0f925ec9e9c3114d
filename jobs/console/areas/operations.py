"""Bulk operations: what was done to many jobs at once, how far it is, and the way back."""

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, Response, abort, url_for

from jobs.bulk.desk import BulkLook
from jobs.errors import NoSuchOperation, WrongState
from jobs.ledger.bulk import CAN_BE_UNDONE
from jobs.ledger.states import LIVE

from .desk import REASON, Desk, Question, line, page_number

ON_A_PAGE = 25
DOES: Mapping[str, str] = {
    "retry": "Retry",
    "cancel": "Cancel",
    "delete": "Delete",
    "move": "Move",
    "reprioritise": "Change the priority of",
    "undo": "Put back",
}
STATE_KEYS = {"succeeded": "done", "ready": "queued", "dead": "failed", "parked": "failed", "scheduled": "retrying"}
STATE_WORDS = {"succeeded": "Done", "ready": "Queued", "dead": "Failed", "parked": "Parked", "scheduled": "Retrying"}


class Operations:
    """The pages of bulk operations."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def index(self) -> Response:
        """Operations, the newest first."""
        below = page_number("below")
        found = self._desk.engine.bulk.page(before_id=below, limit=ON_A_PAGE + 1)
        looks, more = found[:ON_A_PAGE], found[ON_A_PAGE - 1].id if len(found) > ON_A_PAGE else None
        draw = {"looks": looks, "more": more, "below": below, **_words()}
        return self._desk.region("operations", "_operations", told_by=(looks, more), draw=lambda: draw)

    def show(self, uid: str) -> Response:
        """One operation: which jobs it meant, and what became of them."""
        look = self._found(uid)
        draw = {"look": look, "can_undo": can_undo(look), "can_cancel": look.state in LIVE, **_words()}
        return self._desk.region("operation", "_operation", told_by=look, draw=lambda: draw)

    def cancel(self, uid: str) -> Response:
        """Stop it where it is."""
        look = self._found(uid)
        told = f"{look.done} jobs are changed already and stay so. Cancelling can be undone where the operation can."
        question = self._question(look, "Stop this operation?", "cancellation", "Stop it", told)

        def do() -> Response:
            try:
                at_once = self._desk.engine.bulk.cancel(uid, by=self._desk.who(), reason=line("reason") or None)
            except WrongState as error:
                return self._desk.refused(str(error), ".operation", uid=uid)
            said = "It is stopped." if at_once else "It stops after the jobs it is at."
            return self._desk.done(said, ".operation", uid=uid)

        return self._desk.answer(question, do)

    def undo(self, uid: str) -> Response:
        """Put the jobs back as they were."""
        look = self._found(uid)
        told = f"{look.done} jobs are put back as they were, except those that somebody has changed since."
        question = self._question(look, "Undo this operation?", "undo", "Undo it", told)

        def do() -> Response:
            try:
                new = self._desk.engine.bulk.undo(uid, by=self._desk.who(), reason=line("reason") or None)
            except WrongState as error:
                return self._desk.refused(str(error), ".operation", uid=uid)
            return self._desk.done("It is being undone.", ".operation", uid=new)

        return self._desk.answer(question, do)

    def _question(self, look: BulkLook, question: str, noun: str, word: str, told: str) -> Question:
        return Question(
            title=title_of(look),
            question=question,
            url=url_for(f".create_{noun}", uid=look.uid),
            back=url_for(".operation", uid=look.uid),
            word=word,
            kind="danger" if noun == "cancellation" else "primary",
            sentences=(told,),
            fields=(REASON,),
        )

    def _found(self, uid: str) -> BulkLook:
        try:
            return self._desk.engine.bulk.look(uid)
        except NoSuchOperation:
            abort(404)


def can_undo(look: BulkLook) -> bool:
    """Whether there is a way back that nobody has gone."""
    return look.action in CAN_BE_UNDONE and look.undone_by is None and look.state not in LIVE


def title_of(look: BulkLook) -> str:
    """What it does, in words: `Cancel jobs in the queue reports`."""
    meant = look.selection
    parts = [f"{DOES[look.action]} jobs"]
    if meant.get("kinds"):
        parts.append(f"of {', '.join(meant['kinds'][:3])}{' and others' if len(meant['kinds']) > 3 else ''}")
    if meant.get("queue"):
        parts.append(f"in the queue {meant['queue']}")
    if meant.get("requested_by"):
        parts.append(f"of {meant['requested_by']}")
    if meant.get("fingerprint"):
        parts.append(f"with the error {meant['fingerprint']}")
    if meant.get("uids"):
        parts.append(f"picked by hand ({len(meant['uids'])})")
    if look.queue:
        parts.append(f"to the queue {look.queue}")
    if look.priority is not None:
        parts.append(f"to {look.priority}")
    return " ".join(parts)


def state_of(look: BulkLook) -> tuple[str, str]:
    """The lane and the word of an operation's state."""
    return STATE_KEYS.get(look.state, look.state), STATE_WORDS.get(look.state, look.state.capitalize())


def _words() -> dict[str, Any]:
    return {"title_of": title_of, "state_of": state_of}


def mount(bp: Blueprint, desk: Desk) -> None:
    """Put the pages on the blueprint."""
    pages = Operations(desk)
    bp.add_url_rule("/operations", "operations", pages.index)
    bp.add_url_rule("/operations/<uid>", "operation", pages.show)
    for path, noun, view in (("cancellations", "cancellation", pages.cancel), ("undos", "undo", pages.undo)):
        bp.add_url_rule(f"/operations/<uid>/{path}", f"operation_{path}", view)
        bp.add_url_rule(f"/operations/<uid>/{path}", f"create_{noun}", view, methods=["POST"])
