"""Moves what vaults have to their successors: one step looks at each asset of each of them once.

What lies on later addresses is swept to the one that pays, by a rule that is set here. What the
vault has there goes to the successor's first address, all of it: tokens first, for they need the
coin. Each time is a row before its transfer is asked for, and its retry key follows from the row.
Whoever dies in between asks again and gets the answer that was given; so do two workers at once.
What comes later is moved in the same way: a move has no end.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Final

import structlog

from chains.adapter import ChainAdapter
from chains.catalogue import Catalogue
from chains.costs import by_asset
from chains.errors import DustAmount
from chains.families import bounds_of
from chains.model import AssetId, NetworkId
from chains.networks import Network
from custody.alarms.codes import AlarmCode
from custody.alarms.service import tell
from custody.apikeys.repository import in_force
from custody.db.move_tables import VaultMoveRow, VaultMoveStepRow
from custody.db.session import Database, ReadSession
from custody.ledger.model import AccountKind
from custody.ledger.repository import accounts_of_vault
from custody.moves import repository
from custody.refills.repository import first_address
from custody.sweeps.repository import rule_of as sweep_rule_of
from custody.sweeps.service import NewRule
from custody.sweeps.service import set_rule as set_sweep_rule
from custody.transactions.outcomes import trouble
from custody.transfers import names
from custody.transfers.begun import (
    REMEMBERED,
    BegunState,
    End,
    end_of_transfer,
    next_number,
    note,
    waits,
)
from custody.transfers.by_rule import REVOKED, ask, retry_key
from custody.transfers.request import Idempotency, Output, TransferRequest
from custody.transfers.service import Transfers
from custody.vaults import moved_repository as moved
from custody.vaults import repository as vaults
from custody.vaults.freezes import ITSELF
from custody.vaults.service import Vaults

ROUTE: Final = "move"
NOTE: Final = "move"
DUST: Final = ("amount_above_balance", DustAmount.code)
"""Moving it would cost more than it is, or the token would keep all of it."""

log = structlog.get_logger()


class Moving:
    """One per process of workers."""

    def __init__(
        self,
        database: Database,
        transfers: Transfers,
        vaults: Vaults,
        adapters: Mapping[NetworkId, ChainAdapter],
        catalogue: Catalogue,
        clock: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._transfers = transfers
        self._vaults = vaults
        self._adapters = adapters
        self._catalogue = catalogue
        self._clock = clock

    async def step(self) -> None:
        """Each transfer that is open, then each vault."""
        async with self._database.read() as session:
            opened = await repository.open_steps(session)
            moves = await moved.moves_in_force(session)
        for row in opened:
            await self._follow(row)
        for move in moves:
            for network, adapter in self._adapters.items():
                words = await self._look(move, adapter.codec.network)
                await tell(
                    self._database,
                    AlarmCode.MOVE_FAILS,
                    words,
                    self._clock(),
                    network=network,
                    vault=move.vault_id,
                )

    async def _follow(self, row: VaultMoveStepRow) -> None:
        if row.transfer_id is None:
            await self._ask(row)
            return
        async with self._database.read() as session:
            end = await end_of_transfer(session, row.transfer_id)
        if end is not None:
            await self._note(row, row.transfer_id, end)

    async def _look(self, move: VaultMoveRow, network: Network) -> str:
        """Begins what is to begin on a network. What stands in the way, in words, or ""."""
        if move.key_id is None:
            return ""
        async with self._database.read() as session:
            available, unswept = await _holdings(session, move.vault_id, network)
            revoked = await in_force(session, move.key_id) is None
        if not (available or unswept):
            return ""
        if revoked:
            return REVOKED
        for asset in [each for each in unswept if each != network.native.id] or list(unswept):
            await self._sweep(move, network, asset)
        native, waiting = network.native.id, False
        for asset in sorted(available, key=lambda each: (each == native, each)):
            if asset == native and waiting:
                break
            waiting |= await self._begin(move, network, asset)
        async with self._database.read() as session:
            return await _failing(session, move.vault_id, sorted({*available, *unswept}))

    async def _sweep(self, move: VaultMoveRow, network: Network, asset: AssetId) -> None:
        """Have later addresses swept, whatever they have, with the key of the move. The coin after
        the tokens that need it."""
        vault, coin = move.vault_id, asset == network.native.id
        most = by_asset(bounds_of(network, asset=asset)).get(network.native.id, 0)
        async with self._database.read() as session:
            rule = await sweep_rule_of(session, vault, asset)
        if rule is not None and (rule.set_by, rule.key_id) == (ITSELF, move.key_id):
            return
        assert move.key_id is not None
        new = NewRule(
            threshold=1,
            every_s=None,
            cost_max=None if coin else most,
            percent=100 if coin else None,
            price=None,
            key=move.key_id,
        )
        known, now = self._catalogue.find_asset(asset), self._clock()
        reason = f"moved to {move.successor_id}"
        async with self._database.write() as session:
            await set_sweep_rule(session, vault, network, known, new, reason, now, by=ITSELF)

    async def _begin(self, move: VaultMoveRow, network: Network, asset: AssetId) -> bool:
        """A new step, if it is time for one. Whether one is open."""
        vault = move.vault_id
        async with self._database.read() as session:
            ended = await repository.newest_of(session, vault, asset, REMEMBERED)
            to = await first_address(session, move.successor_id, network.id)
        if ended and ended[0].open_key is not None:
            return True
        if self._waits(ended):
            return False
        if to is None and (to := await self._first_address(move, network)) is None:
            return False
        async with self._database.write() as session:
            await vaults.lock_vaults(session, [vault])
            ended = await repository.newest_of(session, vault, asset, REMEMBERED)
            amount = (await _holdings(session, vault, network))[0].get(asset, 0)
            current = (await moved.history_of(session, vault))[-1]
            stands = current.number == move.number and move.key_id is not None
            if not amount or not stands or self._waits(ended):
                return bool(ended) and ended[0].open_key is not None
            client = (await vaults.vault(session, vault)).client_id
            last, name = ended[0].number if ended else 0, partial(names.move_step, vault, asset)
            new = {
                "vault_id": vault,
                "asset": asset,
                "number": await next_number(session, client, [name], last, whole=True),
                "network": network.id,
                "destination": to,
                "key_id": move.key_id,
                "amount": amount,
                "state": BegunState.OPEN.value,
                "open_key": f"{vault} {asset}",
                "transfer_id": None,
                "code": None,
                "created_at": self._clock(),
                "ended_at": None,
            }
            await session.insert(VaultMoveStepRow, [new])
        log.info("vault_move_begun", vault=vault, asset=asset, number=new["number"])
        return await self._ask(VaultMoveStepRow(**new))

    def _waits(self, ended: Sequence[VaultMoveStepRow]) -> bool:
        """One is open, or failed a while ago."""
        is_open = bool(ended) and ended[0].open_key is not None
        return is_open or waits(ended, self._clock())

    async def _first_address(self, move: VaultMoveRow, network: Network) -> str | None:
        """Of the successor, made now. None: the signer can't be asked."""
        codec = self._adapters[network.id].codec
        kind = network.address_types[0]
        try:
            await self._vaults.fill(move.successor_id, codec, kind, 1)
        except Exception as error:  # noqa: BLE001 - `trouble` tells them apart
            trouble(error, f"move {move.vault_id} {network.id}")
            return None
        async with self._database.read() as session:
            return await first_address(session, move.successor_id, network.id)

    async def _ask(self, row: VaultMoveStepRow) -> bool:
        """Whether it is open still."""
        asked = await ask(self._database, self._transfers, row.key_id, request_of(row), key_of(row))
        if asked is None:
            return True
        end = None if asked.code is None else End(BegunState.FAILED, asked.code)
        await self._note(row, asked.transfer, end)
        return end is None

    async def _note(self, row: VaultMoveStepRow, transfer: str | None, end: End | None) -> None:
        """What is known now, unless somebody else wrote more."""
        async with self._database.write() as session:
            await vaults.lock_vaults(session, [row.vault_id])
            note(await repository.lock_step(session, row), transfer, end, self._clock())
        if end is not None:
            log.info("vault_move_ended", vault=row.vault_id, asset=row.asset, code=end.code)


