"""The page in a real browser: from a file, without a network, by mouse and by keyboard."""

import base64
import http.server
import io
import random
import re
import threading
import zipfile

import numpy as np
import pytest
import soundfile
from sounds import like, made_up

from cnndsd.desk import cli
from cnndsd.finishing import packing, pictures
from cnndsd.finishing.manifest import Manifest, read_manifest
from cnndsd.finishing.page import Card, Looks, page_html, similarity

PHONE = {"viewport": {"width": 390, "height": 780}, "is_mobile": True, "has_touch": True}
CURRENT = "() => current && current.file"
SHOWN = "() => [...document.querySelectorAll('#list .card')].map((card) => card.querySelector('.name').textContent)"


@pytest.fixture(scope="module")
def unpacked(small, tmp_path_factory):
    folder = tmp_path_factory.mktemp("un packed #1")
    with zipfile.ZipFile(io.BytesIO(small)) as archive:
        archive.extractall(folder)
    return folder


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
    """A page of sounds that do not exist, with pictures of noise."""
    rng = random.Random(1)
    cards = []
    for i in range(count):
        wave, spectrum = (
            base64.b64encode(rng.randbytes(size)).decode()
            for size in (2 * pictures.WAVE_COLUMNS, pictures.COLUMNS * pictures.ROWS // 2)
        )
        looks = Looks(rng.uniform(0.1, 4.0), -16.0, rng.choice(["A#4", None]), None, i % 2 == 0, wave, spectrum)
        cards.append(Card(i, f"hit/x_hit_w{i}_A#4.wav", made_up(i), looks))
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
    assert command == f"cnndsd pack s.zip --keep {wanted[0]},{wanted[1]}"
    (tmp_path / "s.zip").write_bytes(small)
    arguments = command.replace("s.zip", str(tmp_path / "s.zip")).split()[1:]
    assert cli.main(arguments) == 0
    assert capsys.readouterr() == (f"{tmp_path / 's_kept.zip'}\n", "cnndsd: 2 sounds, those that were listed\n")
    made = read_manifest(tmp_path / "s_kept.zip")
    assert [sound.candidate for sound in made.sounds] == wanted
    assert [sound.file_sha256 for sound in made.sounds] == [listed.sounds[i].file_sha256 for i in (0, 2)]
    with zipfile.ZipFile(tmp_path / "s_kept.zip") as archive:
        assert b"2 sounds, chosen by hand out of 200 candidates." in archive.read("README.txt")


def test_picks_outlive_a_reload_and_without_any_all_but_the_dropped_are_listed(opened, tmp_path):
    tab = opened(made_up_page(tmp_path, 5))
    tab.keyboard.press("ArrowRight")
    tab.keyboard.press("D")
    tab.reload()
    assert tab.evaluate("() => sounds.map((sound) => sound.pick)") == ["drop", None, None, None, None]
    tab.keyboard.press("l")
    assert tab.input_value("#picks-text").endswith("--keep 1,2,3,4")
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
    reachable = "() => sounds.filter((sound) => sound.card.tabIndex === 0).map((sound) => sound.place)"
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
