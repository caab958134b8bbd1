"""A signer as an intruder meets it: its socket, its policy, approvals that were really given.

`World` speaks raw message bytes, so the same attack runs against the real process and against one
in this process whose defence was taken out. It also keeps the books: what was agreed to be signed,
to be compared with what the signer's own log says was.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from hashlib import sha256
from itertools import count
from pathlib import Path
from typing import Any, Final

from solders.pubkey import Pubkey

from chains.catalogue import built_in
from chains.codec import TransactionCodec
from chains.effects import Effect, Pay
from chains.keys import ExtendedPublicKey
from chains.messages.model import ANYBODY
from chains.model import (
    Address,
    AddressType,
    AssetId,
    NetworkId,
    OwnedAddress,
    UnsignedTx,
)
from chains.networks import Network
from signer.chain import End
from signer.logfile import verify_log
from signer.messages import CallRefused, parse_response, request
from signer.policy import Policy, SignedPolicy, basis_of
from signer.wire import (
    Action,
    Approval,
    Consent,
    Mandate,
    Outcome,
    Purpose,
    Receipt,
    SignRequest,
    Status,
    format_time,
    parse_outcome,
)
from tests.support import families
from tests.support.messages import MAIL
from tests.support.networks import find_network
from tests.support.rows import abi, contract_row, token_row
from tests.support.signer import (
    ADA,
    ADMINISTRATORS,
    BOB,
    EVE,
    Person,
    administrators_json,
    changed,
    native,
    offer,
    outcome_word,
    policy_document,
    rule,
    sign_policy,
    window,
)
from tests.support.solana_tokens import NEW
from tests.support.solana_tokens import token_row as mint_row

ZOE = Person("zoe")
"""Approved under the first version of the policy and was removed with the second."""
NEW_ADMINISTRATOR = Person("admin-4")
RULING = (*ADMINISTRATORS[:2], NEW_ADMINISTRATOR)
"""The administrators of the version in force: the third of the pinned ones was replaced."""
VERSION = 2
PETTY = ("amounts", "batch", "counts", "fees", "tron", "restart", "versions", "cancels")
"""Vaults that move small amounts freely, one for each attack that fills a window. `payees` does
with a limit for each destination, `pool` with one for bitcoin."""
VAULTS = {
    **dict.fromkeys(("main", "joint", "slow", "listed", *PETTY, "payees", "pool"), "c1"),
    "other": "c2",
    "house": "c2",
    "desk": "c2",
    "speaker": "c2",
}
"""Whose they are, in the order in which they are opened."""
DAY = 24 * 3600
PETTY_LIMIT, PETTY_COUNT, PETTY_TRX_LIMIT = 200_000, 4, 5_000_000
POOL_LIMIT = 200_000

SUPPLIER = Address("0x1111111111111111111111111111111111111111")
NEW_SUPPLIER = Address("0x2222222222222222222222222222222222222222")
OUTLAW = Address("0x3333333333333333333333333333333333333333")
THIEF = Person("thief")
ETH, TRX, BTC = map(native, ("ethereum-local", "tron-local", "bitcoin-regtest"))


_TOKEN: Final = token_row(
    find_network("ethereum-local").id,
    traits=["eip-2612", "eip-3009"],
    domain_name="A dollar",
    domain_version="2",
)
"""Whose holders sign payments and allowances that anybody submits."""
_ROUTER: Final = contract_row(find_network("ethereum-local").id)
_MULTICALL: Final = {
    "abi": abi("multicall", ("data", "bytes[]")),
    "readers": {"data": {"is": "calls"}},
}
_EXECUTE: Final = {
    "abi": abi("execute", ("commands", "bytes"), ("inputs", "bytes[]")),
    "readers": {"commands": {"is": "commands", "inputs": "inputs"}},
}
ROUTER_ROW: Final = {**_ROUTER, "functions": [*_ROUTER["functions"], _MULTICALL, _EXECUTE]}
"""What `desk` swaps and deposits with."""
SWAPS: Final = "swapExactTokensForTokens(uint256,uint256,address[],address,uint256)"
STEP: Final = "command.V3_SWAP_EXACT_IN(address,uint256,uint256,bytes,bool)"
POOL_FEE: Final = 500
SWAP_MOST, DEADLINE_S, COINS_MOST = 100_000, 1200, 1000
SITE, PERMIT_MOST = "app.example", 100
"""Where `speaker` logs in, and how much of the token it lets others take in an hour."""
FEE_MINT: Final = Pubkey(b"\x15" * 32)
FEE_ROW: Final = mint_row(find_network("solana-local"), FEE_MINT, NEW, traits=["transfer-fee"])
"""Of a mint that may keep a part of each payment."""
PAID_MINT: Final = Pubkey(b"\x16" * 32)
PAID_ROW: Final = mint_row(find_network("solana-local"), PAID_MINT, NEW)
"""Of one that keeps nothing."""


def listed() -> Network:
    """The network as the policy has it."""
    catalogue = built_in().with_rows([], [_TOKEN], [ROUTER_ROW])
    return catalogue.networks[find_network("ethereum-local").id]


def _desk() -> dict[str, Any]:
    """Calls the router within a price, an amount and a time, and allows it to take."""
    place = {"network": ROUTER_ROW["network"], "contract": ROUTER_ROW["address"]}
    token = str(_TOKEN["id"]).rpartition(":")[2]
    price = {"of": "amountIn", "numerator": "99", "denominator": "100"}
    conditions = [
        {"argument": "path.0", "is": "equals", "value": token},
        {"argument": "to", "is": "own_address"},
        {"argument": "deadline", "is": "within_s", "seconds": DEADLINE_S},
        {"argument": "amountOutMin", "is": "ratio_at_least", **price},
        {"argument": "amountIn", "is": "at_most", "value": str(SWAP_MOST)},
    ]
    swaps = {**place, "function": SWAPS, "value_max": None, "conditions": conditions}
    takes = {**place, "function": "deposit()", "value_max": str(COINS_MOST), "conditions": []}
    several = {**place, "function": "multicall(bytes[])", "value_max": None, "conditions": []}
    plans = {**place, "function": "execute(bytes,bytes[])", "value_max": "0", "conditions": []}
    way = [
        {"argument": "path.first", "is": "equals", "value": token},
        {"argument": "path.fees", "is": "equals", "value": f'["{POOL_FEE}"]'},
        {"argument": "recipient", "is": "own_address"},
    ]
    step = {**place, "function": STEP, "value_max": "0", "conditions": way}
    desk = rule("desk", vaults=["desk"], actions=["call", "allow"])
    desk["scope"]["calls"] = [swaps, takes, several, plans, step]
    return desk


def _speaker() -> tuple[dict[str, Any], ...]:
    """Signs texts, logs in at one site and allows a little."""
    named = {"eip-191": [ANYBODY], "siwe": [SITE], "eip-712": [f"{MAIL}/Mail"]}
    token, mine = AssetId(str(_TOKEN["id"])), ["speaker"]
    windows = [window(token, 3600, PERMIT_MOST), window(ETH, 3600, 1)]
    return (
        rule("says", vaults=mine, actions=["sign"], messages=named),
        rule("permits", vaults=mine, actions=["allow"], windows=windows),
    )


def policy(version: int, now: datetime, **changes: Any) -> bytes:
    """`main` needs two of the treasury, `joint` one of it and one of risk, `slow` one and then an
    hour; PETTY move small amounts freely, `listed` pays suppliers freely, `house` calls, `desk`
    calls what is described within conditions, and `speaker` signs messages."""
    people = (ADA, BOB, EVE, ZOE) if version == 1 else (ADA, BOB, EVE)
    windows = [
        window(ETH, 3600, PETTY_LIMIT, count=PETTY_COUNT),
        window(TRX, 3600, PETTY_TRX_LIMIT),
    ]
    each = [window(ETH, 3600, 50_000, per_destination=True), window(ETH, 3600, 10**18)]
    rules = (
        rule("sanctions", effect="deny", destinations=["outlaws"]),
        rule("main", vaults=["main"], needs=[("treasury", 2)]),
        rule("joint", vaults=["joint"], needs=[("treasury", 1), ("risk", 1)]),
        rule("slow", vaults=["slow"], needs=[("treasury", 1)], time_lock_s=3600),
        rule("petty", vaults=list(PETTY), windows=windows),
        rule("payees", vaults=["payees"], windows=each),
        rule("pool", vaults=["pool"], windows=[window(BTC, 3600, POOL_LIMIT)]),
        rule("listed", vaults=["listed"], destinations=["suppliers"]),
        rule("house", vaults=["house"], actions=["call"]),
        _desk(),
        *_speaker(),
    )
    destinations = [
        _destinations("suppliers", (SUPPLIER, now - timedelta(days=9)), (NEW_SUPPLIER, now)),
        _destinations("outlaws", (OUTLAW, now - timedelta(days=9))),
    ]
    machines = [
        {"id": "robot", "operators": []},
        *({"id": f"api-{p.name}", "operators": [p.name]} for p in people),
    ]
    ruling = ADMINISTRATORS if version == 1 else RULING
    own = {
        "administrators": administrators_json(people=ruling),
        "machines": machines,
        "destinations": destinations,
        "assets": [_TOKEN, FEE_ROW, PAID_ROW],
        "contracts": [ROUTER_ROW],
    }
    return policy_document(*rules, version=version, people=people, **{**own, **changes})


def _destinations(name: str, *entries: tuple[Address, datetime]) -> dict[str, Any]:
    network = find_network("ethereum-local").id
    rows = [
        {"network": network, "address": address, "memo": None, "added_at": format_time(added)}
        for address, added in entries
    ]
    return {"id": name, "cooling_s": DAY, "entries": rows}


@dataclass
class World:
    """`exchange`: one message's bytes to the answer's. `log`: the signer's audit log. `socket`:
    where the real process listens. `name`: its transfers' ids begin with it. `crash`: kills and
    restarts the signer. `again`: an approved request whose transfer was signed already;
    `newest`: the place of the receipt for it in the log. `agreed`: (mandate, transaction) of what
    may be signed."""

    exchange: Callable[[bytes], bytes]
    now: Callable[[], datetime]
    log: Path
    codecs: dict[NetworkId, TransactionCodec]
    socket: Path | None = None
    name: str = "t"
    crash: Callable[[], None] | None = None
    again: SignRequest | None = None
    newest: tuple[int, bytes] = (0, b"")
    agreed: list[tuple[str, str]] = field(default_factory=list)
    _owned: dict[tuple[object, ...], OwnedAddress] = field(default_factory=dict)
    _policies: dict[bytes, Policy] = field(default_factory=dict)
    _numbers: Any = field(default_factory=lambda: count(1))
    _salts: Any = field(default_factory=lambda: count(1))

    def prepare(self) -> None:
        """Vaults and the two versions of the policy, over the wire like everything else."""
        for vault, client in VAULTS.items():
            self.call("open_vault", client=client, vault=vault)
        for version in (1, VERSION):
            self.publish(sign_policy(policy(version, self.now())))

    # Calls

    def call(self, name: str, **arguments: Any) -> Any:
        return parse_response(self.exchange(request(name, arguments)))

    def refused(self, name: str, **arguments: Any) -> str:
        """`code/detail`, or what came back if it was not refused."""
        return self.refused_bytes(request(name, arguments))

    def refused_bytes(self, body: bytes) -> str:
        try:
            result = parse_response(self.exchange(body))
            if isinstance(result, list) and len(result) == 1 and "refusal" in result[0]:
                return outcome_word(parse_outcome(result[0]))
            return f"accepted {result}"
        except CallRefused as refused:
            return f"{refused.code.value}/{refused.detail}"

    def publish(self, signed: SignedPolicy) -> str:
        return self.refused("publish_policy", policy=signed.to_json())

    def ask(self, *requests: SignRequest) -> list[Outcome]:
        rows = self.call("sign", requests=[item.to_json() for item in requests])
        return [parse_outcome(row) for row in rows]

    def network(self, alias: str) -> Network:
        return find_network(alias)

    def word(self, request: SignRequest) -> str:
        """`signed`, or `code/detail`."""
        (outcome,) = self.ask(request)
        return outcome_word(outcome)

    def must_sign(self, request: SignRequest) -> Receipt:
        """An honest request. It is in the books from here on."""
        (outcome,) = self.ask(request)
        return self.book(outcome)

    def book(self, outcome: Outcome) -> Receipt:
        """Enter what was signed, and rightly so. Fails for a refusal."""
        assert isinstance(outcome, Receipt), outcome
        signed = outcome.tx_digest.hex()
        self.agreed += [(mandate.hex(), signed) for mandate in outcome.mandates]
        return outcome

    # Keys and mandates

    def owned(
        self,
        alias: str,
        vault: str = "main",
        index: int = 0,
        address_type: AddressType | None = None,
    ) -> OwnedAddress:
        """An address of a vault, from public keys that the signer gives to anybody who asks."""
        network = find_network(alias)
        kind = address_type or network.address_types[0]
        key = alias, vault, index, kind
        if key not in self._owned:
            codec = self.codecs[network.id]
            arguments = {"vault": vault, "network": network.id, "address_type": kind.value}
            (public_key,) = self.call("public_keys", **arguments, start=index, count=1)
            account = list(VAULTS).index(vault)
            path = codec.address_path(kind, account, index)
            public = bytes.fromhex(public_key)
            address = codec.derive_address(public, kind)
            self._owned[key] = OwnedAddress(address, kind, path, public)
        return self._owned[key]

    def change(self, vault: str, index: int, kind: AddressType) -> OwnedAddress:
        """An address for the rest of bitcoin coins, from the account's extended public key."""
        network = find_network("bitcoin-regtest")
        codec = self.codecs[network.id]
        xpub = self.call("account_key", vault=vault, network=network.id, address_type=kind.value)
        path = codec.address_path(kind, list(VAULTS).index(vault), index, change=True)
        public = ExtendedPublicKey.parse(xpub).derive(f"1/{index}").public_key
        return OwnedAddress(codec.derive_address(public, kind), kind, path, public)

    def policy(self) -> Policy | None:
        """The one in force, if there is one."""
        row = self.call("policy")
        if row is None:
            return None
        told = SignedPolicy.parse(row)
        if told.document not in self._policies:
            self._policies[told.document] = Policy.parse(told.document)
        return self._policies[told.document]

    def mandate(self, alias: str, effects: Sequence[Effect], **changes: Any) -> Mandate:
        """A new transfer out of `vault` (default: main), in order in every respect."""
        network = find_network(alias)
        vault = changes.pop("vault", "main")
        owner = self.owned(alias, vault)
        coins = network.family == families.BITCOIN
        now = self.now()
        made = offer(
            transfer=changes.pop("transfer", None) or f"{self.name} {next(self._numbers)}",
            client=VAULTS[vault],
            vault=vault,
            network=network.id,
            action=Action.TRANSFER,
            initiator="robot",
            source_path=owner.path.rpartition("/0/")[0] if coins else owner.path,
            source_address=None if coins else owner.address,
            effects=tuple(effects),
            costs_max=network.costs_max,
            requested_at=changes.pop("requested_at", now),
            expires_at=now + timedelta(hours=1),
        )
        made = changed(made, **changes)
        policy = self.policy()
        if policy is None or "basis" in changes:
            return made
        return replace(made, basis=basis_of(policy, made.core))

    def fresh(self) -> int:
        """A number above 2**30 that no other call gets, in this world or in another beside it."""
        name = f"{self.name} {next(self._salts)}".encode()
        return 2**30 + int.from_bytes(sha256(name).digest()[:4]) % 2**30

    # Evidence

    def records(self) -> list[dict[str, Any]]:
        """Bodies of the audit log's records."""
        if not self.log.exists():
            return []
        rows = [json.loads(line) for line in self.log.read_text().splitlines()]
        return [row["body"] for row in rows if "body" in row]

    def newest_record(self) -> dict[str, Any]:
        lines = self.log.read_bytes().rsplit(b"\n", 8)
        rows = [json.loads(line) for line in lines[1:] if line]
        return next(row["body"] for row in reversed(rows) if "body" in row)

    def verified(self) -> End:
        log_key = Status.parse(self.call("status")).log_key
        return verify_log(self.log, log_key)


