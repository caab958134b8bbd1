"""The socket itself: slow callers, and messages that were changed on the way."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import pytest

from chains.costs import above
from signer import server as server_module
from signer.messages import CallRefused, frame, parse_request, parse_response, read_frame, request
from signer.wire import Receipt, SignRequest, parse_outcome
from tests.hostile.channel import sign_message
from tests.hostile.house import House, Process, serving_here
from tests.hostile.world import last_refusal, mandate_in

MUTATIONS = 300
KEYS, KEY_BYTES = 10_000, 66
STATUS = request("status", {})


async def test_a_slow_caller_costs_nobody_else_anything(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Slow-loris: a byte now and then, never a whole frame. It is told so, logged and dropped; who
    called meanwhile was answered."""
    monkeypatch.setattr(server_module, "_FRAME_SECONDS", 0.3)
    async with serving_here(house.copy(tmp_path)) as path:
        slow_reader, slow_writer = await asyncio.open_unix_connection(path)
        slow_writer.write(frame(STATUS)[:5])
        reader, writer = await asyncio.open_unix_connection(path)
        writer.write(frame(STATUS))
        assert parse_response(await read_frame(reader))["locked"] is False
        with pytest.raises(CallRefused, match="too long") as refused:
            parse_response(await read_frame(slow_reader))
        assert (refused.value.code, refused.value.detail) == ("malformed", "frame")
        assert await slow_reader.read() == b""
        writer.write(frame(STATUS))
        assert parse_response(await read_frame(reader))["locked"] is False
        for each in (writer, slow_writer):
            each.close()


async def test_who_does_not_read_is_dropped(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Answers pile up at somebody who asks and never reads, until the signer hangs up."""
    monkeypatch.setattr(server_module, "_FRAME_SECONDS", 0.3)
    async with serving_here(house.copy(tmp_path)) as path:
        deaf_reader, deaf_writer = await asyncio.open_unix_connection(path, limit=1)
        many_keys = {
            "vault": "main",
            "network": "eip155:31337",
            "address_type": "evm",
            "start": 0,
            "count": KEYS,
        }
        deaf_writer.write(frame(request("public_keys", many_keys)))
        reader, writer = await asyncio.open_unix_connection(path)
        writer.write(frame(STATUS))
        assert parse_response(await read_frame(reader))["locked"] is False
        await asyncio.sleep(1)
        async with asyncio.timeout(20):
            delivered = await deaf_reader.read()
        assert len(delivered) < KEYS * KEY_BYTES, "not even one answer arrived whole"
        for each in (writer, deaf_writer):
            each.close()


@pytest.mark.xdist_group("hostile")
def test_changed_messages_never_get_more_than_was_agreed(shared: Process) -> None:
    """An approved message with a few bytes flipped, cut, doubled or moved. Most are refused. What
    is signed nevertheless, another gas price say, does what the untouched mandate says."""
    world = shared.world()
    world.name = "changed"
    chance = random.Random(20_260_304)
    answers: dict[str, int] = {}
    for _ in range(MUTATIONS):
        honest_body = sign_message(world)
        agreed = mandate_in(_read(honest_body))
        body = mutated(honest_body, chance)
        word = "signed"
        try:
            (row,) = parse_response(world.exchange(body))
            outcome = parse_outcome(row)
            if isinstance(outcome, Receipt):
                asked = _read(body)
                assert outcome.mandates == (agreed.digest,)
                summary = world.codecs[agreed.core.network].summarize(asked.tx)
                assert summary.effects == agreed.core.effects
                assert above(summary.costs.most, agreed.costs_max) is None
            else:
                word = outcome.code.value
        except CallRefused as refused:
            word = refused.code.value
        if word != "signed":
            assert last_refusal([world.newest_record()]).startswith(word)
        answers[word] = answers.get(word, 0) + 1
    assert answers.keys() <= {
        "signed", "malformed", "mismatch", "unexplained", "unauthenticated", "basis",
        "unknown-vault", "conflict", "expired", "not-yet", "needs-approvals",
    }  # fmt: skip

    assert answers["malformed"] > MUTATIONS // 4 and answers["unauthenticated"] > MUTATIONS // 20


def _read(body: bytes) -> SignRequest:
    _, arguments = parse_request(body)
    (row,) = arguments["requests"]
    return SignRequest.parse(row)


def mutated(body: bytes, chance: random.Random) -> bytes:
    """One to three small changes; mostly of characters into others of the same kind, so that the
    message stays readable."""
    data = bytearray(body)
    for _ in range(chance.randint(1, 3)):
        at = chance.randrange(len(data))
        match chance.randrange(5):
            case 0:
                data[at] ^= 1 << chance.randrange(8)
            case 1:
                del data[at : at + chance.randint(1, 4)]
            case 2:
                data[at:at] = data[at : at + chance.randint(1, 8)]
            case _:
                if chr(data[at]).isalnum():
                    data[at] = ord(chance.choice("0123456789abcdef"))
    return bytes(data)
