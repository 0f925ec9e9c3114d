"""Settings: the only reader of the environment."""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any, Self
from zoneinfo import ZoneInfo

from dotenv import dotenv_values

from app import settings as read
from app.settings import ROOT, ConfigError, Setting, described, setting

__all__ = ["PRIVATE_REDIS", "ROOT", "Config", "ConfigError", "agree", "declared"]

PRIVATE_REDIS = "redis.sock"
"""Where in DATA_DIR the Redis listens that is started where none is set."""

NOT_OURS = {
    *("POSTGRES_PASSWORD", "REDIS_PASSWORD", "POSTGRES_USER", "POSTGRES_DB", "TZ", "PROMETHEUS_MULTIPROC_DIR"),
    *("GRAFANA_PASSWORD", "PUBLIC_HOST"),
}
"""Names a .env file may hold for others: docker compose, the C library, the Prometheus client."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Everything that can be set, each under its own name in capitals. Docs: .env.example, in the same order."""

    # Where things are
    data_dir: Path = setting("var", read.path, "Folder for all that must survive: database, Redis, keys, logs.")
    database_url: str = setting(
        "", read.database_url, "Database; empty: SQLite in DATA_DIR. PostgreSQL: postgresql://…", secret=True
    )
    redis_url: str | None = setting(
        "", read.redis_url, "Redis; empty: none, jobs still run, a second later. bin/run starts its own.", secret=True
    )
    redis_strict: bool = setting(
        "false", read.yes_or_no, "Whether a Redis that may throw data away stops the start; one away does not."
    )
    secret_key: str = setting(
        "", read.secret_key, "Signs cookies and links, 32 bytes or more; empty: made once in DATA_DIR.", secret=True
    )

    # The web
    host: str = setting("127.0.0.1", read.host, "Address the web server listens on; 0.0.0.0 for every one.")
    port: int = setting("8000", read.whole(1, 65535), "Port of the web server.")
    web_threads: int = setting("8", read.whole(1, 64), "Threads that answer requests, in each web process.")
    public_url: str | None = setting("", read.web_url, "Where people reach it, for links; https turns on HSTS.")
    trusted_hosts: tuple[str, ...] = setting("", read.hosts, "Host names answered, by commas; empty: any.", unset=())
    trusted_proxy: str | None = setting("", read.address, "Address of the proxy whose X-Forwarded-* are believed.")
    environment_name: str | None = setting("", read.text, "Shown on every page, so that nobody mistakes staging.")
    sign_up_open: bool = setting("true", read.yes_or_no, "Whether strangers may make an account.")
    sign_up_per_hour: int = setting("5", read.whole(1, 1_000_000), "New accounts, and guests, per address and hour.")
    sign_in_per_hour: int = setting("10", read.whole(3, 1_000_000), "Wrong passwords per account and hour.")
    sign_in_per_address: int = setting("20", read.whole(3, 1_000_000), "Wrong passwords per address and hour.")
    reports_per_hour: int = setting("60", read.whole(1, 1_000_000), "Reports that one person may ask for in an hour.")
    plans_per_day: int = setting("30", read.whole(1, 1_000_000), "Workout plans that one person may ask for in a day.")

    # What people see
    site_name: str = setting("Metronome", read.line(40), "What this place is called on every page.")
    accent_light: str | None = setting("", read.accent("light"), "Colour of links in light, #RRGGBB; empty: petrol.")
    accent_dark: str | None = setting("", read.accent("dark"), "Colour of links in dark, #RRGGBB; empty: aqua.")
    announcement: str | None = setting("", read.line(300), "A sentence on top of every page, until it is dismissed.")
    announcement_until: datetime | None = setting(
        "", read.moment, "When the announcement goes by itself; empty: never."
    )
    maintenance: bool = setting("false", read.yes_or_no, "Whether only admins may come in; jobs go on.")
    maintenance_message: str = setting(
        "We are working on it and will be back soon. Nothing is lost.", read.line(300), "What people read meanwhile."
    )
    maintenance_retry_s: int = setting("120", read.whole(1, 86400), "Seconds after which programs may ask again.")

    # Mail
    mail_url: str | None = setting(
        "", read.mail_url, "Mail server: smtp://… or smtps://…; empty: mail goes into DATA_DIR/outbox.", secret=True
    )
    mail_from: str = setting("Metronome <metronome@localhost>", read.sender, "From whom mail comes.")

    # A model
    openai_base_url: str | None = setting(
        "", read.web_url, "Server that speaks as OpenAI's does, and makes workout plans; empty: plans follow our rules."
    )
    openai_api_key: str | None = setting("", read.text, "Its key; empty: none is sent.", secret=True)
    openai_model: str = setting("gpt-4o-mini", read.text, "Which of its models is asked.")

    # Pages
    page_size: int = setting("10", read.number_of(10, 25, 50, 100), "Rows on a page of a list: 10, 25, 50 or 100.")
    poll_pace_s: float = setting("2", read.number(0.5, 60), "Seconds between two looks of a waiting page, 0.5 or more.")

    # Calories in the background
    default_weight_kg: Decimal | None = setting("", read.exact("20", "500"), "Weight of who gave none; empty: ask.")
    met_running: Decimal = setting("9.0", read.exact("0.9", "30"), "MET of running: times the energy of resting.")
    met_walking: Decimal = setting("3.5", read.exact("0.9", "30"), "MET of walking.")
    met_cycling: Decimal = setting("8.0", read.exact("0.9", "30"), "MET of cycling.")
    met_swimming: Decimal = setting("6.5", read.exact("0.9", "30"), "MET of swimming.")
    met_yoga: Decimal = setting("4.0", read.exact("0.9", "30"), "MET of yoga.")
    activity_delay_s: float = setting("0", read.number(0, 60), "Artificial delay of a calculation; 5 to watch one.")
    activity_time_limit_s: int = setting("1800", read.whole(1, 86400), "Seconds after which a calculation is stopped.")
    activity_max_retries: int = setting("3", read.whole(0, 100), "How often a failed calculation is tried again.")
    activity_retry_delay_s: int = setting("60", read.whole(1, 86400), "Seconds before the first new try; then longer.")
    activity_batch_size: int = setting("250", read.whole(1, 1000), "How many calculations one worker takes at once.")
    requeue_interval_s: int = setting("300", read.whole(1, 86400), "Seconds between two searches for stuck activities.")
    requeue_expiry_s: int = setting("240", read.whole(1, 86400), "Seconds after which a search not begun is dropped.")

    leaderboards_interval_s: int = setting(
        "3600", read.whole(60, 604800), "Seconds between two updates of the leaderboards."
    )
    reminders_interval_s: int = setting(
        "900", read.whole(60, 86400), "Seconds between two looks at who is to be reminded; each once a day at most."
    )

    # The engine
    workers: int = setting("2", read.whole(1, 64), "Worker processes.")
    worker_threads: int = setting("4", read.whole(1, 64), "Threads in each worker process.")
    lease_s: int = setting("12", read.whole(5, 3600), "Seconds a silent worker keeps its jobs before others take them.")
    heartbeat_s: int = setting("4", read.whole(1, 1200), "Seconds between two signs of life; a third of LEASE_S.")
    worker_max_jobs: int = setting(
        "0", read.whole(0, 10_000_000), "Jobs after which a worker process is replaced; 0: never for that."
    )
    worker_max_memory_mib: int = setting(
        "400", read.whole(64, 1_000_000), "Memory in MiB at which a worker process is replaced."
    )
    reap_interval_s: int = setting("5", read.whole(1, 600), "Seconds between two searches for dead workers' jobs.")
    retention_days: int = setting("30", read.whole(1, 3650), "Days that settled jobs, reports and alerts are kept.")
    failed_retention_days: int = setting(
        "90", read.whole(1, 3650), "Days that jobs that failed for good are kept; RETENTION_DAYS if that is more."
    )
    result_retention_s: int = setting(
        "0", read.whole(0, 315_360_000), "Seconds that what a job came to is kept; 0: as long as the job."
    )
    db_pool_size: int = setting("10", read.whole(1, 100), "Database connections each process keeps open.")

    # Watching it
    log_level: str = setting("INFO", read.one_of("DEBUG", "INFO", "WARNING", "ERROR"), "DEBUG, INFO, WARNING or ERROR.")
    log_file: Path | None = setting("", read.path, "File that gets the log lines too; it rotates at 10 MB.")
    metrics_token: str | None = setting("", read.text, "Bearer token that opens /metrics from elsewhere.", secret=True)
    metrics_port: int = setting("0", read.whole(0, 65535), "Port of the metrics of worker and scheduler; 0: off.")
    grafana_url: str | None = setting("", read.web_url, "Where Grafana is, for a link on the system page.")

    sources: Mapping[str, str] = field(default_factory=dict, repr=False, compare=False)
    """By name in capitals, where each setting that is not the default came from: environment, file or .env."""

    # Events, health and alerts
    event_retention_days: int = setting("14", read.whole(1, 3650), "Days that the event log is kept.")
    influx_url: str | None = setting("", read.web_url, "Server that gets every event as InfluxDB lines; empty: none.")
    influx_token: str | None = setting("", read.text, "Token for it.", secret=True)
    influx_org: str = setting("metronome", read.text, "Organisation there.")
    influx_bucket: str = setting("metronome", read.text, "Bucket there.")
    health_interval_s: float = setting("10", read.number(1, 3600), "Seconds between two calls of the web's health.")
    health_url: str | None = setting("", read.call_url, "What is called; empty: /readyz at HOST and PORT.")
    error_reports_dir: Path | None = setting("", read.path, "Folder of alerts' files; empty: DATA_DIR/error_reports.")
    alert_queue_age_s: int = setting("300", read.whole(1, 86400), "Seconds a ready job may wait before an alert.")
    alert_failure_percent: int = setting("20", read.whole(1, 100), "Percent of jobs that may fail before an alert.")
    alert_dead_jobs: int = setting("10", read.whole(1, 1_000_000), "Jobs that may die in an hour before an alert.")
    alert_cool_down_s: int = setting(
        "3600", read.whole(0, 604800), "Seconds before an alert that goes on is told again."
    )
    alert_quiet_hours: tuple[time, time, ZoneInfo] | None = setting(
        "", read.quiet_hours, "When only grave alerts are told: 22:00-07:00 Europe/Berlin; empty: never."
    )
    alert_webhook_url: str | None = setting("", read.call_url, "Address that gets every alert as JSON.", secret=True)
    webhook_trusted_hosts: tuple[str, ...] = setting(
        "", read.hosts, "Private hosts that it may be at, by commas; else only public ones.", unset=()
    )
    alerts_token: str | None = setting("", read.text, "Bearer token that opens /alerts/prometheus.", secret=True)

    @property
    def failed_are_kept_days(self) -> int:
        """For how many days jobs that failed for good are kept: never fewer than all others."""
        return max(self.retention_days, self.failed_retention_days)

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None, *, dotenv: Path | None = None) -> Self:
        """The settings of this process: the environment first, then `.env`, then the defaults.

        Given an `environ`, nothing else is read. Makes DATA_DIR and, where none is set, the secret key in it.
        Raises ConfigError with one sentence that names the variable.
        """
        if environ is None:
            environ, dotenv = os.environ, dotenv or ROOT / ".env"
        given = _given(environ, dotenv)
        values: dict[str, Any] = {one.name.lower(): _value(one, given) for one in declared()}
        agree(values)
        values["data_dir"] = folder = _folder(values["data_dir"])
        values["database_url"] = values["database_url"] or f"sqlite:///{folder / 'metronome.db'}"
        values["secret_key"] = values["secret_key"] or _kept_key(folder / "secret_key")
        return cls(**values, sources=_sources(given, environ))

    @classmethod
    def from_env_or_exit(cls) -> Self:
        """As from_env(), for the doors: a setting that cannot be used is printed, and the process ends with code 2."""
        try:
            return cls.from_env()
        except ConfigError as error:
            print(f"metronome: {error}", file=sys.stderr)
            raise SystemExit(2) from None


