"""The key of the keystore's serving part, worked out in a process of its own that then ends.

OpenSSL's Argon2id and a PKCS#11 library leave copies of passphrase and PIN in memory that they
give back and nobody overwrites. A process that serves for months would keep them for months, and
whoever reads its memory later would have what opens every backup of the keystore. So a child reads
both, writes 32 bytes, and ends: the system gives no page of it to anybody unwiped. The key of the
other part, of which words and shares are made, never leaves it.

The child's end of it is `python -m signer.unlocking`.
"""

from __future__ import annotations

import os
import struct
import subprocess
import sys
from pathlib import Path
from typing import Final

from signer import keystore
from signer.errors import KeystoreDamaged, KeystoreFault, TokenUnavailable
from signer.keystore import KEY_BYTES, Contents
from signer.memory import harden_process, wipe
from signer.prompts import SECRET_BYTES_MAX, read_into
from signer.token import TokenLocation

_SIZES: Final = struct.Struct(">II")
_FAULTS: Final = {fault.__name__: fault for fault in (KeystoreDamaged, TokenUnavailable)}
_REFUSED: Final = 3
_NO_TOKEN: Final = ("", "")


def unlock_apart(
    path: Path, location: TokenLocation | None, passphrase: bytearray, pin: bytearray
) -> Contents:
    """What the keystore holds. Wipes both secrets. Raises KeystoreFault."""
    try:
        key = _ask_child(path, location, passphrase, pin)
    finally:
        wipe(passphrase)
        wipe(pin)
    try:
        return keystore.open_serving(path, key)
    finally:
        wipe(key)


def _ask_child(
    path: Path, location: TokenLocation | None, passphrase: bytearray, pin: bytearray
) -> bytearray:
    token = _NO_TOKEN if location is None else (str(location.library), location.label)
    command = [sys.executable, "-m", __name__, str(path.absolute()), *token]
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        bufsize=0,
        cwd=Path(__file__).parents[1],
    ) as child:
        assert child.stdin is not None and child.stdout is not None and child.stderr is not None
        try:
            for part in (_SIZES.pack(len(passphrase), len(pin)), passphrase, pin):
                left = memoryview(part)
                while left:
                    left = left[os.write(child.stdin.fileno(), left) :]
        except BrokenPipeError:
            pass  # it says why
        child.stdin.close()
        key = bytearray(KEY_BYTES)
        complete = read_into(child.stdout.fileno(), memoryview(key)) == KEY_BYTES
        said = child.stderr.read(4096).decode(errors="replace").strip()
        code = child.wait()
    if code == 0 and complete:
        return key
    name, _, message = said.rpartition("\n")[2].partition(": ")
    if code == _REFUSED and name in _FAULTS:
        raise _FAULTS[name](message)
    raise KeystoreFault(f"the process that opens the keystore ended with {code}")


def _main() -> None:
    """The child: sizes and secrets in, the key out. What went wrong goes to standard error."""
    path, library, label = sys.argv[1:]
    harden_process()
    location = TokenLocation(Path(library), label) if library else None
    sizes = bytearray(_SIZES.size)
    read_into(0, memoryview(sizes))
    passphrase, pin = (bytearray(min(n, SECRET_BYTES_MAX)) for n in _SIZES.unpack(sizes))
    for secret in (passphrase, pin):
        read_into(0, memoryview(secret))
    try:
        token = location.with_pin(pin) if location is not None else None
        keys = keystore.keys_of(keystore.read_header(Path(path)), passphrase, token)
    except KeystoreFault as fault:
        sys.stderr.write(f"{type(fault).__name__}: {fault}\n")
        sys.exit(_REFUSED)
    os.writev(1, [keys.serving])


if __name__ == "__main__":
    _main()
