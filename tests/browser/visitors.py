"""Who looks at which pages."""

from __future__ import annotations

import json
import re
import time
import urllib.request
from datetime import UTC, datetime, timedelta
from typing import Any

from playwright.sync_api import Browser

from app.reminders import links
from tests.browser.product import Product
from tests.browser.steps import sign_in, sign_up

STRANGERS = ["/", "/sign-in", "/sign-up", "/help", "/reminders/unsubscribe/<token>", "/nowhere"]
PEOPLES = [
    "/",
    "/activities/",
    "/activities/new",
    "/activities/bin",
    "/activities/estimate",
    "/activities/<int:activity_id>",
    "/activities/<int:activity_id>/edit",
    "/plan/",
    "/plan/new",
    "/plan/<int:plan_id>",
    "/statistics/",
    "/leaderboards/",
    "/leaderboards/membership",
    "/reminders/",
    "/reports/",
    "/reports/<int:report_id>",
    "/workbench/",
    "/workbench/<string:name>",
    "/workbench/runs/<string:uid>",
    "/jobs/<string:uid>",
    "/settings/",
    "/confirm",
    "/api/docs",
    "/nowhere",
]
STAFFS = [
    "/ops/",
    "/ops/jobs",
    "/ops/jobs/<uid>",
    "/ops/jobs/<uid>/retries",
    "/ops/jobs/<uid>/cancellations",
    "/ops/jobs/<uid>/revelations",
    *("/ops/events", "/ops/health", "/ops/alerts", "/ops/alerts/<int:alert_id>"),
    *("/ops/queues", "/ops/queue", "/ops/kind", "/ops/pauses", "/ops/resumptions", "/ops/limits", "/ops/purges"),
    *("/ops/workers", "/ops/workers/wishes", "/ops/workers/forgettings", "/ops/broker", "/ops/broker/repairs"),
    *("/ops/integrity", "/ops/integrity/<key>/repairs", "/ops/audit", "/ops/metrics"),
    *("/ops/schedules", "/ops/schedules/calendar", "/ops/schedules/new", "/ops/schedules/<uid>"),
    *("/ops/schedules/<uid>/edit", "/ops/schedules/<uid>/pauses", "/ops/schedules/<uid>/resumptions"),
    "/ops/schedules/<uid>/runs",
    *("/ops/schedules/<uid>/backfills", "/ops/schedules/<uid>/deletions"),
    *("/ops/workflows", "/ops/workflows/<uid>", "/ops/workflows/<uid>/cancellations", "/ops/workflows/<uid>/retries"),
    *("/ops/operations", "/ops/operations/<uid>"),
    *("/ops/operations/<uid>/cancellations", "/ops/operations/<uid>/undos"),
    "/ops/jobs/<uid>/starts",
    "/ops/jobs/<uid>/copies",
    "/ops/jobs/chosen?action=delete&uid=<uid>",
    "/ops/failures",
    "/ops/failures/<fingerprint>/mute",
    "/ops/failures/<fingerprint>/unmute",
    "/admin/",
    "/admin/people/",
    "/admin/activities/",
    "/admin/jobs/",
    "/admin/activities/details/?id=<int:activity_id>",
    "/admin/activities/edit/?id=<int:activity_id>",
    "/admin/activities/acts/delete?id=<int:activity_id>",
    "/admin/reports/",
    "/admin/attempts/",
    "/admin/schedules/",
    "/admin/events/",
    "/admin/alerts/",
    "/admin/alerts/details/?id=<int:alert_id>",
    "/admin/settings/",
    "/admin/audit/",
    "/ops/settings",
    "/ops/settings/changes",
    *("/ops/settings/changes/<int:change_id>/restoration", "/ops/settings/defaults", "/ops/settings/recalculations"),
    "/ops/system",
]
NEWCOMERS = [page for page in PEOPLES if "<" not in page]
LOOKS = [
    *(("stranger", page) for page in STRANGERS),
    *(("newcomer", page) for page in NEWCOMERS),
    *(("ada", page) for page in PEOPLES + STAFFS),
]
"""Ada runs this place and has activities of every sort; a newcomer has none."""

