"""Bundles of calls, allowances and messages: what the bytes do is compared with what people agreed
to, what has no words here is not checked, and each attack by name is refuted."""

from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import pytest
from coincurve import PrivateKey
from custody_verify import contracts, evm, messages
from custody_verify.addresses import eip55
from custody_verify.errors import NotRead, Refuted
from custody_verify.model import Allow, Call, Pay, Transaction, parse_effect

from chains.effects import Allow as Allows
from chains.effects import Sign
from chains.evm import build, erc20
from chains.evm.calling import calling_of
from chains.families import messages_of
from chains.hashes import keccak256
from chains.messages.model import ANYBODY, Kind, Message
from chains.model import Address, NetworkId, UnsignedTx
from signer.canonical import canonical_json
from signer.wire import Action, Purpose
from tests.support import messages as said
from tests.support.evidence import House, claims_of, refuted, relogged, second_key
from tests.support.mutations import changes
from tests.support.rows import ROUTER, contract_row, token_row
from tests.support.signer import ADA, BOB, EVE, policy_document, rule, window
from tests.unit.verifier.test_mutations import FREE

PEOPLE = [ADA, BOB, EVE]
NETWORK = NetworkId("eip155:31337")
ROW = token_row(NETWORK, traits=["eip-2612"], domain_name="A dollar", domain_version="2")
TOKEN = Address(ROW["id"].rpartition(":")[2])
ASSET = erc20.asset_of(NETWORK, TOKEN)
SPENDER = Address(said.SPENDER)
THIEF = Address("0x70997970C51812dc3A010C7d01b50e0d17dc79C8")
DAY = 24 * 3600
NEEDS = [("treasury", 2), ("risk", 1)]
KINDS = ("call", "allow", "text", "login", "typed", "permit", "solana", "tron")
ALIASES = {"solana": "solana-local", "tron": "tron-local"}


def document():
    windows = [window(ASSET, DAY, 10**9), window(f"{NETWORK}/slip44:60", DAY, 10**18)]
    named = {
        "eip-191": [ANYBODY],
        "siwe": ["app.example"],
        "eip-712": [f"{said.MAIL}/Mail"],
        "tip-191": [ANYBODY],
        "solana-text": [ANYBODY],
    }
    return policy_document(
        rule("calls", actions=["call", "allow"], needs=NEEDS, windows=windows),
        rule("says", actions=["sign"], needs=NEEDS, messages=named),
        assets=[ROW],
        contracts=[contract_row(NETWORK)],
    )


class Acts(House):
    def __init__(self, folder):
        super().__init__(folder, document())

    def told(self, effect, **fields):
        """A call or an allowance in a transaction; `fields` are what is else in its bytes."""
        network = self.bench.network("ethereum-local")
        called = calling_of(network).of(effect, None)
        plain = build.transfer(
            network, nonce=0, to=called.to, value=called.value, gas=300_000,
            fee_per_gas_max=10**9, priority_fee=0, data=called.data, **fields,
        )  # fmt: skip
        return UnsignedTx(network.id, build.encode_unsigned(plain), self.payer("ethereum-local"))

    def codec(self, network):
        """As the policy in force has it."""
        return self.bench.session.guard.in_force.catalogue.codec(network)

    def payer(self, alias):
        return self.bench.address(alias, "v2")

    def swap(self):
        codec = self.codec(NETWORK)
        asked = {
            "amountIn": "60",
            "amountOutMin": "1",
            "path": [TOKEN, SPENDER],
            "to": self.payer("ethereum-local"),
            "deadline": "1772626000",
        }
        return codec.call_of(Address(ROUTER), "swapExactTokensForTokens", asked, 0)

    def message(self, kind, alias, content):
        payload = Message(kind, "t1", content).payload
        network = self.bench.network(alias)
        return UnsignedTx(network.id, payload, self.payer(alias))

    def made(self, effect, tx, alias):
        """The bundle, of a block that has it if it is no message."""
        purpose = Purpose.MESSAGE if messages.is_one(_read(tx)) else Purpose.PAY
        action = {"Allow": Action.ALLOW, "Call": Action.CALL, "Sign": Action.SIGN}
        network = self.bench.network(alias)
        more: dict[str, Any] = {"costs_max": {}} if purpose is Purpose.MESSAGE else {}
        mandate = self.mandate(
            network, [effect], action=action[type(effect).__name__],
            source_address=self.payer(alias), source_path=self.bench.path(alias, "v2"), **more,
        )  # fmt: skip
        signed = self.decide([mandate], tx, PEOPLE, purpose)
        mined = None if purpose is Purpose.MESSAGE else signed
        return self.bundle(mandate, [signed], PEOPLE, mined)

    def act(self, kind):
        alias = ALIASES.get(kind, "ethereum-local")
        if kind == "call":
            return self.made(call := self.swap(), self.told(call), alias)
        if kind == "allow":
            allow = Allows(SPENDER, ASSET, 60, None)
            return self.made(allow, self.told(allow), alias)
        tx = self.message(*self.content(kind, alias))
        (effect,) = messages_of(self.codec(tx.network)).summarize(tx).effects
        return self.made(effect, tx, alias)

    def content(self, kind, alias):
        text = b"app.example asks for your word: nonce 4f1b9a77"
        plain = {"text": Kind.EIP191, "solana": Kind.SOLANA_TEXT, "tron": Kind.TIP191}
        if kind in plain:
            return plain[kind], alias, text
        signer, soon = self.payer(alias), int(self.bench.clock.now.timestamp()) + 600
        found = {
            "login": (Kind.SIWE, said.siwe(signer).encode()),
            "typed": (Kind.EIP712, said.spelled(said.mail())),
            "permit": (Kind.EIP712, said.spelled(said.permit(signer, soon))),
        }[kind]
        return found[0], alias, found[1]


