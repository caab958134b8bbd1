"""Secrets from people: typed without echo, or read from a file descriptor that a program passes.

Never from an argument or an environment variable, which other processes can read.
"""

from __future__ import annotations

import getpass
import os
from typing import Final

PASSPHRASE_CHARACTERS_MIN: Final = 12
_BYTES_MAX: Final = 64 * 1024


class SecretMissing(RuntimeError):
    """Nothing was typed or passed, or too little."""


def read_secret(descriptor: int | None, prompt: str) -> bytearray:
    """Without its final newline. Raises SecretMissing if it is empty."""
    if descriptor is None:
        typed = getpass.getpass(f"{prompt}: ")
        secret = bytearray(typed.encode())
    else:
        secret = _read_all(descriptor)
        if secret.endswith(b"\n"):
            del secret[-1:]
    if not secret:
        raise SecretMissing(f"no {prompt.lower()}")
    return secret


def read_new_passphrase(descriptor: int | None, prompt: str = "New passphrase") -> bytearray:
    """Twice if typed. Raises SecretMissing if it is too short to protect the file."""
    passphrase = read_secret(descriptor, prompt)
    if len(passphrase.decode(errors="replace")) < PASSPHRASE_CHARACTERS_MIN:
        raise SecretMissing(f"a passphrase has at least {PASSPHRASE_CHARACTERS_MIN} characters")
    if descriptor is None and read_secret(None, f"{prompt} again") != passphrase:
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


def _read_all(descriptor: int) -> bytearray:
    secret = bytearray()
    while chunk := os.read(descriptor, _BYTES_MAX):
        secret += chunk
        if len(secret) > _BYTES_MAX:
            raise SecretMissing("far too long")
    return secret
