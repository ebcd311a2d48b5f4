"""The studio as it is served: a real server, asked by a real browser and by those who should not."""

import contextlib
import json
import os
import random
import re
import signal
import sqlite3
import threading
import time
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hostile_requests import hostile
from raw_requests import ask, request
from small_runs import begun, left, write_spec

from cnndsd.desk import serving
from cnndsd.desk.studio import actions, files, service
from cnndsd.desk.studio.history import History
from cnndsd.desk.studio.opening import Opening
from cnndsd.desk.studio.session import Session
from cnndsd.farm import verification
from cnndsd.finishing.manifest import read_manifest
from cnndsd.finishing.smoothing import smooth
from cnndsd.recipe import Recipe
from cnndsd.sound.rendering import render_steps
from cnndsd.spec import Ranges, Spec

SHORT = Spec(name="s", sound=Ranges(seconds=(0.3, 0.6), width=(2, 6), layers=(1, 2)))
# Its second channel differs from the first, and its steps are joined smoothly.
SOFT = Recipe(
    length=9,
    hidden=(3,),
    gap=4,
    seed=7410822276570695,
    seconds=2.017,
    interpolation="bandlimited",
    wide={"seed": 6412482024972338, "amount": 0.000702},
)
READY = "() => view && view.sheet.length === 12 && document.querySelectorAll('#sheet button.tile').length === 12"


@contextlib.contextmanager
def served(folder, recipes=()):
    """A server in this process: its session and the page's address; without ``recipes`` it has rolled once."""
    folder.mkdir(exist_ok=True)
    session = Session(
        folder, History(folder / "history.sqlite"), Opening(SHORT, recipes), again=False, seeds=random.Random(7)
    )
    if not recipes:
        list(session.do(actions.Roll()))
    server, address = serving.server(service.Studio(session))
    with server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield session, address
        finally:
            server.shutdown()
            thread.join()
            session.close()


class Tab:
    """A page of the studio in a browser, and what went wrong in it."""

    def __init__(self, browser, address, **how):
        self.context = browser.new_context(viewport={"width": 1300, "height": 850}, **how)
        self.said = []
        self.page = self.opened(address)

    def opened(self, address):
        page = self.context.new_page()
        page.on("console", lambda message: self.said.append(message.text))
        page.on("pageerror", lambda error: self.said.append(str(error)))
        page.goto(address)
        page.wait_for_function(READY)
        page.wait_for_function("() => current !== null")
        return page

    def press(self, key):
        """Press a key, and wait until all that it did is done."""
        self.page.keyboard.press(key)
        self.page.evaluate("() => sent")

    def view(self):
        return self.page.evaluate("() => view")

    def told(self):
        return self.page.evaluate("() => at('now').textContent")

    def current(self):
        return self.page.evaluate("() => current")


@contextlib.contextmanager
def tab(browser, address, **how):
    made = Tab(browser, address, **how)
    try:
        yield made
    finally:
        made.context.close()
    assert made.said == []


