"""API keys: create (the secret is shown once), authenticate, revoke."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from custody.apikeys import repository
from custody.apikeys.model import KEY_PATTERN, Caller, Scope, digest_of
from custody.db.ids import new_id
from custody.db.look import Quick
from custody.db.session import ReadSession, WriteSession
from custody.db.tables import ApiKeyRow, ClientRow
from custody.errors import Invalid, NotFound
from signer.wire import MalformedMessage, identifier


@dataclass(frozen=True, slots=True)
class NewKey:
    """`secret` exists here and with its owner, nowhere else."""

    id: str
    secret: str = field(repr=False)


async def create_key(
    session: WriteSession,
    *,
    name: str,
    initiator: str,
    scopes: Iterable[Scope],
    client_id: str | None,
    now: datetime,
) -> NewKey:
    """`initiator`: whose key it is: the person or machine that asks with it, by its name in the
    policy. `client_id` None makes a key for all clients. Raises NotFound client_not_found, Invalid
    scopes_empty, initiator_invalid."""
    chosen = sorted(set(scopes))
    try:
        identifier(initiator)
    except MalformedMessage as error:
        message = "an initiator is named as in a policy: in printable ASCII, without outer spaces"
        raise Invalid("initiator_invalid", message, field="initiator") from error
    if not chosen:
        raise Invalid("scopes_empty", "a key without a scope may do nothing", field="scopes")
    if client_id is not None and await session.get(ClientRow, client_id) is None:
        raise NotFound("client_not_found", "no such client", field="client_id")
    key_id = new_id("key")
    secret = f"ck_{key_id.removeprefix('key_')}_{secrets.token_urlsafe(32)}"
    session.add(
        ApiKeyRow(
            id=key_id,
            name=name,
            initiator=initiator,
            digest=digest_of(secret),
            scopes=" ".join(chosen),
            client_id=client_id,
            created_at=now,
            revoked_at=None,
        )
    )
    return NewKey(key_id, secret)


async def authenticate(session: Quick, secret: str) -> Caller | None:
    """The caller, or None for anything that is not a valid key in force. The lookup is by digest,
    so its duration says nothing about how much of a guess was right."""
    if KEY_PATTERN.fullmatch(secret) is None:
        return None
    row = await repository.key_in_force(session, digest_of(secret))
    if row is None:
        return None
    return Caller(
        row.id, row.initiator, row.client_id, frozenset(Scope(name) for name in row.scopes.split())
    )


async def revoke_key(session: WriteSession, key_id: str, now: datetime) -> None:
    """From the next request on the key is nobody's. Raises NotFound apikey_not_found."""
    if not await repository.mark_revoked(session, key_id, now):
        raise NotFound("apikey_not_found", "no such API key in force")


async def list_keys(session: ReadSession) -> list[ApiKeyRow]:
    """Oldest first, revoked ones included. Rows hold digests, never secrets."""
    return list(await repository.all_keys(session))
