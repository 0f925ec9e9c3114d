"""Telling people of an alert."""

import json
import logging
import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import or_, update
from sqlalchemy.orm import Session

from app.alerts import queries as alerts
from app.alerts import wording
from app.alerts.models import Alert, AlertStep
from app.clock import now
from app.db import transaction
from app.mail import Letter, MailDelayed, MailRefused, send
from app.outward import AddressRefused, CallFailed, post
from app.web import address_of, settings

from . import queries

log = logging.getLogger("metronome.alerts")

WAIT_FOR_A_WORKER = timedelta(seconds=10)
Once = Callable[[str, Callable[[str], Any]], Any]
"""Does something outside under a name: once, however often it is tried."""


def tell_people(alert_id: int, *, once: Once) -> dict[str, int]:
    """Mail the alert to every admin who has an address, and call the webhook. Who was told already is not told again.

    Raises:
        MailDelayed, CallFailed: try again
    """
    alert = alerts.alert(alert_id)
    if alert.told_at is not None and alert.asked_at is not None and alert.told_at >= alert.asked_at:
        return {"mails": 0, "webhooks": 0}
    mails = sum(once(f"mail to person {one}", _letter(alert, to)) for one, to in queries.recipients())
    webhooks = once("webhook", _call(alert)) if settings().alert_webhook_url else 0
    with transaction() as session:
        session.execute(update(Alert).where(Alert.id == alert_id).values(told_at=now()))
        _step(session, alert_id, f"Told {mails} by mail{', and the webhook' if webhooks else ''}")
    return {"mails": mails, "webhooks": webhooks}


def tell_without_worker() -> int:
    """Tell people from this very process when no worker is there to do it; how many alerts.

    Of several processes one does: it marks the alert before, and takes the mark away if nobody could be told.
    """
    if queries.has_worker():
        return 0
    told = 0
    for alert_id in queries.untold(asked_before=now() - WAIT_FOR_A_WORKER):
        if _claimed(alert_id):
            told += _told_here(alert_id)
    return told


def write_files() -> int:
    """Write the file of every alert that has none; how many. Writing it twice writes the same."""
    found = [(one.id, one.type, one) for one in queries.without_file()]
    for alert_id, type_, alert in found:
        name = wording.file_name(type_, alert.raised_at, alert_id)
        write_file(name, _file_text(alert))
        with transaction() as session:
            session.execute(update(Alert).where(Alert.id == alert_id).values(file=name))
    return len(found)


def write_file(name: str, content: str) -> Path:
    """Write one file into ERROR_REPORTS_DIR, which is made when it is missing."""
    folder = settings().error_reports_dir or settings().data_dir / "error_reports"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    file = folder / name
    draft = file.with_name(f".{name}.{os.getpid()}")
    draft.write_text(content, encoding="utf-8")
    draft.replace(file)
    return file


def link_to(alert_id: int) -> str:
    """The address of the alert's page."""
    return address_of(f"/ops/alerts/{alert_id}")


def _letter(alert: Alert, to: str) -> Callable[[str], int]:
    def act(key: str) -> int:
        text = wording.mail_text(
            type_=alert.type,
            title=alert.title,
            words=alert.words,
            times=alert.times,
            raised_at=alert.raised_at,
            last_at=alert.last_at,
            link=link_to(alert.id),
        )
        try:
            send(Letter(to=to, subject=wording.mail_subject(alert.title, alert.times), text=text, key=key))
        except MailRefused as refusal:
            log.warning("alert not mailed", extra={"alert": alert.id, "why": str(refusal)})
            return 0
        return 1

    return act


def _call(alert: Alert) -> Callable[[str], int]:
    def act(key: str) -> int:
        told = {name: getattr(alert, name) for name in ("id", "rule", "type", "severity", "title", "words", "times")}
        told |= {name: getattr(alert, name).isoformat() for name in ("raised_at", "last_at")}
        body = json.dumps(wording.payload(told, link=link_to(alert.id))).encode()
        headers = {"Content-Type": "application/json", "Idempotency-Key": key}
        config = settings()
        try:
            post(str(config.alert_webhook_url), body, headers=headers, trusted=config.webhook_trusted_hosts)
        except AddressRefused as refusal:
            log.warning("webhook not called", extra={"alert": alert.id, "why": str(refusal)})
            return 0
        return 1

    return act


def _claimed(alert_id: int) -> bool:
    with transaction() as session:
        free = or_(Alert.told_at.is_(None), Alert.told_at < Alert.asked_at)
        mine = update(Alert).where(Alert.id == alert_id, free).values(told_at=now())
        return session.execute(mine.returning(Alert.id)).first() is not None


def _told_here(alert_id: int) -> bool:
    alert = alerts.alert(alert_id)
    key = f"alert {alert_id} at {alert.asked_at}"
    try:
        mails = sum(_letter(alert, to)(f"{key}: {one}") for one, to in queries.recipients())
        webhooks = _call(alert)(f"{key}: webhook") if settings().alert_webhook_url else 0
    except (MailDelayed, CallFailed) as error:
        log.warning("alert not told yet", extra={"alert": alert_id, "why": str(error)})
        with transaction() as session:
            session.execute(update(Alert).where(Alert.id == alert_id).values(told_at=None))
        return False
    with transaction() as session:
        _step(session, alert_id, f"Told {mails} by mail{', and the webhook' if webhooks else ''}, without a worker")
    return True


def _file_text(alert: Alert) -> str:
    return wording.file_text(
        type_=alert.type,
        title=alert.title,
        words=alert.words,
        severity=alert.severity,
        times=alert.times,
        raised_at=alert.raised_at,
    )


def _step(session: Session, alert_id: int, words: str) -> None:
    session.add(AlertStep(alert_id=alert_id, at=now(), words=words))
