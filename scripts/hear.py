"""Make a page of a pack's sounds without sound files: ``hear.py PACK.zip OUT.html [--sounds 24]``.

The page renders the raw sounds in the browser, from their recipes.
"""

import argparse
from pathlib import Path

import msgspec
import numpy as np

from cnndsd.finishing.manifest import read_manifest
from cnndsd.finishing.seedlist import seed_list
from cnndsd.spec import Spec


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pack")
    parser.add_argument("out", type=Path)
    parser.add_argument("--sounds", type=int, default=24)
    options = parser.parse_args()
    manifest = read_manifest(options.pack)
    sounds = manifest.sounds
    some = [sounds[i] for i in np.unique(np.linspace(0, len(sounds) - 1, options.sounds).astype(int))]
    spec = msgspec.convert(manifest.spec, Spec)
    listed = [(sound.candidate or 0, sound.recipe, sound.measures) for sound in some]
    options.out.write_text(seed_list(spec, manifest.candidates, listed), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
