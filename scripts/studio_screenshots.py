"""Take pictures of the studio: ``studio_screenshots.py FOLDER`` writes ``studio_light.png``, ``_dark``, ``_phone``.

Needs ``pip install playwright`` and Chromium.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

READY = "() => view && view.sheet.length === 12 && document.querySelectorAll('#sheet button.tile').length === 12"
# What is done before the pictures: two sounds are kept, and more is rolled near them; one is a favourite.
KEYS = ("ArrowRight", "k", "ArrowDown", "k", "r", "ArrowRight", "ArrowDown", "f", "ArrowRight")


def press(tab: Page, *keys: str) -> None:
    for key in keys:
        tab.keyboard.press(key)
        tab.evaluate("() => sent")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place, sync_playwright() as driver:
        command = [sys.executable, "-m", "cnndsd", "studio"]
        server = subprocess.Popen(command, cwd=place, stdout=subprocess.PIPE, text=True)
        assert server.stdout is not None
        address = server.stdout.readline().strip()
        browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        first = True
        for name, scheme, width, height in (
            ("light", "light", 1380, 860),
            ("dark", "dark", 1380, 860),
            ("phone", "dark", 390, 844),
        ):
            size = {"width": width, "height": height}
            tab = browser.new_page(viewport=size, color_scheme=scheme, has_touch=name == "phone")
            tab.goto(address)
            tab.wait_for_function(READY)
            tab.wait_for_function("() => toDraw.length === 0 && current !== null")
            if first:
                press(tab, *KEYS)
                # The folder of a picture is nobody's.
                first = False
            tab.evaluate("() => { at('folder-path').textContent = 'cnndsd_studio'; go(current); }")
            tab.wait_for_function("() => toDraw.length === 0")
            tab.wait_for_timeout(200)
            tab.screenshot(path=options.folder / f"studio_{name}.png")
        browser.close()
        server.terminate()
        server.wait()


if __name__ == "__main__":
    main()