def test_from_a_roll_to_a_pack_by_keys_alone(chromium, tmp_path):
    with served(tmp_path) as (session, address), tab(chromium, address) as t:
        page = t.page
        focused = "() => Number(document.activeElement.dataset.tile)"
        first = t.view()["sheet"]
        assert t.current() == first[0]
        t.press(" ")
        assert page.evaluate("() => heard.tile") == first[0]
        t.press("ArrowRight")
        assert page.evaluate("() => [heard.tile, current]") == [first[1]] * 2
        assert page.evaluate(focused) == first[1]
        t.press("ArrowDown")
        assert t.current() == first[5]
        t.press("ArrowUp")
        assert t.current() == first[1]
        # Keep: the file is there at once.
        t.press("k")
        (wav,) = tmp_path.glob("*.wav")
        assert t.told().endswith(str(wav))
        assert page.evaluate("() => [...document.querySelectorAll('#kept .tile')].length") == 1
        # A roll plays its first sound, and the focus is on it.
        t.press("r")
        second = t.view()["sheet"]
        assert not {*first} & {*second}
        assert page.evaluate("() => [heard.tile, current]") == [second[0]] * 2
        assert page.evaluate(focused) == second[0]
        t.press("ArrowRight")
        t.press("v")
        near = t.view()["sheet"]
        assert all(tile.parents == (second[1],) for tile in session.tiles(near))
        # A/B with the parent, and back.
        for heard in (second[1], near[0], second[1]):
            # Also when the sound before has ended.
            page.wait_for_function("() => playing === null")
            t.press("x")
            page.wait_for_function(f"() => compared.last === {heard} && heard.tile === {heard}")
        # Two of a family breed.
        t.press("b")
        assert page.evaluate("() => document.querySelectorAll('#sheet .tile.fits').length") == 11
        t.press("ArrowRight")
        t.press("b")
        assert {tile.parents for tile in session.tiles(t.view()["sheet"])} == {(near[0], near[1])}
        t.press("d")
        assert page.evaluate("() => view.picks[current]") == "drop"
        t.press("d")
        assert page.evaluate("() => view.picks[current]") is None
        t.press("f")
        t.press("ArrowRight")
        t.press("k")
        # Undo and redo; also faster than the server answers.
        there = page.evaluate("() => view.state")
        for key in ("Control+z", "Control+z", "Control+z", "Control+Shift+Z", "Control+Shift+Z"):
            page.keyboard.press(key)
        t.press("Control+Shift+Z")
        assert page.evaluate("() => view.state") == there
        t.press("Control+z")
        assert [len(t.view()[marks]) for marks in ("picks", "stars")] == [1, 1]
        t.press("Control+Shift+Z")
        assert [len(t.view()[marks]) for marks in ("picks", "stars")] == [2, 1]
        # Locks: of a slider that has the focus.
        page.focus("[data-knob=gap]")
        t.press("l")
        gap = t.view()["knobs"]["locks"]["gap"]
        t.press("Shift+R")
        assert {tile.recipe.gap for tile in session.tiles(t.view()["sheet"])} == {gap}
        # The arrow keys belong to the slider: it moves, and new sounds follow.
        page.focus("[data-knob=gap]")
        t.press("l")
        page.keyboard.press("ArrowRight")
        page.wait_for_function("() => view.knobs.sound.gap[0] === 3 && rolling === 0")
        assert page.evaluate("() => document.activeElement.dataset.knob") == "gap"
        # The next kept one, wherever it is.
        t.press("n")
        t.page.wait_for_function("() => isKept(current)")
        # Put on the sheet again.
        assert page.evaluate("() => [view.sheet.includes(current), at('take').hidden]") == [False] * 2
        t.press("e")
        page.wait_for_function("() => view.sheet.includes(current) && isKept(current)")
        t.press("p")
        page.wait_for_function("() => at('now').textContent.startsWith('packed 2 sounds')", timeout=20_000)
        (pack,) = tmp_path.glob("*.zip")
        assert t.told().endswith(str(pack))
        assert len(read_manifest(pack).sounds) == 2
        assert verification.verify(pack) == []
        # Help shows all keys; while it is open, none does anything.
        state = t.view()["state"]
        t.press("?")
        assert page.evaluate("() => at('help').open")
        t.press("r")
        assert t.view()["state"] == state
        t.press("Escape")
        assert not page.evaluate("() => at('help').open")
        t.press("h")
        page.wait_for_function("() => document.querySelectorAll('#history-list li').length > 50")
        # While typing, letters are letters.
        page.focus("#history-mark")
        t.press("k")
        t.press("Escape")
        assert len(t.view()["picks"]) == 2


