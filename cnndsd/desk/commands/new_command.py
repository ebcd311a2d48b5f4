"""``cnndsd new``: a spec to change, with every key explained."""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import Any

from cnndsd.desk import shell
from cnndsd.desk.terminal import DONE, say


def add(commands: Any) -> None:
    """Add the command and its options to the command line."""
    parser = commands.add_parser(
        "new",
        help="write a spec to change, with every key explained",
        description="Write a spec for a pack of your own: a TOML file in which every key is explained. A file that is "
        "there already is never changed.",
        epilog="example: cnndsd new my.toml",
    )
    parser.add_argument("file", metavar="MY.toml", help="the file to write; the pack gets its name")
    parser.add_argument(
        "--like",
        default=None,
        metavar="NAME",
        help="begin with another spec that comes with the program, such as adjusting (default: sample_pack)",
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run the command; returns its exit code."""
    from cnndsd.schema import Failed, Invalid, did_you_mean
    from cnndsd.shipped import DEFAULT, shipped_specs, spec_path
    from cnndsd.spec import as_name

    path, like = Path(options.file), options.like or DEFAULT
    if path.suffix.lower() != ".toml":
        raise Invalid(f"{path}: allowed: a name that ends in .toml")
    if like not in shipped_specs():
        meant = did_you_mean(like, shipped_specs())
        raise Invalid(f"--like: {like} is unknown{meant}; allowed: {', '.join(shipped_specs())}")
    name = as_name(path.stem) or "my_pack"
    text = spec_path(like).read_text(encoding="utf-8")
    # The first line is about the file in the repository.
    text = re.sub(r"\A#.*", f"# A pack of your own. Make it with `cnndsd pack {path.name}`.", text)
    text = re.sub(r'^name = "[^"]*"', f'name = "{name}"', text, count=1, flags=re.MULTILINE)
    text = re.sub(r'^title = "[^"]*"', f'title = "{path.stem}"', text, count=1, flags=re.MULTILINE)
    try:
        with path.open("x", encoding="utf-8", newline="\n") as file:
            file.write(text)
    except FileExistsError:
        raise Failed(f"{path}: is there already, and was not changed; allowed: another name") from None
    print(path)
    command = shell.command_line([*shell.program(), "pack", str(path)])
    return say(f"change it in any text editor; then: {command}", DONE)
