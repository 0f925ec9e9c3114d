"""Figure 4: what the web answers per second, at 1, 8 and 32 clients."""

from __future__ import annotations

import time
from http.client import HTTPConnection

from bench.figures import Bound, Report, Row, ratio
from bench.load import Seen, closed, request
from bench.product import SUBMIT, Ada, Product
from bench.sizes import Sizes
from bench.stage import Room, Stage, Web, going, hold

FIGURE = "4 web"
REGION = "/recent"
TRIES = 3
FRESH_S = 11.0
"""After ten seconds of waiting the region says so, which is a change; then nothing changes for a while."""


def web(stage: Stage, report: Report, sizes: Sizes) -> None:
    """POST beside a bare handler with one INSERT and COMMIT; and a poll of the live region that finds nothing new."""
    room = stage.room()
    room.make_peer_tables()
    product = Product(room)
    with room.web() as ours, room.peer_web() as peer:
        hold(room, ours.process, peer.process)
        for clients in sizes.clients:
            _with(clients, room, ours, peer, product.ada, report, sizes)
    product.dispose()


def _with(clients: int, room: Room, ours: Web, peer: Web, ada: Ada, report: Report, sizes: Sizes) -> None:
    post = request("POST", "/api/v1/activities", ada.as_program, SUBMIT)
    bare = request("POST", "/rows", body=SUBMIT)
    posts, bares, polls = [], [], []
    for _ in range(sizes.rounds):
        with going(room, ours.process):
            posts.append(closed(ours.port, post, clients=clients, seconds=sizes.web_s).only(201))
            calm_at = time.monotonic() + FRESH_S
        with going(room, peer.process):
            bares.append(closed(peer.port, bare, clients=clients, seconds=sizes.web_s).only(201))
        time.sleep(max(0.0, calm_at - time.monotonic()))
        with going(room, ours.process):
            polls.append(_polled(ours.port, ada, clients=clients, seconds=sizes.web_s))
    many = f"{clients} client{'s' if clients > 1 else ''}"
    kind = room.stage.kind
    mine, theirs = _rate(kind, f"POST, {many}", posts), _rate(kind, f"bare INSERT + COMMIT, {many}", bares)
    report.add(mine, _p99(kind, f"POST, {many}", posts), theirs, _p99(kind, f"bare INSERT + COMMIT, {many}", bares))
    report.add(ratio(mine, theirs, Bound(0.5, 0.8, at_least=True), what=f"POST / bare INSERT + COMMIT, {many}"))
    report.add(_rate(kind, f"unchanged poll, {many}", polls), _p99(kind, f"unchanged poll, {many}", polls))


def _polled(port: int, ada: Ada, *, clients: int, seconds: float) -> Seen:
    """Polls that find nothing new. What waits changes its words after a minute, too; such a round is taken again."""
    for _ in range(TRIES - 1):
        seen = closed(port, unchanged_poll(port, REGION, ada), clients=clients, seconds=seconds)
        if set(seen.statuses) == {"304"}:
            return seen
    return closed(port, unchanged_poll(port, REGION, ada), clients=clients, seconds=seconds).only(304)


def unchanged_poll(port: int, path: str, ada: Ada) -> bytes:
    """What the page sends that shows the region of this path as it is now."""
    headers = {**ada.as_browser, "HX-Request": "true"}
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path, headers=headers)
        response = connection.getresponse()
        response.read()
        tag = response.getheader("HX-PTag")
    finally:
        connection.close()
    if response.status != 200 or not tag:
        raise RuntimeError(f"{path} answered {response.status} and the tag {tag}")
    return request("GET", path, {**headers, "HX-PTag": tag})


def _rate(kind: str, what: str, seen: list[Seen]) -> Row:
    return Row(FIGURE, kind, what, "answers/s", tuple(one.per_s for one in seen))


def _p99(kind: str, what: str, seen: list[Seen]) -> Row:
    return Row(FIGURE, kind, f"{what}, p99", "ms", tuple(one.p99_ms for one in seen))
