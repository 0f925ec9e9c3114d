"""A bad day of those who run this: much fails at once, they are told of each thing once, and all of it mends."""

from __future__ import annotations

import email
import html
import re
import signal
import threading
import time
import urllib.parse
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.policy import default
from http.cookiejar import CookieJar
from pathlib import Path
from typing import TypeVar

import pytest
from sqlalchemy import text

from tests.app.workbench.conftest import MailServer
from tests.servers import RedisServer

from .product import PASSWORD, Installation

Found = TypeVar("Found")
OLGA = "olga@example.org"
SETTINGS = {"HEALTH_INTERVAL_S": "1", "ALERT_COOL_DOWN_S": "3600"}
LOST_WORKER, MISSED, MAIL = "lost worker", "missed schedule", "part of the system:mail"
RAISED = Counter({"no worker": 1, LOST_WORKER: 1, MISSED: 1, MAIL: 1})
TITLES = ["No worker is alive", "A worker fell silent", "A schedule missed its time"]
TITLES += ["A part of the system is not well: mail"]
TAG = re.compile(r"<[^>]+>")


class Post:
    """A mail server that goes away and comes back at the same address, and all it ever took."""

    def __init__(self) -> None:
        self._server = MailServer()
        self.url, self._port = self._server.url, self._server.server_address[1]
        self.letters = self._server.letters
        self._serve()

    def go(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def come_back(self) -> None:
        self._server = MailServer(self._port)
        self._server.letters = self.letters
        self._serve()

    def subjects(self) -> Counter[str]:
        """How often a letter with each subject came, all of them to Olga."""
        assert {to for to, _ in self.letters} <= {OLGA}
        return Counter(
            str(email.message_from_string(letter, policy=default)["Subject"]) for _, letter in list(self.letters)
        )

    def _serve(self) -> None:
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()


class Operator:
    """Olga's browser, as far as it is needed here."""

    def __init__(self, home: Installation) -> None:
        self._address = f"http://127.0.0.1:{home.port}"
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))
        token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', self._open("/sign-in"))
        assert token is not None
        self._open("/sign-in", csrf_token=token[1], email=OLGA, password=PASSWORD)

    def verdict(self) -> list[str]:
        """What the overview says first: "Healthy.", or the sentences of what is wrong."""
        page = self._open("/ops/")
        found = re.search(r'<(p|div) class="notice[^"]*" id="verdict">(.*?)</\1>', page, re.DOTALL)
        assert found is not None, page
        said = re.findall(r"<li>(.*?)</li>", found[2], re.DOTALL) or re.findall(r"<b>(.*?)</b>", found[2])
        return [html.unescape(TAG.sub("", one)) for one in said]

    def broken_promises(self) -> int:
        """How many rows of the integrity page do not hold."""
        page = self._open("/ops/integrity")
        rows, broken = page.count('id="promise-'), page.count(">broken</span>")
        assert rows > 5
        assert ("All of it holds." in page) == (broken == 0)
        return broken

    def _open(self, path: str, **fields: str) -> str:
        request = urllib.request.Request(
            self._address + path,
            data=urllib.parse.urlencode(fields).encode() if fields else None,
            headers={"Referer": self._address + path},
        )
        with self._opener.open(request, timeout=30) as answer:
            assert answer.status == 200
            return str(answer.read().decode())


@pytest.fixture
def post() -> Iterator[Post]:
    """The mail server of the day."""
    made = Post()
    yield made
    made.go()


@contextmanager
def installed(folder: Path, database_url: str, redis: RedisServer, mail_url: str) -> Iterator[Installation]:
    home = Installation(folder, database_url, redis.url, MAIL_URL=mail_url, **SETTINGS)
    try:
        home._flask("users", "create", "--email", OLGA, "--admin", "--password-stdin", feed=f"{PASSWORD}\n")
        yield home
    finally:
        home.close()


