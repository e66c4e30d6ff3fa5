"""The ``uproar`` command. Commands load when they are called, so that ``uproar --help`` stays fast."""

from __future__ import annotations

import os
import sys
from importlib.metadata import version

from cyclopts import App, CycloptsError

from detectors.errors import UproarError
from flows.cli.output import DONE, STOPPED, USAGE, note

app = App(
    name="uproar",
    help="Hears an outage before the status page admits it.",
    version=lambda: version("uproar"),
    result_action="return_value",
    suppress_keyboard_interrupt=False,
)

_COMMANDS = {
    "demo": ("demo:demo", "Replay the bundled simulated outage end to end and write its incident page."),
    "replay": ("replay:replay", "Find the incidents in a file of posts, or of counts."),
    "watch": ("watch:watch", "Run the live pipeline in this process, without a server."),
    "serve": ("watch:serve", "Run the live pipeline as a Prefect deployment on a schedule."),
    "sources": ("sources:sources", "Show how each source is doing, what is wrong, and what it cost."),
    "status": ("status:status", "Show what the official status pages say, and every wording that they had."),
    "backfill": ("backfill:backfill", "Bring many files of posts into the store, several at a time."),
    "incidents": ("incidents:incidents", "List the incidents in the store."),
    "show": ("incidents:show", "Show one incident: its record, its history, or its page."),
    "silence": ("alerts:silence", "Mute what fits for a while, or list what is muted."),
    "ack": ("alerts:ack", "Acknowledge an incident: receivers hear no more of it until it is over."),
    "deliveries": ("alerts:deliveries", "Show what was told to whom, what waits, and what could not be delivered."),
    "test-receiver": ("alerts:try_receiver", "Send a receiver a test message."),
    "counts": ("incidents:counts", "Print the counts in the store."),
    "simulate": ("simulate:simulate", "Write simulated posts or counts, with their truth."),
    "scoreboard": (
        "scoreboard:scoreboard",
        "Measure detectors on simulation, real counts and NAB, and write the table.",
    ),
    "purge": ("sources:purge", "Forget posts of an author, one post, or all before an instant; counts stay."),
    "init": ("setup:init", "Write a commented configuration."),
    "doctor": ("doctor:doctor", "Check configuration, store, sources and Prefect; say what to do."),
}
for _name, (_target, _help) in _COMMANDS.items():
    app.command(f"flows.cli.{_target}", name=_name, help=_help)


def main(argv: list[str] | None = None) -> None:
    """Run the command line and exit: 0 done, 1 done but something needs a look, 2 usage or configuration."""
    code = run(sys.argv[1:] if argv is None else argv)
    if code == STOPPED:  # Python would wait for the threads that wait for a platform; the store may be left any time
        sys.stdout.flush()
        os._exit(code)
    sys.exit(code)


def run(argv: list[str]) -> int:
    """Run the command line and return its exit code."""
    try:
        result = app(argv, exit_on_error=False, print_error=False)
    except CycloptsError as error:
        note(f"uproar: {error}")
        note("See: uproar --help")
        return USAGE
    except UproarError as error:
        note(f"uproar: {error}")
        return USAGE
    except BrokenPipeError:  # whoever read the output has seen enough; what is left goes nowhere
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except OSError as error:
        note(f"uproar: {error.filename or 'input or output failed'}: {error.strerror or type(error).__name__}")
        return USAGE
    except KeyboardInterrupt:
        note("uproar: stopped")
        return STOPPED
    return int(result or 0)
