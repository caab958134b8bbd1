"""What shows that a nonce value is no blockhash, so that its key binds (ADR 0062)."""

from dataclasses import replace

import pytest
from solders.hash import Hash

from chains.devnet.solana_server.lifetime import next_nonce
from chains.errors import MalformedTransaction
from chains.solana import nonce
from chains.solana.build import build_message, build_payload
from tests.support.solana import sign
from tests.unit.solana.test_codec import CODEC, CREATION, KEY, TRANSFER, unsigned

ORIGIN = Hash(b"\x0a" * 32)
PROVEN = replace(TRANSFER, lifetime=nonce.value_of(ORIGIN), origin=ORIGIN)


def test_what_proves_a_nonce_value_stands_behind_the_message_and_is_not_signed():
    bare, proven = unsigned(build_message(PROVEN)), unsigned(build_payload(PROVEN))
    assert proven.payload == bare.payload + bytes(ORIGIN)
    assert CODEC.signing_inputs(proven) == CODEC.signing_inputs(bare)
    assert CODEC.summarize(proven).identity == CODEC.summarize(bare).identity
    (key,), unproven = CODEC.summarize(proven).binding_keys, CODEC.summarize(bare)
    assert unproven.binding_keys == frozenset()
    assert {each.text for each in unproven.conflict_keys} == {key.text}
    signed = sign(CODEC, proven, KEY)
    assert signed == sign(CODEC, bare, KEY)
    assert CODEC.detach(signed) == bare


@pytest.mark.parametrize(
    "payload",
    [
        build_payload(replace(PROVEN, origin=Hash(b"\x0b" * 32))),
        build_payload(replace(PROVEN, lifetime=Hash(b"\x0b" * 32))),
        build_payload(PROVEN)[:-1],
        build_payload(PROVEN) + b"\0",
        build_payload(PROVEN) + bytes(ORIGIN),
        build_payload(PROVEN)[: -Hash.LENGTH] + bytes(nonce.value_of(ORIGIN)),
    ],
)
def test_anything_else_behind_the_message_is_malformed(payload):
    with pytest.raises(MalformedTransaction):
        CODEC.summarize(unsigned(payload))


def test_what_makes_a_nonce_account_proves_nothing():
    plan = replace(CREATION, lifetime=nonce.value_of(ORIGIN), origin=ORIGIN)
    summary = CODEC.summarize(unsigned(build_payload(plan)))
    assert summary.unexplained == ("what makes a nonce account consumes no nonce",)
    assert summary.binding_keys == frozenset()


def test_a_value_is_made_as_the_runtime_makes_it():
    """The local cluster puts what the runtime made of it in its place: see `lifetime`."""
    assert nonce.value_of(ORIGIN) == Hash(next_nonce(ORIGIN))
