"""Asks nodes what of our tokens their issuers let nobody move, and keeps the answers (ADR 0083).

A vault is asked about when it is reconciled, so a restraint is known within one interval of that.
What is known, and what a waiting transfer has met, is asked about again every few seconds, a
bounded number at a time and each in its turn: so a lifted one soon holds nobody up. Books are never
changed by it: the money is the client's, it only can't move.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Final

from chains.adapter import ChainAdapter, TellsRestraints
from chains.answers import chunks
from chains.errors import ChainError
from chains.model import Address, AssetId
from chains.networks import Network
from custody.db.session import Database, ReadSession
from custody.errors import Unprocessable
from custody.ledger.repository import accounts_of_vault
from custody.restraints import repository
from custody.restraints.repository import Pair
from custody.transfers.reservations import payer_account
from signer.wire import Core

AGAIN_MOST: Final = 200
"""So many addresses of each kind are asked about again at a time."""
_ASKED_MOST: Final = 100
"""Addresses in one question."""


def _is_restrainable(network: Network, asset: AssetId) -> bool:
    """Whether the asset is a token whose row says that its issuer can do something to holders."""
    token = network.tokens.get(asset)
    return token is not None and bool(token.traits)


async def ask(
    database: Database,
    network: Network,
    adapter: ChainAdapter,
    pairs: Iterable[Pair],
    clock: Callable[[], datetime],
) -> None:
    """Ask about each, and keep what is said. An asset without traits costs no question. Raises the
    first ChainError, after the other assets were asked about: one that a node never answers keeps
    nobody else waiting. What was kept of it before stays then."""
    if not isinstance(adapter, TellsRestraints):
        return
    by_asset: dict[AssetId, dict[Address, str]] = {}
    for vault, asset, address in pairs:
        if _is_restrainable(network, asset):
            by_asset.setdefault(asset, {})[address] = vault
    errors: list[ChainError] = []
    for asset, vaults in by_asset.items():
        try:
            for part in chunks(list(vaults), _ASKED_MOST):
                said = await adapter.restrained(part, asset)
                found = {each: (vaults[each], answer) for each, answer in said.items()}
                async with database.write() as session:
                    await repository.note(session, network.id, asset, part, found, clock())
        except ChainError as error:
            errors.append(error)
    if errors:
        raise errors[0]


class AskAgain:
    """About what is known, and what waiting transfers have met. One per network and process: of
    what was met it remembers how far it has asked, and begins anew when it has asked about all. So
    nobody waits behind those who are asked about every time."""

    def __init__(
        self,
        database: Database,
        network: Network,
        adapter: ChainAdapter,
        clock: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._network = network
        self._adapter = adapter
        self._clock = clock
        self._after: Pair | None = None

    async def step(self) -> None:
        """A bounded number of each. Raises ChainError."""
        network = self._network
        async with self._database.read() as session:
            known = await repository.known(session, network.id, AGAIN_MOST)
            met = await repository.met(session, network.id, AGAIN_MOST, self._after)
        self._after = met[-1] if len(met) == AGAIN_MOST else None
        await ask(self._database, network, self._adapter, [*known, *met], self._clock)


async def check_free(session: ReadSession, core: Core, asset: AssetId, kind: str) -> None:
    """After the money of a transfer is held, what is left must still be all that can't move: so
    nothing that is frozen is promised. `kind`: the transfer's. Raises Unprocessable balance_frozen
    or token_paused."""
    address = core.source_address
    if address is None:
        return
    said = await repository.of_address(session, core.network, asset, address)
    if said is None:
        return
    wanted = payer_account(kind, core.vault, asset)
    accounts = {
        each.key.id: each.available for each in await accounts_of_vault(session, core.vault)
    }
    if accounts.get(wanted.id, 0) < said.units:
        words = f"The token's issuer lets {said.units} base units of {address} not move."
        raise Unprocessable(said.code, words, named={"asset": asset})
