"""Where a node is reached: an address, its secrets, and how it may be used. Data, no I/O.

Keys of node providers are in URLs (path, query, user part) as often as in headers. So the whole URL
is a secret: it never gets into a message, a log or a repr. `name` stands for it there.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import ClassVar, Final
from urllib.parse import SplitResult, parse_qsl, quote, unquote, urlsplit

from pydantic import ConfigDict, SecretStr

_HEADER_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
"""RFC 9110, section 5.6.2."""
_OURS: Final = frozenset({"content-length", "content-type", "host", "transfer-encoding"})
_PATH_SECRET_LENGTH_MIN: Final = 8
"""A shorter part of a path is a word, not a key."""
RATE_PER_S_MAX: Final = 10_000


class Role(StrEnum):
    """PRIMARY: is asked everything. WITNESS: is only asked whether it agrees. PRIVATE: is asked
    nothing, and given what nobody shall see before it is in a block."""

    PRIMARY = "primary"
    WITNESS = "witness"
    PRIVATE = "private"


class EndpointInvalid(ValueError):
    """A description of an endpoint that can't be used. The message holds no secret."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One node. `headers` go along with every request; `header_files` are the same with the value
    in a file, read again when the node refuses us. `cookie_file` is bitcoind's: user and password
    that change at each start of the node. `rate_per_s`: most requests a second, None for no limit.
    `proxy`: whether the proxy variables of the environment are used. `name`: what people are told;
    by default host and port. `push`: where the node announces new blocks, ws:// or wss:// with the
    same headers, or tcp:// (ZeroMQ); a secret like the URL.
    """

    __pydantic_config__: ClassVar = ConfigDict(extra="forbid", hide_input_in_errors=True)

    url: SecretStr
    name: str = ""
    role: Role = Role.PRIMARY
    headers: Mapping[str, SecretStr] = field(default_factory=dict)
    header_files: Mapping[str, Path] = field(default_factory=dict)
    cookie_file: Path | None = None
    rate_per_s: int | None = None
    proxy: bool = False
    push: SecretStr | None = None

    def __post_init__(self) -> None:
        """Raises EndpointInvalid."""
        parts = _split(self.url)
        port = f":{parts.port}" if parts.port else ""
        object.__setattr__(self, "name", self.name or f"{parts.hostname}{port}")
        names = [name.lower() for name in (*self.headers, *self.header_files)]
        if bad := [name for name in names if not _HEADER_NAME.fullmatch(name)]:
            raise EndpointInvalid(f"{self.name}: {bad[0]!r} is not the name of a header")
        if taken := _OURS.intersection(names):
            raise EndpointInvalid(f"{self.name}: the header {min(taken)} is not yours to set")
        ways = ["authorization"] * (self.cookie_file is not None or "@" in parts.netloc)
        if len(set(names)) != len(names) or (ways and "authorization" in names):
            raise EndpointInvalid(f"{self.name}: a header is set twice")
        if self.cookie_file is not None and "@" in parts.netloc:
            raise EndpointInvalid(f"{self.name}: both a cookie file and a user in the URL")
        for value in self.headers.values():
            check_header_value(self.name, value.get_secret_value())
        if self.push is not None:
            _check_push(self.push)
            if self.role is not Role.PRIMARY:
                raise EndpointInvalid(f"{self.name}: a {self.role} node has nothing to announce")
        if self.rate_per_s is not None and not 1 <= self.rate_per_s <= RATE_PER_S_MAX:
            raise EndpointInvalid(f"{self.name}: rate_per_s is not in 1 to {RATE_PER_S_MAX}")

    @classmethod
    def of(cls, url: str | Endpoint) -> Endpoint:
        """A plain URL is an endpoint without anything else."""
        return url if isinstance(url, Endpoint) else cls(SecretStr(url))

    def address(self, path: str = "") -> str:
        """The URL to send to, without its user part. `path` is appended to the URL's own path, and
        the URL's query stays. A secret."""
        parts = _split(self.url)
        netloc = parts.netloc.rpartition("@")[2]
        own = parts.path.rstrip("/") if path else parts.path
        query = f"?{parts.query}" if parts.query else ""
        return f"{parts.scheme}://{netloc}{_quoted(own + path) or '/'}{_quoted(query)}"

    @property
    def push_scheme(self) -> str:
        """ws, wss or tcp; empty without a push URL."""
        return "" if self.push is None else urlsplit(self.push.get_secret_value()).scheme

    def authorization(self) -> str | None:
        """The header for the user part of the URL (RFC 7617, in UTF-8). A secret."""
        parts = _split(self.url)
        if "@" not in parts.netloc:
            return None
        return basic(unquote(parts.username or ""), unquote(parts.password or ""))

    def secrets(self) -> frozenset[str]:
        """Every part of the description that a node's answer must not carry into a message."""
        found = {value.get_secret_value() for value in self.headers.values()}
        found |= {self.authorization() or ""}
        for url in (self.url, self.push):
            parts = urlsplit(url.get_secret_value() if url is not None else "")
            found |= {parts.username or "", parts.password or "", parts.query}
            found |= {value for _, value in parse_qsl(parts.query)}
            found |= {
                each for each in parts.path.split("/") if len(each) >= _PATH_SECRET_LENGTH_MIN
            }
        return frozenset(form for each in found if each for form in (each, unquote(each)))