def test_sounds_are_heard_and_pictures_drawn(chromium, tmp_path):
    with served(tmp_path) as (session, address), tab(chromium, address) as t:
        t.press("ArrowRight")
        tile = session.tiles(t.view()["sheet"])[1]
        length, peak, rate = t.page.evaluate(
            "() => { const { buffer } = knownTile(heard.tile);"
            "return [buffer.length, Math.max(...buffer.getChannelData(0).map(Math.abs)), buffer.sampleRate]; }"
        )
        assert rate == tile.recipe.sample_rate
        assert 0 < length <= tile.recipe.samples
        assert 0.05 < peak <= 0.9
        t.page.wait_for_function("() => toDraw.length === 0")
        # Every picture has a waveform and a spectrogram: not one colour.
        shades = t.page.evaluate(
            "() => [...document.querySelectorAll('#sheet canvas')].map((c) => new Set(new Uint32Array("
            "c.getContext('2d').getImageData(0, 90, c.width, c.height - 90).data.buffer)).size)"
        )
        assert len(shades) == 12
        assert min(shades) > 20
        # What was dragged out is the finished file.
        dragged = t.page.evaluate(
            "() => { const data = new DataTransfer(); const card = document.querySelector('#sheet button.tile');"
            "card.dispatchEvent(new DragEvent('dragstart', {dataTransfer: data, bubbles: true}));"
            "return data.getData('DownloadURL'); }"
        )
        media, _, path = dragged.partition(":")
        assert media == "audio/wav"
        assert path.partition(":")[2].startswith(address)
        # And is called as its format is.
        other = t.page.evaluate(
            "() => { view.ending = 'flac'; const data = new DataTransfer();"
            "const card = document.querySelector('#sheet button.tile');"
            "card.dispatchEvent(new DragEvent('dragstart', {dataTransfer: data, bubbles: true}));"
            "return data.getData('DownloadURL').split(':').slice(0, 2); }"
        )
        assert (other[0], Path(other[1]).suffix) == ("audio/flac", ".flac")
        name, data, _ = session.finished(t.view()["sheet"][0])
        body = t.context.request.get(path.partition(":")[2])
        assert body.body() == data
        assert name in body.headers["content-disposition"]


def test_a_wide_sound_is_heard_in_two_channels(chromium, tmp_path):
    with served(tmp_path, (SOFT, msgspec.structs.replace(SOFT, wide=None))) as (_, address):
        context = chromium.new_context()
        page = context.new_page()
        page.goto(address)
        page.wait_for_function("() => document.querySelectorAll('#sheet button.tile').length === 2 && current !== null")
        for key, channels, words in (("Space", 2, "smooth · wide"), ("ArrowRight", 1, "smooth")):
            page.keyboard.press(key)
            apart, count = page.evaluate(
                "() => { const { buffer } = knownTile(heard.tile), count = buffer.numberOfChannels;"
                "const last = buffer.getChannelData(count - 1);"
                "return [buffer.getChannelData(0).filter((x, i) => Math.abs(x - last[i]) > 0.01).length, count]; }"
            )
            assert count == channels
            assert (apart > 1000) == (channels == 2)
            assert page.evaluate("() => at('sound-facts').textContent").endswith(f" s · {words}")
        # Steps are joined as in the file.
        steps = render_steps(SOFT)[:200]
        joined = page.evaluate("(steps) => [...smoothed(Float32Array.from(steps), 16, 3195)]", steps.tolist())
        assert np.abs(np.array(joined) - smooth(np.repeat(steps, 16)[:3195], 16)).max() < 1e-6
        # What was heard long ago is let go, and fetched again when it is asked for.
        first = page.evaluate("() => view.sheet[0]")
        page.keyboard.press("k")
        page.evaluate("() => sent")
        page.keyboard.press("v")
        page.evaluate("() => sent")
        page.evaluate("() => { tiles.delete(kept()[0]); showView(); }")
        text = page.evaluate("() => at('kept').textContent")
        assert " · " in text
        page.click("#kept .tile")
        page.wait_for_function("() => heard.tile === kept()[0] && current === heard.tile")
        assert first not in page.evaluate("() => view.sheet")
        context.close()


def test_what_was_done_is_told_and_what_failed_is_taken_back(chromium, tmp_path, monkeypatch):
    def fail(*_):
        raise OSError(28, "No space left on device", "x.wav")

    with served(tmp_path) as (_, address), tab(chromium, address) as t:
        name = t.page.evaluate("() => knownTile(current).word")
        for key, told in (
            ("f", f"{name} is a favourite"), ("k", f"kept {name}: "),
            ("d", f"dropped {name}; no longer kept, its file stays"), ("f", f"{name} is no longer a favourite"),
            ("d", f"no longer picked: {name}"), ("k", f"kept {name}: "),
            ("k", f"{name} is no longer kept, its file stays"),
        ):  # fmt: skip
            t.press(key)
            assert t.told().startswith(told)
        t.press("ArrowRight")
        with monkeypatch.context() as patch:
            patch.setattr(files, "atomic_write", fail)
            t.press("k")
        assert t.told() == "x.wav: No space left on device"
        t.page.wait_for_function("() => !(current in view.picks) && cardOf(current).dataset.pick === ''")
        # After the mouse, Space plays: it does not press the same button again.
        heard = t.page.evaluate("() => heard.count")
        t.page.click("#keep")
        t.page.evaluate("() => sent")
        t.press(" ")
        assert t.page.evaluate("() => [heard.count, view.picks[current]]") == [heard + 1, "keep"]


