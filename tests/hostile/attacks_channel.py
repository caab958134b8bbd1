"""Attacks by messages, frames and connections."""

from __future__ import annotations

from typing import Final

from tests.hostile import channel
from tests.hostile.attack import Attack
from tests.hostile.transactions import (
    BSC,
)
from tests.support.networks import find_network

MESSAGES: Final = (
    Attack(
        "a message that is no JSON",
        "a frame in order around garbage",
        "malformed/message",
        channel.body(lambda _: b"\x00\xff\x00"),
    ),
    Attack(
        "JSON in another spelling",
        "the same message with spaces",
        "malformed/message",
        channel.body(channel.spaced),
    ),
    Attack(
        "a field twice",
        "two values for `fee_max`",
        "malformed/message",
        channel.body(channel.repeated_field),
    ),
    Attack(
        "a number with an exponent",
        "`2e0` for 2",
        "malformed/message",
        channel.body(channel.exponent),
    ),
    Attack(
        "an unknown field",
        "`approved` in the mandate",
        "malformed/request",
        channel.edited(approved=True),
    ),
    Attack(
        "a negative fee",
        "`-1` as greatest fee",
        "malformed/request",
        channel.edited(fee_max="-1"),
    ),
    Attack(
        "an amount as a number",
        "a JSON number, which readers round",
        "malformed/request",
        channel.edited(fee_max=1),
    ),
    Attack(
        "an unknown action",
        "`sweep` instead of `transfer`",
        "malformed/request",
        channel.edited(action="sweep"),
    ),
    Attack(
        "a forged line for the log",
        "a line break in the transfer's id",
        "malformed/request",
        channel.edited(transfer='x"}\n{"kind":"signed"'),
    ),
    Attack(
        "a vault that looks like another",
        "an invisible letter behind its name",
        "malformed/message",
        channel.call("open_vault", client="c1", vault="main\u3164"),
    ),
    Attack(
        "a client that looks like another",
        "a letter of another alphabet",
        "malformed/message",
        channel.call("open_vault", client="\u0441\u0031", vault="new"),
    ),
    Attack(
        "a transfer that looks like another",
        "a space behind its id",
        "malformed/request",
        channel.edited(transfer="early 1 "),
    ),
    Attack(
        "a time before all times",
        "the first hour of year 1, east of Greenwich",
        "malformed/request",
        channel.body(channel.year_zero),
    ),
    Attack(
        "deep nesting",
        "a hundred thousand brackets",
        "malformed/message",
        channel.body(channel.deeply_nested),
    ),
    Attack(
        "too large a batch",
        "257 requests in one message",
        "malformed/message",
        channel.body(channel.too_many),
    ),
    Attack(
        "signing bytes",
        "a call that signs what it is given",
        "malformed/message",
        channel.call("sign_bytes", network=find_network(BSC).id, digest="00" * 32),
    ),
    Attack(
        "unlocking from outside",
        "guessing the passphrase through custody's socket",
        "malformed/message",
        channel.call("unlock", passphrase="00", pin=""),
    ),
    Attack(
        "one bad request among good ones",
        "in a batch, hoping to be overlooked",
        "mismatch/destination",
        channel.thief_in_good_company,
    ),
    Attack(
        "an oversized frame",
        "a length above 4 MiB",
        "malformed/frame",
        channel.raw(channel.OVERSIZED),
    ),
    Attack(
        "an empty frame",
        "length zero",
        "malformed/frame",
        channel.raw(channel.EMPTY),
    ),
    Attack(
        "a truncated frame",
        "the last byte never comes",
        "malformed/frame",
        channel.raw(channel.CUT_SHORT),
    ),
    Attack(
        "a frame cut within its length",
        "two bytes and the end",
        "malformed/frame",
        channel.raw(channel.NO_LENGTH),
    ),
    Attack(
        "another protocol",
        "an HTTP request on the socket",
        "malformed/frame",
        channel.raw(channel.HTTP),
    ),
    Attack(
        "one connection too many",
        "all 64 places held by connections that say nothing",
        "closed",
        channel.too_many_connections,
    ),
    Attack(
        "another user of the machine",
        "a process whose user is not on the list, again and again, to fill the journal",
        "unauthenticated/caller",
        channel.stranger,
        recorded=False,
    ),
)
