"""Transactions that do something else than the mandate says, with approvals in perfect order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from solders.system_program import TransferParams, transfer

from chains.bitcoin.transaction import Transaction, TxOutput
from chains.costs import CostKind
from chains.evm import erc20
from chains.evm.build import Kind
from chains.keys import parse_path
from chains.model import Address, AddressType, AssetId, UnsignedTx
from chains.solana import spl
from chains.solana.build import Payment
from chains.solana.spl import TokenPayment
from chains.tron import tron_pb2 as pb
from tests.hostile.transactions import (
    AMOUNT,
    BITCOIN,
    BSC,
    ETHEREUM,
    IN_ORIGIN,
    OUT_ORIGIN,
    PAYEE_SOLANA,
    PREVIOUS,
    SOLANA,
    SPELLING,
    THIEF_EVM,
    THIEF_SOLANA,
    TOKEN,
    TOKEN_TRANSFER,
    TRON,
    Coins,
    edit_outputs,
    edit_transaction,
    evm,
    honest,
    repath,
    solana,
    solana_closing,
    solana_plan,
    solana_token_transfer,
    solana_with,
    transaction,
    tron,
    tron_amount,
    with_tx,
)
from tests.hostile.world import FEE_MINT, SUPPLIER, World, approved, mandate_in, payment
from tests.support import families
from tests.support.networks import find_network
from tests.support.rows import token_row
from tests.support.signer import changed
from tests.unit.bitcoin.support import PsbtMap, funding, script_of

Perform = Callable[[World], str]
Tamper = Callable[[list[PsbtMap]], None]


def lie(alias: str, tell: Callable[[World], UnsignedTx]) -> Perform:
    """An approved mandate, and the transaction that `tell` makes instead of the agreed one."""
    return lambda world: world.word(with_tx(honest(world, alias), tell(world)))


def evm_lie(**changes: Any) -> Perform:
    return lie(ETHEREUM, lambda world: evm(world, **changes))


def tron_lie(**changes: Any) -> Perform:
    return lie(TRON, lambda world: tron(world, **changes))


def solana_lie(**changes: Any) -> Perform:
    return lie(SOLANA, lambda world: solana(world, **changes))


def coins_lie(*tampering: Tamper, **coins: Any) -> Perform:
    return lie(BITCOIN, lambda world: Coins(world, **coins).tx(*tampering))


def another_asset(world: World) -> str:
    """The mandate speaks of a token, the transaction pays coins."""
    token = AssetId(f"{find_network(ETHEREUM).id}/erc20:{TOKEN}")
    request = honest(world, ETHEREUM, effects=(payment(ETHEREUM, SUPPLIER, AMOUNT, token),))
    return world.word(request)


def pays(alias: str, amount: int, address: Address | None = None) -> Perform:
    """An approved mandate to pay `amount`, and the transaction that does exactly that."""

    def perform(world: World) -> str:
        to = address or SPELLING[alias]
        request = honest(world, alias, effects=(payment(alias, to, amount),))
        return world.word(with_tx(request, _paying(world, alias, amount, to)))

    return perform


def _paying(world: World, alias: str, amount: int, to: Address) -> UnsignedTx:
    match find_network(alias).family:
        case families.EVM:
            return evm(world, alias, to=to, value=amount, nonce=world.fresh())
        case families.TRON:
            return tron(world, recipient=to, edit=tron_amount(amount))
        case families.SOLANA:
            return solana(world, payments=(Payment(PAYEE_SOLANA, amount),))
        case _:
            return Coins(world, salts=(world.fresh(),)).tx(shrink_payment(amount))


def shrink_payment(amount: int) -> Tamper:
    """The payee gets `amount`; what it was to get goes back."""

    def edit(out: TxOutput) -> TxOutput:
        if out.amount == AMOUNT:
            return replace(out, amount=amount)
        return replace(out, amount=out.amount + AMOUNT - amount)

    return edit_outputs(edit)


def torn_change(pieces: int, amount: int) -> Tamper:
    """So many outputs of `amount` beside the change, to the same address and taken from it."""

    def tamper(maps: list[PsbtMap]) -> None:
        at = next(n for n, fields in enumerate(maps[2:]) if fields)
        fields = maps[2 + at]

        def tear(tx: Transaction) -> Transaction:
            change = tx.outputs[at]
            rest = replace(change, amount=change.amount - pieces * amount)
            kept = [rest if out is change else out for out in tx.outputs]
            return replace(tx, outputs=(*kept, *[replace(change, amount=amount)] * pieces))

        edit_transaction(tear)(maps)
        for position in range(len(maps) - pieces, len(maps)):
            maps[position] = dict(fields)

    return tamper


def dust_change(maps: list[PsbtMap]) -> None:
    edit_outputs(lambda out: out if out.amount == AMOUNT else replace(out, amount=1))(maps)


def change_for_receiving(world: World) -> str:
    coins = Coins(world)
    owner = coins.owner(7)

    def tamper(maps: list[PsbtMap]) -> None:
        at = next(n for n, fields in enumerate(maps[2:]) if fields)
        maps[2 + at] = {
            OUT_ORIGIN + owner.public_key: bytes(4)
            + b"".join(step.to_bytes(4, "little") for step in parse_path(owner.path))
        }
        output = TxOutput(0, script_of(owner))
        edit_outputs(
            lambda out: out if out.amount == AMOUNT else replace(output, amount=out.amount)
        )(maps)

    return world.word(with_tx(honest(world, BITCOIN), coins.tx(tamper)))


def token_call(world: World) -> str:
    """Coins to a contract, as agreed, and calldata with them that moves all tokens."""
    request = honest(world, ETHEREUM, effects=(payment(ETHEREUM, TOKEN, AMOUNT),))
    return world.word(with_tx(request, evm(world, to=TOKEN, data=TOKEN_TRANSFER, gas=90_000)))


LISTED = AssetId(token_row(find_network(ETHEREUM).id)["id"])
"""A token of the policy's."""
LISTED_CONTRACT = erc20.contract_of(find_network(ETHEREUM).id, LISTED)


