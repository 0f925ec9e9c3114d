"""Calling an address outside that somebody typed: only where that can do no harm.

A name is looked up once, every address it has must be one of the public internet, and the call goes to one of those
very addresses. Redirects are not followed, and no proxy of the environment is asked.
"""

import http.client
import ipaddress
import socket
import ssl
from collections.abc import Collection, Mapping
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


def post(
    url: str, body: bytes, *, headers: Mapping[str, str], trusted: Collection[str] = (), deadline_s: float = 10.0
) -> int:
    """Send a POST and say the status of the answer, 200 to 299.

    Hosts in `trusted` may be private, on any port, and without TLS.

    Raises:
        AddressRefused, CallFailed
    """
    parts = _checked(url, trusted)
    address = _address_of(parts, trusted)
    connection = _connection(parts, address, deadline_s)
    target = f"{parts.path or '/'}{f'?{parts.query}' if parts.query else ''}"
    try:
        connection.request("POST", target, body, {**headers, "Host": parts.netloc.rpartition("@")[2]})
        answer = connection.getresponse()
        answer.read(LARGEST_ANSWER)
    except (OSError, http.client.HTTPException) as error:
        raise CallFailed(f"{parts.hostname} did not answer: {error or type(error).__name__}") from None
    finally:
        connection.close()
    if not 200 <= answer.status <= 299:
        raise CallFailed(f"{parts.hostname} answered {answer.status}.")
    return answer.status


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


def _connection(parts: SplitResult, address: str, deadline_s: float) -> http.client.HTTPConnection:
    host = str(parts.hostname)
    if parts.scheme == "http":
        return _Plain(host, parts.port or 80, address=address, deadline_s=deadline_s)
    return _Secret(host, parts.port or 443, address=address, deadline_s=deadline_s)


class _Plain(http.client.HTTPConnection):
    """Connects to the address that was looked at, and to no other."""

    def __init__(self, host: str, port: int, *, address: str, deadline_s: float) -> None:
        super().__init__(host, port, timeout=deadline_s)
        self._address = address

    def connect(self) -> None:
        """As the library, without another look-up."""
        self.sock = socket.create_connection((self._address, self.port), self.timeout)


class _Secret(http.client.HTTPSConnection):
    """The same over TLS, checked against the name."""

    def __init__(self, host: str, port: int, *, address: str, deadline_s: float) -> None:
        self._tls = ssl.create_default_context()
        super().__init__(host, port, timeout=deadline_s, context=self._tls)
        self._address = address

    def connect(self) -> None:
        """As the library, without another look-up."""
        plain = socket.create_connection((self._address, self.port), self.timeout)
        self.sock = self._tls.wrap_socket(plain, server_hostname=self.host)
