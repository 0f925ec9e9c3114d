"""Reading settings: what they are, where they come from, and what became of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import current_app
from sqlalchemy import func, select

from app.activities import queries as activity_queries
from app.activities.mets import Kind
from app.config import Config, declared
from app.db import reading
from app.errors import NotFound
from app.settings import written
from app.web import settings
from jobs import JobBrief, engine_of

from .knobs import KNOBS
from .models import SettingChange, SettingValue

CHANGED_HERE = "changed here"
ON_A_PAGE = 25
LARGEST_ID = 2**31 - 1
COUNT_UP_TO = 10_000


@dataclass(frozen=True, slots=True)
class Shown:
    """A setting as people and programs see it; the value of a secret is never in it."""

    name: str
    value: str
    source: str
    default: str
    says: str
    is_secret: bool

    @property
    def may_change(self) -> bool:
        """Whether it may change while the product runs."""
        return self.name in KNOBS


def given_config() -> Config:
    """The settings as this process was started with them."""
    config: Config = current_app.extensions["given_config"]
    return config


def version() -> int:
    """What grows with every change of a setting."""
    return reading().scalar(select(func.max(SettingChange.id))) or 0


def texts() -> dict[str, str]:
    """What was changed while the product runs, by name."""
    return {row.name: row.text for row in reading().execute(select(SettingValue.name, SettingValue.text))}


def all_settings() -> list[Shown]:
    """Every setting there is, in the order of Config."""
    changed, config, sources = texts(), settings(), given_config().sources
    return [
        Shown(
            name=(name := one.name.lower()),
            value=_told(getattr(config, name), is_secret=one.secret),
            source=CHANGED_HERE if name in changed else sources.get(one.name, "default"),
            default=one.default,
            says=one.says,
            is_secret=one.secret,
        )
        for one in declared()
    ]


def changes(*, before_id: int | None = None, limit: int = ON_A_PAGE) -> tuple[list[SettingChange], int | None]:
    """What was changed, the newest first, and below which id the next page begins, if there is one."""
    query = select(SettingChange).order_by(SettingChange.id.desc()).limit(limit + 1)
    rows = list(reading().scalars(query if before_id is None else query.where(SettingChange.id < before_id)))
    return rows[:limit], rows[limit - 1].id if len(rows) > limit else None


def change_numbered(change_id: int) -> SettingChange:
    """One change. Raises NotFound."""
    found = reading().get(SettingChange, change_id) if 0 < change_id <= LARGEST_ID else None
    if found is None:
        raise NotFound("There is no such change.")
    return found


def newest_change_of(name: str) -> int:
    """The id of the last change of a setting; 0 when there was none."""
    return reading().scalar(select(func.max(SettingChange.id)).where(SettingChange.name == name)) or 0


def to_recalculate() -> Mapping[Kind, int]:
    """How many activities of each kind have another MET than it has now, counted to ten thousand."""
    if not any(newest_change_of(f"met_{kind.value}") for kind in Kind):
        return {}
    counts = {
        kind: activity_queries.count_with_another_met(kind, activity_queries.met_of(kind), most=COUNT_UP_TO)
        for kind in Kind
    }
    return {kind: count for kind, count in counts.items() if count}


def recalculations() -> Mapping[Kind, JobBrief]:
    """The job that recalculates a kind after the last change of its MET, where there is one."""
    ids = {newest_change_of(f"met_{kind.value}"): kind for kind in Kind}
    jobs = engine_of().latest_for("setting_change", [one for one in ids if one])
    return {kind: jobs[change_id] for change_id, kind in ids.items() if change_id in jobs}


def _told(value: Any, *, is_secret: bool) -> str:
    if is_secret:
        return "set" if value else ""
    return written(value)
