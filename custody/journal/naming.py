"""Which rule asked for a transfer that the database has forgotten, as far as its id proves it.

The signer's journal has mandates, and these do not say what a payment is for. But the id of what a
rule asked for follows from a name that the rule gives it (`transfers.names`), and no other name has
the same 128 bits of a hash. So numbers are tried, around the newest that is known here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from typing import Final

from chains.codec import TransactionCodec
from chains.effects import Call, Pay
from chains.model import TxId
from custody.db.base import Row
from custody.db.coin_rule_tables import CoinMoveRow
from custody.db.gas_tables import GasCarrierRow, GasTopUpRow
from custody.db.move_tables import VaultMoveStepRow
from custody.db.refill_tables import RefillRow
from custody.db.session import ReadSession
from custody.db.sweep_tables import SweepRow
from custody.db.tables import AddressRow
from custody.gas.model import Bearer
from custody.journal import repository
from custody.transfers import names
from custody.transfers.kinds import Kind
from custody.transfers.mandates import told_in
from custody.transfers.request import transfer_id_of
from custody.vaults import repository as vaults
from custody.vaults.watchlist import parse_outpoint
from signer.records import SignedRecord
from signer.wire import Mandate

TRIED: Final = 1000
"""Times of one rule that a database may have forgotten: at one an hour, which is how often what
fails is tried, six weeks."""


class Rule(StrEnum):
    """What asks by itself."""

    GAS = "a top-up"
    CARRIER = "what submits a payment"
    REFILL = "a refill"
    SWEEP = "a sweep"
    COINS = "a move of coins"
    MOVE = "a step of a vault's move"


@dataclass(frozen=True, slots=True)
class Series:
    """Times of one rule that are counted together. `table`: of their rows; `at`: its columns that
    are the same in all of them; `vault`: whose lock keeps two from beginning, None if that is not
    known; `open_key`: of the one that is open; `more`: further columns of the time that was signed.
    `bears`: of top-ups and carriers, what the name says."""

    rule: Rule
    table: type[Row]
    at: Mapping[str, str]
    name: Callable[[int], str]
    vault: str | None
    more: Mapping[str, object] = field(default_factory=dict)
    bears: Bearer | None = None

    @property
    def open_key(self) -> str:
        return " ".join(self.at.values())


@dataclass(frozen=True, slots=True)
class Time:
    """One of them."""

    series: Series
    number: int

    @property
    def rule(self) -> Rule:
        return self.series.rule


async def time_of(session: ReadSession, mandate: Mandate) -> Time | None:
    """None: no rule asked for it; or one did that is not known by what it paid."""
    to, paid = await payee_of(session, mandate), payments_of(mandate)
    called = told_in(mandate.core.effects)
    every = list(_series(mandate, paid, to)) if paid else []
    if isinstance(called, Call):
        every += await _carriers(session, mandate, called)
    for series in every:
        newest = await repository.newest_number(session, series.table, series.at)
        for number in range(max(1, newest - TRIED), newest + TRIED + 1):
            if transfer_id_of(mandate.core.client, series.name(number)) == mandate.core.transfer:
                return Time(series, number)
    return None


async def payee_of(session: ReadSession, mandate: Mandate) -> AddressRow | None:
    """The first one, if it is an address of ours."""
    paid = payments_of(mandate)
    if not paid:
        return None
    return await vaults.find_address(session, mandate.core.network, paid[0].address)


def payments_of(mandate: Mandate) -> tuple[Pay, ...]:
    """None of a call."""
    return tuple(each for each in mandate.core.effects if isinstance(each, Pay))


def _series(mandate: Mandate, paid: tuple[Pay, ...], to: AddressRow | None) -> Iterator[Series]:
    """All that the transfer can be a time of, if it is any rule's."""
    core, (first, *more) = mandate.core, paid
    if to is not None and to.vault_id == core.vault:
        yield _coins(mandate, paid) if core.source_address is None else _sweep(mandate, first)
    elif not more:
        yield Series(
            Rule.MOVE,
            VaultMoveStepRow,
            {"vault_id": core.vault, "asset": first.asset},
            partial(names.move_step, core.vault, first.asset),
            core.vault,
            {"network": core.network, "destination": first.address, "amount": first.amount},
        )
        if to is not None:
            yield _refill(mandate, first, to.vault_id)
        if core.source_address is not None:  # coins pay for themselves
            yield from _top_ups(mandate, first, to)


