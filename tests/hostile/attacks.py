"""Everything that the intruder tries: one table, which the threat model shows to people."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from tests.hostile.attack import Attack
from tests.hostile.attacks_accounts import ACCOUNTS
from tests.hostile.attacks_apart import SIGNED_APART
from tests.hostile.attacks_calls import CALLS, DESCRIBED
from tests.hostile.attacks_channel import MESSAGES
from tests.hostile.attacks_consent import APPROVALS, POLICY, STOPS
from tests.hostile.attacks_memory import FILES, GUARD
from tests.hostile.attacks_said import SAID
from tests.hostile.attacks_second import SECOND
from tests.hostile.attacks_several import CANCELS, EFFECTS, PARTNERS, VERSIONS
from tests.hostile.attacks_transactions import KEYS, TRANSACTIONS

DOCUMENT: Final = Path(__file__).resolve().parents[2] / "docs" / "threat-model.md"
_START: Final = "<!-- attacks -->\n"
_END: Final = "<!-- /attacks -->\n"

GROUPS: Final[dict[str, tuple[Attack, ...]]] = {
    "transactions": TRANSACTIONS,
    "calls": CALLS,
    "described calls and allowances": DESCRIBED,
    "payments that anybody submits": SIGNED_APART,
    "messages that two sign": SECOND,
    "texts, logins and typed data": SAID,
    "accounts": ACCOUNTS,
    "keys": KEYS,
    "approvals": APPROVALS,
    "policy": POLICY,
    "the emergency stop": STOPS,
    "guard and windows": GUARD,
    "several transfers in one transaction": PARTNERS,
    "versions": VERSIONS,
    "cancels": CANCELS,
    "other effects": EFFECTS,
    "files": FILES,
    "messages and connections": MESSAGES,
}
ATTACKS: Final = tuple(attack for group in GROUPS.values() for attack in group)


def documented(text: str) -> str:
    """The threat model with the table as it should be."""
    before, _, rest = text.partition(_START)
    _, _, after = rest.partition(_END)
    lines = ["| | attack | what the intruder does | answer |", "|---|---|---|---|"]
    for group, attacks in GROUPS.items():
        lines += [
            f"| {group if attack is attacks[0] else ''} | {attack.name} | {attack.does} |"
            f" `{attack.expected}` |"
            for attack in attacks
        ]
    return before + _START + "\n".join(lines) + "\n" + _END + after