async def _holdings(
    session: ReadSession, vault: str, network: Network
) -> tuple[dict[AssetId, int], dict[AssetId, int]]:
    """What is available where the vault pays from, and on later addresses, asset by asset."""
    found: dict[AccountKind, dict[AssetId, int]] = {
        AccountKind.VAULT: {},
        AccountKind.UNSWEPT: {},
    }
    for account in await accounts_of_vault(session, vault):
        mine = account.key.asset.startswith(f"{network.id}/")
        if mine and account.key.kind in found and account.available > 0:
            found[account.key.kind][account.key.asset] = account.available
    return found[AccountKind.VAULT], found[AccountKind.UNSWEPT]


async def _failing(session: ReadSession, vault: str, assets: Sequence[AssetId]) -> str:
    """The newest steps that failed; not those of dust."""
    newest = [
        row for asset in assets for row in await repository.newest_of(session, vault, asset, 1)
    ]
    failed = [row for row in newest if row.state == BegunState.FAILED and row.code not in DUST]
    return "; ".join(f"{row.asset}: {row.code}" for row in failed)


def request_of(row: VaultMoveStepRow) -> TransferRequest:
    """The same whenever anybody asks for it."""
    return TransferRequest(
        vault_id=row.vault_id,
        network=NetworkId(row.network),
        asset=AssetId(row.asset),
        outputs=(Output(row.destination, None),),
        note=NOTE,
        moves=True,
    )


def key_of(row: VaultMoveStepRow) -> Idempotency:
    asked = {"from": row.vault_id, "to": row.destination, "asset": row.asset}
    return retry_key(ROUTE, names.move_step(row.vault_id, row.asset, row.number), asked)
