"""How much longer than usual an answer may take, for whoever asks something large.

A follower that finds a node too slow for one block asks for it again with more patience. The
transport reads the factor where it sets a time limit; what lies between need not know of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_factor: ContextVar[int] = ContextVar("patience", default=1)


def patience() -> int:
    """What multiplies a request's time limit here."""
    return _factor.get()


@contextmanager
def patient(factor: int) -> Iterator[None]:
    """Requests made inside, also by tasks started inside, may take `factor` times as long."""
    token = _factor.set(factor)
    try:
        yield
    finally:
        _factor.reset(token)
