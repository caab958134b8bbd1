"""A log's files, out of a folder or from a server: never more of one than it can be long."""

from __future__ import annotations

from collections.abc import Callable
from http.client import HTTPException
from pathlib import Path
from typing import Any, Final
from urllib.error import URLError
from urllib.request import HTTPRedirectHandler, ProxyHandler, build_opener

from custody_verify.errors import Unreadable

from custody_witness.tree import WIDTH, tile_path

CHECKPOINT_BYTES_MAX: Final = 64 * 1024
TIMEOUT_S: Final = 10.0
Source = Callable[[str, int], bytes]
"""A file by its path behind the log's prefix, of at most so many bytes. Raises Unreadable."""


class _NoRedirects(HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


def source(place: str) -> Source:
    """`place`: an http(s) URL, or a folder."""
    if place.startswith(("http://", "https://")):
        opener = build_opener(_NoRedirects, ProxyHandler({}))
        return lambda path, most: _fetched(opener, f"{place.rstrip('/')}/{path}", most)
    return lambda path, most: _read(Path(place) / path, most)


def checkpoint(read: Source) -> str:
    try:
        return read("checkpoint", CHECKPOINT_BYTES_MAX).decode()
    except UnicodeDecodeError:
        raise Unreadable("the log's checkpoint is no text") from None


def tile(read: Source, level: int, index: int, width: int) -> bytes:
    """A partial tile may be gone once the full one is there: then the full one has it first."""
    try:
        return read(tile_path(level, index, width), 32 * WIDTH)
    except Unreadable:
        if width == WIDTH:
            raise
        return read(tile_path(level, index, WIDTH), 32 * WIDTH)[: 32 * width]


def _fetched(opener: Any, url: str, most: int) -> bytes:
    try:
        with opener.open(url, timeout=TIMEOUT_S) as answer:
            data: bytes = answer.read(most + 1)
    except (URLError, HTTPException, OSError, ValueError) as error:
        raise Unreadable(f"{url}: {getattr(error, 'reason', error)}") from None
    return _bounded(data, most, url)


def _read(path: Path, most: int) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(most + 1)
    except OSError as error:
        raise Unreadable(f"{path}: {error.strerror}") from None
    return _bounded(data, most, str(path))


def _bounded(data: bytes, most: int, name: str) -> bytes:
    if len(data) > most:
        raise Unreadable(f"{name} is too long")
    return data
