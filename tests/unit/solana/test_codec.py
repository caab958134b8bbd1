"""What the codec explains, byte for byte, and all that it does not."""

from dataclasses import replace

import pytest
from solders.address_lookup_table_account import AddressLookupTableAccount
from solders.compute_budget import request_heap_frame, set_compute_unit_limit
from solders.hash import Hash
from solders.instruction import AccountMeta, Instruction
from solders.keypair import Keypair
from solders.message import Message, MessageV0, to_bytes_versioned
from solders.pubkey import Pubkey
from solders.system_program import (
    AuthorizeNonceAccountParams,
    TransferParams,
    WithdrawNonceAccountParams,
    authorize_nonce_account,
    transfer,
    withdraw_nonce_account,
)

from chains.codec import TransactionCodec
from chains.costs import CostKind
from chains.effects import Create, Pay
from chains.errors import (
    InvalidAddress,
    InvalidAmount,
    InvalidInput,
    MalformedTransaction,
    SignatureMismatch,
    ZeroAddress,
)
from chains.model import (
    Address,
    AssetId,
    ConflictKey,
    Excludes,
    Signature,
    SignatureAlgorithm,
    SigningInput,
    UnsignedTx,
)
from chains.solana import SYSTEM_PROGRAM, nonce
from chains.solana.build import Payment, TransferPlan, build_message, instructions
from chains.solana.codec import SolanaCodec
from tests.support import solana as wire
from tests.support.costs import most
from tests.support.solana import LOCAL, MAIN, sign, vectors

CODEC = SolanaCodec(MAIN)
CHECKED: TransactionCodec = CODEC
KEY = Keypair.from_seed(bytes(range(32)))
SOURCE = KEY.pubkey()
RECIPIENT = Keypair.from_seed(b"\x07" * 32).pubkey()
LIFETIME = Hash(b"\x09" * 32)
TRANSFER = TransferPlan(
    source=SOURCE,
    payments=(Payment(RECIPIENT, 1_234_567_890),),
    nonce_index=3,
    lifetime=LIFETIME,
    unit_limit=3_000,
    unit_price=10_000,
)
CREATION = replace(TRANSFER, unit_limit=4_500, unit_price=10_001, rent=1_447_680)
BOTH = pytest.mark.parametrize("plan", [TRANSFER, CREATION], ids=["with nonce", "creating nonce"])


def unsigned(payload: bytes) -> UnsignedTx:
    return UnsignedTx(MAIN.id, payload)


def built(plan: TransferPlan) -> UnsignedTx:
    return unsigned(build_message(plan))


def compiled(steps, payer=SOURCE, tables=()) -> UnsignedTx:
    return unsigned(to_bytes_versioned(MessageV0.try_compile(payer, steps, list(tables), LIFETIME)))


# Bytes


def test_transfer_with_nonce_byte_for_byte():
    source, account = bytes(SOURCE), bytes(TRANSFER.nonce_account)
    expected = wire.encode_message(
        source,
        [
            wire.advance_step(source, account),
            *wire.budget_steps(10_000, 3_000),
            wire.transfer_step(source, bytes(RECIPIENT), 1_234_567_890),
        ],
        bytes(LIFETIME),
    )
    assert build_message(TRANSFER) == expected


def test_transfer_creating_nonce_byte_for_byte():
    source, account = bytes(SOURCE), bytes(CREATION.nonce_account)
    expected = wire.encode_message(
        source,
        [
            *wire.budget_steps(10_001, 4_500),
            wire.transfer_step(source, account, 1_447_680),
            wire.allocate_step(source, account, "custody-nonce-3"),
            wire.initialize_step(source, account),
            wire.transfer_step(source, bytes(RECIPIENT), 1_234_567_890),
        ],
        bytes(LIFETIME),
    )
    assert build_message(CREATION) == expected


@BOTH
def test_fits_into_a_packet(plan):
    assert len(sign(CODEC, built(plan), KEY).raw) <= 1232


