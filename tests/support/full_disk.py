"""A disk that is full, made by the kernel: a file may not grow beyond so many bytes."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def files_end_at(length: int) -> Iterator[None]:
    """Until this ends, a write by this process beyond `length` stops there and the next fails
    (RLIMIT_FSIZE), as on a full disk. Python ignores the signal that would come with it."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (length, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
