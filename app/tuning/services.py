"""Changing settings while the product runs, and having every process follow."""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from typing import Any

from flask import Flask, current_app
from sqlalchemy import delete, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from app.activities.mets import Kind
from app.clock import now
from app.config import Config, ConfigError, agree, declared
from app.db import transaction
from app.errors import Conflict, Invalid
from app.events import MetChanged, announce
from app.security import Person, check_manages, who
from app.settings import Setting, written
from app.web import settings
from jobs import Bell, engine_of

from . import queries
from .knobs import KNOBS
from .models import SettingChange, SettingValue

log = logging.getLogger("metronome.settings")

LOOK_EVERY_S = 3.0
LONGEST_REASON = 500
BELL = "settings"
MEANWHILE = "Somebody changed settings meanwhile. Look at what is shown now, and save again if you still want to."
DEPEND_ON_EACH_OTHER = ("requeue_expiry_s", "requeue_interval_s")
_adopting = threading.Lock()

Changes = Mapping[str, str | None]
"""New texts by the names of settings, written as in the environment; None: as the environment has it."""


def change(changes: Changes, *, by: Person | None, reason: str = "", seen: int | None = None) -> list[str]:
    """Change settings for every process, all or none; the names of those that were not so already.

    `by` is an admin; None in the terminal. `seen` is the version that whoever decides has looked at. This process
    follows at once, the others within seconds.

    Raises:
        NotAllowed: whoever asks is no admin
        Invalid: a value breaks a rule, or it is no setting that may change; names each
        Conflict: the settings have changed since `seen`
    """
    check_manages(by)
    if len(reason) > LONGEST_REASON or not reason.isprintable():
        raise Invalid({"reason": f"The reason must be one line of at most {LONGEST_REASON} characters."})
    with transaction() as session:
        _one_at_a_time(session)
        if seen is not None and seen != queries.version():
            raise Conflict(MEANWHILE)
        before = queries.texts()
        config = settings_with(before)
        wanted = _checked(changes)
        after = {name: found for name, found in (before | wanted).items() if found is not None}
        new = _agreeing(settings_with(after), changes)
        changed = [name for name in wanted if _differs(name, before, after, config, new)]
        _write(session, {name: (before.get(name), after.get(name)) for name in changed}, by=who(by), reason=reason)
        if changed:
            told = {"before": _values(config, changed), "after": _values(new, changed), "reason": reason}
            engine_of().audit.note(by=who(by), action="change settings", subject=", ".join(changed), details=told)
    if changed:
        refresh()
        Bell(engine_of().broker, BELL).ring()
    return changed


def restore(change_id: int, *, by: Person | None, reason: str = "") -> list[str]:
    """Put a setting back to what it was before a change; unless somebody says more, that is the reason.

    Raises:
        NotAllowed: whoever asks is no admin
        NotFound
        Invalid: that value is not allowed any more
    """
    check_manages(by)
    old = queries.change_numbered(change_id)
    return change({old.name: old.before}, by=by, reason=reason or f"Back to before change {change_id}")


def recalculate(kind: Kind, *, by: Person | None, reason: str | None = None) -> None:
    """Have everything of a kind counted again with the MET it has now, in the background. Twice is once.

    Raises:
        NotAllowed: whoever asks is no admin
        Conflict: its MET has never changed, so there is nothing to recalculate
    """
    check_manages(by)
    change_id = queries.newest_change_of(f"met_{kind.value}")
    if not change_id:
        raise Conflict(f"The MET of {kind.value} was never changed here.")
    met = written(getattr(settings(), f"met_{kind.value}"))
    with transaction():
        announce(MetChanged(change_id, kind=kind.value, met=met))
        details = {"met": met, "reason": reason}
        subject = f"activities of {kind.value}"
        engine_of().audit.note(by=who(by), action="recalculate", subject=subject, details=details)


def refresh() -> bool:
    """Take over what was changed since this process last looked; whether anything was."""
    app = current_app
    with _adopting:
        version = queries.version()
        if version == app.extensions.get("settings_version", 0):
            return False
        config = settings_with(queries.texts())
        app.extensions["config"] = config
        app.extensions["when_tuned"](config)
        app.extensions["settings_version"] = version
    return True


