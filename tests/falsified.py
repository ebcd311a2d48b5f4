"""Packs that lie: each with one thing falsified, by someone who made all digests anew, and what ``verify`` says of it.

``files``: someone who edits files. ``made``: someone who has the program, and lets it make a whole pack of lies.
"""

import base64
import dataclasses
import hashlib
import io
import json
import re
import struct
import zipfile

import msgspec
import numpy as np
import soundfile

from cnndsd import kind, render
from cnndsd.ear.analysis import describe_raw
from cnndsd.ear.kinds import KINDS
from cnndsd.farm.arranging import Placed, place_alone
from cnndsd.farm.executors import InProcess
from cnndsd.farm.production import choose_sounds, make_pack
from cnndsd.farm.searching import judge_missing
from cnndsd.finishing import audiofile, packing, zipfiles
from cnndsd.finishing.bars import BarLoop
from cnndsd.finishing.finished import Finished, PackSound, Place, finish
from cnndsd.finishing.manifest import Manifest
from cnndsd.finishing.page import shown_looks
from cnndsd.finishing.pictures import Picture
from cnndsd.finishing.zipfiles import PackFile
from cnndsd.sound.rendering import raw_sha256
from cnndsd.spec import Choice, Music, Ranges, Spec

SPEC = Spec(
    name="s",
    title="Lies & <truths>",
    author="A. Person",
    count=6,
    candidates=800,
    previews="ogg",
    music=Music(key="A minor", bpm=240.0, bars=(1,), beats=2),
    choose=Choice(
        score=0.0, distance=0.0, static_share=1.0, shares={"beat": 0.3, "hit": 0.3, "lead": 0.2, "drone": 0.2}
    ),
    sound=Ranges(seconds=(0.6, 1.0), gap=(3, 6)),
)


def pack_of_everything(folder):
    """The path of a pack with tuned sounds, a loop in time, hits, instruments and previews."""
    path = folder / "s.zip"
    findings = judge_missing(SPEC, InProcess())
    placed = {entry.index: place_alone(SPEC, entry) for entry in choose_sounds(SPEC, findings)}
    # A beat is cut to a loop, wherever its onsets are.
    index, (entry, _) = next((i, p) for i, p in placed.items() if kind(p.entry.sound) == "beat")
    rate = entry.recipe.sample_rate
    placed[index] = Placed(entry, Place(None, BarLoop(rate, 1000, 1, 0)))
    assert make_pack(path, SPEC, findings, InProcess(), placed=placed) == SPEC.count
    return path


# Someone who edits files.


def rewritten(data, change, resum=True):
    """The pack with its files changed (name -> bytes), and unless told otherwise with the sums of that."""
    with PackFile(io.BytesIO(data)) as archive:
        files, folder = {name: archive.read(name) for name in archive.namelist()}, archive.folder
    files = change(files) or files
    if resum:
        sums = {name: hashlib.sha256(content).hexdigest() for name, content in files.items() if name != packing.SUMS}
        if packing.SUMS in files:
            files[packing.SUMS] = packing.sums_text(sums).encode()
    return zipped({f"{folder}{name}": content for name, content in files.items()})


def zipped(files):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for name, content in files.items():
            archive.writestr(zipfiles.entry(name), content)
    return out.getvalue()


def files(change):
    return lambda data: rewritten(data, change)


def replaced(name, old, new):
    """A text in a file replaced, once."""

    def change(files):
        assert files[name].count(old.encode()), (name, old)
        files[name] = files[name].replace(old.encode(), new.encode(), 1)

    return files(change)


def in_manifest(change, old=b"", new=b""):
    """The manifest changed, and written as the program writes it; then one text in it by another."""

    def apply(files):
        manifest = json.loads(files["manifest.json"])
        change(manifest)
        text = msgspec.json.format(msgspec.json.encode(manifest), indent=1) + b"\n"
        files["manifest.json"] = text.replace(old, new, 1)

    return files(apply)


def in_sound(**changes):
    return in_manifest(lambda manifest: manifest["sounds"][0].update(changes))


def in_spec(change):
    return in_manifest(lambda manifest: change(manifest["spec"]))


def first(files, ending, part=""):
    return next(name for name in files if name.endswith(ending) and part in name)


