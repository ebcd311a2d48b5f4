"""The page in a real browser: from a file, without a network, by mouse and by keyboard."""

import http.server
import io
import random
import re
import shlex
import threading

import numpy as np
import pytest
import soundfile
from sounds import like, made_up

from cnndsd.desk import cli
from cnndsd.ear.description import Description
from cnndsd.ear.distances import distance, position
from cnndsd.finishing import packing, page, pictures
from cnndsd.finishing.audiofile import loop_copy
from cnndsd.finishing.manifest import Manifest, read_manifest
from cnndsd.finishing.page import Card, Looks, nearest, page_html, similarity
from cnndsd.finishing.terms import TERMS
from cnndsd.finishing.zipfiles import PackFile
from cnndsd.recipe import Recipe

PHONE = {"viewport": {"width": 390, "height": 780}, "is_mobile": True, "has_touch": True}
CURRENT = "() => current && current.file"
SHOWN = "() => [...document.querySelectorAll('#list .card')].map((card) => card.querySelector('.name').textContent)"


@pytest.fixture(scope="module")
def unpacked(small, tmp_path_factory):
    folder = tmp_path_factory.mktemp("un packed #1")
    with PackFile(io.BytesIO(small)) as archive:
        archive.extractall(folder)
        return folder / archive.folder


@pytest.fixture
def opened(chromium, request):
    """Open a file in a fresh browser; what it says on the console and asks for is kept on the page."""
    contexts = []

    def open_(path, **options):
        context = chromium.new_context(**options)
        contexts.append(context)
        tab = context.new_page()
        tab.said, tab.asked = [], []
        tab.on("console", lambda message: tab.said.append(message.text))
        tab.on("pageerror", lambda error: tab.said.append(str(error)))
        tab.on("request", lambda asked: tab.asked.append(asked.url))
        tab.goto(path.as_uri())
        return tab

    yield open_
    for context in contexts:
        context.close()


