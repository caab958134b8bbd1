"""JSON from files and servers that nobody vouches for.

The decoder recurses, and relies on Python's recursion limit not to overflow the C stack; libraries
of the Ethereum world raise that limit to a height at which the process would die. So the nesting is
looked at first.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final

NESTING_MAX: Final = 100
_TOKENS: Final = re.compile(rb'"(?:[^"\\]|\\.)*+"|[\[{]|[\]}]', re.DOTALL)


def read_json(data: bytes, **hooks: Any) -> Any:
    """The value. Raises ValueError, of which json.JSONDecodeError says where. `hooks`: json's."""
    depth = 0
    for token in _TOKENS.finditer(data):
        opening = token[0]
        depth += (opening in (b"[", b"{")) - (opening in (b"]", b"}"))
        if depth > NESTING_MAX:
            raise ValueError("nested too deeply")
    return json.loads(data, **hooks)
