"""Any transaction we build reads back as what was asked; any change to its bytes is noticed."""

from __future__ import annotations

from dataclasses import replace

from embit.psbt import PSBT
from hypothesis import given, settings
from hypothesis import strategies as st

from chains.bitcoin.psbt import parse_psbt
from chains.bitcoin.transaction import parse_transaction
from chains.costs import above
from chains.errors import MalformedTransaction, SignatureMismatch
from chains.model import AddressType, SignatureAlgorithm, UnsignedTx
from chains.transaction import TransferIntent
from tests.unit.bitcoin.support import (
    CODEC,
    P2TR,
    P2WPKH,
    REGTEST,
    Wallet,
    example,
    funding,
    intent_of,
    join_psbt,
    payment,
    split_psbt,
    unsigned,
)

OURS = st.sampled_from([P2WPKH, P2TR])
OUTSIDERS = [
    "mipcBbFg9gMiCh81Kj8tqqdgoZub1ZJRfn",
    "2N3oefVeg6stiTb5Kh3ozCSkaqmx91FDbsm",
    "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080",
    "bcrt1qrp33g0q5c5txsp9arysrx4k6zdkfs4nce4xj0gdcccefvpysxf3qzf4jry",
    "bcrt1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqc8gma6",
]
WALLET, _, MIXED = example()
HONEST = (CODEC.summarize(MIXED), CODEC.signing_inputs(MIXED))
SIGNATURES = WALLET.sign(HONEST[1])

Built = tuple[Wallet, TransferIntent, UnsignedTx]


@st.composite
def built(draw: st.DrawFn) -> Built:
    wallet = Wallet()
    kinds: list[AddressType] = draw(st.lists(OURS, min_size=1, max_size=4))
    amounts = [draw(st.integers(50_000, 10**9)) for _ in kinds]
    made = [
        funding(wallet.address(n, kind), amount, n)
        for n, (kind, amount) in enumerate(zip(kinds, amounts, strict=True))
    ]
    targets = draw(st.lists(st.sampled_from(OUTSIDERS), min_size=1, max_size=4))
    share = (sum(amounts) - 20_000) // len(targets)
    payments = [payment(each, draw(st.integers(600, share))) for each in targets]
    change = wallet.address(9, draw(OURS), change=True)
    rate = draw(st.integers(1000, 10_000))
    intent = intent_of(payments, change, [coin for coin, _ in made], fee_max=20_000)
    return wallet, intent, unsigned(intent, {coin.txid: tx for coin, tx in made}, rate)


@given(built())
@settings(max_examples=60, deadline=None)
def test_reads_back_what_was_asked_for(case: Built) -> None:
    wallet, intent, tx = case
    summary = CODEC.summarize(tx)
    assert summary.unexplained == ()
    assert sorted(map(repr, summary.effects)) == sorted(map(repr, intent.effects))
    assert set(summary.sources) == {coin.owner.address for coin in intent.coins}
    spent = sum(coin.amount for coin in intent.coins)
    paid = sum(each.amount for each in intent.payments)
    paid += sum(each.amount for each in summary.returns)
    assert summary.costs.most == REGTEST.bounds(spent - paid)
    assert above(summary.costs.most, intent.costs_max) is None
    assert len(summary.conflict_keys) == len(intent.coins)

    signed = CODEC.attach(tx, wallet.sign(CODEC.signing_inputs(tx)))
    final = parse_transaction(signed.raw)
    assert final.serialize() == signed.raw
    assert final.serialize(witness=False) == split_psbt(tx.payload)[0][b"\0"]


@given(built())
@settings(max_examples=40, deadline=None)
def test_embit_reads_and_writes_the_same_container(case: Built) -> None:
    _, _, tx = case
    psbt = PSBT.parse(tx.payload)
    assert psbt.serialize() == tx.payload
    assert join_psbt(split_psbt(tx.payload)) == tx.payload
    for index, needed in enumerate(CODEC.signing_inputs(tx)):
        taproot = needed.algorithm is SignatureAlgorithm.BIP340_TAPROOT
        assert needed.message == psbt.sighash(index, sighash=0 if taproot else 1)


