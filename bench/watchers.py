"""Many open overviews: each asks at its pace for what has changed, as its page does. A process of its own.

Its argument says what to do, as JSON. It prints "open" once every page has its first answer; at the end what it saw.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
from collections import Counter
from collections.abc import Mapping
from time import perf_counter
from typing import Any

from bench.figures import percentile
from bench.load import Connection, connect, request

PATH = "/ops/"
TAG = re.compile(rb"^HX-PTag:\s*(\S+)", re.IGNORECASE | re.MULTILINE)
AT_ONCE = 8


async def _watched(what: Mapping[str, Any]) -> dict[str, Any]:
    door = asyncio.Semaphore(AT_ONCE)
    statuses: Counter[int] = Counter()
    latencies: list[float] = []
    connections = [await connect(what["port"]) for _ in range(what["count"])]

    async def first(connection: Connection) -> bytes:
        async with door:
            return await _asked(connection, what["headers"], b"", Counter(), [])

    tags = await asyncio.gather(*map(first, connections))
    print("open", flush=True)
    begin = perf_counter()

    async def page(number: int, connection: Connection, tag: bytes) -> None:
        due = begin + what["every_s"] * number / what["count"]
        while due < begin + what["seconds"]:
            await asyncio.sleep(max(0.0, due - perf_counter()))
            tag = await _asked(connection, what["headers"], tag, statuses, latencies)
            due = max(due + what["every_s"], perf_counter())

    await asyncio.gather(*(page(n, *one) for n, one in enumerate(zip(connections, tags, strict=True))))
    return {
        "per_s": len(latencies) / (perf_counter() - begin),
        "p95_ms": percentile([one * 1000 for one in latencies], 95) if latencies else 0.0,
        "statuses": {str(status): count for status, count in statuses.items()},
    }


async def _asked(
    connection: Connection, headers: Mapping[str, str], tag: bytes, statuses: Counter[int], latencies: list[float]
) -> bytes:
    """The tag of what came; what is shown stays when nothing has changed."""
    known = {"HX-PTag": tag.decode()} if tag else {}
    sent = perf_counter()
    answer = await connection.ask(request("GET", PATH, {**headers, "HX-Request": "true", **known}))
    latencies.append(perf_counter() - sent)
    statuses[answer.status] += 1
    found = TAG.search(answer.head)
    return found[1] if found else tag


if __name__ == "__main__":
    print(json.dumps(asyncio.run(_watched(json.loads(sys.argv[1])))), flush=True)