def test_a_lock_says_what_it_holds_and_what_it_stops(chromium, tmp_path):
    with served(tmp_path) as (session, address), tab(chromium, address) as t:
        (tuned,) = [tile for tile in session.tiles(t.view()["sheet"]) if tile.note][:1]
        t.page.click(f".tile[data-tile='{tuned.id}']")
        for name in ("tune", "layers"):
            t.page.click(f"[data-lock={name}]")
            t.page.evaluate("() => sent")
        assert t.page.inner_text("[data-lock=tune]") == f"Locked tune {tuned.note[:-1]}"
        # A slider of what is locked says so, goes back, and rolls nothing.
        state, before = t.view()["state"], t.page.input_value("[data-knob=width] >> nth=1")
        t.page.focus("[data-knob=width] >> nth=1")
        t.page.keyboard.press("ArrowRight")
        t.page.wait_for_function("() => at('now').textContent.startsWith('This does nothing while layers is locked: ')")
        assert t.page.input_value("[data-knob=width] >> nth=1") == before
        assert t.view()["state"] == state


def test_help_has_every_key(chromium, tmp_path):
    with served(tmp_path) as (_, address), tab(chromium, address) as t:
        keys = t.page.evaluate("() => [...document.querySelectorAll('#help dt')].map((e) => e.textContent)")
        assert len(keys) == len(set(keys))
        assert {key.upper() for key in t.page.evaluate("() => Object.keys(PRESS)")} - {"?"} <= set(keys)


def test_everything_has_a_name_and_a_role(chromium, tmp_path):
    with served(tmp_path) as (_, address), tab(chromium, address) as t:
        nameless = t.page.evaluate(
            "() => [...document.querySelectorAll('button, input, select, dialog, ul')].filter((e) => !("
            "e.textContent.trim() || e.getAttribute('aria-label') || e.getAttribute('aria-labelledby')"
            " || e.labels?.length)).map((e) => e.outerHTML)"
        )
        assert nameless == []
        label = t.page.evaluate("() => document.querySelector('#sheet button.tile').getAttribute('aria-label')")
        assert re.fullmatch(r"[a-z-]+, [a-z]+(, [A-G]#?\d)?(, \d+ bpm)?, score \d\.\d\d", label)
        # Tab reaches one sound of the sheet.
        assert (
            t.page.evaluate("() => [...document.querySelectorAll('#sheet button')].map((b) => b.tabIndex)").count(0)
            == 1
        )
        assert t.page.get_attribute("#now", "aria-live") == "polite"


def test_on_a_phone_a_thumb_is_enough(chromium, tmp_path):
    with served(tmp_path) as (_, address):
        context = chromium.new_context(viewport={"width": 390, "height": 844}, has_touch=True)
        page = context.new_page()
        page.goto(address)
        page.wait_for_function(READY)
        assert page.evaluate("() => document.documentElement.scrollWidth") <= 390
        # No word of keys.
        page.wait_for_function("() => at('now').textContent.startsWith('Tap a sound')")
        page.tap("#help-button")
        assert not page.is_visible("#help dl")
        page.tap("#help button")
        page.tap("#sheet li:nth-child(3) button")
        assert page.evaluate("() => heard.tile === view.sheet[2]")
        page.tap(".thumbs [data-press=keep]")
        page.evaluate("() => sent")
        assert len(list(tmp_path.glob("*.wav"))) == 1
        before = page.evaluate("() => view.sheet")
        page.tap(".thumbs [data-press=roll]")
        page.evaluate("() => sent")
        assert page.evaluate("() => view.sheet") != before
        sizes = page.evaluate(
            "() => [...document.querySelectorAll('.thumbs button')].map((b) => b.offsetHeight).filter(Boolean)"
        )
        assert len(sizes) == 6
        assert min(sizes) >= 44
        context.close()


