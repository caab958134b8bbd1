"""Everything that the intruder tries: one table, which the threat model shows to people.

An attack is a row: its name, what the intruder does, and how the signer answers. `perform` does it
to a running signer and returns `code/detail`; `spoil` first damages the files of a stopped one.
"""

from __future__ import annotations

from typing import Final

from tests.hostile.attacks_channel import MESSAGES
from tests.hostile.attacks_consent import APPROVALS, POLICY
from tests.hostile.attacks_memory import FILES, GUARD
from tests.hostile.attacks_transactions import KEYS, TRANSACTIONS

ATTACKS: Final = (
    *TRANSACTIONS,
    *KEYS,
    *APPROVALS,
    *POLICY,
    *GUARD,
    *FILES,
    *MESSAGES,
)


def markdown() -> str:
    """The table, as it stands in docs/threat-model.md."""
    lines = ["| attack | what the intruder does | answer |", "|---|---|---|"]
    lines += [f"| {a.name} | {a.does} | `{a.expected}` |" for a in ATTACKS]
    return "\n".join(lines) + "\n"
