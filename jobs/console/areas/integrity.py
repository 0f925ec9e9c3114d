"""Every promise of the engine as a row: it holds, or what breaks it, and what mends it."""

from flask import Blueprint, Response, abort, url_for

from jobs.integrity import PROMISES

from .desk import REASON, Desk, Question, line

PLACES = {"job": "job", "workflow": "workflow", "schedule": "schedule"}
UNSEEN = (
    ("I6", "Under a fault every answer is a proper one, never a stack trace."),
    ("I7", "One line in the log for an outage, not one for each job."),
    ("I8", "Memory and open files stay flat."),
)
"""What a living ledger cannot show; the tests do."""


class IntegrityPages:
    """The page of the integrity."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def show(self) -> Response:
        """Whether all that is promised holds."""
        kept = self._desk.engine.integrity.all()
        told_by = [(one.promise.key, one.finding) for one in kept]
        draw = {
            "kept": sorted(kept, key=lambda one: one.promise.number),
            "broken": sum(not one.holds for one in kept),
            "places": PLACES,
            "unseen": UNSEEN,
        }
        return self._desk.region("integrity", "_integrity", told_by=told_by, draw=lambda: draw)

    def repair(self, key: str) -> Response:
        """Mend one."""
        promise = next((one for one in PROMISES if one.key == key), None)
        if promise is None or promise.mend is None:
            abort(404)
        question = Question(
            title="Integrity",
            question=f"{promise.mend}?",
            url=url_for(".create_repair", key=key),
            back=url_for(".integrity"),
            word=promise.mend,
            sentences=(f"What is to hold: {promise.words}",),
            fields=(REASON,),
        )

        def do() -> Response:
            kept = self._desk.engine.integrity.mend(key, by=self._desk.who(), reason=line("reason") or None)
            if kept.holds:
                return self._desk.done(f"Mended: {kept.promise.words}", ".integrity")
            left = f"{kept.finding.count} are still as they were"
            return self._desk.done(f"{left}; what is not due yet or held by somebody takes a moment.", ".integrity")

        return self._desk.answer(question, do)


def mount(bp: Blueprint, desk: Desk) -> None:
    """Put the page on the blueprint."""
    pages = IntegrityPages(desk)
    bp.add_url_rule("/integrity", "integrity", pages.show)
    bp.add_url_rule("/integrity/<key>/repairs", "repairs", pages.repair)
    bp.add_url_rule("/integrity/<key>/repairs", "create_repair", pages.repair, methods=["POST"])