def wav(change, ending=".wav", part=""):
    """A sound file changed, and its digest in manifest and table with it."""

    def apply(files):
        name = first(files, ending, part)
        new = change(files[name])
        old, digest = (hashlib.sha256(content).hexdigest().encode() for content in (files[name], new))
        assert old != digest
        files[name] = new
        for text in ("manifest.json", "manifest.csv"):
            files[text] = files[text].replace(old, digest)

    return files(apply)


def chunks(data):
    """The chunks of a WAV file, as (name, content)."""
    at, found = 12, []
    while at + 8 <= len(data):
        size = struct.unpack_from("<I", data, at + 4)[0]
        found.append((data[at : at + 4], data[at + 8 : at + 8 + size]))
        at += 8 + size + size % 2
    return found


def riff(parts):
    body = b"".join(n + struct.pack("<I", len(c)) + c + b"\0" * (len(c) % 2) for n, c in parts)
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WAVE" + body


def chunk(name, change):
    """A chunk of a WAV file changed, or left out where that is None."""

    def apply(data):
        parts = [(n, change(c) if n == name else c) for n, c in chunks(data)]
        assert any(n == name for n, _ in parts)
        return riff([(n, c) for n, c in parts if c is not None])

    return apply


def samples(change):
    """The samples of a WAV file of 24 bits changed, as integers."""

    def apply(content):
        raw = np.frombuffer(content, np.uint8).reshape(-1, 3).astype(np.int64)
        signed = ((raw[:, 0] | raw[:, 1] << 8 | raw[:, 2] << 16) ^ 0x800000) - 0x800000
        new = np.asarray(change(signed)).astype(np.int64) & 0xFFFFFF
        return np.stack([new & 255, new >> 8 & 255, new >> 16], axis=1).astype(np.uint8).tobytes()

    return wav(chunk(b"data", apply))


def with_one(at, by):
    def change(sound):
        sound = sound.copy()
        sound[at] += by
        return sound

    return change


def at_bytes(offset, layout, value):
    def change(content):
        out = bytearray(content)
        struct.pack_into(layout, out, offset, value)
        return bytes(out)

    return change


def encoded_anew(subtype="PCM_24", channels=1, rate=None, part=""):
    """The same audio and recipe in another file."""

    def change(data):
        with soundfile.SoundFile(io.BytesIO(data)) as file:
            audio, comment, old = file.read(), file.comment, file.samplerate
        out = io.BytesIO()
        with soundfile.SoundFile(out, "w", rate or old, channels, subtype, format="WAV") as file:
            file.comment = comment
            file.write(np.repeat(audio[:, None], channels, axis=1))
        return out.getvalue()

    return wav(change, part=part)


def ogg(change):
    """A preview changed and encoded anew."""

    def apply(files):
        name = first(files, ".ogg")
        with soundfile.SoundFile(io.BytesIO(files[name])) as file:
            audio, comment, rate = file.read(), file.comment, file.samplerate
        out = io.BytesIO()
        with soundfile.SoundFile(out, "w", rate, 1, "VORBIS", format="OGG") as file:
            file.comment = comment
            file.write(change(audio))
        files[name] = out.getvalue()

    return files(apply)


def ogg_bytes(change):
    """A preview's bytes changed, and the checksums of its pages made anew."""

    def apply(files):
        name = first(files, ".ogg")
        files[name] = audiofile._with_serial(change(files[name]), 35)

    return files(apply)


