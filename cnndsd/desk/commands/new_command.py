"""``cnndsd new``: a spec to change, with every key explained."""

from __future__ import annotations

import argparse
import json
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


def _title(name: str) -> str:
    """Return the name of a file as a line of text, with "?" in place of what is none."""
    return "".join(c if c.isprintable() else "?" for c in name)


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
    name, title = as_name(path.stem) or "my_pack", _title(path.stem)
    text = spec_path(like).read_text(encoding="utf-8")
    # The first line is about the file in the repository.
    lines = [
        (r"\A#.*", f"# A pack of your own. Make it with `cnndsd pack {_title(path.name)}`."),
        (r'^name = "[^"]*"', f'name = "{name}"'),
        (r'^title = "[^"]*"', f"title = {json.dumps(title, ensure_ascii=False)}"),
    ]
    for old, new in lines:
        text = re.sub(old, lambda _, new=new: new, text, count=1, flags=re.MULTILINE)  # type: ignore[misc]
    try:
        file = path.open("xb")
    except FileExistsError:
        raise Failed(f"{path}: is there already, and was not changed; allowed: another name") from None
    try:
        with file:
            file.write(text.encode())
    except OSError as error:
        path.unlink(missing_ok=True)
        raise OSError(error.errno, error.strerror, str(path)) from None
    # As it is, a name that begins with a minus would be taken for an option.
    shown = f"./{path}" if str(path).startswith("-") else str(path)
    print(shown)
    command = shell.command_line([*shell.program(), "pack", shown])
    return say(f"change it in any text editor; then: {command}", DONE)
