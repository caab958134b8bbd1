"""Builds the unsigned PSBT of a transfer. Pure: coins, fee rate and tip are arguments.

The container is written by embit, so that our own reader (psbt.py, used by codec and signer) always
reads what another implementation wrote. Inputs and outputs are in the order of BIP-69: no random
source is needed, and the place of the change tells nothing. Every input signals replaceability
(BIP-125), and the lock time is the tip's height, so that a miner gains nothing by reorganising for
our fee (Bitcoin Core's anti-fee-sniping).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from embit.ec import PublicKey
from embit.psbt import PSBT, DerivationPath
from embit.script import Script
from embit.transaction import Transaction as EmbitTransaction
from embit.transaction import TransactionInput, TransactionOutput

from chains.bitcoin import LOCKTIME_TIME_START, SEQUENCE_RBF
from chains.bitcoin.address import AddressFormat
from chains.bitcoin.outputs import payment_output
from chains.bitcoin.psbt import UNKNOWN_MASTER
from chains.bitcoin.selection import Order, Plan
from chains.bitcoin.transaction import Transaction, TxOutput
from chains.costs import CostKind
from chains.errors import ClaimUnusable
from chains.model import AddressType, Coin, OwnedAddress, TxId
from chains.networks import Network
from chains.transaction import TransferIntent

_VERSION: Final = 2
_HARDENED: Final = 1 << 31


@dataclass(frozen=True, slots=True)
class Rival:
    """What a replacement has to outbid: a fee in satoshi for so many weight units, and
    `children_fee` of what spends its outputs in the mempool. `relay_rate`: satoshi per 1000 vbytes
    that nodes want for passing on the new bytes."""

    fee: int
    weight: int
    children_fee: int
    relay_rate: int

    @property
    def rate(self) -> int:
        """Satoshi per 1000 vbytes, rounded up."""
        return -(-self.fee * 1000 // -(-self.weight // 4))


@dataclass(frozen=True, slots=True)
class _Output:
    output: TxOutput
    owner: OwnedAddress | None


def order_of(
    network: Network,
    addresses: AddressFormat,
    intent: TransferIntent,
    fee_rate: int,
    rival: Rival | None = None,
    lift: int = 0,
) -> Order:
    """What `intent` asks for; of one without effects, all that is spent comes back. `rival`: what
    it replaces. `lift`: what its parent lacks. Raises InvalidAddress, InvalidAmount, DustAmount."""
    assert intent.network == network.id
    assert intent.change is not None
    return Order(
        outputs=tuple(payment_output(network, addresses, each) for each in intent.payments),
        change_script=addresses.script_of(intent.change.address),
        change_type=intent.change.address_type,
        fee_rate=fee_rate if rival is None else max(fee_rate, rival.rate + rival.relay_rate),
        outbids=0 if rival is None else rival.fee + rival.children_fee,
        children=0 if rival is None else rival.children_fee,
        relay_rate=0 if rival is None else rival.relay_rate,
        fee_max=intent.costs_max.get((network.native.id, CostKind.FEE), 0),
        lift=lift,
    )


def build_psbt(
    addresses: AddressFormat,
    order: Order,
    plan: Plan,
    change: OwnedAddress,
    previous: Mapping[TxId, Transaction],
    tip_height: int,
) -> bytes:
    """The PSBT for `plan`. `previous` holds the transactions that made the non-taproot coins.

    Raises ClaimUnusable if one of them does not contain the coin as it was recorded.
    """
    assert 0 <= tip_height < LOCKTIME_TIME_START
    coins = sorted(plan.coins, key=lambda coin: (coin.txid, coin.position))
    outputs = _sorted_outputs(order, plan, change)
    psbt = PSBT(_unsigned(coins, outputs, tip_height))
    for scope, coin in zip(psbt.inputs, coins, strict=True):
        _fill_input(scope, coin, addresses, previous)
    for scope, each in zip(psbt.outputs, outputs, strict=True):
        if each.owner is not None:
            _fill_origin(scope, each.owner)
    written: bytes = psbt.serialize()
    return written


def _sorted_outputs(order: Order, plan: Plan, change: OwnedAddress) -> list[_Output]:
    outputs = [_Output(output, None) for output in order.outputs]
    if plan.change:
        outputs.append(_Output(TxOutput(plan.change, order.change_script), change))
    return sorted(outputs, key=lambda each: (each.output.amount, each.output.script))


def _unsigned(coins: Sequence[Coin], outputs: Sequence[_Output], locktime: int) -> Any:
    return EmbitTransaction(
        version=_VERSION,
        vin=[
            TransactionInput(bytes.fromhex(coin.txid), coin.position, sequence=SEQUENCE_RBF)
            for coin in coins
        ],
        vout=[
            TransactionOutput(each.output.amount, Script(each.output.script)) for each in outputs
        ],
        locktime=locktime,
    )


def _fill_input(
    scope: Any, coin: Coin, addresses: AddressFormat, previous: Mapping[TxId, Transaction]
) -> None:
    spent = TxOutput(coin.amount, addresses.script_of(coin.owner.address))
    if coin.owner.address_type is not AddressType.P2TR:
        made_by = previous[coin.txid]
        if made_by.txid() != coin.txid or spent not in made_by.outputs[coin.position :][:1]:
            raise ClaimUnusable(f"coin {coin.txid}:{coin.position} is not what was recorded")
        # Without its witness, which the txid does not cover and nobody needs.
        scope.non_witness_utxo = EmbitTransaction.parse(made_by.serialize(witness=False))
    scope.witness_utxo = TransactionOutput(spent.amount, Script(spent.script))
    _fill_origin(scope, coin.owner)


def _fill_origin(scope: Any, owner: OwnedAddress) -> None:
    """The key's path (BIP-174, BIP-371). The fingerprint is zero: which seed is the signer's."""
    key = PublicKey.parse(owner.public_key)
    origin = DerivationPath(UNKNOWN_MASTER, _steps(owner.path))
    if owner.address_type is AddressType.P2TR:
        scope.taproot_internal_key = key
        scope.taproot_bip32_derivations[key] = ([], origin)
    else:
        scope.bip32_derivations[key] = origin


def _steps(path: str) -> list[int]:
    """``m/84'/1'/0'/0/5`` as BIP-32 numbers."""
    first, *words = path.split("/")
    assert first == "m", "a full path starts at the master key"
    return [int(word[:-1]) + _HARDENED if word.endswith("'") else int(word) for word in words]
