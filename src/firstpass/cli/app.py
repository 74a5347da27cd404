"""The `firstpass` command: collects the verbs, turns errors into one clear line and an exit code."""

from __future__ import annotations

import errno
import json
import os
import sqlite3
import sys
import traceback
from typing import Annotated, Any

import typer

from firstpass import __version__
from firstpass.cli import (
    demo,
    doctor,
    export,
    import_,
    init,
    labelers,
    prelabel,
    report,
    review,
    select,
    simulate,
    train,
    trial,
)  # fmt: skip
from firstpass.cli._run import words
from firstpass.errors import FirstpassError

# typer carries its own click since 0.29 and used the package before: either way this is what it raises for wrong words
_WRONG_WORDS: Any = next(c for c in typer.BadParameter.__mro__ if c.__name__ == "ClickException")

app = typer.Typer(
    name="firstpass",
    help="The model makes the first pass; your experts have the last word. From a folder of images to a reviewed data set.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

for verb in (init, import_, labelers, trial, prelabel, review, select, train, simulate, report, export, doctor, demo):
    app.command(verb.NAME, help=verb.__doc__)(verb.run)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(__version__)  # noqa: T201
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.", is_eager=True, callback=_print_version)
    ] = False,
) -> None:
    del version  # done by its callback


def main() -> None:
    """The entry point. Exits 0 done, 1 failed, 2 wrong usage, 3 done with problems, 130 stopped."""
    code = 0
    try:
        code = app(standalone_mode=False) or 0
    except typer.Exit as done:
        code = done.exit_code
    except _WRONG_WORDS as error:
        error.show()
        code = error.exit_code
    except (KeyboardInterrupt, typer.Abort):
        words("stopped; what was done is kept: the same command goes on from there")
        code = 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except FirstpassError as error:
        code = _fail(str(error), type(error).__name__, error.exit_code)
    except OSError as error:
        code = _fail(_os_words(error), type(error).__name__, 1)
    except Exception as error:  # noqa: BLE001  # the last door: a bug is told as one, with its place
        code = _fail(_bug_words(error), type(error).__name__, 1)
    sys.exit(int(code))


def _fail(message: str, kind: str, code: int) -> int:
    if "--json" in sys.argv:
        print(json.dumps({"error": message, "kind": kind}))  # noqa: T201
    words(f"error: {message}")
    if os.environ.get("FIRSTPASS_DEBUG"):
        traceback.print_exc()
    return code


def _os_words(error: OSError) -> str:
    where = f"{error.filename}: " if error.filename else ""
    if error.errno == errno.ENOSPC:
        return f"{where}the disk is full; what was written before is kept. Make room and run the command again"
    if error.errno in {errno.EACCES, errno.EROFS, errno.EPERM}:
        return f"{where}no permission to write or read here ({error.strerror}). Choose another folder or change its rights"
    return f"{where}{error.strerror or error}"


def _bug_words(error: Exception) -> str:
    if isinstance(error, sqlite3.DatabaseError):
        return f"the data base refused: {error}. Run `firstpass doctor`"
    last = traceback.extract_tb(error.__traceback__)[-1]
    place = f"{os.path.basename(last.filename)}:{last.lineno}"  # noqa: PTH119
    return f"a bug in Firstpass: {type(error).__name__}: {error} ({place}). Set FIRSTPASS_DEBUG=1 to see the whole trace"
