"""Sending mail: through the server that MAIL_URL names, or, without one, into files that anybody can open."""

import os
import smtplib
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.headerregistry import BaseHeader, HeaderRegistry, UnstructuredHeader
from email.message import EmailMessage
from email.policy import SMTP, Policy
from email.utils import format_datetime, parseaddr
from hashlib import sha256
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

from flask import current_app

from app.clock import now
from app.config import Config

DEADLINE_S = 10.0
OUTBOX = "outbox"
PORTS = {"smtp": 25, "smtps": 465}
LONGEST_TOLD = 200


class _InOneLine(UnstructuredHeader, BaseHeader):
    """A header that is longer than a line, and holds an address: folded as text is, no mail program could read it."""

    def fold(self, *, policy: Policy) -> str:
        return f"{self.name}: {self}{policy.linesep}"


_headers = HeaderRegistry()
_headers.map_to_type("list-unsubscribe", _InOneLine)
POLICY = SMTP.clone(header_factory=_headers)


class MailRefused(Exception):
    """The server will never take this message: trying again is of no use."""


class MailDelayed(Exception):
    """It cannot be said that the message arrived: try again, under the same key."""


@dataclass(frozen=True, slots=True)
class Letter:
    """One message to one person.

    The same `key` gives the same Message-ID, by which servers and people recognise a duplicate. `unsubscribe` is where
    whoever wants no more of these can say so: by opening it, or, over https, by one click in their mail program, which
    sends a POST there (RFC 8058).
    """

    to: str
    subject: str
    text: str
    key: str
    unsubscribe: str | None = None


def send(letter: Letter, *, deadline_s: float = DEADLINE_S) -> str:
    """Hand the message to the mail server, or write it into DATA_DIR/outbox when there is none; its Message-ID.

    Takes `deadline_s` seconds at most, however slowly the server talks. Sent again under the same key, a file is
    written over and a server gets the same Message-ID.

    Raises:
        MailRefused, MailDelayed
    """
    config: Config = current_app.extensions["config"]
    message = _message(letter, sender=config.mail_from)
    if config.mail_url is None:
        _write(message, letter.key, config.data_dir / OUTBOX)
    else:
        _hand_over(message, to=letter.to, sender=config.mail_from, url=urlsplit(config.mail_url), deadline_s=deadline_s)
    return str(message["Message-ID"])


def trouble_with_mail(url: str, *, deadline_s: float = DEADLINE_S) -> str | None:
    """What is wrong with the mail server of this address, in words; None when it takes our name and password."""
    try:
        with _connected(urlsplit(url), deadline_s=deadline_s):
            return None
    except MailRefused as refusal:
        return str(refusal)
    except (smtplib.SMTPException, OSError, EOFError) as error:
        return f"the mail server does not answer as it should: {error}"[:LONGEST_TOLD]


def _message(letter: Letter, *, sender: str) -> EmailMessage:
    message = EmailMessage(policy=POLICY)
    try:
        message["From"], message["To"], message["Subject"] = sender, letter.to, letter.subject
        for name, value in _ways_out(letter.unsubscribe):
            message[name] = value
    except ValueError as error:  # a line break in a header
        raise MailRefused(f"It cannot be put into a message: {error}") from None
    domain = parseaddr(sender)[1].rpartition("@")[2] or "localhost"
    message["Message-ID"] = f"<{_name_of(letter.key)}@{domain}>"
    message["Date"] = format_datetime(now())
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(letter.text)
    return message


def _ways_out(url: str | None) -> Iterator[tuple[str, str]]:
    """The headers by which mail programs end what comes regularly."""
    if url:
        yield "List-Unsubscribe", f"<{url}>"
        if url.startswith("https:"):
            yield "List-Unsubscribe-Post", "List-Unsubscribe=One-Click"


def _name_of(key: str) -> str:
    return sha256(key.encode("utf-8", "replace")).hexdigest()[:32]


