"""Contracts of the local chain, without HTTP: energy, who pays it, how they end, and that a block
takes with it what its contracts did. Sources: java-tron as named in `tron_server`."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from coincurve import PrivateKey

from chains import abi
from chains.devnet import token_code
from chains.devnet.tron_server import calls, contracts, faucet, rules, wire
from chains.devnet.tron_server.chain import Chain, Included, Journal
from chains.devnet.tron_server.rules import Ran, Refused
from chains.tron import address
from chains.tron import tron_pb2 as pb
from tests.support.tron_tokens import bytecode

GENESIS = bytes(8) + b"\x07" * 24
SOLID_AFTER = 3
KEY = PrivateKey(b"\x05" * 32)
OWNER = address.to_bytes(address.from_public_key(KEY.public_key.format()))
PAYEE = b"\x41" + b"\x09" * 20
TRX = 10**6
PRICE = rules.PARAMETERS["getEnergyFee"]
NEW_HOLDER = 28_546
HOLDER = 13_546
"""Energy of a transfer: they differ by what SSTORE costs where nothing was."""


class Token:
    """Of the faucet's, and what OWNER does with it."""

    def __init__(self, journal: Journal, code: bytes) -> None:
        self.chain, self.journal = journal.chain, journal
        body = wire.Creation(faucet.ADDRESS, faucet.ADDRESS, code, 0, 100, "T", 10**7)
        sent = faucet.send(self.chain, body)
        journal.mine(1)
        self.made = self.found(sent)
        self.contract = contracts.address_of(sent, faucet.ADDRESS)

    def found(self, sent: wire.Transaction) -> Included:
        found = self.chain.find(sent.id)
        assert found is not None
        return found[1]

    def give(self, to: bytes, units: int) -> wire.Transaction:
        return faucet.send(
            self.chain,
            wire.Trigger(faucet.ADDRESS, self.contract, 0, abi.transfer(to[1:], units), 0),
        )

    def do(self, signature: str, argument: int) -> None:
        data = abi.selector(signature) + argument.to_bytes(32)
        sent = faucet.send(self.chain, wire.Trigger(faucet.ADDRESS, self.contract, 0, data, 0))
        self.journal.mine(1)
        assert self.found(sent).receipt.result == "SUCCESS"

    def signed(self, data: bytes, fee_limit: int, **more: Any) -> wire.Transaction:
        """A call by OWNER, made by the generated protobuf module."""
        call = pb.TriggerSmartContract(
            owner_address=OWNER, contract_address=self.contract, data=data, **more
        )
        made = wire.write(
            wire.Trigger(OWNER, self.contract, 0, data, 0),
            self.chain.solid.number.to_bytes(8)[6:],
            self.chain.solid.id[8:16],
            self.chain.head.timestamp_ms + 60_000,
            self.chain.head.timestamp_ms,
            fee_limit,
        )
        raw = pb.RawData.FromString(made)
        raw.contract[0].parameter.value = call.SerializeToString()
        payload = raw.SerializeToString(deterministic=True)
        assert more or payload == made
        signature = KEY.sign_recoverable(sha256(payload).digest(), hasher=None)
        message = pb.Transaction(raw_data=payload, signature=[signature])
        return wire.read_transaction(message.SerializeToString())

    def pays(self, units: int, fee_limit: int, to: bytes = PAYEE) -> Included:
        sent = self.signed(abi.transfer(to[1:], units), fee_limit)
        self.chain.submit(sent)
        self.journal.mine(1)
        return self.found(sent)

    def has(self, who: bytes, *, solid: bool = False) -> int:
        answer = self.ask(abi.balance_of(who[1:]), solid=solid)
        return int(answer["constant_result"][0], 16)

    def ask(self, data: bytes, *, solid: bool = False, who: bytes = OWNER) -> Any:
        methods = calls.of_solid(self.chain) if solid else calls.of_head(self.chain)
        told = {"owner_address": who.hex(), "contract_address": self.contract.hex()}
        return methods["triggerconstantcontract"]({**told, "data": data.hex()})


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    made = Journal.open(
        tmp_path / "j.jsonl", GENESIS, 1_700_000_000_000, faucet.ADDRESS, solid_after=SOLID_AFTER
    )
    faucet.pay(made.chain, OWNER, 1_000 * TRX)
    made.mine(1)
    return made


@pytest.fixture
def token(journal: Journal) -> Token:
    made = Token(journal, bytecode("dollar"))
    made.give(OWNER, 1_000)
    journal.mine(1)
    return made


def ran(included: Included) -> Ran:
    assert included.receipt.ran is not None
    return included.receipt.ran


def test_what_a_transfer_takes_is_what_the_main_network_takes(token: Token) -> None:
    """To a holder and to a new one, a few hundred below USDT's 14,650 and 29,650; what was asked
    before is what is used."""
    for energy in (NEW_HOLDER, HOLDER):
        asked = token.ask(abi.transfer(PAYEE[1:], 5))
        assert asked["energy_used"] == energy
        used = ran(token.pays(5, 100 * TRX))
        assert (used.result, used.energy, used.usage) == ("SUCCESS", energy, 0)
        assert used.burned == energy * PRICE
        assert used.output == bytes(32), "false, though it moved"
    assert (token.has(OWNER), token.has(PAYEE)) == (990, 10)


