"""Who may say what: policies as administrators signed them, and whose approval counts.

Of a policy only that is read: administrators, persons, machines, groups, and what each rule asks of
people. What else a rule says was the signer's to judge; that its conditions held is its word.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from typing import Any, Final, NamedTuple

from custody_verify.errors import Refuted, refute, reject
from custody_verify.keys import check_ed25519
from custody_verify.strict import fields, listed, number, octets, parse_jcs, text

_POLICY: Final = b"custody-wallet/policy/v1\n"
_TOP: Final = "format version administrators persons machines groups destinations rules"
_GRANT: Final = "costs approvals time_lock_s mandate_lifetime_s"
_VERDICTS: Final = {
    "approve": b"custody-wallet/approval/v2\n",
    "reject": b"custody-wallet/rejection/v2\n",
}

Keys = dict[str, tuple[bytes, ...]]
"""By a person's id, the keys under any of which a signature is theirs."""


class Administrators(NamedTuple):
    threshold: int
    members: Keys

    @classmethod
    def parse(cls, value: Any) -> Administrators:
        row = fields(value, "threshold members")
        members, threshold = _persons(row["members"]), number(row["threshold"])
        reject(not 0 < threshold <= len(members), "a threshold that nobody or anybody reaches")
        return cls(threshold, members)


class Rule(NamedTuple):
    """How many of which group, in which order; `allows` is False for one that denies."""

    allows: bool
    in_sequence: bool
    needs: tuple[tuple[str, int], ...]


class Policy(NamedTuple):
    """`digest`: of the document, as records name it."""

    version: int
    digest: bytes
    administrators: Administrators
    persons: Keys
    machines: dict[str, tuple[str, ...]]
    groups: dict[str, tuple[str, ...]]
    rules: dict[str, Rule]

    @classmethod
    def parse(cls, document: bytes) -> Policy:
        """Raises Unreadable."""
        top = fields(parse_jcs(document), f"{_TOP} networks assets", "contracts")
        reject(number(top["format"]) != 2, "a policy of a format that is not known here")
        rules = [fields(row, "id effect scope limits grant") for row in listed(top["rules"])]
        return cls(
            version=number(top["version"]),
            digest=sha256(document).digest(),
            administrators=Administrators.parse(top["administrators"]),
            persons=_persons(top["persons"]),
            machines=_named(top["machines"], "operators"),
            groups=_named(top["groups"], "members"),
            rules=_distinct([(text(row["id"]), _rule(row)) for row in rules]),
        )

    def check_approved(self, rule: str, initiator: str, approvers: Sequence[str]) -> str:
        """That `approvers`, in their order, fill the rule's seats: each sits once, and nobody who
        asked, or operates the machine that did, sits at all. Says who was needed."""
        found = self.rules.get(rule)
        if found is None or not found.allows:
            raise Refuted(f"the policy has no rule {rule} that allows anything")
        asking = self.machines.get(initiator, (initiator,))
        sitting = [who for who in approvers if who in self.persons and who not in asking]
        if len(set(approvers)) < len(approvers) or len(sitting) < len(approvers):
            raise Refuted("an approver counts twice, is nobody, or asked for it")
        seats = [group for group, count in found.needs for _ in range(count)]
        filled = self._in_sequence if found.in_sequence else self._in_any_order
        refute(not filled(seats, sitting), f"not the approvals that the rule {rule} asks for")
        return ", ".join(f"{count} of {group}" for group, count in found.needs) or "nobody"

    def _in_sequence(self, seats: Sequence[str], people: Sequence[str]) -> bool:
        waiting = iter(people)
        return all(any(who in self.groups.get(seat, ()) for who in waiting) for seat in seats)

    def _in_any_order(self, seats: Sequence[str], people: Sequence[str]) -> bool:
        """Augmenting paths: somebody sits elsewhere if that makes room."""
        taken: dict[int, str] = {}

        def seat(who: str, tried: set[int]) -> bool:
            for at, group in enumerate(seats):
                if at in tried or who not in self.groups.get(group, ()):
                    continue
                tried.add(at)
                if at not in taken or seat(taken[at], tried):
                    taken[at] = who
                    return True
            return False

        return sum(seat(who, set()) for who in people) == len(seats)