def _notices(payload: bytes) -> bool:
    """Whether summary, digests or paths differ from the honest ones, or reading refuses."""
    tx = replace(MIXED, payload=payload)
    try:
        summary = CODEC.summarize(tx)
        if summary != HONEST[0]:
            return True
        return CODEC.signing_inputs(tx) != HONEST[1]
    except MalformedTransaction:
        return True


def test_every_single_bit_of_a_psbt_matters() -> None:
    payload = bytearray(MIXED.payload)
    for at in range(len(payload)):
        for bit in (0, 3, 7):
            payload[at] ^= 1 << bit
            assert _notices(bytes(payload)), f"bit {bit} of byte {at} went unnoticed"
            payload[at] ^= 1 << bit


@given(st.integers(0, len(MIXED.payload) - 1), st.integers(1, 255))
@settings(max_examples=300, deadline=None)
def test_any_changed_byte_is_noticed(at: int, flip: int) -> None:
    payload = bytearray(MIXED.payload)
    payload[at] ^= flip
    assert _notices(bytes(payload))


@given(st.integers(0, len(MIXED.payload)), st.binary(min_size=1, max_size=8))
@settings(max_examples=200, deadline=None)
def test_any_inserted_bytes_are_noticed(at: int, extra: bytes) -> None:
    assert _notices(MIXED.payload[:at] + extra + MIXED.payload[at:])


@given(st.integers(0, len(MIXED.payload) - 1), st.integers(1, 40))
@settings(max_examples=200, deadline=None)
def test_any_missing_bytes_are_noticed(at: int, count: int) -> None:
    assert _notices(MIXED.payload[:at] + MIXED.payload[at + count :])


@given(st.binary(max_size=300))
@settings(max_examples=200, deadline=None)
def test_arbitrary_bytes_are_refused_in_one_way_only(noise: bytes) -> None:
    for payload in (noise, b"psbt\xff" + noise):
        try:
            parsed = parse_psbt(payload)
        except MalformedTransaction:
            continue
        assert parsed.transaction.inputs


@given(st.sampled_from([0, 1]), st.integers(0, 64), st.integers(0, 7))
@settings(max_examples=100, deadline=None)
def test_a_changed_signature_is_never_attached(which: int, at: int, bit: int) -> None:
    """But for the recovery id, which tells only how to find the key and is not sent anywhere."""
    changed = bytearray(SIGNATURES[which].signature)
    at %= min(len(changed), 64)
    changed[at] ^= 1 << bit
    signatures = list(SIGNATURES)
    signatures[which] = replace(signatures[which], signature=bytes(changed))
    try:
        CODEC.attach(MIXED, tuple(signatures))
    except SignatureMismatch:
        return
    raise AssertionError("a broken signature went through")


@given(built(), st.integers(-2_000, 2_000).filter(bool), st.data())
@settings(max_examples=60, deadline=None)
def test_amounts_lied_about(case: Built, lie: int, data: st.DataObject) -> None:
    """The lie is refused where the previous transaction proves it. A taproot amount has no such
    proof, but then no honest digest of a taproot input survives."""
    _, intent, tx = case
    maps = split_psbt(tx.payload)
    index = data.draw(st.integers(1, len(intent.coins)))
    fields = maps[index]
    amount = int.from_bytes(fields[b"\x01"][:8], "little") + lie
    fields[b"\x01"] = amount.to_bytes(8, "little") + fields[b"\x01"][8:]
    lying = replace(tx, payload=join_psbt(maps))
    try:
        after = CODEC.signing_inputs(lying)
    except MalformedTransaction:
        return
    assert b"\x17" in fields, "only a taproot input's amount can be claimed without proof"
    for honest, dishonest in zip(CODEC.signing_inputs(tx), after, strict=True):
        if honest.algorithm is SignatureAlgorithm.BIP340_TAPROOT:
            assert honest.message != dishonest.message
