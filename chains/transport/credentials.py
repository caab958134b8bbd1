"""The secret headers of an endpoint, from its description and from files that may change.

bitcoind writes a new cookie at each start, and keys in files are rotated. So files are read again
when the node refuses us, and only if something changed is it asked again.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from chains.errors import NodeDenied
from chains.transport.endpoint import Endpoint, EndpointInvalid, basic, check_header_value

_FILE_BYTES_MAX: Final = 8 * 1024
_REDACTED: Final = "***"
_SECRET_LENGTH_MIN: Final = 4
"""Shorter ones would blot out words, and are no secrets."""


class Credentials:
    """`headers` raises NodeDenied while a file can't be read."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._known: dict[str, str] | None = None
        self._secrets = endpoint.secrets()

    def headers(self) -> dict[str, str]:
        """All that go along with a request. Files are read the first time."""
        if self._known is None:
            self._known = self._read()
        return self._known

    def read_again(self) -> dict[str, str]:
        """`headers`, from what the files hold at this moment."""
        self._known = self._read()
        return self._known

    def redact(self, text: str) -> str:
        """Somebody else's words without our secrets: gateways repeat keys and URLs."""
        for secret in sorted(self._secrets, key=len, reverse=True):
            if len(secret) >= _SECRET_LENGTH_MIN:
                text = text.replace(secret, _REDACTED)
        return text

    def _read(self) -> dict[str, str]:
        endpoint = self._endpoint
        found = {name: value.get_secret_value() for name, value in endpoint.headers.items()}
        if authorization := endpoint.authorization():
            found["Authorization"] = authorization
        for name, path in endpoint.header_files.items():
            found[name] = self._line(path)
        if endpoint.cookie_file is not None:
            user, _, password = self._line(endpoint.cookie_file).partition(":")
            self._secrets |= {password}
            found["Authorization"] = basic(user, password)
        self._secrets |= set(found.values())
        return found

    def _line(self, path: Path) -> str:
        """A file's one line. What it holds gets into no message."""
        try:
            with path.open("rb") as file:
                text = file.read(_FILE_BYTES_MAX).decode().strip()
            check_header_value(self._endpoint.name, text)
        except (OSError, ValueError) as error:
            kind = "holds no single line" if isinstance(error, EndpointInvalid) else "can't be read"
            raise NodeDenied(
                f"{self._endpoint.name}: the file {path} {kind}",
                advice="check the path, the owner and the mode of the file; is the node running?",
            ) from None
        return text
