"""Which logs of a TRON transaction are money, and what it did of what it told a token."""

from __future__ import annotations

from typing import Any

import pytest
from eth_abi.abi import encode

from chains import abi
from chains.block import Block
from chains.catalogue import built_in
from chains.costs import CostKind
from chains.hashes import keccak256
from chains.model import Address
from chains.networks import Network
from chains.transaction import TxState
from chains.tron import transfers, trc20
from chains.tron import tron_pb2 as pb
from chains.tron.address import to_bytes, to_text
from tests.support.rows import token_row
from tests.support.tron import LOCAL
from tests.unit.tron.scripted import (
    CONTRACT_RAW,
    OTHER,
    OURS,
    PAYER,
    Script,
    block,
    block_of,
    contract_of,
    info,
    transaction,
)

TOKEN = CONTRACT_RAW.hex()[2:]
ASSET = trc20.asset_of(LOCAL.id, to_text(CONTRACT_RAW))


def digits(account: Address) -> str:
    return to_bytes(account)[1:].hex()


def log(payer: Address = PAYER.address, payee: Address = OURS, units: int = 5, **changes: Any):
    """As java-tron shows it: the contract without its first byte, no 0x."""
    words = ["00" * 12 + digits(each) for each in (payer, payee)]
    plain = {"address": TOKEN, "topics": [abi.TOPIC.hex(), *words], "data": f"{units:064x}"}
    return plain | changes


def paying(units: int = 5, *, prefix: bytes = b"\0", owner: Address = PAYER.address) -> bytes:
    data = trc20.transfer(OURS, units)
    call = pb.TriggerSmartContract(
        owner_address=to_bytes(owner),
        contract_address=CONTRACT_RAW,
        data=data[:15] + prefix + data[16:],
    )
    return contract_of(pb.Contract.TRIGGER_SMART_CONTRACT, call)


def ran(raw: bytes, *logs: Script, result: str = "SUCCESS", **fields: Any) -> Script:
    receipt = {"result": result, "energy_usage_total": 14_650, "energy_fee": 1_465_000}
    failed = (
        {} if result == "SUCCESS" else {"result": "FAILED", "resMessage": result.encode().hex()}
    )
    plain = {"log": list(logs), "receipt": receipt | {"net_usage": 345}, "fee": 1_465_000}
    return info(raw, 7, **plain, **failed, **fields)


async def read(scripted: Any, raw: bytes, *logs: Script, result: str = "SUCCESS", **fields: Any):
    found = block(7, transaction(raw, result))
    return await block_of(scripted, found, [ran(raw, *logs, result=result, **fields)])


def moved(found: Block) -> list[tuple[str, str, int]]:
    return [(m.place, m.address, m.units) for m in found.movements if m.asset == ASSET]


async def test_a_payment_is_two_movements_and_its_energy(scripted: Any) -> None:
    found = await read(scripted, paying(), log())
    assert moved(found) == [("transfer:0", PAYER.address, -5), ("transfer:0", OURS, 5)]
    costs = [m.units for m in found.movements if m.asset == LOCAL.native.id]
    assert costs == [-1_465_000]
    assert [each.failure for each in found.included] == [None]


async def test_what_the_call_returned_is_no_matter(scripted: Any) -> None:
    """USDT returns false from a transfer that succeeded."""
    found = await read(scripted, paying(), log(), contractResult=["00" * 32])
    assert moved(found) and [each.failure for each in found.included] == [None]


async def test_a_payment_without_its_log_has_failed_and_costs(scripted: Any) -> None:
    """Though the call returned true."""
    found = await read(scripted, paying(), contractResult=["00" * 31 + "01"])
    assert moved(found) == []
    assert [each.failure for each in found.included] == ["the token moved nothing"]
    assert [m.units for m in found.movements] == [-1_465_000]


@pytest.mark.parametrize(
    "wrong",
    [
        log(payee=OTHER),
        log(payer=OTHER),
        log(units=0),
        log(address="0d" * 20),
        log(topics=[abi.TOPIC.hex()]),
        log(topics=["ab" * 32, *log()["topics"][1:]]),
    ],
    ids=["other payee", "other payer", "nothing", "other token", "no accounts", "other event"],
)
async def test_another_log_is_not_the_payments(scripted: Any, wrong: Script) -> None:
    found = await read(scripted, paying(), wrong)
    assert [each.failure for each in found.included] == ["the token moved nothing"]


@pytest.mark.parametrize("prefix", [b"\0", b"\x41"])
async def test_other_wallets_write_the_payee_otherwise(scripted: Any, prefix: bytes) -> None:
    found = await read(scripted, paying(prefix=prefix), log())
    assert [each.failure for each in found.included] == [None]
    silent = await read(scripted, paying(prefix=prefix))
    assert [each.failure for each in silent.included] == ["the token moved nothing"]


