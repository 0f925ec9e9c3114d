"""Looking how the system is, and telling people when it is not well."""

import http.client
import logging
import shutil
import time
from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from flask import current_app
from sqlalchemy import case, delete, insert
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from app import mail
from app.alerts.conditions import Line
from app.alerts.telling import queries as recipients
from app.alerts.telling import services as telling
from app.alerts.watch import services as watch
from app.alerts.wording import file_name, file_text, mail_subject, mail_text
from app.clock import now
from app.db import insert_into, transaction
from app.mail import Letter, MailDelayed, MailRefused
from app.monitoring import queries as looking
from app.monitoring.queries import Condition, Part
from app.stream import Kind, Level, tell
from app.units import size
from app.web import settings
from jobs import engine_of

from . import queries
from .answers import Answer, read_answer
from .models import HealthCheck, HealthPart

log = logging.getLogger("metronome.health")

DEADLINE_S = 5.0
LARGEST_ANSWER = 20_000
KEPT = timedelta(days=7)
AUDIT_EVERY = timedelta(days=1)
MAIL_EVERY = 6
"""Intervals between two looks at the mail server."""
LEAST_FREE_BYTES = 500_000_000
IN_A_ROW = 3
WEB = Line(raised_at=IN_A_ROW, cleared_at=0)
PART = Line(raised_at=IN_A_ROW, cleared_at=0)
"""Intervals for which a part has not been well."""
WATCHED_OTHERWISE = {"workers", "scheduler", "audit log"}
"""Parts that have rules of their own, or cannot tell of themselves."""
AUDIT = "audit log"
SHOUTED = "shouted_at"
SHOUT_TO = "shout_to"


def check() -> None:
    """Call the web's health endpoint, look at every part, write both down, and raise or resolve alerts.

    While the database is away nothing can be written there: then a file and a mail say so, once.
    """
    answer, status, latency_ms = call(address())
    parts = [(part, took_ms) for part, took_ms in probe()]
    level = {"ok": Level.INFO, "degraded": Level.WARNING}.get(answer.condition, Level.ERROR)
    words, took_ms = f"The web is {answer.condition}: {answer.words}", round(latency_ms, 1)
    tell(Kind.HEALTH, "web", words, level=level, status=status or 0, took_ms=took_ms)
    try:
        with transaction(durable=False) as session:
            row = {"at": now(), "condition": answer.condition, "words": answer.words}
            session.execute(insert(HealthCheck).values(**row, status=status, latency_ms=latency_ms))
            for part, took_ms in parts:
                note_part(session, part, took_ms=took_ms)
        current_app.extensions[SHOUT_TO] = recipients.recipients()
        current_app.extensions.pop(SHOUTED, None)
        _alert(answer)
    except SQLAlchemyError as error:
        _shout(error)


def address() -> str:
    """Where the web's health is asked for."""
    config = settings()
    if config.health_url:
        return config.health_url
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(config.host, config.host)  # noqa: S104 -- whom it listens for
    return f"http://{f'[{host}]' if ':' in host else host}:{config.port}/readyz"


def call(url: str) -> tuple[Answer, int | None, float]:
    """Ask once: what it means, the status, and how many milliseconds it took."""
    parts, began = urlsplit(url), time.perf_counter()
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(str(parts.hostname), parts.port, timeout=DEADLINE_S)
    try:
        connection.request("GET", f"{parts.path or '/'}{f'?{parts.query}' if parts.query else ''}")
        response = connection.getresponse()
        status, text = response.status, response.read(LARGEST_ANSWER).decode("utf-8", "replace")
    except (OSError, http.client.HTTPException) as error:
        status, text = None, f"The web does not answer: {error or type(error).__name__}."
    finally:
        connection.close()
    return read_answer(status, text), status, (time.perf_counter() - began) * 1000


def probe() -> Iterable[tuple[Part, float]]:
    """Every part, with the milliseconds that looking took. The mail server is asked now and then."""
    database, took_ms = _timed(looking.database_part)
    yield database, took_ms
    looks: list[Callable[[], Part]] = [looking.redis_part, disk_part]
    if database.condition is not Condition.DOWN:
        looks += [looking.migrations_part, looking.workers_part, looking.scheduler_part]
        known = queries.part_named("mail")
        if settings().mail_url and (known is None or now() - known.looked_at >= _intervals(MAIL_EVERY)):
            looks.append(mail_part)
    for look in looks:
        yield _timed(look)


