"""The command's entry point: finds commands by name and imports only the one that runs."""

import importlib
import logging
import sys

import click

from app.cli.arenas import few_arenas
from app.cli.offline import stay_offline
from app.errors import TouchstoneError

COMMANDS = {
    "serve": "app.cli.serve:serve",
    "ask": "app.cli.ask:ask",
    "answers": "app.cli.answers:answers",
    "rerank": "app.cli.rerank:rerank",
    "ingest": "app.cli.ingest:ingest",
    "chunks": "app.cli.chunks:chunks",
    "jobs": "app.cli.jobs:jobs",
    "documents": "app.cli.collections:documents",
    "collections": "app.cli.collections:collections",
    "suspicious": "app.cli.suspicious:suspicious",
    "reindex": "app.cli.ingest:reindex",
    "models": "app.cli.models:models",
    "evaluate": "app.cli.evaluate:evaluate",
    "attack": "app.cli.attack:attack",
    "golden": "app.cli.golden:golden",
    "gaps": "app.cli.gaps:gaps",
    "bench": "app.cli.bench:bench",
    "doctor": "app.cli.doctor:doctor",
    "index": "app.cli.index:index",
    "backup": "app.cli.backup:backup",
    "restore": "app.cli.backup:restore",
    "assistants": "app.cli.assistants:assistants",
    "snippets": "app.cli.snippets:snippets",
    "users": "app.cli.users:users",
    "groups": "app.cli.groups:groups",
    "grants": "app.cli.grants:grants",
    "keys": "app.cli.keys:keys",
    "audit": "app.cli.audit:audit",
}
HELP = {
    "serve": "Serve the chat page.",
    "ask": "Ask a question and read the cited answer.",
    "answers": "List answers that were given, and whether their quotes still stand.",
    "rerank": "Judge candidates against a query, best first.",
    "ingest": "Add files or folders to a collection.",
    "chunks": "Show how a file would be cut, without keeping it.",
    "jobs": "List, show, cancel or retry what is being ingested.",
    "documents": "List, delete, restore or roll back documents.",
    "collections": "List, make, describe or delete collections.",
    "suspicious": "List text in documents that speaks to a language model.",
    "reindex": "Build a collection's index again with the present models.",
    "models": "Fetch or check model weights.",
    "evaluate": "Ask sets of labelled questions; measure every stage and the answers.",
    "attack": "Run a set of prompt injections through the path that chat uses.",
    "gaps": "List or export questions that were answered badly or not at all.",
    "golden": "Make and check sets of labelled questions about your documents.",
    "bench": "Measure speed; writes a result file.",
    "doctor": "Check this machine, the data and the models; repair what can be repaired.",
    "index": "Build the indexes again from the database.",
    "backup": "Write everything that cannot be made again into one file, while serving.",
    "restore": "Put a backup into a new data directory.",
    "assistants": "List, make, change or delete named ways of asking.",
    "snippets": "List, write, approve or delete answers that assistants offer first.",
    "users": "List, add, change or remove people who may sign in.",
    "groups": "List, make, fill or delete groups of users.",
    "grants": "Say who may read, write or manage a collection.",
    "keys": "List, make or revoke API keys.",
    "audit": "List who did what; check that the log is whole.",
}


class Commands(click.Group):
    """Commands that are imported when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Every command, in the order a newcomer needs them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, imported now."""
        if cmd_name not in COMMANDS:
            return None
        stay_offline(cmd_name)
        module, name = COMMANDS[cmd_name].split(":")
        command: click.Command = getattr(importlib.import_module(module), name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list for ``--help``, without importing any command."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, HELP[name]) for name in COMMANDS])


@click.group(cls=Commands)
@click.version_option(package_name="touchstone-kb", prog_name="touchstone")
@click.option("-v", "--verbose", is_flag=True, help="Show the log on standard error.")
def cli(verbose: bool) -> None:
    """Touchstone: answers tested against your documents before anyone reads them."""
    logging.basicConfig(
        level=logging.INFO if verbose else logging.ERROR,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
        stream=sys.stderr,
    )
    if not verbose:
        logging.disable(logging.ERROR)  # errors are said in one line by main()


def main() -> None:
    """Run the command; known errors become one line on standard error and an exit code of their own."""
    few_arenas()
    try:
        cli.main(prog_name="touchstone", standalone_mode=True)
    except TouchstoneError as error:
        click.echo(f"touchstone: {error}", err=True)
        sys.exit(error.exit_code)
    except _stage_errors() as error:
        click.echo(f"touchstone: {error}", err=True)
        sys.exit(1)


def _stage_errors() -> tuple[type[Exception], ...]:
    """The error roots of the stages, looked up only once something has failed."""
    from generation.errors import GenerationError
    from ingest.errors import IngestError
    from rerank.errors import RerankError
    from retrieval.errors import RetrievalError

    return (RetrievalError, RerankError, GenerationError, IngestError)