def _read(tx):
    return Transaction(tx.network, tx.sender, "", tx.payload, b"")


@pytest.fixture(scope="module", params=KINDS)
def act(request, tmp_path_factory):
    house = Acts(tmp_path_factory.mktemp(request.param) / "s")
    return request.param, house, house.act(request.param)


def states(claims):
    return {each.claim: (each.state, each.grade) for each in claims}


WHOLE = {"effects": ("proven", "A"), "bytes": ("proven", "A"), "arguments": ("proven", "A")}
NOT = ("not checked", "")


def test_what_is_shown_of_each_kind(act):
    """What has no words here is not checked, and never proven."""
    kind, house, made = act
    claims = claims_of(made, house.pins())
    found = states(claims)
    assert [each for each in claims if each.state == "refuted"] == []
    wanted = WHOLE | {"call": {"arguments": NOT}, "typed": {"bytes": NOT},
                      "permit": {"bytes": NOT}}.get(kind, {})  # fmt: skip
    assert {name: found[name] for name in wanted} == wanted
    assert found["decision"] == found["approvals"] == ("proven", "A")
    block = ("stated", "C") if kind in ("call", "allow") else NOT
    assert found["block"] == block


def test_what_permit2_is_told_is_not_checked(tmp_path):
    """Else bytes that allow by Permit2 would be a call, or an allowance of the token's own."""
    house = Acts(tmp_path / "s")
    allow = Allows(SPENDER, ASSET, 60, datetime.fromtimestamp(1_900_000_000, UTC))
    made = house.made(allow, house.told(allow), "ethereum-local")
    claims = claims_of(made, house.pins())
    assert [each for each in claims if each.state == "refuted"] == []
    found = states(claims)
    assert (found["effects"], found["decision"]) == (NOT, ("proven", "A"))


def words(made, house, claim):
    return next(each.words for each in claims_of(made, house.pins()) if each.claim == claim)


def test_what_is_said_of_each_kind(act):
    kind, house, made = act
    wanted = {
        "call": f"it calls swapExactTokensForTokens(uint256,uint256,address[],address,uint256) of"
        f" {ROUTER} with 0 of the coin",
        "allow": f"it lets {SPENDER} take 60 of {ASSET}",
        "text": "it signs a message (eip-191) for anybody",
        "login": "it signs a message (siwe) for app.example",
        "typed": f"it signs a message (eip-712) for {said.MAIL}/Mail",
        "permit": f"it lets {SPENDER} take 60 of {ASSET}",
        "solana": "it signs a message (solana-text) for anybody",
        "tron": "it signs a message (tip-191) for anybody",
    }
    assert words(made, house, "effects") == wanted[kind]


def test_a_calls_data_is_named_by_its_digest(tmp_path):
    house = Acts(tmp_path / "s")
    made, call = house.act("call"), house.swap()
    data = calling_of(house.bench.network("ethereum-local")).of(call, None).data
    assert f"{len(data)} bytes with SHA-256 {sha256(data).hexdigest()}" in words(
        made, house, "arguments"
    )


