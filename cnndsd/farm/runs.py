"""A run: a search that remembers itself in a folder, goes on where it was ended, and becomes a pack.

The folder holds ``ledger.sqlite``, ``log.txt``, ``lock``, ``command.json`` and, after an audition, ``kept``. It
belongs to one process at a time.
"""

import itertools
import json
import shutil
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import msgspec
from filelock import FileLock, Timeout

from cnndsd.farm import ledger, production, searching, units
from cnndsd.farm.deadlines import Deadline
from cnndsd.farm.executors import Workers
from cnndsd.farm.findings import Findings, Pick, no_findings, refusals_in_words, shelf_depth
from cnndsd.farm.ledger import Contents, Ledger, Locked, Watch
from cnndsd.farm.progress import Progress
from cnndsd.farm.shelf import CELLS
from cnndsd.finishing.atomic import atomic_write
from cnndsd.schema import Failed, Invalid
from cnndsd.spec import Spec

# Commits are so far apart that they take at most this share of the time, and at least this long.
_COMMIT_SHARE = 0.01
_COMMIT_S = 1.0
# How often a commit that cannot be put off is tried, for 20 s each, while another program holds the ledger.
_COMMIT_TRIES = 6
_LOG_S = 60.0
# What an entry of the shelf takes on disk. Of the cells a few in a hundred are filled, even by a million candidates
# (``benchmarks/search.py``); an eighth is more than any run was seen to fill.
_ENTRY_BYTES = 1500
_REACHABLE_CELLS = CELLS // 8
# The most bytes of a command that is read.
_MAX_COMMAND = 1_000_000


class Run:
    """A run at work; ``begin`` opens one."""

    def __init__(self, folder: Path, spec: Spec, findings: Findings, book: Ledger) -> None:
        self.folder, self.spec, self.findings = folder, spec, findings
        self._ledger = book
        self._watch = Watch()
        self._commit_due = 0.0

    def search(
        self, workers: Workers, deadline: Deadline | None = None, progress: Progress | None = None, **options: Any
    ) -> Findings:
        """Judge what is missing, as ``searching.judge_missing`` does, commit meanwhile, and log a line a minute."""
        recorder = _Recorder(self, progress or Progress(), deadline)
        self.log(
            f"begun: {self.findings.candidates} of {recorder.wanted or 'any number of'} candidates were judged before"
        )
        try:
            searching.judge_missing(self.spec, workers, self.findings, deadline, recorder, **options)
        except Exception as error:
            self.log(f"ended: {error}")
            if not isinstance(error, OSError):
                self.commit(recorder.watch("stopped"))
            raise
        state: Literal["stopped", "finishing"] = "stopped" if recorder.stopped() else "finishing"
        self.commit(recorder.watch(state))
        self.log(f"{state}: {progress_in_words(self.findings, self._watch)}")
        return self.findings

    def finish(self, path: Path, workers: Workers, progress: Progress | None = None, only: Collection[int] = ()) -> int:
        """Make the pack of what was found, by ``production.make_pack``. Returns how many sounds are in it."""
        recorder = _Recorder(self, progress or Progress(), None)
        beside = self.folder / "pack.new"
        count = production.make_pack(path, self.spec, self.findings, workers, recorder, beside, only)
        self.commit(msgspec.structs.replace(self._watch, state="done", seen_s=time.time()))
        self.log(f"done: {count} sounds in {path.name}")
        return count

    def list_seeds(self, path: Path, most: int) -> int:
        """Make the seed list of what was found, by ``production.make_seed_list``. Returns how many recipes it has."""
        count = production.make_seed_list(path, self.spec, self.findings, most)
        self.commit(msgspec.structs.replace(self._watch, state="done", seen_s=time.time()))
        self.log(f"done: {count} recipes in {path.name}")
        return count

    def note_command(self, command: Sequence[str]) -> None:
        """Write down with which command the run is made, see ``command_of``."""
        with atomic_write(self.folder / "command.json", self.folder / "command.new") as file:
            file.write(json.dumps(list(command)).encode())

    def log(self, line: str) -> None:
        """Add a line to ``log.txt``."""
        with open(self.folder / "log.txt", "a", encoding="utf-8", newline="\n") as file:
            file.write(f"{datetime.now():%Y-%m-%d %H:%M:%S}  {line}\n")

    def commit(self, watch: Watch, only_when_due: bool = False) -> None:
        """Write the findings and the state of the run to the ledger; ``only_when_due``: unless that was done lately."""
        self._watch = watch
        if only_when_due and time.monotonic() < self._commit_due:
            return
        for tries in itertools.count(1):
            begun = time.monotonic()
            try:
                self._ledger.commit(identity(self.spec), self.spec, self.findings, watch)
            except Locked as error:
                # A scan or a backup, perhaps. It ends before the run does.
                self.log(f"nothing was saved at this time: {error.strerror}")
                if only_when_due:
                    self._commit_due = time.monotonic() + _COMMIT_S
                    return
                if tries == _COMMIT_TRIES:
                    raise
            else:
                took = time.monotonic() - begun
                self._commit_due = time.monotonic() + max(_COMMIT_S, took / _COMMIT_SHARE)
                return


