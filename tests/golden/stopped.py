"""Makes `files/signer_stopped`: the golden signer once more, stopped by an administrator.

A record of this kind is newer than the other golden files. It was written beside them by
`python -m tests.golden.stopped`, and is read for ever like them.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from signer.keystore import unlock
from signer.policy import Stop, stop_message
from signer.session import Session
from signer.state import StateDirectory
from tests.golden import files
from tests.support.signer import ADMINISTRATORS, PASSPHRASE

REASON = "a laptop was stolen"


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="golden-") as name:
        state = StateDirectory(Path(name) / "signer")
        files.copy_signer(files.SIGNER, state.path)
        contents = unlock(state.keystore, bytearray(PASSPHRASE))
        session = Session(state, contents, ["ethereum-local"])
        by, origin = ADMINISTRATORS[0], session.journal.end.origin
        version = session.guard.in_force.version
        message = stop_message(origin, version, by.name, REASON)
        session.publisher.stop(Stop(origin, version, by.name, REASON, by.key.sign(message)))
        session.close()
        files.close_journal(state.path)
        files.copy_signer(state.path, files.SIGNER_STOPPED)


if __name__ == "__main__":
    main()