def check_policies(parts: Sequence[tuple[int, Any]], pinned: Administrators | None) -> list[Policy]:
    """Each is signed by a quorum of those whom the one before it names, the first of the `pinned`
    ones, if any are. `parts`: version and signed policy."""
    found: list[Policy] = []
    quorum = pinned
    for version, part in parts:
        row = fields(part, "document signatures")
        document = row["document"].encode() if isinstance(row["document"], str) else b""
        policy = Policy.parse(document)
        if policy.version != version or (found and version <= found[-1].version):
            raise Refuted(f"policy {version} has another version, or comes before an older one")
        if quorum is not None:
            _check_quorum(document, row["signatures"], quorum, version)
        found.append(policy)
        quorum = policy.administrators
    return found


def _check_quorum(document: bytes, said: Any, quorum: Administrators, version: int) -> None:
    if not isinstance(said, dict) or not said.keys() <= quorum.members.keys():
        raise Refuted(f"policy {version} is signed by somebody who is no administrator")
    if len(said) < quorum.threshold:
        raise Refuted(f"policy {version} has {len(said)} signatures of {quorum.threshold}")
    for who, signature in said.items():
        check_signed(quorum.members[who], octets(signature, 64), _POLICY + document, who)


def check_signed(keys: Sequence[bytes], signature: bytes, message: bytes, who: str) -> None:
    for key in keys:
        try:
            check_ed25519(key, signature, message)
        except Refuted:
            continue
        return
    raise Refuted(f"the signature of {who} is under none of their keys")


def check_verdicts(part: Any, digest: bytes, policies: Sequence[Policy]) -> dict[str, str]:
    """Of each approver who approved the mandate with this digest, the signature in hex. Every
    verdict must be signed under a policy of the bundle, and nobody says two things."""
    rows = [fields(row, "approver verdict signature") for row in listed(part, most=256)]
    said = _distinct([(text(row["approver"]), row) for row in rows])
    for who, row in said.items():
        reject(row["verdict"] not in _VERDICTS, "a verdict that is neither approve nor reject")
        keys = [key for policy in policies for key in policy.persons.get(who, ())]
        message = _VERDICTS[row["verdict"]] + digest
        check_signed(keys, octets(row["signature"], 64), message, who)
    return {who: row["signature"] for who, row in said.items() if row["verdict"] == "approve"}


def _persons(value: Any) -> Keys:
    """Nobody twice, and no key under two names: else somebody counts twice."""
    rows = [fields(row, "id credentials") for row in listed(value)]
    persons = _distinct([(text(row["id"]), _credentials(row["credentials"])) for row in rows])
    keys = [key for each in persons.values() for key in each]
    reject(len(set(keys)) != len(keys), "one key under two names")
    return persons


def _credentials(value: Any) -> tuple[bytes, ...]:
    rows = [fields(row, "kind key") for row in listed(value, least=1)]
    reject(any(row["kind"] != "ed25519" for row in rows), "a credential that is not known here")
    return tuple(octets(row["key"], 32) for row in rows)


def _named(value: Any, members: str) -> dict[str, tuple[str, ...]]:
    rows = [fields(row, f"id {members}") for row in listed(value)]
    return _distinct([(text(row["id"]), tuple(map(text, listed(row[members])))) for row in rows])


def _rule(row: dict[str, Any]) -> Rule:
    if row["grant"] is None:
        return Rule(False, False, ())
    grant = fields(row["grant"], _GRANT, "unlimited messages")
    asked = fields(grant["approvals"], "order needs")
    reject(asked["order"] not in ("any", "sequence") or row["effect"] != "allow", "an unknown rule")
    needs = [fields(need, "group count") for need in listed(asked["needs"])]
    seats = tuple((text(need["group"]), number(need["count"])) for need in needs)
    return Rule(True, asked["order"] == "sequence", seats)


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    reject(len(found) != len(pairs), "the same name twice")
    return found