def made_up_page(folder, count=20, **options):
    """A page of sounds that do not exist, with pictures of noise; ``more``: by sound, what else its looks are."""
    rng = random.Random(1)
    cards = []
    more = options.pop("more", {})
    for i in range(count):
        wave, spectrum = (
            rng.randbytes(size) for size in (2 * pictures.WAVE_COLUMNS, pictures.COLUMNS * pictures.ROWS // 2)
        )
        looks = Looks(rng.uniform(0.1, 4.0), -16.0, rng.choice(["A#4", None]), None, i % 2 == 0, wave, spectrum)
        looks = packing.msgspec.structs.replace(looks, **more.get(i, {}))
        cards.append(Card(i, f"hit/x_hit_w{i}_A#4.wav", made_up(i), Recipe(seed=i), looks))
    path = folder / "index.html"
    text = page_html(
        options.pop("title", "made up"), "about", cards, "cnndsd pack SPEC.toml --seed 1 --keep ", **options
    )
    path.write_text(text, encoding="utf-8")
    return path


def manifest(folder):
    return packing.msgspec.json.decode((folder / "manifest.json").read_bytes(), type=Manifest)


def is_playing(tab):
    tab.wait_for_function("() => player.currentTime > 0 && !player.error")
    return tab.evaluate("() => decodeURIComponent(player.src)")


def test_it_loads_from_a_file_and_asks_for_nothing_else(opened, unpacked):
    tab = opened(unpacked / "index.html")
    tab.wait_for_function("() => sounds.every((sound) => !sound.isSeen || sound.isDrawn)")
    assert tab.said == []
    assert len(tab.asked) == 1
    listed = manifest(unpacked).sounds
    assert tab.evaluate("() => sounds.map((sound) => sound.file)") == [sound.file for sound in listed]
    assert tab.evaluate("() => sounds.map((sound) => sound.candidate)") == [sound.candidate for sound in listed]


def test_keys_and_clicks_play_the_pack_s_own_files(opened, unpacked):
    tab = opened(unpacked / "index.html")
    files = [sound.file for sound in manifest(unpacked).sounds]
    tab.keyboard.press("ArrowRight")
    assert is_playing(tab).endswith(files[0])
    tab.keyboard.press("ArrowRight")
    assert is_playing(tab).endswith(files[1])
    tab.keyboard.press("ArrowLeft")
    assert tab.evaluate(CURRENT) == files[0]
    tab.locator(".card").nth(3).click()
    assert is_playing(tab).endswith(files[3])
    tab.wait_for_function("() => player.ended")
    tab.keyboard.press("Space")
    tab.wait_for_function("() => !player.ended")
    assert tab.evaluate(CURRENT) == files[3]
    tab.keyboard.press("End")
    assert is_playing(tab).endswith(files[-1])
    tab.keyboard.press("Escape")
    assert tab.evaluate("() => player.paused")
    assert tab.said == []
    assert all(url.startswith("file://") for url in tab.asked)
    assert len(tab.asked) > 4


def test_a_page_without_its_folders_says_what_to_do(opened, tmp_path):
    tab = opened(made_up_page(tmp_path))
    tab.keyboard.press("ArrowRight")
    tab.wait_for_function("() => document.getElementById('now').textContent.includes('unpack the zip')")


def test_a_sharp_in_a_name_is_no_end_of_the_address(opened, tmp_path):
    path = made_up_page(tmp_path)
    (tmp_path / "hit").mkdir()
    soundfile.write(tmp_path / "hit" / "x_hit_w0_A#4.wav", np.zeros(20_000), 44_100)
    tab = opened(path)
    tab.keyboard.press("ArrowRight")
    assert is_playing(tab).endswith("x_hit_w0_A#4.wav")


def test_filter_and_sort(opened, tmp_path):
    tab = opened(made_up_page(tmp_path))
    kinds = tab.evaluate("() => sounds.map((sound) => sound.kind)")
    for kind in sorted(set(kinds)):
        tab.locator(f"[data-kind={kind}]").click()
        assert len(tab.evaluate(SHOWN)) == kinds.count(kind)
        tab.locator(f"[data-kind={kind}]").click()
    assert len(tab.evaluate(SHOWN)) == 20
    names = [option for option in tab.evaluate("() => [...sorts.keys()]") if option != "place"]
    assert {"score", "name", "seconds", "brightness_hz", "pulse", "late_db"} <= set(names)
    orders = set()
    for name in names:
        tab.select_option("#sort", name)
        values = tab.evaluate("() => shown.map(sorts.get(document.getElementById('sort').value)[1])")
        assert values == sorted(values)
        orders.add(tuple(tab.evaluate(SHOWN)))
    assert len(orders) > 15
    tab.select_option("#sort", "rms_dbfs")
    quiet_first = tab.evaluate(SHOWN)
    tab.click("#direction")
    assert tab.evaluate(SHOWN) == quiet_first[::-1]


def test_notes_sort_by_pitch_and_tempos_by_number_and_what_has_none_comes_last(opened, tmp_path):
    notes = ["C4", "A#-1", "B3", None, "A3", "C#4", None, "A10"]
    tempos = [120.0, None, 71.0, 97.5, None, 140.0, 71.0, None]
    more = {i: {"note": note, "tempo_bpm": bpm} for i, (note, bpm) in enumerate(zip(notes, tempos, strict=True))}
    tab = opened(made_up_page(tmp_path, 8, more=more))
    order = "() => shown.map((sound) => sound.place)"
    tab.select_option("#sort", "note")
    assert tab.evaluate(order) == [1, 4, 2, 0, 5, 7, 3, 6]
    tab.click("#direction")
    assert tab.evaluate(order) == [7, 5, 0, 2, 4, 1, 6, 3]
    tab.click("#direction")
    tab.select_option("#sort", "tempo")
    assert tab.evaluate(order) == [2, 6, 3, 0, 5, 1, 4, 7]
    choices = "(id) => [...document.getElementById(id).options].map((option) => option.textContent)"
    assert tab.evaluate(choices, "note") == ["any", "A (2)", "A# (1)", "B (1)", "C (1)", "C# (1)"]
    assert tab.evaluate(choices, "tempo") == ["any", "71 bpm (2)", "97.5 bpm (1)", "120 bpm (1)", "140 bpm (1)"]
    tab.select_option("#note", "A")
    assert tab.evaluate(order) == [4, 7]
    tab.select_option("#tempo", "71 bpm")
    assert tab.evaluate(order) == []
    tab.select_option("#note", "")
    assert tab.evaluate(order) == [2, 6]
    # A pack without any has no such filter.
    tab = opened(made_up_page(tmp_path, 3, more={i: {"note": None} for i in range(3)}))
    assert not tab.locator("#note").is_visible()
    assert not tab.locator("#tempo").is_visible()


def test_search_finds_words_of_names_and_facts(opened, tmp_path):
    more = {i: {"note": "C2" if i == 3 else None, "tempo_bpm": 120.0 if i % 2 else None} for i in range(12)}
    tab = opened(made_up_page(tmp_path, 12, more=more))
    order = "() => shown.map((sound) => sound.place)"
    tab.keyboard.press("/")
    tab.keyboard.type("W1")
    assert tab.evaluate(order) == [1, 10, 11]
    tab.keyboard.type(" 120")
    assert tab.evaluate(order) == [1, 11]
    assert tab.locator("#shown").text_content() == "2 of 12"
    tab.fill("#search", "c2")
    assert tab.evaluate(order) == [3]
    tab.fill("#search", "nothing like it")
    assert tab.locator("#none").is_visible()
    tab.fill("#search", "")
    assert tab.evaluate(order) == list(range(12))


def two_loops(folder, rate=8000):
    """Two loops at 120 bpm that exist as files: low tones of one bar, noise of two; and what their looks are."""
    loops, more = [], {}
    (folder / "hit").mkdir()
    for i, bars in enumerate((1, 2)):
        rng, size = np.random.default_rng(i), bars * 2 * rate
        tones = np.fft.irfft(np.pad(rng.normal(size=(2, 399)).T @ [1, 1j], (1, size // 2 - 399)), size)
        loops.append(0.5 * tones / abs(tones).max() if i == 0 else rng.uniform(-0.2, 0.2, size))
        path = folder / "hit" / f"x_hit_w{i}_A#4.wav"
        soundfile.write(path, loops[i], rate)
        more[i] = {"seconds": 2.0 * bars, "tempo_bpm": 120.0, "bars": bars, "copy": loop_copy(path.read_bytes())}
    return loops, more


def test_a_copy_of_a_loop_goes_on_before_and_after_it(tmp_path):
    (loop, _), more = two_loops(tmp_path)
    copy = more[0]["copy"]
    samples, rate = soundfile.read(io.BytesIO(copy.flac))
    assert rate == copy.sample_rate == 8000
    assert (copy.start, copy.end) == (400, 400 + loop.size)
    wanted = np.pad(loop, copy.start, mode="wrap")
    assert samples == pytest.approx(wanted, abs=1.1 / 32_768)
    assert loop_copy((tmp_path / "hit" / "x_hit_w0_A#4.wav").read_bytes()) == copy


# The page's own nodes, rendered without a sound card: at the given seconds the sounds of these places are clicked.
RENDERED = """async ({ clicks, seconds, channels = 1 }) => {
  let rendered;
  AudioContext = class {
    constructor({ sampleRate }) {
      rendered = new OfflineAudioContext(channels, seconds * sampleRate, sampleRate);
      rendered.goOn = rendered.resume;
      rendered.resume = () => {};
      return rendered;
    }
  };
  const clicked = async (place) => {
    sounds[place].card.click();
    for (let i = 0; i < 200 && loading.size; i++) await new Promise((done) => setTimeout(done, 10));
  };
  await clicked(clicks[0][1]);
  for (const [time, place] of clicks.slice(1)) {
    rendered.suspend(time).then(() => clicked(place)).then(() => rendered.goOn());
  }
  const out = await rendered.startRendering();
  const heard = Array.from({ length: channels }, (_, channel) => [...out.getChannelData(channel)]);
  return channels === 1 ? heard[0] : heard;
}"""


def test_a_loop_repeats_to_the_sample_and_without_a_step(opened, tmp_path):
    (loop, _), more = two_loops(tmp_path)
    tab = opened(made_up_page(tmp_path, 4, more=more))
    out = np.array(tab.evaluate(RENDERED, {"clicks": [[0, 0]], "seconds": 9}))
    begin = int(np.flatnonzero(out)[0])
    assert begin == 240
    periods = out[begin : begin + 4 * loop.size].reshape(4, -1)
    assert np.array_equal(periods, np.tile(periods[0], (4, 1)))
    assert periods[0] == pytest.approx(loop, abs=2.0 / 32_768)
    assert tab.said == []


def test_a_wide_loop_plays_both_channels(opened, tmp_path):
    (loop, _), more = two_loops(tmp_path)
    path = tmp_path / "hit" / "x_hit_w0_A#4.wav"
    other = np.roll(0.5 * loop, 3000)
    soundfile.write(path, np.stack([loop, other], axis=1), 8000)
    looks = {**more[0], "copy": loop_copy(path.read_bytes()), "is_smooth": True, "correlation": 0.25}
    tab = opened(made_up_page(tmp_path, 4, more={0: looks}))
    out = np.array(tab.evaluate(RENDERED, {"clicks": [[0, 0]], "seconds": 9, "channels": 2}))
    for channel, wanted in zip(out, (loop, other), strict=True):
        periods = channel[240 : 240 + 4 * loop.size].reshape(4, -1)
        assert np.array_equal(periods, np.tile(periods[0], (4, 1)))
        assert periods[0] == pytest.approx(wanted, abs=2.0 / 32_768)
    # At another rate of the output, the end of each channel fades into its own start.
    join = """() => {
      const buffer = new AudioBuffer({ numberOfChannels: 2, length: 9, sampleRate: 8000 });
      for (const channel of [0, 1]) {
        buffer.getChannelData(channel).set([1, 2, 3, 4, 5, 6, 7, 8, 9].map((value) => value + channel));
      }
      joined(buffer, { start: 2, end: 7, sample_rate: 8000 });
      return [0, 1].map((channel) => [...buffer.getChannelData(channel)]);
    }"""
    first, second = tab.evaluate(join)
    assert first == [1, 2, 3, 4, 5, 3.5, 2, 8, 9]
    assert second == [value + 1 for value in first]
    facts = tab.locator(".card").nth(0).locator(".facts").text_content()
    assert "smooth" in facts
    assert "wide" in facts
    tab.fill("#search", "wide")
    assert tab.locator("#shown").text_content() == "1 of 4"
    assert tab.said == []


def test_together_loops_start_and_stop_at_a_bar_line_of_those_that_run(opened, tmp_path):
    (one, two), more = two_loops(tmp_path)
    tab = opened(made_up_page(tmp_path, 4, more=more))
    tab.keyboard.press("t")
    # The first begins at 240 samples. The other is asked for within the first bar, and again within the fourth.
    out = np.array(tab.evaluate(RENDERED, {"clicks": [[0, 0], [1.3, 1], [7.0, 1]], "seconds": 11}))
    alone = np.array(
        opened(made_up_page(tmp_path, 4, more=more)).evaluate(RENDERED, {"clicks": [[0, 0]], "seconds": 11})
    )
    other = out - alone
    assert not other[: 240 + one.size].any()
    heard = np.flatnonzero(np.abs(other) > 1e-6)
    assert heard[0] == 240 + one.size
    assert 240 + 4 * one.size - 60 < heard[-1] <= 240 + 4 * one.size
    middle = other[240 + one.size : 240 + one.size + two.size]
    assert np.abs(middle - two).mean() < 0.2 * np.abs(two).mean()
    assert tab.said == []


def test_loops_play_on_one_clock_until_they_are_stopped(opened, tmp_path):
    _, more = two_loops(tmp_path)
    more[2] = {**more[1], "bars": 3}
    tab = opened(made_up_page(tmp_path, 5, more=more))
    state = "() => [...running].map(([sound, voice]) => [sound.place, voice.source.loop, sound.card.dataset.sounds])"
    tab.locator(".card").nth(0).click()
    tab.wait_for_function("() => running.size === 1 && mixer.currentTime > running.get(sounds[0]).from")
    tab.locator(".card").nth(1).click()
    tab.wait_for_function("() => running.has(sounds[1])")
    # One after the other without "together".
    assert tab.evaluate(state) == [[1, True, "yes"]]
    assert "playing" in tab.locator(".card").nth(1).get_attribute("aria-label")
    tab.click("#together")
    tab.locator(".card").nth(0).click()
    tab.wait_for_function("() => running.size === 2")
    bars = tab.evaluate("() => (running.get(sounds[0]).from - running.get(sounds[1]).from) / 2")
    assert bars == pytest.approx(round(bars), abs=1e-9)
    assert bars >= 1
    # An arrow key moves, and changes nothing of what plays; another tempo does not join in.
    tab.keyboard.press("ArrowRight")
    tab.keyboard.press("ArrowRight")
    assert tab.evaluate("() => [current.place, running.size, loading.size]") == [2, 2, 0]
    tab.keyboard.press("Space")
    tab.wait_for_function("() => document.getElementById('now').textContent.includes('another tempo')")
    tab.evaluate("() => { document.getElementById('volume').value = 25; setVolume(); }")
    assert tab.evaluate("() => [mixer.volume.gain.value, player.volume]") == [0.25, 0.25]
    tab.keyboard.press("Escape")
    assert tab.evaluate("() => [running.size, document.querySelectorAll('[data-sounds]').length]") == [0, 0]
    assert tab.said == []


def test_a_loop_that_cannot_be_decoded_repeats_as_a_file(opened, tmp_path):
    _, more = two_loops(tmp_path)
    more[0]["copy"] = packing.msgspec.structs.replace(more[0]["copy"], flac=b"no flac")
    tab = opened(made_up_page(tmp_path, 3, more=more))
    tab.locator(".card").nth(0).click()
    assert is_playing(tab).endswith("x_hit_w0_A#4.wav")
    assert tab.evaluate("() => [player.loop, running.size]") == [True, 0]
    # Other sounds repeat by the switch alone.
    tab = opened(made_up_page(tmp_path, 3, more={0: {"is_looped": True}}))
    tab.locator(".card").nth(0).click()
    is_playing(tab)
    assert not tab.evaluate("() => player.loop")
    tab.keyboard.press("r")
    assert tab.evaluate("() => player.loop")
    assert not tab.locator("#together").is_visible()


def test_similar_sounds_are_those_of_the_least_distance(opened, tmp_path):
    made = [made_up(i) for i in range(20)]
    tab = opened(made_up_page(tmp_path))
    tab.locator(".card").nth(5).click()
    tab.keyboard.press("s")
    places = tab.evaluate("() => shown.map((sound) => sound.place)")
    away = sorted((distance(made[5], other), i) for i, other in enumerate(made) if i != 5)
    assert places == [5, *(i for _, i in away[:11])]
    tab.keyboard.press("s")
    assert len(tab.evaluate(SHOWN)) == 20
    tab.click("#similar")
    tab.select_option("#sort", "name")
    assert len(tab.evaluate(SHOWN)) == 20
    assert list(nearest([], 3)) == []
    assert list(nearest(made[:1], 3)) == [[]]


def test_score_and_every_number_are_explained(opened, tmp_path):
    numbers = {"finite", "bands_db", "timbre", "heard_s"} ^ set(Description.__struct_fields__)
    assert numbers == set(TERMS)
    tab = opened(made_up_page(tmp_path, 5))
    tab.keyboard.press("i")
    assert not tab.locator("#about").is_visible()
    tab.locator(".card").nth(2).click()
    tab.keyboard.press("i")
    said = tab.locator("#about").inner_text()
    assert all(term.label in said and term.meaning in said for term in TERMS.values())
    assert re.search(r"Score 0\.\d\d: \w+", said)
    link = tab.locator("#about-file a")
    assert link.get_attribute("href") == "hit/x_hit_w2_A%234.wav"
    assert link.get_attribute("download") == "x_hit_w2_A#4.wav"


def test_a_card_is_dragged_as_its_file(opened, tmp_path):
    tab = opened(made_up_page(tmp_path, 5))
    tab.locator(".card").nth(3).click()
    for node in (".card >> nth=3", "#file"):
        data = tab.locator(node).evaluate(
            "(node) => { const dataTransfer = new DataTransfer(); node.dispatchEvent(new DragEvent('dragstart', "
            "{ dataTransfer })); return ['DownloadURL', 'text/uri-list'].map((type) => dataTransfer.getData(type)); }"
        )
        url = f"{tmp_path.as_uri()}/hit/x_hit_w3_A%234.wav"
        assert data == [f"audio/wav:x_hit_w3_A#4.wav:{url}", url]
        assert tab.locator(node).evaluate("(node) => node.draggable")


def test_keys_act_on_what_is_seen_and_the_kept_filter_follows(opened, tmp_path):
    tab = opened(made_up_page(tmp_path, 6))
    picks = "() => sounds.map((sound) => sound.pick)"
    order = "() => shown.map((sound) => sound.place)"
    for key in ("ArrowRight", "k", "ArrowRight", "k", "ArrowRight", "k"):
        tab.keyboard.press(key)
    tab.select_option("#picked", "keep")
    tab.locator(".card").nth(1).focus()
    tab.keyboard.press("Home")
    tab.keyboard.press("ArrowRight")
    tab.keyboard.press("k")
    assert tab.evaluate(order) == [0, 2]
    # It is gone: no key changes it, and the next sound is the one in its place.
    tab.keyboard.press("k")
    tab.keyboard.press("d")
    assert tab.evaluate(picks) == ["keep", None, "keep", None, None, None]
    assert tab.evaluate("() => document.activeElement === sounds[2].card")
    tab.keyboard.press("ArrowRight")
    assert tab.evaluate("() => current.place") == 2
    tab.keyboard.press("l")
    assert tab.input_value("#files-text") == "hit/x_hit_w0_A#4.wav\nhit/x_hit_w2_A#4.wav"
    tab.click("#copy-files")
    tab.wait_for_function("() => document.getElementById('copy-files').textContent === 'Copied'")


def test_hovering_on_the_map_names_a_sound_and_a_legend_the_kinds(opened, tmp_path):
    tab = opened(made_up_page(tmp_path, 30))
    tab.click("#map-button")
    x, y = tab.evaluate("() => onMap(sounds[7])")
    before = tab.evaluate("() => map.toDataURL()")
    tab.locator("#map").hover(position={"x": x, "y": y})
    assert tab.evaluate("() => Math.hypot(hovered.at[0] - sounds[7].at[0], hovered.at[1] - sounds[7].at[1]) < 0.02")
    assert tab.evaluate("() => map.toDataURL()") != before
    tab.locator("#search").hover()
    assert tab.evaluate("() => hovered") is None
    kinds = set(tab.evaluate("() => sounds.map((sound) => sound.kind)"))
    assert (
        set(tab.evaluate("() => [...document.querySelectorAll('#legend [data-dot]')].map((i) => i.dataset.dot)"))
        == kinds
    )


def test_a_phone_shows_many_cards_and_leads_back_to_the_top(opened, tmp_path):
    tab = opened(made_up_page(tmp_path, 60), **PHONE)
    assert tab.evaluate("() => columns()") == 2
    assert tab.evaluate("() => sounds[0].card.offsetHeight") < 140
    assert not tab.locator("#top").is_visible()
    tab.evaluate("() => scrollTo(0, 2000)")
    tab.locator("#top").tap()
    tab.wait_for_function("() => scrollY === 0")


def test_what_is_kept_becomes_a_pack(opened, small, unpacked, tmp_path, in_process, capsys):
    tab = opened(unpacked / "index.html")
    for key in ("ArrowRight", "k", "ArrowRight", "d", "ArrowRight", "k", "ArrowRight", "k", "k"):
        tab.keyboard.press(key)
    assert tab.evaluate("() => sounds.map((sound) => sound.pick)")[:4] == ["keep", "drop", "keep", None]
    tab.select_option("#picked", "keep")
    assert len(tab.evaluate(SHOWN)) == 2
    tab.keyboard.press("Escape")
    tab.click("#picks-button")
    command = tab.input_value("#picks-text")
    listed = manifest(unpacked)
    wanted = [listed.sounds[0].candidate, listed.sounds[2].candidate]
    assert command == f'cnndsd pack s.zip --keep "{wanted[0]},{wanted[1]}"'
    (tmp_path / "s.zip").write_bytes(small)
    arguments = shlex.split(command.replace("s.zip", str(tmp_path / "s.zip")))[1:]
    assert cli.main(arguments) == 0
    assert capsys.readouterr() == (f"{tmp_path / 's_kept.zip'}\n", "cnndsd: 2 sounds, those that were listed\n")
    made = read_manifest(tmp_path / "s_kept.zip")
    assert [sound.candidate for sound in made.sounds] == wanted
    assert [sound.file_sha256 for sound in made.sounds] == [listed.sounds[i].file_sha256 for i in (0, 2)]
    with PackFile(tmp_path / "s_kept.zip") as archive:
        assert b"2 sounds, chosen by hand out of 200 candidates." in archive.read("README.txt")


def test_picks_outlive_a_reload_and_without_any_all_but_the_dropped_are_listed(opened, tmp_path):
    tab = opened(made_up_page(tmp_path, 5))
    tab.keyboard.press("ArrowRight")
    tab.keyboard.press("D")
    tab.reload()
    assert tab.evaluate("() => sounds.map((sound) => sound.pick)") == ["drop", None, None, None, None]
    tab.keyboard.press("l")
    assert tab.input_value("#picks-text").endswith('--keep "1,2,3,4"')
    tab.click("#copy")
    tab.wait_for_function("() => document.getElementById('copy').textContent === 'Copied'")


def test_the_map_shows_all_and_is_gone_about_by_arrows_and_clicks(opened, tmp_path):
    tab = opened(made_up_page(tmp_path, 30))
    tab.keyboard.press("m")
    assert tab.evaluate("() => document.activeElement.id") == "map"
    tab.keyboard.press("ArrowRight")
    for key, axis, sign in (("ArrowRight", 0, 1), ("ArrowLeft", 0, -1), ("ArrowUp", 1, 1), ("ArrowDown", 1, -1)):
        # From the middle there is a way in every direction.
        middle = (
            "sounds.reduce((a, b) => Math.hypot(b.at[0]-.5, b.at[1]-.5) < Math.hypot(a.at[0]-.5, a.at[1]-.5) ? b : a)"
        )
        tab.evaluate(f"() => select({middle})")
        before = tab.evaluate("() => current.at")
        tab.keyboard.press(key)
        after = tab.evaluate("() => current.at")
        assert sign * (after[axis] - before[axis]) > 0, key
    x, y = tab.evaluate("() => onMap(sounds[7])")
    tab.locator("#map").click(position={"x": x, "y": y})
    assert tab.evaluate("() => Math.hypot(current.at[0] - sounds[7].at[0], current.at[1] - sounds[7].at[1]) < 0.02")
    coloured = "() => new Set(map.getContext('2d').getImageData(0, 0, map.width, map.height).data).size"
    assert tab.evaluate(coloured) > 10


def test_everything_can_be_reached_and_named_without_a_mouse(opened, tmp_path):
    tab = opened(made_up_page(tmp_path))
    reached = []
    for _ in range(40):
        tab.keyboard.press("Tab")
        reached.append(tab.evaluate("() => document.activeElement.id || document.activeElement.className"))
    assert {"sort", "direction", "picked", "map-button", "help-button", "card", "keep", "drop", "picks-button"} <= set(
        reached
    )
    # One card, from which arrow keys lead on.
    assert reached[: reached.index("keep")].count("card") == 1
    unnamed = (
        "() => [...document.querySelectorAll('button')].filter((b) => !(b.ariaLabel || b.textContent).trim()).length"
    )
    assert tab.evaluate(unnamed) == 0
    tab.locator("#help-button").focus()
    tab.keyboard.press("Enter")
    assert tab.locator("#help").is_visible()
    tab.keyboard.press("Escape")
    assert not tab.locator("#help").is_visible()
    tab.locator("#keep").focus()
    tab.keyboard.press("ArrowDown")
    tab.locator("#keep").focus()
    tab.keyboard.press("Space")
    assert tab.evaluate("() => current.pick") == "keep"
    # Wherever one went, and whatever is shown then.
    tab.keyboard.press("End")
    reachable = "() => sounds.filter((sound) => sound.card?.tabIndex === 0).map((sound) => sound.place)"
    assert tab.evaluate(reachable) == tab.evaluate("() => [current.place]")
    tab.select_option("#picked", "keep")
    assert tab.evaluate(reachable) == tab.evaluate("() => [shown[0].place]")


@pytest.mark.parametrize("options", [{}, PHONE, {"viewport": {"width": 800, "height": 600}}])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_is_readable_light_and_dark_and_on_a_phone(opened, tmp_path, options, scheme):
    tab = opened(made_up_page(tmp_path), color_scheme=scheme, **options)
    assert tab.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
    colours = tab.evaluate("() => ['color', 'backgroundColor'].map((name) => getComputedStyle(document.body)[name])")
    luminance = [sum(int(c) for c in re.findall(r"\d+", colour)[:3]) for colour in colours]
    assert (
        (luminance[0] < 200 and luminance[1] > 650)
        if scheme == "light"
        else (luminance[0] > 650 and luminance[1] < 200)
    )
    if options is PHONE:
        heights = tab.evaluate("() => [...document.querySelectorAll('button, select')].map((b) => b.offsetHeight)")
        assert min(height for height in heights if height) >= 44
        tab.locator(".card").nth(1).tap()
        assert tab.evaluate("() => current === sounds[1]")


def test_colours_follow_the_system_while_it_is_open(opened, tmp_path):
    tab = opened(made_up_page(tmp_path), color_scheme="light")
    corner = "() => [...sounds[0].canvas.getContext('2d').getImageData(0, 0, 480, 224).data].reduce((a, b) => a + b)"
    tab.wait_for_function("() => sounds[0].isDrawn")
    light = tab.evaluate(corner)
    tab.emulate_media(color_scheme="dark")
    tab.wait_for_function("() => colours.wave === '#f0b35a' && sounds[0].isDrawn")
    assert tab.evaluate(corner) != light


def test_words_of_others_stay_words(opened, tmp_path):
    title = "</script><script>document.body.remove()</script>{{DATA}} & <b>\u2028"
    tab = opened(made_up_page(tmp_path, title=title))
    assert tab.evaluate("() => document.querySelector('h1').textContent") == title
    assert tab.evaluate("() => pack.title") == title
    assert tab.evaluate("() => document.querySelectorAll('h1 b, h1 script').length") == 0
    assert tab.said == []


@pytest.fixture
def elsewhere():
    """A server on this machine that lets any page read what it answers; ``asked``: the paths it was asked for."""

    class Answer(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.server.asked.append(self.path)
            self.send_response(200)
            self.send_header("Access-Control-Allow-Origin", "*")
            self.end_headers()

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        server.asked = []
        threading.Thread(target=server.serve_forever).start()
        yield server
        server.shutdown()


def test_nothing_but_its_own_code_may_run_or_be_asked_for(opened, elsewhere, tmp_path):
    address = f"http://127.0.0.1:{elsewhere.server_address[1]}"
    tab = opened(made_up_page(tmp_path))
    tab.evaluate(
        "() => { const s = document.createElement('script'); s.textContent = 'ran = 1'; document.body.append(s); }"
    )
    assert tab.evaluate("() => typeof ran") == "undefined"
    assert tab.evaluate(f"() => fetch('{address}/fetched').then(() => 'asked', () => 'refused')") == "refused"
    tab.evaluate(
        "(to) => { const f = document.createElement('iframe'); f.src = to; document.body.append(f); }",
        f"{address}/framed",
    )
    tab.wait_for_timeout(200)
    assert elsewhere.asked == []
    assert not [url for url in tab.asked if url.startswith("http")]


IN_WINDOW = """() => [...document.querySelectorAll("#list li")].filter((item) => {
  const { top, bottom } = item.getBoundingClientRect();
  return bottom > 0 && top < innerHeight;
}).map((item) => Number(item.getAttribute("aria-posinset")))"""


def test_of_a_large_page_only_the_cards_in_view_are_in_the_document(opened, tmp_path):
    tab = opened(made_up_page(tmp_path, 2000))
    size = "() => [list.children.length, list.offsetHeight]"
    columns = tab.evaluate("() => columns()")
    count, height = tab.evaluate(size)
    assert count < 80
    assert tab.evaluate(IN_WINDOW)[0] == 1
    pitch = tab.evaluate("() => rowHeight()")
    assert height == pytest.approx(pitch * -(-2000 // columns), abs=1.0)
    for y in (40_000, 300, 70_000):
        tab.evaluate("(y) => scrollTo(0, y)", y)
        tab.wait_for_function(
            f"() => {{ const seen = ({IN_WINDOW})(); return seen.length && Math.abs(seen[0] - "
            f"Math.floor(({y} - list.offsetTop) / {pitch}) * {columns} - 1) <= {columns}; }}"
        )
        seen = tab.evaluate(IN_WINDOW)
        assert seen == list(range(seen[0], seen[-1] + 1))
        assert len(seen) >= 3 * columns
        assert tab.evaluate(size)[0] < 120
        assert tab.evaluate("() => sounds.filter((s) => s.card && s.card.tabIndex === 0).length") == 1
    tab.wait_for_function("() => inView.every((sound) => sound.isDrawn)")
    # A filter leaves few: they are seen, wherever the page was scrolled to.
    tab.fill("#search", "w1999")
    assert tab.evaluate(SHOWN) == ["w1999_A#4"]
    tab.wait_for_function(f"() => ({IN_WINDOW})().length === 1")
    tab.fill("#search", "")
    assert tab.said == []


def test_keys_lead_through_a_large_page_whatever_is_in_view(opened, tmp_path):
    tab = opened(made_up_page(tmp_path, 2000))
    focused = "() => document.activeElement === current?.card && current.place"
    edges = "const { top, bottom } = current.card.getBoundingClientRect();"
    seen = f"() => {{ {edges} return top > 0 && bottom < innerHeight; }}"
    for key, place in (("ArrowRight", 0), ("End", 1999), ("ArrowLeft", 1998), ("Home", 0), ("ArrowRight", 1)):
        tab.keyboard.press(key)
        assert tab.evaluate(focused) == place
        assert tab.evaluate(seen)
    # Scrolled away, the card is gone, and the keys go on from it.
    tab.evaluate("() => scrollTo(0, 50000)")
    tab.wait_for_function("() => !current.card && document.activeElement === list")
    tab.keyboard.press("k")
    tab.keyboard.press("ArrowRight")
    assert tab.evaluate(focused) == 2
    assert tab.evaluate(seen)
    assert tab.evaluate("() => [sounds[1].pick, sounds[1].card.dataset.pick]") == ["keep", "keep"]
    assert tab.evaluate("() => [...list.querySelectorAll('[aria-current]')].length") == 1
    assert tab.evaluate("() => sounds[2].item.getAttribute('aria-setsize')") == "2000"


def test_similar_sounds_are_found_as_by_comparing_each_with_each(monkeypatch):
    monkeypatch.setattr(page, "_TOGETHER", 7)
    for size in (1, 2, 6, 12, 13, 40):
        # Some are there twice: of equal distances the first comes first.
        sounds = [made_up(i // 2) for i in range(size)]
        places = np.array([position(sound) for sound in sounds])
        for i, found in enumerate(nearest(sounds, 11)):
            away = np.square(places - places[i]).sum(axis=1)
            away[i] = np.inf
            assert found == np.argsort(away, kind="stable")[: min(11, size - 1)].tolist()


def test_alike_sounds_are_near_on_the_map():
    sounds = [made_up(i) for i in range(40)]
    twins = [like(**{**packing.msgspec.structs.asdict(sound), "swing_db": sound.swing_db + 0.01}) for sound in sounds]
    places = similarity(sounds + twins)
    assert places.shape == (80, 2)
    assert places.min() == 0.0
    assert places.max() == 1.0
    assert np.abs(places[:40] - places[40:]).max() < 0.01
    assert similarity([]).shape == (0, 2)
    assert np.array_equal(similarity([made_up(1)]), [[0.0, 0.0]])


def test_the_waveform_is_the_sound_s_and_keeps_its_offset():
    rate = 48_000
    sound = np.concatenate([np.full(rate, 0.5), np.linspace(0.0, 1.0, rate)])
    low, high = np.frombuffer(pictures.depict(sound, rate).wave, np.int8).reshape(-1, 2).T
    assert set(low[:120]) == set(high[:120]) == {64}
    assert high[-1] == 127
    assert np.all(low[121:] <= high[121:])
    assert np.all(np.diff(low.astype(int) - high)[121:] < 3)
    assert (low[121:] < high[121:]).sum() > 90
    assert np.all(np.diff(low[120:].astype(int)) >= 0)
    # Fewer samples than columns, a single one, and none but zeros.
    for few in (np.array([0.1, -1.0, 0.5]), np.array([0.3]), np.zeros(7)):
        drawn = pictures.depict(few, rate)
        wave = np.frombuffer(drawn.wave, np.int8)
        assert wave.size == 480
        assert set(wave) == set(np.rint(few * 127 / max(np.abs(few).max(), 1e-9)).astype(int))
        assert len(drawn.spectrum) == 96 * 48 // 2


@pytest.mark.parametrize("rate", [8_000, 44_100, 96_000])
@pytest.mark.parametrize("hz", [50.0, 440.0, 3000.0])
def test_the_spectrogram_shows_a_tone_where_it_is(rate, hz):
    sound = np.sin(2 * np.pi * hz * np.arange(rate) / rate) * (np.arange(rate) >= rate // 2)
    image = pictures.shades(pictures.depict(sound, rate).spectrum)
    assert image.shape == (48, 96)
    row = 47 - int(48 * np.log(hz / pictures.LOW_HZ) / np.log(pictures.HIGH_HZ / pictures.LOW_HZ))
    column = image[:, 80]
    assert column.max() == column[row] == 15
    assert not image[:, :44].any()
    assert column[np.abs(np.arange(48) - row) > 12].max() <= 2
