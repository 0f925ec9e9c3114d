"""Figure 17: whether a person still gets their pages while programs send all they have."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

from bench.figures import Bound, Report, Row
from bench.load import Seen, closed, request
from bench.product import SUBMIT, Product
from bench.sizes import Sizes
from bench.stage import Stage, Web

FIGURE = "17 burst"
PAGE = Bound(200, 100)
TAKEN = Bound(500, 1_000, at_least=True)
AT_ONCE = 100
AROUND_S = 1.0
"""For so long programs send before the person begins, and after they end."""


def burst(stage: Stage, report: Report, sizes: Sizes) -> None:
    """The list of activities, opened again and again, while many programs send activities singly and in batches."""
    room = stage.room()
    product = Product(room)
    page = request("GET", "/activities/", product.ada.as_browser)
    singly = request("POST", "/api/v1/activities", product.ada.as_program, SUBMIT)
    in_batches = request("POST", "/api/v1/activities/batch", product.ada.as_program, [SUBMIT] * AT_ONCE)
    with room.workers(), room.scheduler(), room.web() as web:
        closed(web.port, singly, clients=1, seconds=sizes.warm_up_s).only(201)
        for post, each, how in ((singly, 1, "singly"), (in_batches, AT_ONCE, f"by {AT_ONCE}")):
            rounds = [_both(web, post, page, sizes) for _ in range(sizes.rounds)]
            who = f"{sizes.programs} programs {how}"
            report.add(
                Row(FIGURE, stage.kind, f"page beside {who}, p50", "ms", tuple(one.p50_ms for one, _ in rounds)),
                Row(FIGURE, stage.kind, f"page beside {who}, p95", "ms", tuple(one.p95_ms for one, _ in rounds), PAGE),
                Row(
                    FIGURE,
                    stage.kind,
                    f"taken of {who}",
                    "activities/s",
                    tuple(each * other.per_s for _, other in rounds),
                    None if each == 1 else TAKEN,
                ),
            )
    product.dispose()


def _both(web: Web, post: bytes, page: bytes, sizes: Sizes) -> tuple[Seen, Seen]:
    """What the person saw, and what the programs saw."""
    seconds = sizes.web_s + 2 * AROUND_S
    with ThreadPoolExecutor(1) as beside:
        programs = beside.submit(closed, web.port, post, clients=sizes.programs, seconds=seconds)
        time.sleep(AROUND_S)
        person = closed(web.port, page, clients=1, seconds=sizes.web_s).only(200)
        return person, programs.result().only(201)