def token_lie(data: bytes, asset: AssetId = LISTED, **changes: Any) -> Perform:
    """An approved mandate to pay the supplier a token, and another call than was agreed."""
    call = {"to": LISTED_CONTRACT, "value": 0, "gas": 90_000, "data": data}

    def perform(world: World) -> str:
        request = honest(world, ETHEREUM, effects=(payment(ETHEREUM, SUPPLIER, AMOUNT, asset),))
        return world.word(
            with_tx(request, evm(world, **{**call, **changes, "nonce": world.fresh()}))
        )

    return perform


TOKEN_PAID = erc20.transfer(SUPPLIER, AMOUNT)
TOKEN_ALLOWED = erc20.APPROVE + TOKEN_PAID[4:]
UNLISTED = erc20.asset_of(find_network(ETHEREUM).id, TOKEN)


def another_network(world: World) -> str:
    """The payment that was agreed for Ethereum, on BSC, called an Ethereum transaction."""
    mine = find_network(ETHEREUM).id
    tx = evm(world, BSC, network=mine)
    return world.word(with_tx(honest(world, ETHEREUM), tx))


def another_network_labelled(world: World) -> str:
    """The same, called what it is."""
    return world.word(with_tx(honest(world, ETHEREUM), evm(world, BSC)))


def main_network(world: World) -> str:
    """Bytes that are good on Ethereum's main network, where the same key has money."""
    return world.word(with_tx(honest(world, ETHEREUM), evm(world, chain_id=1)))


def network_not_enabled(world: World) -> str:
    network = find_network("ethereum").id
    mandate = changed(mandate_in(honest(world, ETHEREUM)), network=network)
    return world.word(approved(mandate, evm(world, chain_id=1, network=network)))


def another_address_of_ours(world: World) -> str:
    """The vault's second address pays."""
    return world.word(with_tx(honest(world, ETHEREUM), evm(world, index=1)))


def another_path(world: World) -> str:
    """The mandate's path leads to another address than the one it names."""
    path = world.owned(ETHEREUM, index=1).path
    return world.word(honest(world, ETHEREUM, source_path=path))


def path_of_another_chain(world: World) -> str:
    return world.word(honest(world, ETHEREUM, source_path=world.owned(TRON).path))


def another_vault(world: World) -> str:
    """The keys of the client's other vault, under this vault's rules."""
    other = world.owned(ETHEREUM, "listed")
    request = honest(
        world, ETHEREUM, source_path=other.path, source_address=other.address, vault="main"
    )
    return world.word(with_tx(request, evm(world, vault="listed")))


def another_clients_vault(world: World) -> str:
    """A vault of another client, claimed as one's own."""
    return world.word(honest(world, ETHEREUM, vault="other", client="c1"))


def another_clients_keys(world: World) -> str:
    """The keys of another client, claimed to be this vault's."""
    other = world.owned(ETHEREUM, "other")
    request = honest(world, ETHEREUM, source_path=other.path, source_address=other.address)
    return world.word(with_tx(request, evm(world, vault="other")))


def coins_of_another_client(world: World) -> str:
    """This vault's mandate spends another client's coin, whose path is named truly."""
    return world.word(with_tx(honest(world, BITCOIN), transaction(world, BITCOIN, vault="other")))


def another_previous(world: World) -> str:
    """The input's amount is proven by a transaction that is not the one it spends."""
    coins = Coins(world)
    _, richer = funding(coins.owner(0), 6_000_000, salt=9)

    def tamper(maps: list[PsbtMap]) -> None:
        maps[1][PREVIOUS] = richer.serialize(witness=False)

    return world.word(with_tx(honest(world, BITCOIN), coins.tx(tamper)))


