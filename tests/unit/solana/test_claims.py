import pytest
from solders.hash import Hash
from solders.keypair import Keypair
from solders.message import Message, MessageV0
from solders.pubkey import Pubkey
from solders.system_program import (
    AdvanceNonceAccountParams,
    TransferParams,
    advance_nonce_account,
    transfer,
)

from chains.model import ConflictKey, Excludes
from chains.solana.claims import Claim, busy_accounts
from chains.solana.nonce import consumed_by, parse_state
from tests.support.solana import LOCAL, MAIN

ACCOUNT = Keypair.from_seed(b"\x01" * 32).pubkey()
SOURCE = Keypair.from_seed(b"\x02" * 32).pubkey()
VALUE = Hash(b"\x03" * 32)


@pytest.mark.parametrize("claim", [Claim(ACCOUNT), Claim(ACCOUNT, VALUE)])
def test_key_and_back(claim):
    assert Claim.parse(MAIN.id, claim.key(MAIN.id)) == claim


def test_spelling():
    assert Claim(ACCOUNT).key(MAIN.id) == ConflictKey(
        f"{MAIN.id}/create:{ACCOUNT}", Excludes.SUCCESS
    )
    assert Claim(ACCOUNT, VALUE).key(MAIN.id) == ConflictKey(
        f"{MAIN.id}/durable-nonce:{ACCOUNT}:{VALUE}", Excludes.NOTHING
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        f"{MAIN.id}/",
        f"{MAIN.id}/create",
        f"{MAIN.id}/create:nobody",
        f"{MAIN.id}/create:{ACCOUNT}:{VALUE}",
        f"{MAIN.id}/durable-nonce:{ACCOUNT}",
        f"{MAIN.id}/durable-nonce:{ACCOUNT}:short",
        f"{MAIN.id}/nonce:{ACCOUNT}:1",
        f"{LOCAL.id}/create:{ACCOUNT}",
    ],
)
def test_other_text_is_no_claim(text):
    with pytest.raises(ValueError, match=r".+"):
        Claim.parse(MAIN.id, ConflictKey(text, Excludes.NOTHING))


def test_an_account_is_busy_whatever_its_value_and_other_networks_do_not_matter():
    other = Keypair.from_seed(b"\x04" * 32).pubkey()
    taken = [
        Claim(ACCOUNT, VALUE).key(MAIN.id),
        Claim(SOURCE).key(MAIN.id),
        Claim(other).key(LOCAL.id),
        ConflictKey("eip155:1/nonce:0x00:1", Excludes.INCLUSION),
    ]
    assert busy_accounts(MAIN.id, taken) == {ACCOUNT, SOURCE}


def test_nonce_state():
    data = (
        bytes.fromhex("0100000001000000")
        + bytes(SOURCE)
        + bytes(VALUE)
        + (5000).to_bytes(8, "little")
    )
    state = parse_state(data)
    assert state is not None
    assert (state.authority, state.value) == (SOURCE, VALUE)
    assert parse_state(data[:-1]) is None
    assert parse_state(data + b"\0") is None
    assert parse_state(bytes(80)) is None  # allocated, not initialized
    assert parse_state(b"\0" + data[1:]) is None  # a legacy nonce, which is no good any more


ADVANCE = advance_nonce_account(
    AdvanceNonceAccountParams(nonce_pubkey=ACCOUNT, authorized_pubkey=SOURCE)
)
PAY = transfer(TransferParams(from_pubkey=SOURCE, to_pubkey=Pubkey(b"\x09" * 32), lamports=1))


@pytest.mark.parametrize(
    ("instructions", "consumed"),
    [
        ([ADVANCE], (ACCOUNT, VALUE)),
        ([ADVANCE, PAY], (ACCOUNT, VALUE)),
        ([PAY, ADVANCE], None),
        ([PAY], None),
        ([], None),
    ],
)
def test_consumed_by(instructions, consumed):
    assert consumed_by(MessageV0.try_compile(SOURCE, instructions, [], VALUE)) == consumed
    assert consumed_by(Message.new_with_blockhash(instructions, SOURCE, VALUE)) == consumed
