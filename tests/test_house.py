"""The house stays in order: imports run one way, the command line is light, and everything is documented."""

import argparse
import ast
import importlib.metadata
import re
import subprocess
import sys
from pathlib import Path

import pytest

from cnndsd import cli, compiler, farm
from cnndsd.__main__ import run
from cnndsd.spec import Choice, Family, Limits, Mastering, Ranges, Spec

ROOT = Path(__file__).parent.parent
# From the ground up: a room may import from those before it.
ROOMS = [
    "__init__", "schema", "profile", "recipe", "spec", "draw", "network", "compiler", "simd", "schedule", "kernel",
    "render", "measure", "judge", "describe", "kind", "score", "shelf", "choose", "findings", "master", "resample",
    "tune", "audiofile", "picture", "image", "replacing", "finish", "sound", "naming", "instrument", "page", "pack",
    "verify", "executors", "farm", "ledger", "run", "audition", "show", "bench", "cli", "__main__",
]  # fmt: skip
WITHOUT_NUMBA = {"schema", "profile", "recipe", "spec", "draw", "network", "schedule", "executors"}


def imports(room):
    tree = ast.parse((ROOT / "cnndsd" / f"{room}.py").read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "cnndsd":
            if node.module == "cnndsd":
                yield from (a.name for a in node.names if a.name in ROOMS)
            else:
                yield node.module.split(".")[1]


def test_every_room_is_on_the_list():
    assert {p.stem for p in (ROOT / "cnndsd").glob("*.py")} == set(ROOMS)


@pytest.mark.parametrize("room", [r for r in ROOMS if r != "__init__"])
def test_imports_run_one_way(room):
    assert set(imports(room)) <= set(ROOMS[: ROOMS.index(room)])


def test_kernels_are_kept_by_the_text_of_all_rooms_that_they_are_made_of():
    text = {room: (ROOT / "cnndsd" / f"{room}.py").read_text() for room in ROOMS}
    compiled = {room for room in ROOMS if re.search(r"^@(kernel|inlined|compiled)$", text[room], re.MULTILINE)}
    assert {*compiled, *imports("kernel"), *imports("simd"), *imports("schedule")} <= set(compiler._ROOMS)


def test_a_run_is_known_by_the_text_of_all_rooms_that_decide():
    """What a run's farm calls besides comes after the judging, and machines' profiles are no part of a sound."""
    deciding = set(farm._DECIDING)
    assert set().union(*map(imports, deciding - {"farm"})) <= {*deciding, "profile"}


@pytest.mark.parametrize("room", sorted(WITHOUT_NUMBA))
def test_light_rooms_do_not_load_the_compiler(room):
    code = f"import sys, cnndsd.{room}; sys.exit('numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["pack", "--help"], ["render", "--help"]])
def test_help_imports_nothing_heavy(arguments):
    code = (
        "import sys, cnndsd.cli\n"
        f"try: cnndsd.cli.main({arguments!r})\n"
        "except SystemExit: pass\n"
        "sys.exit(str(sorted({'numpy', 'numba', 'scipy', 'msgspec', 'soundfile', 'tqdm'} & set(sys.modules))))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stderr == "[]\n"
    assert done.stdout


def test_public_names_are_verbs_and_types_whatever_was_imported_before():
    code = "import cnndsd.farm, cnndsd; from cnndsd import render, judge; print(callable(render), callable(judge))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "True True\n", done.stderr


def test_the_installed_command_is_ours():
    (command,) = importlib.metadata.entry_points(group="console_scripts", name="cnndsd")
    assert command.load() is run


def commands():
    parser = cli._parser()
    action = next(a for a in parser._actions if isinstance(a, argparse._SubParsersAction))
    return action.choices


@pytest.mark.parametrize("name", list(commands()))
def test_every_command_and_option_is_documented(name):
    readme = (ROOT / "README.md").read_text()
    command = commands()[name]
    assert f"cnndsd {name}" in readme
    assert "example" in command.epilog
    for action in command._actions:
        assert action.help or action.metavar
        for option in action.option_strings:
            if option.startswith("--") and option != "--help":
                assert f"`{option}" in readme, option


@pytest.mark.parametrize("kind", [Spec, Ranges, Family, Limits, Choice, Mastering])
def test_every_key_of_a_spec_is_explained_in_the_default_one(kind):
    text = (ROOT / "packs" / "sample_pack.toml").read_text()
    for field in kind.__struct_fields__:
        assert re.search(rf"^(# )?({field} = |\[{field}\])", text, re.MULTILINE), field


def test_no_room_is_a_drawer():
    assert not {"utils", "helpers", "core", "common"} & set(ROOMS)
