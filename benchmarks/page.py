"""Measure how fast a page of many sounds loads, sorts and scrolls: ``python benchmarks/page.py --sounds 10000``.

The sounds are those of a short search, again and again, with pictures of noise. Each round opens the page from its file
in a new context of headless Chromium. Milliseconds; frames are those of scrolling 240 pixels at each.
"""

import argparse
import itertools
import random
import shutil
import statistics
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from cnndsd.farm import searching
from cnndsd.farm.executors import InProcess
from cnndsd.finishing import pictures
from cnndsd.finishing.page import Card, Looks, page_html
from cnndsd.spec import Spec

MEASURES = {
    "first paint": "() => performance.getEntriesByName('first-contentful-paint')[0].startTime",
    "loaded": "() => performance.getEntriesByType('navigation')[0].loadEventEnd",
    "drawn": "() => drawn",
    "sorted": "() => { const t = performance.now(); document.getElementById('sort').value = 'brightness_hz'; arrange();"
    " list.offsetHeight; return performance.now() - t; }",
    "searched": "() => { const t = performance.now(); document.getElementById('search').value = 'hit'; arrange();"
    " list.offsetHeight; const took = performance.now() - t; document.getElementById('search').value = ''; arrange();"
    " return took; }",
}
# When the pictures of all cards in the window are there.
DRAWN = (
    "() => { const all = inView.length && inView.every((s) => s.isDrawn); if (all) drawn = performance.now();"
    " return Boolean(all); }"
)
FRAMES = """async () => {
  const times = [];
  let last = performance.now();
  for (let frame = 1; frame <= 150; frame++) {
    scrollTo(0, 240 * frame);
    const now = await new Promise(requestAnimationFrame);
    times.push(now - last);
    last = now;
  }
  return times.slice(1);
}"""


def cards(count: int) -> list[Card]:
    found = searching.judge_missing(Spec(name="large", candidates=8192), InProcess()).entries
    rng = random.Random(1)
    made = []
    for i, entry in enumerate(itertools.islice(itertools.cycle(found), count)):
        wave, spectrum = (
            rng.randbytes(size) for size in (2 * pictures.WAVE_COLUMNS, pictures.COLUMNS * pictures.ROWS // 2)
        )
        looks = Looks(entry.sound.heard_s, -16.0, None, None, False, wave, spectrum)
        made.append(Card(i, f"hit/cnndsd_hit_word{i}.wav", entry.sound, entry.recipe, looks))
    return made


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sounds", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=11)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as driver:
        page = Path(folder) / "index.html"
        page.write_text(page_html("large", "", cards(options.sounds), "cnndsd pack"), encoding="utf-8")
        size = page.stat().st_size / 1e6
        print(f"{options.sounds} sounds, index.html of {size:.1f} MB; milliseconds, median and spread")
        browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        times: dict[str, list[float]] = {name: [] for name in [*MEASURES, "a frame", "worst frame"]}
        for _ in range(options.rounds):
            context = browser.new_context(viewport={"width": 1280, "height": 850})
            tab = context.new_page()
            asked: list[str] = []
            tab.on("request", lambda request, asked=asked: asked.append(request.url))
            tab.add_init_script("var drawn = 0;")
            tab.goto(page.as_uri())
            tab.wait_for_function(DRAWN)
            for name, code in MEASURES.items():
                times[name].append(tab.evaluate(code))
            frames = tab.evaluate(FRAMES)
            times["a frame"].append(statistics.median(frames))
            times["worst frame"].append(max(frames))
            assert len(asked) == 1, asked
            context.close()
        for name, values in times.items():
            print(f"{name:12} {statistics.median(values):6.0f}   {min(values):.0f}..{max(values):.0f}")
        browser.close()


if __name__ == "__main__":
    main()