def approvals(mandate: Mandate, *people: Person) -> tuple[Approval, ...]:
    return tuple(person.approve(mandate) for person in people or (ADA, BOB))


def approved(mandate: Mandate, tx: UnsignedTx, *people: Person) -> SignRequest:
    """With real approvals of exactly this mandate, by ada and bob unless said otherwise."""
    return approved_by(mandate, tx, approvals(mandate, *people))


def approved_by(mandate: Mandate, tx: UnsignedTx, given: tuple[Approval, ...] = ()) -> SignRequest:
    """With these approvals, whatever they are of."""
    return SignRequest(Purpose.PAY, tx, (Consent(mandate, given),))


def mandate_in(request: SignRequest) -> Mandate:
    """The only one."""
    (consent,) = request.consents
    return consent.mandate


def approvals_in(request: SignRequest) -> tuple[Approval, ...]:
    (consent,) = request.consents
    return consent.approvals


def payment(alias: str, address: Address, amount: int, asset: AssetId | None = None) -> Pay:
    return Pay(address, asset or native(alias), amount)


def signed_in(records: Iterable[dict[str, Any]]) -> list[tuple[str, str]]:
    """(mandate, transaction) of everything that the log says was signed."""
    return [(body["mandate"], body["tx"]) for body in records if body["kind"] == "signed"]


def last_refusal(records: Iterable[dict[str, Any]]) -> str:
    """`code/detail` of the newest refusal in the log."""
    said = [body for body in records if body["kind"] in ("refused", "rejected")]
    return f"{said[-1]['code']}/{said[-1]['detail']}" if said else "none"