def declared() -> tuple[Setting, ...]:
    """Every setting there is, in the order of Config."""
    return tuple(described(one) for one in fields(Config) if "setting" in one.metadata)


def _given(environ: Mapping[str, str], dotenv: Path | None) -> dict[str, str]:
    written = {name: value or "" for name, value in dotenv_values(dotenv).items()} if dotenv else {}
    names = {one.name for one in declared()} | {f"{one.name}_FILE" for one in declared() if one.secret}
    unknown = written.keys() - names - NOT_OURS | {name for name in environ if name.startswith("METRONOME_")}
    for name in sorted(unknown):
        raise ConfigError(f"{name} is not a setting; .env.example lists every one there is.")
    return {name: value.strip() for name, value in {**written, **environ}.items() if name in names and value.strip()}


def _value(one: Setting, given: Mapping[str, str]) -> Any:
    text, file = given.get(one.name, ""), given.get(f"{one.name}_FILE", "")
    if text and file:
        raise ConfigError(f"{one.name} and {one.name}_FILE are both set; choose one.")
    if file:
        text = _content(one.name, Path(file))
    try:
        return one.read(text) if text else one.value
    except ValueError as error:
        shown = "" if one.secret else f", not {text[:80]!r}"
        raise ConfigError(f"{one.name} {error}{shown}.") from None


