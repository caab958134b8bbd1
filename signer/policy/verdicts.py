"""What a verdict says: values, with their stable words. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from signer.wire import Need


class Ruling(StrEnum):
    ALLOW = "allow"
    DENY = "deny"
    NEEDS_APPROVALS = "needs-approvals"
    NOT_YET = "not-yet"


class Detail(StrEnum):
    """Why, in one stable word. Of an evaluation and of each reason in its trace."""

    ALLOWED = "allowed"
    INITIATOR_UNKNOWN = "initiator-unknown"
    PAYMENT_OF_NOTHING = "payment-of-nothing"
    DENIED_BY_RULE = "denied-by-rule"
    NO_RULE = "no-rule"
    OUT_OF_SCOPE = "out-of-scope"
    AMOUNT_LIMIT = "amount-limit"
    WINDOW_AMOUNT = "window-amount"
    WINDOW_COUNT = "window-count"
    USAGE_UNKNOWN = "usage-unknown"
    COST_LIMIT = "cost-limit"
    MANDATE_LIFETIME = "mandate-lifetime"
    HOURS = "hours"
    MESSAGE_UNNAMED = "message-unnamed"
    ALLOWANCE_UNLIMITED = "allowance-unlimited"
    CALL_CONDITION = "call-condition"
    CALL_DEADLINE = "call-deadline"
    CALL_VALUE = "call-value"
    DESTINATION_COOLING = "destination-cooling"
    APPROVALS = "approvals"
    TIME_LOCK = "time-lock"


class Reason(NamedTuple):
    detail: Detail
    text: str


Broken = Iterator[Reason]
"""What of a rule does not hold."""


class RuleTrace(NamedTuple):
    """What became of one rule. `applies`: a deny rule denies, an allow rule could decide."""

    rule: str
    allows: bool
    applies: bool
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """`rule`: the one that decided, if any. `not_before`: when a running time lock ends.
    `trace`: every rule, in the document's order; none, if no rule was read."""

    ruling: Ruling
    detail: Detail
    rule: str | None
    needs: tuple[Need, ...]
    not_before: datetime | None
    trace: tuple[RuleTrace, ...]
