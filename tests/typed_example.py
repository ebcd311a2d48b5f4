"""The public functions as a script uses them: ``python typed_example.py FOLDER``. Checked by mypy, run by a test."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import cnndsd
from cnndsd import Description, Findings, Invalid, Mastering, Measures, Packed, Progress, Recipe, Spec


class Counted(Progress):
    """Counts what it is told."""

    def __init__(self) -> None:
        self.searched_times = 0
        self.finished_of: list[tuple[int, int]] = []

    def searched(self, findings: Findings) -> None:
        """Count."""
        self.searched_times += 1

    def finished(self, done: int, count: int) -> None:
        """Keep."""
        self.finished_of.append((done, count))


def one_sound(folder: Path) -> Path:
    """Render, measure, judge, describe, master and write one sound."""
    recipe = Recipe(length=6, hidden=(8, 8), gap=2, seed=int(np.uint64(35)), seconds=1.0)
    raw: NDArray[Any] = cnndsd.render(recipe)
    measures: Measures = cnndsd.measure(raw, recipe.sample_rate)
    reason: str | None = cnndsd.judge(measures)
    description: Description = cnndsd.describe(raw)
    worth: float = cnndsd.score(description)
    finished: NDArray[np.float64] = cnndsd.master(raw, mastering=Mastering(loudness_lufs=-18.0))
    apart: float = cnndsd.distance(description, cnndsd.describe(finished))
    assert reason is None
    assert 0.0 <= worth <= 1.0
    assert apart >= 0.0
    assert cnndsd.kind(description)
    assert len(cnndsd.render_many([recipe, recipe])) == 2
    path, digest = cnndsd.write(recipe, folder / "mine.wav", mastering=Mastering(peak_dbtp=-3.0))
    raw_path, raw_digest = cnndsd.write(recipe, folder / "raw.wav", raw=True)
    assert digest == raw_digest
    assert raw_path.exists()
    shown: dict[str, Any] = cnndsd.show(path)
    assert shown["raw_sha256"] == digest
    return path


def packs(folder: Path, sound: Path) -> None:
    """Search, pack, vary, verify and show."""
    (folder / "small.toml").write_text(
        'name = "small"\ncount = 3\ncandidates = 256\n[sound]\nseconds = [0.3, 0.6]\n', encoding="utf-8"
    )
    spec: Spec = cnndsd.load_spec(folder / "small.toml")
    progress = Counted()
    packed: Packed = cnndsd.pack(spec, folder, jobs=1, progress=progress)
    assert packed.path == folder / "small.zip"
    assert (packed.sounds, packed.wanted, packed.findings.candidates) == (3, 3, 256)
    assert progress.searched_times > 0
    assert progress.finished_of == [(0, 3), (1, 3), (2, 3), (3, 3)]
    faults: list[str] = cnndsd.verify(folder / "small.zip")
    assert faults == []
    findings: Findings = cnndsd.search(spec, jobs=1)
    assert findings.entries == packed.findings.entries
    number = cnndsd.show(folder / "small.zip")["sounds"][0]["candidate"]
    kept: Packed = cnndsd.repack(folder / "small.zip", [number], folder, jobs=1)
    assert (kept.path, kept.sounds) == (folder / "small_kept.zip", 1)
    family: Packed = cnndsd.vary(sound, folder, count=2, amount=0.03, candidates=64, jobs=1)
    assert family.path == folder / "mine_family_0-03.zip"
    try:
        cnndsd.load_spec(folder / "none.toml")
    except Invalid as error:
        assert "none.toml" in str(error)


if __name__ == "__main__":
    # Worker processes are spawned, which imports this file again.
    packs(Path(sys.argv[1]), one_sound(Path(sys.argv[1])))