def _refill(mandate: Mandate, paid: Pay, vault: str) -> Series:
    return Series(
        Rule.REFILL,
        RefillRow,
        {"vault_id": vault, "asset": paid.asset},
        partial(names.refill, vault, paid.asset),
        vault,
        {
            "network": mandate.core.network,
            "source_id": mandate.core.vault,
            "destination": paid.address,
            "amount": paid.amount,
        },
    )


def _top_ups(mandate: Mandate, paid: Pay, to: AddressRow | None) -> Iterator[Series]:
    core = mandate.core
    place = core.network, paid.address
    more = {"payer_id": core.vault, "amount": paid.amount}
    said = [(each, partial(names.top_up, *place, each.value)) for each in Bearer]
    for bears, name in [*said, (None, partial(names.top_up_unsaid, *place))]:
        yield Series(
            Rule.GAS,
            GasTopUpRow,
            {"network": core.network, "address": paid.address},
            name,
            None if to is None else to.vault_id,
            more if to is None else {**more, "vault_id": to.vault_id},
            bears,
        )


async def _carriers(session: ReadSession, mandate: Mandate, called: Call) -> list[Series]:
    """Of each payment that was signed apart and whose number is among the call's arguments."""
    said = {value.removeprefix("0x") for _, value in called.arguments}
    core, found = mandate.core, []
    for transaction, key, vault in await repository.signed_apart(session, core.network):
        if key.rpartition(":")[2] not in said:
            continue
        more = {
            "network": core.network,
            "vault_id": vault,
            "payer_id": core.vault,
            "amount": sum(mandate.costs_max.values()),
            "named": core.transfer,
        }
        at = {"transaction_id": transaction}
        for bears in Bearer:
            name = partial(names.carrier, key, bears.value)
            found.append(Series(Rule.CARRIER, GasCarrierRow, at, name, vault, more, bears))
    return found


def _sweep(mandate: Mandate, paid: Pay) -> Series:
    core = mandate.core
    assert core.source_address is not None
    most = sum(mandate.costs_max.values())
    return Series(
        Rule.SWEEP,
        SweepRow,
        {"network": core.network, "address": core.source_address},
        partial(names.sweep, core.vault, core.source_address, paid.asset),
        core.vault,
        {
            "vault_id": core.vault,
            "asset": paid.asset,
            "destination": paid.address,
            "amount": paid.amount,
            "cost": most,
            "cost_max": most,
            "returns": None,
        },
    )


def _coins(mandate: Mandate, paid: tuple[Pay, ...]) -> Series:
    """`coins`, where they become one, is for whoever has the transaction."""
    core, several = mandate.core, len(paid) > 1
    return Series(
        Rule.COINS,
        CoinMoveRow,
        {"vault_id": core.vault, "network": core.network},
        partial(names.coin_move, core.vault, core.network),
        core.vault,
        {
            "kind": (Kind.SPLITTING if several else Kind.CONSOLIDATION).value,
            "asset": paid[0].asset,
            "amount": sum(each.amount for each in paid),
            "destination": paid[0].address,
            "rate": 0,
            "cost": None,
            "cost_max": sum(mandate.costs_max.values()),
        },
    )


async def young_coin_of(
    session: ReadSession, codec: TransactionCodec, record: SignedRecord
) -> tuple[TxId, int] | None:
    """The coin that no block here has made yet, if the transaction spends that one alone, and to
    its own vault: as a child does."""
    core, paid = record.mandate.core, payments_of(record.mandate)
    if not codec.traits.coins or record.parts > 1 or len(paid) != 1:
        return None
    to = await vaults.find_address(session, core.network, paid[0].address)
    keys = codec.summarize(record.tx).conflict_keys
    if to is None or to.vault_id != core.vault or len(keys) != 1:
        return None
    (key,) = keys
    txid, position = parse_outpoint(key.text)
    if await repository.is_known_coin(session, core.network, txid, position):
        return None
    return TxId(txid), position
