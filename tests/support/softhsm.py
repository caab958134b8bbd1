"""SoftHSM2, a PKCS#11 token in software: this system's, or Debian's unpacked below `.cache`.

`python -m tests.support.softhsm` prepares it (part of `make setup`). It is loaded into the tests'
own process, unlike an engine, so it comes from the suite of the machine that it runs on.
"""

from __future__ import annotations

import ctypes
import os
import platform
from pathlib import Path
from typing import Final

from chains.devnet import debian

_CACHE: Final = Path(__file__).resolve().parents[2] / ".cache"
_UNPACKED: Final = _CACHE / f"softhsm-{platform.machine()}"
_PACKAGE: Final = "libsofthsm2"
_PATTERN: Final = "**/softhsm/libsofthsm2.so"


def library() -> Path | None:
    """SoftHSM2's PKCS#11 library, ready to be loaded here; None if this machine has none."""
    for folder in (Path("/usr/lib"), Path("/usr/local/lib"), _UNPACKED):
        for found in sorted(folder.glob(_PATTERN)):
            if folder is _UNPACKED:
                _load_what_it_needs()
            return found
    return None


def prepare() -> None:
    """Downloads at most once for a checkout, and nothing where the system has it."""
    if library() is not None:
        return
    print("setup: SoftHSM2 is not installed; taking Debian's (about 3 MB)", flush=True)
    work = _CACHE / f"softhsm.{os.getpid()}.partial"
    try:
        debian.install(_PACKAGE, _UNPACKED, work, beside_ours=True)
    except (debian.DebianUnavailable, OSError) as failure:
        print(f"setup: {failure}. Tests of the PKCS#11 token will be skipped.", flush=True)


def _load_what_it_needs() -> None:
    """The loader takes a library that is already loaded for the one of its name. Some need each
    other, so whatever fails is tried again after the others."""
    waiting = [path for path in _UNPACKED.glob("usr/lib/**/lib*.so.*") if not path.is_symlink()]
    failure: OSError | None = None
    while waiting:
        loaded = []
        for path in waiting:
            try:
                ctypes.CDLL(str(path), mode=ctypes.RTLD_GLOBAL)
                loaded.append(path)
            except OSError as error:
                failure = error
        if not loaded and failure is not None:
            raise failure
        waiting = [path for path in waiting if path not in loaded]


if __name__ == "__main__":
    prepare()
