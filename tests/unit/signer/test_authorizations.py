"""Payments that anybody may submit, at the real signer, by the rules of ADR 0090: what a hostile
custody asks for beside and instead of them, and instead of what carries them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from chains.costs import CostKind, costs_in
from chains.effects import Call, Pay
from chains.evm import UINT256_MAX, build, carrying, erc20, permits
from chains.evm.permits import Authorization, Domain, Kind, Permit, Typed
from chains.families import CODECS
from chains.model import Address, NetworkId, UnsignedTx
from signer.wire import Action, Mandate, Receipt
from tests.support.rows import token_row
from tests.support.signer import (
    NOON,
    Bench,
    agreed,
    calling_off,
    is_repetition,
    outcome_word,
    paying,
    policy_document,
    rule,
    sign_policy,
    window,
)

LOCAL, BSC = "ethereum-local", "bsc-local"
CHAIN_ID = 31337
CONTRACT = Address("0x52908400098527886E0F7030069857D2E4169EE7")
UNSIGNED = Address("0x5FbDB2315678afecb367f032d93F642f64180aa3")
"""A listed token whose holders can't sign, as USDT."""
PAYEE = Address("0x3535353535353535353535353535353535353535")
THIEF = Address("0x70997970C51812dc3A010C7d01b50e0d17dc79C8")
DOMAIN = Domain("A dollar", "2", CHAIN_ID, CONTRACT)
NETWORK = NetworkId(f"eip155:{CHAIN_ID}")
NATIVE = f"{NETWORK}/slip44:60"
TOKEN = erc20.asset_of(NETWORK, CONTRACT)
NONCE = bytes(31) + b"\7"
AMOUNT = 60
DAY = 24 * 3600
TWICE = "conflict/both-could-confirm"
UNREAD = "unexplained/transaction"


def document(version: int = 1, *rules: dict[str, Any], limit: int = 10**12) -> bytes:
    """`rules`: in place of one that pays tokens and one that has the house's vault call."""
    signs = {"domain_name": DOMAIN.name, "domain_version": DOMAIN.version}
    rows = [
        token_row(NETWORK, traits=["eip-2612", "eip-3009"], **signs),
        token_row(id=erc20.asset_of(NETWORK, UNSIGNED), symbol="USDT"),
    ]
    fees = window(NATIVE, DAY, 10**18)
    usual = (
        rule("pays", windows=[window(TOKEN, DAY, limit), fees]),
        rule("carries", actions=["call"], vaults=["v2"], windows=[fees]),
    )
    return policy_document(*(rules or usual), version=version, assets=rows)


def make(network: Any) -> Any:
    """As they ship."""
    return CODECS[network.family](network)


class Scene(Bench):
    def __init__(self, folder: Path, *rules: dict[str, Any], limit: int = 10**12) -> None:
        super().__init__(folder, document=document(1, *rules, limit=limit), make=make)

    @property
    def payer(self) -> Address:
        return self.address()

    def agree(self, transfer: str = "t1", **changes: Any) -> Mandate:
        """Asked for at noon, whatever the time."""
        plain: dict[str, Any] = {
            "effects": (Pay(PAYEE, TOKEN, AMOUNT),),
            "requested_at": NOON,
            "fee_max": 10**15,
        }
        return self.mandate(transfer=transfer, **plain | changes)

    def typed(self, kind: Kind = Kind.TRANSFER, domain: Domain = DOMAIN, **changes: Any) -> Typed:
        before = int(self.clock.now.timestamp()) + 600
        plain = Authorization(self.payer, PAYEE, AMOUNT, 0, before, NONCE)
        return Typed(kind, domain, replace(plain, **changes))

    def bytes_of(self, typed: Typed, **changes: Any) -> UnsignedTx:
        plain = UnsignedTx(self.network(LOCAL).id, typed.payload, typed.signer)
        return replace(plain, **changes)

    def authorize(self, mandate: Mandate, typed: Typed) -> Any:
        return self.sign(paying(agreed(mandate), tx=self.bytes_of(typed)))

    def ordinary(self, data: bytes, sender: Address, to: Address = CONTRACT, **fields: Any) -> Any:
        plain = build.transfer(
            self.network(LOCAL),
            nonce=fields.pop("nonce", 0),
            to=to,
            value=fields.pop("value", 0),
            gas=100_000,
            fee_per_gas_max=10**9,
            priority_fee=0,
            data=data,
        )
        return UnsignedTx(self.network(LOCAL).id, build.encode_unsigned(plain), sender)


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path / "s")


