"""Tokens that stand in URLs, and what apps are told. Pure.

A token is `cu_<id>_<secret>`: 26 characters that name it and 43 that prove it (256 random bits).
Only the SHA-256 of the whole is stored, as of API keys.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from custody.apikeys.model import Caller
from custody.errors import Invalid
from custody.transfers.state import TERMINAL, State

TOKEN_PATTERN: Final = re.compile(r"cu_([0-9a-z]{26})_[A-Za-z0-9_-]{43}", re.ASCII)
ORIGINS_MAX: Final = 20
TOKENS_MAX: Final = 100
"""In force, of one vault."""
GRACE: Final = timedelta(seconds=15)
"""How long after an app was told a transaction's id the same request gets the same one: programs
repeat by themselves what got no answer in time, and an answer can get lost on its way."""
_ORIGIN: Final = re.compile(r"https?://[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[1-9][0-9]{0,4})?", re.ASCII)


class ToldAs(StrEnum):
    TXID = "txid"
    """What it wanted: a transaction's id, or a signature."""
    END = "end"
    """That nothing comes of it."""


@dataclass(frozen=True, slots=True)
class Door:
    """Who asks, and for which vault on which network. `origins`: the web pages that may; None where
    no token stands in the URL."""

    caller: Caller
    vault_id: str
    network: str
    origins: tuple[str, ...] | None = None

    def lets(self, origin: str | None) -> bool:
        """Whether a request that names this origin, or none, may be answered. A token without a
        page is for programs alone, and one with pages for these alone."""
        if self.origins is None:
            return True
        return origin in self.origins if self.origins else origin is None


@dataclass(frozen=True, slots=True)
class Needed:
    """So many persons of the group have to approve; `people`: those who may."""

    group: str
    count: int
    people: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a transfer has come, and whose it is. `txid`: of the transaction that was sent for
    it; `signature`: of a message. `waiting`: code of what it waits for; `needs`: people, where it
    waits for them. `expires_at`: of its terms."""

    transfer_id: str
    vault_id: str
    network: str
    initiator: str
    state: State
    txid: str | None
    signature: str | None
    waiting: str | None
    reason: str | None
    needs: tuple[Needed, ...]
    expires_at: datetime

    @property
    def result(self) -> str | None:
        """What the app wanted, once it is there."""
        return self.signature if self.txid is None else self.txid

    @property
    def told_as(self) -> ToldAs:
        """How it ends, where it `is_told`."""
        return ToldAs.END if self.result is None else ToldAs.TXID

    @property
    def is_told(self) -> bool:
        """Whether there is something to tell an app but to come back later."""
        return self.result is not None or self.state in TERMINAL


def checked_origins(given: Sequence[str]) -> tuple[str, ...]:
    """Raises Invalid origin_invalid. An origin is scheme, host and port as browsers send it: no
    path, no wildcard, in lower case."""
    found = tuple(dict.fromkeys(given))
    if len(found) > ORIGINS_MAX:
        raise Invalid("origin_invalid", f"at most {ORIGINS_MAX} origins", field="origins")
    for each in found:
        if _ORIGIN.fullmatch(each) is None:
            words = "an origin is https://HOST or https://HOST:PORT, in lower case, without a path"
            raise Invalid("origin_invalid", words, field="origins")
    return found
