"""Making, keeping and restoring the seed."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from signer import keystore
from signer.ceremonies import words
from signer.ceremonies.common import open_all, pinned, read_administrators, reported, token_of
from signer.ceremonies.options import (
    AdministratorsFile,
    MemoryMib,
    PassphraseFd,
    PinFd,
    StateDir,
    TokenLabel,
    TokenLibrary,
    WordsFd,
)
from signer.ceremonies.recovery import pin
from signer.clock import utc_now
from signer.errors import PinnedAlready, WordsInvalid
from signer.keystore import Contents, KeyDerivation
from signer.memory import wipe
from signer.policy import Administrators
from signer.prompts import read_lines, read_new_passphrase, read_secret
from signer.session import LOG_KEY, root_of
from signer.state import StateDirectory
from signer.token import Token


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
    with reported():
        if word_count not in (12, 15, 18, 21, 24):
            raise WordsInvalid("12, 15, 18, 21 or 24 words")
        entropy, trusted = bytearray(os.urandom(word_count * 4 // 3)), pinned(administrators)
        token = token_of(token_library, token_label, pin_fd)
        _create(state_dir, entropy, trusted, passphrase_fd, memory_mib, token)


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
    with reported():
        entropy = words.entropy_of(" ".join(read_lines(words_fd, "Words, line")))
        trusted = pinned(administrators)
        token = token_of(token_library, token_label, pin_fd)
        _create(state_dir, entropy, trusted, passphrase_fd, memory_mib, token)


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
    with reported():
        entropy = words.combine(read_lines(words_fd, "Share"))
        trusted = pinned(administrators)
        token = token_of(token_library, token_label, pin_fd)
        _create(state_dir, entropy, trusted, passphrase_fd, memory_mib, token)


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
    with reported():
        token = token_of(token_library, token_label, pin_fd)
        contents, entropy = open_all(state_dir, passphrase_fd, token)
        try:
            # The two lie apart: what is written down must lead to the keys that hold the money.
            if words.seed_of(entropy) != contents.seed:
                raise WordsInvalid("the keystore's words are not those of its seed")
            if shares:
                print(*words.split(entropy, threshold, shares), sep="\n")
            else:
                print(words.words_of(entropy))
        finally:
            contents.wipe()
            wipe(entropy)


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
    with reported():
        state = StateDirectory(state_dir)
        with state.exclusive():
            token = token_of(token_library, token_label, pin_fd)
            contents, entropy = open_all(state_dir, passphrase_fd, token)
            try:
                _write_again(
                    state, contents, entropy, read_new_passphrase(new_passphrase_fd), token
                )
            finally:
                contents.wipe()
                wipe(entropy)
        print("the passphrase is changed")


def administrators(
    file: Annotated[Path, typer.Argument(help="JSON with threshold and members.")],
    state_dir: StateDir,
    passphrase_fd: PassphraseFd = None,
    token_library: TokenLibrary = None,
    token_label: TokenLabel = "",
    pin_fd: PinFd = None,
) -> None:
    """Who signs the first policy, or the first after a recovery that had none. Once: later ones
    are named by the policy itself."""
    with reported():
        trusted = read_administrators(file)
        state = StateDirectory(state_dir)
        with state.exclusive():
            token = token_of(token_library, token_label, pin_fd)
            passphrase = read_secret(passphrase_fd, "Passphrase")
            try:
                _pin(state, trusted, passphrase, token)
            finally:
                wipe(passphrase)
        print("pinned:", *trusted.members)


def _pin(
    state: StateDirectory, trusted: Administrators, passphrase: bytearray, token: Token | None
) -> None:
    """In the keystore before there is a journal, else in the journal."""
    contents, entropy = keystore.unlock_all(state.keystore, passphrase, token=token)
    try:
        if not state.journal.exists():
            if contents.administrators is not None:
                raise PinnedAlready
            contents.administrators = trusted
            _write_again(state, contents, entropy, passphrase, token)
            return
        root = root_of(contents)
        try:
            pin(state, root.own_key(LOG_KEY), contents.administrators, trusted, utc_now())
        finally:
            root.wipe()
    finally:
        contents.wipe()
        wipe(entropy)


def _write_again(
    state: StateDirectory,
    contents: Contents,
    entropy: bytearray,
    passphrase: bytearray,
    token: Token | None,
) -> None:
    """At the same cost. Wipes the passphrase."""
    derivation = keystore.read_header(state.keystore).derivation
    try:
        keystore.replace(
            state.keystore, contents, entropy, passphrase, token=token, derivation=derivation
        )
    finally:
        wipe(passphrase)


def _create(
    state_dir: Path,
    entropy: bytearray,
    trusted: Administrators | None,
    passphrase_fd: int | None,
    memory_mib: int,
    token: Token | None,
) -> None:
    """Wipes the entropy."""
    state = StateDirectory(state_dir)
    contents = Contents(words.seed_of(entropy), trusted)
    derivation = KeyDerivation(memory_kib=memory_mib * 1024)
    try:
        with state.exclusive():
            passphrase = read_new_passphrase(passphrase_fd)
            try:
                keystore.create(
                    state.keystore,
                    contents,
                    entropy,
                    passphrase,
                    token=token,
                    derivation=derivation,
                )
            finally:
                wipe(passphrase)
    finally:
        contents.wipe()
        wipe(entropy)
    print(f"keystore written to {state.keystore}")
