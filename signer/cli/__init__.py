"""`custody-signer`: making, keeping and running the signer. For its operator, on its own machine.

Secrets are typed or come through a file descriptor. Each command says in one line what went wrong
and leaves everything as it was.
"""

from __future__ import annotations

import typer

from signer.cli import keystore, policy, records, serving

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,  # they would print local variables
    help=__doc__,
)
log_app = typer.Typer(no_args_is_help=True, help="The audit log.")
pin_app = typer.Typer(no_args_is_help=True, help="What the signer trusts from the start.")
policy_app = typer.Typer(no_args_is_help=True, help="The policy, past custody.")
app.add_typer(log_app, name="log")
app.add_typer(pin_app, name="pin")
app.add_typer(policy_app, name="policy")

app.command()(keystore.init)
app.command("import")(keystore.import_words)
app.command()(keystore.restore)
app.command()(keystore.backup)
app.command()(keystore.rotate_passphrase)
pin_app.command()(keystore.administrators)
app.command("serve")(serving.serve_command)
app.command()(serving.unlock)
app.command()(serving.lock)
app.command()(serving.status)
log_app.command()(records.verify)
log_app.command()(records.prove)
log_app.command()(records.check)
policy_app.command()(policy.publish)
policy_app.command()(policy.show)
app.command("recover")(records.recover_command)