def disk_part() -> Part:
    """The disk that DATA_DIR is on."""
    free = shutil.disk_usage(settings().data_dir).free
    if free < LEAST_FREE_BYTES:
        return Part("disk", Condition.DEGRADED, f"{size(free)} free", "Make room: a full disk stops all writing.")
    return Part("disk", Condition.OK, f"{size(free)} free")


def mail_part() -> Part:
    """The mail server."""
    trouble = mail.trouble_with_mail(str(settings().mail_url), deadline_s=DEADLINE_S)
    if trouble is None:
        return Part("mail", Condition.OK, "it greets")
    return Part("mail", Condition.DEGRADED, trouble, "See MAIL_URL; mail waits and is tried again.")


def note_part(session: Session, part: Part, *, took_ms: float) -> None:
    """Write down how a part is; `since` stays as long as it is so."""
    at = now()
    values: dict[str, Any] = {"condition": str(part.condition), "words": part.words[:300], "remedy": part.remedy[:300]}
    row = {"name": part.name, **values, "took_ms": took_ms, "looked_at": at, "since": at}
    new = insert_into(session, HealthPart).values(row)
    told = {name: getattr(new.excluded, name) for name in (*values, "took_ms", "looked_at")}
    since = case((HealthPart.condition != new.excluded.condition, new.excluded.since), else_=HealthPart.since)
    session.execute(new.on_conflict_do_update(index_elements=["name"], set_={**told, "since": since}))


def verify_audit() -> bool | None:
    """Walk the audit log, at most once a day; whether it is as it was written, None when it is not yet time."""
    known = queries.part_named(AUDIT)
    if known is not None and known.condition == Condition.OK and now() - known.looked_at < AUDIT_EVERY:
        return None
    began = time.perf_counter()
    found = engine_of().audit.verify()
    words = found.counted if found.is_whole else str(found.problem)
    remedy = "" if found.is_whole else "Compare it with a backup: somebody changed the database by hand."
    part = Part(AUDIT, Condition.OK if found.is_whole else Condition.DOWN, words, remedy)
    with transaction() as session:
        note_part(session, part, took_ms=(time.perf_counter() - began) * 1000)
    about = f" First broken entry: {found.broken_id}." if found.broken_id else ""
    watch.judge(AUDIT, float(not found.is_whole), Line(1, 0), words=f"{words}{about} {remedy}".strip())
    return found.is_whole


def forget_old() -> int:
    """Remove looks that are older than a week; how many."""
    with transaction(durable=False) as session:
        gone = session.execute(delete(HealthCheck).where(HealthCheck.at < now() - KEPT))
        return int(gone.rowcount)  # type: ignore[attr-defined]


def _intervals(count: int) -> timedelta:
    return timedelta(seconds=count * settings().health_interval_s)


def _timed(look: Callable[[], Part]) -> tuple[Part, float]:
    began = time.perf_counter()
    part = look()
    return part, (time.perf_counter() - began) * 1000


def _alert(answer: Answer) -> None:
    watch.judge("health", float(queries.failed_in_a_row(IN_A_ROW)), WEB, words=f"{answer.words} Asked at {address()}.")
    for part in queries.parts():
        if part.name in WATCHED_OTHERWISE:
            continue
        unwell = 0.0 if part.condition == Condition.OK else (now() - part.since) / _intervals(1)
        words = f"{part.name}: {part.words}. {part.remedy}"
        watch.judge("part of the system", unwell, PART, about=part.name, words=words)


def _shout(error: SQLAlchemyError) -> None:
    """The last way to be heard: once for each time that the database goes away."""
    log.error("health not written, the database is away", extra={"error": str(error)[:300]})
    if SHOUTED in current_app.extensions:
        return
    at = current_app.extensions[SHOUTED] = now()
    title, words = "The database is away", str(getattr(error, "orig", None) or error).strip()[:300]
    text = file_text(type_="Health", title=title, words=words, severity="critical", times=1, raised_at=at)
    telling.write_file(file_name("Health", at, 0), text)
    told: dict[str, Any] = {
        "type_": "Health",
        "title": title,
        "words": words,
        "times": 1,
        "raised_at": at,
        "last_at": at,
    }
    for _, to in current_app.extensions.get(SHOUT_TO, []):
        letter = Letter(to, mail_subject(title, 1), mail_text(**told, link=telling.link_to(0)), f"health {at}")
        try:
            mail.send(letter)
        except (MailRefused, MailDelayed) as trouble:
            log.warning("nobody could be told", extra={"why": str(trouble)})