@dataclass(frozen=True, slots=True)
class Endpoints:
    """All nodes of one network, in the order of preference. At least one is a primary."""

    primaries: tuple[Endpoint, ...]
    witnesses: tuple[Endpoint, ...] = ()
    private: tuple[Endpoint, ...] = ()

    @classmethod
    def of(cls, given: Iterable[str | Endpoint]) -> Endpoints:
        """Sorted by role. Raises EndpointInvalid."""
        found = [Endpoint.of(each) for each in given]
        names = [each.name for each in found]
        if repeated := sorted({name for name in names if names.count(name) > 1}):
            raise EndpointInvalid(f"two nodes are called {repeated[0]}: give them names")
        primaries, witnesses, private = (
            tuple(each for each in found if each.role is role)
            for role in (Role.PRIMARY, Role.WITNESS, Role.PRIVATE)
        )
        if not primaries:
            raise EndpointInvalid("no node is a primary")
        return cls(primaries, witnesses, private)


def basic(user: str, password: str) -> str:
    """The value of an Authorization header (RFC 7617)."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def check_header_value(name: str, value: str) -> None:
    """Raises EndpointInvalid. `name`: of the endpoint."""
    if not value.isascii() or not value.isprintable() or value != value.strip() or not value:
        raise EndpointInvalid(f"{name}: the value of a header is empty or not one line of ASCII")


def _split(url: SecretStr) -> SplitResult:
    return _parts(url, "URL", {"http", "https"})


def _check_push(push: SecretStr) -> None:
    """Raises EndpointInvalid. Keys of a user part are left out: no subscription sends them."""
    parts = _parts(push, "push URL", {"ws", "wss", "tcp"})
    if "@" in parts.netloc or (parts.scheme == "tcp" and (parts.path or not parts.port)):
        raise EndpointInvalid("the push URL of a node is ws://, wss:// or tcp://HOST:PORT, no user")


def _parts(url: SecretStr, what: str, schemes: Set[str]) -> SplitResult:
    try:
        parts = urlsplit(url.get_secret_value())
        usable = parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
    except ValueError:  # its message repeats what was given
        raise EndpointInvalid(f"the {what} of a node can't be read") from None
    if not usable or parts.fragment or any(each.isspace() for each in url.get_secret_value()):
        words = " or ".join(f"{each}://" for each in sorted(schemes))
        raise EndpointInvalid(f"the {what} of a node must be {words} and a host")
    return parts


def _quoted(text: str) -> str:
    """What must be escaped is; what is escaped stays as it is."""
    return quote(text, safe="%/?&=:;,+@!$'()*~-._|")
