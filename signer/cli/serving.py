"""Running the signer, and talking to the one that runs."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Annotated, Any

import typer

from signer import control, keystore
from signer.cli.common import fail, read_secrets, reported
from signer.cli.options import PassphraseFd, PinFd, StateDir, TokenLabel, TokenLibrary
from signer.control import ask
from signer.process import Configuration, serve
from signer.server import TlsListener, UnixListener
from signer.state import StateDirectory
from signer.tls import server_context
from signer.token import TokenLocation
from signer.wire import Status


def serve_command(
    state_dir: StateDir,
    network: Annotated[
        list[str],
        typer.Option(help="A network to sign for, by alias or CAIP-2 id; repeat for more."),
    ],
    socket: Annotated[Path | None, typer.Option(help="Unix socket for callers.")] = None,
    allow_uid: Annotated[
        list[int] | None, typer.Option(help="User who may call. [default: the signer's own]")
    ] = None,
    listen: Annotated[str, typer.Option(help="HOST:PORT for callers over mutual TLS.")] = "",
    certificate: Annotated[Path | None, typer.Option(help="Ours, with its chain (PEM).")] = None,
    private_key: Annotated[Path | None, typer.Option(help="The certificate's key (PEM).")] = None,
    callers_ca: Annotated[Path | None, typer.Option(help="Who certifies callers (PEM).")] = None,
    allow_name: Annotated[
        list[str] | None, typer.Option(help="Common name of a certificate that may call.")
    ] = None,
    passphrase_fd: PassphraseFd = None,
    locked: Annotated[bool, typer.Option(help="Start locked; `unlock` later.")] = False,
    token_library: TokenLibrary = None,
    token_label: TokenLabel = "",
    pin_fd: PinFd = None,
) -> None:
    """Serve until told to stop. Prints one line once it listens."""
    with reported():
        tls = None
        if listen:
            host, _, port = listen.rpartition(":")
            context = server_context(certificate, private_key, callers_ca)
            tls = TlsListener(host, int(port), context, frozenset(allow_name or ()))
        unix = None
        if socket is not None:
            unix = UnixListener(socket, frozenset(allow_uid or (os.geteuid(),)))
        if unix is None and tls is None:
            fail("nowhere to listen: --socket or --listen")
        if tls is not None and not tls.names:
            fail("nobody may call: --allow-name for each common name that may")
        location = TokenLocation(token_library, token_label) if token_library else None
        configuration = Configuration(
            StateDirectory(state_dir), tuple(network), unix, tls, location
        )
        with configuration.state.exclusive():
            secrets = None if locked else read_secrets(passphrase_fd, token_library, pin_fd)
            asyncio.run(
                serve(configuration, secrets, lambda where: print(f"serving {where}", flush=True))
            )


def unlock(
    state_dir: StateDir,
    passphrase_fd: PassphraseFd = None,
    token_library: TokenLibrary = None,
    pin_fd: PinFd = None,
) -> None:
    """Unlock the running signer."""
    with reported():
        secrets = read_secrets(passphrase_fd, token_library, pin_fd)
        print_status(control.unlock(StateDirectory(state_dir).control, *secrets))


def lock(state_dir: StateDir) -> None:
    """Wipe the running signer's keys; it answers `locked` from then on."""
    with reported():
        print_status(ask(StateDirectory(state_dir).control, "lock", {}))


def status(state_dir: StateDir) -> None:
    """What the running signer says of itself, else what its files say."""
    with reported():
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
