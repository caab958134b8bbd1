"""Who is calling, and the form of an API key. Pure.

A key is `ck_<id>_<secret>`: 26 characters that name it and 43 that prove it (256 random bits). Only
the SHA-256 of the whole string is stored; with that many random bits nothing slower is needed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256

from custody.errors import Forbidden

KEY_PATTERN = re.compile(r"ck_([0-9a-z]{26})_[A-Za-z0-9_-]{43}", re.ASCII)


class Scope(StrEnum):
    """None of them includes another; a key is given each one that it needs."""

    READ = "read"
    """See what there is: lists, balances, networks."""
    RECEIVE = "receive"
    """Create addresses."""
    TRANSFER = "transfer"
    """Ask for transfers, cancel them and offer more for them."""
    ASK = "ask"
    """Ask for what an app asks of a wallet, of one vault at a time, by JSON-RPC."""
    APPROVE = "approve"
    """Hand in what approvers signed."""
    AUDIT = "audit"
    """See the evidence of transfers, export, list policies, keys and alarms."""
    COMPLIANCE = "compliance"
    """Hold deposits before they are credited, by rule or one by one, and release them."""
    ADMIN = "admin"
    """Create clients and vaults, freeze and unfreeze, clear alarms."""


@dataclass(frozen=True, slots=True)
class Caller:
    """`initiator`: the person or machine that the key belongs to, as the policy and mandates name
    it; several keys may be one's. `client_id`: None sees every client."""

    key_id: str
    initiator: str
    client_id: str | None
    scopes: frozenset[Scope]

    def check_scope(self, scope: Scope) -> None:
        """Raise Forbidden scope_missing."""
        if scope not in self.scopes:
            raise Forbidden("scope_missing", f"this needs an API key with the scope {scope}")

    def sees(self, client_id: str) -> bool:
        return self.client_id is None or self.client_id == client_id


def digest_of(secret: str) -> bytes:
    return sha256(secret.encode()).digest()
