"""The web server's door: python -m app.server."""

from __future__ import annotations

import contextlib
import gc
import resource
import signal
import sys
import time
from typing import TYPE_CHECKING, Any

from waitress.server import create_server
from waitress.task import WSGITask

from app import create_app
from app.config import Config
from app.doorstep import enter
from app.monitoring.events.services import recorder_of
from app.sockets import Channel, Sockets
from app.threads import Threads
from app.tuning.services import follow
from jobs import engine_of

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

CONNECTIONS = 4_000
LARGEST_BODY_BYTES = 26 * 1024 * 1024
SILENT_CONNECTION_S = 30
DRAIN_S = 5.0
ALONE_ON_SQLITE_S = 0.01
"""SQLite works in the thread that asks, and lets one write: a second thread would only take the interpreter from it."""


def main() -> None:
    """Serve until SIGTERM or SIGINT; then answer what was already asked, for at most DRAIN_S, and end."""
    config = enter()
    _allow_many_sockets()
    app, sockets = create_app(config), Sockets()
    gc.freeze()  # what is there now stays: looking at it again and again is a twentieth of a busy server's time
    follow(app)
    try:
        server = listening(app, sockets, config)
    except OSError as error:
        sys.exit(f"metronome: {config.host}:{config.port} cannot be listened on: {error.strerror or error}.")
    recorder_of(app).start("web", version=engine_of(app).version)
    _serve(server, sockets)


class Answer(WSGITask):  # type: ignore[misc]
    """waitress's, which would end the connection after every answer without a body: a poll that found nothing new."""

    wrote_header: bool

    def set_close_on_finish(self) -> None:
        """End the connection after this answer, unless who asked knows where it ends and wants to ask again."""
        wants_it_ended = self.request.headers.get("CONNECTION", "").lower() == "close"
        if self.has_body or self.version != "1.1" or wants_it_ended:
            super().set_close_on_finish()

    def write(self, data: bytes) -> None:
        """Send a piece of the answer. One that is all of it goes with its head: apart, each would be a packet."""
        is_whole = self.complete and self.has_body and self.content_length == len(data) > 0
        if self.wrote_header or not is_whole:
            super().write(data)
            return
        self.channel.write_soon(self.build_response_header() + data)
        self.wrote_header, self.content_bytes_written = True, len(data)


class Connection(Channel):
    """One of ours."""

    task_class = Answer


def listening(app: WSGIApplication, sockets: Sockets, config: Config) -> Any:
    """A server that listens, its sockets in the map. Raises OSError."""
    is_on_sqlite = config.database_url.startswith("sqlite")
    threads = Threads(config.web_threads, alone_s=ALONE_ON_SQLITE_S if is_on_sqlite else 0.0)
    server = create_server(app, map=sockets, _dispatcher=threads, **options(config))
    for one in sockets.values():
        one.channel_class = Connection
        if one.accepting:
            one.pull_trigger = _pull_nothing
    return server


def options(config: Config) -> dict[str, Any]:
    """What waitress is told. A slow socket costs it one entry in a table and no thread."""
    proxy: dict[str, Any] = {"clear_untrusted_proxy_headers": True}
    if config.trusted_proxy:
        proxy |= {
            "trusted_proxy": config.trusted_proxy,
            "trusted_proxy_headers": {"x-forwarded-for", "x-forwarded-proto", "x-forwarded-host"},
        }
    return {
        "host": config.host,
        "port": config.port,
        "threads": config.web_threads,
        "connection_limit": CONNECTIONS,
        "backlog": 1024,
        "channel_timeout": SILENT_CONNECTION_S,
        "max_request_body_size": LARGEST_BODY_BYTES,
        "expose_tracebacks": False,
        "ident": None,
        **proxy,
    }


def _pull_nothing() -> None:
    """waitress wakes its loop after each answer; here the kernel knows from the thread itself what to wait for."""


def _serve(server: Any, sockets: Sockets) -> None:
    stopping = False

    def stop(*_: object) -> None:
        nonlocal stopping
        stopping = True
        for one in list(sockets.values()):
            with contextlib.suppress(AttributeError):
                one.pull_trigger()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    while not stopping:
        sockets.wait(1)
    deadline = time.monotonic() + DRAIN_S
    _refuse_newcomers(sockets)
    while _is_answering(sockets) and time.monotonic() < deadline:
        sockets.wait(0.05)
    server.task_dispatcher.shutdown(timeout=1)


def _refuse_newcomers(sockets: Sockets) -> None:
    for one in list(sockets.values()):
        if getattr(one, "accepting", False):
            one.del_channel()
            one.socket.close()


def _is_answering(sockets: Sockets) -> bool:
    channels = [one for one in sockets.values() if isinstance(one, Channel)]
    return any(one.requests or one.total_outbufs_len for one in channels)


def _allow_many_sockets() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = CONNECTIONS + 500
    if soft < wanted:
        enough = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (enough, hard))


if __name__ == "__main__":
    main()