def _write(message: EmailMessage, key: str, folder: Path) -> None:
    folder.mkdir(mode=0o700, exist_ok=True)
    file = folder / f"{_name_of(key)}.eml"
    draft = file.with_name(f".{file.name}.{os.getpid()}.{threading.get_ident()}")
    draft.write_bytes(message.as_bytes())
    draft.replace(file)


def _hand_over(message: EmailMessage, *, to: str, sender: str, url: SplitResult, deadline_s: float) -> None:
    try:
        with _connected(url, deadline_s=deadline_s) as server:
            server.send_message(message, from_addr=parseaddr(sender)[1], to_addrs=[to])
    except smtplib.SMTPRecipientsRefused as refusal:
        code, told = next(iter(refusal.recipients.values()))
        _judge(code, told)
    except smtplib.SMTPResponseException as refusal:
        _judge(refusal.smtp_code, refusal.smtp_error)
    except smtplib.SMTPNotSupportedError as error:
        raise MailRefused(str(error)) from None
    except (smtplib.SMTPException, OSError, EOFError) as error:
        raise MailDelayed(f"The mail server did not answer as it should: {error}"[:LONGEST_TOLD]) from None


def _judge(code: int, told: bytes | str) -> None:
    words = told.decode("utf-8", "replace") if isinstance(told, bytes) else told
    sentence = f"The mail server says: {code} {' '.join(words.split())}"[:LONGEST_TOLD]
    raise MailRefused(sentence) if 500 <= code <= 599 else MailDelayed(sentence)


@contextmanager
def _connected(url: SplitResult, *, deadline_s: float) -> Iterator[smtplib.SMTP]:
    """A conversation that is cut when the deadline is over: a timeout alone begins anew with every byte."""
    server = _Server(url.scheme == "smtps", timeout=deadline_s)
    watch = threading.Timer(deadline_s, server.cut)
    watch.daemon = True
    watch.start()
    try:
        server.connect(url.hostname or "", url.port or PORTS[url.scheme])
        _introduce(server, url)
        yield server
        _say_goodbye(server)
    finally:
        watch.cancel()
        server.close()


def _introduce(server: "_Server", url: SplitResult) -> None:
    server.ehlo_or_helo_if_needed()
    if not server.is_secret and server.has_extn("starttls"):
        server.starttls(context=ssl.create_default_context())
        server.is_secret = True
        server.ehlo()
    if url.username:
        if not server.is_secret and not _is_here(url.hostname or ""):
            raise MailRefused("The mail server offers no encryption, so it is not told the password of MAIL_URL.")
        server.login(unquote(url.username), unquote(url.password or ""))


def _say_goodbye(server: smtplib.SMTP) -> None:
    """The message is taken by now: how the conversation ends changes nothing."""
    try:
        server.quit()
    except (smtplib.SMTPException, OSError):
        server.close()


def _is_here(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


class _Server(smtplib.SMTP):
    """A conversation with a mail server, over TLS from the first byte where `is_secret`."""

    def __init__(self, is_secret: bool, *, timeout: float) -> None:  # noqa: FBT001 -- one word beside the class says it
        self.is_secret = is_secret
        self._is_over = False
        super().__init__(timeout=timeout, local_hostname="localhost")

    def connect(self, host: str = "localhost", port: int = 0, source_address: Any = None) -> tuple[int, bytes]:
        """Connect and read the greeting."""
        self._host = host  # the name that STARTTLS checks
        code, told = super().connect(host, port, source_address)
        if code != 220:
            raise smtplib.SMTPConnectError(code, told)
        return code, told

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        plain = socket.create_connection((host, port), timeout)
        if self._is_over:
            plain.close()
            raise TimeoutError("timed out")
        if not self.is_secret:
            return plain
        return ssl.create_default_context().wrap_socket(plain, server_hostname=host)

    def cut(self) -> None:
        """End the conversation from another thread."""
        self._is_over = True
        if self.sock is not None:
            try:
                self.sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                self.close()