SHOWN_WITH_ANOTHER = {"/swagger/", "/api/docs/", "/reports/list", "/recent", "/scoreboard", "/ops/jobs/<uid>/record"}
SHOWN_WITH_ANOTHER |= {"/ops/jobs/<uid>/log", "/ops/schedules/explained", "/ops/audit.csv"}
ASKED_FOR = {
    **dict.fromkeys(("/ops/queue", "/ops/purges"), "name=default"),
    "/ops/kind": "name=workbench.add",
    **dict.fromkeys(("/ops/pauses", "/ops/resumptions", "/ops/limits"), "scope=queue&name=default"),
    "/ops/settings/defaults": "name=page_size",
    "/ops/settings/recalculations": "kind=running",
}
"""What a page is asked for beside its address."""
SHOWN_ONCE = {"/setup/<token>"}
NOT_FOR_EYES = re.compile(r"/static/|/api/(?!docs)|/tasks/|/reports/<[^>]*>/|/health|/readyz|/metrics|/admin/.|/accent")

ALERT = (
    "INSERT INTO alert (id, fingerprint, rule, type, severity, title, words, labels, raised_at, last_at) VALUES (1,"
    " 'forged token', 'forged token', 'Fraud attempt', 'critical', 'A request came with a forged token',"
    " 'A request came with a token that is none of ours.', '{}', '2026-11-20 12:00:00', '2026-11-20 12:00:00')"
)
PLAN = {"goal": "hypertrophy", "level": "advanced", "days": 6, "minutes": 90, "age": 40, "resting_hr": 60}
PLAN |= {"equipment": ["dumbbells", "barbell", "bar", "bands"]}
FINGERPRINT = "0123456789abcdef"
LONG_WORD = "Nordic" + "schwimmlauf" * 8
ADAS = [
    ("running", 30, "Along the river", 0),
    ("yoga", 600, LONG_WORD, 0),
    ("swimming", 45, "", 1),
    ("cycling", 90, "Two lines\nof notes", 3),
    ("walking", 5, "<b>not bold</b>", 30),
    ("running", 61, "", 400),
]


class Visitors:
    """People of one product, with their cookies."""

    def __init__(self, product: Product, browser: Browser) -> None:
        email = product.make_person(admin=True)
        logged = product.log(email, [_sent(*one) for one in ADAS])
        self._names = {"<int:activity_id>": str(logged[1]["id"]), "<uid>": logged[1]["job"]["id"]}
        self._names |= {"<string:name>": "chord", "<string:uid>": logged[1]["job"]["id"]}
        product.sql("UPDATE activity SET deleted_at = created_at WHERE id = :id", id=logged[-1]["id"])
        product.sql(
            "UPDATE activity SET energy_kcal = NULL, uncountable_since = created_at, uncountable_reason = 'None'"
            ", recount_rounds = 3 WHERE id = :id",
            id=logged[2]["id"],
        )
        product.flask("settings", "set", "reports_per_hour", "61")
        self._names |= {"<int:alert_id>": "1", "<int:change_id>": "1", "<key>": "due"}
        product.sql(ALERT)
        self._names["<token>"] = _link_of(product, email)
        self._operated = _operated(product, email)
        self._names |= {"<int:report_id>": self._operated["report"], "<int:plan_id>": self._operated["plan"]}
        a_while_ago = datetime.now(UTC) - timedelta(minutes=12)
        product.sql("UPDATE api_token SET used_at = :at", at=f"{a_while_ago:%Y-%m-%d %H:%M:%S}")
        product.sql(
            "UPDATE job SET error_class = 'ValueError', error_message = 'no', error_fingerprint = :print"
            " WHERE uid = :uid",
            print=FINGERPRINT,
            uid=logged[3]["job"]["id"],
        )
        self._names["<fingerprint>"] = FINGERPRINT
        page = browser.new_page(base_url=product.url)
        sign_in(page, email)
        ada = page.context.storage_state()
        page.context.clear_cookies()
        sign_up(page)
        self.cookies: dict[str, Any] = {"stranger": None, "newcomer": page.context.storage_state(), "ada": ada}
        page.context.close()

    def address(self, page: str) -> str:
        """The page's address, with the ids of something of Ada's."""
        worker = f"name={self._operated['worker']}"
        of_it = {"/ops/workers/wishes": f"wish=stop&{worker}", "/ops/workers/forgettings": worker}
        asked = {**ASKED_FOR, **of_it}.get(page)
        for area in ("schedules", "workflows", "operations"):
            page = page.replace(f"/ops/{area}/<uid>", f"/ops/{area}/{self._operated[area]}")
        for name, value in self._names.items():
            page = page.replace(name, value)
        return f"{page}?{asked}" if asked else page


