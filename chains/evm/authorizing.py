"""A payment that its payer signs and others submit (EIP-3009): what it takes, what has to hold
before it is signed, its bytes, and the contract's own word about it (ADR 0090).

The signature is enough only at the contract that the network's row describes, and only for a payer
without code: FiatToken 2.2 asks that code whether it signed (EIP-1271, EIP-7702).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from chains import restraints
from chains.abi import PADDING
from chains.answers import found
from chains.assets import Asset
from chains.effects import Pay
from chains.errors import BuildError, ClaimUnusable, InsufficientFunds, NotSignedApart
from chains.evm import domains, erc20, permits, tokens
from chains.evm.address import to_bytes
from chains.evm.paying import source_of
from chains.evm.permits import Authorization, Domain, Kind, Typed
from chains.evm.rpc import NodeConnection, RpcError, reading
from chains.model import Address, AssetId, BlockRef, ConflictKey, UnsignedTx
from chains.networks import Network
from chains.transaction import TransferIntent
from chains.transport.jsonrpc import Call

LIFETIME_S: Final = 2_700
"""From the newest block's time. What the signer lets pass (an hour), less a quarter of an hour by
which clocks may differ."""
_NO_CODE: Final = "0x"


@dataclass(frozen=True, slots=True)
class _Wanted:
    token: Asset
    domain: Domain
    payment: Pay
    payer: Address
    nonce: bytes


def claim(network: Network, intent: TransferIntent) -> tuple[ConflictKey, ...]:
    """The key that it uses up. Asks nobody: its number is its own. NotSignedApart."""
    wanted = _wanted(network, intent)
    return (permits.key(network.id, wanted.domain.contract, wanted.payer, wanted.nonce),)


async def prepare(node: NodeConnection, network: Network, intent: TransferIntent) -> UnsignedTx:
    """NotSignedApart, InsufficientFunds, ClaimUnusable, and BuildError where the contract lets
    nobody pay, or has seen the number already."""
    wanted = _wanted(network, intent)
    if claim(network, intent) != intent.claim:
        raise ClaimUnusable("the claim is not the payment's own key")
    asked = list(
        restraints.asked(wanted.token, *map(to_bytes, (wanted.payer, wanted.payment.address)))
    )
    contract = wanted.domain.contract
    calls: list[Call] = [
        ("eth_getBlockByNumber", ("latest", False)),
        ("eth_getCode", (wanted.payer, "latest")),
        *(
            tokens.asking(contract, data, "latest")
            for data in (
                domains.SEPARATOR,
                _state_of(wanted.payer, wanted.nonce),
                erc20.balance_of(wanted.payer),
                erc20.DECIMALS,
                *(each.data for each in asked),
            )
        ),
    ]
    block, code, separator, state, has, decimals, *held = await node.each(calls)
    if found(code) != _NO_CODE:
        raise NotSignedApart(f"{wanted.payer} has code, which the contract would ask")
    if tokens.raw(separator) != wanted.domain.separator:
        raise NotSignedApart(f"{wanted.token.symbol} is signed for otherwise than was listed")
    if _flag(state, wanted.token):
        raise BuildError(f"{wanted.token.symbol}: the contract has seen this payment's number")
    _check(wanted, has, decimals)
    for question, answer in zip(asked, held, strict=True):
        if _flag(answer, wanted.token):
            words = "its contract does not let it be paid"
            raise question.error(f"{wanted.token.symbol}: {words}")
    with reading("a block's time"):
        before = int(found(block)["timestamp"], 16) + LIFETIME_S
    payment = wanted.payment
    said = Authorization(wanted.payer, payment.address, payment.amount, 0, before, wanted.nonce)
    typed = Typed(Kind.TRANSFER, wanted.domain, said)
    assert not permits.unexplained(network, typed), permits.unexplained(network, typed)
    return UnsignedTx(network.id, typed.payload, wanted.payer)


async def is_used(node: NodeConnection, typed: Typed, at: BlockRef) -> bool:
    """By the contract, at the block: whether the payment was made, or its number called off."""
    said = typed.said
    assert isinstance(said, Authorization), "a permit is never ours"
    where = {"blockHash": at.hash, "requireCanonical": True}
    data = _state_of(said.payer, said.nonce)
    method, params = tokens.asking(typed.domain.contract, data, where)
    return bool(tokens.word(await node.call(method, *params)))


def _wanted(network: Network, intent: TransferIntent) -> _Wanted:
    assert intent.apart is not None
    payer, effects = source_of(intent).address, intent.effects
    payment = effects[0] if len(effects) == 1 else None
    if not isinstance(payment, Pay) or not _is_listed(network, payment.asset):
        raise NotSignedApart("one payment of a token that is listed with it")
    token = network.tokens[payment.asset]
    domain = permits.domain_of(network, token)
    assert domain is not None, "the list has a domain with the trait"
    return _Wanted(token, domain, payment, payer, intent.apart.number)


def _is_listed(network: Network, asset: AssetId) -> bool:
    token = network.tokens.get(asset)
    return token is not None and permits.PermitTrait.EIP3009 in token.traits


def _check(wanted: _Wanted, has: Any, decimals: Any) -> None:
    """What the payer has, and that a unit of it is still what the list says."""
    token = wanted.token
    # ERC-20: a contract need not say it. One that now says otherwise means other amounts.
    silent = isinstance(decimals, RpcError) and not decimals.transient
    if not silent and tokens.word(decimals) != token.decimals:
        raise BuildError(f"{token.symbol} is not what was listed: its contract says other decimals")
    balance = tokens.word(has)
    if balance < wanted.payment.amount:
        words = f"the balance is {balance}, not {wanted.payment.amount}"
        raise InsufficientFunds(f"{token.symbol}: {words}")


def _flag(answer: Any, token: Asset) -> bool:
    if isinstance(answer, RpcError) and not answer.transient:
        raise BuildError(f"{token.symbol} is not what was listed: it does not say who may pay")
    return bool(tokens.word(answer))


def _state_of(payer: Address, nonce: bytes) -> bytes:
    return domains.STATE + PADDING + to_bytes(payer) + nonce
