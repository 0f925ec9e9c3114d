"""What jobs do outside of the database: with a real SMTP conversation that is cut at each step."""

import smtplib
import socketserver
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import select

from jobs import GiveUp, current
from jobs.ledger.models import Effect
from tests.jobs.workshop import Workshop

STEPS = ("greeting", "MAIL", "RCPT", "DATA", "before the end", "after the end")


class MailServer(socketserver.ThreadingTCPServer):
    """Speaks as much SMTP as a mail needs, keeps what it took, and hangs up at a step when told to."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Conversation)
        self.taken: list[str] = []
        self.hangs_up_at: str | None = None

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.server_address[1])


class Conversation(socketserver.StreamRequestHandler):
    """One client."""

    server: MailServer

    def handle(self) -> None:
        """Until it quits, or we hang up."""
        if not self._say("greeting", "220 here"):
            return
        while line := self.rfile.readline().decode().strip():
            word = line.split(":")[0].split()[0].upper()
            if word == "DATA":
                if not self._say("DATA", "354 go on") or not self._take():
                    return
            elif word == "QUIT":
                self.wfile.write(b"221 bye\r\n")
                return
            elif not self._say(word, "250 fine"):
                return

    def _take(self) -> bool:
        lines: list[str] = []
        while (line := self.rfile.readline().decode().rstrip("\r\n")) != ".":
            lines.append(line)
        if self.server.hangs_up_at == "before the end":
            return False
        self.server.taken.append("\n".join(lines))
        return self._say("after the end", "250 taken")

    def _say(self, step: str, words: str) -> bool:
        if self.server.hangs_up_at == step:
            return False
        self.wfile.write(f"{words}\r\n".encode())
        return True


@pytest.fixture
def mail_server() -> Iterator[MailServer]:
    """A mail server on a port of its own."""
    with MailServer() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def sending(shop: Workshop, mail_server: MailServer) -> Callable[..., str]:
    """Submit a job that sends one mail; its public id."""

    def submit(*, again: bool) -> str:
        def run(number: int) -> str:
            def send(key: str) -> str:
                with smtplib.SMTP("127.0.0.1", mail_server.port, timeout=5) as smtp:
                    smtp.sendmail("from@example.org", ["to@example.org"], f"Message-ID: <{key}>\n\nHello {number}")
                return "sent"

            return str(current().once("mail", send, again=again))

        return shop.submit_one(shop.job(run, atomic=False, min_backoff=1, max_backoff=1))

    return submit


def come_back(shop: Workshop) -> None:
    """The next try is due."""
    shop.let_time_pass()
    shop.engine.relay.promote()
    shop.work()


def effects_of(shop: Workshop) -> list[tuple[bool, int, Any]]:
    with shop.host.inside():
        rows = shop.host.reading().execute(select(Effect.is_done, Effect.tries, Effect.answer))
        return [tuple(row) for row in rows]


def test_a_mail_that_went_out_is_sent_once_and_its_answer_kept(
    shop: Workshop, mail_server: MailServer, sending: Callable[..., str]
) -> None:
    uid = sending(again=False)
    shop.work()
    assert (shop.state(uid), shop.entry(uid).result) == ("succeeded", "sent")
    assert (len(mail_server.taken), effects_of(shop)) == (1, [(True, 1, "sent")])


@pytest.mark.parametrize("step", STEPS)
def test_with_a_key_the_receiver_knows_it_is_sent_until_it_is_taken(
    shop: Workshop, mail_server: MailServer, sending: Callable[..., str], step: str
) -> None:
    uid = sending(again=True)
    mail_server.hangs_up_at = step
    shop.work()
    assert shop.state(uid) == "scheduled"
    mail_server.hangs_up_at = None
    come_back(shop)
    assert (shop.state(uid), effects_of(shop)) == ("succeeded", [(True, 2, "sent")])
    ids = [mail.splitlines()[0] for mail in mail_server.taken]
    assert set(ids) == {f"Message-ID: <{uid}:mail>"}, "a second copy can be recognised"
    assert len(ids) == (2 if step == "after the end" else 1)


@pytest.mark.parametrize("step", STEPS)
def test_without_one_it_is_left_to_a_person_and_never_sent_twice(
    shop: Workshop, mail_server: MailServer, sending: Callable[..., str], step: str
) -> None:
    uid = sending(again=False)
    mail_server.hangs_up_at = step
    shop.work()
    mail_server.hangs_up_at = None
    come_back(shop)
    assert (shop.state(uid), shop.outcomes(uid)) == ("parked", ["failed", "gave up"])
    assert shop.entry(uid).error_message == "“mail” was begun by an attempt that did not live to tell how it ended."
    assert len(mail_server.taken) == (1 if step == "after the end" else 0)


def test_a_worker_that_died_after_sending_does_not_send_again(
    shop: Workshop, mail_server: MailServer, sending: Callable[..., str]
) -> None:
    """Its successor finds the answer."""
    sent: list[str] = []

    def run(number: int) -> Any:
        answer = current().once("mail", lambda key: sent.append(key) or len(sent), again=True)
        if len(shop.outcomes(uids[0])) == 0:
            raise OSError("the power went")
        return answer

    uids = [shop.submit_one(shop.job(run, atomic=False, min_backoff=1, max_backoff=1))]
    shop.work()
    come_back(shop)
    assert (shop.state(uids[0]), shop.entry(uids[0]).result, len(sent)) == ("succeeded", 1, 1)


def test_old_effects_are_forgotten_with_their_jobs(
    shop: Workshop, mail_server: MailServer, sending: Callable[..., str]
) -> None:
    uid = sending(again=True)
    mail_server.hangs_up_at = "greeting"
    shop.work()
    shop.engine.prune(keep_s=-1)
    assert len(effects_of(shop)) == 1, "its job lives"
    shop.engine.cancel(uid, by="Ada")
    shop.engine.prune(keep_s=-1)
    assert effects_of(shop) == []


def test_a_job_that_failed_does_not_forget_what_it_did_before_it_is_forgotten(shop: Workshop) -> None:
    sent: list[str] = []
    wrong = [True]

    def run(number: int) -> None:
        current().once("mail", sent.append, again=True)
        if wrong:
            raise GiveUp("the rest went wrong")

    uid = shop.submit_one(shop.job(run, atomic=False))
    shop.work()
    shop.engine.prune(keep_s=-1, keep_failed_s=60)
    wrong.clear()
    shop.engine.retry(uid, by="Ada")
    shop.work()
    assert (shop.state(uid), len(sent)) == ("succeeded", 1)


def test_an_atomic_job_has_no_effects_outside(shop: Workshop) -> None:
    def run(number: int) -> None:
        current().once("mail", lambda _key: None, again=True)

    uid = shop.submit_one(shop.job(run, max_retries=0))
    shop.work()
    assert str(shop.entry(uid).error_message).startswith("an effect outside needs a job declared atomic=False")
    assert effects_of(shop) == []