class _Recorder(Progress):
    """Writes the ledger and the log of a run while it works, and passes all reports on."""

    def __init__(self, run: Run, progress: Progress, deadline: Deadline | None) -> None:
        self._run, self._progress = run, progress
        self._begun = time.monotonic()
        self._before = run.findings.candidates
        self._aside = set(run.findings.aside)
        self._deadline = deadline
        self.wanted = run.spec.candidates if deadline is None else None
        self._log_due = self._begun + _LOG_S

    def watch(self, state: Literal["running", "stopped", "finishing"]) -> Watch:
        """The state of the run."""
        elapsed_s = max(time.monotonic() - self._begun, 1e-3)
        rate = (self._run.findings.candidates - self._before) / elapsed_s
        until_s = None if self._deadline is None else time.time() + self._deadline.left_s
        return Watch(state, time.time(), self.wanted, until_s, rate)

    def searched(self, findings: Findings) -> None:
        for index in findings.aside.keys() - self._aside:
            self._aside.add(index)
            aside = findings.aside[index]
            self._run.log(f"candidate {index} set aside: {aside.how}; {aside.recipe.to_json()}")
        watch = self.watch("running")
        self._run.commit(watch, only_when_due=True)
        if time.monotonic() >= self._log_due:
            self._log_due += _LOG_S
            line = progress_in_words(findings, watch)
            self._run.log(line)
            self._progress.status(line)
        self._progress.searched(findings)

    def finished(self, done: int, count: int) -> None:
        self._progress.finished(done, count)

    def log(self, line: str) -> None:
        self._run.log(line)
        self._progress.log(line)

    def note(self, line: str) -> None:
        self._progress.note(line)

    def stopped(self) -> bool:
        return self._progress.stopped()


@contextmanager
def begin(folder: Path, spec: Spec, restart: bool = False) -> Iterator[Run]:
    """Lock the run's folder, made where it is missing, and go on with what it holds of the same run.

    ``restart`` forgets what it holds. Else ``Invalid`` when it holds another run, or a damaged one. ``Failed`` when
    another process works in it or the disk is too full, ``OSError`` when it cannot be written.
    """
    folder.mkdir(exist_ok=True)
    _refuse_odd_files(folder)
    with _locked(folder):
        _check_space(folder, spec)
        path = folder / "ledger.sqlite"
        findings = no_findings(spec)
        if path.exists() and not restart:
            findings = _continued(path, spec)
        for left in ("pack.new", "command.new"):
            (folder / left).unlink(missing_ok=True)
        # Written anew at each start, so that no damage to the old file lives on.
        ledger.create(path, identity(spec), spec, findings, Watch(seen_s=time.time()))
        with Ledger(path) as book:
            book.check()
            yield Run(folder, spec, findings, book)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    lock = FileLock(folder / "lock", timeout=0)
    try:
        lock.acquire()
    except Timeout:
        busy = "a pack command is at work here, or an audition is open; end that first, or use another --out"
        raise Failed(f"{folder}: {busy}") from None
    try:
        yield
    finally:
        lock.release()


