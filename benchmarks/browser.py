"""Measure how fast the page renders networks in Chromium: ``python benchmarks/browser.py``.

Times real time, on one thread, median of the rounds, each a new sound in the page's own worker.
"""

import argparse
import shutil
import statistics
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from cnndsd.finishing.page import page_html

SHAPES = [(1, (4,)), (4, (6,)), (6, (8, 8)), (10, (16, 16)), (3, (64, 64))]
GAPS = (0, 5)
# About so many seconds of work for one sound.
WORK_S = 0.5
RENDERED = """async ([shape, work_s]) => {
  const renderer = new Renderer(), recipe = { ...USUAL, ...shape, seconds: 1 };
  const took = async (seconds, seed) => {
    const start = performance.now();
    await renderer.render({ ...recipe, seconds, seed });
    return (performance.now() - start) / 1000;
  };
  // Once to compile, and once to see how long a sound takes.
  const [first, second] = [workOf(recipe), 3e6];
  await took(Math.max(0.01, second / first), "1");
  const seconds = Math.max(0.01, second / first) * work_s / await took(Math.max(0.01, second / first), "2");
  return Math.min(200, seconds) / await took(Math.min(200, seconds), "3");
}"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as driver:
        path = Path(folder) / "index.html"
        path.write_text(page_html("bench", "", [], ""), encoding="utf-8")
        browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        print(f"Chromium {browser.version}; page without sounds: {path.stat().st_size / 1000:.0f} kB")
        tab = browser.new_page()
        tab.goto(path.as_uri())
        print(
            "| network | precision | "
            + " | ".join(f"gap {gap}" for gap in GAPS)
            + " |\n| --- | --- |"
            + " --- |" * len(GAPS)
        )
        for length, hidden in SHAPES:
            for precision in ("double", "single"):
                cells = []
                for gap in GAPS:
                    shape = {"length": length, "hidden": hidden, "gap": gap, "precision": precision}
                    times = [tab.evaluate(RENDERED, [shape, WORK_S]) for _ in range(options.rounds)]
                    cells.append(f"{statistics.median(times):,.1f}")
                print(f"| {length},[{','.join(map(str, hidden))}] | {precision} | {' | '.join(cells)} |", flush=True)
        browser.close()


if __name__ == "__main__":
    main()
