"""The API as an approver's machine calls it. Believes nothing it answers; leaks nothing to it.

The API key goes to the named server only: over TLS unless that is this machine, and never along a
redirect.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Any, Final

import httpx2

from custody.cli.output import Failure, Misuse, printable
from signer.wire import read_json

_ANSWER_BYTES_MAX: Final = 1024 * 1024
_TIMEOUT_S: Final = 30.0
_LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})


class Server:
    """A context manager. Every method raises Failure with the server's own words when it refuses,
    and when it can't be reached or understood."""

    def __init__(
        self, url: str, api_key: str, *, answer_bytes_max: int = _ANSWER_BYTES_MAX
    ) -> None:
        """Raises Misuse for a URL that would show the key to strangers."""
        self._answer_bytes_max = answer_bytes_max
        base = _checked(url)
        self._client = httpx2.Client(
            base_url=base,
            headers={"Authorization": f"Bearer {api_key}"},
            timeout=_TIMEOUT_S,
            follow_redirects=False,
            trust_env=base.host not in _LOOPBACK,  # no proxy stands between us and ourselves
        )

    def __enter__(self) -> Server:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._client.close()

    def get(self, path: str, query: Mapping[str, str] | None = None) -> bytes:
        return self._call("GET", path, params=query)

    def post(
        self, path: str, body: Mapping[str, Any], more: Mapping[str, str] | None = None
    ) -> bytes:
        """`more`: headers."""
        return self._call("POST", path, json=body, headers=more)

    def post_file(
        self, path: str, query: Mapping[str, str], data: bytes, kind: str, more: Mapping[str, str]
    ) -> bytes:
        """`kind`: its media type; `more`: headers. The refusal names the lines that are wrong."""
        headers = {"Content-Type": kind, **more}
        return self._call("POST", path, params=query, content=data, headers=headers)

    def get_object(self, path: str, query: Mapping[str, str] | None = None) -> dict[str, Any]:
        """An answer that is one JSON object."""
        return json_object(self.get(path, query))

    def _call(self, method: str, path: str, **parts: Any) -> bytes:
        try:
            with self._client.stream(method, path, **parts) as response:
                body = bytearray()
                for chunk in response.iter_bytes():
                    body += chunk
                    if len(body) > self._answer_bytes_max:
                        raise Failure("the server's answer is far too long")
        except httpx2.HTTPError as error:
            raise Failure(f"the server can't be reached: {type(error).__name__}") from None
        if response.status_code // 100 != 2:
            raise Failure(_refusal(response.status_code, bytes(body)))
        return bytes(body)


def json_object(body: bytes) -> dict[str, Any]:
    try:
        row = read_json(body)
    except ValueError:
        row = None
    if not isinstance(row, dict):
        raise Failure("the server's answer is not a JSON object")
    return row


def _checked(url: str) -> httpx2.URL:
    try:
        parsed = httpx2.URL(url)
    except (httpx2.InvalidURL, ValueError):
        raise Misuse("--url is not a URL") from None
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise Misuse("--url must be the API's address, like https://custody.example")
    if parsed.userinfo:
        raise Misuse("--url may hold no user or password: others can read the command line")
    if parsed.scheme == "http" and parsed.host not in _LOOPBACK:
        raise Misuse("--url must be https: the API key would cross the network in the clear")
    return parsed


def _refusal(status: int, body: bytes) -> str:
    """RFC 9457 in a line, or just the number."""
    try:
        problem = json_object(body)
    except Failure:
        problem = {}
    detail, code = problem.get("detail"), problem.get("code")
    if isinstance(detail, str) and isinstance(code, str):
        said = printable(f"the server refused: {detail[:500]} ({code[:100]})")
        return "\n".join([said, *_lines(problem.get("lines"))])
    return f"the server answered with HTTP status {status}"


def _lines(found: object) -> Iterator[str]:
    """What is wrong in which line of a file."""
    for each in found if isinstance(found, list) else ():
        if isinstance(each, dict):
            at = ", ".join(str(each[name]) for name in ("line", "column") if each.get(name))
            yield printable(f"line {at}: {each.get('detail')} ({each.get('code')})")