def taproot_coin(world: World) -> str:
    """A taproot coin of the vault under a mandate for its P2WPKH account."""
    tx = Coins(world, kind=AddressType.P2TR).tx()
    return world.word(with_tx(honest(world, BITCOIN), tx))


def taproot_change(world: World) -> str:
    """Change of the vault's, but under another account than the mandate's."""
    tx = Coins(world, change_kind=AddressType.P2TR).tx()
    return world.word(with_tx(honest(world, BITCOIN), tx))


def type_confusion(kind: AddressType, prefix: bytes) -> Perform:
    """A coin of one type whose key is said to be at the other type's path."""
    other = AddressType.P2TR if kind is AddressType.P2WPKH else AddressType.P2WPKH

    def perform(world: World) -> str:
        path = world.owned(BITCOIN, address_type=other).path
        tx = Coins(world, kind=kind).tx(repath(parse_path(path), prefix))
        account = path.rpartition("/0/")[0]
        return world.word(with_tx(honest(world, BITCOIN, source_path=account), tx))

    return perform


def source_beside_coins(world: World) -> str:
    """A paying address named for a transaction that spends coins."""
    return world.word(honest(world, BITCOIN, source_address=world.owned(BITCOIN).address))


def solana_keeps(fee: int) -> Perform:
    """A payment of a mint's tokens, of which 30 may be kept, and the bytes have `fee` kept."""

    def perform(world: World) -> str:
        asset = spl.asset_of(find_network(SOLANA).id, FEE_MINT)
        paid = (payment(SOLANA, Address(str(PAYEE_SOLANA)), AMOUNT, asset),)
        bounds = {**find_network(SOLANA).costs_max, (asset, CostKind.WITHHELD): 30}
        request = honest(world, SOLANA, effects=paid, costs_max=bounds)
        program = spl.TOKEN_2022
        own = spl.associated(solana_plan(world).source, FEE_MINT, program)
        tokens = TokenPayment(PAYEE_SOLANA, AMOUNT, FEE_MINT, program, 6, own, False, fee)
        return world.word(with_tx(request, solana(world, payments=(tokens,))))

    return perform


def solana_tokens(world: World) -> str:
    extra = solana_token_transfer(world)
    return world.word(with_tx(honest(world, SOLANA), solana_with(world, extra)))


def solana_closed(**how: Any) -> Perform:
    """The honest payment, and behind it one of the source's token accounts is closed."""
    return lie(SOLANA, lambda world: solana_with(world, solana_closing(world, **how)))


def solana_second_payment(world: World) -> str:
    extra = transfer(
        TransferParams(
            from_pubkey=solana_plan(world).source, to_pubkey=THIEF_SOLANA, lamports=10**9
        )
    )
    return world.word(with_tx(honest(world, SOLANA), solana_with(world, extra)))


def solana_foreign_payer(world: World) -> str:
    tx = solana_with(world, payer=THIEF_SOLANA)
    return world.word(with_tx(honest(world, SOLANA), tx))


def forged_sender(world: World) -> str:
    """The thief's address stands beside the bytes, and the mandate agrees."""
    request = honest(world, ETHEREUM, source_address=THIEF_EVM)
    return world.word(with_tx(request, replace(evm(world), sender=THIEF_EVM)))


def legacy_form(world: World) -> str:
    return world.word(with_tx(honest(world, ETHEREUM), evm(world, kind=Kind.LEGACY)))


def garbage(world: World) -> str:
    tx = UnsignedTx(find_network(ETHEREUM).id, b"\x02garbage", world.owned(ETHEREUM).address)
    return world.word(with_tx(honest(world, ETHEREUM), tx))


def no_sender(world: World) -> str:
    return world.word(with_tx(honest(world, ETHEREUM), replace(evm(world), sender=None)))


def aliased_payee(world: World) -> str:
    """The mandate spells the payee in lower case, hoping that two spellings pass for two people."""
    lower = Address("0xabcdefabcdefabcdefabcdefabcdefabcdefabcd")
    request = honest(world, ETHEREUM, effects=(payment(ETHEREUM, lower, AMOUNT),))
    return world.word(with_tx(request, evm(world, to=lower)))


def attest_foreign(world: World) -> str:
    owner = world.owned(ETHEREUM)
    return world.refused(
        "attest",
        network=find_network(ETHEREUM).id,
        vault="main",
        path=owner.path,
        address=THIEF_EVM,
    )


# Edits of containers


def without_origin(maps: list[PsbtMap]) -> None:
    """The first input no longer says which key it needs."""
    for key in [key for key in maps[1] if key.startswith(IN_ORIGIN)]:
        del maps[1][key]


def tron_permission(raw: pb.RawData) -> None:
    raw.contract[0].permission_id = 2
