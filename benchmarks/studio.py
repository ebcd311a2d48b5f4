"""Measure how long the studio lets a person wait, in the browser: ``python benchmarks/studio.py``.

Starts ``cnndsd studio`` in an empty folder, again and again, and opens it in headless Chromium; then presses keys and
turns knobs. A sound counts as heard when it was handed to the audio device, which adds its own delay.
"""

import argparse
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager

from playwright.sync_api import sync_playwright

READY = "() => view && view.sheet.length === 12 && document.querySelectorAll('#sheet button.tile').length === 12"
# Each returns milliseconds. A roll is shown when the last of its tiles is on the page; pictures follow.
SHOWN = (
    "async (action) => { const since = performance.now(); await act(action, { isRoll: true });"
    "if (document.querySelectorAll('#sheet button.tile').length < 12) throw new Error('fewer tiles');"
    "return [performance.now() - since, heard.since]; }"
)
# A knob is let go: another gap, back and forth.
KNOB = (
    "async (round) => { const input = document.querySelector('[data-knob=gap]');"
    "input.value = 2 + (round % 3); input.dispatchEvent(new Event('input'));"
    "const before = heard.count; input.dispatchEvent(new Event('change')); await sent;"
    "if (heard.count !== before + 1) throw new Error('nothing was heard'); return heard.since; }"
)


@contextmanager
def studio():
    """A studio in a folder of its own: its address, and when its process was started."""
    with tempfile.TemporaryDirectory() as folder:
        begun = time.time()
        server = subprocess.Popen(
            [sys.executable, "-m", "cnndsd", "studio"], cwd=folder, stdout=subprocess.PIPE, text=True
        )
        yield server.stdout.readline().strip(), begun
        server.terminate()
        server.wait()


def told(name, values, unit="ms"):
    digits = 2 if unit == "s" else 0
    print(f"{name:34} median {statistics.median(values):6.{digits}f} {unit}, worst {max(values):6.{digits}f} {unit}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--starts", type=int, default=5)
    options = parser.parse_args()
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        starts = []
        for _ in range(options.starts):
            with studio() as (address, begun):
                tab = browser.new_context().new_page()
                tab.goto(address)
                tab.wait_for_function("() => document.querySelector('#sheet button.tile') && current !== null")
                tab.keyboard.press(" ")
                heard_at = tab.evaluate("() => performance.timeOrigin + performance.now()")
                assert tab.evaluate("() => heard.count") == 1
                starts.append(heard_at / 1000 - begun)
        told("command to first sound", starts, "s")
        with studio() as (address, _):
            tab = browser.new_context(viewport={"width": 1300, "height": 850}).new_page()
            tab.goto(address)
            tab.wait_for_function(READY)
            tab.keyboard.press(" ")

            def shown(action, wait_ms):
                pairs = []
                for _ in range(options.rounds):
                    tab.wait_for_function("() => toDraw.length === 0")
                    tab.wait_for_timeout(wait_ms)
                    pairs.append(tab.evaluate(SHOWN, action(tab)))
                return zip(*pairs, strict=True)

            ways = {
                "roll, after a second": (lambda _: {"do": "roll"}, 1000),
                "roll, all new": (lambda _: {"do": "roll", "far": True}, 100),
                "more like this": (lambda tab: {"do": "vary", "tile": tab.evaluate("() => current")}, 100),
            }
            for name, (action, wait_ms) in ways.items():
                whole, first = shown(action, wait_ms)
                told(f"{name}: to first sound", first)
                told(f"{name}: to 12 tiles", whole)
            knobs, keys = [], []
            for number in range(options.rounds):
                tab.wait_for_timeout(300)
                knobs.append(tab.evaluate(KNOB, number))
                tab.wait_for_function("() => toDraw.length === 0")
                tab.keyboard.press("ArrowRight" if number % 2 else "ArrowDown")
                keys.append(tab.evaluate("() => heard.since"))
            told("knob to first sound", knobs)
            told("key to the sound of a ready tile", keys)
        browser.close()


if __name__ == "__main__":
    main()