def signature_of(receipt: Any) -> bytes:
    assert isinstance(receipt, Receipt), receipt
    (signature,) = receipt.signatures
    return signature.signature


# What is signed


def test_a_payment_that_was_agreed_to_is_signed_and_recorded(scene: Scene) -> None:
    typed = scene.typed()
    signature = signature_of(scene.authorize(scene.agree(), typed))
    assert permits.submitted(DOMAIN, permits.call(typed, signature)) == (typed, signature)
    (record,) = [each for each in scene.log() if each["kind"] == "signed"]
    assert bytes.fromhex(record["payload"]) == typed.payload
    assert (record["binding"], record["transfer"]) == ([], "t1")


def test_what_only_its_payee_can_submit_is_never_signed(scene: Scene) -> None:
    assert outcome_word(scene.authorize(scene.agree(), scene.typed(Kind.RECEIVE))) == UNREAD
    assert [each for each in scene.log() if each["kind"] == "signed"] == []


def test_the_same_again_is_the_same_signature_whenever(scene: Scene) -> None:
    """After a lost reply, a crash, and when it is over: it must be assumed to be out."""
    mandate, typed = scene.agree(), scene.typed()
    first = scene.authorize(mandate, typed)
    assert is_repetition(scene.authorize(mandate, typed), first)
    scene.restart()
    scene.clock.advance(3 * 3600)
    assert is_repetition(scene.authorize(mandate, typed), first)
    assert len([each for each in scene.log() if each["kind"] == "signed"]) == 1


# Paid twice


def transfer_of(scene: Scene, nonce: int = 0) -> UnsignedTx:
    return scene.ordinary(erc20.transfer(PAYEE, AMOUNT), scene.payer, nonce=nonce)


AGAIN: dict[str, Callable[[Scene], UnsignedTx]] = {
    "an ordinary transfer": transfer_of,
    "another nonce": lambda scene: scene.bytes_of(scene.typed(nonce=bytes(32))),
    "the same nonce, good for longer": lambda scene: scene.bytes_of(
        scene.typed(before=int(scene.clock.now.timestamp()) + 900)
    ),
}


@pytest.mark.parametrize("again", AGAIN.values(), ids=AGAIN)
@pytest.mark.parametrize("later_h", [0, 48])
def test_a_transfer_gets_one_for_ever(
    scene: Scene, again: Callable[[Scene], UnsignedTx], later_h: int
) -> None:
    """Also when it is long over, also under new terms, also after a crash: the signer knows no
    chain, and what was submitted unseen would be paid twice."""
    assert outcome_word(scene.authorize(scene.agree(), scene.typed())) == "signed"
    scene.restart()
    scene.clock.advance(later_h * 3600)
    for version in (1, 2):
        mandate = scene.agree(version=version, offered_at=scene.clock.now)
        outcome = scene.sign(paying(agreed(mandate), tx=again(scene)))
        assert outcome_word(outcome) == TWICE


def test_nor_does_one_get_it_after_an_ordinary_transaction(scene: Scene) -> None:
    mandate = scene.agree()
    assert outcome_word(scene.sign(paying(agreed(mandate), tx=transfer_of(scene)))) == "signed"
    assert outcome_word(scene.authorize(mandate, scene.typed())) == TWICE


def test_one_signature_serves_one_transfer(scene: Scene) -> None:
    assert outcome_word(scene.authorize(scene.agree(), scene.typed())) == "signed"
    assert outcome_word(scene.authorize(scene.agree("t2"), scene.typed())) == "conflict/another-set"


def test_it_is_not_called_off_by_a_transaction_that_shares_nothing(scene: Scene) -> None:
    mandate = scene.agree()
    assert outcome_word(scene.authorize(mandate, scene.typed())) == "signed"
    nothing = scene.ordinary(b"", scene.payer, to=scene.payer)
    assert outcome_word(scene.sign(calling_off(mandate, tx=nothing))) == TWICE


def test_it_takes_of_the_windows_as_a_payment_does(tmp_path: Path) -> None:
    scene = Scene(tmp_path / "s", limit=100)
    assert outcome_word(scene.authorize(scene.agree(), scene.typed())) == "signed"
    other = scene.typed(nonce=bytes(32))
    assert outcome_word(scene.authorize(scene.agree("t2"), other)).startswith("denied/")
    ordinary = scene.sign(paying(agreed(scene.agree("t3")), tx=transfer_of(scene)))
    assert outcome_word(ordinary).startswith("denied/")


# What was not agreed to


