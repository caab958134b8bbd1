"""No decoder produces Sign or Delegate yet. Call is what carries a payment that its payer signed,
and Allow where the bytes say all of it: an approval of ERC-20, TRC-20 or, of a listed token, SPL.
What would be another is refused or named as unexplained, so that it can't be signed: not under a
rule that names it, and not as a payment."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from google.protobuf.any_pb2 import Any
from solders.instruction import AccountMeta, Instruction
from solders.message import MessageV0, to_bytes_versioned
from solders.pubkey import Pubkey
from solders.system_program import AssignParams, assign

from chains.bitcoin.build import build_psbt, order_of
from chains.bitcoin.selection import settle
from chains.codec import TransactionCodec
from chains.errors import MalformedTransaction, MemoUnsupported
from chains.evm import build as evm_build
from chains.evm import rlp
from chains.evm.codec import EvmCodec
from chains.model import Address, UnsignedTx
from chains.solana.build import instructions
from chains.solana.codec import SolanaCodec
from chains.tron import tron_pb2 as pb
from chains.tron.codec import TronCodec
from tests.support.networks import find_network
from tests.support.paper import CODEC_OF, transfer
from tests.support.wallet import Wallet
from tests.unit.bitcoin.support import CODEC as BITCOIN
from tests.unit.bitcoin.support import REGTEST, example, funding
from tests.unit.solana.test_codec import LIFETIME, RECIPIENT, SOURCE, TRANSFER
from tests.unit.tron.test_codec import FIRST

ETHEREUM, TRON, SOLANA = map(find_network, ("ethereum", "tron", "solana"))
PAYER = Address("0x9858EfFD232B4033E47d90003D41EC34EcaEda94")
TOKEN = Address("0x3535353535353535353535353535353535353535")
SPENDER = bytes(12) + b"\x22" * 20
WORD = (2**256 - 1).to_bytes(32, "big")


def _evm(data: bytes, value: int = 0) -> bytes:
    call = evm_build.transfer(
        ETHEREUM,
        nonce=9,
        to=TOKEN,
        value=value,
        gas=90_000,
        fee_per_gas_max=30 * 10**9,
        priority_fee=10**9,
    )
    return evm_build.encode_unsigned(replace(call, data=data))


def _set_code(to: bytes, value: int) -> bytes:
    """EIP-7702: `0x04 || rlp(9 fields of EIP-1559, authorization list)`."""
    authorization: list[rlp.Item] = [b"\x01", b"\x22" * 20, b"", b"", b"\x01" * 32, b"\x02" * 32]
    numbers: list[rlp.Item] = [*map(rlp.encode_int, (1, 9, 10**9, 30 * 10**9, 90_000))]
    fields: list[rlp.Item] = [*numbers, to, rlp.encode_int(value), b"", [], [authorization]]
    return b"\x04" + rlp.encode(fields)


EVM = {
    "approve, with a payment": _evm(bytes.fromhex("095ea7b3") + SPENDER + WORD, value=1),
    "setApprovalForAll": _evm(bytes.fromhex("a22cb465") + SPENDER + bytes(31) + b"\x01"),
    "permit": _evm(bytes.fromhex("d505accf") + SPENDER * 7),
    "a token's transfer, with a payment": _evm(bytes.fromhex("a9059cbb") + SPENDER + WORD, value=1),
    "any call": _evm(b"\0"),
    "EIP-7702, paying": _set_code(b"\x35" * 20, 10**18),
    "EIP-7702, paying nobody": _set_code(b"", 0),
    "an EIP-7702 authorization": b"\x05" + rlp.encode([b"\x01", b"\x22" * 20, b"\x09"]),
    "EIP-4844": b"\x03" + _evm(b"", 1)[1:],
    "EIP-2930": b"\x01" + _evm(b"", 1)[1:],
    "an EIP-191 message": b"\x19Ethereum Signed Message:\n5hello",
    "EIP-712": b"\x19\x01" + bytes(64),
}


def _tron(kind: int, name: str, value: bytes = b"") -> bytes:
    raw = pb.RawData.FromString(bytes.fromhex(FIRST["raw_data"]))
    url = f"type.googleapis.com/protocol.{name}"
    raw.contract[0].type = kind  # type: ignore[assignment]
    raw.contract[0].parameter.CopyFrom(Any(type_url=url, value=value))
    return bytes(raw.SerializeToString(deterministic=True))


def _tron_transfer() -> bytes:
    raw = pb.RawData.FromString(bytes.fromhex(FIRST["raw_data"]))
    return bytes(raw.contract[0].parameter.value)


_OWNER = bytes.fromhex("41") + b"\x0c" * 20
TRON_CASES = {
    "permission update": _tron(46, "AccountPermissionUpdateContract", b"\x0a\x15" + _OWNER),
    "permission update over a transfer's bytes": _tron(
        46, "AccountPermissionUpdateContract", _tron_transfer()
    ),
    "a transfer's name over another type": _tron(46, "TransferContract", _tron_transfer()),
    "another name over a transfer's type": _tron(
        1, "AccountPermissionUpdateContract", _tron_transfer()
    ),
    "contract trigger": _tron(31, "TriggerSmartContract", b"\x0a\x15" + _OWNER),
    "contract creation": _tron(30, "CreateSmartContract", b"\x0a\x15" + _OWNER),
    "TRC-10 transfer": _tron(2, "TransferAssetContract", _tron_transfer()),
    "delegated resources": _tron(57, "DelegateResourceContract", b"\x0a\x15" + _OWNER),
    "freezing": _tron(54, "FreezeBalanceV2Contract", b"\x0a\x15" + _OWNER),
    "a TIP-191 message": b"\x19TRON Signed Message:\n5hello",
}


def _solana(*steps: Instruction, alone: bool = False) -> bytes:
    every = [*steps] if alone else [*instructions(TRANSFER), *steps]
    return to_bytes_versioned(MessageV0.try_compile(SOURCE, every, [], LIFETIME))


_TOKENS = Pubkey.from_string("TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA")
_STAKE = Pubkey.from_string("Stake11111111111111111111111111111111111111")
_ASSIGN = assign(AssignParams(pubkey=SOURCE, owner=_TOKENS))


def _token(tag: int, data: bytes = b"") -> Instruction:
    metas = [
        AccountMeta(Pubkey(b"\x11" * 32), is_signer=False, is_writable=True),
        AccountMeta(RECIPIENT, is_signer=False, is_writable=False),
        AccountMeta(SOURCE, is_signer=True, is_writable=False),
    ]
    return Instruction(_TOKENS, bytes([tag]) + data, metas)


SOLANA_CASES = {
    "Assign": _solana(_ASSIGN, alone=True),
    "Assign after a transfer of ours": _solana(_ASSIGN),
    "SPL Approve": _solana(_token(4, WORD[:8]), alone=True),
    "SPL Approve after a transfer of ours": _solana(_token(4, WORD[:8])),
    "SPL ApproveChecked without a mint": _solana(_token(13, WORD[:8] + b"\x06")),
    "SPL Revoke": _solana(_token(5), alone=True),
    "SPL Revoke after a transfer of ours": _solana(_token(5)),
    "SPL SetAuthority": _solana(_token(6, b"\x02\x01" + bytes(RECIPIENT))),
    "SPL Transfer": _solana(_token(3, WORD[:8])),
    "a stake's new authority": _solana(Instruction(_STAKE, b"\x01\0\0\0" + bytes(36), [])),
    "an off-chain message": b"\xffsolana offchain" + bytes(20),
}

CASES: list[tuple[str, Callable[[], TransactionCodec], UnsignedTx]] = [
    *(
        (f"evm: {name}", lambda: EvmCodec(ETHEREUM), UnsignedTx(ETHEREUM.id, payload, PAYER))
        for name, payload in EVM.items()
    ),
    *(
        (f"tron: {name}", lambda: TronCodec(TRON), UnsignedTx(TRON.id, payload))
        for name, payload in TRON_CASES.items()
    ),
    *(
        (f"solana: {name}", lambda: SolanaCodec(SOLANA), UnsignedTx(SOLANA.id, payload))
        for name, payload in SOLANA_CASES.items()
    ),
]


@pytest.mark.parametrize(("name", "codec", "tx"), CASES, ids=[name for name, *_ in CASES])
def test_refused_or_unexplained(
    name: str, codec: Callable[[], TransactionCodec], tx: UnsignedTx
) -> None:
    try:
        summary = codec().summarize(tx)
    except MalformedTransaction:
        return
    assert summary.unexplained, name


@pytest.mark.parametrize("alias", ["bitcoin", "ethereum", "bsc", "tron", "solana"])
def test_a_memo_is_refused_where_nobody_would_read_it(alias: str) -> None:
    codec = CODEC_OF[alias]
    payment = transfer(codec, Wallet(), 10**6).payment
    codec.check_payment(payment)
    for memo in ("", "17"):
        with pytest.raises(MemoUnsupported) as refused:
            codec.check_payment(replace(payment, memo=memo))
        assert refused.value.code == "memo_unsupported"
    assert not codec.traits.memo


def test_a_bitcoin_output_of_nothing_is_no_payment() -> None:
    wallet, intent, _ = example()
    made = [
        funding(wallet.address(n, coin.owner.address_type), coin.amount, n)
        for n, coin in enumerate(intent.coins)
    ]
    assert intent.change is not None
    order = order_of(REGTEST, BITCOIN.addresses, intent, 5_000)
    nothing = replace(order, outputs=(replace(order.outputs[0], amount=0), order.outputs[1]))
    plan = settle(nothing, intent.coins)
    previous = {coin.txid: transaction for coin, transaction in made}
    payload = build_psbt(BITCOIN.addresses, nothing, plan, intent.change, previous, 200)
    summary = BITCOIN.summarize(UnsignedTx(REGTEST.id, payload))
    assert len(summary.effects) == 1
    assert any("pays nothing" in doubt for doubt in summary.unexplained)
