"""Secrets from people: typed without echo, or read from a file descriptor that a program passes.

Never from an argument or an environment variable, which other processes can read. A passphrase is
read into a buffer that its user overwrites, never into text, of which Python keeps copies.
"""

from __future__ import annotations

import getpass
import os
import sys
import termios
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from signer.memory import wipe

PASSPHRASE_CHARACTERS_MIN: Final = 12
SECRET_BYTES_MAX: Final = 64 * 1024
_TYPED_BYTES_MAX: Final = 4096
"""The longest line that a terminal hands over."""


class SecretMissing(RuntimeError):
    """Nothing was typed or passed, or too little."""


def read_secret(descriptor: int | None, prompt: str) -> bytearray:
    """Without its final newline. Raises SecretMissing if it is empty."""
    secret = _typed(f"{prompt}: ") if descriptor is None else _read_all(descriptor)
    if not secret:
        raise SecretMissing(f"no {prompt.lower()}")
    return secret


def read_new_passphrase(descriptor: int | None, prompt: str = "New passphrase") -> bytearray:
    """Twice if typed. Raises SecretMissing if it is too short to protect the file."""
    passphrase = read_secret(descriptor, prompt)
    if _characters(passphrase) < PASSPHRASE_CHARACTERS_MIN:
        raise SecretMissing(f"a passphrase has at least {PASSPHRASE_CHARACTERS_MIN} characters")
    if descriptor is None:
        again = read_secret(None, f"{prompt} again")
        same = again == passphrase
        wipe(again)
        if not same:
            raise SecretMissing("the two are not the same")
    return passphrase


def read_lines(descriptor: int | None, prompt: str) -> list[str]:
    """Lines of words: typed until an empty one, or all that the descriptor holds."""
    if descriptor is not None:
        text = _read_all(descriptor).decode(errors="replace")
        lines = [line.strip() for line in text.splitlines() if line.strip()]
    else:
        lines = []
        while line := getpass.getpass(f"{prompt} {len(lines) + 1} (empty to end): ").strip():
            lines.append(line)
    if not lines:
        raise SecretMissing(f"no {prompt.lower()}")
    return lines


def _characters(secret: bytearray) -> int:
    """Of UTF-8: every byte but those that continue a character."""
    return sum(byte & 0xC0 != 0x80 for byte in secret)


def _read_all(descriptor: int) -> bytearray:
    """Up to the end, read in place and cut to length, so that no copy stays behind."""
    buffer = bytearray(SECRET_BYTES_MAX + 1)
    with memoryview(buffer) as view:
        length = read_into(descriptor, view)
    if length == len(buffer):
        wipe(buffer)
        raise SecretMissing("far too long")
    return _cut(buffer, length)


def read_into(descriptor: int, view: memoryview) -> int:
    """Fill `view` as far as there is something to read. Returns how far."""
    length = 0
    while length < len(view):
        count = os.readv(descriptor, [view[length:]])
        if not count:
            break
        length += count
    return length


def _typed(prompt: str) -> bytearray:
    """A line from the terminal, or from standard input where there is none."""
    try:
        terminal = os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY)
    except OSError:
        return _read_line(sys.stdin.fileno())
    try:
        with _silent(terminal):  # before the prompt: turning echo off throws away what was typed
            os.write(terminal, prompt.encode())
            return _read_line(terminal)
    finally:
        os.write(terminal, b"\n")
        os.close(terminal)


def _read_line(descriptor: int) -> bytearray:
    """A terminal hands over one line at a time; a byte at a time is as good for a pipe."""
    buffer = bytearray(_TYPED_BYTES_MAX)
    length = 0
    with memoryview(buffer) as view:
        while length < len(buffer) and os.readv(descriptor, [view[length : length + 1]]):
            length += 1
            if view[length - 1] == ord("\n"):
                break
    return _cut(buffer, length)


def _cut(buffer: bytearray, length: int) -> bytearray:
    """The first bytes without a final newline. Overwrites `buffer`."""
    if length and buffer[length - 1] == ord("\n"):
        length -= 1
    secret = bytearray(length)
    with memoryview(buffer) as view:
        secret[:] = view[:length]
    wipe(buffer)
    return secret


@contextmanager
def _silent(terminal: int) -> Iterator[None]:
    """Without echo."""
    before = termios.tcgetattr(terminal)
    silent = list(before)
    silent[3] &= ~termios.ECHO
    termios.tcsetattr(terminal, termios.TCSAFLUSH, silent)
    try:
        yield
    finally:
        termios.tcsetattr(terminal, termios.TCSAFLUSH, before)
