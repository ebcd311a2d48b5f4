"""The command line: parses the arguments, runs one command, and turns errors into one line and an exit code."""

from __future__ import annotations

import argparse
import errno
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from cnndsd.desk.commands import (
    audition_command,
    bench_command,
    new_command,
    pack_command,
    picks_command,
    render_command,
    show_command,
    studio_command,
    vary_command,
    verify_command,
)
from cnndsd.desk.stopping import Stopped
from cnndsd.desk.terminal import BAD_INPUT, FAILED, FEWER, INTERRUPTED, prepare_output, say

# In the order of the help.
_COMMANDS = (
    pack_command,
    new_command,
    render_command,
    vary_command,
    studio_command,
    audition_command,
    picks_command,
    show_command,
    verify_command,
    bench_command,
)


# Of Windows, unless its registry allows more; files of a run have up to 30 letters more than its folder.
_LONGEST_PATH = 230


class _Parser(argparse.ArgumentParser):
    def __init__(self, **options: Any) -> None:
        # What is written in a script must mean the same when there are more options.
        super().__init__(allow_abbrev=False, **options)

    def error(self, message: str) -> NoReturn:
        self.exit(BAD_INPUT, f"{self.prog}: {_in_words(message)}; see {self.prog} --help\n")

    def refuse(self, unknown: Sequence[str], given: Sequence[str]) -> NoReturn:
        """End with an error about arguments that belong to nothing."""
        from cnndsd.schema import did_you_mean

        first = unknown[0]
        if first.startswith("-"):
            option = first.partition("=")[0]
            known = [name for action in self._actions for name in action.option_strings]
            self.error(f"unknown option {option}{did_you_mean(option, known)}")
        place = list(given).index(first) if first in given else 0
        together = f"{given[place - 1]} {first}" if place and not given[place - 1].startswith("-") else first
        self.error(f'"{first}" is one word too many; a name with spaces needs quotes, such as "{together}"')


def _names() -> list[str]:
    """Return the names of all commands."""
    return [command.__name__.rpartition(".")[2].removesuffix("_command") for command in _COMMANDS]


def _in_words(message: str) -> str:
    """Return an error of argparse without words of Python."""
    if found := re.fullmatch(r"argument (\S+): invalid (int|float) value: '(.*)'", message):
        thing = "a whole number" if found[2] == "int" else "a number"
        return f"argument {found[1]}: '{found[3]}' is not allowed; allowed: {thing}"
    if found := re.fullmatch(r"argument COMMAND: invalid choice: '(.*)' \(choose from .*\)", message):
        from cnndsd.schema import did_you_mean

        return f'"{found[1]}" is no command{did_you_mean(found[1], _names())}; commands: {", ".join(_names())}'
    if found := re.fullmatch(r"argument (\S+): expected .*", message):
        return f"{found[1]} needs a value behind it"
    if found := re.fullmatch(r"the following arguments are required: (.*)", message):
        names = f"; commands: {', '.join(_names())}" if found[1] == "COMMAND" else ""
        return f"{found[1]} is missing{names}"
    return message


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code. ``arguments``: those of the process when None."""
    try:
        prepare_output()
        arguments = sys.argv[1:] if arguments is None else arguments
        options, unknown = parser().parse_known_args(_joined(arguments))
        if unknown:
            options.parser.refuse(unknown, arguments)
        if options.run is None:
            options.parser.error("the following arguments are required: COMMAND")
        options.arguments = arguments
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
        return say(f"{where}{error.strerror or error}{_about_length(error.filename)}{_about_folder(error)}", FAILED)
    except MemoryError:
        return say("out of memory; a shorter sound or fewer jobs need less", FAILED)
    except Exception as error:
        from cnndsd.farm.factory import NothingPassed
        from cnndsd.schema import Failed, Invalid

        if isinstance(error, Invalid):
            return say(str(error), BAD_INPUT)
        if isinstance(error, NothingPassed):
            return say(str(error), FEWER)
        if isinstance(error, Failed):
            return say(str(error), FAILED)
        if isinstance(error, RuntimeError) and "start new thread" in str(error):
            return say(f"a thread cannot start ({error}); needed: a system that allows more", FAILED)
        raise


def _about_length(path: object) -> str:
    """Windows says of a path that is too long that it does not exist."""
    long = os.name == "nt" and isinstance(path, str) and len(os.path.abspath(path)) >= _LONGEST_PATH  # noqa: PTH100
    return f" (its path has over {_LONGEST_PATH} letters; a shorter --out may help)" if long else ""


def _about_folder(error: OSError) -> str:
    """Return what to do where the folder of a file is missing."""
    if error.errno != errno.ENOENT or error.filename is None:
        return ""
    folder = Path(os.fsdecode(error.filename)).parent
    return "" if folder.is_dir() else f"; the folder {folder} is missing: make it first, or check its name"


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
        "Example: cnndsd pack",
    )
    whole.add_argument("--version", action="version", version=f"cnndsd {__version__}")
    commands = whole.add_subparsers(title="commands", metavar="COMMAND")
    # Without a command, a wrong option is named first.
    whole.set_defaults(run=None, parser=whole)
    for command in _COMMANDS:
        command.add(commands)
    for one in commands.choices.values():
        one.set_defaults(parser=one)
    return whole