def schedule(home: Installation) -> None:
    """Something that runs every day, but never late."""
    token = home._flask("tokens", "create", "--email", OLGA, "--scope", "write", "--scope", "jobs").strip()
    home.token, hers = token, home.token
    given = {"name": "Sums", "kind": "workbench.add", "args": {"x": 1, "y": 2}, "cron": "0 8 * * *", "misfire": "skip"}
    home._ask("/api/v1/schedules", given, key=None)
    home.token = hers


def alerts(home: Installation, *, where: str = "1 = 1") -> Counter[str]:
    with home.database.connect() as connection:
        return Counter(connection.execute(text(f"SELECT fingerprint FROM alert WHERE {where}")).scalars())


def change(home: Installation, statement: str, **values: object) -> None:
    with home.database.begin() as connection:
        assert connection.execute(text(statement), values).rowcount >= 1


@pytest.mark.everyfault
@pytest.mark.timeout(240)
def test_a_bad_day_is_told_once_and_mends(
    own_redis: RedisServer, post: Post, database_url: str, tmp_path: Path
) -> None:
    with installed(tmp_path, database_url, own_redis, post.url) as home:
        home.start_web()
        worker, scheduler = home.start_worker(), home.start("scheduler")
        olga = Operator(home)
        schedule(home)
        home.log(30)
        home.wait_for_all()
        became(olga, ["Healthy."])
        assert (olga.broken_promises(), alerts(home)) == (0, Counter())

        scheduler.tell(signal.SIGTERM)
        scheduler.wait()
        for minutes in range(40, 46):
            home.log(minutes)
        home.wait_for_running()
        worker.kill()
        post.go()
        yesterday = datetime.now(UTC).date() - timedelta(days=1)
        # A day passes for the schedule, and nobody is there to see it.
        change(home, "UPDATE schedule SET next_at = :at", at=f"{yesterday} 08:00:00")
        became(
            olga,
            [
                "No worker is running: jobs wait. Start bin/worker.",
                "No scheduler is running: retries and rescues wait. Start bin/scheduler.",
                "1 process fell silent; jobs it ran go back by themselves.",
            ],
        )

        scheduler = home.start("scheduler")
        comes_to(lambda: alerts(home), RAISED)
        became(
            olga,
            [
                "No worker is running: jobs wait. Start bin/worker.",
                "1 process fell silent; jobs it ran go back by themselves.",
                *("A part of the system is not well: mail.", "A schedule missed its time."),
            ],
            in_any_order=True,
        )
        reports = tmp_path / "error_reports"
        comes_to(lambda: len(list(reports.glob("*.txt"))), len(RAISED))
        assert post.letters == []

        post.come_back()
        # The scheduler tells while there is no worker; that the mail is back, a worker tells later.
        comes_to(post.subjects, Counter(f"Alert: {one}" for one in TITLES if "mail" not in one))
        home.start_worker()
        comes_to(post.subjects, Counter(f"Alert: {one}" for one in TITLES))
        home.wait_for_all()
        # An hour later nobody needs to hear of what was missed.
        change(home, "UPDATE schedule_fire SET at = :at WHERE outcome = 'skipped_late'", at=f"{yesterday} 08:00:00")
        comes_to(lambda: alerts(home, where="resolved_at IS NULL"), Counter())
        became(olga, ["Healthy."])
        assert olga.broken_promises() == 0

        time.sleep(3)  # time for what would be told twice
        assert (post.subjects(), alerts(home)) == (Counter(f"Alert: {one}" for one in TITLES), RAISED)
        assert len(list(reports.glob("*.txt"))) == len(RAISED)
        comes_to(lambda: set(home.states()), {"succeeded"})
        home.check("a bad day of those who run this")


def became(olga: Operator, sentences: list[str], *, in_any_order: bool = False) -> None:
    """Wait until the overview says just this."""
    order: Callable[[list[str]], list[str]] = sorted if in_any_order else list
    comes_to(lambda: order(olga.verdict()), order(sentences))


def comes_to(look: Callable[[], Found], wanted: Found, *, within_s: float = 60) -> None:
    """Wait until it looks like this."""
    deadline = time.monotonic() + within_s
    while (found := look()) != wanted and time.monotonic() < deadline:
        time.sleep(0.2)
    assert found == wanted
