"""`custody-keys`: what people do with the seed, the log and a journal that was lost.

A program of its own: what it needs (word lists, shares, recovery, a library for command lines) is
never loaded by the process that serves, `custody-signer`. It works in the signer's directory, on
the signer's machine, while nothing serves there. Secrets are typed or come through a file
descriptor. Each command says in one line what went wrong and leaves everything as it was.
"""

from __future__ import annotations

import typer

from signer.ceremonies import log, recovering, seed

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,  # they would print local variables
    help=__doc__,
)
log_app = typer.Typer(no_args_is_help=True, help="The audit log.")
pin_app = typer.Typer(no_args_is_help=True, help="What the signer trusts from the start.")
app.add_typer(log_app, name="log")
app.add_typer(pin_app, name="pin")

app.command()(seed.init)
app.command("import")(seed.import_words)
app.command()(seed.restore)
app.command()(seed.backup)
app.command()(seed.rotate_passphrase)
pin_app.command()(seed.administrators)
log_app.command()(log.verify)
log_app.command()(log.prove)
log_app.command()(log.check)
app.command("recover")(recovering.recover_command)
