"""How long to wait, and what a status or an error means: tables."""

from __future__ import annotations

import pytest

from chains.transport.meaning import Meaning, of_error, of_status
from chains.transport.waiting import (
    BACKOFF_MAX_S,
    DELAY_MAX_S,
    Bucket,
    backoff_delay,
    retry_after_delay,
)

SENT = "Wed, 21 Oct 2015 07:28:00 GMT"


@pytest.mark.parametrize(
    ("value", "date", "delay"),
    [
        (None, SENT, None),
        ("0", None, 0),
        ("7", None, 7),
        (" 7 ", None, 7),
        ("86400", None, DELAY_MAX_S),
        ("9" * 5000, None, DELAY_MAX_S),
        ("-1", None, None),
        ("1.5", None, None),
        ("soon", SENT, None),
        ("", SENT, None),
        ("Wed, 21 Oct 2015 07:28:30 GMT", SENT, 30),
        ("Wed, 21 Oct 2015 07:27:00 GMT", SENT, 0),
        ("Fri, 21 Oct 2118 07:28:00 GMT", SENT, DELAY_MAX_S),
        ("Wed, 21 Oct 2015 07:28:30 GMT", None, None),
        ("Wed, 21 Oct 2015 07:28:30 GMT", "no date", None),
    ],
)
def test_retry_after(value: str | None, date: str | None, delay: int | None) -> None:
    assert retry_after_delay(value, date) == delay


@pytest.mark.parametrize(
    ("failures", "delay_share", "delay"),
    [(0, 1, 1), (1, 0, 0.5), (1, 1, 1), (2, 1, 2), (3, 0, 2), (9, 1, 60), (10**6, 1, 60)],
)
def test_backoff_doubles_up_to_a_bound(failures: int, delay_share: int, delay: float) -> None:
    assert backoff_delay(failures, delay_share) == delay <= BACKOFF_MAX_S


def test_a_bucket_lets_a_burst_through_and_then_the_rate() -> None:
    bucket, delays = Bucket(4), []
    for clock in (10.0, 10.0, 10.0, 10.0, 10.0, 10.0, 10.5, 99.0, 98.0):
        bucket, delay = bucket.delay_of_next(clock)
        delays.append(delay)
    assert delays == [0, 0, 0, 0, 0.25, 0.5, 0.25, 0, 0]


@pytest.mark.parametrize(
    ("status", "text", "meaning"),
    [
        (401, "", Meaning.DENIED),
        (402, "credits used up", Meaning.DENIED),
        (403, "", Meaning.DENIED),
        (403, "exceeds the frequency limit(15)", Meaning.LIMITED),
        (407, "", Meaning.DENIED),
        (429, "", Meaning.LIMITED),
        (301, "", Meaning.AWAY),
        (408, "", Meaning.AWAY),
        (502, "", Meaning.AWAY),
        (503, "Work queue depth exceeded", Meaning.AWAY),
        (503, "rate limit exceeded", Meaning.LIMITED),
        (504, "", Meaning.AWAY),
        (522, "", Meaning.AWAY),
        (400, "", Meaning.READ),
        (404, "", Meaning.READ),
        (500, "", Meaning.READ),
        (204, "", Meaning.READ),
    ],
)
def test_of_status(status: int, text: str, meaning: Meaning) -> None:
    assert of_status(status, text) is meaning


OF_NODES = """
already known
nonce too low: next nonce 6, tx nonce 5
replacement transaction underpriced
transaction underpriced: tip needed 50000000, tip permitted 1
insufficient funds for gas * price + value: balance 0, tx cost 1, overshot 1
exceeds block gas limit
intrinsic gas too low: gas 20999, minimum needed 21000
tx fee (1.20 ether) exceeds the configured cap (1.00 ether)
txpool is full
in-flight transaction limit reached for delegated accounts
gas limit reached
max fee per gas less than block base fee
oversized data: transaction size 131072, limit 131072
too-long-mempool-chain, too many descendants for tx 00 [limit: 25]
exceeds ancestor size limit [limit: 101000]
Fee exceeds maximum configured by user (e.g. -maxtxfee, maxfeerate)
min relay fee not met, 10 < 111
mempool full
insufficient fee, rejecting replacement 00; new feerate 0.1 <= old feerate 0.1
rejecting replacement 00, too many potential replacements (101 > 100)
Transaction simulation failed: Blockhash not found
Transaction version (2) is not supported by the requesting client
account resource insufficient error
Contract validate error : Validate TransferContract error, balance is not sufficient.
header not found
missing trie node 00 (path )
the method debug_traceBlockByHash does not exist/is not available
sender account not authorized to send transactions
Slot 300 was skipped, or missing due to ledger jump to recent snapshot
"""


@pytest.mark.parametrize("words", OF_NODES.strip().splitlines())
def test_words_of_nodes_about_a_transaction_are_no_gateways(words: str) -> None:
    """Taking a refusal for a limit would hide it."""
    assert of_error(-32000, words, frozenset()) is Meaning.READ
    assert of_error(-26, words, frozenset()) is Meaning.READ


@pytest.mark.parametrize(
    ("code", "message", "meaning"),
    [
        (429, "", Meaning.LIMITED),
        (-32429, "", Meaning.LIMITED),
        (-32005, "", Meaning.LIMITED),
        (-32016, "Rate limit exceeded, retry in 1s", Meaning.LIMITED),
        (-32000, "Too many requests, reason: call rate limit exhausted", Meaning.LIMITED),
        (0, "You have exceeded the daily quota", Meaning.LIMITED),
        (0, "lack of computing resources", Meaning.LIMITED),
        (-32600, "server requests exceed the limit", Meaning.LIMITED),
        (-32000, "throttled", Meaning.LIMITED),
        (-32401, "", Meaning.DENIED),
        (-32000, "invalid project id", Meaning.DENIED),
        (-32052, "API key is not allowed; invalid api key", Meaning.DENIED),
        (-32601, "method not found", Meaning.READ),
        (-32603, "Internal error", Meaning.READ),
    ],
)
def test_of_error(code: int, message: str, meaning: Meaning) -> None:
    assert of_error(code, message, frozenset({-32005})) is meaning
