"""Take a picture of a pack's page: ``screenshot.py PACK.zip OUT.png``.

Needs ``pip install playwright`` and Chromium.
"""

import argparse
import shutil
import tempfile
import zipfile
from pathlib import Path

from playwright.sync_api import sync_playwright


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pack")
    parser.add_argument("out")
    parser.add_argument("--scheme", choices=["light", "dark"], default="dark")
    parser.add_argument("--width", type=int, default=1180)
    parser.add_argument("--height", type=int, default=800)
    parser.add_argument("--map", action="store_true", help="with the map")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as driver:
        with zipfile.ZipFile(options.pack) as archive:
            archive.extractall(folder)
        (page,) = Path(folder).glob("**/index.html")
        browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        size = {"width": options.width, "height": options.height}
        tab = browser.new_page(viewport=size, color_scheme=options.scheme)
        tab.goto(page.as_uri())
        # The picture shows a sound that plays, and another one that is kept.
        for key in ("ArrowRight", "k", "ArrowRight", "ArrowRight"):
            tab.keyboard.press(key)
        if options.map:
            tab.keyboard.press("m")
        tab.wait_for_timeout(150)
        tab.screenshot(path=options.out)
        browser.close()


if __name__ == "__main__":
    main()
