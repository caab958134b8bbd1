"""What an HTTP status, or an error in an answer, says about the node. Pure.

Not every answer comes from the node. Proxies, load balancers and providers' gates stand before it
and speak in their own words, often with status 200. What they say is about us or about the way, and
never about the transaction or block that was asked about; so it must not be taken for a node's
refusal.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Final


class Meaning(StrEnum):
    READ = "read"
    """The body may be the node's own answer."""
    LIMITED = "limited"
    DENIED = "denied"
    AWAY = "away"


_DENIED: Final = frozenset({401, 402, 403, 407})
_AWAY: Final = frozenset({408, 425, 502, 503, 504})
_TOO_MANY: Final = 429
_FORBIDDEN: Final = 403
_CLOUD_FIRST: Final = 520
"""Content networks' own statuses begin here: the origin is away."""

_LIMIT: Final = re.compile(
    r"rate.?limit|too many (requests|connections)|too many concurrent|frequency limit"
    r"|request(s)?(/second| per second)? (rate|limit|quota)|compute units per second"
    r"|(exceed\w*|reached|over|out of) \w* ?\w* ?(quota|capacity|credits|requests)|throttl"
    r"|daily (request|limit)|quota (exceeded|reached)"
    r"|lack of computing resources|requests exceed",
    re.IGNORECASE,
)
_DENIAL: Final = re.compile(
    r"(invalid|missing|bad|unknown|expired|wrong|no) (api|access|project)[ _-]?(key|token|id)"
    r"|\bunauthorized\b|authenticat\w+ (required|failed)|must (be )?authenticate|access denied"
    r"|api[ _-]?key (is )?(invalid|missing|required|expired|disabled)|must provide (an )?api.?key"
    r"|\bforbidden\b",
    re.IGNORECASE,
)

LIMIT_CODES: Final = frozenset({429, -429, -32429, -32029, -32097})
"""JSON-RPC error codes of providers that no node uses. JSON-RPC 2.0 reserves -32099 to -32000 for
servers, and each kind of node gives these its own meaning: those are for the families to name."""
DENIAL_CODES: Final = frozenset({401, 403, -32401, -32403})


def of_status(status: int, text: str) -> Meaning:
    """`text`: the beginning of the body."""
    if status == _TOO_MANY or (status == _FORBIDDEN and says_limit(text)):
        return Meaning.LIMITED
    if status in _DENIED:
        return Meaning.DENIED
    redirects = 300 <= status < 400
    if status in _AWAY or redirects or status >= _CLOUD_FIRST:
        return Meaning.LIMITED if says_limit(text) else Meaning.AWAY
    return Meaning.READ


def of_error(code: int, message: str, limits: frozenset[int]) -> Meaning:
    """Of an error inside an answer. `limits`: codes with which this kind of node means a limit."""
    if code in LIMIT_CODES or code in limits or says_limit(message):
        return Meaning.LIMITED
    if code in DENIAL_CODES or says_denial(message):
        return Meaning.DENIED
    return Meaning.READ


def says_limit(text: str) -> bool:
    """Somebody wants to be asked less; java-tron's words for that are "lack of computing
    resources". Words of nodes about gas, fees or sizes are none of this."""
    return _LIMIT.search(text) is not None


def says_denial(text: str) -> bool:
    """Somebody does not accept our key, or misses one."""
    return _DENIAL.search(text) is not None
