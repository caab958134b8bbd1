"""What the codec reads out of a PSBT, signs, and refuses; embit and bitcoinlib as oracles."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import pytest
from embit.psbt import PSBT

from chains.bitcoin.codec import BitcoinCodec
from chains.bitcoin.transaction import Transaction, TxOutput, parse_transaction
from chains.effects import Pay, Return
from chains.errors import (
    ClaimUnusable,
    DustAmount,
    InvalidAmount,
    MalformedTransaction,
    SignatureMismatch,
    TooManyOutputs,
    WrongNetwork,
)
from chains.model import (
    Address,
    AddressType,
    AssetId,
    ConflictKey,
    Excludes,
    SignatureAlgorithm,
    SignedTx,
    UnsignedTx,
)
from chains.transaction import TransferIntent
from tests.support.costs import most
from tests.unit.bitcoin.support import (
    CODEC,
    MAIN,
    P2TR,
    P2WPKH,
    REGTEST,
    TIP,
    PsbtMap,
    Wallet,
    example,
    funding,
    intent_of,
    join_psbt,
    payment,
    split_psbt,
    unsigned,
)

WALLET, INTENT, TX = example()
BOTH = (P2WPKH, P2TR)
KINDS = [(P2WPKH,), (P2TR,), (P2WPKH, P2WPKH, P2WPKH), (P2TR, P2TR), (P2WPKH, P2TR, P2WPKH, P2TR)]


def test_summary_of_a_mixed_transaction() -> None:
    summary = CODEC.summarize(TX)
    assert set(summary.sources) == {coin.owner.address for coin in INTENT.coins}
    assert Counter(summary.effects) == Counter(INTENT.effects)
    assert INTENT.change is not None
    spent = sum(coin.amount for coin in INTENT.coins)
    rest = spent - sum(each.amount for each in INTENT.payments) - most(summary)
    change = INTENT.change
    assert summary.returns == (Return(change.address, REGTEST.native.id, rest, change.path),)
    assert summary.creates == ()
    keys = {f"{REGTEST.id}/outpoint:{coin.txid}:{coin.position}" for coin in INTENT.coins}
    assert summary.conflict_keys == {ConflictKey(key, Excludes.INCLUSION) for key in keys}
    assert summary.unexplained == ()
    assert summary.network == REGTEST.id


def test_sources_are_named_once() -> None:
    wallet = Wallet()
    owner = wallet.address(0)
    made = [funding(owner, 40_000, salt) for salt in range(3)]
    coins = [coin for coin, _ in made]
    change = wallet.address(1, change=True)
    intent = intent_of([payment(wallet.address(9).address, 90_000)], change, coins)
    tx = unsigned(intent, {coin.txid: each for coin, each in made})
    assert CODEC.summarize(tx).sources == (owner.address,)
    assert len(CODEC.signing_inputs(tx)) == 3


@pytest.mark.parametrize("kinds", KINDS, ids=lambda kinds: "+".join(kinds))
@pytest.mark.parametrize("change_type", BOTH)
def test_embit_computes_the_same_digests(
    kinds: tuple[AddressType, ...], change_type: AddressType
) -> None:
    _, intent, tx = example(kinds, change_type)
    psbt = PSBT.parse(tx.payload)
    needed = CODEC.signing_inputs(tx)
    by_address = {coin.owner.address: coin.owner for coin in intent.coins}
    for index, each in enumerate(needed):
        taproot = each.algorithm is SignatureAlgorithm.BIP340_TAPROOT
        assert each.message == psbt.sighash(index, sighash=0 if taproot else 1)
        assert each.path == by_address[each.address].path


@pytest.mark.parametrize("kinds", KINDS, ids=lambda kinds: "+".join(kinds))
def test_attach_makes_the_final_transaction(kinds: tuple[AddressType, ...]) -> None:
    wallet, intent, tx = example(kinds)
    signed = CODEC.attach(tx, wallet.sign(CODEC.signing_inputs(tx)))
    final = parse_transaction(signed.raw)
    assert final.txid() == signed.txid
    assert final.serialize(witness=False) == split_psbt(tx.payload)[0][b"\0"]
    assert [len(each.witness) for each in final.inputs] == [
        1 if kind is P2TR else 2 for kind in _kinds_in_order(intent, final)
    ]


def _kinds_in_order(intent: TransferIntent, final: Transaction) -> list[AddressType]:
    kinds = {coin.txid: coin.owner.address_type for coin in intent.coins}
    return [kinds[each.previous_txid] for each in final.inputs]


def test_the_container_is_complete_for_other_signers() -> None:
    """BIP-174 and BIP-371 fields as embit reads them; bytes as it writes them."""
    psbt = PSBT.parse(TX.payload)
    assert psbt.serialize() == TX.payload
    assert psbt.tx.locktime == TIP
    assert all(each.sequence == 0xFFFFFFFD for each in psbt.tx.vin)
    for scope in psbt.inputs:
        taproot = scope.is_taproot
        assert (scope.non_witness_utxo is None) is taproot
        assert (scope.taproot_internal_key is not None) is taproot
        assert len(scope.taproot_bip32_derivations) == taproot
        assert len(scope.bip32_derivations) == (not taproot)
    assert sum(len(each.bip32_derivations) for each in psbt.outputs) == 1


def test_order_is_that_of_bip69() -> None:
    transaction = parse_transaction(split_psbt(TX.payload)[0][b"\0"])
    inputs = [(each.previous_txid, each.position) for each in transaction.inputs]
    outputs = [(each.amount, each.script) for each in transaction.outputs]
    assert inputs == sorted(inputs)
    assert outputs == sorted(outputs)


def test_the_same_input_gives_the_same_bytes() -> None:
    assert example()[2] == TX


# --- refusals -------------------------------------------------------------------------------

Tamper = Callable[[list[PsbtMap]], object]


def _tampered(tamper: Tamper, tx: UnsignedTx = TX) -> UnsignedTx:
    maps = split_psbt(tx.payload)
    tamper(maps)
    return replace(tx, payload=join_psbt(maps))


def _change_transaction(maps: list[PsbtMap], **changes: object) -> None:
    transaction = parse_transaction(maps[0][b"\0"])
    maps[0][b"\0"] = replace(transaction, **changes).serialize()  # type: ignore[arg-type]


def _input(maps: list[PsbtMap], kind: AddressType) -> PsbtMap:
    """The first input of a kind; only taproot ones have an internal key."""
    count = len(parse_transaction(maps[0][b"\0"]).inputs)
    return next(each for each in maps[1 : 1 + count] if (b"\x17" in each) is (kind is P2TR))


def _split_change(maps: list[PsbtMap], amount: int) -> None:
    """Part of the change as one more output to the same address."""
    fields = _change_map(maps)
    inputs = len(parse_transaction(maps[0][b"\0"]).inputs)
    at = maps.index(fields) - 1 - inputs
    outputs = list(parse_transaction(maps[0][b"\0"]).outputs)
    piece = replace(outputs[at], amount=amount)
    outputs[at] = replace(outputs[at], amount=outputs[at].amount - amount)
    _change_transaction(maps, outputs=(*outputs, piece))
    maps.append(dict(fields))


def _change_map(maps: list[PsbtMap]) -> PsbtMap:
    return next(each for each in maps[3:] if each)


def _lower_amount(maps: list[PsbtMap], kind: AddressType) -> None:
    fields = _input(maps, kind)
    amount = int.from_bytes(fields[b"\x01"][:8], "little")
    fields[b"\x01"] = (amount - 100).to_bytes(8, "little") + fields[b"\x01"][8:]


def _lower_previous_amount(maps: list[PsbtMap]) -> None:
    fields = _input(maps, P2WPKH)
    previous = parse_transaction(fields[b"\0"])
    first, second = previous.outputs
    lying = replace(previous, outputs=(first, replace(second, amount=second.amount - 1000)))
    fields[b"\0"] = lying.serialize()
    fields[b"\x01"] = lying.outputs[1].serialize()


def _with_witness(maps: list[PsbtMap]) -> None:
    fields = _input(maps, P2WPKH)
    previous = parse_transaction(fields[b"\0"])
    spent = replace(previous.inputs[0], witness=(b"anything",))
    fields[b"\0"] = replace(previous, inputs=(spent,)).serialize()


def _move_key(maps: list[PsbtMap], key: bytes, new_key: bytes) -> None:
    fields = next(each for each in maps if any(name.startswith(key) for name in each))
    old = next(name for name in fields if name.startswith(key))
    fields[new_key] = fields.pop(old)


def _replace_output(maps: list[PsbtMap], script: bytes) -> None:
    transaction = parse_transaction(maps[0][b"\0"])
    at = next(n for n, each in enumerate(maps[3:]) if not each)
    outputs = list(transaction.outputs)
    outputs[at] = TxOutput(outputs[at].amount, script)
    _change_transaction(maps, outputs=tuple(outputs))


def _resequence(maps: list[PsbtMap], sequence: int) -> None:
    first, *others = parse_transaction(maps[0][b"\0"]).inputs
    _change_transaction(maps, inputs=(replace(first, sequence=sequence), *others))


MALFORMED: dict[str, Tamper] = {
    "amount lied about, BIP-174 fee attack": lambda m: _lower_amount(m, P2WPKH),
    "previous transaction with another amount": _lower_previous_amount,
    "no previous transaction": lambda m: _input(m, P2WPKH).pop(b"\0"),
    "nothing says what is spent": lambda m: _input(m, P2TR).pop(b"\x01"),
    "previous transaction with witness": _with_witness,
    "no transaction": lambda m: m[0].pop(b"\0"),
    "signed transaction": lambda m: _change_transaction(
        m,
        inputs=tuple(
            replace(each, script_sig=b"\x51") for each in parse_transaction(m[0][b"\0"]).inputs
        ),
    ),
    "same coin twice": lambda m: _change_transaction(
        m, inputs=(parse_transaction(m[0][b"\0"]).inputs[0],) * 2
    ),
    "pays out more than it spends": lambda m: _change_transaction(
        m,
        outputs=tuple(
            replace(each, amount=each.amount + 10**8)
            for each in parse_transaction(m[0][b"\0"]).outputs
        ),
    ),
    "a map too many": lambda m: m.append({}),
    "a map too few": lambda m: m.pop(),
    "path cut off": lambda m: _change_map(m).update(
        {key: value[:-1] for key, value in _change_map(m).items()}
    ),
    "hash type of three bytes": lambda m: _input(m, P2TR).update({b"\x03": bytes(3)}),
}

UNEXPLAINED: dict[str, Tamper] = {
    "unknown global field": lambda m: m[0].update({b"\xf0": b"?"}),
    "extended public key": lambda m: m[0].update({b"\x01" + bytes(78): bytes(4)}),
    "version field": lambda m: m[0].update({b"\xfb": bytes(4)}),
    "proprietary field": lambda m: m[1].update({b"\xfc\x01x": b"?"}),
    "unknown output field": lambda m: m[3].update({b"\x42": b"?"}),
    "partial signature": lambda m: m[1].update({b"\x02" + b"\x02" * 33: b"\x30"}),
    "redeem script": lambda m: m[1].update({b"\x04": b"\x51"}),
    "final witness": lambda m: m[1].update({b"\x08": b"\x00"}),
    "SIGHASH_NONE": lambda m: _input(m, P2WPKH).update({b"\x03": b"\x02\0\0\0"}),
    "SIGHASH_ALL|ANYONECANPAY": lambda m: _input(m, P2WPKH).update({b"\x03": b"\x81\0\0\0"}),
    "SIGHASH_ALL for taproot": lambda m: _input(m, P2TR).update({b"\x03": b"\x01\0\0\0"}),
    "script path": lambda m: _input(m, P2TR).update({b"\x18": bytes(32)}),
    "foreign master key": lambda m: _change_map(m).update(
        {key: b"\x01" + value[1:] for key, value in _change_map(m).items()}
    ),
    "foreign key for an input": lambda m: _move_key(m[1:3], b"\x06", b"\x06" + b"\x02" * 33),
    "foreign key for the change": lambda m: _move_key(m[3:], b"\x02", b"\x02" + b"\x02" * 33),
    "foreign internal key": lambda m: _input(m, P2TR).update({b"\x17": bytes(32)}),
    "internal key without path": lambda m: _move_key(m[1:3], b"\x16", b"\x19"),
    "two keys": lambda m: _change_map(m).update({b"\x02" + b"\x03" * 33: bytes(8)}),
    "OP_RETURN": lambda m: _replace_output(m, b"\x6a\x04data"),
    "bare public key": lambda m: _replace_output(m, b"\x21" + b"\x02" * 33 + b"\xac"),
    "future witness version": lambda m: _replace_output(m, b"\x52\x20" + bytes(32)),
    "locked until a time": lambda m: _change_transaction(m, locktime=1_700_000_000),
    "a sequence that is final": lambda m: _resequence(m, 0xFFFFFFFF),
    "change in two pieces": lambda m: _split_change(m, 1_000),
    "change of nothing": lambda m: _split_change(m, 0),
    "relative lock": lambda m: _resequence(m, 144),
    "version 1": lambda m: _change_transaction(m, version=1),
    "version 3": lambda m: _change_transaction(m, version=3),
}


@pytest.mark.parametrize("defect", MALFORMED)
def test_malformed(defect: str) -> None:
    tx = _tampered(MALFORMED[defect])
    assert tx != TX
    for use in (CODEC.summarize, CODEC.signing_inputs, lambda each: CODEC.attach(each, ())):
        with pytest.raises(MalformedTransaction):
            use(tx)


@pytest.mark.parametrize("defect", UNEXPLAINED)
def test_unexplained_is_named_and_never_signed(defect: str) -> None:
    tx = _tampered(UNEXPLAINED[defect])
    assert tx != TX
    assert CODEC.summarize(tx).unexplained
    with pytest.raises(MalformedTransaction, match="will not sign"):
        CODEC.signing_inputs(tx)
    with pytest.raises(MalformedTransaction, match="will not sign"):
        CODEC.attach(tx, WALLET.sign(CODEC.signing_inputs(TX)))


@pytest.mark.parametrize(
    ("height", "now", "passes"),
    [
        (TIP, 1_767_225_600, True),
        (840_000, 1_713_571_767, True),  # the real one, at its own time
        (980_000, 1_795_000_000, True),
        (1_100_000, 1_795_000_000, False),
        (4_000_000, 1_795_000_000, False),
        (499_999_999, 1_795_000_000, False),
        (1, 0, False),
        (0, 0, True),
    ],
)
def test_a_lock_is_not_far_above_the_chain(height: int, now: int, passes: bool) -> None:
    tx = _tampered(lambda maps: _change_transaction(maps, locktime=height))
    assert not CODEC.summarize(tx).unexplained
    if passes:
        CODEC.check_lifetime(tx, now)
        return
    with pytest.raises(MalformedTransaction, match="locked"):
        CODEC.check_lifetime(tx, now)


def test_change_that_no_node_would_carry_is_unexplained() -> None:
    def shrink(maps: list[PsbtMap]) -> None:
        at = maps.index(_change_map(maps)) - 1 - len(parse_transaction(maps[0][b"\0"]).inputs)
        outputs = list(parse_transaction(maps[0][b"\0"]).outputs)
        outputs[at] = replace(outputs[at], amount=293)
        _change_transaction(maps, outputs=tuple(outputs))

    assert "dust" in " ".join(CODEC.summarize(_tampered(shrink)).unexplained)


def test_default_hash_types_may_be_written_out() -> None:
    def write(maps: list[PsbtMap]) -> None:
        _input(maps, P2WPKH)[b"\x03"] = b"\x01\0\0\0"
        _input(maps, P2TR)[b"\x03"] = bytes(4)

    assert CODEC.summarize(_tampered(write)) == CODEC.summarize(TX)


def test_lying_about_a_taproot_amount_changes_every_taproot_digest() -> None:
    lying = _tampered(lambda maps: _lower_amount(maps, P2TR))
    honest = CODEC.signing_inputs(TX)
    for before, after in zip(honest, CODEC.signing_inputs(lying), strict=True):
        taproot = before.algorithm is SignatureAlgorithm.BIP340_TAPROOT
        assert (before.message != after.message) is taproot
    assert most(CODEC.summarize(lying)) == most(CODEC.summarize(TX)) - 100


def test_inputs_of_kinds_we_never_receive() -> None:
    """A container that spends a P2PKH coin, complete with its previous transaction."""
    maps = split_psbt(TX.payload)
    fields = _input(maps, P2WPKH)
    script = b"\x76\xa9\x14" + b"\x11" * 20 + b"\x88\xac"
    previous = parse_transaction(fields[b"\0"])
    previous = replace(previous, outputs=(TxOutput(90_000, script),) * 2)
    at = maps.index(fields) - 1
    spent = list(parse_transaction(maps[0][b"\0"]).inputs)
    spent[at] = replace(spent[at], previous=previous.hash())
    _change_transaction(maps, inputs=tuple(spent))
    maps[1 + at] = {b"\0": previous.serialize()}
    tx = replace(TX, payload=join_psbt(maps))
    summary = CODEC.summarize(tx)
    assert any("never receive" in each for each in summary.unexplained)
    assert CODEC.addresses.address_of(script) in summary.sources


@pytest.mark.parametrize(
    "tx",
    [
        replace(TX, network=MAIN.id),
        replace(TX, sender=Address("someone")),
        replace(TX, payload=b""),
        replace(TX, payload=TX.payload + b"\0"),
        replace(TX, payload=b"psbu\xff" + TX.payload[5:]),
        replace(TX, payload=TX.payload[:-1]),
        replace(TX, payload=b"psbt\xff" + b"\xff" * 9),
    ],
)
def test_not_a_psbt_of_this_network(tx: UnsignedTx) -> None:
    with pytest.raises(MalformedTransaction):
        CODEC.summarize(tx)


def test_a_field_that_occurs_twice() -> None:
    header, rest = TX.payload[:5], TX.payload[5:]
    length = len(split_psbt(TX.payload)[0][b"\0"])
    field = rest[: 2 + 3 + length] if length >= 0xFD else rest[: 2 + 1 + length]
    with pytest.raises(MalformedTransaction, match="twice"):
        CODEC.summarize(replace(TX, payload=header + field + rest))


def test_attach_refuses_the_wrong_number_and_order_of_signatures() -> None:
    signatures = WALLET.sign(CODEC.signing_inputs(TX))
    for wrong in ((), signatures[:1], (*signatures, signatures[0]), signatures[::-1]):
        with pytest.raises(SignatureMismatch):
            CODEC.attach(TX, wrong)


def test_attach_is_deterministic() -> None:
    signatures = WALLET.sign(CODEC.signing_inputs(TX))
    first = CODEC.attach(TX, signatures)
    assert isinstance(first, SignedTx)
    assert first == CODEC.attach(TX, signatures)


def test_building_with_a_coin_that_is_not_what_was_recorded() -> None:
    wallet = Wallet()
    coin, made_by = funding(wallet.address(0), 60_000)
    change = wallet.address(1, change=True)
    for wrong in (
        replace(coin, amount=59_000),
        replace(coin, position=0),
        replace(coin, position=7),
    ):
        intent = intent_of([payment(wallet.address(9).address, 30_000)], change, [wrong])
        with pytest.raises(ClaimUnusable):
            unsigned(intent, {coin.txid: made_by})


# Dust as Bitcoin Core computes it for its default relay fee.
DUST = [
    ("bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080", 294),
    ("bcrt1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqc8gma6", 330),
    ("bcrt1qrp33g0q5c5txsp9arysrx4k6zdkfs4nce4xj0gdcccefvpysxf3qzf4jry", 330),
    ("mrCDrCybB6J1vRfbwM5hemdJz73FwDBC8r", 546),
    ("2N3oefVeg6stiTb5Kh3ozCSkaqmx91FDbsm", 540),
]


@pytest.mark.parametrize(("address", "smallest"), DUST)
def test_dust(address: str, smallest: int) -> None:
    CODEC.check_payment(payment(address, smallest))
    with pytest.raises(DustAmount, match=str(smallest)):
        CODEC.check_payment(payment(address, smallest - 1))


@pytest.mark.parametrize("amount", [0, -1, REGTEST.native.maximum + 1])
def test_impossible_amounts(amount: int) -> None:
    with pytest.raises(InvalidAmount):
        CODEC.check_payment(payment(DUST[0][0], amount))


def test_payments_that_can_not_be_carried() -> None:
    with pytest.raises(WrongNetwork):
        BitcoinCodec(MAIN).check_payment(Pay(Address(DUST[0][0]), MAIN.native.id, 10_000))
    with pytest.raises(InvalidAmount):
        CODEC.check_payment(Pay(Address(DUST[0][0]), AssetId("eip155:1/slip44:60"), 10_000))
    with pytest.raises(InvalidAmount.__mro__[1]):
        CODEC.check_payment(payment(DUST[0][0].upper(), 10_000))


def test_outputs_leave_room_for_a_coin_and_change_in_the_standard_weight() -> None:
    """31 bytes each, at 4 weight units a byte."""
    outputs = [payment(DUST[0][0], 1_000)] * 3_220
    CODEC.check_outputs(outputs)
    with pytest.raises(TooManyOutputs):
        CODEC.check_outputs(outputs * 2)
    assert CODEC.size_of(outputs[:3]) == 3 * 31
