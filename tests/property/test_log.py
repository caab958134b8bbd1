"""Appends, crashes, backups and recoveries in any order: what was ever signed for an origin holds.

The model remembers every leaf that each origin ever had, also those that were lost. After every
step each checkpoint that was ever given out is the beginning of that list, the journal opens, its
log verifies, and whatever it still has of an origin it can prove against every checkpoint of it.
"""

import shutil
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from signer.auditlog import AuditLog
from signer.ceremonies.recovery import Skip, recover
from signer.checkpoint import open_checkpoint
from signer.journal import Journal
from signer.keychain import OwnKey
from signer.logfile import verify_log
from signer.state import StateDirectory
from signer.tree import (
    Frontier,
    check_consistency,
    check_inclusion,
    consistency_path,
    inclusion_path,
)
from tests.support.signer import NOON

KEY = OwnKey(bytearray([7] * 32))


class LogMachine(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.state = StateDirectory(Path(self.folder.name) / "s")
        self.state.path.mkdir()
        self.backup = Path(self.folder.name) / "backup"
        self.leaves = {}
        self.given_out = []
        self.highest = 0
        self.open()

    def open(self):
        self.journal = Journal(self.state.journal, KEY)
        self.log = AuditLog(self.state.log, self.journal)

    def teardown(self):
        self.journal.close()
        self.folder.cleanup()

    @rule(number=st.integers(1, 9))
    def append(self, number):
        with self.journal.transaction():
            for _ in range(number):
                record = self.journal.append({"kind": "refused", "at": "2026-03-04T12:00:00Z"})
                self.note(record)
        self.log.append()
        self.give_out()

    @rule()
    def restart(self):
        self.journal.close()
        self.open()

    @rule()
    def back_up(self):
        self.journal.close()
        shutil.rmtree(self.backup, ignore_errors=True)
        shutil.copytree(self.state.path, self.backup)
        self.open()

    @precondition(lambda self: self.backup.exists() and self.state.log.exists())
    @rule(with_log=st.booleans(), receipt=st.none() | st.integers(0, 20))
    def lose_and_recover(self, with_log, receipt):
        """From the backup; with a whole copy of the log nothing is lost. `receipt`: of the newest
        that somebody found, perhaps not the newest there was."""
        copy = shutil.copy(self.state.log, self.folder.name)
        self.journal.close()
        shutil.rmtree(self.state.path)
        shutil.copytree(self.backup, self.state.path)
        lossless = with_log and receipt is None
        skip = None if lossless else Skip(min(receipt or 0, self.highest), 1, ())
        recover(self.state, KEY, Path(copy) if with_log else None, skip, NOON).close()
        self.open()
        if skip is not None:
            self.note(self.journal.rare("recovered")[-1])
        self.give_out()

    def note(self, record):
        """In the model the leaf is the next of its origin, or the first of a new one."""
        last = self.journal.end_of(record.sequence)
        known = self.leaves.setdefault(last.origin, [])
        assert record.sequence - last.first == len(known)
        known.append(self.journal.nodes_of(last)(0, len(known)))
        self.highest = max(self.highest, record.sequence)

    def give_out(self):
        if self.journal.seal():
            self.given_out.append(open_checkpoint(self.journal.seal(), KEY.public_key))

    @invariant()
    def what_was_given_out_holds(self):
        for checkpoint in self.given_out:
            tree = Frontier()
            for leaf in self.leaves[checkpoint.origin][: checkpoint.size]:
                tree, _ = tree.grown(leaf)
            assert (tree.size, tree.root()) == (checkpoint.size, checkpoint.root)

    @invariant()
    def what_it_has_it_proves(self):
        for end in self.journal.ends():
            nodes = self.journal.nodes_of(end)
            for given in (each for each in self.given_out if each.origin == end.origin):
                old, new = sorted((given[1:], end.checkpoint()[1:]))
                if new[0] <= end.tree.size:
                    path = consistency_path(old[0], new[0], nodes)
                    check_consistency(old[0], new[0], old[1], new[1], path)
            for index in range(end.tree.size):
                path = inclusion_path(index, end.tree.size, nodes)
                check_inclusion(nodes(0, index), index, end.tree.size, path, end.tree.root())

    @invariant()
    def its_log_verifies(self):
        if self.journal.sequence:
            assert verify_log(self.state.log, KEY.public_key) == self.journal.end


LogMachine.TestCase.settings = settings(
    max_examples=25,
    stateful_step_count=15,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
TestLogMachine = LogMachine.TestCase
