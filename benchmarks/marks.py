"""Compare the score with a listener's marks: ``python benchmarks/marks.py``.

Prints for each sheet of ``tests/ear/marks`` how well the order of the score agrees with what was kept and dropped: the
area under the ROC curve, which is the share of pairs of a kept and a dropped sound in which the kept one has the higher
score (0.5 by chance), for all marks and for the sure ones. Then the mean scores of kept and dropped sounds for each use
that the listener saw. In the end, of the sheets of chosen sounds together, how many were kept by ranges of the score.
"""

import itertools
import json
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np

from cnndsd import Recipe, render, score
from cnndsd.ear.analysis import describe_raw

SHEETS = Path(__file__).parent.parent / "tests" / "ear" / "marks"
NAMES = ("sheet_a", "sheet_b", "sheet_packs", "sheet_c", "sheet_d", "sheet_e", "sheet_f", "sheet_g", "sheet_first")


# Those whose sounds were chosen for packs; and where ranges of the score end.
CHOSEN = ("sheet_packs", "sheet_c", "sheet_d", "sheet_e", "sheet_f", "sheet_g", "sheet_first")
RANGES = (0.0, 0.6, 0.8, 1.01)


class Mark(NamedTuple):
    """A sound that was judged by eye: what it can be used as, whether it is kept, and its score."""

    keep: bool
    sure: bool
    use: str
    score: float


def read_marks(sheet: str) -> list[Mark]:
    """Return the marks of a sheet, such as ``sheet_a``, with the scores that the sounds have now."""
    marks = []
    for listed in json.loads((SHEETS / f"{sheet}.json").read_text(encoding="utf-8")):
        recipe = msgspec.convert(listed["recipe"], Recipe)
        sound = describe_raw(render(recipe), recipe)
        marks.append(Mark(listed["keep"], listed["sure"], listed["use"], score(sound)))
    return marks


def area(marks: Sequence[Mark]) -> float:
    """Return the share of pairs of a kept and a dropped sound in which the kept one has the higher score.

    Equal scores count half. This is the area under the ROC curve (Mann-Whitney U; Hanley and McNeil 1982).
    """
    kept = np.array([mark.score for mark in marks if mark.keep])[:, None]
    dropped = np.array([mark.score for mark in marks if not mark.keep])
    return float(np.mean((kept > dropped) + 0.5 * (kept == dropped)))


def main() -> None:
    chosen = []
    for sheet in NAMES:
        marks = read_marks(sheet)
        chosen += marks if sheet in CHOSEN else []
        sure = [mark for mark in marks if mark.sure]
        print(
            f"{sheet}: {len(marks)} sounds, {sum(m.keep for m in marks)} kept; area under the curve {area(marks):.3f}"
        )
        print(f"  the {len(sure)} sure ones, {sum(m.keep for m in sure)} kept: {area(sure):.3f}")
        print("  use         kept: mean score   dropped: mean score")
        for use in sorted({mark.use for mark in marks}):
            parts = [[m.score for m in marks if m.use == use and m.keep is keep] for keep in (True, False)]
            print(f"  {use:<10}" + "".join(f"{len(p):>7} {np.mean(p) if p else float('nan'):>12.2f}" for p in parts))
    for low, high in itertools.pairwise(RANGES):
        kept = [mark.keep for mark in chosen if low <= mark.score < high]
        print(f"chosen sounds with a score from {low} to {high}: {sum(kept)} of {len(kept)} kept ({np.mean(kept):.2f})")


if __name__ == "__main__":
    main()
