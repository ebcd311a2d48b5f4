"""The README and the licence in a pack."""

from collections.abc import Collection

from cnndsd import __version__
from cnndsd.finishing.exports.table import EXPORTS
from cnndsd.finishing.manifest import Listed
from cnndsd.finishing.records import Many
from cnndsd.recipe import DEFINITION
from cnndsd.scales import CHROMATIC
from cnndsd.spec import Music, Spec


def music_in_words(music: Music, listed: Many[Listed]) -> list[str]:
    """Return the key and the tempo of a pack as words, such as "A minor" and "120 BPM", where it has any."""
    words = []
    if any(sound.pitch for sound in listed) and music.pitch_classes and music.key.lower() != CHROMATIC:
        words.append(music.key)
    if any(sound.bars for sound in listed):
        words.append(f"{music.bpm:g} BPM")
    return words


def readme_text(spec: Spec, chosen: str, listed: Many[Listed], has_instruments: bool, exported: Collection[str]) -> str:
    """Return the README of a pack, with CRLF line ends.

    ``chosen``: how many sounds it has, and who chose them. ``exported``: the names of its exports' files.
    """
    title = spec.title or spec.name
    by = f"\r\nby {spec.author}" if spec.author else ""
    offset = {
        "raw": "The sounds keep the DC offset of the networks, whose output is above zero.",
        "rescale": "The networks' output was stretched to -1 to 1; the sounds keep its DC offset.",
        "center": "The sounds oscillate about zero.",
    }[spec.master.dc]
    return "\r\n".join(
        [
            f"{title}{by}",
            "",
            f"{chosen}.",
            *([] if spec.names == "numbered" else ["Each folder holds one kind of sound."]),
            *_music_lines(spec.music, listed),
            *_channel_lines(listed),
            *(_INSTRUMENTS if has_instruments else []),
            *(_ALTERNATES if any(sound.alternates for sound in listed) else []),
            *_export_lines(exported),
            "",
            "Every sound is the output of a tiny neural network with random weights that listens",
            "to its own past. The networks were not trained: no recordings went into them, and no model",
            "that was trained on recordings.",
            "",
            offset,
            "",
            "Open index.html in a browser to see, play and sort all sounds; it needs no network. Grow, in it,",
            "renders their networks: raw, longer, at another speed, or varied.",
            "",
            "manifest.json and manifest.csv say how each sound was made. Each file carries its recipe in",
            "its comment field: `cnndsd render FILE --seconds 20 -o OUT.wav` makes the sound longer, finished as",
            "in the default pack, and `cnndsd render FILE --raw -o OUT.wav` gives the network's own output.",
            "`cnndsd verify` checks files and sounds; `sha256sum -c SHA256SUMS` checks the files alone.",
            "",
            f"Licence: {spec.licence}, see LICENSE.txt.",
            f"Made with cnndsd {__version__}, definition {DEFINITION}, seed {spec.seed}.",
            "",
        ]
    )


def _music_lines(music: Music, listed: Many[Listed]) -> list[str]:
    lines = []
    tuned = sum(sound.pitch is not None for sound in listed)
    if tuned and music.pitch_classes:
        where = "their notes" if music.key.lower() == CHROMATIC else f"notes of {music.key}"
        lines.append(f"Sounds with a sure pitch: {tuned}; they stand on {where} (A4 is {music.tuning_hz:g} Hz).")
    if loops := sum(sound.bars is not None for sound in listed):
        lines.append(f"Loops of whole bars at {music.bpm:g} BPM, in the folder loops: {loops}.")
    return lines


def _channel_lines(listed: Many[Listed]) -> list[str]:
    wide = sum(sound.width is not None and sound.width.channels == 2 for sound in listed)
    return [f"Sounds with two channels that differ: {wide}."] if wide else []


def _export_lines(exported: Collection[str]) -> list[str]:
    """Return where the files for other programs are."""
    return [
        f"For {export.programs}: {export.place}"
        for export in EXPORTS.values()
        if any(name == export.place or name.startswith(f"{export.place}/") for name in exported)
    ]


_ALTERNATES = [
    "The folder alternates has relatives of the hits: in the drum kits they take turns, so that no two strokes",
    "sound the same.",
]
_INSTRUMENTS = [
    "For samplers: each tuned sound has an instrument in its folder, and the instrument drums has",
    "the hits on a keyboard; .sfz is for SFZ players, .dspreset for DecentSampler.",
]


def licence_text(spec: Spec) -> str:
    """Return a summary of the pack's licence, with the address of the full text."""
    return _LICENCES[spec.licence].format(author=spec.author)


_LICENCES = {
    "CC0-1.0": "CC0 1.0 Universal (public domain dedication)\r\n\r\n"
    "These sounds are given to everyone. To the extent that the law allows, all copyright and\r\n"
    "neighbouring rights in them are waived, worldwide. Use them for anything, sold or free, changed\r\n"
    "or not, without asking and without naming anyone.\r\n\r\n"
    "The full legal text: https://creativecommons.org/publicdomain/zero/1.0/legalcode\r\n",
    "CC-BY-4.0": "Creative Commons Attribution 4.0 International\r\n\r\n"
    "Use these sounds for anything, sold or free, changed or not, as long as you name: {author}\r\n\r\n"
    "The full legal text: https://creativecommons.org/licenses/by/4.0/legalcode\r\n",
}
