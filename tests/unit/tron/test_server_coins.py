"""TRX that contracts of the local chain are given and pass on, with the WETH9 of its authors, which
is how TRX is wrapped too. Without HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chains import abi
from chains.devnet.tron_server import calls, contracts, faucet, rules, views, wire
from chains.devnet.tron_server.chain import Chain, Journal
from chains.devnet.tron_server.machine import Call
from chains.devnet.tron_server.rules import Ran, Refused
from tests.support.defi import code_of

GENESIS = bytes(8) + b"\x07" * 24
TRX = 10**6
CALL = b"call".hex()


class Wrapper:
    def __init__(self, journal: Journal) -> None:
        self.journal, self.chain = journal, journal.chain
        body = wire.Creation(faucet.ADDRESS, faucet.ADDRESS, code_of("WETH9"), 0, 100, "W", 10**7)
        self.contract = contracts.address_of(faucet.send(self.chain, body), faucet.ADDRESS)
        journal.mine(1)

    def do(self, data: bytes, value: int = 0) -> Ran:
        body = wire.Trigger(faucet.ADDRESS, self.contract, value, data, 0)
        sent = faucet.send(self.chain, body)
        self.journal.mine(1)
        found = self.chain.find(sent.id)
        assert found is not None and found[1].receipt.ran is not None
        return found[1].receipt.ran

    def wraps(self, value: int) -> Ran:
        return self.do(abi.selector("deposit()"), value)

    def unwraps(self, value: int) -> Ran:
        return self.do(abi.selector("withdraw(uint256)") + value.to_bytes(32))

    def coins(self, who: bytes) -> int:
        account = self.chain.accounts.get(who)
        return 0 if account is None else account.balance

    def asked(self, way: str, caller: bytes, value: int) -> Any:
        told = {"owner_address": caller.hex(), "contract_address": self.contract.hex()}
        more = {"data": abi.selector("deposit()").hex(), "call_value": value}
        return calls.of_head(self.chain)[way]({**told, **more})


@pytest.fixture
def wrapper(tmp_path: Path) -> Iterator[Wrapper]:
    now_ms = 1_700_000_000_000
    journal = Journal.open(tmp_path / "j", GENESIS, now_ms, faucet.ADDRESS, solid_after=3)
    yield Wrapper(journal)
    again = Journal.open(tmp_path / "j", GENESIS, 0, faucet.ADDRESS, solid_after=3).chain
    assert again.head.id == journal.chain.head.id
    assert _balances(again) == _balances(journal.chain)


def _balances(chain: Chain) -> dict[bytes, int]:
    return {who: account.balance for who, account in chain.accounts.items()}


def test_coins_go_with_a_call_and_come_back_by_another(wrapper: Wrapper) -> None:
    before = wrapper.coins(faucet.ADDRESS)
    ran = wrapper.wraps(5 * TRX)
    assert (ran.result, ran.passed) == ("SUCCESS", ())
    assert wrapper.coins(wrapper.contract) == 5 * TRX
    burned = ran.burned
    ran = wrapper.unwraps(2 * TRX)
    assert ran.passed == ((wrapper.contract, faucet.ADDRESS, 2 * TRX, False),)
    burned += ran.burned
    assert wrapper.coins(wrapper.contract) == 3 * TRX
    lost = before - wrapper.coins(faucet.ADDRESS)
    assert lost == 3 * TRX + burned + _sizes(wrapper)
    (shown,) = _info(wrapper)["internal_transactions"]
    assert shown == {
        "caller_address": wrapper.contract.hex(),
        "transferTo_address": faucet.ADDRESS.hex(),
        "callValueInfo": [{"callValue": 2 * TRX}],
        "note": CALL,
    }


def test_what_fails_gives_the_coins_back(wrapper: Wrapper) -> None:
    wrapper.wraps(TRX)
    ran = wrapper.do(abi.selector("withdraw(uint256)") + (1).to_bytes(32), TRX)
    assert (ran.result, ran.passed) == ("REVERT", ())
    assert wrapper.coins(wrapper.contract) == TRX


def test_a_contract_pays_who_was_no_account(wrapper: Wrapper) -> None:
    """A forwarder of 27 bytes of code passes all that it gets on to an address."""
    payee = b"\x09" * 20
    code = (
        bytes.fromhex("600080808034") + b"\x73" + payee + bytes.fromhex("5af115602457005b600080fd")
    )
    creates = bytes.fromhex(f"60{len(code):02x}600c60003960{len(code):02x}6000f3") + code
    body = wire.Creation(faucet.ADDRESS, faucet.ADDRESS, creates, 0, 100, "F", 10**7)
    wrapper.contract = contracts.address_of(faucet.send(wrapper.chain, body), faucet.ADDRESS)
    wrapper.journal.mine(1)
    ran = wrapper.do(b"", 7)
    assert ran.result == "SUCCESS", ran
    assert wrapper.coins(b"\x41" + payee) == 7
    first = ran.energy
    assert first - wrapper.do(b"", 7).energy == 25_000
    assert wrapper.coins(b"\x41" + payee) == 14


def test_a_block_takes_coins_with_it(wrapper: Wrapper) -> None:
    wrapper.wraps(TRX)
    wrapper.journal.reorganise(1)
    assert wrapper.coins(wrapper.contract) == 0
    wrapper.journal.mine(1)
    assert wrapper.coins(wrapper.contract) == TRX


def test_nobody_gives_what_he_has_not(wrapper: Wrapper) -> None:
    stranger = b"\x41" + b"\x08" * 20
    before = _balances(wrapper.chain)
    rich = wrapper.coins(faucet.ADDRESS)
    with pytest.raises(Refused, match="balance is not sufficient"):
        wrapper.wraps(rich + 1)
    for way in ("triggerconstantcontract", "estimateenergy"):
        said = wrapper.asked(way, stranger, 1)["result"]
        assert said["code"] == "CONTRACT_VALIDATE_ERROR"
        assert b"balance is not sufficient" in bytes.fromhex(said["message"])
    assert wrapper.asked("estimateenergy", faucet.ADDRESS, TRX)["result"] == {"result": True}
    assert _balances(wrapper.chain) == before


def test_what_goes_with_a_call_pays_for_no_energy(wrapper: Wrapper) -> None:
    """The rest of the balance bounds energy; what a stake gives comes on top."""
    poor = b"\x41" + b"\x06" * 20
    chain = wrapper.chain
    sent = faucet.send(chain, wire.Trigger(faucet.ADDRESS, wrapper.contract, 0, b"", 0))
    world = chain.world_after(chain.head)
    world.accounts[poor] = rules.Account(TRX, 0)
    asked = Call(poor[1:], wrapper.contract[1:], abi.selector("deposit()"), value=TRX)
    ran = contracts._run(sent, asked, world, chain.moment).ran
    assert ran is not None and (ran.result, ran.burned) == ("OUT_OF_ENERGY", 0)
    assert world.accounts[poor].balance == TRX


def _sizes(wrapper: Wrapper) -> int:
    """Sun that the sizes of the last two blocks' transactions burned."""
    return sum(one.receipt.net_fee for block in wrapper.chain.blocks[-2:] for one in block.included)


def _info(wrapper: Wrapper) -> Any:
    block = wrapper.chain.head
    return views.info(block, block.included[0])