def follow(app: Flask) -> Callable[[], None]:
    """Keep the settings of this process as they are decided: at once when told, else every few seconds.

    Gives what ends it.
    """
    bell, ended = Bell(engine_of(app).broker, BELL), threading.Event()

    def watch() -> None:
        while not ended.is_set():
            began = time.monotonic()
            bell.wait(LOOK_EVERY_S)
            if not ended.is_set():
                _look(app)
            if time.monotonic() - began < 0.05:  # whoever rings without end must not keep us busy
                time.sleep(0.05)

    _look(app)
    threading.Thread(target=watch, name="settings", daemon=True).start()
    return ended.set


def settings_with(changed: Mapping[str, str]) -> Config:
    """The settings this process was started with, and what was changed since.

    What this version does not know or allow, another one may have written: it is left out.
    """
    config, known = queries.given_config(), _tunable()
    values: dict[str, Any] = {}
    for name, found in changed.items():
        try:
            values[name] = _read(known[name], found)
        except (KeyError, ValueError):
            log.warning("a stored setting cannot be used", extra={"setting": name})
    return replace(config, **values)


def _look(app: Flask) -> None:
    try:
        with app.app_context():
            if refresh():
                log.info("settings changed", extra={"version": app.extensions["settings_version"]})
    except SQLAlchemyError as error:  # the next look is a few seconds away
        log.debug("cannot look at the settings", extra={"error": str(error)})


def _tunable() -> dict[str, Setting]:
    return {one.name.lower(): one for one in declared() if one.name.lower() in KNOBS}


def _read(one: Setting, found: str) -> Any:
    """The value of a text; an empty one takes away what need not be there."""
    if found:
        return one.read(found)
    if one.default:
        raise ValueError("must not be empty")
    return one.value


def _checked(changes: Changes) -> dict[str, str | None]:
    """The texts as they are kept. Raises Invalid with everything that is wrong."""
    kept: dict[str, str | None] = {}
    wrong: dict[str, str] = {}
    tunable, known = _tunable(), {one.name.lower() for one in declared()}
    for name, given in changes.items():
        if name not in tunable:
            fixed = "It is set in the environment, and a restart takes it over."
            wrong[name] = fixed if name in known else "There is no such setting."
            continue
        try:
            kept[name] = None if given is None else written(_read(tunable[name], given.strip()))
        except ValueError as error:
            wrong[name] = f"It {error}."
    if wrong:
        raise Invalid(wrong)
    return kept


def _agreeing(config: Config, changes: Changes) -> Config:
    """The settings, if those that are changed fit with those they depend on."""
    dependent = [name for name in DEPEND_ON_EACH_OTHER if name in changes]
    try:
        if dependent:
            agree({one.name: getattr(config, one.name) for one in fields(config)})
    except ConfigError as error:
        name, _, sentence = str(error).partition(" ")
        field = name.lower() if name.lower() in dependent else dependent[0]
        raise Invalid({field: f"{KNOBS[name.lower()].label}: it {sentence}"}) from None
    return config


def _differs(name: str, before: Mapping[str, str], after: Mapping[str, str], old: Config, new: Config) -> bool:
    is_put_back = name in before and name not in after
    return is_put_back or getattr(old, name) != getattr(new, name)


def _values(config: Config, names: list[str]) -> dict[str, str]:
    return {name: written(getattr(config, name)) for name in names}


def _write(session: Session, moves: Mapping[str, tuple[str | None, str | None]], *, by: str, reason: str) -> None:
    for name, (was, becomes) in moves.items():
        if becomes is None:
            session.execute(delete(SettingValue).where(SettingValue.name == name))
        else:
            session.merge(SettingValue(name=name, text=becomes))
        session.add(SettingChange(name=name, before=was, after=becomes, by=by, reason=reason, at=now()))
    session.flush()


def _one_at_a_time(session: Session) -> None:
    """Two changes at once would both be checked against what neither of them leaves. SQLite has one writer anyway."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("LOCK TABLE setting_value IN SHARE ROW EXCLUSIVE MODE"))
