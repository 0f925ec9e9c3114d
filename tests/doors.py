"""Doors before Redis and PostgreSQL that pass everything on, until they slam where a test wants it."""

import selectors
import socket
import threading
from pathlib import Path
from typing import Self

COMMIT = b"COMMIT\x00"


class Door:
    """Listens on a socket of its own; a connection ends, both ways, when `slams` says so."""

    def __init__(self, own: Path, target: Path) -> None:
        self._target = str(target)
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(own))
        self._listener.listen()

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def slams(self, data: bytes, server: socket.socket, *, is_answer: bool) -> bool:
        """Whether it slams instead of passing this on."""
        raise NotImplementedError

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, socket.socket(socket.AF_UNIX) as server, selectors.DefaultSelector() as ready:
            server.connect(self._target)
            ready.register(client, selectors.EVENT_READ, server)
            ready.register(server, selectors.EVENT_READ, client)
            while True:
                for key, _ in ready.select():
                    source: socket.socket = key.fileobj  # type: ignore[assignment]
                    data = source.recv(65_536)
                    if not data or self.slams(data, server, is_answer=source is server):
                        return
                    key.data.sendall(data)


class ForgetfulDoor(Door):
    """Before Redis: the `lose`-th answer from now on is lost. It has been done, and nobody hears of it."""

    def __init__(self, folder: Path, target: Path) -> None:
        super().__init__(folder / "door.sock", target)
        self.url = f"unix://{folder / 'door.sock'}"
        self.lost = 0
        self._lose = 0
        self._changing = threading.Lock()

    def lose(self, number: int) -> None:
        """Let the answer of that number, counted from now, be lost."""
        with self._changing:
            self._lose = number

    def slams(self, data: bytes, server: socket.socket, *, is_answer: bool) -> bool:
        if not is_answer:
            return False
        with self._changing:
            self._lose -= 1
            self.lost += self._lose == 0
            return self._lose == 0


class CuttingDoor(Door):
    """Before PostgreSQL: it slams at the `cut_at`-th COMMIT of all, before it arrives or after it was done, untold."""

    def __init__(self, folder: Path, target: Path) -> None:
        super().__init__(folder / ".s.PGSQL.5432", target / ".s.PGSQL.5432")
        self.cut_at, self.is_told, self.commits = 0, False, 0

    def slams(self, data: bytes, server: socket.socket, *, is_answer: bool) -> bool:
        if is_answer or COMMIT not in data:
            return False
        self.commits += 1
        if self.commits != self.cut_at:
            return False
        if self.is_told:
            server.sendall(data)
            server.recv(65_536)
        return True