# Meaning


def test_summary_of_a_transfer_with_nonce():
    summary = CODEC.summarize(built(TRANSFER))
    assert summary.unexplained == ()
    assert summary.sources == (str(SOURCE),)
    assert summary.effects == (Pay(Address(str(RECIPIENT)), MAIN.native.id, 1_234_567_890),)
    assert (summary.returns, summary.creates) == ((), ())
    assert summary.costs.most == {(MAIN.native.id, CostKind.FEE): 5_000 + 30}
    key = f"{MAIN.id}/durable-nonce:{TRANSFER.nonce_account}:{LIFETIME}"
    assert summary.conflict_keys == {ConflictKey(key, Excludes.NOTHING)}
    assert not summary.binding_keys


def test_summary_of_a_transfer_creating_a_nonce():
    summary = CODEC.summarize(built(CREATION))
    assert summary.unexplained == ()
    assert summary.effects == (Pay(Address(str(RECIPIENT)), MAIN.native.id, 1_234_567_890),)
    assert summary.costs.most == {
        (MAIN.native.id, CostKind.FEE): 5_000 + 46,  # 4500 * 10001 / 10^6 = 45.0045, rounded up
        (MAIN.native.id, CostKind.RENT): 1_447_680,
    }
    account = Address(str(CREATION.nonce_account))
    assert summary.creates == (Create(account, Address(str(SOURCE)), 1_447_680),)
    key = f"{MAIN.id}/create:{CREATION.nonce_account}"
    assert summary.conflict_keys == {ConflictKey(key, Excludes.SUCCESS)}
    assert not summary.binding_keys


