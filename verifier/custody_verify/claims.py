"""What a bundle shows, one line for each claim and never one green tick.

Each claim is a function that returns its state, grade and words, or raises: Refuted and Unreadable
make it refuted, Withheld withheld. `proven` needs what the auditor pins, or nothing but arithmetic;
what rests on what nobody pinned is only `stated`.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from hashlib import sha256
from itertools import combinations
from typing import Any, Final, NamedTuple

from custody_verify import bitcoin, evm, messages, solana, tron
from custody_verify.bundle import Bundle, Withheld
from custody_verify.errors import NotRead, Refuted, Unreadable, refute, reject
from custody_verify.log import Checkpoint, LogKey, Proof
from custody_verify.logged import check_logged
from custody_verify.model import Anchors, Block, Meaning, Transaction, parse_effect, said_by_nodes
from custody_verify.people import Administrators, Policy, check_policies, check_verdicts
from custody_verify.people import check_signed as check_person
from custody_verify.strict import fields, jcs, listed, moment, number, octets, text, units

LOCAL: Final = frozenset(
    "bip122:0f9188f13cb7b2c71f2a335e3a4fc328 eip155:31337 eip155:31338 tron:0xff51cb4a"
    " solana:5morg8gB3no5ZzRCF5SN7CGFUKHpv8aM".split()
)
_CHAINS: Final = {"bip122": bitcoin, "eip155": evm, "tron": tron, "solana": solana}
_CORE: Final = "transfer retry_of client vault network action initiator source_path source_address"
_SIGNED: Final = (
    "kind at salt caller policy policy_digest purpose set tx identity conflicts binding uncapped"
    " document part parts payload sender transfer client vault network retry_of mandate core rule"
    " approvers approvals spends"
)
_ENTRY: Final = (
    "id sequence created_at kind reason subject asset amount debit_kind debit_vault_id credit_kind"
    " credit_vault_id ends"
)
_OF_CORE: Final = ("transfer", "client", "vault", "network", "retry_of")
_APPROVAL: Final = b"custody-wallet/approval/v2\n"
_SAID: Final = {
    "pay": "pays {amount} of {asset} to {address}",
    "allow": "lets {spender} take {amount} of {asset}",
    "call": "calls {function} of {contract} with {value} of the coin",
    "sign": "signs a message ({of}) for {domain}",
}

Said = tuple[str, str, str]
"""State, grade and words."""


class Claim(NamedTuple):
    """`state`: proven, stated, withheld, not checked or refuted. `grade`: A to D, empty where
    nothing was shown."""

    claim: str
    about: str
    state: str
    grade: str
    words: str
    local: bool


@dataclass(frozen=True, slots=True)
class Pins:
    """What the auditor trusts, brought along and not out of the bundle. `transparency`: the key of
    the house's log, `witnesses` of those who must have signed it. `logged`: a later proof than the
    bundle's own. Of a period: the `seed` of its samples in hex, and `heads` of the ledger by
    position, which the auditor has from before."""

    log_key: LogKey | None = None
    administrators: Administrators | None = None
    anchors: Anchors = field(default_factory=Anchors)
    transparency: LogKey | None = None
    witnesses: Sequence[LogKey] = ()
    logged: bytes = b""
    seed: str | None = None
    heads: Mapping[int, bytes] = field(default_factory=dict)


def examine(bundle: Bundle, pins: Pins) -> list[Claim]:
    local = bundle.network in LOCAL
    checks = _Case(bundle, pins).checks()
    return [Claim(name, about, *outcome(check), local) for name, about, check in checks]


def outcome(check: Callable[[], Said]) -> Said:
    try:
        return check()
    except Withheld as error:
        return "withheld", "", f"it rests on {error}, which was taken out"
    except NotRead as error:
        return "not checked", "", str(error)
    except Refuted as error:
        return "refuted", "", str(error)
    except Unreadable as error:
        return "refuted", "", f"it can't be read: {error}"
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
        return "refuted", "", "it can't be read: something else stands where it should"


class _Case:
    def __init__(self, bundle: Bundle, pins: Pins) -> None:
        self.bundle, self.pins = bundle, pins
        self.chain: Any = _CHAINS.get(bundle.network.partition(":")[0])

    def checks(self) -> Iterator[tuple[str, str, Callable[[], Said]]]:
        yield "request", self.bundle.subject, self._request
        yield "policy", "", self._policy
        for number_ in self.bundle.keys("records"):
            yield "record", number_, partial(self._record, number_)
        for version in self.bundle.keys("mandates"):
            yield "mandate", version, partial(self._mandate, version)
            yield "approvals", version, partial(self._approvals, version)
            yield "rule", version, partial(self._rule, version)
        for id_ in self.bundle.keys("transactions"):
            for name in ("decision", "bytes", "effects", "arguments", "costs", "change"):
                yield name, id_, partial(getattr(self, f"_{name}"), id_)
        for txid in self.bundle.keys("chain") or [""]:
            yield "block", txid, partial(self._block, txid)
            yield "final", txid, partial(self._final, txid)
        yield "complete", "", self._complete
        yield "entries", "", self._entries
        yield "logged", "", partial(logged, self.bundle, self.pins)

    def _request(self) -> Said:
        names = "id client vault network initiator effects requested_at retry_key_sha256"
        asked = fields(self.bundle.json("request"), names)
        if asked["retry_key_sha256"] is not None:
            octets(asked["retry_key_sha256"], 32)
        if (asked["id"], asked["network"]) != (self.bundle.subject, self.bundle.network):
            raise Refuted("the request is another transfer's than the manifest names")
        versions = self.bundle.keys("mandates")
        for version in versions:
            core = self._core(self.mandate(version))
            if asked["id"] != core["transfer"] or any(
                asked[name] != core[name] for name in asked.keys() - {"id", "retry_key_sha256"}
            ):
                raise Refuted(f"mandate {version} is about something else than was asked for")
        refute(not versions, "nothing was agreed to")
        return "proven", "A", f"{text(asked['initiator'])} asked for what the mandates say"

    def mandate(self, version: str) -> dict[str, Any]:
        names = "format core version costs_max basis offered_at expires_at"
        found = fields(self.bundle.json(f"mandates/{version}"), names)
        if (found["format"], found["version"]) != (2, int(version)):
            raise Refuted("a mandate of another format or version")
        return found

    def _core(self, mandate: dict[str, Any]) -> dict[str, Any]:
        core = fields(mandate["core"], f"{_CORE} effects requested_at")
        moment(core["requested_at"])
        listed(core["effects"], least=1)
        return core

    def _digest(self, version: str) -> bytes:
        document = self.bundle.content(f"mandates/{version}")
        return sha256(b"custody-wallet/mandate/v2\n" + document).digest()

    def _mandate(self, version: str) -> Said:
        self.mandate(version)
        digest = self._digest(version)
        found = [number_ for number_, body in self._mine(version)]
        if not found:
            return "stated", "D", "it was offered, and nothing was signed for it"
        words = f"record {', '.join(found)} names its digest {digest.hex()}"
        return *rests_on(self.pins.log_key), words

    @cached_property
    def policies(self) -> list[Policy]:
        versions = self.bundle.keys("policies")
        parts = [(int(version), self.bundle.json(f"policies/{version}")) for version in versions]
        return check_policies(parts, self.pins.administrators)

    def _policy(self) -> Said:
        found = [str(policy.version) for policy in self.policies]
        for number_ in self.bundle.keys("records"):
            _, body = self.record(number_)
            if body["kind"] == "policy":
                part = self.bundle.json(f"policies/{number(body['version'])}")
                if part != {name: body[name] for name in ("document", "signatures")}:
                    raise Refuted(f"record {number_} has another policy than the bundle")
        refute(not found, "no policy is shown")
        trust = "the pinned administrators" if self.pins.administrators else "nobody pinned here"
        words = f"versions {', '.join(found)}, signed in a line that begins with {trust}"
        return *rests_on(self.pins.administrators), words

    def record(self, number_: str) -> tuple[Proof, dict[str, Any]]:
        """Raises Unreadable also for a kind that is not known here."""
        proof = Proof.parse(self.bundle.content(f"records/{number_}"))
        body = proof.body()
        if body.get("kind") == "policy":
            return proof, fields(body, "kind at version document signatures salt")
        reject(body.get("kind") != "signed", "a record of a kind that is not known here")
        return proof, fields(body, _SIGNED, "change")

    def _mine(self, version: str) -> list[tuple[str, dict[str, Any]]]:
        """The records that a version of this transfer's mandate was signed for, by number."""
        digest, found = self._digest(version).hex(), []
        for number_ in self.bundle.keys("records"):
            _, body = self.record(number_)
            if body["kind"] == "signed" and body["mandate"] == digest:
                found.append((number_, body))
        return found

    def _record(self, number_: str) -> Said:
        proof, _ = self.record(number_)
        proof.check()
        shown = proof.checkpoint
        shown_with = {each: self.record(each)[0] for each in self.bundle.keys("records")}
        _check_one_log([each.checkpoint for each in shown_with.values()])
        for other, beside in shown_with.items():
            apart = int(other) - int(number_), beside.index - proof.index
            if beside.checkpoint.origin == shown.origin and apart[0] != apart[1]:
                raise Refuted("it is not the record of that number")
        words = f"leaf {proof.index} of {shown.size} in {shown.origin}"
        if self.pins.log_key is None:
            return "not checked", "", f"{words}: no log key given"
        shown.check(self.pins.log_key)
        return "proven", "A", words

    def _in_force(self, body: dict[str, Any]) -> Policy:
        for policy in self.policies:
            if (policy.version, policy.digest.hex()) == (body["policy"], body["policy_digest"]):
                return policy
        raise Refuted("the policy that the record names is not in the bundle")

    def _approvals(self, version: str) -> Said:
        """Of each record to pay: the persons whom it names signed exactly this, under the policy in
        force there, and are those that its rule asks for."""
        digest = self._digest(version)
        said = self.bundle.json(f"approvals/{version}")
        given = check_verdicts(said, digest, self.policies)
        initiator, words = self._core(self.mandate(version))["initiator"], []
        for number_, body in self._mine(version):
            if body["purpose"] == "cancel":
                continue
            policy, approvers = self._in_force(body), [text(who) for who in body["approvers"]]
            for who in approvers:
                refute(who not in given, f"no approval of {who}, whom record {number_} names")
                keys = policy.persons.get(who, ())
                check_person(keys, bytes.fromhex(given[who]), _APPROVAL + digest, who)
            rows = sorted([who, given[who]] for who in approvers)
            if sha256(jcs(rows)).hexdigest() != body["approvals"]:
                raise Refuted(f"record {number_} names other approvals")
            needed = policy.check_approved(body["rule"], initiator, approvers)
            words.append(f"{', '.join(approvers) or 'nobody'} of {needed} (rule {body['rule']})")
        if not words:
            return "stated", "D", f"{len(given)} said yes, and nothing was signed to pay"
        return *rests_on(self.pins.log_key, self.pins.administrators), "; ".join(words)

    def _rule(self, version: str) -> Said:
        rules = {text(body["rule"]) for _, body in self._mine(version) if body["rule"] is not None}
        words = "its conditions, windows and time lock held, says the signer"
        return "stated", "D", f"rule {', '.join(sorted(rules)) or 'none'}: {words}"

    def transaction(self, id_: str) -> tuple[Transaction, dict[str, Any], dict[str, Any]]:
        names = "id purpose network sender txid signer_digest unsigned signed conflict_keys receipt"
        row = fields(self.bundle.json(f"transactions/{id_}"), names)
        told = "purpose transfers mandates tx_digest signatures records head checkpoint signed_at"
        receipt = fields(row["receipt"], told)
        octets(receipt["head"], 32)
        for each in listed(receipt["signatures"]):
            fields(each, "public_key signature")
        if (row["id"], row["network"]) != (id_, self.bundle.network) or self.chain is None:
            raise Refuted("a transaction of another name or network")
        sender = None if row["sender"] is None else text(row["sender"])
        unsigned, signed = octets(row["unsigned"]), octets(row["signed"])
        made = Transaction(row["network"], sender, text(row["txid"]), unsigned, signed)
        return made, row, receipt

    def _parts(self, id_: str) -> list[tuple[Proof, dict[str, Any]]]:
        """The records of all transfers that the transaction was signed for. Raises Refuted unless
        they are of one decision about exactly these bytes."""
        tx, row, receipt = self.transaction(id_)
        transfers = [text(each) for each in listed(receipt["transfers"], least=1, most=64)]
        places = [listed(each, 2, 2) for each in listed(receipt["records"])]
        named = b"custody-wallet/transaction/v1\n" + jcs([tx.network, tx.sender]) + b"\n"
        digest = sha256(named + tx.unsigned).hexdigest()
        set_ = sha256(b"custody-wallet/set/v2\n" + jcs([row["purpose"], sorted(transfers)]))
        if self.bundle.subject not in transfers or len(set(transfers)) != len(transfers):
            raise Refuted("the receipt is for other transfers, or for one twice")
        if len(places) != len(transfers) or len(receipt["mandates"]) != len(transfers):
            raise Refuted("the receipt has not a record and a mandate for each transfer")
        parts = [self.record(str(number(place[0]))) for place in places]
        for at, (proof, body) in enumerate(parts):
            mandate = sha256(b"custody-wallet/mandate/v2\n" + jcs(body["document"])).hexdigest()
            core = self._core(fields(body["document"], "core", "format version costs_max basis"
                                     " offered_at expires_at"))  # fmt: skip
            agreed = {
                "kind": "signed",
                "part": at,
                "parts": len(parts),
                "purpose": row["purpose"],
                "set": set_.hexdigest(),
                "tx": digest,
                "payload": None if at else tx.unsigned.hex(),
                "sender": tx.sender,
                "network": tx.network,
                "transfer": transfers[at],
                "mandate": mandate,
                "core": sha256(b"custody-wallet/core/v2\n" + jcs(core)).hexdigest(),
                "at": parts[0][1]["at"],
            }
            for name, value in agreed.items():
                refute(body[name] != value, f"the record of {transfers[at]} names another {name}")
            if (proof.index, mandate) != (number(places[at][1]), receipt["mandates"][at]):
                raise Refuted("the receipt names another place or mandate than the record has")
            shown = f"mandates/{number(body['document']['version'])}"
            own = transfers[at] == self.bundle.subject
            if own and jcs(body["document"]) != self.bundle.content(shown):
                raise Refuted("it was signed for another mandate than the bundle shows")
            if any(body[name] != core[name] for name in _OF_CORE):
                raise Refuted("the record's mandate is another transfer's")
        said = row["purpose"], digest, digest, moment(parts[0][1]["at"])
        if said != (
            receipt["purpose"], receipt["tx_digest"], row["signer_digest"], receipt["signed_at"]
        ):  # fmt: skip
            raise Refuted("receipt, transaction and record name different decisions")
        return parts

    def _decision(self, id_: str) -> Said:
        _, row, receipt = self.transaction(id_)
        parts = self._parts(id_)
        mine = next(body for _, body in parts if body["transfer"] == self.bundle.subject)
        policy = self._in_force(mine)
        keys = sorted(fields(key, "key excludes")["key"] for key in listed(row["conflict_keys"]))
        refute(keys != mine["conflicts"], "the record names other conflict keys")
        told = Checkpoint.parse(receipt["checkpoint"])
        _check_one_log([told, *(proof.checkpoint for proof, _ in parts)])
        if any(proof.index >= told.size for proof, _ in parts):
            raise Refuted("the receipt's checkpoint does not cover its records")
        if self.pins.log_key is not None:
            told.check(self.pins.log_key)
        words = f"to {row['purpose']}, for {len(parts)} transfers, under policy {policy.version}"
        return *rests_on(self.pins.log_key), words

    def _bytes(self, id_: str) -> Said:
        tx, _, _ = self.transaction(id_)
        if messages.is_one(tx):
            return "proven", "A", f"{messages.check_signed(tx, self.chain)}; {tx.txid}"
        return "proven", "A", f"{self.chain.check_signed(tx)}; txid {tx.txid}"

    def _meaning(self, id_: str) -> tuple[Transaction, Meaning]:
        tx, _, _ = self.transaction(id_)
        return tx, messages.decode(tx) if messages.is_one(tx) else self.chain.decode(tx)

    def _asked(self, id_: str) -> list[Any]:
        """The effects of all transfers of the transaction together; a cancel has none."""
        if self._parts(id_)[0][1]["purpose"] == "cancel":
            return []
        cores = [self._core(body["document"]) for _, body in self._parts(id_)]
        return [each for core in cores for each in core["effects"]]

    def _effects(self, id_: str) -> Said:
        tx, meaning = self._meaning(id_)
        asked = self._asked(id_)
        if meaning.effects != Counter(parse_effect(each, tx.network) for each in asked):
            raise Refuted("the bytes do something else than the mandates say")
        payers = {body["document"]["core"]["source_address"] for _, body in self._parts(id_)}
        refute(payers != {meaning.payer}, "somebody else pays than the mandates say")
        wanted = self.bundle.subject if self.transaction(id_)[1]["purpose"] == "message" else None
        refute(meaning.reference != wanted, "a message for another transfer, or that is none")
        said = [_SAID[each["kind"]].format(**each) for each in asked]
        return "proven", "A", "it " + ("; ".join(said) or "pays nobody")

    def _arguments(self, id_: str) -> Said:
        """What stands behind a call's selector, which has no words here."""
        _, meaning = self._meaning(id_)
        if not any(each["kind"] == "call" for each in self._asked(id_)):
            return "proven", "A", "there are none: the effects say all that the bytes do"
        named = f"{len(meaning.data)} bytes with SHA-256 {sha256(meaning.data).hexdigest()}"
        raise NotRead(f"{named}: what they tell the contract is not read here")

    def _costs(self, id_: str) -> Said:
        _, meaning = self._meaning(id_)
        bounds: Counter[str] = Counter()
        for _, body in self._parts(id_):
            rows = [fields(row, "asset kind amount") for row in body["document"]["costs_max"]]
            for row in rows:
                bounds[text(row["kind"])] += units(row["amount"])
        for kind, most in meaning.costs.items():
            refute(most > bounds[kind], f"it may cost {most} for {kind}, above {bounds[kind]}")
        told = [f"{kind} {most} of {bounds[kind]}" for kind, most in meaning.costs.items()]
        words = f"at most {', '.join(told) or 'nothing that bytes bound'}"
        return "proven", "A", words

    def _change(self, id_: str) -> Said:
        _, meaning = self._meaning(id_)
        own = [f"{amount} to {address}" for address, amount in meaning.returns]
        if not own:
            return "proven", "A", "nothing goes to addresses that only the signer knows"
        if meaning.payer is not None:
            return "proven", "A", f"{', '.join(own)}, who pays it"
        return "stated", "D", f"{', '.join(own)}, the payer's own, says the signer"

    def _shown(self, txid: str) -> tuple[Block, bool, str]:
        """The block by its proof, whether nodes called it final, and who they were."""
        if not txid:
            raise NotRead("the bundle has nothing about a block")
        names = "family network txid captured_at nodes proof"
        row = fields(self.bundle.json(f"chain/{txid}"), names)
        ids = self.bundle.keys("transactions")
        found = [id_ for id_ in ids if self.transaction(id_)[0].txid == txid]
        wanted = self.chain.__name__.rpartition(".")[2], self.bundle.network, txid
        named = row["family"], row["network"], row["txid"]
        refute(named != wanted, "a proof of another network or transaction")
        refute(len(found) != 1, "a proof of a transaction that is not in the bundle")
        moment(row["captured_at"])
        nodes = listed(row["nodes"], least=1, most=64)
        if row["proof"] is None:
            height, hash_, who, final = said_by_nodes(nodes, None, None)
            return Block(height, hash_, "C", f"{who} said so", None, ""), final, who
        tx, meaning = self._meaning(found[0])
        shown: Block = self.chain.check_block(tx, meaning, row["proof"], self.pins.anchors)
        *_, who, final = said_by_nodes(nodes, shown.height, shown.hash)
        return shown, final, who

    def _block(self, txid: str) -> Said:
        block, _, _ = self._shown(txid)
        state = "stated" if block.grade == "C" else "proven"
        return state, block.grade, f"block {block.height} {block.hash}: {block.words}"

    def _final(self, txid: str) -> Said:
        block, final, who = self._shown(txid)
        if block.final_grade is not None:
            state = "stated" if block.final_grade == "C" else "proven"
            return state, block.final_grade, block.final_words
        if not final:
            return "not checked", "", f"not yet, said {who}"
        return "stated", "C", f"{who} said so"

    def _complete(self) -> Said:
        """Of what is shown, at most one is ever in a block: each two share a binding key."""
        ids = self.bundle.keys("transactions")
        refute(not ids, "no transaction is shown")
        keys = [set(self._parts(id_)[0][1]["binding"]) for id_ in ids]
        if any(not one & other for one, other in combinations(keys, 2)):
            raise Refuted("two of the transactions could both be in a block")
        return "stated", "D", f"{len(ids)} transactions; that there is no other, custody says"

    def _entries(self) -> Said:
        rows = [fields(row, _ENTRY) for row in listed(self.bundle.json("entries"))]
        for row in rows:
            units(row["amount"])
        return "stated", "D", f"{len(rows)} entries, which are custody's own books"


def rests_on(*pins: object) -> tuple[str, str]:
    """State and grade of what is right, given what was pinned: None is what wasn't."""
    return ("stated", "D") if None in pins else ("proven", "A")


def logged(bundle: Bundle, pins: Pins) -> Said:
    shown = pins.logged or bundle.logged
    if not shown:
        return "not checked", "", "no proof that the bundle is in a transparency log"
    return check_logged(shown, bundle.digest, pins.transparency, pins.witnesses)


def _check_one_log(shown: Sequence[Checkpoint]) -> None:
    """That one continues another only the log itself shows; two roots of one size are a fork."""
    roots = {(each.origin, each.size, each.root) for each in shown}
    if len(roots) != len({(origin, size) for origin, size, _ in roots}):
        raise Refuted("the log was forked: two roots of one size")
