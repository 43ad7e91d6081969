"""Calls to addresses that users have named: never into the hub's own network, never for long, never more than asked.

    Caller(may_call_private=False).post("https://example.org/hook", b"{}", {"content-type": "application/json"})

The address that a name stands for is looked up once, judged, and connected to, so it cannot change in between (DNS
rebinding). Redirects are answers like any other and lead nowhere; proxies of the environment are not used."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any
from urllib.parse import urlsplit

import httpcore

from yungu.kernel.errors import Invalid, Unavailable

CALL_SECONDS = 20.0
MAX_ANSWER_BYTES = 4096
_SPECIAL = tuple(map(ip_network, (
    "64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32", "::/96", "::ffff:0:0:0/96", "fec0::/10", "5f00::/16",
)))  # fmt: skip
"""IPv6 networks whose addresses carry an IPv4 address, which may be a private one (RFC 6052, 3056, 4380, 4291 2.5.5,
2765), and those that are somebody's own although Python calls them global (RFC 3879, 9602)."""


class AddressForbidden(Invalid):
    """The address lies in the hub's own network, or is no ordinary public one."""

    def __init__(self, host: str) -> None:
        super().__init__(
            f"'{host}' is an address inside a private network, which this server does not call.",
            hint="The operator can allow it with webhook_private_addresses.",
        )


class CallFailed(Unavailable):
    """No answer came."""


@dataclass(frozen=True, slots=True)
class Answer:
    """``text``: the first 4 KiB of the body."""

    status: int
    text: str


@dataclass(frozen=True, slots=True)
class Caller:
    """``may_call_private``: also loopback, private and link-local addresses."""

    may_call_private: bool

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """The answer, whatever its status, within twenty seconds. Raises AddressForbidden, CallFailed."""
        deadline = time.monotonic() + CALL_SECONDS
        backend = _JudgedNetwork(deadline, self.may_call_private)
        sent = {"user-agent": "yungu-webhooks", "accept": "*/*", "connection": "close"} | dict(headers)
        try:
            with (
                httpcore.ConnectionPool(ssl_context=_trusted(), network_backend=backend) as pool,
                pool.stream("POST", url, headers=list(sent.items()), content=body) as response,
            ):
                return Answer(response.status, _beginning(response))
        except (httpcore.TimeoutException, TimeoutError) as error:
            raise CallFailed(f"No answer within {CALL_SECONDS:.0f} seconds.") from error
        except (httpcore.NetworkError, httpcore.ProtocolError, OSError, UnicodeError) as error:
            raise CallFailed(f"The call failed: {error or type(error).__name__}.") from error


def judged_address(host: str, port: int, *, may_call_private: bool) -> str:
    """The IP address that ``host`` stands for now, to connect to. Raises AddressForbidden, OSError."""
    address = str(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][4][0])
    if not (may_call_private or _is_public(ip_address(address.partition("%")[0]))):
        raise AddressForbidden(host)
    return address


def is_private_host(url: str) -> bool:
    """Whether a URL names, without asking anybody, a host that `judged_address` would refuse."""
    host = urlsplit(url).hostname or ""
    try:
        return not _is_public(ip_address(host.partition("%")[0]))
    except ValueError:
        return host == "localhost" or host.endswith((".localhost", ".local", ".internal"))


@cache
def _trusted() -> ssl.SSLContext:
    return ssl.create_default_context()


def _beginning(response: httpcore.Response) -> str:
    found = b""
    for chunk in response.iter_stream():
        found += chunk
        if len(found) >= MAX_ANSWER_BYTES:
            break
    return found[:MAX_ANSWER_BYTES].decode("utf-8", "replace")


class _JudgedNetwork(httpcore.NetworkBackend):
    """Connects to the address that it has judged, with a deadline for everything together."""

    def __init__(self, deadline: float, may_call_private: bool) -> None:
        self._plain = httpcore.SyncBackend()
        self._deadline = deadline
        self._may_call_private = may_call_private

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        address = judged_address(host, port, may_call_private=self._may_call_private)
        stream = self._plain.connect_tcp(address, port, _left(self._deadline), local_address, socket_options)
        return _HurriedStream(stream, self._deadline)


class _HurriedStream(httpcore.NetworkStream):
    """A stream all of whose steps together end by the deadline, however slowly the other side sends."""

    def __init__(self, stream: httpcore.NetworkStream, deadline: float) -> None:
        self._stream = stream
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, _left(self._deadline))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, _left(self._deadline))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        stream = self._stream.start_tls(ssl_context, server_hostname, _left(self._deadline))
        return _HurriedStream(stream, self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


def _left(deadline: float) -> float:
    """Seconds. Raises TimeoutError when there are none."""
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _is_public(address: IPv4Address | IPv6Address) -> bool:
    if address.is_multicast or any(address in network for network in _SPECIAL):
        return False
    return address.is_global
