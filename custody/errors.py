"""What a service says when it refuses, as one tree with stable codes. HTTP is the API's affair.

    CustodyError
    ├── Invalid           the request can't mean anything sensible (`field` names the culprit)
    ├── NotFound          there is no such thing, or not for this caller: both look the same
    ├── Forbidden         the caller may not do this
    ├── Conflict          the request contradicts what already happened
    ├── Unprocessable     well-formed and understood, but money, policy or state say no
    └── Unavailable       nothing is wrong with the request; an operator has to do something first

`code` is for programs and never changes (`amount_above_balance`, `vault_not_found`, …); the message
is for people. Errors of `chains` (ChainError.code) and of the signer client pass through unchanged.
"""

from __future__ import annotations

from collections.abc import Mapping


class CustodyError(Exception):
    """`named`: what it is about, for programs: further members of the problem by their names."""

    def __init__(
        self,
        code: str,
        message: str,
        *,
        field: str | None = None,
        named: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.field = field
        self.named = dict(named or {})


class Invalid(CustodyError):
    pass


class NotFound(CustodyError):
    pass


class Forbidden(CustodyError):
    pass


class Conflict(CustodyError):
    pass


class Unprocessable(CustodyError):
    pass


class Unavailable(CustodyError):
    pass


class IllegalTransition(AssertionError):
    """A programmer's error: the caller did not look at the state of the row that it has locked."""
