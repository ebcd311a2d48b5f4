"""The pictures of README and docs show what the project makes now."""

import importlib.util
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PLACE = importlib.util.spec_from_file_location("pictures_script", ROOT / "scripts" / "pictures.py")
pictures = importlib.util.module_from_spec(PLACE)
PLACE.loader.exec_module(pictures)


@pytest.mark.parametrize("name", list(pictures.SHOWS))
def test_a_picture_is_not_older_than_what_it_shows(name):
    assert (ROOT / "docs" / name).is_file()
    assert pictures.made().get(name) == pictures.state(name), f"run: python scripts/pictures.py {name}"


def test_every_picture_is_made_by_the_script():
    assert {path.name for path in (ROOT / "docs").glob("*.png")} == {n for n in pictures.SHOWS if n.endswith(".png")}
    assert set(pictures.SHOWS) == set(pictures.COMMANDS)
    for patterns in pictures.SHOWS.values():
        assert all(list(ROOT.glob(pattern)) for pattern in patterns)


def test_texts_show_only_pictures_that_are_there():
    for text in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]:
        for shown in re.findall(r'\]\(([^)#]+\.(?:png|html))\)|src="([^"]+)"', text.read_text(encoding="utf-8")):
            assert (text.parent / (shown[0] or shown[1])).is_file(), (text, shown)