def in_comments(text):
    """One more comment in an Ogg file, in the page where the comments end; its segments hold the rest."""

    def change(data):
        at = data.index(b"OggS", 1)
        sizes = list(data[at + 27 : at + 27 + data[at + 26]])
        begin = at + 27 + len(sizes)
        last = next(i for i, size in enumerate(sizes) if size < 255)
        packet = data[begin : begin + sum(sizes[: last + 1])]
        rest = data[begin + len(packet) :]
        (vendor,) = struct.unpack_from("<I", packet, 7)
        (count,) = struct.unpack_from("<I", packet, 11 + vendor)
        head, comments = packet[: 11 + vendor], packet[15 + vendor : -1]
        packet = head + struct.pack("<I", count + 1) + comments + struct.pack("<I", len(text)) + text + packet[-1:]
        new = [255] * (len(packet) // 255) + [len(packet) % 255] + sizes[last + 1 :]
        return data[: at + 26] + bytes([len(new), *new]) + packet + rest

    return change


def hidden_in_copy(shown):
    """A program behind the audio of the page's copy of a loop."""
    copy = next(sound["looks"]["copy"] for sound in shown["sounds"] if sound["looks"]["bars"])
    copy["flac"] = base64.b64encode(base64.b64decode(copy["flac"]) + b"MZ evil" * 10).decode()


def padded_copy(shown):
    """A block more in the page's copy of a loop, of the kind that decoders skip."""
    copy = next(sound["looks"]["copy"] for sound in shown["sounds"] if sound["looks"]["bars"])
    data = base64.b64decode(copy["flac"])
    block = b"\1" + (40).to_bytes(3, "big") + b"MZ evil".ljust(40)
    end = 8 + int.from_bytes(data[5:8], "big")
    copy["flac"] = base64.b64encode(data[:end] + block + data[end:]).decode()


def swapped(ending, part=""):
    """Two files change places, with their digests in manifest and table."""

    def change(files):
        one, two = [name for name in files if name.endswith(ending) and part in name][:2]
        files[one], files[two] = files[two], files[one]
        a, b = (hashlib.sha256(files[name]).hexdigest().encode() for name in (one, two))
        for text in ("manifest.json", "manifest.csv"):
            files[text] = files[text].replace(a, b"?").replace(b, a).replace(b"?", b)

    return files(change)


def on_page(change):
    """What the page knows of the sounds changed."""

    def apply(files):
        page = files["index.html"].decode()
        head, begin, rest = page.partition('<script type="application/json" id="data">')
        data, end, tail = rest.partition("</script>")
        shown = json.loads(data)
        change(shown)
        data = msgspec.json.encode(shown).decode().replace("<", "\\u003c")
        files["index.html"] = (head + begin + data + end + tail).encode()

    return files(apply)


def picture(key, change):
    def apply(shown):
        looks = shown["sounds"][0]["looks"]
        looks[key] = base64.b64encode(change(base64.b64decode(looks[key]))).decode()

    return on_page(apply)


def other_copy(shown):
    looks = next(sound["looks"] for sound in shown["sounds"] if sound["looks"]["bars"])
    copy = looks["copy"]
    size = copy["end"] - copy["start"]
    noise = audiofile.encode_loop(np.random.default_rng(1).uniform(-0.5, 0.5, size), copy["sample_rate"], copy["start"])
    copy["flac"] = base64.b64encode(noise).decode()


def script_allowed(files):
    """A script that its page's own policy allows."""
    script = "fetch('https://example.com')"
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    page = files["index.html"].decode().replace("script-src '", f"script-src 'sha256-{digest}' '", 1)
    files["index.html"] = page.replace("</body>", f"<script>{script}</script></body>").encode()


def pixel(files):
    """One pixel of the cover in another colour, with the sums of the picture made anew."""
    import zlib

    data = files["cover.png"]
    at = data.index(b"IDAT")
    size = struct.unpack_from(">I", data, at - 4)[0]
    lines = bytearray(zlib.decompress(data[at + 4 : at + 4 + size]))
    lines[5000] ^= 1
    stream = zlib.compress(bytes(lines))
    crc = struct.pack(">I", zlib.crc32(b"IDAT" + stream))
    files["cover.png"] = (
        data[: at - 4] + struct.pack(">I", len(stream)) + b"IDAT" + stream + crc + data[at + 8 + size :]
    )


def in_order(change):
    def apply(files):
        names = list(files)
        change(names)
        return {name: files[name] for name in names}

    return files(apply)


def moved(names):
    names.insert(0, names.pop(names.index("LICENSE.txt")))


def exchanged(names):
    a, b = [i for i, name in enumerate(names) if name.endswith(".wav")][:2]
    names[a], names[b] = names[b], names[a]


def renamed(old, new):
    """A name changed wherever it stands."""

    def apply(data):
        with PackFile(io.BytesIO(data)) as archive:
            stems = [name.rpartition("/")[2].removesuffix(".wav") for name in archive.namelist() if ".wav" in name]
        stem, other = next((s, re.sub(old, new, s)) for s in stems if re.search(old, s))

        def change(files):
            return {
                n.replace(stem, other): c if n.endswith((".wav", ".ogg")) else c.replace(stem.encode(), other.encode())
                for n, c in files.items()
            }

        return rewritten(data, change)

    return apply


def with_zip(**changes):
    """The zip's own entries changed."""

    def apply(data):
        out = io.BytesIO()
        with PackFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w") as new:
            for name in old.namelist():
                info = zipfiles.entry(old.folder + name)
                for key, value in changes.items():
                    setattr(info, key, value)
                new.writestr(info, old.read(name))
            new.comment = changes.get("comment", b"") if isinstance(changes.get("comment"), bytes) else b""
        return out.getvalue()

    return apply


def larger_table(data):
    """The end of the table of a zip once more, as zips of over 4 GB have it, with room for more (APPNOTE 4.3.14)."""
    at = data.rindex(b"PK\5\6")
    count, size, offset = struct.unpack_from("<HII", data, at + 10)
    hidden = b"MZ evil!"
    large = struct.pack("<4sQ2H2I4Q", b"PK\6\6", 44 + len(hidden), 45, 45, 0, 0, count, count, size, offset) + hidden
    return data[:at] + large + struct.pack("<4sIQI", b"PK\6\7", 0, at, 1) + data[at:]


def sums(change):
    def apply(data):
        def edit(files):
            files[packing.SUMS] = change(files[packing.SUMS])

        return rewritten(data, edit, resum=False)

    return apply


# Someone who has the program.


def made(change=None, **facts):
    """A whole pack as the program makes it, of sounds that were changed: ``change`` edits their list."""

    def apply(data):
        path = io.BytesIO(data)
        with PackFile(path) as archive:
            manifest = msgspec.json.decode(archive.read("manifest.json"), type=Manifest)
            looks = list(shown_looks(io.BytesIO(archive.read("index.html"))))
            sounds = [
                PackSound(
                    s.candidate,
                    s.recipe,
                    s.measures,
                    s.raw_sha256,
                    Finished(
                        archive.read(s.file),
                        look.seconds,
                        s.level,
                        Picture(look.wave, look.spectrum),
                        s.pitch,
                        s.loop,
                        s.tempo_bpm,
                        s.bars,
                        archive.read(s.preview),
                        look.copy,
                    ),
                )
                for s, look in zip(manifest.sounds, looks, strict=True)
            ]
        spec = msgspec.convert(manifest.spec, Spec)
        sounds = (change(sounds) if change else None) or sounds
        arguments = {
            "spec": spec,
            "candidates": manifest.candidates,
            "refused": manifest.refused,
            "by_hand": manifest.by_hand,
        } | {key: value(spec) if callable(value) else value for key, value in facts.items()}
        out = io.BytesIO()
        packing.write_pack(out, sounds=sounds, **arguments)
        return out.getvalue()

    return apply


def lie(which=lambda sound: True, finished=None, **changes):
    """One thing that is told of a sound changed, everywhere; the first sound for which ``which`` holds."""

    def change(sounds):
        at = next(i for i, sound in enumerate(sounds) if which(sound))
        sound = sounds[at]
        fields = {key: value(getattr(sound, key)) for key, value in changes.items()}
        facts = {key: value(getattr(sound.finished, key)) for key, value in (finished or {}).items()}
        sounds[at] = dataclasses.replace(sound, finished=dataclasses.replace(sound.finished, **facts), **fields)
        assert sounds[at] != sound

    return made(change)


def field(**changes):
    return lambda structure: msgspec.structs.replace(
        structure, **{key: value(getattr(structure, key)) for key, value in changes.items()}
    )


def other_recipe(sounds):
    """Another network under the candidate's number: everything is as its recipe says."""
    sound = next(sound for sound in sounds if sound.finished.bars is None)
    recipe = sound.recipe.reseeded(sound.recipe.last_seed + 1)
    audio = render(recipe)
    measures = describe_raw(audio, recipe)
    file = finish(audio, recipe, measures, SPEC, Place())
    sounds[sounds.index(sound)] = PackSound(sound.candidate, recipe, measures, raw_sha256(audio), file)
    sounds.sort(key=lambda s: (KINDS.index(kind(s.measures)), s.measures.brightness_hz))


def tuned(sound):
    return sound.finished.pitch is not None


def in_bars(sound):
    return sound.finished.bars is not None


def looped(sound):
    return sound.finished.loop is not None and sound.finished.bars is None


def up(by):
    return lambda value: value + by


def spec_with(**changes):
    return lambda spec: msgspec.structs.replace(spec, **changes)


def told(**changes):
    """A pack whose spec is told to be another, in all its files."""
    return made(spec=spec_with(**changes))


AUDIO = "is not the audio that its recipe makes"
CHANGED = "has the right audio, but not the right note, loop or tempo for samplers"
BESIDE = "has the right audio, but holds something else"
MADE = "is not what cnndsd"
# What is falsified, how, and words from the line that tells it.
FALSIFIED = {
    # The audio.
    "audio reversed": (samples(lambda s: s[::-1]), AUDIO),
    "one sample changed by one unit": (samples(with_one(1000, 1)), f"{AUDIO} (1 of"),
    "the last sample changed by one unit": (samples(with_one(-1, 1)), f"{AUDIO} (1 of"),
    "gain of 0.1 dB": (samples(lambda s: np.rint(s * 10**0.005)), AUDIO),
    "polarity": (samples(lambda s: -s), AUDIO),
    "silence": (samples(lambda s: s * 0), AUDIO),
    "shifted by a sample": (samples(lambda s: np.roll(s, 1)), AUDIO),
    "noise at -130 dB": (samples(lambda s: s + np.random.default_rng(1).integers(-1, 2, s.size)), AUDIO),
    "shorter by a sample": (samples(lambda s: s[:-1]), "samples; its recipe makes"),
    "longer by a sample": (samples(lambda s: np.append(s, 0)), "samples; its recipe makes"),
    "two sounds exchanged": (swapped(".wav"), "carries another recipe than the manifest's"),
    "not a sound": (wav(lambda data: b"RIFF nothing"), "is not a sound file"),
    "half a file": (wav(lambda data: data[: len(data) // 2]), "samples; its recipe makes"),
    "16 bits": (encoded_anew("PCM_16"), "is WAV PCM_16, 44100 Hz, 1 channel; the spec says WAV PCM_24"),
    "stereo": (encoded_anew(channels=2), "2 channels; its recipe makes"),
    "another sample rate": (encoded_anew(rate=48_000), "48000 Hz, 1 channel; the spec says"),
    # What the file says beside the audio.
    "no notes inside": (encoded_anew(part="lead"), CHANGED),
    "recipe in the file": (wav(lambda data: data.replace(b'"gap":', b'"gaq":')), "carries another recipe"),
    "no recipe in the file": (wav(chunk(b"LIST", lambda c: None)), "carries another recipe"),
    "root note in smpl": (wav(chunk(b"smpl", at_bytes(12, "<I", 61)), part="lead"), CHANGED),
    "fraction of the note in smpl": (wav(chunk(b"smpl", at_bytes(16, "<I", 1)), part="lead"), CHANGED),
    "loop in smpl": (wav(chunk(b"smpl", at_bytes(44, "<I", 7)), part="loops"), CHANGED),
    "note in inst": (wav(chunk(b"inst", at_bytes(0, "<B", 1)), part="lead"), CHANGED),
    "tempo in acid": (wav(chunk(b"acid", at_bytes(20, "<f", 121.0)), part="loops"), CHANGED),
    "no tempo": (wav(chunk(b"acid", lambda c: None), part="loops"), CHANGED),
    "a chunk more": (wav(lambda data: riff([*chunks(data), (b"cue ", b"evil")])), CHANGED),
    "bytes behind the chunks": (wav(lambda data: data + b"evil"), CHANGED),
    # Previews.
    "preview reversed": (ogg(lambda s: s[::-1]), f"its preview {AUDIO}"),
    "preview louder by 0.1 dB": (ogg(lambda s: s * 10**0.005), f"its preview {AUDIO}"),
    "preview with a click": (ogg(with_one(1000, 0.5)), f"its preview {AUDIO}"),
    "previews exchanged": (swapped(".ogg"), "its preview carries another recipe"),
    "a program behind a preview": (
        files(lambda f: f.update({first(f, ".ogg"): f[first(f, ".ogg")] + b"MZ evil" * 30})),
        f"its preview {BESIDE}",
    ),
    "a second stream in a preview": (
        files(lambda f: f.update({first(f, ".ogg"): 2 * f[first(f, ".ogg")]})),
        "its preview ",
    ),
    "a comment in a preview": (ogg_bytes(in_comments(b"TITLE=evil")), f"its preview {BESIDE}"),
    "preview not a sound": (files(lambda f: f.update({first(f, ".ogg"): b"OggS"})), "its preview is not a sound file"),
    # Facts in the manifest alone.
    "digest of a raw sound": (in_sound(raw_sha256="0" * 64), "its recipe makes another raw sound"),
    "digest of a file": (in_sound(file_sha256="0" * 64), "its SHA-256 is not the manifest's file_sha256"),
    "recipe in the manifest": (in_manifest(lambda m: m["sounds"][0]["recipe"].update(seed=1)), "has another recipe"),
    "recipe of another sound": (
        in_manifest(lambda m: m["sounds"][0].update(recipe=m["sounds"][1]["recipe"])),
        "has another recipe",
    ),
    "a measure in its last decimal": (
        in_manifest(lambda m: m["sounds"][0]["measures"].update(late_db=m["sounds"][0]["measures"]["late_db"] + 1e-4)),
        "the manifest's measures are not those of its raw sound (late_db)",
    ),
    "a sound left out of the manifest": (in_manifest(lambda m: m["sounds"].pop()), "is not in the manifest"),
    "another file name in the manifest": (in_sound(file="hit/other.wav"), "hit/other.wav: is missing"),
    "name of the pack": (in_manifest(lambda m: m.update(name="t")), f"manifest.json: {MADE}"),
    "seed in the manifest": (in_manifest(lambda m: m.update(seed=2)), f"manifest.json: {MADE}"),
    "definition": (in_manifest(lambda m: m.update(definition=2)), f"manifest.json: {MADE}"),
    "another version that says more": (
        in_manifest(lambda m: m.update(cnndsd="9.9, this is 0.1.0: all is proven")),
        "manifest.json: cnndsd: ",
    ),
    "format of the manifest": (in_manifest(lambda m: m.update(format=2)), "manifest.json: format: "),
    "who chose": (in_manifest(lambda m: m.update(by_hand=6)), f"README.txt: {MADE}"),
    "candidates": (in_manifest(lambda m: m.update(candidates=801)), "candidates: 801 is not the spec's number, 800"),
    "more refused than judged": (in_manifest(lambda m: m["refused"].update(silent=801)), "candidates cannot be"),
    "a number without end": (
        in_manifest(lambda m: m.update(seed=float("1e308")), old=b"1e308", new=b"1e999"),
        "manifest.json: ",
    ),
    "a candidate beyond all integers": (
        in_manifest(lambda m: m["sounds"][0].update(candidate=987654321), old=b"987654321", new=b"%d" % 2**70),
        "manifest.json: sounds: hold a number",
    ),
    "a candidate at the end of all": (in_sound(candidate=2**63 - 1), "has another recipe"),
    "a letter of another alphabet in a name": (
        in_manifest(lambda m: m["sounds"][0].update(file=m["sounds"][0]["file"].replace("a", "\u0430"))),
        "is missing",
    ),
    "a key twice": (
        files(
            lambda f: f.update(
                {"manifest.json": f["manifest.json"].replace(b'"seed": 1,', b'"seed": 2,\n "seed": 1,', 1)}
            )
        ),
        f"manifest.json: {MADE}",
    ),
    "a key more": (in_manifest(lambda m: m.update(note="evil")), f"manifest.json: {MADE}"),
    "a key more in a sound": (in_sound(note="evil"), f"manifest.json: {MADE}"),
    "manifest in other words": (
        files(lambda f: f.update({"manifest.json": json.dumps(json.loads(f["manifest.json"])).encode()})),
        f"manifest.json: {MADE}",
    ),
    "spec: a wrong value": (in_spec(lambda s: s.update(name=3)), "manifest.json: spec: "),
    "spec: key": (in_spec(lambda s: s["music"].update(key="C major")), f"README.txt: {MADE}"),
    "spec: format": (in_spec(lambda s: s.update(format="flac")), "the spec says FLAC PCM_24"),
    "spec: no previews": (in_spec(lambda s: s.update(previews="none")), "has a preview, which the spec does not want"),
    "spec: plain": (in_spec(lambda s: s.update(plain=True)), CHANGED),
    # Facts everywhere, by the program itself.
    "another network": (made(other_recipe), "has another recipe"),
    "candidate number": (lie(candidate=up(1)), "has another recipe"),
    "candidate number far away": (lie(candidate=up(10**8)), "has another recipe"),
    "a measure": (lie(measures=field(late_db=up(0.01))), "measures are not those of its raw sound (late_db)"),
    "loudness": (lie(finished={"level": field(integrated_lufs=up(0.01))}), "is not as loud as the manifest says"),
    "true peak": (lie(finished={"level": field(true_peak_dbtp=up(-0.5))}), "is not as loud as the manifest says"),
    "rule of the level": (lie(finished={"level": field(rule=lambda _: "none")}), "is not as loud as"),
    "pitch": (lie(tuned, {"pitch": field(note=up(2))}), "the manifest's pitch is not that of its sound"),
    "cents": (lie(tuned, {"pitch": field(cents=up(0.1))}), "the manifest's pitch is not that of its sound"),
    "no pitch": (lie(tuned, {"pitch": lambda _: None}), CHANGED),
    "tempo": (lie(in_bars, {"tempo_bpm": up(1.0)}), "the manifest's tempo is not that of its sound"),
    "loop": (lie(looped, {"loop": field(start=up(1))}), "the manifest's loop is not that of its sound"),
    "exact loop": (lie(looped, {"loop": field(exact=lambda x: not x)}), "the manifest's loop is not that"),
    "loop in time from elsewhere": (lie(in_bars, {"bars": field(start=up(1))}), AUDIO),
    "loop of two bars": (lie(in_bars, {"bars": field(bars=up(1))}), "is not a loop that the spec allows"),
    "loop beyond the sound": (lie(in_bars, {"bars": field(start=up(10**7))}), "its loop is longer than its sound"),
    "loop as cycles": (lie(in_bars, {"bars": field(cycle=up(500))}), AUDIO),
    "order of the sounds": (made(lambda sounds: sounds[::-1]), "its sounds are not in order"),
    "a sound twice": (made(lambda sounds: [sounds[0], *sounds]), "is in it 2 times"),
    "spec: seed": (told(seed=2), "of seed 2 has another recipe"),
    "spec: ranges": (told(sound=Ranges(seconds=(0.6, 1.01), gap=(3, 6))), "has another recipe"),
    "spec: loudness": (told(master={"loudness_lufs": -15.9}), AUDIO),
    "spec: high-pass": (told(master={"highpass_hz": 20.1}), AUDIO),
    "spec: notes": (told(music=Music(key="F# major", bpm=240.0, bars=(1,), beats=2)), "is not in the spec's key"),
    "spec: names": (in_spec(lambda s: s.update(names="hardware")), "is not the name of this sound"),
    # Names.
    "note in a name": (renamed("_[A-G]#?[0-9]$", "_C1"), "is not the name of this sound; it is"),
    "word in a name": (renamed("^cnndsd_hit_[a-z]+$", "cnndsd_hit_evil"), "is not the name of this sound; it is"),
    # The page.
    "a script in the page": (
        replaced("index.html", "</body>", "<script>evil()</script></body>"),
        f"index.html: {MADE}",
    ),
    "a script that the policy allows": (files(script_allowed), f"index.html: {MADE}"),
    "policy of the page": (replaced("index.html", "default-src 'none'", "default-src *"), f"index.html: {MADE}"),
    "a link in the page": (replaced("index.html", "</header>", '<a href="//evil"></header>'), f"index.html: {MADE}"),
    "title of the page": (replaced("index.html", "Lies &amp;", "True &amp;"), f"index.html: {MADE}"),
    "spaces in the page": (files(lambda f: f.update({"index.html": f["index.html"] + b" "})), f"index.html: {MADE}"),
    "score on the page": (on_page(lambda d: d["sounds"][0].update(score=0.99)), f"index.html: {MADE}"),
    "neighbours on the page": (on_page(lambda d: d["sounds"][0]["near"].reverse()), f"index.html: {MADE}"),
    "file on the page": (on_page(lambda d: d["sounds"][0].update(file="hit/evil.wav")), f"index.html: {MADE}"),
    "note on the page": (on_page(lambda d: d["sounds"][0]["looks"].update(note="C1")), f"index.html: {MADE}"),
    "length on the page": (on_page(lambda d: d["sounds"][0]["looks"].update(seconds=1.0)), f"index.html: {MADE}"),
    "command on the page": (on_page(lambda d: d.update(command="rm -rf ")), f"index.html: {MADE}"),
    "waveform": (picture("wave", lambda w: bytes([w[0] ^ 1]) + w[1:]), f"index.html: {MADE}"),
    "two shades": (picture("spectrum", lambda s: bytes([s[0] ^ 0x20]) + s[1:]), f"index.html: {MADE}"),
    "picture not a picture": (picture("spectrum", lambda s: s[:-1]), f"index.html: {MADE}"),
    "loop on the page": (on_page(other_copy), f"index.html: {MADE}"),
    "a program in the loop on the page": (on_page(hidden_in_copy), f"index.html: {MADE}"),
    "a block in the loop on the page": (on_page(padded_copy), f"index.html: {MADE}"),
    "page without data": (replaced("index.html", 'id="data"', 'id="date"'), f"index.html: {MADE}"),
    # Other files.
    "one pixel of the cover": (files(pixel), f"cover.png: {MADE}"),
    "another cover": (files(lambda f: f.update({"cover.png": b"\x89PNG"})), f"cover.png: {MADE}"),
    "licence": (files(lambda f: f.update({"LICENSE.txt": b"All rights reserved.\r\n"})), f"LICENSE.txt: {MADE}"),
    "licence in the README": (replaced("README.txt", "Licence: CC0-1.0", "Licence: mine"), f"README.txt: {MADE}"),
    "author in the README": (replaced("README.txt", "by A. Person", "by B. Person"), f"README.txt: {MADE}"),
    "a cell of the table": (replaced("manifest.csv", "cnndsd_hit", "=cmd()_hit"), f"manifest.csv: {MADE}"),
    "a row of the table": (files(lambda f: f.update({"manifest.csv": f["manifest.csv"] + b"x\r\n"})), "manifest.csv: "),
    "file of an instrument": (replaced("drums.sfz", "sample=", "sample=../"), f"drums.sfz: {MADE}"),
    "keys of an instrument": (replaced("drums.dspreset", 'rootNote="36"', 'rootNote="37"'), f"drums.dspreset: {MADE}"),
    "an extra file": (files(lambda f: f.update({"evil.exe": b"MZ"})), "evil.exe: is not in the manifest"),
    "an extra sound": (
        files(lambda f: f.update({"hit/evil.wav": f[first(f, ".wav")]})),
        "hit/evil.wav: is not in the manifest",
    ),
    "no licence": (files(lambda f: f.pop("LICENSE.txt") and f), "LICENSE.txt: is missing"),
    "no sums": (files(lambda f: {n: c for n, c in f.items() if n != packing.SUMS}), "SHA256SUMS: is missing"),
    "no sound": (files(lambda f: {n: c for n, c in f.items() if n != first(f, ".wav")}), ".wav: is missing"),
    "no preview": (files(lambda f: {n: c for n, c in f.items() if n != first(f, ".ogg")}), ".ogg: is missing"),
    # The zip.
    "order in the zip": (in_order(moved), "the files are not in the manifest's order"),
    "order of sounds in the zip": (in_order(exchanged), "the files are not in the manifest's order"),
    "times in the zip": (with_zip(date_time=(2024, 1, 1, 0, 0, 0)), "the zip's own tables were changed"),
    "rights in the zip": (with_zip(external_attr=0o755 << 16), "the zip's own tables were changed"),
    "comments in the zip": (with_zip(comment=b"evil"), "the zip's own tables were changed"),
    "extra fields in the zip": (with_zip(extra=b"\x99\x99\x04\x00evil"), "the zip's own tables were changed"),
    "something behind the zip": (lambda data: data + b"#!/bin/sh\n", ""),
    "a table of a large zip": (larger_table, ""),
    "something before the zip": (lambda data: b"#!/bin/sh\n" + data, ""),
    "order of the sums": (sums(lambda text: b"\n".join(sorted(text.splitlines())) + b"\n"), "SHA256SUMS: was changed"),
    "a line more in the sums": (sums(lambda text: text + b"# evil\n"), "SHA256SUMS: was changed"),
    "a file without a sum": (sums(lambda text: text.partition(b"\n")[2]), "is not the file that was packed"),
}