def other_vault(scene: Scene) -> UnsignedTx:
    return scene.bytes_of(scene.typed(payer=scene.address(vault="v2")))


def in_domain(**changes: Any) -> Callable[[Scene], UnsignedTx]:
    return lambda scene: scene.bytes_of(scene.typed(domain=replace(DOMAIN, **changes)))


def saying(**changes: Any) -> Callable[[Scene], UnsignedTx]:
    return lambda scene: scene.bytes_of(scene.typed(**changes))


def lasting(seconds: int) -> Callable[[Scene], UnsignedTx]:
    def made(scene: Scene) -> UnsignedTx:
        return scene.bytes_of(scene.typed(before=int(scene.clock.now.timestamp()) + seconds))

    return made


def permitting(scene: Scene) -> UnsignedTx:
    allows = Permit(scene.payer, THIEF, AMOUNT, 0, int(scene.clock.now.timestamp()) + 600)
    return scene.bytes_of(Typed(Kind.PERMIT, DOMAIN, allows))


LIES: dict[str, tuple[Callable[[Scene], UnsignedTx], str]] = {
    "another payee": (saying(payee=THIEF), "mismatch/destination"),
    "another amount": (saying(units=AMOUNT + 1), "mismatch/amount"),
    "nothing": (saying(units=0), "unexplained/transaction"),
    "another vault's money": (other_vault, "mismatch/source"),
    "a stranger's": (saying(payer=THIEF), "mismatch/source"),
    "a domain of another name": (in_domain(name="B dollar"), "unexplained/transaction"),
    "a domain of another version": (in_domain(version="1"), "unexplained/transaction"),
    "the main network": (in_domain(chain_id=1), "unexplained/transaction"),
    "another local network": (in_domain(chain_id=31338), "unexplained/transaction"),
    "a contract that nobody listed": (in_domain(contract=THIEF), "unexplained/transaction"),
    "a token without the trait": (in_domain(contract=UNSIGNED), "unexplained/transaction"),
    "good for ever": (saying(before=UINT256_MAX), "malformed/lifetime"),
    "good for a second too long": (lasting(3602), "malformed/lifetime"),
    "over": (lasting(0), "malformed/lifetime"),
    "good only later": (saying(after=1), "unexplained/transaction"),
    "an allowance": (permitting, "unexplained/transaction"),
    "another signer named": (
        lambda scene: scene.bytes_of(scene.typed(), sender=THIEF),
        "malformed/transaction_malformed",
    ),
    "no signer named": (
        lambda scene: scene.bytes_of(scene.typed(), sender=None),
        "malformed/transaction_malformed",
    ),
    "another network named": (
        lambda scene: scene.bytes_of(scene.typed(), network=scene.network(BSC).id),
        "malformed/transaction_malformed",
    ),
    "another spelling": (
        lambda scene: scene.bytes_of(scene.typed(), payload=scene.typed().payload + b" "),
        "malformed/transaction_malformed",
    ),
    "its hash": (
        lambda scene: scene.bytes_of(scene.typed(), payload=b"\x19\x01" + bytes(64)),
        "malformed/transaction_malformed",
    ),
}


@pytest.mark.parametrize(("made", "refused"), LIES.values(), ids=LIES)
def test_a_lie_is_refused_and_the_truth_still_signed(
    scene: Scene, made: Callable[[Scene], UnsignedTx], refused: str
) -> None:
    mandate = scene.agree()
    assert outcome_word(scene.sign(paying(agreed(mandate), tx=made(scene)))) == refused
    assert outcome_word(scene.authorize(mandate, scene.typed())) == "signed"


# Who carries it


@dataclass
class Carrier:
    """The house's vault, and an authorization that the signer made."""

    scene: Scene
    typed: Typed
    data: bytes

    @property
    def call(self) -> Call:
        return carrying.words(self.typed, self.data[-64:] + bytes([self.data[-65] - 27]))

    @property
    def house(self) -> Address:
        return self.scene.address(vault="v2")

    def mandate(self, call: Call | None = None, **changes: Any) -> Mandate:
        native = self.scene.network(LOCAL).native.id
        plain: dict[str, Any] = {
            "transfer": "c1",
            "client": "c2",
            "source": "v2",
            "action": Action.CALL,
            "effects": (call or self.call,),
            "costs_max": costs_in(native, {CostKind.FEE: 10**15}),
        }
        return self.scene.mandate(**plain | changes)

    def carry(self, mandate: Mandate, data: bytes | None = None, **changes: Any) -> Any:
        data = self.data if data is None else data
        tx = self.scene.ordinary(data, changes.pop("sender", self.house), **changes)
        return self.scene.sign(paying(agreed(mandate), tx=tx))


