"""Clients that never finish their request: a header every second, on many sockets, until they are ended."""

from __future__ import annotations

import asyncio
import sys

EVERY_S = 1.0


async def _dawdle(port: int, opened: asyncio.Semaphore) -> None:
    while True:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        opened.release()
        try:
            writer.write(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n")
            while not writer.is_closing():
                await writer.drain()
                await asyncio.sleep(EVERY_S)
                writer.write(b"X-Slow: yes\r\n")
        except ConnectionError:
            continue


async def _all(port: int, count: int) -> None:
    opened = asyncio.Semaphore(0)
    sockets = [asyncio.create_task(_dawdle(port, opened)) for _ in range(count)]
    for _ in range(count):
        await opened.acquire()
    sys.stdout.write("open\n")
    sys.stdout.flush()
    await asyncio.gather(*sockets)


if __name__ == "__main__":
    asyncio.run(_all(int(sys.argv[1]), int(sys.argv[2])))
