"""Go through a newcomer's first hour, in a terminal of 80 columns: ``python3 scripts/first_hour.py [FOLDER]``.

First with the wheel, in an empty environment, then in a fresh clone. All that a newcomer would see is printed, and lies
in FOLDER/transcript.txt; the last line says how many seconds it took to the first zip. Needs a network and Linux.
"""

import fcntl
import os
import pty
import re
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time
from pathlib import Path

import environment

COLUMNS = 80
# What no line may hold that a person sees.
CODE = re.compile(r"Traceback|regex|Errno|NoneType|Expected `")


class Terminal:
    """Runs commands as a person at a terminal does, and keeps what is seen."""

    def __init__(self, folder: Path, path: str) -> None:
        self.folder, self.seen = folder, ""
        self.environment = {**os.environ, "PATH": path, "TERM": "xterm", "PYTHONPATH": ""}

    def type(self, line: str, code: int = 0, interrupt_after_s: float = 0.0) -> str:
        """Run a line and return what is seen; it must end with this exit code."""
        pid, terminal = pty.fork()
        if pid == 0:
            os.chdir(self.folder)
            # Who runs this in the background may have Ctrl-C ignored.
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            # Ctrl-C reaches the program alone, as in a shell that is there before and after it.
            os.execve("/bin/sh", ["sh", "-c", f"exec {line}" if interrupt_after_s else line], self.environment)
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, COLUMNS, 0, 0))
        if interrupt_after_s:
            threading.Timer(interrupt_after_s, os.write, (terminal, b"\x03")).start()
        read = b""
        while True:
            try:
                part = os.read(terminal, 65536)
            except OSError:
                break
            if not part:
                break
            read += part
        ended = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        os.close(terminal)
        # A bar is written over and over: its last state is what stays.
        lines = [text.rstrip("\r").rpartition("\r")[2] for text in read.decode(errors="replace").split("\n")]
        shown = "\n".join(lines)
        self.seen += f"$ {line}\n{shown}"
        print(f"$ {line}\n{shown}", end="", flush=True)
        wide = [part for text in read.decode(errors="replace").split("\n") for part in text.split("\r") if "|" in part]
        # The terminal itself writes ^C behind what is there.
        assert all(len(part.replace("^C", "")) <= COLUMNS for part in wide), "a bar is wider than the terminal"
        assert ended == code, f"ended with {ended}, not {code}"
        assert not CODE.search(shown), "code is shown"
        return shown


def hour(terminal: Terminal, pack: str, program: str) -> float:
    """Go through the commands of a first hour; returns the seconds of the first."""
    begun = time.monotonic()
    terminal.type(f"{pack} --candidates 4096 --count 12")
    first_s = time.monotonic() - begun
    folder = terminal.folder / "packs" if (terminal.folder / "packs").is_dir() else terminal.folder
    run = folder / "cnndsd_sample_pack.run"
    short = run.relative_to(terminal.folder)
    terminal.type(f"{program} show {short.with_suffix('.zip')} | head -5")
    terminal.type(f"{program} verify {short.with_suffix('.zip')}")
    # Three favourites, and the pack is whole; then the favourites alone.
    pick(terminal, program, short)
    stopped = terminal.type(f"{program} audition {short}", interrupt_after_s=20.0)
    again = stopped.strip().splitlines()[-1].partition("with this choice: ")[2]
    assert "12 sounds" in terminal.type(again)
    assert "2 sounds" in terminal.type(f"{again} --only-kept")
    terminal.type(f"{program} picks {short} --clear")
    # A place to play, without anything and on a finished pack.
    terminal.type(f"{program} studio", interrupt_after_s=20.0)
    terminal.type(f"{program} studio {short.with_suffix('.zip')} --folder played", interrupt_after_s=20.0)
    # Stopped, and gone on with by what is printed.
    stopped = terminal.type(f"{program} pack --candidates 2000000 --out long", 130, interrupt_after_s=20.0)
    goes_on = re.sub(r"\s*\n\s*", "", stopped).partition("to continue: ")[2].strip()
    terminal.type(goes_on.replace("2000000", "2000000 --count 0"), 2)
    # A pack of one's own, a sound, variations of it.
    terminal.type(f"{program} new 'my own.toml'")
    terminal.type(f"{program} new 'my own.toml'", 1)
    terminal.type(f"{program} pack 'my own.toml' --candidates 2000 --count 4 --profile digitakt")
    terminal.type(f"{program} pack 'my own.toml' --candidates 2000 --count 5")
    terminal.type(f"{program} pack 'my own.toml' --candidates 2000 --count 4")
    terminal.type(f"{program} pack adjusting --candidates 2000 --count 1000", 3)
    terminal.type(f"{program} render --length 9 --hidden 2,2 --gap 5 --seed 276 --seconds 4 -o mine.wav")
    terminal.type(f"{program} show mine.wav | head -4")
    terminal.type(f"{program} render mine.wav --seconds 300 -o long.flac")
    terminal.type(f"{program} vary mine.wav --count 2 --candidates 64")
    for mistake in (
        "pack my own.toml",
        "pack adjustng",
        "pak",
        "verify .",
        f"audition {short.parent}",
        "render -o a/b.wav",
    ):
        line = f"{program} {mistake}"
        terminal.type(line, 1 if "a/b" in mistake else 2)
    return first_s


def pick(terminal: Terminal, program: str, run: Path) -> None:
    """Keep two sounds as the page of an audition does."""
    code = (
        "import sys; from pathlib import Path; from cnndsd.farm import runs\n"
        f"with runs.opened_for_picks(Path({str(run)!r})) as (_, found, remember):\n"
        "    for entry in found.entries[:2]: remember(entry.index, 'keep')\n"
    )
    python = Path(shutil.which(program, path=terminal.environment["PATH"]) or terminal.folder / program).with_name(
        "python"
    )
    subprocess.run([str(python), "-c", code], cwd=terminal.folder, check=True)


def main() -> None:
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp(prefix="first hour ")).absolute()
    folder.mkdir(parents=True, exist_ok=True)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "-q"]
    subprocess.run([*pip, "install", "--target", str(folder / "backend"), "hatchling"], check=True)
    clone = folder / "a clone"
    git = shutil.which("git") or sys.exit("git is missing")
    subprocess.run([git, "clone", "-q", str(environment.ROOT), str(clone)], check=True)
    building = {**os.environ, "PYTHONPATH": str(folder / "backend")}
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-d", str(folder / "dist")], cwd=clone, env=building, check=True
    )
    (wheel,) = (folder / "dist").glob("*.whl")

    elsewhere = folder / "else where"
    elsewhere.mkdir()
    begun = time.monotonic()
    subprocess.run([sys.executable, "-m", "venv", str(folder / "env")], check=True)
    constraints = str(environment.ROOT / "constraints.txt")
    subprocess.run([str(folder / "env" / "bin" / "pip"), "install", "-q", "-c", constraints, str(wheel)], check=True)
    installed_s = time.monotonic() - begun
    terminal = Terminal(elsewhere, f"{folder / 'env' / 'bin'}:{os.environ['PATH']}")
    wheel_s = installed_s + hour(terminal, "cnndsd pack", "cnndsd")

    in_clone = Terminal(clone, os.environ["PATH"])
    clone_s = hour(in_clone, f"'{sys.executable}' scripts/pack.py", ".venv/bin/cnndsd")
    (folder / "transcript.txt").write_text(terminal.seen + in_clone.seen, encoding="utf-8")
    print(f"{wheel_s:.0f} s from pip install of the wheel to the zip, {clone_s:.0f} s from clone to zip")


if __name__ == "__main__":
    main()