def pages_of(routes: str) -> set[str]:
    """The rules of all pages, from what `flask routes` printed."""
    lines = [line.split() for line in routes.splitlines()]
    rules = {line[-1] for line in lines if len(line) >= 3 and "GET" in " ".join(line[1:-1])}
    return {rule for rule in rules if not NOT_FOR_EYES.match(rule)}


def _sent(kind: str, minutes: int, notes: str, days_ago: int) -> dict[str, Any]:
    at = datetime.now(UTC) - timedelta(days=days_ago, hours=11)
    return {"kind": kind, "duration_min": minutes, "weight_kg": 70, "notes": notes, "started_at": at.isoformat()}


def _operated(product: Product, email: str) -> dict[str, str]:
    """Something for each area of the console: a schedule, a workflow that failed, a bulk operation, a process."""
    token = product.flask("tokens", "create", "--email", email, "--scope", "write", "--scope", "jobs")
    adds = {"kind": "workbench.add", "args": {"x": 1, "y": 2}}
    schedule = _sent_to(product, token, "schedules", {"name": LONG_WORD[:80], "cron": "0 8 * * *", **adds})
    fails = {"kind": "workbench.workflow_step_1", "args": {"value": 1, "fail_at": 1}}
    steps = [{"name": LONG_WORD[:50], **fails}, {"name": "then", "after": [LONG_WORD[:50]], **adds}]
    workflow = _sent_to(product, token, "workflows", {"name": "A night run", "steps": steps})
    meant = {"action": "cancel", "filter": {"kinds": ["workbench.add"]}}
    operation = _sent_to(product, token, "bulk-operations", meant)
    _sent_to(product, token, "queues/imports/pause", {"reason": LONG_WORD})
    report = _sent_to(product, token, "reports", {"report_type": "activities"})
    plan = _sent_to(product, token, "plans", PLAN)
    workers = _asked(product, token, "workers")["workers"]
    until = time.monotonic() + 20
    while _asked(product, token, f"workflows/{workflow['id']}")["state"] != "failed":
        assert time.monotonic() < until, "the workflow does not fail"
        time.sleep(0.1)
    return {
        "schedules": schedule["id"],
        "workflows": workflow["id"],
        "operations": operation["id"],
        "report": str(report["report_id"]),
        "plan": str(plan["id"]),
        "worker": next(one["name"] for one in workers if one["role"] == "worker"),
    }


def _link_of(product: Product, email: str) -> str:
    """What stands in the link that ends somebody's reminders, once they have some."""
    token = product.flask("tokens", "create", "--email", email, "--scope", "admin")
    people = _asked(product, token, "people?limit=100")["people"]
    user_id = next(one["id"] for one in people if one["email"] == email)
    product.sql(
        "INSERT INTO reminder (user_id, is_on, days, hour, changed_at) VALUES (:id, true, 3, 18, :at)",
        id=user_id,
        at="2026-11-20 12:00:00",
    )
    return links.token_of(user_id, email, key=(product.folder / "secret_key").read_text().strip())


def _sent_to(product: Product, token: str, path: str, what: dict[str, Any]) -> dict[str, Any]:
    return _asked(product, token, path, json.dumps(what).encode())


def _asked(product: Product, token: str, path: str, body: bytes | None = None) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    request = urllib.request.Request(f"{product.url}/api/v1/{path}", data=body, headers=headers)
    with urllib.request.urlopen(request, timeout=10) as answer:
        found: dict[str, Any] = json.load(answer)
    return found
