"""Keeping the numbers everybody asks for, in Redis and right."""

import time

from flask import current_app
from sqlalchemy.exc import SQLAlchemyError

from app.activities import metrics as activities
from app.clock import now
from app.db import reading
from jobs import engine_of
from jobs.metrics import Board, mark, totals

from .numbers import Kept, Numbers

BOARD = "numbers"
HERE = "numbers_kept_here"


def numbers() -> Numbers:
    """The numbers, from Redis while nothing has changed; counted again when something has, or Redis lost them.

    While Redis is away this process keeps its own copy. They are counted from the ledger and the activities, so that
    no rerun of a job and no loss of Redis makes them wrong.
    """
    board = Board(engine_of().broker, BOARD)
    fields = board.read()
    kept = current_app.extensions.get(HERE) if fields is None else Kept.read(fields)
    seen = f"{mark(reading())}|{activities.mark()}"
    if kept is None or not kept.will_do(seen, now=now().timestamp()):
        kept = _count(kept, seen)
        board.write(kept.written())
        current_app.extensions[HERE] = kept
    return kept.numbers


def known_numbers() -> Numbers:
    """The numbers; while the database is away, as they were last counted.

    Raises:
        SQLAlchemyError: the database is away, and nobody knows them
    """
    try:
        return numbers()
    except SQLAlchemyError:
        kept = Kept.read(Board(engine_of().broker, BOARD).read() or {}) or current_app.extensions.get(HERE)
        if kept is None:
            raise
        last: Numbers = kept.numbers
        return last


def _count(before: Kept | None, seen: str) -> Kept:
    began = time.perf_counter()
    jobs, sums = totals(reading(), before.count if before else None), activities.sums()
    earlier = before.numbers if before else None
    logged = {kind: max(count, (earlier.logged if earlier else {}).get(kind, 0)) for kind, count in sums.logged.items()}
    return Kept(
        Numbers(
            tasks_started=jobs.started,
            tasks_completed=jobs.completed,
            tasks_failed=jobs.failed,
            total_calories=sums.energy_kcal,
            burned_kcal=max(sums.energy_kcal, earlier.burned_kcal) if earlier else sums.energy_kcal,
            logged=logged,
            settled=jobs.settled,
        ),
        mark=seen,
        at=now().timestamp(),
        cost_s=time.perf_counter() - began,
        count=jobs.count,
    )
