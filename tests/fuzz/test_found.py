"""What fuzzing found, each input by the defect that it met."""

from __future__ import annotations

import pytest

from chains.bitcoin.blocks import read_block
from chains.bitcoin.codec import BitcoinCodec
from chains.errors import NodeMisbehaved
from chains.hashes import sha256d
from chains.model import BlockRef
from signer.wire import MalformedMessage, parse_time
from tests.fuzz.seeds import block_header
from tests.support.networks import find_network


def test_a_block_with_a_script_of_2_to_the_64_bytes() -> None:
    """The scanner's position grew beyond what an index can be: OverflowError, not IndexError."""
    network = find_network("bitcoin-regtest")
    long_script = b"\xff" * 9
    raw = block_header([]) + b"\x02" + bytes(4) + b"\x02" + bytes(36) + long_script + bytes(200)
    reference = BlockRef(1, sha256d(raw[:80])[::-1].hex())
    with pytest.raises(NodeMisbehaved):
        read_block(raw, reference, network, BitcoinCodec(network).addresses)


@pytest.mark.parametrize("text", ["0001-01-01T00+14:00", "9999-12-31T23-14:00"])
def test_a_time_that_lies_beyond_all_years_in_utc(text: str) -> None:
    """Turning it to UTC overflowed: the signer said `unavailable` and logged nothing."""
    with pytest.raises(MalformedMessage):
        parse_time(text)
