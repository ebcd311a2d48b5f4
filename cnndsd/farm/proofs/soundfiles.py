"""Comparison of sound files: equal to the byte, or by decoding where another build of an encoder may differ."""

import io

import numpy as np
from numpy.typing import NDArray

from cnndsd.farm.proofs.containers import holds_more
from cnndsd.finishing import audiofile
from cnndsd.recipe import Recipe
from cnndsd.schema import Invalid
from cnndsd.spec import SoundFormat, Spec

# A lossy encoder may take another decision where its build rounds differently. A file that differs from the one that is
# made here must still be as long, the difference this far below the sound, and each sample this near, as a share of the
# peak. (Noise in the seventh digit before encoding makes up to -44 dB and 0.03; a gain of 0.1 dB makes -34 dB or more.)
_LOSSY_DB, _LOSSY_PEAK = -40.0, 0.05


def compare(
    spec: Spec, recipe: Recipe, name: SoundFormat, data: bytes, made: bytes, is_ours: bool
) -> tuple[str | None, bool]:
    """Return what is wrong with a file, or None, and whether it is the one that was made again.

    ``name``: of its format. A file that another version finished may differ in its audio.
    """
    if data == made:
        return None, True
    file_format = audiofile.FORMATS[name]
    try:
        with audiofile.opened_sound(io.BytesIO(data)) as file:
            properties = file.format, file.subtype, file.samplerate, file.channels
            comment = file.comment
            audio = file.read(dtype="float64", always_2d=True)
    except Invalid as error:
        return f"is not a sound file ({error})", False
    expected = audiofile.decode_channels(made).T
    wanted = file_format.container, file_format.encoding, spec.written_rate, expected.shape[1]
    if properties != wanted:
        says = "the spec says" if properties[:3] != wanted[:3] else "its recipe makes"
        return f"is {_properties_text(*properties)}; {says} {_properties_text(*wanted)}", False
    if comment != recipe.to_json():
        return "carries another recipe than the manifest's", False
    if file_format.is_lossy and are_alike(audio, expected):
        if is_ours and holds_more(data, made):
            return "has the right audio, but holds something else", False
        return None, True
    if not is_ours:
        return None, False
    if len(audio) != len(expected):
        return f"has {len(audio)} samples; its recipe makes {len(expected)}", False
    differing = int((audio != expected).any(axis=1).sum())
    if not differing:
        return "has the right audio, but not the right note, loop or tempo for samplers, or holds something else", False
    return f"is not the audio that its recipe makes ({differing} of {len(audio)} samples differ)", False


def are_alike(audio: NDArray[np.float64], expected: NDArray[np.float64]) -> bool:
    """Return whether decoded lossy audio, shape ``(samples, channels)``, differs by no more than encoders may."""
    if audio.shape != expected.shape:
        return False
    difference = audio - expected
    allowed = np.square(expected).mean() * 10 ** (_LOSSY_DB / 10)
    return bool(
        np.square(difference).mean() <= allowed
        and np.abs(difference).max(initial=0.0) <= _LOSSY_PEAK * np.abs(expected).max(initial=0.0)
    )


def _properties_text(container: str, encoding: str, rate: int, channels: int) -> str:
    return f"{container} {encoding}, {rate} Hz, {channels} channel{'s' if channels > 1 else ''}"
