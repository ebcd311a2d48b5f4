"""The layout holds: imports run downwards, names are told apart, the command line is light, all is documented."""

import argparse
import ast
import importlib
import importlib.metadata
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import cnndsd
from cnndsd.__main__ import run
from cnndsd.desk import cli
from cnndsd.farm.units import version
from cnndsd.spec import Choice, Family, Limits, Mastering, Ranges, Search, Spec

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "cnndsd"
PACKAGES = ("sound", "ear", "finishing", "farm", "desk")
MODULES = sorted(
    "cnndsd." + ".".join(path.relative_to(PACKAGE).with_suffix("").parts)
    for path in PACKAGE.rglob("*.py")
    if path.stem != "__init__"
)
WITHOUT_NUMBA = {
    "schema", "profiles", "recipe", "spec", "sound.network", "sound.schedule", "farm.drawing", "farm.executors",
    "farm.factory",
}  # fmt: skip


def lint_imports(folder):
    """What import-linter says of the package in a folder."""
    command = [str(Path(sys.executable).with_name("lint-imports")), str(ROOT / "pyproject.toml")]
    return subprocess.run([*command, "--no-cache"], cwd=folder, capture_output=True, text=True)


def test_imports_run_downwards_only():
    done = lint_imports(ROOT)
    assert done.returncode == 0, done.stdout
    assert "0 broken" in done.stdout


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("sound/network.py", "from cnndsd.ear.judging import judge\n"),
        ("ear/kinds.py", "def late():\n    from cnndsd.farm import shelf\n"),
        ("schema.py", "import cnndsd.recipe\n"),
        ("farm/shelf.py", "from cnndsd.farm.factory import pack\n"),
        ("desk/commands/picks_command.py", "from cnndsd.desk.commands.vary_command import run as other\n"),
    ],
)
def test_an_upward_import_is_found(module, line, tmp_path):
    shutil.copytree(PACKAGE, tmp_path / "cnndsd", ignore=shutil.ignore_patterns("__pycache__"))
    with (tmp_path / "cnndsd" / module).open("a") as file:
        file.write(line)
    done = lint_imports(tmp_path)
    assert done.returncode == 1
    assert "BROKEN" in done.stdout


def test_every_package_says_what_it_turns_into_what():
    for name in PACKAGES:
        text = importlib.import_module(f"cnndsd.{name}").__doc__
        assert text.startswith("Turns ")
        assert " into " in text
    assert sorted(p.parent.name for p in PACKAGE.glob("*/__init__.py")) == sorted(PACKAGES)


def test_tests_lie_in_folders_of_the_packages_names():
    assert {p.parent.name for p in (ROOT / "tests").glob("*/test_*.py")} == set(PACKAGES)


def test_no_module_has_a_functions_name_and_none_is_a_drawer():
    functions = {
        node.name
        for path in PACKAGE.rglob("*.py")
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")
    }
    names = {name.rpartition(".")[2] for name in MODULES} | set(PACKAGES)
    assert not names & (functions | set(dir(cnndsd)))
    assert not names & {"utils", "helpers", "core", "common", "misc"}


@pytest.mark.parametrize("module", sorted(WITHOUT_NUMBA))
def test_light_modules_do_not_load_the_compiler(module):
    code = f"import sys, cnndsd.{module}; sys.exit('numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["pack", "--help"], ["render", "--help"]])
def test_help_imports_nothing_heavy(arguments):
    code = (
        "import sys, cnndsd.desk.cli\n"
        f"try: cnndsd.desk.cli.main({arguments!r})\n"
        "except SystemExit: pass\n"
        "sys.exit(str(sorted({'numpy', 'numba', 'scipy', 'msgspec', 'soundfile', 'tqdm'} & set(sys.modules))))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stderr == "[]\n"
    assert done.stdout


def test_public_names_are_shown_and_lazy():
    code = (
        "import sys, cnndsd; print(dir(cnndsd)); print('numba' in sys.modules);"
        "import cnndsd.farm.production, cnndsd.sound.rendering as r; print(r.__name__);"
        "print([name for name in dir(cnndsd) if not callable(getattr(cnndsd, name))])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    names, loaded, module, rest = done.stdout.splitlines()
    assert {"pack", "search", "vary", "verify", "show", "load_spec", "write", "kind", "score", "distance"} < set(
        ast.literal_eval(names)
    )
    assert (loaded, module, rest) == ("False", "cnndsd.sound.rendering", "[]"), done.stderr
    with pytest.raises(AttributeError, match="nonsense"):
        _ = cnndsd.nonsense


@pytest.mark.parametrize("folder", ["benchmarks", "scripts"])
def test_what_benchmarks_and_scripts_import_is_there(folder):
    """Most of them run only by hand."""
    for path in sorted((ROOT / folder).glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "cnndsd":
                module = importlib.import_module(node.module)
                for name in (name.name for name in node.names):
                    if not hasattr(module, name):
                        importlib.import_module(f"{node.module}.{name}")


def test_the_changelog_names_the_present_numbers():
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f"\n## Unreleased ({version()})\n" in text


def test_every_public_function_has_an_example():
    for name in dir(cnndsd):
        thing = getattr(cnndsd, name)
        assert thing.__doc__, name
        if not isinstance(thing, type):
            assert f">>> {name}(" in thing.__doc__, name


def test_the_installed_command_is_ours():
    (command,) = importlib.metadata.entry_points(group="console_scripts", name="cnndsd")
    assert command.load() is run


def commands():
    action = next(a for a in cli.parser()._actions if isinstance(a, argparse._SubParsersAction))
    return action.choices


@pytest.mark.parametrize("name", list(commands()))
def test_every_command_and_option_is_documented(name):
    text = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
    command = commands()[name]
    assert f"cnndsd {name}" in text
    assert "example" in command.epilog
    for action in command._actions:
        assert action.help, action.dest
        for option in action.option_strings:
            if option.startswith("--") and option != "--help":
                assert f"`{option}" in text, option


@pytest.mark.parametrize("kind", [Spec, Ranges, Family, Search, Limits, Choice, Mastering])
def test_every_key_of_a_spec_is_explained_in_the_default_one(kind):
    text = (ROOT / "packs" / "sample_pack.toml").read_text(encoding="utf-8")
    for field in kind.__struct_fields__:
        assert re.search(rf"^(# )?({field} = |\[{field}\])", text, re.MULTILINE), field


def test_text_is_read_and_written_in_an_encoding_that_is_named():
    """Where a path's type is known, ruff sees it; this sees it everywhere. On Windows the default is another."""
    found = []
    for path in sorted(ROOT.glob("**/*.py")):
        if any(part.startswith(".venv") for part in path.parts):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                name, given = node.func.attr, {keyword.arg for keyword in node.keywords}
                if name in ("read_text", "write_text") and not given & {"encoding", None}:
                    found.append(f"{path.relative_to(ROOT)}:{node.lineno}")
    assert found == []