@pytest.mark.parametrize("part", ["request", "mandates", "transactions"])
def test_every_field_counts(act, part):
    """With digests that fit again."""
    kind, house, made = act
    (name,) = [each for each in made.parts if each.partition("/")[0] == part]
    unread = {f"{name}/signed", f"{name}/txid"} if kind in ("typed", "permit") else set()
    seen, missed = 0, set()
    for path, how, changed in changes(made.json(name), name):
        seen += 1
        free = FREE.fullmatch(path) and how in ("value", "kind", "row less", "row twice")
        if not free and not refuted(made.put(name, changed), house.pins()):
            missed.add(path)
    assert seen > 10
    assert missed <= unread


def lied(made, house, change):
    """By who has the signer's key and log, and shows another mandate and request, which people did
    not sign. All digests fit."""

    def lie(body):
        if body["kind"] != "signed":
            return
        change(body["document"]["core"])
        core, whole = (
            canonical_json(each) for each in (body["document"]["core"], body["document"])
        )
        body["core"] = sha256(b"custody-wallet/core/v2\n" + core).hexdigest()
        body["mandate"] = sha256(b"custody-wallet/mandate/v2\n" + whole).hexdigest()

    mandate = made.json("mandates/1")
    change(mandate["core"])
    request = {**made.json("request"), "effects": mandate["core"]["effects"]}
    made = relogged(made.put("mandates/1", mandate).put("request", request), lie)
    found = refuted(made, replace(house.pins(), log_key=second_key()))
    assert "approvals" in found
    return found


ATTACKS = {
    "another contract": ("call", {"contract": THIEF}),
    "another function": ("call", {"function": "transferOwnership(address)"}),
    "a function of the same selector's name": ("call", {"function": "swapExactTokensForTokens()"}),
    "coins that go with it": ("call", {"value": "1"}),
    "a call for a payment": ("call", {"kind": "pay"}),
    "another spender": ("allow", {"spender": THIEF}),
    "a greater allowance": ("allow", {"amount": "61"}),
    "an allowance without an end": ("allow", {"amount": None}),
    "an allowance that ends": ("allow", {"expires_at": "2027-01-01T00:00:00Z"}),
    "another token": ("allow", {"asset": erc20.asset_of(NETWORK, THIEF)}),
    "another text": ("text", {"content": b"another text".hex()}),
    "a text as a login": ("text", {"of": "siwe"}),
    "a text for a site": ("text", {"domain": "app.example"}),
    "another site": ("login", {"domain": "app.example.evil"}),
    "a login for anybody": ("login", {"domain": ANYBODY}),
    "another structure": ("typed", {"domain": f"{said.MAIL}/Letter"}),
    "a permit as a message": ("permit", {"amount": "61"}),
    "a permit for another": ("permit", {"spender": THIEF}),
    "a text of another chain": ("solana", {"of": "eip-191"}),
    "another text on TRON": ("tron", {"content": b"another text".hex()}),
}


@pytest.mark.parametrize("name", ATTACKS)
def test_a_mandate_that_says_something_else_than_the_bytes(tmp_path, name):
    kind, change = ATTACKS[name]
    house = Acts(tmp_path / "s")
    made = house.act(kind)
    found = lied(made, house, lambda core: core["effects"][0].update(change))
    assert "effects" in found, found
    assert "mandate" not in found["effects"] or "do something else" in found["effects"]


def test_a_mandate_with_one_effect_more(tmp_path):
    house = Acts(tmp_path / "s")
    for kind in ("text", "allow"):
        house = Acts(tmp_path / kind)
        made = house.act(kind)
        found = lied(made, house, lambda core: core["effects"].append(core["effects"][0]))
        assert "do something else" in found["effects"]


def test_somebody_elses_message(tmp_path):
    house = Acts(tmp_path / "s")
    made = house.act("text")
    found = lied(made, house, lambda core: core.update(source_address=THIEF))
    assert "somebody else" in found["effects"]


def test_a_message_for_another_transfer(tmp_path):
    """Agreed to for one, and bytes that name another: else one yes signs the same text twice."""
    house = Acts(tmp_path / "s")
    kind, alias, content = house.content("text", "ethereum-local")
    network = house.bench.network(alias)
    tx = UnsignedTx(network.id, Message(kind, "t2", content).payload, house.payer(alias))
    made = house.made(Sign(kind.value, ANYBODY, content), tx, alias)
    assert "another transfer" in refuted(made, house.pins())["effects"]