def _content(name: str, file: Path) -> str:
    try:
        return file.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{name}_FILE cannot be read: {getattr(error, 'strerror', error)}: {file}.") from None


def _sources(given: Mapping[str, str], environ: Mapping[str, str]) -> dict[str, str]:
    """Where each setting that was given came from."""
    found = {}
    for name in given:
        own = name.removesuffix("_FILE")
        in_environment = bool(environ.get(name, "").strip())
        found[own] = "file" if own != name else "environment" if in_environment else ".env"
    return found


def agree(values: Mapping[str, Any]) -> None:
    """Return when settings that depend on each other fit. Raises ConfigError, which begins with the wrong name."""
    if values["heartbeat_s"] * 2 > values["lease_s"]:
        raise ConfigError("HEARTBEAT_S must be at most half of LEASE_S, or living workers would lose their jobs.")
    if values["requeue_expiry_s"] > values["requeue_interval_s"]:
        raise ConfigError("REQUEUE_EXPIRY_S must not be longer than REQUEUE_INTERVAL_S.")


def _folder(path: Path) -> Path:
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"DATA_DIR cannot be made: {error.strerror}: {path}.") from None
    if not os.access(path, os.W_OK | os.X_OK):
        raise ConfigError(f"DATA_DIR cannot be written to: {path}.")
    return path


def _kept_key(path: Path) -> str:
    """The key in `path`. Written beside it first and then linked, so that processes starting together agree on one."""
    if not path.exists():
        draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(48))
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(draft, path)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    try:
        return str(read.secret_key(path.read_text().strip()))
    except (OSError, ValueError) as error:
        raise ConfigError(f"SECRET_KEY kept in {path} cannot be used: it {error}.") from None
