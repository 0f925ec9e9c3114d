"""A door before PostgreSQL that slams at a chosen COMMIT: before it arrives, or after it was done but not yet told."""

import selectors
import socket
import threading
from pathlib import Path
from typing import Self

COMMIT = b"COMMIT\x00"


class CuttingDoor:
    """Listens on a socket of its own and passes everything on, until the `cut_at`-th COMMIT of all."""

    def __init__(self, folder: Path, target: Path) -> None:
        self.cut_at, self.is_told, self.commits = 0, False, 0
        self._target = str(target / ".s.PGSQL.5432")
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(folder / ".s.PGSQL.5432"))
        self._listener.listen()

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

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
                    if not data or (source is client and self._is_cut(data, server)):
                        return
                    key.data.sendall(data)

    def _is_cut(self, data: bytes, server: socket.socket) -> bool:
        if COMMIT not in data:
            return False
        self.commits += 1
        if self.commits != self.cut_at:
            return False
        if self.is_told:
            server.sendall(data)
            server.recv(65_536)
        return True
