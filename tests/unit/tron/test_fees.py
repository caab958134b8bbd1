import pytest

from chains.tron import fees
from chains.tron import tron_pb2 as pb
from chains.tron.fees import Bandwidth, Prices

MAINNET = Prices(
    per_byte=1_000, activation=1_000_000, activation_bandwidth=100_000, activation_rate=1
)


@pytest.mark.parametrize("length", [0, 1, 127, 128, 135, 16_383, 16_384, 20_000])
def test_charged_bytes_are_the_serialized_transaction_and_64(length):
    """java-tron: `clearRet().getSerializedSize() + MAX_RESULT_SIZE_IN_TX`."""
    payload = b"x" * length
    serialized = pb.Transaction(raw_data=payload, signature=[bytes(65)]).SerializeToString()
    absent = 2 if length == 0 else 0  # proto3 leaves an empty field out; no transfer is empty
    assert fees.charged_bytes(payload) == len(serialized) + absent + 64


@pytest.mark.parametrize(
    ("staked", "free", "activates", "fee"),
    [
        # the recipient has an account: staked points, else free points, else the size is burned
        (269, 0, False, 0),
        (0, 269, False, 0),
        (268, 1, False, 269_000),  # the two are never added up
        (268, 268, False, 269_000),
        (-5, 0, False, 269_000),
        # the recipient has none: a flat fee, in part covered by staked points alone
        (0, 600, True, 1_100_000),
        (268, 600, True, 1_100_000),
        (269, 0, True, 1_000_000),
    ],
)
def test_expected_fee(staked, free, activates, fee):
    bandwidth = Bandwidth(staked, free)
    assert fees.expected_fee(269, bandwidth, MAINNET, activates=activates) == fee


def test_no_expected_fee_exceeds_the_largest():
    for length in (100, 135, 1_000, 5_000):
        payload = b"x" * length
        for activates in (False, True):
            expected = fees.expected_fee(
                fees.charged_bytes(payload), Bandwidth(0, 0), MAINNET, activates=activates
            )
            assert expected <= sum(fees.most(payload).values())


def test_dearer_chains_are_noticed():
    assert not fees.exceeds_known(MAINNET)
    assert fees.exceeds_known(Prices(1_001, 1_000_000, 100_000, 1))
    assert fees.exceeds_known(Prices(1_000, 1_000_001, 100_000, 1))
    assert not fees.exceeds_known(Prices(10, 0, 100_000, 1))
