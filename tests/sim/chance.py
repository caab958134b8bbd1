"""What a process takes from the system without being told: random numbers and times. Here all of it
follows from the seed, and the times from the game's clock."""

from __future__ import annotations

import random
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from types import SimpleNamespace
from typing import Final
from unittest.mock import patch

from custody.apikeys import service as apikeys
from custody.db import engines, ids, leases
from custody.feeds import sequencer
from custody.policies import source
from custody.workers import outbox
from signer import journal

_WITH_SECRETS: Final = (apikeys, ids, leases, outbox, sequencer)


@contextmanager
def seeded(seed: str, seconds: Callable[[], float]) -> Iterator[None]:
    """`seconds`: since 1970, by the clock that ids are made by."""
    dice = random.Random(f"chance {seed}")

    def token_hex(size: int = 32) -> str:
        return dice.randbytes(size).hex()

    def token_urlsafe(size: int = 32) -> str:
        return urlsafe_b64encode(dice.randbytes(size)).rstrip(b"=").decode()

    secrets = SimpleNamespace(
        token_hex=token_hex, token_urlsafe=token_urlsafe, randbits=dice.getrandbits
    )
    clock = SimpleNamespace(time_ns=lambda: int(seconds() * 10**9))
    with ExitStack() as stack:
        for module in _WITH_SECRETS:
            stack.enter_context(patch.object(module, "secrets", secrets))
        stack.enter_context(patch.object(ids, "time", clock))
        stack.enter_context(patch.object(ids, "_newest", 0))
        stack.enter_context(patch.object(leases, "monotonic", seconds))
        stack.enter_context(patch.object(engines, "monotonic", seconds))
        stack.enter_context(patch.object(source, "monotonic_ns", clock.time_ns))
        stack.enter_context(patch.object(journal, "token_hex", token_hex))
        random.seed(f"system {seed}")  # the spread of the outbox's pauses
        yield
