"""Whatever is built is read back as it was meant; whatever is changed is noticed."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
from solders.hash import Hash
from solders.instruction import AccountMeta, Instruction
from solders.keypair import Keypair
from solders.message import MessageV0, to_bytes_versioned
from solders.pubkey import Pubkey

from chains.effects import Pay
from chains.errors import MalformedTransaction
from chains.model import Address, UnsignedTx
from chains.solana import NONCE_ACCOUNTS_MAX
from chains.solana.build import Payment, TransferPlan, build_message, instructions
from chains.solana.claims import Claim
from chains.solana.codec import SolanaCodec
from chains.solana.explain import explain, parse_message
from tests.support.costs import most
from tests.support.solana import MAIN, sign

CODEC = SolanaCodec(MAIN)
KEYS = [Keypair.from_seed(bytes([n]) * 32) for n in range(4)]
U64 = st.integers(0, 2**64 - 1)

payments = st.builds(
    Payment,
    recipient=st.binary(min_size=32, max_size=32).filter(any).map(Pubkey),
    lamports=st.integers(1, 2**64 - 1),
)
plans = st.builds(
    TransferPlan,
    source=st.sampled_from([key.pubkey() for key in KEYS]),
    payments=st.lists(payments, min_size=1, max_size=8).map(tuple),
    nonce_index=st.integers(0, NONCE_ACCOUNTS_MAX - 1),
    lifetime=st.binary(min_size=32, max_size=32).map(Hash),
    unit_limit=st.integers(0, 2**32 - 1),
    unit_price=U64,
    rent=st.sampled_from([0, 1, 1_447_680, 2**64 - 1]),
)
foreign = st.builds(
    Instruction,
    program_id=st.binary(min_size=32, max_size=32).filter(any).map(Pubkey),
    data=st.binary(max_size=20),
    accounts=st.lists(
        st.builds(
            AccountMeta,
            pubkey=st.binary(min_size=32, max_size=32).map(Pubkey),
            is_signer=st.booleans(),
            is_writable=st.booleans(),
        ),
        max_size=3,
    ),
)


def unsigned(payload: bytes) -> UnsignedTx:
    return UnsignedTx(MAIN.id, payload)


@given(plans)
def test_explaining_undoes_building(plan):
    message = parse_message(build_message(plan))
    assert explain(message) == plan
    assert to_bytes_versioned(message) == build_message(plan)


@given(plans)
def test_the_summary_says_what_was_meant(plan):
    summary = CODEC.summarize(unsigned(build_message(plan)))
    assert summary.unexplained == ()
    assert summary.sources == (str(plan.source),)
    assert summary.effects == tuple(
        Pay(Address(str(to)), MAIN.native.id, units) for to, units in plan.payments
    )
    micro = plan.unit_limit * plan.unit_price
    assert 0 <= (most(summary) - plan.rent - 5_000) * 10**6 - micro < 10**6
    assert summary.conflict_keys == {Claim.of(plan).key(MAIN.id)}


@given(plans, plans)
def test_equal_conflict_keys_mean_a_shared_resource(one, other):
    """Two transactions have the same key exactly if they create the same account, or consume the
    same value of the same account."""
    other = replace(other, source=one.source, nonce_index=one.nonce_index)
    same = one.creates_nonce == other.creates_nonce and (
        one.creates_nonce or one.lifetime == other.lifetime
    )
    assert (Claim.of(one).key(MAIN.id) == Claim.of(other).key(MAIN.id)) == same


@given(plans, st.data())
def test_a_changed_byte_never_passes_as_the_same(plan, data):
    payload = build_message(plan)
    position = data.draw(st.integers(0, len(payload) - 1))
    change = data.draw(st.integers(1, 255))
    mutated = bytearray(payload)
    mutated[position] ^= change
    tx = unsigned(bytes(mutated))
    try:
        summary = CODEC.summarize(tx)
        inputs = CODEC.signing_inputs(tx)
    except MalformedTransaction:
        return
    assert inputs != CODEC.signing_inputs(unsigned(payload))
    if not summary.unexplained:
        # Still a transfer of ours, but then another one in a way that the plan shows.
        changed = explain(parse_message(bytes(mutated)))
        assert changed != plan
        assert build_message(changed) == bytes(mutated)


@given(plans, foreign, st.data())
def test_a_foreign_instruction_is_unexplained(plan, instruction, data):
    steps = instructions(plan)
    steps.insert(data.draw(st.integers(0, len(steps))), instruction)
    message = MessageV0.try_compile(plan.source, steps, [], plan.lifetime)
    assert CODEC.summarize(unsigned(to_bytes_versioned(message))).unexplained != ()


@given(plans, st.data())
def test_a_missing_or_repeated_instruction_is_unexplained(plan, data):
    """Apart from payments, of which there may be more or fewer: each is told, and one is there."""
    steps = instructions(plan)
    first = len(steps) - (len(plan.payments) if len(plan.payments) > 1 else 0)
    position = data.draw(st.integers(0, first - 1))
    if len(plan.payments) == 1 and position == first - 1:
        del steps[position]
    elif data.draw(st.booleans()):
        steps.insert(position, steps[position])
    else:
        del steps[position]
    message = MessageV0.try_compile(plan.source, steps, [], plan.lifetime)
    assert CODEC.summarize(unsigned(to_bytes_versioned(message))).unexplained != ()


@given(plans, st.data())
def test_each_payment_is_told_as_often_as_it_stands_there(plan, data):
    steps = instructions(plan)
    position = data.draw(st.integers(len(steps) - len(plan.payments), len(steps) - 1))
    steps.insert(position, steps[position])
    message = MessageV0.try_compile(plan.source, steps, [], plan.lifetime)
    summary = CODEC.summarize(unsigned(to_bytes_versioned(message)))
    assert summary.unexplained == ()
    assert len(summary.effects) == len(plan.payments) + 1


@given(st.binary(max_size=400))
def test_any_bytes_are_summarized_or_malformed(payload):
    try:
        summary = CODEC.summarize(unsigned(payload))
    except MalformedTransaction:
        return
    assert summary.unexplained != ()


@given(plans)
def test_a_signed_transaction_holds_exactly_what_was_signed(plan):
    key = next(key for key in KEYS if key.pubkey() == plan.source)
    tx = unsigned(build_message(plan))
    signed = sign(CODEC, tx, key)
    assert CODEC.detach(signed) == tx
