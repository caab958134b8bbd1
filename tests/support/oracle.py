"""Independent wallets and libraries (Trust Wallet Core, tronweb, @solana/spl-token) as oracles.

They are JavaScript, asked over a pipe:

    with Oracle() as oracle:
        oracle.call("address", coin="tron", mnemonic=..., path=...)

The functions and their arguments are in `tests/oracles/oracle.mjs`.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Any

_SCRIPT = Path(__file__).parents[1] / "oracles" / "oracle.mjs"


class OracleFailed(AssertionError):
    """The oracle refused the arguments or stopped."""


class Oracle:
    """One `node` process that answers until `close`. Takes about a second to start."""

    def __init__(self) -> None:
        node = shutil.which("node")
        if node is None or not (_SCRIPT.parent / "node_modules").is_dir():
            raise OracleFailed("no node, or its packages are not installed: run `make setup`")
        self._process = subprocess.Popen(
            [node, str(_SCRIPT)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._asked = 0

    def call(self, function: str, **arguments: Any) -> Any:
        """The result, in JSON's types. Raises OracleFailed with the oracle's words."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._asked += 1
        request = {"id": self._asked, "function": function, "arguments": arguments}
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise OracleFailed(f"{function}: the oracle stopped")
        answer = json.loads(line)
        assert answer["id"] == self._asked
        if "error" in answer:
            raise OracleFailed(f"{function}: {answer['error']}")
        return answer["result"]

    def close(self) -> None:
        """Also ends by itself when we do: its input closes then."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()

    def __enter__(self) -> Oracle:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
