"""Measure how fast the page of a thousand sounds loads and sorts: ``python benchmarks/page.py``.

Makes and unpacks a pack of that size. Each round opens its page from the file in a new context of headless Chromium.
"""

import argparse
import shutil
import statistics
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from cnndsd.farm import searching, units
from cnndsd.farm.executors import Processes, cores
from cnndsd.farm.production import make_pack
from cnndsd.finishing.zipfiles import PackFile
from cnndsd.spec import Choice, Spec

MEASURES = {
    "first paint": "() => performance.getEntriesByName('first-contentful-paint')[0].startTime",
    "loaded": "() => performance.getEntriesByType('navigation')[0].loadEventEnd",
    "sorted": "() => { const t = performance.now(); document.getElementById('sort').value = 'brightness_hz'; arrange();"
    " list.offsetHeight; return performance.now() - t; }",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sounds", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=11)
    options = parser.parse_args()
    spec = Spec(
        name="large",
        count=options.sounds,
        candidates=40 * options.sounds,
        choose=Choice(score=0.0, distance=0.1, static_share=1.0),
    )
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as driver:
        path = Path(folder) / "large.zip"
        with Processes(cores()) as workers:
            workers.prepare(units.warm, spec)
            found = searching.judge_missing(spec, workers)
            count = make_pack(path, spec, found, workers)
        with PackFile(path) as archive:
            archive.extractall(folder)
            page = Path(folder) / archive.folder / "index.html"
        print(f"{count} sounds, index.html of {page.stat().st_size / 1e6:.1f} MB; milliseconds, median and spread")
        browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        times: dict[str, list[float]] = {name: [] for name in MEASURES}
        for _ in range(options.rounds):
            context = browser.new_context(viewport={"width": 1280, "height": 850})
            tab = context.new_page()
            asked: list[str] = []
            tab.on("request", lambda request, asked=asked: asked.append(request.url))
            tab.goto(page.as_uri())
            tab.wait_for_timeout(500)
            for name, code in MEASURES.items():
                times[name].append(tab.evaluate(code))
            assert len(asked) == 1, asked
            context.close()
        for name, values in times.items():
            print(f"{name:12} {statistics.median(values):6.0f}   {min(values):.0f}..{max(values):.0f}")
        browser.close()


if __name__ == "__main__":
    main()