@contextmanager
def opened_for_picks(folder: Path) -> Iterator[tuple[Spec, Findings, Callable[[int, Pick | None], None]]]:
    """Lock a run's folder to keep and drop sounds: its spec, its findings, and a function that records a pick.

    That function takes a candidate and "keep", "drop" or None. ``Invalid`` when the folder holds no run, ``Failed``
    when the run is at work, or its judging is not that of this version.
    """
    path = _ledger_path(folder)
    _refuse_odd_files(folder)
    with _locked(folder), Ledger(path) as book:
        identity, spec, findings, watch = book.read()
        if identity.get("version") != units.version():
            raise Failed(
                f"{folder}: was made by {identity.get('version')}; this is {units.version()}; allowed: that version, "
                "or cnndsd pack with --restart, which forgets the run"
            )

        def remember(index: int, pick: Pick | None) -> None:
            before = dict(findings.picks)
            findings.picks.pop(index, None)
            if pick is not None:
                findings.picks[index] = pick
            try:
                book.commit(json.dumps(identity).encode(), spec, findings, watch)
            except BaseException:
                findings.picks = before
                raise

        yield spec, findings, remember


def _continued(path: Path, spec: Spec) -> Findings:
    with Ledger(path) as book:
        theirs, _, findings, _ = book.read()
    ours = json.loads(identity(spec))
    for key in ours:
        if key not in theirs or theirs[key] != ours[key]:
            key, mine, other = _difference(key, ours[key], theirs.get(key))
            same = "the same"
            if key.startswith("search.shares"):
                key, (mine, other) = "search.shares", (_in_toml(run["search"].get("shares")) for run in (ours, theirs))
                # Those under [choose] may be any when the search's own are in the spec.
                same = f"[search] shares = {other} in the spec"
            raise Invalid(
                f"{path.parent}: holds a run with {key} {other}, not {mine}; allowed: {same}, another --out, "
                "or --restart, which forgets it"
            )
    if findings.reach > spec.candidates:
        raise Invalid(
            f"{path.parent}: {findings.reach} candidates were judged already; allowed: --candidates {findings.reach} "
            "or more, another --out, or --restart, which forgets them"
        )
    return findings


def _difference(key: str, mine: Any, other: Any) -> tuple[str, str, str]:
    """The first key in which two tables differ: its name, and both values, shortened."""
    while isinstance(mine, dict) and isinstance(other, dict):
        part = next(k for k in {**mine, **other} if mine.get(k) != other.get(k))
        key, mine, other = f"{key}.{part}", mine.get(part), other.get(part)
    short = [text if len(text) <= 60 else text[:57] + "..." for text in (json.dumps(mine), json.dumps(other))]
    return key, short[0], short[1]


def _in_toml(table: Any) -> str:
    """A table of numbers as a spec has it, on one line."""
    pairs = [f"{key} = {json.dumps(value)}" for key, value in table.items()] if isinstance(table, dict) else []
    return f"{{ {', '.join(pairs)} }}" if pairs else "{}"


def identity(spec: Spec) -> bytes:
    """All that decides what a run finds, as JSON. A ledger with another identity is not continued."""
    source: dict[str, Any] = {"family": spec.family}
    if spec.family is None:
        drawn = msgspec.to_builtins(spec.sound)
        # Which sounds are wide is drawn when they are finished.
        del drawn["wide"]
        if not drawn["bandlimited"]:
            del drawn["bandlimited"]
        source = {"sound": drawn, "search": {"luck": spec.luck, "shares": spec.sought}}
    return msgspec.json.encode(
        {
            "format": ledger.FORMAT,
            "version": units.version(),
            "seed": spec.seed,
            **source,
            "judge": spec.judge,
            "depth of the shelf": shelf_depth(spec),
        }
    )