def test_a_server_that_ended_before_the_page_was_there_is_told(chromium, tmp_path):
    with served(tmp_path) as (_, address):
        for path in ("view", "run"):
            page = chromium.new_page()
            page.route(f"**/{path}", lambda route: route.abort())
            page.goto(address)
            page.wait_for_function("() => at('now').textContent.includes('server has ended')")
            page.wait_for_timeout(100)
            assert "server has ended" in page.evaluate("() => at('now').textContent")
            page.close()


def test_two_tabs_show_the_same(chromium, tmp_path):
    with served(tmp_path) as (_, address), tab(chromium, address) as t:
        other = t.opened(address)
        t.press("r")
        other.wait_for_function(f"() => view.state === {t.view()['state']}")
        assert other.evaluate("() => view.sheet") == t.view()["sheet"]
        other.keyboard.press("k")
        other.evaluate("() => sent")
        t.page.wait_for_function("() => kept().length === 1")
        # One that did not hear of it does not undo what it does not show.
        other.evaluate("() => { view.state = 1; }")
        other.keyboard.press("Control+z")
        other.wait_for_function("() => at('now').textContent.startsWith('another tab has moved on')")
        assert t.view()["state"] == other.evaluate("() => view.state")


def start(folder, *options):
    server = begun(folder, "studio", "s.toml", *options)
    address = server.stdout.readline().strip()
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/[A-Za-z0-9_-]{32}/", address), server.stderr.read()
    return server, address


def test_a_killed_server_goes_on_and_the_page_says_so(chromium, tmp_path):
    write_spec(tmp_path, 100)
    server, address = start(tmp_path)
    with tab(chromium, address) as t:
        for key in ("ArrowRight", "k", "r", "v", "ArrowRight"):
            t.press(key)
        t.page.wait_for_timeout(600)
        t.page.evaluate("() => sent")
        before = t.view()
        server.kill()
        server.communicate()
        t.said.clear()
        t.press("r")
        assert "nothing is lost" in t.told()
        assert any("ERR_CONNECTION" in line for line in t.said)
        t.said.clear()
    server, address = start(tmp_path)
    with tab(chromium, address) as t:
        now = t.view()
        assert now["at"] == before["sheet"][1] == t.current()
        assert {**now, "at": None} == {**before, "at": None}
        for _ in range(3):
            t.press("Control+z")
        assert not t.view()["picks"]
    server.send_signal(signal.SIGINT)
    out, err = server.communicate(timeout=30)
    assert (server.returncode, out) == (0, "")
    assert err.splitlines()[-1] == "cnndsd: 0 kept, in cnndsd_studio; the same command goes on from here"


def test_hostile_requests_are_refused_and_touch_nothing(tmp_path):
    with served(tmp_path) as (session, address):
        host, _, token = address.removeprefix("http://").rstrip("/").partition("/")
        port, tile, before = int(host.partition(":")[2]), session.view().sheet[0], session.view()
        files = left(tmp_path)
        asked = hostile(host, token, tile)
        assert len(asked) >= 40
        for name, (sent, allowed) in asked.items():
            status, head, body = ask(port, sent)
            assert status in allowed, (name, status)
            assert token not in head + body.decode(errors="replace"), name
            assert b"root:" not in body, name
            assert len(body) < 2000, name
        assert session.view() == before
        assert left(tmp_path) == files
        # What is well formed but asks for what is not there is told, and changes nothing.
        for body in (b'{"do":"vary","tile":99999}', b'{"do":"choose","tile":99999,"pick":"keep"}', b'{"do":"pack"}'):
            sent = request("POST", f"/{token}/do", host, "Content-Type: application/json", body=body)
            status, head, answer = ask(port, sent)
            assert status == 200
            assert b'"error":' in answer
        assert session.view() == before
        # And it still answers those who may.
        status, head, body = ask(port, request("GET", f"/{token}/sounds?ids={tile},999999", host))
        assert status == 200
        assert b'"steps":' in body
        for line in ("x-content-type-options: nosniff", "referrer-policy: no-referrer", "cache-control: no-store"):
            assert line in head
        status, _, body = ask(port, request("GET", f"/{token}/", f"localhost:{port}"))
        assert status == 200
        assert b"default-src 'none'" in body


ACTIONS = ("roll", "roll", "far", "vary", "vary_far", "keep", "star", "drop", "change", "undo", "redo", "turn", "hold")


