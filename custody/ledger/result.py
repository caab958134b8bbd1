"""What came of a movement, ordered by precedence: a refused one has one reason, not any of several.

After TigerBeetle. Pure data.
"""

from __future__ import annotations

from enum import IntEnum
from typing import assert_never


class Result(IntEnum):
    """Lower wins when several are true. Names in lower case are stable codes."""

    CREATED = 0
    EXISTS_WITH_DIFFERENT_KIND = 1
    EXISTS_WITH_DIFFERENT_PENDING_ID = 2
    EXISTS_WITH_DIFFERENT_DEBIT_ACCOUNT = 3
    EXISTS_WITH_DIFFERENT_CREDIT_ACCOUNT = 4
    EXISTS_WITH_DIFFERENT_AMOUNT = 5
    EXISTS_WITH_DIFFERENT_SUBJECT = 6
    EXISTS_WITH_DIFFERENT_REASON = 7
    EXISTS = 8
    AMOUNT_NOT_POSITIVE = 9
    AMOUNT_TOO_LARGE = 10
    ACCOUNTS_ARE_THE_SAME = 11
    ASSETS_ARE_DIFFERENT = 12
    DEBIT_ACCOUNT_NOT_FOUND = 13
    CREDIT_ACCOUNT_NOT_FOUND = 14
    PENDING_NOT_FOUND = 15
    PENDING_IS_NOT_A_RESERVE = 16
    PENDING_ALREADY_SETTLED = 17
    PENDING_ALREADY_VOIDED = 18
    AMOUNT_ABOVE_RESERVED = 19
    AMOUNT_ABOVE_BALANCE = 20
    BALANCE_TOO_LARGE = 21

    @property
    def code(self) -> str:
        return self.name.lower()


def is_done(result: Result) -> bool:
    """Whether the movement stands, now or since an earlier attempt."""
    return result in (Result.CREATED, Result.EXISTS)


def is_worth_retrying(result: Result) -> bool:
    """Whether the same movement could succeed later, when other entries have changed balances."""
    match result:
        case Result.AMOUNT_ABOVE_BALANCE | Result.BALANCE_TOO_LARGE:
            return True
        case Result.DEBIT_ACCOUNT_NOT_FOUND | Result.CREDIT_ACCOUNT_NOT_FOUND:
            return True
        case Result.PENDING_NOT_FOUND:
            return True
        case (
            Result.CREATED
            | Result.EXISTS
            | Result.EXISTS_WITH_DIFFERENT_KIND
            | Result.EXISTS_WITH_DIFFERENT_PENDING_ID
            | Result.EXISTS_WITH_DIFFERENT_DEBIT_ACCOUNT
            | Result.EXISTS_WITH_DIFFERENT_CREDIT_ACCOUNT
            | Result.EXISTS_WITH_DIFFERENT_AMOUNT
            | Result.EXISTS_WITH_DIFFERENT_SUBJECT
            | Result.EXISTS_WITH_DIFFERENT_REASON
            | Result.AMOUNT_NOT_POSITIVE
            | Result.AMOUNT_TOO_LARGE
            | Result.ACCOUNTS_ARE_THE_SAME
            | Result.ASSETS_ARE_DIFFERENT
            | Result.PENDING_IS_NOT_A_RESERVE
            | Result.PENDING_ALREADY_SETTLED
            | Result.PENDING_ALREADY_VOIDED
            | Result.AMOUNT_ABOVE_RESERVED
        ):
            return False
        case unexpected:
            assert_never(unexpected)
