"""Every stable code that a program may meet, in words, and written to `docs/errors.md`.

python -m api.errorcodes docs/errors.md
"""

from __future__ import annotations

from typing import Final

from api.errorcodes.messages import MESSAGES
from api.errorcodes.model import Word, Words
from api.errorcodes.peers import CHAINS, DENIALS, SIGNER, WAITS
from api.errorcodes.requests import COMMANDS, CUSTODY, FORM
from custody.ledger.result import Result

LEDGER: Final[Words] = {
    result.code: Word(
        (409,),
        f"The ledger refused the movement: {result.code.replace('_', ' ')}.",
        "Tell the operator: custody asked for a movement that does not fit the books.",
    )
    for result in Result
    if result not in (Result.CREATED, Result.EXISTS) and result.code not in CUSTODY
}

_SECTIONS: Final = (
    ("Requests", "A request that has not the documented form, or no right to the route.", FORM),
    ("Custody", "A request that is understood and refused.", CUSTODY),
    ("Messages", "What is asked to be signed beside transactions.", MESSAGES),
    (
        "Chains",
        "Of addresses, amounts and nodes; those with 502 and 503, and of building, are also what a "
        "transfer waits for (`waiting`).",
        CHAINS,
    ),
    (
        "The signer",
        "`signer_` and the signer's own word. A transfer shows it in `waiting` while time or "
        "people can heal it, else in `reason`.",
        SIGNER,
    ),
    ("What only transfers wait for", "Values of `waiting` that no answer has as `code`.", WAITS),
    (
        "Why a policy says no",
        "In `detail` of `policy_denied` and in a transfer's `reason`, as `policy/word`.",
        DENIALS,
    ),
    ("The ledger", "Never seen unless something is wrong with us.", LEDGER),
    ("Commands", "Told by the operator's commands only.", COMMANDS),
)


def words() -> dict[str, Word]:
    """All of them, by code."""
    return {code: word for _, _, section in _SECTIONS for code, word in section.items()}


def text() -> str:
    """The page, as it is committed."""
    lines = [
        "# Error codes",
        "",
        "Every answer that is no success is an RFC 9457 problem: programs read `code`, which never "
        "changes; people read `detail`. 503 comes with `Retry-After`. This page is written by "
        "`make errors` from `api/errorcodes/`.",
    ]
    for title, about, section in _SECTIONS:
        lines += ["", f"## {title}", "", about, "", "| code | status | meaning | what to do |"]
        lines.append("|---|---|---|---|")
        for code, word in sorted(section.items()):
            statuses = ", ".join(map(str, word.statuses)) or "–"
            lines.append(f"| `{code}` | {statuses} | {word.meaning} | {word.advice} |")
    return "\n".join(lines) + "\n"