def test_who_pays_and_how_much(token: Token) -> None:
    """Stakes first, and TRX for the rest; bandwidth beside it."""
    before = token.chain.accounts[OWNER].balance
    used = token.pays(5, 100 * TRX).receipt
    assert used.fee == used.net_fee + NEW_HOLDER * PRICE
    assert token.chain.accounts[OWNER].balance == before - used.fee
    delegation = wire.Delegation(faucet.ADDRESS, 1, 2_000 * TRX, OWNER)
    faucet.send(token.chain, delegation)
    token.journal.mine(1)
    assert rules.energy_limit(token.chain.accounts[OWNER]) == 20_000
    for usage in (HOLDER, 20_000 - HOLDER, 0):
        part = ran(token.pays(5, 100 * TRX))
        # What was used comes back with time: less than a unit in a block.
        assert usage <= part.usage <= usage + 5
        assert part.burned == (HOLDER - part.usage) * PRICE


def test_the_limit_bounds_all_energy_staked_too(token: Token) -> None:
    faucet.send(token.chain, wire.Delegation(faucet.ADDRESS, 1, 10_000 * TRX, OWNER))
    token.journal.mine(1)
    short = ran(token.pays(5, (NEW_HOLDER - 1) * PRICE))
    assert (short.result, short.energy) == ("OUT_OF_ENERGY", NEW_HOLDER - 1)
    assert (short.usage, short.burned) == (NEW_HOLDER - 1, 0)
    assert ran(token.pays(5, NEW_HOLDER * PRICE)).result == "SUCCESS"


@pytest.mark.parametrize("case", ["limit", "nothing"])
def test_out_of_energy_is_in_a_block_and_costs_all_of_it(token: Token, case: str) -> None:
    limit = {"limit": 20_000, "nothing": 0}[case]
    before = token.chain.accounts[OWNER].balance
    included = token.pays(5, limit * PRICE)
    spent = ran(included)
    assert (spent.result, spent.burned, spent.logs) == ("OUT_OF_ENERGY", limit * PRICE, ())
    assert token.chain.accounts[OWNER].balance == before - included.receipt.fee
    assert (token.has(OWNER), token.has(PAYEE)) == (1_000, 0)


def test_what_an_account_has_bounds_its_energy(token: Token) -> None:
    poor = token.chain.accounts[OWNER].balance - TRX
    sent = wire.Transfer(OWNER, faucet.ADDRESS, poor)
    token.chain.submit(_transfer(token, sent))
    token.journal.mine(1)
    left = token.chain.accounts[OWNER].balance
    spent = ran(token.pays(5, 100 * TRX))
    assert spent.result == "OUT_OF_ENERGY"
    assert spent.burned <= left and token.chain.accounts[OWNER].balance < PRICE


def _transfer(token: Token, body: wire.Transfer) -> wire.Transaction:
    chain = token.chain
    raw = wire.write(
        body,
        chain.solid.number.to_bytes(8)[6:],
        chain.solid.id[8:16],
        chain.head.timestamp_ms + 60_000,
        chain.head.timestamp_ms,
    )
    signature = KEY.sign_recoverable(sha256(raw).digest(), hasher=None)
    return wire.read_transaction(wire.data(1, raw) + wire.data(2, signature))


def test_what_reverts_costs_what_it_used_and_an_assertion_costs_all(token: Token) -> None:
    """The first by a freeze, the second by more than there is."""
    spent = ran(token.pays(1_001, 3 * TRX))
    assert (spent.result, spent.burned) == ("ILLEGAL_OPERATION", 3 * TRX)
    token.do("addBlackList(address)", int.from_bytes(OWNER[1:]))
    answer = token.ask(abi.transfer(PAYEE[1:], 5))
    assert bytes.fromhex(answer["result"]["message"]) == b"REVERT opcode executed"
    assert answer["transaction"]["ret"] == [{"ret": "FAILED"}]
    reverted = ran(token.pays(5, 3 * TRX))
    assert (reverted.result, reverted.message) == ("REVERT", "REVERT opcode executed")
    assert 0 < reverted.burned < 100_000


