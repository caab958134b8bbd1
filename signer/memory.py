"""Keeping secrets out of swap, core dumps and debuggers, where the system allows it.

Nothing here makes Python forget: libraries hand out immutable copies that die when the allocator
reuses them. What we hold ourselves is held in bytearrays and overwritten.
"""

from __future__ import annotations

import ctypes
import resource
import sys
from typing import Final

from signer.statements import Notice

_PR_SET_DUMPABLE: Final = 4
_MCL_CURRENT: Final = 1
_MCL_FUTURE: Final = 2


def wipe(secret: bytearray) -> None:
    """Overwrite in place."""
    secret[:] = bytes(len(secret))


def harden_process() -> tuple[Notice, ...]:
    """Make this process undumpable and lock its memory. Returns what could not be done."""
    warnings = []
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if not sys.platform.startswith("linux"):
        message = "not Linux: memory is not locked and the process can be dumped"
        return (Notice("memory-unprotected", message),)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0) != 0:
        message = "the process can be dumped (prctl PR_SET_DUMPABLE was refused)"
        warnings.append(Notice("process-dumpable", message))
    # With a limit, locking everything in future makes later allocations fail, so it is all or none.
    unlimited = resource.getrlimit(resource.RLIMIT_MEMLOCK)[0] == resource.RLIM_INFINITY
    if not unlimited or libc.mlockall(_MCL_CURRENT | _MCL_FUTURE) != 0:
        message = "memory is not locked and may reach swap (set the memlock limit to unlimited)"
        warnings.append(Notice("memory-not-locked", message))
    return tuple(warnings)