@pytest.mark.slow
def test_two_hundred_actions_and_twenty_kills_lose_nothing(tmp_path, record_property):
    rng = random.Random(3)
    write_spec(tmp_path, 100)
    kills = sorted(rng.sample(range(5, 195), 20))
    server, address = start(tmp_path)
    seen, confirmed, shown = {}, None, set()

    def do(action, reads=True):
        """What happened, line by line; without ``reads`` the server is killed while it answers."""
        host, _, token = address.removeprefix("http://").rstrip("/").partition("/")
        sent = request("POST", f"/{token}/do", host, "Content-Type: application/json", body=json.dumps(action).encode())
        if not reads:
            threading.Timer(rng.random() * 0.15, server.kill).start()
        with contextlib.suppress(ConnectionError, TimeoutError):
            _, _, body = ask(int(host.partition(":")[2]), sent)
            for line in re.findall(rb'\{"(?:view|tile|said|error).*?\}(?=\r?\n)', body):
                with contextlib.suppress(ValueError):
                    yield json.loads(line)

    def get(path):
        host, _, token = address.removeprefix("http://").rstrip("/").partition("/")
        return json.loads(ask(int(host.partition(":")[2]), request("GET", f"/{token}/{path}", host))[2])

    def take(told):
        nonlocal confirmed
        for one in told:
            if "tile" in one:
                shown.add(one["tile"]["id"])
                seen[one["tile"]["id"]] = one["tile"]["recipe"]
            if "view" in one:
                confirmed = one["view"]

    for _ in range(600):
        confirmed = get("view")
        if not confirmed.pop("busy"):
            break
        time.sleep(0.05)
    first = confirmed["sheet"]
    killed = 0
    for number in range(200):
        view = get("view")
        tile = rng.choice(view["sheet"])
        name = rng.choice(ACTIONS)
        action = {
            "roll": {"do": "roll"}, "far": {"do": "roll", "far": True}, "vary": {"do": "vary", "tile": tile},
            "vary_far": {"do": "vary", "tile": tile, "far": True},
            **{pick: {"do": "choose", "tile": tile, "pick": pick} for pick in ("keep", "drop")},
            "star": {"do": "star", "tile": tile, "is_star": rng.random() < 0.7},
            "change": {"do": "change", "tile": tile, "gap": rng.randrange(2, 8)},
            "undo": {"do": "undo", "state": view["state"]}, "redo": {"do": "redo", "state": view["state"]},
            "turn": {"do": "turn", "sound": {**view["knobs"]["sound"], "gap": [rng.randrange(2, 5), 7]}},
            "hold": {"do": "hold", "lock": "length", "tile": rng.choice([tile, None])},
        }[name]  # fmt: skip
        if number in kills:
            killed += 1
            take(do(action, reads=False))
            server.wait(30)
            server.communicate()
            server, address = start(tmp_path)
            now = get("view")
            # All that it had told before it was killed is there, and nothing that was there is lost.
            assert now["state"] is not None
            assert now["count"] >= len(shown)
        else:
            take(do(action))
            assert get("view")["state"] == confirmed["state"]
    book = sqlite3.connect(f"file:{tmp_path / 'cnndsd_studio' / '.studio' / 'history.sqlite'}?mode=ro", uri=True)
    there = {number: json.loads(recipe) for number, recipe in book.execute("SELECT id, recipe FROM tiles")}
    book.close()
    assert {number: there.get(number) for number in seen} == seen
    steps = 0
    while (view := get("view"))["can_undo"]:
        list(do({"do": "undo", "state": view["state"]}))
        steps += 1
    assert view["sheet"] == first
    for path in map(Path, get("view")["files"].values()):
        assert path.stat().st_size > 1000
    os.kill(server.pid, signal.SIGINT)
    server.communicate(timeout=30)
    record_property(
        "figures", f"200 actions, killed {killed} times: {len(seen)} sounds shown, all there; {steps} times undone"
    )


def test_the_page_has_an_icon_that_asks_for_nothing(chromium, tmp_path):
    """Else some browsers ask for one, and the page's policy has them say that it is refused."""
    with served(tmp_path) as (_, address), tab(chromium, address) as t:
        assert t.page.get_attribute("link[rel=icon]", "href") == "data:,"
