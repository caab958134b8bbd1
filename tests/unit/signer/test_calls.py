"""Calls of contracts that the policy describes, and allowances, at the real signer with the real
codecs: what was agreed to is what the bytes do, and what it takes is counted."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from chains.costs import CostKind, costs_in
from chains.effects import Allow, Asked, Call, Pay
from chains.evm import build, erc20
from chains.evm.calling import calling_of
from chains.model import Address, AssetId, NetworkId, UnsignedTx
from signer.wire import Action, Mandate
from tests.support.rows import ROUTER, contract_row, token_row
from tests.support.signer import (
    ADA,
    BOB,
    CALLER,
    Bench,
    agreed,
    is_repetition,
    outcome_word,
    paying,
    policy_document,
    rule,
    sign_policy,
    window,
)

LOCAL = "ethereum-local"
NETWORK = NetworkId("eip155:31337")
NATIVE = f"{NETWORK}/slip44:60"
ROW = token_row(NETWORK)
TOKEN = Address(ROW["id"].rpartition(":")[2])
ASSET = erc20.asset_of(NETWORK, TOKEN)
CONTRACT = Address(ROUTER)
OTHER = Address("0x3535353535353535353535353535353535353535")
DAY = 24 * 3600
FEES = window(NATIVE, DAY, 10**18)
CALLS = rule("calls", actions=["call", "allow"], windows=[window(ASSET, DAY, 100), FEES])


def document(*rules: dict[str, Any], version: int = 1, **changes: Any) -> bytes:
    rows = {"assets": [ROW], "contracts": [contract_row(NETWORK)]}
    return policy_document(*(rules or (CALLS,)), version=version, **{**rows, **changes})


class Scene(Bench):
    def __init__(self, folder: Path, *rules: dict[str, Any], **changes: Any) -> None:
        super().__init__(folder, document=document(*rules, **changes), scripted=False)

    def swap(self, units: int = 60, path: Sequence[Address] = (TOKEN, OTHER), **more: Any) -> Call:
        asked = {
            "amountIn": str(units),
            "amountOutMin": "1",
            "path": list(path),
            "to": self.address(),
            "deadline": "1772626000",
        }
        codec = self.session.guard.in_force.catalogue.codec(NETWORK)
        found = codec.call_of(CONTRACT, "swapExactTokensForTokens", asked | more, 0)
        assert isinstance(found, Call)
        return found

    def agree(self, effect: Asked, **changes: Any) -> Mandate:
        action = {Call: Action.CALL, Allow: Action.ALLOW, Pay: Action.TRANSFER}[type(effect)]
        plain: dict[str, Any] = {
            "effects": (effect,),
            "action": action,
            "costs_max": costs_in(self.network(LOCAL).native.id, {CostKind.FEE: 10**15}),
        }
        return self.mandate(**plain | changes)

    def tx(self, effect: Asked, **fields: Any) -> UnsignedTx:
        network = self.network(LOCAL)
        called = calling_of(network).of(effect, None)
        plain = build.transfer(
            network,
            nonce=fields.pop("nonce", 0),
            to=fields.pop("to", called.to),
            value=fields.pop("value", called.value),
            gas=300_000,
            fee_per_gas_max=10**9,
            priority_fee=0,
            data=fields.pop("data", called.data),
        )
        return UnsignedTx(network.id, build.encode_unsigned(plain), self.address())

    def do(self, effect: Asked, transfer: str = "t1", **fields: Any) -> Any:
        """Agreed to, and in bytes as they follow from it, but for `fields`."""
        mandate = self.agree(effect, transfer=transfer)
        return self.sign(paying(agreed(mandate), tx=self.tx(effect, **fields)))


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path / "s")


def test_a_described_call_is_signed_and_recorded_with_what_it_takes(scene: Scene) -> None:
    call = scene.swap()
    assert call.moves == ((ASSET, 60),)
    first = scene.do(call)
    assert outcome_word(first) == "signed"
    (record,) = [each for each in scene.log() if each["kind"] == "signed"]
    assert f'"moves":[["{ASSET}","60"]]' in json.dumps(record, separators=(",", ":")).replace(
        "\\", ""
    )
    assert {asset for asset, _, _ in record["spends"]} == {ASSET, NATIVE}
    scene.restart()
    assert is_repetition(scene.do(call), first)


def test_what_it_takes_counts_in_the_windows_of_the_token(scene: Scene) -> None:
    assert outcome_word(scene.do(scene.swap(60))) == "signed"
    assert outcome_word(scene.do(scene.swap(41), "t2", nonce=1)) == "denied/window-amount"
    assert outcome_word(scene.do(scene.swap(40), "t3", nonce=2)) == "signed"
    allow = Allow(CONTRACT, ASSET, 1, None)
    assert outcome_word(scene.do(allow, "t4", nonce=3)) == "denied/window-amount"


def test_and_in_the_limits_of_one_transfer(tmp_path: Path) -> None:
    limits = [{"asset": ASSET, "amount": "50"}, {"asset": NATIVE, "amount": "5"}]
    scene = Scene(tmp_path / "s", rule("r", actions=["call"], per_transfer=limits, windows=[
        FEES, window(ASSET, DAY, 10**18)]))  # fmt: skip
    assert outcome_word(scene.do(scene.swap(51))) == "denied/amount-limit"
    assert outcome_word(scene.do(scene.swap(50))) == "signed"
    deposit = Call(CONTRACT, "deposit()", (), 6)
    assert outcome_word(scene.do(deposit, "t2", nonce=1)) == "denied/amount-limit"
    assert outcome_word(scene.do(replace(deposit, value=5), "t3", nonce=1)) == "signed"


def test_a_mandate_that_says_otherwise_what_is_taken_is_another(scene: Scene) -> None:
    """Else a hostile custody would leave it out, and no window saw the token go."""
    call = scene.swap()
    other = scene.network(LOCAL).native.id
    lies: tuple[tuple[tuple[AssetId, int], ...], ...] = ((), ((ASSET, 1),), ((other, 60),))
    for moves in lies:
        lie = replace(call, moves=moves)
        outcome = scene.sign(paying(agreed(scene.agree(lie)), tx=scene.tx(call)))
        assert outcome_word(outcome) in ("mismatch/terms", "malformed/call_unknown")
    assert outcome_word(scene.do(call)) == "signed"


def test_nor_is_it_considered_without_a_transaction(scene: Scene) -> None:
    lie = replace(scene.swap(), moves=())
    (opinion,) = scene.session.signer.consider(CALLER, [agreed(scene.agree(lie))])
    assert outcome_word(opinion) == "malformed/call_unknown"


def test_other_arguments_than_agreed_to(scene: Scene) -> None:
    call = scene.swap()
    for other in (
        scene.swap(61),
        scene.swap(to=OTHER),
        scene.swap(amountOutMin="0"),
        scene.swap(path=[TOKEN, TOKEN]),
    ):
        outcome = scene.sign(paying(agreed(scene.agree(call)), tx=scene.tx(other)))
        assert outcome_word(outcome) == "mismatch/terms"


LIES: dict[str, dict[str, Any]] = {
    "coins with what takes none": {"value": 1},
    "a contract that nobody described": {"to": OTHER},
    "the token instead": {"to": TOKEN},
    "a word behind it": {"more": bytes(32)},
    "a function that nobody described": {"data": b"\xde\xad\xbe\xef"},
}


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES)
def test_what_has_no_words_is_unexplained(scene: Scene, lie: dict[str, Any]) -> None:
    call, fields = scene.swap(), dict(lie)
    if "more" in fields:
        fields["data"] = calling_of(scene.network(LOCAL)).of(call, None).data + fields.pop("more")
    assert outcome_word(scene.do(call, **fields)) == "unexplained/transaction"
    assert outcome_word(scene.do(call)) == "signed"


def test_another_contract_under_the_words_of_a_described_one(tmp_path: Path) -> None:
    """A look-alike router with a description of its own is another contract."""
    rows = [contract_row(NETWORK), contract_row(NETWORK, OTHER, name="Look-alike")]
    scene = Scene(tmp_path / "s", contracts=rows)
    call = scene.swap()
    assert outcome_word(scene.do(call, to=OTHER)) == "mismatch/terms"
    assert outcome_word(scene.do(call)) == "signed"


def test_it_is_described_by_the_policy_in_force_and_by_none_before(scene: Scene) -> None:
    call = scene.swap()
    mandate, tx = scene.agree(call), scene.tx(call)
    scene.session.publisher.publish(sign_policy(document(version=2, contracts=[])))
    assert outcome_word(scene.sign(paying(agreed(mandate), tx=tx))) == "unexplained/transaction"
    functions = contract_row(NETWORK)["functions"]
    paid, got, *rest = functions[0]["abi"]["inputs"]
    names = [paid | {"name": got["name"]}, got | {"name": paid["name"]}, *rest]
    renamed = functions[0]["abi"] | {"inputs": names}
    row = contract_row(NETWORK, functions=[{**functions[0], "abi": renamed}])
    scene.session.publisher.publish(sign_policy(document(version=3, contracts=[row])))
    assert outcome_word(scene.sign(paying(agreed(mandate), tx=tx))) == "mismatch/terms"
    scene.session.publisher.publish(sign_policy(document(version=4)))
    assert outcome_word(scene.sign(paying(agreed(mandate), tx=tx))) == "signed"


def test_an_allowance_is_signed_as_it_was_agreed_to(scene: Scene) -> None:
    allow = Allow(CONTRACT, ASSET, 70, None)
    assert outcome_word(scene.do(allow, data=_approve(scene, 71))) == "mismatch/terms"
    assert outcome_word(scene.do(allow, data=_increase(scene, allow))) == "unexplained/transaction"
    paid = Pay(CONTRACT, ASSET, 70)
    outcome = scene.sign(paying(agreed(scene.agree(allow)), tx=scene.tx(paid)))
    assert outcome_word(outcome) == "mismatch/kind"
    assert outcome_word(scene.do(allow)) == "signed"
    assert outcome_word(scene.do(Allow(CONTRACT, ASSET, 31, None), "t2", nonce=1)) == (
        "denied/window-amount"
    )


def _approve(scene: Scene, units: int) -> bytes:
    return calling_of(scene.network(LOCAL)).of(Allow(CONTRACT, ASSET, units, None), None).data


def _increase(scene: Scene, allow: Allow) -> bytes:
    """As much more: with what is allowed already it would be more than was agreed to."""
    assert allow.amount is not None
    return bytes.fromhex("39509351") + _approve(scene, allow.amount)[4:]


def test_an_allowance_without_end_passes_no_limit_and_no_window(tmp_path: Path) -> None:
    endless = Allow(CONTRACT, ASSET, None, None)
    scene = Scene(tmp_path / "s")
    assert outcome_word(scene.do(endless)) == "denied/window-amount"
    per_transfer = [{"asset": ASSET, "amount": str(2**256 - 1)}]
    most = Scene(tmp_path / "m", rule("r", actions=["allow"], per_transfer=per_transfer))
    assert outcome_word(most.do(endless)) == "denied/amount-limit"


def test_an_allowance_of_what_is_not_listed(scene: Scene) -> None:
    allow = Allow(CONTRACT, erc20.asset_of(NETWORK, OTHER), 1, None)
    data = _approve(scene, 1)
    outcome = scene.sign(
        paying(
            agreed(scene.agree(allow)),
            tx=scene.tx(Allow(CONTRACT, ASSET, 1, None), to=OTHER, data=data),
        )
    )
    assert outcome_word(outcome) == "malformed/call_unknown"


def test_approvers_sign_what_it_takes(tmp_path: Path) -> None:
    needs = rule("r", actions=["call"], needs=[("treasury", 2)])
    scene = Scene(tmp_path / "s", needs)
    call = scene.swap()
    mandate = scene.agree(call)
    assert b'"moves":[["' in mandate.canonical
    assert outcome_word(scene.sign(paying(agreed(mandate, ADA), tx=scene.tx(call)))) == (
        "needs-approvals/approvals"
    )
    assert (
        outcome_word(scene.sign(paying(agreed(mandate, ADA, BOB), tx=scene.tx(call)))) == "signed"
    )
