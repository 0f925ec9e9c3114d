"""A door before Redis that loses a chosen answer: it has been done, and nobody hears of it."""

import selectors
import socket
import threading
from pathlib import Path
from typing import Self


class ForgetfulDoor:
    """Listens on a socket of its own and passes everything on, but for the `lose`-th answer from now on.

    With that answer, the connection it was meant for ends.
    """

    def __init__(self, folder: Path, target: Path) -> None:
        self.socket = folder / "door.sock"
        self.url = f"unix://{self.socket}"
        self.lost = 0
        self._target, self._lose = str(target), 0
        self._changing = threading.Lock()
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(self.socket))
        self._listener.listen()

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def lose(self, number: int) -> None:
        """Let the answer of that number, counted from now, be lost."""
        with self._changing:
            self._lose = number

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
                    if not data or (source is server and self._is_lost()):
                        return
                    key.data.sendall(data)

    def _is_lost(self) -> bool:
        with self._changing:
            self._lose -= 1
            self.lost += self._lose == 0
            return self._lose == 0
