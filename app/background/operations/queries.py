"""What operators look at."""

from collections.abc import Sequence
from datetime import datetime

from app.errors import NotFound
from jobs import (
    AuditRow,
    BulkLook,
    BulkRequest,
    ErrorGroup,
    Kept,
    KindLook,
    NoSuchOperation,
    NoSuchWorker,
    Overview,
    Point,
    Preview,
    QueueLook,
    Range,
    RedisLook,
    Verification,
    WorkerRow,
    engine_of,
)

NO_WORKER = "There is no such process, or it was not heard of for long."


def queues() -> list[QueueLook]:
    """Every queue, by name."""
    return engine_of().inspector.queues()


def queue_named(name: str) -> QueueLook:
    """The queue of that name. Raises NotFound."""
    found = [one for one in queues() if one.name == name]
    if not found:
        raise NotFound("There is no such queue.")
    return found[0]


def kind_named(name: str) -> KindLook:
    """The kind of that name. Raises NotFound."""
    found = [one for one in engine_of().inspector.kinds() if one.name == name]
    if not found:
        raise NotFound("There is no such kind.")
    return found[0]


def workers() -> Sequence[WorkerRow]:
    """The processes that run jobs and sweeps, as far as they were heard of lately."""
    return engine_of().inspector.workers()


def overview() -> Overview:
    """Everything at a glance."""
    return engine_of().inspector.overview()


def errors(*, below_id: int | None, limit: int) -> tuple[list[ErrorGroup], int | None]:
    """A page of errors, the one met last first, and what the next page begins below; None on the last."""
    found = engine_of().inspector.errors(below_id=below_id, limit=limit + 1)
    return found[:limit], found[limit - 1].last_id if len(found) > limit else None


def muted_errors() -> frozenset[str]:
    """The fingerprints of errors that are hidden."""
    return frozenset(engine_of().muted())


def preview_of(request: BulkRequest) -> Preview:
    """The jobs that an operation would meet. Raises ValueError, which begins with the field."""
    return engine_of().bulk.preview(request)


def operation(uid: str) -> BulkLook:
    """The bulk operation with this public id. Raises NotFound."""
    try:
        return engine_of().bulk.look(uid)
    except NoSuchOperation:
        raise NotFound("There is no such operation. It may have been forgotten.") from None


def operations(*, before_id: int | None, limit: int) -> tuple[list[BulkLook], int | None]:
    """A page of bulk operations, the newest first, and what the next page begins below; None on the last."""
    found = engine_of().bulk.page(before_id=before_id, limit=limit + 1)
    return found[:limit], found[limit - 1].id if len(found) > limit else None


def audit(
    *, since: datetime | None, until: datetime | None, before_id: int | None, limit: int
) -> tuple[list[AuditRow], int | None]:
    """A page of what operators did in that time, the newest first, and what the next begins below; None on the last."""
    found = engine_of().audit.page(since=since, until=until, before_id=before_id, limit=limit + 1)
    return found[:limit], found[limit - 1].id if len(found) > limit else None


def verification() -> Verification:
    """Whether the audit log is as it was written."""
    return engine_of().audit.verify()


def worker_named(name: str) -> WorkerRow:
    """The process of that name. Raises NotFound."""
    try:
        return engine_of().crew.named(name)
    except NoSuchWorker:
        raise NotFound(NO_WORKER) from None


def integrity() -> list[Kept]:
    """Every promise of the engine, and what breaks it now."""
    return engine_of().integrity.all()


def broker() -> RedisLook:
    """What lies in Redis."""
    return engine_of().leftovers.look()


def metrics(range_: Range, *, queue: str | None, kind: str | None) -> tuple[list[datetime], list[Point]]:
    """The steps of a range up to now, and what happened in them."""
    engine = engine_of()
    moments = range_.moments(engine.inspector.now())
    return moments, range_.points(engine.rollups, moments, queue=queue, kind=kind)


def counted_to() -> datetime | None:
    """Up to when the history is final; None while nothing was counted."""
    mark = engine_of().rollups.mark()
    return mark.reached_at if mark else None
