"""Answers logs and whoever wants to see what was signed: C2SP tlog-witness over HTTP.

    POST /add-checkpoint
    GET  /<SHA-256 of the origin, in hexadecimal>/checkpoint

Nothing that is sent is longer than it can be, and nobody is waited for longer than ten seconds.
"""

from __future__ import annotations

import re
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import socket
from threading import BoundedSemaphore
from typing import Any, Final

from custody_verify.errors import Unreadable
from custody_verify.strict import base64

from custody_witness.witness import Refusal, Witness

BODY_BYTES_MAX: Final = 64 * 1024
CONNECTIONS_MAX: Final = 32
PATH_MAX: Final = 63
_OLD: Final = re.compile(r"old (0|[1-9][0-9]{0,15})")
_MONITORED: Final = re.compile(r"/([0-9a-f]{64})/checkpoint")


def answer(witness: Witness, body: bytes) -> tuple[int, str, str]:
    """To add-checkpoint: status, media type and text."""
    try:
        return 200, "text/plain; charset=utf-8", witness.add(*_request(body))
    except Refusal as error:
        if error.size is not None:
            return error.status, "text/x.tlog.size", f"{error.size}\n"
        return error.status, "text/plain; charset=utf-8", f"{error}\n"
    except Unreadable as error:
        return 400, "text/plain; charset=utf-8", f"{error}\n"


def _request(body: bytes) -> tuple[int, list[bytes], str]:
    try:
        head, blank, note = body.decode().partition("\n\n")
    except UnicodeDecodeError:
        raise Unreadable("no text") from None
    first, *path = head.split("\n")
    old = _OLD.fullmatch(first)
    if old is None or not blank or len(path) > PATH_MAX:
        raise Unreadable("no request to add a checkpoint")
    return int(old[1]), [base64(each, 32) for each in path], note


class Server(ThreadingHTTPServer):
    """`address`: host and port; 0 is any free one."""

    daemon_threads = True

    def __init__(self, address: tuple[str, int], witness: Witness) -> None:
        self.witness = witness
        self._room = BoundedSemaphore(CONNECTIONS_MAX)
        super().__init__(address, _Handler)

    def process_request(self, request: socket | tuple[bytes, socket], client_address: Any) -> None:
        if not self._room.acquire(blocking=False):
            self.shutdown_request(request)  # it comes again
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._room.release()


class _Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"
    server_version = "custody-witness"
    sys_version = ""
    timeout = 10

    def do_POST(self) -> None:
        length = self.headers.get("Content-Length", "")
        if not re.fullmatch(r"[0-9]{1,6}", length) or int(length) > BODY_BYTES_MAX:
            self.close_connection = True
            self._say(413, "text/plain; charset=utf-8", "too long, or of no stated length\n")
            return
        body = self.rfile.read(int(length))
        if self.path != "/add-checkpoint":
            self._say(404, "text/plain; charset=utf-8", "not here\n")
            return
        self._say(*answer(self.server.witness, body))

    def do_GET(self) -> None:
        found = _MONITORED.fullmatch(self.path)
        note = None if found is None else self.server.witness.served(found[1])
        if note is None:
            self._say(404, "text/plain; charset=utf-8", "not here\n")
        else:
            self._say(200, "text/plain; charset=utf-8", note)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's name
        """What was asked says nothing that is not in the answer."""

    def _say(self, status: int, media_type: str, text: str) -> None:
        data = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
