"""Running the signer, and talking to the one that runs."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from signer import control, keystore
from signer.commands import fail, read_secrets
from signer.control import ask
from signer.process import Configuration, serve
from signer.server import TlsListener, UnixListener
from signer.state import StateDirectory
from signer.tls import server_context
from signer.token import TokenLocation
from signer.wire import Status


def serve_command(
    *,
    state_dir: Path,
    network: Sequence[str],
    socket: Path | None,
    allow_uid: Sequence[int] | None,
    listen: str,
    certificate: Path | None,
    private_key: Path | None,
    callers_ca: Path | None,
    allow_name: Sequence[str] | None,
    passphrase_fd: int | None,
    locked: bool,
    token_library: Path | None,
    token_label: str,
    pin_fd: int | None,
) -> None:
    """Serve until told to stop. Prints one line once it listens."""
    tls = None
    if listen:
        host, _, port = listen.rpartition(":")
        context = server_context(certificate, private_key, callers_ca)
        if not port.isdecimal():
            fail("--listen is HOST:PORT")
        tls = TlsListener(host, int(port), context, frozenset(allow_name or ()))
    unix = None
    if socket is not None:
        unix = UnixListener(socket, frozenset(allow_uid or (os.geteuid(),)))
    if unix is None and tls is None:
        fail("nowhere to listen: --socket or --listen")
    if tls is not None and not tls.names:
        fail("nobody may call: --allow-name for each common name that may")
    location = TokenLocation(token_library, token_label) if token_library else None
    configuration = Configuration(StateDirectory(state_dir), tuple(network), unix, tls, location)
    with configuration.state.exclusive():
        secrets = None if locked else read_secrets(passphrase_fd, token_library, pin_fd)
        asyncio.run(
            serve(configuration, secrets, lambda where: print(f"serving {where}", flush=True))
        )


def unlock(
    *, state_dir: Path, passphrase_fd: int | None, token_library: Path | None, pin_fd: int | None
) -> None:
    """Unlock the running signer."""
    secrets = read_secrets(passphrase_fd, token_library, pin_fd)
    print_status(control.unlock(StateDirectory(state_dir).control, *secrets))


def lock(state_dir: Path) -> None:
    """Wipe the running signer's keys; it answers `locked` from then on."""
    print_status(ask(StateDirectory(state_dir).control, "lock", {}))


def status(state_dir: Path) -> None:
    """What the running signer says of itself, else what its files say."""
    state = StateDirectory(state_dir)
    try:
        answer = ask(state.control, "status", {})
    except OSError:
        header = keystore.read_header(state.keystore)
        token = header.wrapping.token if header.wrapping else "none"
        print(f"not running\nkeystore: Argon2id {header.derivation.memory_kib // 1024} MiB")
        print(f"wrapping token: {token}")
        return
    print_status(answer)


def print_status(answer: Any) -> None:
    told = Status.parse(answer)
    print("locked" if told.locked else "unlocked")
    if not told.locked:
        print(f"policy version: {told.policy_version}")
        print(f"newest record: {told.sequence}, head {told.head.hex()}")
        print(f"attestation key: {told.attestation_key.hex()}")
        print(f"log key: {told.log_key.hex()}")
        print(f"verifier key: {told.verifier_key}")
        print(f"checkpoint:\n{told.checkpoint}", end="")
    if told.strangers:
        print(f"turned away: {told.strangers} callers who are not listed")
    for warning in told.warnings:
        print(f"warning: {warning.code}: {warning.message}")
