"""Commands that are printed are pasted: the program as it was called, quoted for the shell at hand."""

import argparse
import os
import subprocess
import sys
from pathlib import Path

import pytest

from cnndsd.desk import shell
from cnndsd.desk.commands import pack_command

WORDS = ["cnndsd", "pack", "my specs/it's.toml", "--key", "F# dorian", "--keep", "12,99", "", "a\\b", "$HOME"]
CMD, POWERSHELL = {"PROMPT": "$P$G"}, {}


@pytest.mark.skipif(os.name == "nt", reason="no POSIX shell is there")
def test_a_posix_shell_reads_the_very_words():
    line = shell.command_line(WORDS)
    told = subprocess.run(["sh", "-c", f"printf '%s\\n' {line}"], capture_output=True, text=True, check=True).stdout
    assert told.splitlines() == WORDS


def test_cmd_and_powershell_read_one_word_each():
    line = shell.command_line(["cnndsd", "pack", r"C:\my specs\a.toml", "--keep", "12,99", "--out", "b c\\"], "nt", CMD)
    assert line == 'cnndsd pack "C:\\my specs\\a.toml" --keep "12,99" --out "b c\\\\"'
    spaced = [r"C:\Program Files\cnndsd.exe", "pack"]
    assert shell.command_line(spaced, "nt", CMD) == r'"C:\Program Files\cnndsd.exe" pack'
    # A quoted text alone is a value there.
    assert shell.command_line(spaced, "nt", POWERSHELL) == r'& "C:\Program Files\cnndsd.exe" pack'
    assert shell.command_line(["cnndsd", 'a "b" c'], "nt", CMD) == r'cnndsd "a \"b\" c"'


def test_cmd_and_powershell_put_in_no_variables():
    words = ["cnndsd", "a%PATH%.toml", r"C:\%X%\y", "“mine”", "my $HOME.toml", "b`n", 'a "b"']
    # As the rules of both shells say: of the parser of cmd on its command line, and about_Quoting_Rules.
    cmd = [r'"a"^%"PATH"^%".toml"', r'"C:\\"^%"X"^%"\y"', '"“mine”"', '"my $HOME.toml"', '"b`n"', r'"a \"b\""']
    assert shell.command_line(words, "nt", CMD) == " ".join(["cnndsd", *cmd])
    power = ['"a%PATH%.toml"', r'"C:\%X%\y"', '"`“mine`”"', '"my `$HOME.toml"', '"b``n"', r'"a \`"b\`""']
    assert shell.command_line(words, "nt", POWERSHELL) == " ".join(["cnndsd", *power])


@pytest.mark.skipif(os.name == "nt", reason="the program is no script there")
def test_the_program_is_named_as_it_was_called(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    script = tmp_path / "my bin" / "cnndsd"
    script.parent.mkdir()
    script.write_text(
        f"#!{sys.executable}\nfrom cnndsd.desk import shell\nprint(shell.command_line(shell.program()))\n",
        encoding="utf-8",
    )
    script.chmod(0o755)
    everywhere = {**os.environ, "PYTHONPATH": str(Path(shell.__file__).parent.parent.parent)}

    def told(called, folder=tmp_path, **environment):
        where = {**everywhere, **environment}
        how = {"cwd": folder, "env": where, "stdout": subprocess.PIPE, "text": True, "shell": True}
        line = subprocess.run(called, **how).stdout.strip()
        assert line
        # What is printed can be pasted, and calls the same program.
        assert subprocess.run(line, **how).stdout.strip() == line
        return line

    assert told("'my bin/cnndsd'") == "'my bin/cnndsd'"
    assert told("./cnndsd", script.parent) == "./cnndsd"
    assert told(f"'{script}'", tmp_path / "my bin" / "..") == "'my bin/cnndsd'"
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    assert told("'../my bin/cnndsd'", elsewhere) == "'../my bin/cnndsd'"
    assert told("cnndsd", elsewhere, PATH=f"{script.parent}:{os.environ['PATH']}") == "cnndsd"


def test_a_module_is_called_by_its_interpreter(monkeypatch):
    monkeypatch.setattr(sys, "argv", [str(Path(shell.__file__).parent.parent / "__main__.py"), "pack"])
    python, *rest = shell.program()
    assert rest == ["-m", "cnndsd"]
    code = "import sys; print(sys.executable)"
    assert subprocess.run([python, "-c", code], capture_output=True, text=True).stdout.strip() == sys.executable


def test_printed_options_stand_before_the_names_of_files(tmp_path, monkeypatch):
    """Behind a ``--`` they would be names themselves."""
    words = ["pack", "--count", "2", "--minutes", "1", "--", "-z.toml"]
    line = shell.pack_again(words, tmp_path / "x.run", 1, 64)
    assert line.split()[-2:] == ["--", "-z.toml"]
    assert "--candidates 64" in line
    options = argparse.Namespace(arguments=words, out=None, spec=None)
    assert pack_command._anywhere(options, Path("-z.toml"), tmp_path)[-2:] == ["--", "-z.toml"]
