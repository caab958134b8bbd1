"""eth_account, ethers and Trust Wallet Core must hash typed data of tokens as we do."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from eth_account.messages import encode_typed_data
from hypothesis import given, settings
from hypothesis import strategies as st

from chains.evm import UINT256_MAX, address, permits
from chains.evm.permits import Authorization, Domain, Kind, Permit, Typed
from chains.hashes import keccak256
from tests.support.oracle import Oracle
from tests.unit.evm.test_permits import EACH

pytestmark = pytest.mark.slow  # needs Node


@pytest.fixture(scope="module")
def oracle() -> Iterator[Oracle]:
    with Oracle() as opened:
        yield opened


def agreed(typed: Typed, oracle: Oracle) -> None:
    payload, ours = typed.payload, typed.digest.hex()
    assert permits.parse(payload) == typed
    found = encode_typed_data(full_message=json.loads(payload))
    assert keccak256(b"\x19" + found.version + found.header + found.body).hex() == ours
    others = oracle.call("typedDigest", text=payload.decode())
    assert others == {"ethers": ours, "walletCore": ours}


@pytest.mark.parametrize("typed", EACH, ids=lambda each: each.kind)
def test_others_hash_the_same_bytes_alike(typed: Typed, oracle: Oracle) -> None:
    agreed(typed, oracle)


accounts = st.binary(min_size=20, max_size=20).filter(any).map(address.checksum)
words = st.integers(0, UINT256_MAX)
texts = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=40)
domains = st.builds(Domain, texts, texts, st.integers(1, 2**53 - 1), accounts)
nonces = st.binary(min_size=32, max_size=32)
authorizations = st.builds(Authorization, accounts, accounts, words, words, words, nonces)
allowances = st.builds(Permit, accounts, accounts, words, words, words)
authorized = st.sampled_from([Kind.TRANSFER, Kind.RECEIVE])


@settings(max_examples=60, deadline=None)
@given(
    typed=st.one_of(
        st.builds(Typed, authorized, domains, authorizations),
        st.builds(Typed, st.just(Kind.PERMIT), domains, allowances),
    )
)
def test_any_of_it_is_hashed_as_others_do(typed: Typed, oracle: Oracle) -> None:
    agreed(typed, oracle)