def test_a_message_that_another_key_signed(tmp_path):
    """The text, its name and the form are as they should; the key is a stranger's."""
    for kind, prefix in (("text", "Ethereum"), ("tron", "TRON")):
        house = Acts(tmp_path / kind)
        made = house.act(kind)
        _, _, content = house.content(kind, ALIASES.get(kind, "ethereum-local"))
        told = f"\x19{prefix} Signed Message:\n{len(content)}".encode() + content
        by = PrivateKey(b"\x46" * 32).sign_recoverable(keccak256(told), hasher=None)
        row = made.json("transactions/txn_1")
        row["signed"] = f"0x{by[:64].hex()}{by[64] + 27:02x}".encode().hex()
        found = refuted(made.put("transactions/txn_1", row), house.pins())
        assert found == {"bytes": "not signed by the key of its sender"}


# What bytes say


def signed(tx, **changes):
    base = Transaction(tx.network, tx.sender, "", tx.payload, b"")
    return base._replace(**changes)


HEAD = b"custody-wallet/message/v1\n"
WHO = eip55(bytes.fromhex("70997970c51812dc3a010c7d01b50e0d17dc79c8"))


def say(kind, content, network=NETWORK, sender=WHO, reference=b"t1"):
    payload = HEAD + kind + b"\n" + reference + b"\n" + content
    return Transaction(network, sender, "", payload, b"")


@pytest.mark.parametrize(
    "tx",
    [
        say(b"eip-191", b"x", network="tron:0xff51cb4a"),
        say(b"tip-191", b"x"),
        say(b"solana-text", b"x"),
        say(b"eip-712", said.spelled(said.mail(chainId=1))),
        say(b"tip-712", said.spelled(said.mail())),
    ],
)
def test_a_message_of_another_network(tx):
    with pytest.raises(Refuted):
        messages.decode(tx)


@pytest.mark.parametrize(
    "tx",
    [
        say(b"eip-1", b"x"),
        say(b"eip-191", b"x", sender=None),
        say(b"eip-191", b"\xff"),
        say(b"eip-712", b"{}"),
        say(b"eip-712", said.spelled(said.mail()) + b" "),
        Transaction(NETWORK, WHO, "", HEAD + b"eip-191\nt1", b""),
    ],
)
def test_a_message_that_is_none(tx):
    with pytest.raises(Exception, match=r".*") as error:
        messages.decode(tx)
    assert not isinstance(error.value, NotRead)


def test_what_nobody_reads_here_is_said_so_and_never_proven():
    apart = Transaction(NETWORK, WHO, "", b"{}", b"")
    for read in (messages.decode, lambda tx: messages.check_signed(tx, evm)):
        with pytest.raises(NotRead, match="signed apart"):
            read(apart)
    permit2 = said.mail(verifyingContract=said.PERMIT2)
    with pytest.raises(NotRead, match="Permit2"):
        messages.decode(say(b"eip-712", said.spelled(permit2)))
    with pytest.raises(NotRead, match="not hashed"):
        messages.check_signed(say(b"eip-712", said.spelled(said.mail())), evm)


def told(data, value=0):
    return contracts.told("token", WHO, value, data, eip55)


def test_calldata_in_another_form_is_a_call():
    """Which no mandate means by a payment or an allowance."""
    transfer, approve = (
        bytes.fromhex(each) + bytes(12) + b"\x11" * 20 + (60).to_bytes(32, "big")
        for each in ("a9059cbb", "095ea7b3")
    )
    other = eip55(b"\x11" * 20)
    assert told(transfer) == Pay(other, "token", 60)
    assert told(approve) == Allow(other, "token", 60)
    assert told(approve[:36] + b"\xff" * 32) == Allow(other, "token", None)
    for data in (transfer, approve):
        for changed in (data + b"\0", data[:-1], data[:4] + b"\1" + data[5:]):
            assert told(changed) == Call(WHO, data[:4], 0)
        assert told(data, 1) == Call(WHO, data[:4], 1)
    with pytest.raises(Refuted):
        told(b"\1\2\3")


def test_effects_of_other_kinds_and_fields():
    call = {"kind": "call", "contract": WHO, "function": "f()", "arguments": [], "value": "0",
            "outcome": [], "moves": []}  # fmt: skip
    assert isinstance(parse_effect(call, NETWORK), Call)
    row = {"kind": "delegate", "account": WHO, "code": WHO, "chain": None, "nonce": None}
    for bad in (row, {**call, "more": 1}, {**call, "value": "-1"}, {**call, "kind": "sign"}):
        with pytest.raises(Exception, match=r"not an"):
            parse_effect(bad, NETWORK)