@pytest.mark.parametrize("result", ["OUT_OF_ENERGY", "REVERT", "OUT_OF_TIME"])
async def test_what_failed_moves_nothing_and_costs(scripted: Any, result: str) -> None:
    """Also if a node shows logs of it."""
    found = await read(scripted, paying(), log(), result=result)
    assert moved(found) == []
    assert [each.failure for each in found.included] == [result]
    assert [m.units for m in found.movements] == [-1_465_000]


async def test_a_contract_that_refused_is_heard(scripted: Any) -> None:
    said = keccak256(b"Error(string)")[:4] + encode(["string"], ["closed"])
    found = await read(scripted, paying(), result="REVERT", contractResult=[said.hex()])
    assert [each.failure for each in found.included] == ["REVERT: it says: closed"]


def test_an_ordinal_counts_logs_of_transfer_and_no_others() -> None:
    other = {"address": TOKEN, "topics": ["ab" * 32], "data": ""}
    nameless = {"address": TOKEN}
    nft = log(topics=[*log()["topics"], "00" * 31 + "07"], data="")
    everything = [other, log(units=1), nameless, nft, other, log(units=3)]
    found = transfers.told(everything)
    assert [(each[0], each[-1]) for each in found] == [(0, 1), (2, 3)]
    assert found == transfers.told([log(units=1), nft, log(units=3)])


def test_the_contract_may_be_written_with_its_first_byte() -> None:
    assert transfers.told([log(address="41" + TOKEN)]) == transfers.told([log()])
    begins_so = "41" + TOKEN[2:]
    assert transfers.told([log(address=begins_so)])[0][1] == begins_so


async def test_several_in_one_transaction_have_places_of_their_own(scripted: Any) -> None:
    """A fee on transfer, made coins, and a payment to oneself."""
    nobody = to_text(b"\x41" + bytes(20))
    logs = [
        log(payee=OTHER, units=1),
        log(units=4),
        log(payer=nobody, units=9),
        log(payer=OURS, payee=OURS),
    ]
    found = await read(scripted, paying(5), *logs)
    assert [each.failure for each in found.included] == [None]
    assert [each for each in moved(found) if each[1] == OURS] == [
        ("transfer:1", OURS, 4),
        ("transfer:2", OURS, 9),
    ]


async def test_a_status_is_judged_by_the_log_as_well(scripted: Any) -> None:
    raw = paying()
    for logs, state in (([log()], TxState.INCLUDED), ([], TxState.REVERTED)):
        told = ran(raw, *logs)
        adapter = scripted(
            {
                "/wallet/gettransactioninfobyid": told,
                "/wallet/getblockbynum": block(7, transaction(raw)),
            }
        )
        (status,) = await adapter.statuses([told["id"]])
        assert status.state is state
        assert status.costs == {(LOCAL.native.id, CostKind.ENERGY): 1_465_000}


def wrap(topic: bytes = abi.DEPOSIT, units: int = 70, **changes: Any) -> Script:
    """A log of WETH9's, whose code wraps TRX too."""
    account = "00" * 12 + digits(OURS)
    plain = {"address": TOKEN, "topics": [topic.hex(), account], "data": f"{units:064x}"}
    return plain | changes


def listed(*traits: str) -> Network:
    row = token_row(id=ASSET, kind=trc20.KIND, decimals=6) | {"traits": list(traits)}
    return built_in().with_rows([], [row]).networks[LOCAL.id]


def wrapped(*logs: Script, network: Network | None = None) -> list[tuple[str, str, int]]:
    found = transfers.wrapped(network or listed(abi.WRAPS), transfers.wraps(logs))
    return [(place, account, units) for place, asset, account, units in found if asset == ASSET]


def test_what_is_made_of_coins_comes_and_what_is_burnt_leaves() -> None:
    logs = [log(), wrap(), wrap(abi.WITHDRAWAL, 30)]
    assert wrapped(*logs) == [("wrap:0", OURS, 70), ("wrap:1", OURS, -30)]
    assert wrapped(*logs[1:]) == wrapped(*logs)


def test_only_a_token_listed_as_wrapping_is_believed() -> None:
    assert wrapped(wrap(), network=listed("pausable")) == []
    assert wrapped(wrap(), network=LOCAL) == []
    assert wrapped(wrap(address="0d" * 20)) == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"topics": [abi.DEPOSIT.hex()]},
        {"topics": [*wrap()["topics"], wrap()["topics"][1]]},
        {"topics": [abi.DEPOSIT.hex(), "01" + wrap()["topics"][1][2:]]},
        {"data": ""},
        {"data": "00" * 64},
    ],
    ids=["too few", "too many", "no account", "no number", "two numbers"],
)
def test_a_log_of_that_name_that_is_none_of_weth9s(wrong: Script) -> None:
    assert wrapped(wrap() | wrong) == []
