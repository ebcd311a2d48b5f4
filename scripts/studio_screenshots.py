"""Take pictures of the studio: ``studio_screenshots.py FOLDER`` writes ``studio_light.png``, and
``_dark``, ``_phone`` and ``_run``.

Needs ``pip install playwright`` and Chromium.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

READY = "() => view && view.sheet.length === 12 && document.querySelectorAll('#sheet button.tile').length === 12"
# What is done before the pictures: two sounds are kept, and more is rolled near them; one is a favourite.
KEYS = ("ArrowRight", "k", "ArrowDown", "k", "r", "ArrowRight", "ArrowDown", "f", "ArrowRight")

# In the run: two are kept, one of them a favourite, and one is dropped.
RUN_KEYS = ("ArrowRight", "k", "ArrowRight", "d", "ArrowDown", "k", "f", "ArrowLeft")
DRAWN = "() => toDraw.length === 0 && !isFetching && current !== null"
WINDOW = {"width": 1380, "height": 860}


def press(tab: Page, *keys: str) -> None:
    for key in keys:
        tab.keyboard.press(key)
        tab.evaluate("() => sent")


@contextmanager
def served(place: str, *words: str) -> Iterator[str]:
    """The address of a page that a command serves."""
    command = [sys.executable, "-m", "cnndsd", *words]
    server = subprocess.Popen(command, cwd=place, stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    yield server.stdout.readline().strip()
    server.terminate()
    server.wait()


def photograph(tab: Page, path: Path) -> None:
    tab.wait_for_function(DRAWN)
    tab.wait_for_timeout(200)
    tab.screenshot(path=path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place, sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        with served(place, "studio") as address:
            first = True
            for name, scheme, size in (
                ("light", "light", WINDOW),
                ("dark", "dark", WINDOW),
                ("phone", "dark", {"width": 390, "height": 844}),
            ):
                tab = browser.new_page(viewport=size, color_scheme=scheme, has_touch=name == "phone")
                tab.goto(address)
                tab.wait_for_function(READY)
                tab.wait_for_function(DRAWN)
                if first:
                    press(tab, *KEYS)
                    first = False
                # The folder of a picture is nobody's.
                tab.evaluate("() => { at('folder-path').textContent = 'cnndsd_studio'; go(current); }")
                photograph(tab, options.folder / f"studio_{name}.png")
        subprocess.run([sys.executable, "-m", "cnndsd", "pack", "--candidates", "20000"], cwd=place, check=True)
        with served(place, "audition", "cnndsd_sample_pack.run") as address:
            tab = browser.new_page(viewport=WINDOW, color_scheme="light")
            tab.goto(address)
            tab.wait_for_function("() => where === 'run' && inView.size && current !== null")
            press(tab, *RUN_KEYS)
            photograph(tab, options.folder / "studio_run.png")
        browser.close()


if __name__ == "__main__":
    main()
