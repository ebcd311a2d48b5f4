"""Smooth and wide sounds are proven: whatever of them was changed is found, although all digests were made anew."""

import io
import json

import msgspec
import numpy as np
import pytest
import soundfile
from falsified import AUDIO, MADE, in_manifest, in_spec, on_page, replaced, wav
from small_runs import packed, small_generations, write_spec

from cnndsd import verify
from cnndsd.farm import verification
from cnndsd.farm.proofs.sounds import make_again
from cnndsd.finishing.zipfiles import PackFile

MEMORY = {}
MORE = "bandlimited = 0.5\nwide = 1.0\nadjusting = { share = 0.5 }\n[choose]\nscore = 0.0\n"


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """A pack of smooth and wide sounds."""
    folder = tmp_path_factory.mktemp("both")
    write_spec(folder, 600, MORE)
    made = packed(folder)
    # Which candidates are children, it is asked as it was made.
    with small_generations():
        yield made


@pytest.fixture
def faults(tmp_path, monkeypatch):
    """What is wrong with the bytes of a pack; no sound is made again twice."""

    def remembered(spec, sound, is_ours, data, *others):
        key = msgspec.json.encode((spec, sound, is_ours)), data
        if key not in MEMORY:
            MEMORY[key] = make_again(spec, sound, is_ours, data, *others)
        return MEMORY[key]

    monkeypatch.setattr(verification, "make_again", remembered)

    def found(data):
        (tmp_path / "s.zip").write_bytes(data)
        return verify(tmp_path / "s.zip")

    return found


def first(sounds, is_it):
    return next(sound for sound in sounds if is_it(sound))


def is_wide(sound):
    return sound["width"]["channels"] == 2


def is_smooth(sound):
    return sound["recipe"].get("interpolation") == "bandlimited"


def told(is_it=is_wide, **changes):
    """What the manifest says of the first such sound changed; each a function of what it said."""

    def change(manifest):
        sound = first(manifest["sounds"], is_it)
        for place, new in changes.items():
            *path, key = place.split("__")
            holder = sound
            for part in path:
                holder = holder[part]
            holder[key] = new(holder.get(key))

    return in_manifest(change)


def channels(change):
    """The channels of the first wide sound changed, shape ``(samples, 2)``, and encoded anew."""

    def encoded(data):
        with soundfile.SoundFile(io.BytesIO(data)) as file:
            audio, comment, rate = file.read(dtype="int32"), file.comment, file.samplerate
        audio = change(audio)
        out = io.BytesIO()
        with soundfile.SoundFile(out, "w", rate, audio.shape[1], "PCM_24", format="WAV") as file:
            file.comment = comment
            file.write(audio)
        return out.getvalue()

    def apply(data):
        return wav(encoded, part=next(s["file"] for s in listed(data) if is_wide(s)))(data)

    return apply


def listed(data):
    """The sounds in the manifest of a pack."""
    with PackFile(io.BytesIO(data)) as archive:
        return json.loads(archive.read("manifest.json"))["sounds"]


def with_unit(audio):
    audio = audio.copy()
    # The lowest of 24 bits.
    audio[500, 1] += 256
    return audio


FALSIFIED = {
    "channels exchanged": (channels(lambda a: a[:, ::-1]), AUDIO),
    "the first channel on both": (channels(lambda a: a[:, [0, 0]]), AUDIO),
    "one sample of the second channel": (channels(with_unit), f"{AUDIO} (1 of"),
    "second channel later": (channels(lambda a: np.stack([a[:, 0], np.roll(a[:, 1], 1)], axis=1)), AUDIO),
    "one channel": (channels(lambda a: a[:, :1]), "1 channel; its recipe makes"),
    "no second network": (told(recipe__wide=lambda _: None), "has another recipe"),
    "another second network": (told(recipe__wide__seed=lambda seed: seed ^ 1), "has another recipe"),
    "a second network farther away": (told(recipe__wide__amount=lambda by: by * 1.01), "has another recipe"),
    "held instead of smooth": (told(is_smooth, recipe__interpolation=lambda _: "hold"), "has another recipe"),
    "smooth instead of held": (
        told(lambda s: not is_smooth(s), recipe__interpolation=lambda _: "bandlimited"),
        "has another recipe",
    ),
    "correlation": (told(width__correlation=lambda r: r - 1e-4), "the manifest's width is not that of its sound"),
    "balance": (told(width__balance_db=lambda db: db + 0.01), "the manifest's width is not that of its sound"),
    "number of channels": (told(width__channels=lambda _: 1), "the manifest's width is not that of its sound"),
    "digest of the second channel": (told(width__raw_sha256=lambda _: "0" * 64), "the manifest's width is not that"),
    "no width": (told(width=lambda _: None), "the manifest's width is not that of its sound"),
    "spec: no wide sounds": (in_spec(lambda spec: spec["sound"].update(wide=0.0)), "has another recipe"),
    "spec: no smooth sounds": (in_spec(lambda spec: spec["sound"].update(bandlimited=0.0)), "has another recipe"),
    "spec: one channel": (in_spec(lambda spec: spec.update(channels=1)), "2 channels; its recipe makes"),
    "spec: two channels": (in_spec(lambda spec: spec.update(channels=2)), "1 channel; its recipe makes"),
    "smooth on the page": (
        on_page(lambda d: first(d["sounds"], lambda s: s["looks"]["is_smooth"])["looks"].update(is_smooth=False)),
        f"index.html: {MADE}",
    ),
    "correlation on the page": (
        on_page(lambda d: first(d["sounds"], lambda s: s["looks"]["correlation"])["looks"].update(correlation=0.5)),
        f"index.html: {MADE}",
    ),
    "recipe on the page": (
        on_page(lambda d: first(d["sounds"], lambda s: "wide" in s["recipe"])["recipe"].pop("wide")),
        f"index.html: {MADE}",
    ),
    "wide sounds in the README": (
        replaced("README.txt", "with two channels that differ: ", "with two channels that differ: 1"),
        f"README.txt: {MADE}",
    ),
    "interpolation in the table": (replaced("manifest.csv", ",bandlimited,", ",hold,"), f"manifest.csv: {MADE}"),
}


def test_the_pack_has_smooth_and_wide_sounds(both, faults):
    assert faults(both) == []
    for is_it in (is_wide, is_smooth):
        assert {is_it(sound) for sound in listed(both)} == {False, True}


@pytest.mark.parametrize("what", FALSIFIED)
def test_what_was_falsified_of_smooth_and_wide_sounds_is_found(what, both, faults):
    falsify, words = FALSIFIED[what]
    lines = faults(falsify(both))
    assert any(words in line for line in lines), lines