def carrier_of(scene: Scene) -> Carrier:
    typed = scene.typed()
    signature = signature_of(scene.authorize(scene.agree(), typed))
    return Carrier(scene, typed, permits.call(typed, signature))


@pytest.fixture
def carrier(scene: Scene) -> Carrier:
    return carrier_of(scene)


def test_the_house_carries_what_another_vault_signed(carrier: Carrier) -> None:
    assert outcome_word(carrier.carry(carrier.mandate())) == "signed"
    (call,) = [each for each in carrier.scene.log() if each.get("transfer") == "c1"]
    assert {asset for asset, _, _ in call["spends"]} == {NATIVE}


def test_it_may_be_replaced_and_cancelled_as_every_transaction(carrier: Carrier) -> None:
    """That says nothing of what it carries: its transfer still gets nothing else."""
    mandate, scene = carrier.mandate(), carrier.scene
    assert outcome_word(carrier.carry(mandate)) == "signed"
    nothing = scene.ordinary(b"", carrier.house, to=carrier.house)
    assert outcome_word(scene.sign(calling_off(mandate, tx=nothing))) == "signed"
    assert outcome_word(carrier.carry(mandate, nonce=1)) == TWICE
    again = paying(agreed(scene.agree()), tx=transfer_of(scene))
    assert outcome_word(scene.sign(again)) == TWICE


def test_a_rule_must_say_so(tmp_path: Path) -> None:
    carrier = carrier_of(Scene(tmp_path / "s", rule("pays")))
    assert outcome_word(carrier.carry(carrier.mandate())) == "denied/no-rule"


def test_a_payment_of_the_house_is_not_done_by_moving_anothers_money(carrier: Carrier) -> None:
    mandate = carrier.mandate(action=Action.TRANSFER, effects=(Pay(PAYEE, TOKEN, AMOUNT),))
    assert outcome_word(carrier.carry(mandate)) == "mismatch/kind"


def test_a_call_is_not_done_by_paying_from_the_house(carrier: Carrier) -> None:
    outcome = carrier.carry(carrier.mandate(), erc20.transfer(PAYEE, AMOUNT))
    assert outcome_word(outcome) == "mismatch/kind"


def test_what_is_carried_is_what_was_agreed_to(carrier: Carrier) -> None:
    """To the last argument, which is the payer's signature."""
    said = dict(carrier.call.arguments)
    for name, value in {"value": "61", "s": "0x" + "11" * 32, "validBefore": "9"}.items():
        other = replace(carrier.call, arguments=tuple((said | {name: value}).items()))
        assert outcome_word(carrier.carry(carrier.mandate(other))) == "mismatch/terms"


BENT: dict[str, tuple[Callable[[Carrier], bytes], dict[str, Any]]] = {
    "a payee more": (lambda c: c.data[:50] + b"\1" + c.data[51:], {}),
    "bytes behind it": (lambda c: c.data + bytes(32), {}),
    "another's signature": (lambda c: c.data[:-64] + bytes(31) + b"\1" + c.data[-32:], {}),
    "to be received": (lambda c: b"\xef\x55\xbe\xc6" + c.data[4:], {}),
    "coins with it": (lambda c: c.data, {"value": 1}),
    "to another contract": (lambda c: c.data, {"to": UNSIGNED}),
}


@pytest.mark.parametrize(("data", "fields"), BENT.values(), ids=BENT)
def test_bent_calldata_has_no_words(
    carrier: Carrier, data: Callable[[Carrier], bytes], fields: dict[str, Any]
) -> None:
    outcome = carrier.carry(carrier.mandate(), data(carrier), **fields)
    assert outcome_word(outcome) == "unexplained/transaction"
    assert outcome_word(carrier.carry(carrier.mandate())) == "signed"


def test_nobody_carries_his_own(carrier: Carrier) -> None:
    """It would be money that leaves by the name of a call, and no window of its asset knew it."""
    scene = carrier.scene
    version = scene.session.guard.in_force.version + 1
    anything = document(version, rule("any", actions=["transfer", "call"]))
    scene.session.publisher.publish(sign_policy(anything))
    mandate = scene.mandate(
        transfer="c2", action=Action.CALL, effects=(carrier.call,), fee_max=10**15
    )
    outcome = carrier.carry(mandate, sender=scene.payer)
    assert outcome_word(outcome) == "unexplained/transaction"