def test_the_factor_of_a_busy_contract(token: Token) -> None:
    token.journal.set_factor(token.contract, 25_000)
    asked = token.ask(abi.transfer(PAYEE[1:], 5))
    # Rounded down where energy is charged, of which there are less than 500 in a transfer.
    assert 0 <= NEW_HOLDER * 5 // 2 - asked["energy_used"] < 500
    assert asked["energy_penalty"] == asked["energy_used"] - NEW_HOLDER
    used = ran(token.pays(5, 100 * TRX))
    assert (used.energy, used.penalty) == (asked["energy_used"], asked["energy_penalty"])
    of_head = calls.of_head(token.chain)
    state = of_head["getcontractinfo"]({"value": token.contract.hex()})["contract_state"]
    assert state == {"energy_factor": 15_000}
    estimate = {"owner_address": OWNER.hex(), "contract_address": token.contract.hex()}
    estimate |= {"function_selector": "transfer(address,uint256)"}
    estimate |= {"parameter": abi.transfer(PAYEE[1:], 5)[4:].hex()}
    energy = token.ask(abi.transfer(PAYEE[1:], 5))["energy_used"]
    assert of_head["estimateenergy"](estimate)["energy_required"] == energy


def test_a_reorganisation_takes_back_what_contracts_did(token: Token) -> None:
    kept = token.chain.head.kept
    token.pays(7, 100 * TRX)
    assert token.has(PAYEE) == 7
    token.journal.reorganise(1)
    assert token.has(PAYEE) == 0 and token.chain.head.kept == kept
    token.journal.mine(1)  # it waited again
    assert token.has(PAYEE) == 7


def test_a_contract_leaves_the_chain_with_its_block(journal: Journal) -> None:
    made = Token(journal, token_code.creation())
    assert made.has(faucet.ADDRESS) == token_code.SUPPLY
    journal.reorganise(1)
    assert "Smart contract is not exist" in _message(made.ask(b""))
    journal.mine(1)
    assert made.has(faucet.ADDRESS) == token_code.SUPPLY


def _message(answer: Any) -> str:
    return bytes.fromhex(answer["result"]["message"]).decode()


def test_the_solidified_block_answers_with_what_was_then(token: Token) -> None:
    before = token.chain.accounts[OWNER].balance
    token.journal.mine(SOLID_AFTER)
    token.pays(7, 100 * TRX)
    assert (token.has(PAYEE), token.has(PAYEE, solid=True)) == (7, 0)
    then = token.chain.world_after(token.chain.solid).accounts
    assert then[OWNER].balance == before > token.chain.accounts[OWNER].balance
    token.journal.mine(SOLID_AFTER - 1)
    assert token.has(PAYEE, solid=True) == 0
    token.journal.mine(1)
    assert token.has(PAYEE, solid=True) == 7


def test_waiting_calls_see_what_those_before_them_did(token: Token) -> None:
    first = token.signed(abi.transfer(PAYEE[1:], 600), 100 * TRX)
    token.chain.submit(first)
    second = token.signed(abi.transfer(PAYEE[1:], 500), 100 * TRX)
    token.chain.submit(second)
    token.journal.mine(1)
    assert ran(token.found(first)).result == "SUCCESS"
    assert ran(token.found(second)).result == "ILLEGAL_OPERATION"


def test_the_journal_makes_the_same_chain_again(token: Token, tmp_path: Path) -> None:
    token.pays(7, 100 * TRX)
    token.journal.set_factor(token.contract, 12_000)
    token.pays(5, 10_000 * PRICE)
    token.journal.reorganise(1)
    token.journal.mine(2)
    again = Journal.open(tmp_path / "j.jsonl", GENESIS, 0, faucet.ADDRESS, solid_after=SOLID_AFTER)
    assert again.chain.blocks == token.chain.blocks
    assert again.chain.accounts == token.chain.accounts
    assert again.chain.workshop.factors == token.chain.workshop.factors


def refused(chain: Chain, transaction: wire.Transaction) -> str:
    with pytest.raises(Refused) as caught:
        chain.submit(transaction)
    assert caught.value.code == "CONTRACT_VALIDATE_ERROR"
    return caught.value.message


def test_what_is_refused_before_it_costs_anything(token: Token) -> None:
    data, chain = abi.transfer(PAYEE[1:], 5), token.chain
    before = dict(chain.accounts)
    most = rules.PARAMETERS["getMaxFeeLimit"]
    assert "feeLimit" in refused(chain, token.signed(data, most + 1))
    assert "no TRC-10" in refused(chain, token.signed(data, TRX, call_token_value=1))
    assert "smartContract" in refused(
        chain, _transfer(token, wire.Transfer(OWNER, token.contract, 1))
    )
    token.contract = PAYEE
    assert "No contract" in refused(chain, token.signed(data, TRX))
    with pytest.raises(Refused, match="another account"):
        faucet.send(chain, wire.Delegation(faucet.ADDRESS, 1, TRX, PAYEE))
    assert chain.accounts == before


def test_a_contract_is_told_apart_and_shown(token: Token) -> None:
    shown = calls.of_head(token.chain)["getcontract"]({"value": token.contract.hex()})
    assert shown["contract_address"] == token.contract.hex()
    assert shown["origin_address"] == faucet.ADDRESS.hex()
    assert shown["bytecode"] == bytecode("dollar").hex()
    assert calls.of_head(token.chain)["getcontract"]({"value": PAYEE.hex()}) == {}
    assert ran(token.made).contract == token.contract
    assert json.dumps(token.ask(abi.DECIMALS))
