"""The command line: parses the arguments, runs one command, and turns errors into one line and an exit code."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from cnndsd.desk.commands import (
    audition_command,
    bench_command,
    pack_command,
    render_command,
    show_command,
    vary_command,
    verify_command,
)
from cnndsd.desk.stopping import Stopped
from cnndsd.desk.terminal import BAD_INPUT, FAILED, FEWER, INTERRUPTED, prepare_output, say

# In the order of the help.
_COMMANDS = (
    pack_command,
    render_command,
    vary_command,
    audition_command,
    show_command,
    verify_command,
    bench_command,
)


# Of Windows, unless its registry allows more; files of a run have up to 30 letters more than its folder.
_LONGEST_PATH = 230


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(BAD_INPUT, f"{self.prog}: {message}; see {self.prog} --help\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code. ``arguments``: those of the process when None."""
    prepare_output()
    arguments = sys.argv[1:] if arguments is None else arguments
    options = parser().parse_args(_joined(arguments))
    options.arguments = arguments
    try:
        return int(options.run(options))
    except KeyboardInterrupt:
        return say("interrupted", INTERRUPTED)
    except Stopped as stopped:
        return say(str(stopped), stopped.code)
    except BrokenPipeError:
        # The reader of stdout has gone (`cnndsd show … | head`): write the rest to nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except OSError as error:
        where = f"{error.filename}: " if error.filename is not None else ""
        return say(f"{where}{error.strerror or error}{_about_length(error.filename)}", FAILED)
    except MemoryError:
        return say("out of memory; a shorter sound or fewer jobs need less", FAILED)
    except Exception as error:
        from concurrent.futures import BrokenExecutor

        from cnndsd.farm.factory import NothingPassed
        from cnndsd.schema import Failed, Invalid

        if isinstance(error, Invalid):
            return say(str(error), BAD_INPUT)
        if isinstance(error, NothingPassed):
            return say(str(error), FEWER)
        if isinstance(error, Failed | BrokenExecutor):
            return say(str(error), FAILED)
        raise


def _about_length(path: object) -> str:
    """Windows says of a path that is too long that it does not exist."""
    long = os.name == "nt" and isinstance(path, str) and len(os.path.abspath(path)) >= _LONGEST_PATH  # noqa: PTH100
    return f" (its path has over {_LONGEST_PATH} letters; a shorter --out may help)" if long else ""


def _joined(arguments: Sequence[str]) -> list[str]:
    """Turn ``--weights -1,1`` into ``--weights=-1,1``: to argparse, a value that begins with a minus is an option."""
    joined: list[str] = []
    for argument in arguments:
        if joined and joined[-1] in ("--weights", "--biases") and argument.startswith("-"):
            joined[-1] += f"={argument}"
        else:
            joined.append(argument)
    return joined


def parser() -> argparse.ArgumentParser:
    """Return the parser of all commands."""
    from cnndsd import __version__

    whole = _Parser(
        prog="cnndsd",
        description="Sounds made by random, untrained, tiny neural networks that listen to themselves.",
        epilog="exit codes: 0 done, 1 failed, 2 bad option, spec or file, 3 done but fewer sounds than asked, "
        "4 verify found faults, 130 interrupted, 143 terminated, 129 hung up.  "
        "Example: cnndsd pack packs/sample_pack.toml",
    )
    whole.add_argument("--version", action="version", version=f"cnndsd {__version__}")
    commands = whole.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in _COMMANDS:
        command.add(commands)
    return whole
