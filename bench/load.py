"""The load generator: a process of its own, with as little work for each request as Python allows.

Reads what to do as JSON from stdin, and writes what it saw as JSON to stdout.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from time import perf_counter
from typing import Any, NamedTuple

from bench.figures import percentile
from bench.processes import ROOT

CLOSES = b"Connection: close"
HEAD_END = b"\r\n\r\n"
SETTLE_IN_S = 0.5
LOOK_AGAIN_S = 0.004
PATIENT_BY = 0.25
"""A look after 4 ms, then after a quarter of the time waited: what is late is not made later by asking."""
READABLE_WITHIN_S = 30.0
PATIENCE_S = 10.0
BODYLESS = {204, 304}
NO_ANSWER = 0


@dataclass(frozen=True, slots=True)
class Seen:
    """What came back: answers a second, latencies in milliseconds, how often which status."""

    per_s: float
    p50_ms: float
    p95_ms: float
    p99_ms: float
    statuses: Mapping[str, int]

    def only(self, status: int) -> Seen:
        """Itself, if every answer had this status; a figure of anything else would be a lie.

        Raises:
            RuntimeError
        """
        if set(self.statuses) != {str(status)}:
            raise RuntimeError(f"{status} was expected, and these came: {dict(self.statuses)}")
        return self


def closed(port: int, request: bytes, *, clients: int, seconds: float) -> Seen:
    """So many clients, each sending the request again as soon as it has its answer.

    Clients that had no answer long after the end are counted under the status 0.
    """
    return _elsewhere({"port": port, "request": request.decode(), "clients": clients, "seconds": seconds})


def submits(port: int, post: bytes, get: bytes, *, rate: float, seconds: float) -> Seen:
    """`post` at a steady rate, and after each `get` (its `{id}` filled in) until the answer has an energy.

    A latency runs from the moment the submit was due to the answer with the number.
    """
    return _elsewhere({"port": port, "post": post.decode(), "get": get.decode(), "rate": rate, "seconds": seconds})


def request(method: str, path: str, headers: Mapping[str, str] | None = None, body: Any = None) -> bytes:
    """The bytes of an HTTP request on a connection that stays open."""
    content = b"" if body is None else json.dumps(body).encode()
    lines = {"Host": "127.0.0.1", **(headers or {})}
    if content:
        lines |= {"Content-Type": "application/json", "Content-Length": str(len(content))}
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode() + content


class Answer(NamedTuple):
    """An HTTP answer, its head still in one piece."""

    status: int
    head: bytes
    body: bytes


class Connection(asyncio.Protocol):
    """One connection with one request under way at a time."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._answer: asyncio.Future[Answer] | None = None
        self._transport: asyncio.Transport | None = None
        self.stays = True

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def ask(self, content: bytes) -> asyncio.Future[Answer]:
        """Send a request; its answer comes later."""
        assert self._transport is not None
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(content)
        return self._answer

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        end = self._buffer.find(HEAD_END)
        if end < 0 or self._answer is None:
            return
        head = bytes(self._buffer[:end])
        self.stays = CLOSES not in head
        status, length = int(head[9:12]), _length(head)
        if status in BODYLESS:
            length = 0
        whole = end + len(HEAD_END) + length
        if len(self._buffer) >= whole:
            body = bytes(self._buffer[end + len(HEAD_END) : whole])
            del self._buffer[:whole]
            if not self._answer.done():
                self._answer.set_result(Answer(status, head, body))

    def connection_lost(self, exc: Exception | None) -> None:
        self.stays = False
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(exc or ConnectionError("the server closed the connection"))


async def connect(port: int) -> Connection:
    """A connection to a server on this machine."""
    _, connection = await asyncio.get_running_loop().create_connection(Connection, "127.0.0.1", port)
    return connection


def _length(head: bytes) -> int:
    lowered = head.lower()
    start = lowered.find(b"\r\ncontent-length:")
    if start < 0:
        return 0
    end = lowered.find(b"\r\n", start + 2)
    return int(lowered[start + 17 : end if end > 0 else None])


async def _closed(what: Mapping[str, Any]) -> Seen:
    content = what["request"].encode()
    begin = perf_counter() + SETTLE_IN_S
    end = begin + what["seconds"]
    latencies: list[float] = []
    statuses: Counter[int] = Counter()

    async def client() -> None:
        connection = await connect(what["port"])
        while (sent := perf_counter()) < end:
            if not connection.stays:
                connection = await connect(what["port"])
            answer = await connection.ask(content)
            got = perf_counter()
            if begin <= got:
                statuses[answer.status] += 1
                latencies.append(got - sent)

    clients = [asyncio.create_task(client()) for _ in range(what["clients"])]
    done, waiting = await asyncio.wait(clients, timeout=end - perf_counter() + PATIENCE_S)
    for one in done:
        one.result()
    for one in waiting:
        one.cancel()
    if waiting:
        statuses[NO_ANSWER] = len(waiting)
    return _seen(latencies, statuses, over_s=perf_counter() - begin)


async def _submits(what: Mapping[str, Any]) -> Seen:
    post, get = what["post"].encode(), what["get"]
    begin = perf_counter() + SETTLE_IN_S
    idle: list[Connection] = []
    latencies: list[float] = []
    statuses: Counter[int] = Counter()

    async def one(due: float) -> None:
        await asyncio.sleep(max(0.0, due - perf_counter()))
        connection = idle.pop() if idle else await connect(what["port"])
        answer = await connection.ask(post)
        statuses[answer.status] += 1
        if answer.status == 201:
            await _readable(connection, get.replace("{id}", str(json.loads(answer.body)["id"])).encode(), since=due)
            latencies.append(perf_counter() - due)
        idle.append(connection)

    count = round(what["rate"] * what["seconds"])
    await asyncio.gather(*(one(begin + number / what["rate"]) for number in range(count)))
    return _seen(latencies, statuses, over_s=perf_counter() - begin)


async def _readable(connection: Connection, get: bytes, *, since: float) -> None:
    deadline = perf_counter() + READABLE_WITHIN_S
    while True:
        answer = await connection.ask(get)
        if answer.status == 200 and json.loads(answer.body)["energy_kcal"] is not None:
            return
        if perf_counter() > deadline:
            raise TimeoutError(f"no energy after {READABLE_WITHIN_S:g} s: {answer.body[:300]!r}")
        await asyncio.sleep(max(LOOK_AGAIN_S, (perf_counter() - since) * PATIENT_BY))


def _seen(latencies: Sequence[float], statuses: Counter[int], *, over_s: float) -> Seen:
    ms = [one * 1000 for one in latencies] or [float("nan")]
    return Seen(
        len(latencies) / over_s,
        percentile(ms, 50),
        percentile(ms, 95),
        percentile(ms, 99),
        {str(status): count for status, count in statuses.items()},
    )


def _elsewhere(what: Mapping[str, Any]) -> Seen:
    within_s = what["seconds"] + READABLE_WITHIN_S + 30
    done = subprocess.run(
        [sys.executable, "-m", "bench.load"],
        input=json.dumps(what),
        capture_output=True,
        text=True,
        timeout=within_s,
        cwd=ROOT,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"the load generator failed:\n{done.stderr[-3_000:]}")
    return Seen(**json.loads(done.stdout))


def main() -> None:
    """Do what stdin says."""
    what = json.load(sys.stdin)
    seen = asyncio.run(_submits(what) if "post" in what else _closed(what))
    json.dump(asdict(seen), sys.stdout)


if __name__ == "__main__":
    main()
