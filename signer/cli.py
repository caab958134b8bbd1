"""`custody-signer`: making, keeping and running the signer. For its operator, on its own machine.

Secrets are typed or come through a file descriptor. Each command says in one line what went wrong
and leaves everything as it was.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from chains.keys import InvalidPath
from signer import keystore, words
from signer.auditlog import verify_log
from signer.codecs import codecs_for
from signer.control import ask
from signer.errors import SignerFault, WordsInvalid
from signer.keystore import Contents, KeyDerivation
from signer.memory import harden_process, wipe
from signer.messages import CallRefused
from signer.policy import Administrators, InvalidPolicy
from signer.process import Configuration, TokenLocation, serve
from signer.prompts import SecretMissing, read_lines, read_new_passphrase, read_secret
from signer.recovery import Skip, read_vaults, recover
from signer.server import TlsListener, UnixListener
from signer.session import LOG_KEY, root_of, utc_now
from signer.state import StateDirectory
from signer.tls import server_context
from signer.token import Token
from signer.wire import MalformedMessage, Status, octets

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,  # they would print local variables
    help=__doc__,
)
log_app = typer.Typer(no_args_is_help=True, help="The audit log.")
pin_app = typer.Typer(no_args_is_help=True, help="What the signer trusts from the start.")
app.add_typer(log_app, name="log")
app.add_typer(pin_app, name="pin")

StateDir = Annotated[Path, typer.Option(help="The signer's own directory, mode 700.")]
PassphraseFd = Annotated[
    int | None, typer.Option(help="File descriptor that holds the passphrase. [default: ask]")
]
PinFd = Annotated[int | None, typer.Option(help="File descriptor that holds the token's PIN.")]
TokenLibrary = Annotated[Path | None, typer.Option(help="PKCS#11 library of a wrapping token.")]
TokenLabel = Annotated[str, typer.Option(help="The token's label.")]
WordsFd = Annotated[int | None, typer.Option(help="File descriptor that holds the words.")]
MemoryMib = Annotated[int, typer.Option(help="Memory that one guess at the passphrase costs.")]
AdministratorsFile = Annotated[
    Path | None, typer.Option(help="JSON with threshold and members (id, Ed25519 key).")
]


@app.command()
def init(
    state_dir: StateDir,
    passphrase_fd: PassphraseFd = None,
    word_count: Annotated[int, typer.Option(help="12, 15, 18, 21 or 24 words.")] = 24,
    administrators: AdministratorsFile = None,
    memory_mib: MemoryMib = 256,
    token_library: TokenLibrary = None,
    token_label: TokenLabel = "",
    pin_fd: PinFd = None,
) -> None:
    """Make a new seed from the system's entropy. Write down `backup` before it holds money."""
    with _reported():
        if word_count not in (12, 15, 18, 21, 24):
            raise WordsInvalid("12, 15, 18, 21 or 24 words")
        contents = Contents(bytearray(os.urandom(word_count * 4 // 3)), _pinned(administrators))
        token = _token(token_library, token_label, pin_fd)
        _create(state_dir, contents, passphrase_fd, memory_mib, token)


@app.command("import")
def import_words(
    state_dir: StateDir,
    passphrase_fd: PassphraseFd = None,
    words_fd: WordsFd = None,
    administrators: AdministratorsFile = None,
    memory_mib: MemoryMib = 256,
    token_library: TokenLibrary = None,
    token_label: TokenLabel = "",
    pin_fd: PinFd = None,
) -> None:
    """Take the seed from BIP-39 words (English, without BIP-39 passphrase)."""
    with _reported():
        entropy = words.entropy_of(" ".join(read_lines(words_fd, "Words, line")))
        contents = Contents(entropy, _pinned(administrators))
        token = _token(token_library, token_label, pin_fd)
        _create(state_dir, contents, passphrase_fd, memory_mib, token)


@app.command()
def restore(
    state_dir: StateDir,
    passphrase_fd: PassphraseFd = None,
    words_fd: WordsFd = None,
    administrators: AdministratorsFile = None,
    memory_mib: MemoryMib = 256,
    token_library: TokenLibrary = None,
    token_label: TokenLabel = "",
    pin_fd: PinFd = None,
) -> None:
    """Take the seed from SLIP-39 shares, one a line, as many as the threshold says."""
    with _reported():
        entropy = words.combine(read_lines(words_fd, "Share"))
        contents = Contents(entropy, _pinned(administrators))
        token = _token(token_library, token_label, pin_fd)
        _create(state_dir, contents, passphrase_fd, memory_mib, token)


@app.command()
def backup(
    state_dir: StateDir,
    passphrase_fd: PassphraseFd = None,
    shares: Annotated[int, typer.Option(help="How many SLIP-39 shares; 0: BIP-39 words.")] = 0,
    threshold: Annotated[int, typer.Option(help="How many of the shares restore.")] = 0,
    token_library: TokenLibrary = None,
    token_label: TokenLabel = "",
    pin_fd: PinFd = None,
) -> None:
    """Print the seed as words, or as shares one a line. Whoever reads them has the money."""
    with _reported():
        contents = _open(state_dir, passphrase_fd, _token(token_library, token_label, pin_fd))
        try:
            if shares:
                for share in words.split(contents.entropy, threshold, shares):
                    print(share)
            else:
                print(words.words_of(contents.entropy))
        finally:
            contents.wipe()


@app.command()
def rotate_passphrase(
    state_dir: StateDir,
    passphrase_fd: PassphraseFd = None,
    new_passphrase_fd: Annotated[
        int | None, typer.Option(help="File descriptor that holds the new passphrase.")
    ] = None,
    token_library: TokenLibrary = None,
    token_label: TokenLabel = "",
    pin_fd: PinFd = None,
) -> None:
    """Encrypt the keystore under another passphrase; the token's part is renewed too."""
    with _reported():
        state = StateDirectory(state_dir)
        with state.exclusive():
            token = _token(token_library, token_label, pin_fd)
            contents = _open(state_dir, passphrase_fd, token)
            passphrase = read_new_passphrase(new_passphrase_fd)
            derivation = keystore.read_header(state.keystore).derivation
            keystore.replace(
                state.keystore, contents, passphrase, token=token, derivation=derivation
            )
        print("the passphrase is changed")


@pin_app.command()
def administrators(
    file: Annotated[Path, typer.Argument(help="JSON with threshold and members.")],
    state_dir: StateDir,
    passphrase_fd: PassphraseFd = None,
    token_library: TokenLibrary = None,
    token_label: TokenLabel = "",
    pin_fd: PinFd = None,
) -> None:
    """Who signs the first policy. Once: later ones are named by the policy itself."""
    with _reported():
        state = StateDirectory(state_dir)
        with state.exclusive():
            token = _token(token_library, token_label, pin_fd)
            passphrase = read_secret(passphrase_fd, "Passphrase")
            contents = keystore.unlock(state.keystore, passphrase, token=token)
            if contents.administrators is not None:
                _fail("administrators are pinned already: publish a policy that names others")
            contents.administrators = _pinned(file)
            derivation = keystore.read_header(state.keystore).derivation
            keystore.replace(
                state.keystore, contents, passphrase, token=token, derivation=derivation
            )
        print("pinned")


@app.command("serve")
def serve_command(
    state_dir: StateDir,
    network: Annotated[list[str], typer.Option(help="A network to sign for; repeat for more.")],
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
    with _reported():
        tls = None
        if listen:
            host, _, port = listen.rpartition(":")
            context = server_context(certificate, private_key, callers_ca)
            tls = TlsListener(host, int(port), context, frozenset(allow_name or ()))
        unix = None
        if socket is not None:
            unix = UnixListener(socket, frozenset(allow_uid or (os.geteuid(),)))
        if unix is None and tls is None:
            _fail("nowhere to listen: --socket or --listen")
        location = TokenLocation(token_library, token_label) if token_library else None
        configuration = Configuration(
            StateDirectory(state_dir), codecs_for(network), unix, tls, location
        )
        with configuration.state.exclusive():
            secrets = None if locked else _secrets(passphrase_fd, token_library, pin_fd)
            asyncio.run(
                serve(configuration, secrets, lambda where: print(f"serving {where}", flush=True))
            )


@app.command()
def unlock(
    state_dir: StateDir,
    passphrase_fd: PassphraseFd = None,
    token_library: TokenLibrary = None,
    pin_fd: PinFd = None,
) -> None:
    """Unlock the running signer."""
    with _reported():
        passphrase, pin = _secrets(passphrase_fd, token_library, pin_fd)
        arguments = {"passphrase": passphrase.hex(), "pin": pin.hex()}
        _print_status(ask(StateDirectory(state_dir).control, "unlock", arguments))


@app.command()
def lock(state_dir: StateDir) -> None:
    """Wipe the running signer's keys; it answers `locked` from then on."""
    with _reported():
        _print_status(ask(StateDirectory(state_dir).control, "lock", {}))


@app.command()
def status(state_dir: StateDir) -> None:
    """What the running signer says of itself, else what its files say."""
    with _reported():
        state = StateDirectory(state_dir)
        try:
            answer = ask(state.control, "status", {})
        except OSError:
            header = keystore.read_header(state.keystore)
            token = header.wrapping.token if header.wrapping else "none"
            print(f"not running\nkeystore: Argon2id {header.derivation.memory_kib // 1024} MiB")
            print(f"wrapping token: {token}")
            return
        _print_status(answer)


@log_app.command()
def verify(
    state_dir: StateDir = Path(),
    file: Annotated[Path | None, typer.Option(help="A copy. [default: the signer's own]")] = None,
    log_key: Annotated[str, typer.Option(help="The key to check seals with, from status.")] = "",
    passphrase_fd: PassphraseFd = None,
    token_library: TokenLibrary = None,
    token_label: TokenLabel = "",
    pin_fd: PinFd = None,
) -> None:
    """Check every record and every seal. Needs the log key, or the keystore to derive it."""
    with _reported():
        if log_key:
            key = octets(log_key, 32)
        else:
            token = _token(token_library, token_label, pin_fd)
            root = root_of(_open(state_dir, passphrase_fd, token))
            key = root.own_key(LOG_KEY).public_key
            root.wipe()
        good = verify_log(file or StateDirectory(state_dir).log, key)
        print(f"sound up to record {good.sequence}, head {good.head.hex()}")


@app.command("recover")
def recover_command(
    state_dir: StateDir,
    passphrase_fd: PassphraseFd = None,
    log: Annotated[Path | None, typer.Option(help="A copy of the audit log.")] = None,
    sequence: Annotated[
        int, typer.Option(help="Of the newest receipt anybody holds, if records stay lost.")
    ] = 0,
    policy_version: Annotated[
        int, typer.Option(help="With --sequence: the policy last in force.")
    ] = 0,
    vaults: Annotated[
        Path | None,
        typer.Option(help="With --sequence: JSON lines, client, vault, account of each vault."),
    ] = None,
    token_library: TokenLibrary = None,
    token_label: TokenLabel = "",
    pin_fd: PinFd = None,
) -> None:
    """Go on with a journal restored from a backup. From a copy of the log nothing is lost."""
    with _reported():
        if sequence and (policy_version < 1 or vaults is None):
            _fail(
                "--sequence needs --policy-version and --vaults: without them money can move twice"
            )
        if not sequence and log is None:
            _fail("--log, --sequence, or both")
        skip = None
        if sequence and vaults is not None:
            skip = Skip(sequence, policy_version, read_vaults(vaults))
        state = StateDirectory(state_dir)
        with state.exclusive():
            token = _token(token_library, token_label, pin_fd)
            root = root_of(_open(state_dir, passphrase_fd, token))
            journal = recover(state, root.own_key(LOG_KEY), log, skip, utc_now())
            print(f"the journal ends with record {journal.sequence}")
            journal.close()
            root.wipe()


@contextmanager
def _reported() -> Iterator[None]:
    """Expected failures as one line. A bug keeps its traceback, which shows no values."""
    harden_process()
    try:
        yield
    except (SignerFault, SecretMissing, InvalidPolicy, MalformedMessage, InvalidPath) as error:
        _fail(str(error))
    except CallRefused as error:
        _fail(f"{error.code.value}/{error.detail}: {error}")
    except KeyError as error:
        _fail(f"unknown network {error}")
    except OSError as error:
        _fail(f"{error.strerror or error}: {error.filename or ''}".rstrip(": "))


def _fail(message: str) -> NoReturn:
    typer.echo(f"custody-signer: {message}", err=True)
    raise typer.Exit(1)


def _create(
    state_dir: Path,
    contents: Contents,
    passphrase_fd: int | None,
    memory_mib: int,
    token: Token | None,
) -> None:
    state = StateDirectory(state_dir)
    with state.exclusive():
        passphrase = read_new_passphrase(passphrase_fd)
        derivation = KeyDerivation(memory_kib=memory_mib * 1024)
        try:
            keystore.create(
                state.keystore, contents, passphrase, token=token, derivation=derivation
            )
        finally:
            contents.wipe()
            wipe(passphrase)
    print(f"keystore written to {state.keystore}")


def _open(state_dir: Path, passphrase_fd: int | None, token: Token | None) -> Contents:
    passphrase = read_secret(passphrase_fd, "Passphrase")
    try:
        return keystore.unlock(StateDirectory(state_dir).keystore, passphrase, token=token)
    finally:
        wipe(passphrase)


def _token(library: Path | None, label: str, pin_fd: int | None) -> Token | None:
    if library is None:
        return None
    return TokenLocation(library, label).with_pin(read_secret(pin_fd, "Token PIN"))


def _secrets(
    passphrase_fd: int | None, token_library: Path | None, pin_fd: int | None
) -> tuple[bytearray, bytearray]:
    passphrase = read_secret(passphrase_fd, "Passphrase")
    pin = read_secret(pin_fd, "Token PIN") if token_library is not None else bytearray()
    return passphrase, pin


def _pinned(file: Path | None) -> Administrators | None:
    if file is None:
        return None
    import json

    try:
        return Administrators.parse(json.loads(file.read_bytes()))
    except ValueError as error:
        raise InvalidPolicy(f"{file}: {error}") from error


def _print_status(answer: Any) -> None:
    told = Status.parse(answer)
    print("locked" if told.locked else "unlocked")
    if not told.locked:
        print(f"policy version: {told.policy_version}")
        print(f"newest record: {told.sequence}, head {told.head.hex()}")
        print(f"attestation key: {told.attestation_key.hex()}")
        print(f"log key: {told.log_key.hex()}")
    for warning in told.warnings:
        print(f"warning: {warning}")


if __name__ == "__main__":
    app()
