"""Calling an address outside that somebody typed: only where that can do no harm.

A name is looked up once, every address it has must be one of the public internet, and the call goes to one of those
very addresses. Redirects are not followed, and no proxy of the environment is asked.
"""

import http.client
import ipaddress
import socket
import ssl
import threading
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from urllib.parse import SplitResult, urlsplit

PORTS = {443, 8443}
LARGEST_ANSWER = 64 * 1024
NOT_PUBLIC = tuple(
    ipaddress.ip_network(one)
    for one in (
        *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"),
        *("192.0.0.0/24", "192.168.0.0/16", "198.18.0.0/15", "224.0.0.0/4", "240.0.0.0/4"),
        *("::/96", "64:ff9b::/96", "64:ff9b:1::/48", "2001::/32", "2002::/16", "fc00::/7", "fe80::/10", "fec0::/10"),
        *("ff00::/8", "::ffff:0:0/96"),
    )
)
"""What Python's is_global calls public and is not, with what everybody knows to be private."""


class AddressRefused(Exception):
    """It must not be called; says why."""


class CallFailed(Exception):
    """It was called, and did not answer as it should: try again."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, whatever its status says. When it `is_cut`, there was more than was to be read."""

    status: int
    body: bytes
    retry_after: str | None
    is_cut: bool


def post(
    url: str, body: bytes, *, headers: Mapping[str, str], trusted: Collection[str] = (), deadline_s: float = 10.0
) -> int:
    """Send a POST and say the status of the answer, 200 to 299.

    Hosts in `trusted` may be private, on any port, and without TLS. All of it takes `deadline_s` seconds at most,
    however slowly the other side talks.

    Raises:
        AddressRefused, CallFailed
    """
    answer = ask(url, body, headers=headers, trusted=trusted, deadline_s=deadline_s)
    if not 200 <= answer.status <= 299:
        raise CallFailed(f"{urlsplit(url).hostname} answered {answer.status}.")
    return answer.status


def ask(
    url: str,
    body: bytes,
    *,
    headers: Mapping[str, str],
    trusted: Collection[str] = (),
    deadline_s: float = 10.0,
    largest: int = LARGEST_ANSWER,
) -> Answer:
    """As post, with the answer itself: `largest` bytes of it at most.

    Raises:
        AddressRefused, CallFailed
    """
    parts = _checked(url, trusted)
    address = _address_of(parts, trusted)
    target = f"{parts.path or '/'}{f'?{parts.query}' if parts.query else ''}"
    host = parts.netloc.rpartition("@")[2]
    with _connected(parts, address, deadline_s) as connection:
        connection.request("POST", target, body, {**headers, "Host": host})
        with connection.getresponse() as answer:
            found = answer.read(largest + 1)
            if answer.length and len(found) <= largest:  # the library minds only when all of it is asked for
                raise http.client.IncompleteRead(found, answer.length)
    return Answer(answer.status, found[:largest], answer.headers.get("Retry-After"), is_cut=len(found) > largest)


def _checked(url: str, trusted: Collection[str]) -> SplitResult:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise AddressRefused("This is no address.") from None
    if not parts.hostname or parts.username is not None or parts.password is not None:
        raise AddressRefused("This address is not allowed.")
    if parts.hostname in trusted and parts.scheme in {"http", "https"}:
        return parts
    if parts.scheme != "https" or (port or 443) not in PORTS:
        raise AddressRefused("Only https on the ports 443 and 8443 is allowed.")
    return parts


def _address_of(parts: SplitResult, trusted: Collection[str]) -> str:
    host = str(parts.hostname)
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise CallFailed(f"{host} has no address.") from None
    addresses = [str(one[4][0]) for one in found]
    if host not in trusted and not all(is_public(one) for one in addresses):
        raise AddressRefused("This address is not allowed.")
    return addresses[0]


def is_public(text: str) -> bool:
    """Whether this is an address of the public internet, however it is written."""
    try:
        address: IPv4Address | IPv6Address = ipaddress.ip_address(text)
    except ValueError:
        return False
    strange = address.is_multicast or address.is_reserved or address.is_unspecified or not address.is_global
    return not strange and not any(address.version == net.version and address in net for net in NOT_PUBLIC)


@contextmanager
def _connected(parts: SplitResult, address: str, deadline_s: float) -> Iterator["_Plain | _Secret"]:
    """A conversation that is cut when the deadline is over: a timeout alone begins anew with every byte."""
    connection = _connection(parts, address, deadline_s)
    watch = threading.Timer(deadline_s, connection.cut)
    watch.daemon = True
    watch.start()
    try:
        yield connection
        if connection.is_over:  # to the library an end in the middle may be one as good as any
            raise TimeoutError("timed out")
    except (OSError, http.client.HTTPException) as error:
        said = "timed out" if connection.is_over else error or type(error).__name__
        raise CallFailed(f"{parts.hostname} did not answer: {said}") from None
    finally:
        watch.cancel()
        connection.close()


def _connection(parts: SplitResult, address: str, deadline_s: float) -> "_Plain | _Secret":
    host = str(parts.hostname)
    if parts.scheme == "http":
        return _Plain(host, parts.port or 80, address=address, deadline_s=deadline_s)
    return _Secret(host, parts.port or 443, address=address, deadline_s=deadline_s)


class _ToOneAddress(http.client.HTTPConnection):
    """Connects to the address that was looked at, and to no other; can be cut from another thread."""

    address = ""
    is_over = False
    _line: socket.socket | None = None
    """The library forgets its own as soon as an answer begins after which the connection ends."""

    def _open(self) -> socket.socket:
        self._line = socket.create_connection((self.address, self.port), self.timeout)
        return self._line

    def cut(self) -> None:
        """End the conversation from another thread."""
        self.is_over = True
        if self._line is not None:
            try:
                self._line.shutdown(socket.SHUT_RDWR)
            except OSError:
                self._line.close()


class _Plain(_ToOneAddress):
    """Without TLS."""

    def __init__(self, host: str, port: int, *, address: str, deadline_s: float) -> None:
        super().__init__(host, port, timeout=deadline_s)
        self.address = address

    def connect(self) -> None:
        """As the library, without another look-up."""
        self.sock = self._open()


class _Secret(_ToOneAddress, http.client.HTTPSConnection):
    """The same over TLS, checked against the name."""

    def __init__(self, host: str, port: int, *, address: str, deadline_s: float) -> None:
        self._tls = ssl.create_default_context()
        super().__init__(host, port, timeout=deadline_s, context=self._tls)
        self.address = address

    def connect(self) -> None:
        """As the library, without another look-up."""
        line = self._tls.wrap_socket(self._open(), server_hostname=self.host, do_handshake_on_connect=False)
        self.sock = self._line = line
        line.do_handshake()
