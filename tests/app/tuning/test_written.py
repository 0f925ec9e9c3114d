"""Every setting, set to something else than it is by itself: written so that it reads back, and shown as written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from html import unescape

import pytest
from flask import Flask

from app.config import declared
from app.settings import Setting, written
from tests.app.conftest import Browser

OTHER = {
    "data_dir": "/srv/metronome",
    "database_url": "postgresql+psycopg2://ada:hunter2@db/metronome",
    "redis_url": "unix:///run/redis.sock",
    "redis_strict": "true",
    "secret_key": "k7Jq2vX9pL4mN8rT1wZ5yB3cD6fG0hSa",
    "host": "0.0.0.0",
    "port": "8001",
    "web_threads": "9",
    "public_url": "https://metronome.example.org",
    "trusted_hosts": "metronome.example.org,localhost",
    "trusted_proxy": "10.0.0.1",
    "environment_name": "staging",
    "sign_up_open": "false",
    "sign_up_per_hour": "6",
    "sign_in_per_hour": "11",
    "sign_in_per_address": "21",
    "reports_per_hour": "61",
    "plans_per_day": "31",
    "site_name": "Ours",
    "accent_light": "#0B5C66",
    "accent_dark": "#7FD8E4",
    "announcement": "New disks at noon",
    "announcement_until": "2026-12-24T18:00:30Z",
    "maintenance": "true",
    "maintenance_message": "Back soon",
    "maintenance_retry_s": "121",
    "mail_url": "smtps://ada:hunter2@mail.example.org",
    "mail_from": "Ours <ours@example.org>",
    "openai_base_url": "http://127.0.0.1:11434/v1",
    "openai_api_key": "hunter6",
    "openai_model": "small",
    "page_size": "25",
    "poll_pace_s": "2.5001",
    "default_weight_kg": "70.5",
    "met_running": "9.1",
    "met_walking": "3.6",
    "met_cycling": "8.1",
    "met_swimming": "6.6",
    "met_yoga": "4.1",
    "activity_delay_s": "12.3456",
    "activity_time_limit_s": "1801",
    "activity_max_retries": "4",
    "activity_retry_delay_s": "61",
    "activity_batch_size": "251",
    "requeue_interval_s": "301",
    "requeue_expiry_s": "241",
    "leaderboards_interval_s": "1800",
    "reminders_interval_s": "901",
    "workers": "3",
    "worker_threads": "5",
    "lease_s": "13",
    "heartbeat_s": "5",
    "worker_max_jobs": "1000000",
    "worker_max_memory_mib": "401",
    "reap_interval_s": "6",
    "retention_days": "31",
    "failed_retention_days": "91",
    "result_retention_s": "3600",
    "db_pool_size": "11",
    "log_level": "DEBUG",
    "log_file": "/var/log/metronome.log",
    "metrics_token": "hunter3",
    "metrics_port": "9191",
    "grafana_url": "https://grafana.example.org",
    "event_retention_days": "15",
    "influx_url": "https://influx.example.org",
    "influx_token": "hunter4",
    "influx_org": "ours",
    "influx_bucket": "ours",
    "health_interval_s": "3599.1234",
    "health_url": "https://metronome.example.org/readyz?from=here",
    "error_reports_dir": "/srv/reports",
    "alert_queue_age_s": "301",
    "alert_failure_percent": "21",
    "alert_dead_jobs": "11",
    "alert_cool_down_s": "3601",
    "alert_quiet_hours": "02:00-03:00 Europe/Berlin",
    "alert_webhook_url": "https://example.org/alerts",
    "webhook_trusted_hosts": "10.0.0.2,10.0.0.3",
    "alerts_token": "hunter5",
}
"""By the name of a setting, a text that says something else than its default."""
OF_THIS_PROCESS = {"data_dir", "database_url"}
"""What the pages look into, and not only at."""


def test_there_is_a_text_for_every_setting_that_differs_from_its_default() -> None:
    assert list(OTHER) == [one.name.lower() for one in declared()]
    assert [one.name for one in declared() if one.read(OTHER[one.name.lower()]) == one.value] == []


@pytest.mark.parametrize("one", declared(), ids=lambda one: str(one.name))
def test_a_value_is_written_as_it_is_read(one: Setting) -> None:
    value = one.read(OTHER[one.name.lower()])
    assert (written(value), one.read(written(value))) == (OTHER[one.name.lower()], value)


def test_every_value_is_shown_as_it_is_written(
    app: Flask, ada: Browser, as_program: Callable[..., dict[str, str]]
) -> None:
    values = {one.name.lower(): one.read(OTHER[one.name.lower()]) for one in declared()}
    some = {name: value for name, value in values.items() if name not in OF_THIS_PROCESS}
    app.extensions["config"] = app.extensions["given_config"] = replace(app.extensions["config"], **some)
    told = app.test_client().get("/api/v1/settings", headers=as_program("admin")).get_json()["settings"]
    shown = {name: "" if one.secret else OTHER[name] for one in declared() if (name := one.name.lower()) in some}
    assert {one["name"]: one["value"] for one in told if one["name"] in some} == {
        one.name.lower(): "set" if one.secret else shown[one.name.lower()]
        for one in declared()
        if one.name.lower() in some
    }
    texts = {text for text in shown.values() if text}
    system = unescape(ada.get("/ops/system").get_data(as_text=True))
    assert [text for text in texts if text not in system] == []
    assert ada.get("/ops/settings").status_code == 200
    lines = app.test_cli_runner().invoke(args=["settings", "list"]).output
    assert [text for text in texts if f"={text}  (" not in lines] == []
