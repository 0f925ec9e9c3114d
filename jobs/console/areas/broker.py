"""What lies in Redis, beside what the ledger knows; and tidying it up."""

from flask import Blueprint, Response, url_for

from jobs.dispatch.shelves import RedisLook
from jobs.errors import RedisAway
from jobs.ledger import census
from jobs.ledger.states import State
from jobs.leftovers import orphans

from .desk import REASON, Desk, Question, line


class BrokerPages:
    """The page of the broker."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def show(self) -> Response:
        """Redis by queue, its processes, and what nobody holds."""
        look = self._desk.engine.leftovers.look()
        ready = self._ready()
        told_by = (look.problem, look.shelves, [(one.broker_id, one.is_silent) for one in look.beats], ready)
        draw = {"look": look, "ready": ready, "skew_s": self._skew_s(look), "orphans": orphans(look)}
        return self._desk.region("broker", "_broker", told_by=told_by, draw=lambda: draw)

    def repair(self) -> Response:
        """Remove what nobody holds, and wake workers for whatever is ready."""
        question = Question(
            title="Broker",
            question="Tidy up and wake workers?",
            url=url_for(".create_broker_repair"),
            back=url_for(".broker"),
            word="Tidy up",
            sentences=("What nobody holds is removed from Redis, and workers are woken for all that is ready.",),
            fields=(REASON,),
        )

        def do() -> Response:
            try:
                removed = self._desk.engine.leftovers.tidy_up(by=self._desk.who(), reason=line("reason") or None)
            except RedisAway:
                return self._desk.refused("Redis is away.", ".broker")
            some = "Nothing was left over" if not removed else f"{removed} leftovers are removed"
            return self._desk.done(f"{some}, and workers are woken for all that is ready.", ".broker")

        return self._desk.answer(question, do)

    def _ready(self) -> dict[str, int]:
        live = census.live_counts(self._desk.session)
        return {queue: live.get((queue, State.READY), 0) for queue in self._desk.engine.queues}

    def _skew_s(self, look: RedisLook) -> float | None:
        """By how much the clock of Redis is ahead of the database's."""
        return None if look.problem else round(look.now_s - self._desk.now.timestamp(), 2)


def mount(bp: Blueprint, desk: Desk) -> None:
    """Put the page on the blueprint."""
    pages = BrokerPages(desk)
    bp.add_url_rule("/broker", "broker", pages.show)
    bp.add_url_rule("/broker/repairs", "broker_repairs", pages.repair)
    bp.add_url_rule("/broker/repairs", "create_broker_repair", pages.repair, methods=["POST"])
