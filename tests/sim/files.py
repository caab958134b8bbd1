"""Payments that clients send in files, and what they read of each line afterwards."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from random import Random
from typing import Final

from custody.apikeys.model import Caller
from custody.audit.formats import Format
from custody.payouts.model import Digest, Line, document_of
from custody.payouts.service import Sent
from tests.sim.house import House, PayoutFile, Wanted
from tests.sim.machine import Died
from tests.sim.process import Process

_LINES_MOST: Final = 3
_COLUMNS: Final = ("destination", "amount")


async def send_file(house: House, dice: Random) -> None:
    """A new one, or one that was sent before, as it is or while another process takes it too."""
    process = house.any_process(dice)
    if house.files and dice.random() < 0.3:
        file: PayoutFile | None = dice.choice(house.files)
    else:
        file = await _new(house, process, dice)
    if file is None:
        return
    if file not in house.files:
        house.files.append(file)
        house.asked += file.lines
    await hand_over(house, process, file)
    house.begin(process, "pay files", process.pay_files)


async def hand_over(house: House, process: Process, file: PayoutFile) -> None:
    async def store() -> bool:
        file.sent = replace(file.sent, caller=await house.caller(process))
        await process.services.payout_files.store(file.sent)
        return True

    with suppress(Died):
        told = await process.machine.start(house.tried("send file", store))
        file.is_answered = file.is_answered or bool(told)


async def _new(house: House, process: Process, dice: Random) -> PayoutFile | None:
    vault, count = dice.choice(house.vaults[:2]), dice.randint(2, _LINES_MOST)
    try:
        caller: Caller = await process.machine.start(house.caller(process))
    except Died:
        return None
    wanted = [
        Wanted(
            key="",
            vault=vault,
            payees=(await house.node.outside_address(),),
            amounts=(dice.randrange(1_000, 40_000),),
            fee_max=dice.choice((2_000, 10_000)),
        )
        for _ in range(count)
    ]
    lines, digest = [], Digest()
    for number, one in enumerate(wanted, 1):
        request = one.request(house.network)
        line = Line(number, number + 1, document_of(request), request)
        digest.add(line)
        lines.append(line)
    sent = Sent(
        client_id=vault.client_id,
        reference=None,
        form=Format.CSV,
        columns=_COLUMNS,
        lines=lines,
        digest=digest.digest(),
        reject_duplicates=False,
        caller=caller,
    )
    for number, one in enumerate(wanted, 1):
        one.key, one.file = f"{sent.id}:{number}", sent.id
    house.counts["files"] += 1
    return PayoutFile(sent, wanted)


def read_answers(house: House, file: PayoutFile) -> None:
    """Why a line is no transfer."""
    rows = house.books.rows(
        "SELECT number, code FROM payout_lines WHERE file_id = ? AND state = 'refused'",
        file.sent.id,
    )
    for number, code in rows:
        file.lines[number - 1].refused = code
