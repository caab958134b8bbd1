"""Begins to move a vault to new keys, and stops asking."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import structlog

from custody.db.move_tables import VaultMoveRow
from custody.db.session import Database, WriteSession
from custody.db.tables import VaultRow
from custody.errors import Invalid
from custody.reasons import checked_reason
from custody.transfers.by_rule import check_key
from custody.vaults import moved_repository as moved
from custody.vaults import repository
from custody.vaults.service import Vaults

log = structlog.get_logger()


class Moves:
    def __init__(self, database: Database, vaults: Vaults, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._vaults = vaults
        self._clock = clock

    async def begin(
        self, vault: str, key: str, reason: str, *, by: str, to: str | None = None
    ) -> VaultMoveRow:
        """From now on the vault gives out no address and pays nobody but its successor. `to`: an
        existing vault of the client; None: one is made, with keys of its own. Repeating it keeps
        the successor, and asks with `key` from now on.

        Raises NotFound vault_not_found, Invalid (reason_invalid, vault_move_invalid), Forbidden
        (scope_missing, key_bound_to_client), Conflict (vault_moved, of another successor),
        Unavailable signer_ahead, the signer client's errors.
        """
        reason = checked_reason(reason)
        async with self._database.read() as session:
            row = await repository.vault(session, vault)
            wrong = await check_key(session, key, row.client_id)
            if wrong is not None:
                raise _wrong(wrong, "key")
            known = await moved.successor_of(session, vault)

        made: list[VaultMoveRow] = []

        async def note(session: WriteSession, successor: str) -> None:
            made.append(await _note(session, vault, successor, key, reason, self._clock(), by))

        if to is None and known is None:
            await self._vaults.create_vault(
                row.client_id, row.name, within=lambda session, new: note(session, new.id)
            )
        else:
            async with self._database.write() as session:
                await note(session, to or known or "")
        log.warning("vault_move_set", vault=vault, successor=made[0].successor_id, by=by)
        return made[0]


async def stop(
    session: WriteSession, vault: str, reason: str, now: datetime, *, by: str
) -> VaultMoveRow:
    """Nothing more is asked for. It stays moved, and what is open goes on. Raises NotFound
    vault_not_found, Invalid (reason_invalid, vault_move_invalid)."""
    reason = checked_reason(reason)
    await repository.vault(session, vault)
    successor = await moved.successor_of(session, vault)
    if successor is None:
        raise _wrong("This vault is not being moved.", "vault_id")
    row = await _note(session, vault, successor, None, reason, now, by)
    log.warning("vault_move_set", vault=vault, successor=successor, by=by)
    return row


async def _note(
    session: WriteSession,
    vault: str,
    successor: str,
    key: str | None,
    reason: str,
    now: datetime,
    by: str,
) -> VaultMoveRow:
    """One more row, unless somebody else named another successor meanwhile."""
    new = await repository.vault(session, successor)
    locked = await repository.lock_vaults(session, [vault, successor])
    old = next(row for row in locked if row.id == vault)
    before = await moved.history_of(session, vault)
    if before and before[0].successor_id != successor:
        raise moved.vault_moved(before[0].successor_id)
    if not before:
        await _check(session, old, new)
    row = {
        "vault_id": vault,
        "number": len(before) + 1,
        "successor_id": successor,
        "key_id": key,
        "reason": reason,
        "set_by": by,
        "set_at": now,
    }
    await session.insert(VaultMoveRow, [row])
    return VaultMoveRow(**row)


async def _check(session: WriteSession, old: VaultRow, new: VaultRow) -> None:
    """What goes round in circles never arrives."""
    if old.client_id != new.client_id or old.id == new.id:
        raise _wrong("The successor is another vault of the same client.", "to")
    if await moved.successor_of(session, new.id) is not None:
        raise _wrong("The successor was moved itself.", "to")


def _wrong(words: str, field: str) -> Invalid:
    return Invalid("vault_move_invalid", words, field=field)
