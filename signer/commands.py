"""What every command of both programs does around its own work: failures, secrets, signed files."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NoReturn

from chains.keys import InvalidPath
from signer.errors import SignerFault
from signer.memory import harden_process
from signer.messages import CallRefused
from signer.policy import InvalidPolicy, SignedPolicy, Stop
from signer.prompts import SecretMissing, read_secret
from signer.tree import ProofInvalid
from signer.wire import MalformedMessage, read_json


class Impossible(Exception):
    """What was asked for can't be done. The message is for people."""


_EXPECTED: Final = (
    Impossible,
    SignerFault,
    SecretMissing,
    InvalidPolicy,
    MalformedMessage,
    InvalidPath,
    ProofInvalid,
)


@contextmanager
def reported(program: str) -> Iterator[None]:
    """Expected failures as one line of `program`. A bug keeps its traceback, which shows no
    values."""
    harden_process()
    try:
        yield
    except _EXPECTED as error:
        _end(program, str(error))
    except CallRefused as error:
        _end(program, f"{error.code.value}/{error.detail}: {error}")
    except KeyError as error:
        _end(program, f"unknown network {error}")
    except OSError as error:
        _end(program, f"{error.strerror or error}: {error.filename or ''}".rstrip(": "))


def _end(program: str, message: str) -> NoReturn:
    sys.stderr.write(f"{program}: {message}\n")
    raise SystemExit(1)


def fail(message: str) -> NoReturn:
    raise Impossible(message)


def read_secrets(
    passphrase_fd: int | None, token_library: Path | None, pin_fd: int | None
) -> tuple[bytearray, bytearray]:
    """Passphrase and PIN, which is empty without a token. Raises SecretMissing."""
    passphrase = read_secret(passphrase_fd, "Passphrase")
    pin = read_secret(pin_fd, "Token PIN") if token_library is not None else bytearray()
    return passphrase, pin


def read_stop(file: Path) -> Stop:
    """As `custody policy stop --out` writes it. Raises MalformedMessage."""
    try:
        return Stop.parse(read_json(file.read_bytes()))
    except ValueError as error:
        raise MalformedMessage(f"{file} is not a stop: {error}") from error


def read_policy(file: Path) -> SignedPolicy:
    """As `custody policy sign` writes it. Raises MalformedMessage."""
    try:
        return SignedPolicy.parse(read_json(file.read_bytes()))
    except ValueError as error:
        raise MalformedMessage(f"{file} is not a signed policy: {error}") from error
