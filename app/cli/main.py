"""The commands and their help."""

import typer

from app.cli import (
    audit,
    backup,
    chaos,
    doctor,
    explain,
    failed,
    farm,
    keys,
    notify,
    reconcile,
    replay,
    restore,
    status,
    tail,
    trading,
)

HELP = """
A farm of Celery workers that trades crypto on MEXC by itself.

cdb up starts everything on this machine: on paper, against a simulated MEXC, unless settings say otherwise.

\b
Examples:
  cdb up --for 90s                          try it and look at the summary
  CDB_EXCHANGE=mexc cdb up                  paper trading on MEXC's live market
  cdb replay trades.csv.gz --speed 5        play recorded trades through a farm of its own
  cdb chaos --seed 1 --for 1m               kill and cut a farm of its own, and see that nothing is lost
  cdb backup                                keep a copy of the books; cdb restore NAME brings it back
  cdb doctor                                what is wrong, and what to do about it

Settings are CDB_* variables, in the environment or in .env; .env.example explains each, docs/settings.md lists them.
What the farm writes is in CDB_DATA_DIR (.cdb): the database, Redis' files, logs/.

\b
Exit codes: 0 done, 1 failed, 2 wrong usage or settings,
  3 not running or not reachable.
"""

cdb = typer.Typer(help=HELP, no_args_is_help=True, add_completion=False, rich_markup_mode=None)
cdb.command()(farm.up)
cdb.command()(replay.replay)
cdb.command()(chaos.chaos)
cdb.command()(status.status)
cdb.command()(tail.tail)
cdb.command()(explain.explain)
cdb.add_typer(audit.audit, name="audit")
cdb.add_typer(failed.failed, name="failed")
cdb.add_typer(notify.notify, name="notify")
cdb.add_typer(backup.backup, name="backup")
cdb.command()(restore.restore)
cdb.command()(doctor.doctor)
cdb.command()(reconcile.reconcile)
cdb.add_typer(keys.keys, name="keys")
cdb.command()(trading.halt)
cdb.command()(trading.reduce)
cdb.command()(trading.resume)
cdb.command()(trading.flatten)
cdb.command()(trading.expire)
cdb.command()(farm.migrate)
cdb.command()(farm.venue)
cdb.command()(farm.feed)
cdb.command()(farm.console)
cdb.command()(notify.notifier)
cdb.command()(farm.services)
cdb.command()(farm.service)
cdb.command()(farm.version)