def space_needed(spec: Spec) -> float:
    """About how many MB a run and its pack take on disk."""
    seconds = spec.family.recipe.seconds if spec.family is not None else sum(spec.sound.seconds) / 2
    channels = spec.channels or (2 if spec.sound.wide or not spec.draws_networks else 1)
    sound_bytes = seconds * spec.written_rate * channels * 4 + 10_000
    # An export may hold each sound again, and a wavetable takes half a megabyte.
    pack_bytes = spec.count * (sound_bytes * (1 + len(spec.exports) + spec.alternates) + 600_000 * bool(spec.exports))
    # The shelf keeps most of those that pass, half of all, until its cells are full, each to its depth. At a start the
    # ledger is written anew beside the old one.
    shelf_bytes = 2 * _ENTRY_BYTES * min(spec.candidates // 2, _REACHABLE_CELLS * shelf_depth(spec))
    return 2 + (pack_bytes + shelf_bytes) / 1e6


def _check_space(folder: Path, spec: Spec) -> None:
    free, needed = shutil.disk_usage(folder).free / 1e6, space_needed(spec)
    if free < needed:
        raise Failed(f"{folder}: {free:.0f} MB are free on this disk; needed: {needed:.0f} MB")


def progress_in_words(findings: Findings, watch: Watch) -> str:
    """The state of a run, in one line."""
    wanted = "" if watch.wanted is None else f" of {watch.wanted}"
    left = seconds_left(findings, watch)
    return (
        f"{findings.candidates}{wanted} candidates, {watch.per_second:.0f} a second, {findings.kept} on the shelf, "
        f"refused {refusals_in_words(findings.refused)}" + ("" if left is None else f", {clock(left)} left")
    )


def seconds_left(findings: Findings, watch: Watch) -> float | None:
    """For how many seconds a run at work will go on searching; None when that is unknown."""
    if watch.state != "running":
        return None
    if watch.until_s is not None:
        return max(0.0, watch.until_s - time.time())
    if watch.wanted is None or not watch.per_second > 0.0:
        return None
    return max(0, watch.wanted - findings.candidates) / watch.per_second


def clock(seconds: float) -> str:
    """A duration in seconds as 7:03:20."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}"


def read(folder: Path) -> Contents:
    """What the ledger in a run's folder holds, also while the run is at work."""
    _refuse_odd_files(folder)
    with Ledger(_ledger_path(folder)) as book:
        return book.read()


def command_of(folder: Path) -> list[str] | None:
    """The arguments of the command that made a run, with whole paths; None when that is unknown."""
    path = folder / "command.json"
    try:
        if path.stat().st_size > _MAX_COMMAND:
            return None
        return msgspec.json.decode(path.read_bytes(), type=list[str])
    except (OSError, msgspec.DecodeError):
        return None


def _refuse_odd_files(folder: Path) -> None:
    """``Invalid`` where a name of the run's is a pipe, a device or a folder, which may never be read to its end."""
    ledgers = [f"ledger.sqlite{end}" for end in ("", "-journal", ".new", ".new-journal")]
    for path in (folder / name for name in (*ledgers, "log.txt", "command.json", "command.new", "pack.new", "lock")):
        if path.exists() and not path.is_file():
            raise Invalid(f"{path}: is no file; allowed: a folder made by cnndsd pack")


def _ledger_path(folder: Path) -> Path:
    path = folder / "ledger.sqlite"
    if not path.is_file():
        raise Invalid(f"{folder}: holds no run; allowed: a folder made by cnndsd pack")
    return path