@pytest.mark.parametrize(
    ("limit", "price", "fee"),
    [
        (0, 0, 5_000),
        (1, 1, 5_001),
        (1_000, 1_000, 5_001),
        (1_000, 1_001, 5_002),
        (2**32 - 1, 2**64 - 1, 5_000 + -(-(2**32 - 1) * (2**64 - 1) // 10**6)),
    ],
)
def test_priority_fee_is_rounded_up(limit, price, fee):
    plan = replace(TRANSFER, unit_limit=limit, unit_price=price)
    assert most(CODEC.summarize(built(plan))) == fee


@BOTH
def test_signing_input_is_the_message(plan):
    payload = build_message(plan)
    expected = SigningInput(Address(str(SOURCE)), SignatureAlgorithm.ED25519, payload)
    assert CODEC.signing_inputs(unsigned(payload)) == (expected,)


@BOTH
def test_attach_and_detach(plan):
    tx = built(plan)
    signed = sign(CODEC, tx, KEY)
    signature = KEY.sign_message(tx.payload)
    assert signed.raw == b"\x01" + bytes(signature) + tx.payload
    assert signed.txid == str(signature)
    assert CODEC.detach(signed) == tx


# What it refuses to explain


def pays(recipient: Pubkey) -> Instruction:
    return transfer(TransferParams(from_pubkey=SOURCE, to_pubkey=recipient, lamports=1_000_000))


def changed_meta(plan: TransferPlan, step: int, account: int, **flags: bool) -> UnsignedTx:
    """The plan's instructions with one account's flags turned."""
    steps = instructions(plan)
    old = steps[step]
    metas = list(old.accounts)
    meta = metas[account]
    metas[account] = AccountMeta(
        meta.pubkey,
        flags.get("signer", meta.is_signer),
        flags.get("writable", meta.is_writable),
    )
    steps[step] = Instruction(old.program_id, bytes(old.data), metas)
    return compiled(steps)


def changed_data(plan: TransferPlan, step: int, data: bytes) -> UnsignedTx:
    steps = instructions(plan)
    old = steps[step]
    steps[step] = Instruction(old.program_id, data, old.accounts)
    return compiled(steps)


def looked_up() -> UnsignedTx:
    """Our transfer, with the recipient behind a lookup table."""
    table = AddressLookupTableAccount(Pubkey(b"\x05" * 32), [RECIPIENT])
    return compiled(instructions(TRANSFER), tables=[table])


MEMO = Instruction(Pubkey.from_string("MemoSq4gqABAXKb96qnH8TysNcWxMyWCqXgDLGmfcHr"), b"hello", [])
STRANGER = Pubkey(b"\x08" * 32)
FOREIGN_NONCE = nonce.accounts_of(STRANGER)[0]

WITH_NONCE, CREATING = instructions(TRANSFER), instructions(CREATION)

UNEXPLAINED = {
    "no instruction": (compiled([]), "none of our transfers: none at all"),
    "a bare transfer": (compiled([pays(RECIPIENT)]), "none of our transfers: Transfer"),
    "a memo": (compiled([*WITH_NONCE, MEMO]), "instruction 4 calls program Memo"),
    "a memo first": (compiled([MEMO, *WITH_NONCE]), "instruction 0 calls program Memo"),
    "no compute price": (compiled([WITH_NONCE[0], *WITH_NONCE[2:]]), "none of our transfers"),
    "price and limit swapped": (
        compiled([WITH_NONCE[0], WITH_NONCE[2], WITH_NONCE[1], WITH_NONCE[3]]),
        "none of our transfers",
    ),
    "a heap request": (compiled([*WITH_NONCE, request_heap_frame(65536)]), "instruction 4 calls"),
    "a withdrawal from the nonce account": (
        compiled(
            [
                *WITH_NONCE[:3],
                withdraw_nonce_account(
                    WithdrawNonceAccountParams(
                        nonce_pubkey=TRANSFER.nonce_account,
                        authorized_pubkey=SOURCE,
                        to_pubkey=RECIPIENT,
                        lamports=1,
                    )
                ),
            ]
        ),
        "instruction 3 calls program 1111",
    ),
    "the nonce given to another": (
        compiled(
            [
                *WITH_NONCE,
                authorize_nonce_account(
                    AuthorizeNonceAccountParams(
                        nonce_pubkey=TRANSFER.nonce_account,
                        authorized_pubkey=SOURCE,
                        new_authority=STRANGER,
                    )
                ),
            ]
        ),
        "instruction 4 calls program 1111",
    ),
    "another fee payer": (compiled(WITH_NONCE, payer=STRANGER), "not one of the fee payer's own"),
    "another signer": (changed_meta(TRANSFER, 3, 1, signer=True), "differ from those"),
    "a read-only recipient": (changed_meta(TRANSFER, 3, 1, writable=False), "differ from those"),
    "a written sysvar": (changed_meta(TRANSFER, 0, 1, writable=True), "differ from those"),
    "an account too many": (
        compiled(
            [
                *WITH_NONCE[:3],
                Instruction(
                    WITH_NONCE[3].program_id,
                    bytes(WITH_NONCE[3].data),
                    [*WITH_NONCE[3].accounts, AccountMeta(STRANGER, False, True)],
                ),
            ]
        ),
        "other than two accounts",
    ),
    "an account too many in AdvanceNonceAccount": (
        compiled(
            [
                Instruction(
                    WITH_NONCE[0].program_id,
                    bytes(WITH_NONCE[0].data),
                    [*WITH_NONCE[0].accounts, AccountMeta(STRANGER, False, False)],
                ),
                *WITH_NONCE[1:],
            ]
        ),
        "differ from those",
    ),
    "data too long": (
        changed_data(TRANSFER, 3, bytes(WITH_NONCE[3].data) + b"\0"),
        "Transfer with 13 bytes",
    ),
    "data too short": (changed_data(TRANSFER, 2, b"\x02\0"), "SetComputeUnitLimit with 2 bytes"),
    "trailing data in AdvanceNonceAccount": (
        changed_data(TRANSFER, 0, bytes(WITH_NONCE[0].data) + b"\0"),
        "differ from those",
    ),
    "the recipient in a lookup table": (looked_up(), "other than two accounts"),
    "somebody else's nonce account": (
        compiled(
            [
                Instruction(
                    WITH_NONCE[0].program_id,
                    bytes(WITH_NONCE[0].data),
                    [AccountMeta(FOREIGN_NONCE, False, True), *WITH_NONCE[0].accounts[1:]],
                ),
                *WITH_NONCE[1:],
            ]
        ),
        "not one of the fee payer's own",
    ),
    "another seed than the account's": (
        changed_data(
            CREATION, 3, bytes(CREATING[3].data).replace(b"custody-nonce-3", b"custody-nonce-4")
        ),
        "differ from those",
    ),
    "another authority": (
        changed_data(CREATION, 4, wire.u32(6) + bytes(STRANGER)),
        "differ from those",
    ),
    "another space": (
        changed_data(
            CREATION,
            3,
            bytes(CREATING[3].data).replace(wire.u64(80) + bytes(32), wire.u64(81) + bytes(32)),
        ),
        "differ from those",
    ),
    "a creation without rent": (
        changed_data(CREATION, 2, wire.u32(2) + wire.u64(0)),
        "without rent",
    ),
    "a payment to the nonce account": (
        built(replace(TRANSFER, payments=(Payment(TRANSFER.nonce_account, 1),))),
        "its own nonce account",
    ),
    "a payment into the new nonce account": (
        built(replace(CREATION, payments=(Payment(CREATION.nonce_account, 1),))),
        "its own nonce account",
    ),
    "a payment of nothing": (
        built(replace(TRANSFER, payments=(Payment(RECIPIENT, 0),))),
        "pays nothing",
    ),
    "no payment": (compiled(WITH_NONCE[:-1]), "none of our transfers"),
    "a second limit": (
        compiled([*WITH_NONCE, set_compute_unit_limit(1)]),
        "none of our transfers",
    ),
}


@pytest.mark.parametrize("name", UNEXPLAINED)
def test_unexplained(name):
    tx, reason = UNEXPLAINED[name]
    summary = CODEC.summarize(tx)
    assert reason in "; ".join(summary.unexplained)
    assert summary.effects == ()
    assert summary.conflict_keys == frozenset()


@pytest.mark.parametrize("row", vectors("messages")["version_0"], ids=lambda row: row["name"])
def test_other_wallets_messages_are_read_signed_and_not_explained(row):
    key = Keypair.from_seed(bytes.fromhex(row["secret_seed"]))
    tx = unsigned(bytes.fromhex(row["message"]))
    summary = CODEC.summarize(tx)
    assert summary.sources == (str(key.pubkey()),)
    assert list(summary.unexplained) == row["unexplained"]
    signed = sign(CODEC, tx, key)
    assert signed.txid == row["txid"]
    assert signed.raw.hex() == row["raw"]
    assert CODEC.detach(signed) == tx


# What it refuses to read


def legacy() -> bytes:
    return bytes(Message.new_with_blockhash(instructions(TRANSFER), SOURCE, LIFETIME))


MALFORMED = {
    "nothing": b"",
    "a legacy message": legacy(),
    "cut short": build_message(TRANSFER)[:-1],
    "a byte too many": build_message(TRANSFER) + b"\0",
    "an unknown version": b"\x82" + build_message(TRANSFER)[1:],
    "a signature in front": b"\x01" + bytes(64) + build_message(TRANSFER),
    "an account index out of range": build_message(TRANSFER).replace(
        b"\x02\0\x02\x0c\x02\0\0\0", b"\x02\0\x63\x0c\x02\0\0\0"
    ),
    "no signer": b"\x80\0" + build_message(TRANSFER)[2:],
}


@pytest.mark.parametrize("name", MALFORMED)
def test_malformed(name):
    payload = MALFORMED[name]
    assert payload != build_message(TRANSFER)
    for read in (CODEC.summarize, CODEC.signing_inputs, lambda tx: CODEC.attach(tx, ())):
        with pytest.raises(MalformedTransaction):
            read(unsigned(payload))


@pytest.mark.parametrize("row", vectors("messages")["other_versions"], ids=lambda row: row["name"])
def test_other_versions_are_malformed(row):
    payload = bytes.fromhex(row["message"])
    key = Keypair.from_seed(bytes.fromhex(row["secret_seed"]))
    assert bytes(key.sign_message(payload)).hex() == row["signature"]
    with pytest.raises(MalformedTransaction):
        CODEC.summarize(unsigned(payload))


def test_another_network_or_a_sender_beside_the_bytes_is_malformed():
    payload = build_message(TRANSFER)
    with pytest.raises(MalformedTransaction):
        CODEC.summarize(UnsignedTx(LOCAL.id, payload))
    with pytest.raises(MalformedTransaction):
        CODEC.summarize(UnsignedTx(MAIN.id, payload, sender=Address(str(SOURCE))))


@pytest.mark.parametrize("raw", [b"", b"\0", b"\x01" * 200, bytes(300)])
def test_detach_reads_only_transactions(raw):
    signed = sign(CODEC, built(TRANSFER), KEY)
    with pytest.raises(MalformedTransaction):
        CODEC.detach(replace(signed, raw=raw))
    with pytest.raises(MalformedTransaction):
        CODEC.detach(replace(signed, raw=signed.raw + b"\0"))


# Signatures


def good() -> Signature:
    message = build_message(TRANSFER)
    return Signature(bytes(SOURCE), bytes(KEY.sign_message(message)))


MISMATCHED = {
    "none": (),
    "two": (good(), good()),
    "by another key": (
        Signature(
            bytes(RECIPIENT),
            bytes(Keypair.from_seed(b"\x07" * 32).sign_message(build_message(TRANSFER))),
        ),
    ),
    "by another key under our name": (
        replace(good(), signature=bytes(Keypair().sign_message(build_message(TRANSFER)))),
    ),
    "ours under another name": (replace(good(), public_key=bytes(RECIPIENT)),),
    "over another message": (
        replace(good(), signature=bytes(KEY.sign_message(build_message(CREATION)))),
    ),
    "too short": (replace(good(), signature=bytes(63)),),
    "zero": (replace(good(), signature=bytes(64)),),
}


@pytest.mark.parametrize("name", MISMATCHED)
def test_attach_refuses_signatures(name):
    with pytest.raises(SignatureMismatch):
        CODEC.attach(built(TRANSFER), MISMATCHED[name])


# Payments


def test_check_payment_accepts_the_greatest_amount():
    CODEC.check_payment(Pay(Address(str(RECIPIENT)), MAIN.native.id, 2**64 - 1))


@pytest.mark.parametrize(
    ("payment", "error"),
    [
        (Pay(Address(str(RECIPIENT)), MAIN.native.id, 0), InvalidAmount),
        (Pay(Address(str(RECIPIENT)), MAIN.native.id, -1), InvalidAmount),
        (Pay(Address(str(RECIPIENT)), MAIN.native.id, 2**64), InvalidAmount),
        (Pay(Address("nobody"), MAIN.native.id, 1), InvalidAddress),
        (Pay(Address(SYSTEM_PROGRAM), MAIN.native.id, 1), ZeroAddress),
        (Pay(Address(str(RECIPIENT)), LOCAL.native.id, 1), InvalidInput),
        (Pay(Address(str(RECIPIENT)), AssetId("eip155:1/slip44:60"), 1), InvalidInput),
    ],
)
def test_check_payment_refuses(payment, error):
    with pytest.raises(error):
        CODEC.check_payment(payment)


def test_the_codec_implements_the_protocol():
    assert CHECKED.network is MAIN
