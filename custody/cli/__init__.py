"""The `custody` command: operate the wallet from a shell.

    custody migrate | serve | worker | reconcile    the operator's; need settings and a database
    custody address …                                addresses that were paid on a wrong network
    custody alarm … | vault … | rescan | rewind      the operator's at 3 a.m.: docs/runbook.md
    custody pause | resume | pauses                  hold back what is new, and let it go on
    custody contract-stops | lift-stop               contracts that vaults call no more
    custody debits                                   what left without a transfer
    custody ledger verify                            the books, recomputed from entries
    custody quarantine …                             deposits that are held before they are credited
    custody refill …                                 vaults that are refilled from another
    custody suspense …                               what came and is nobody's deposit
    custody backup | restore                         database and signer
    custody recover                                  after a restored database
    custody apikey …                                 who may call the API
    custody rpc-token …                              tokens in URLs, for wallets of apps
    custody chain …                                  how chains are followed, what is unlisted there
    custody asset add                                a row for a token, read from its contract
    custody contract add                             functions of a contract, described in a draft
    custody policy …                                 the administrators'
    custody payouts …                                send a payout file, see what became of it
    custody approver …                               the approvers', on their own machines
    custody audit …                                  an auditor's: one payment against the log
    custody evidence export                          one payment as one file
    custody log …                                    the transparency log
    custody devnet …                                 local networks, for tests and demonstrations

Commands import what they need when they run, so that `--help` is quick, and an approver's command
loads neither a database nor five chains. Secrets are shown once, on creation, and nowhere else.
"""

from __future__ import annotations

import typer

from custody.cli import (
    address,
    alarm,
    apikey,
    approver,
    asset,
    audit,
    backup,
    blocks,
    chain,
    coins,
    contract,
    contracts,
    debits,
    evidence,
    gas,
    ledger,
    log,
    pause,
    payouts,
    policy,
    quarantine,
    recover,
    refill,
    rpc_token,
    service,
    sooner,
    suspense,
    sweep,
    vault,
)
from custody.cli.output import Failure, told

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,  # they may print the values of variables
    help="Multi-chain custody wallet.",
)
app.command()(service.migrate)
app.command()(service.serve)
app.command()(service.worker)
app.command()(service.reconcile)
app.command()(blocks.rescan)
app.command()(blocks.rewind)
app.add_typer(address.app, name="address")
app.add_typer(alarm.app, name="alarm")
app.add_typer(vault.app, name="vault")
app.command()(pause.pause)
app.command()(pause.resume)
app.command()(pause.pauses)
app.command()(contracts.contract_stops)
app.command()(contracts.lift_stop)
app.command()(debits.debits)
app.add_typer(quarantine.app, name="quarantine")
app.add_typer(refill.app, name="refill")
app.add_typer(gas.app, name="gas")
app.add_typer(sweep.app, name="sweep")
app.add_typer(coins.app, name="coins")
app.add_typer(suspense.app, name="suspense")
app.add_typer(ledger.app, name="ledger")
app.command()(backup.backup)
app.command()(backup.restore)
app.command()(recover.recover)
app.add_typer(apikey.app, name="apikey")
app.add_typer(rpc_token.app, name="rpc-token")
app.add_typer(chain.app, name="chain")
app.add_typer(asset.app, name="asset")
app.add_typer(contract.app, name="contract")
app.add_typer(policy.app, name="policy")
app.add_typer(payouts.app, name="payouts")
app.add_typer(sooner.app, name="sooner")
app.add_typer(approver.app, name="approver")
app.add_typer(audit.app, name="audit")
app.add_typer(evidence.app, name="evidence")
app.add_typer(log.app, name="log")


@app.command(
    add_help_option=False,
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
)
@told
def devnet(context: typer.Context) -> None:
    """Local networks with the whole wallet on them: up, demo."""
    try:
        from custody.devnet.cli import app as devnet_app
    except ModuleNotFoundError as error:
        if not str(error.name).startswith(("custody.devnet", "chains.devnet")):
            raise
        raise Failure("the local networks are not part of this installation") from None
    devnet_app(context.args, prog_name="custody devnet")
