"""Tokens that stand in URLs: make (the secret is shown once), tell whose one is, revoke.

One can do no more than ask, for one vault on one network, as whoever made it; it reads nothing,
approves nothing and makes nothing. A key's tokens end with the key.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from custody.apikeys.model import Caller, Scope, digest_of
from custody.db.ids import new_id
from custody.db.look import Quick
from custody.db.rpc_tables import RpcTokenRow
from custody.db.session import ReadSession, WriteSession
from custody.errors import Conflict, Invalid, NotFound
from custody.provider import repository
from custody.provider.model import TOKEN_PATTERN, TOKENS_MAX, Door, checked_origins
from signer.wire import MalformedMessage, identifier


@dataclass(frozen=True, slots=True)
class NewToken:
    """`secret` exists here and in the URL, nowhere else."""

    row: RpcTokenRow
    secret: str = field(repr=False)


async def create_token(
    session: WriteSession,
    *,
    vault_id: str,
    network: str,
    initiator: str,
    origins: Sequence[str],
    api_key_id: str | None,
    now: datetime,
) -> NewToken:
    """For a vault and a network that exist. Raises Invalid initiator_invalid, origin_invalid,
    Conflict too_many_tokens."""
    try:
        identifier(initiator)
    except MalformedMessage as error:
        message = "an initiator is named as in a policy: in printable ASCII, without outer spaces"
        raise Invalid("initiator_invalid", message, field="initiator") from error
    allowed = checked_origins(origins)
    if await repository.count_in_force(session, vault_id) >= TOKENS_MAX:
        raise Conflict("too_many_tokens", f"the vault has {TOKENS_MAX} tokens in force: revoke one")
    token_id = new_id("tok")
    secret = f"cu_{token_id.removeprefix('tok_')}_{secrets.token_urlsafe(32)}"
    row = RpcTokenRow(
        id=token_id,
        vault_id=vault_id,
        network=network,
        initiator=initiator,
        digest=digest_of(secret),
        origins=" ".join(allowed),
        api_key_id=api_key_id,
        created_at=now,
        revoked_at=None,
    )
    session.add(row)
    return NewToken(row, secret)


async def door_of(session: Quick, secret: str) -> Door | None:
    """Where a token leads, or None for anything that is not one in force. Found by digest, so its
    duration says nothing about how much of a guess was right."""
    if TOKEN_PATTERN.fullmatch(secret) is None:
        return None
    found = await repository.token_in_force(session, digest_of(secret))
    if found is None:
        return None
    token_id, initiator, vault_id, network, origins, client_id = found
    caller = Caller(token_id, initiator, client_id, frozenset({Scope.ASK}))
    return Door(caller, vault_id, network, tuple(origins.split()))


async def revoke_token(
    session: WriteSession, token_id: str, now: datetime, *, vault_id: str | None = None
) -> None:
    """From the next request on it is nobody's. Raises NotFound token_not_found."""
    if not await repository.mark_revoked(session, token_id, vault_id, now):
        raise NotFound("token_not_found", "There is no such token in force.")


async def list_tokens(session: ReadSession, vault_id: str | None = None) -> Sequence[RpcTokenRow]:
    """The newest first, revoked ones included. Rows hold digests, never secrets."""
    return await repository.tokens(session, vault_id)
