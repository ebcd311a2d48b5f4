"""The sounds of a run in the studio, which ``cnndsd audition`` opens: asked by a real browser, and by others."""

import contextlib
import json
import random
import re
import shlex
import signal
import socket
import sqlite3
import time
from collections import Counter
from pathlib import Path

import pytest
from hostile_requests import hostile
from raw_requests import ask, request
from small_runs import begun, gone, left, needs_proc, packed, write_spec

from cnndsd.desk.studio import actions, sessions
from cnndsd.desk.studio.history import History
from cnndsd.desk.studio.opening import Opening, of_run
from cnndsd.desk.studio.openrun import offered
from cnndsd.desk.studio.session import Session
from cnndsd.farm import ledger, production, runs, units
from cnndsd.farm.findings import Findings
from cnndsd.finishing import zipfiles
from cnndsd.finishing.audiofile import read_recipe
from cnndsd.finishing.manifest import read_manifest
from cnndsd.schema import Failed, Invalid
from cnndsd.spec import Spec


@pytest.fixture(scope="module")
def finished_run(tmp_path_factory):
    """A folder with a finished run."""
    folder = tmp_path_factory.mktemp("finished_run")
    write_spec(folder, 600, "wide = 1.0\n")
    packed(folder)
    return folder


def copied(finished_run, folder):
    """The same run in another folder."""
    (folder / "s.run").mkdir()
    for name in ("ledger.sqlite", "command.json"):
        (folder / "s.run" / name).write_bytes((finished_run / "s.run" / name).read_bytes())


@contextlib.contextmanager
def served(folder, *options):
    """The address of a real audition, and how to end it: its exit code and last words."""
    server = begun(folder, "audition", "s.run", *options)
    address = server.stdout.readline().strip()
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/[A-Za-z0-9_-]{32}/", address), server.stderr.read()

    def end():
        server.send_signal(signal.SIGINT)
        out, err = server.communicate(timeout=30)
        assert out == ""
        assert gone([server.pid])
        return server.returncode, err.splitlines()[-1]

    yield address, end
    if server.poll() is None:
        end()


def asked(address, path):
    """What the server of an address answers, from JSON."""
    host, token = address.split("/")[2:4]
    return json.loads(ask(int(host.partition(":")[2]), request("GET", f"/{token}/{path}", host))[2])


def asked_head(address, path):
    """The headers of what the server of an address answers."""
    host, token = address.split("/")[2:4]
    head = ask(int(host.partition(":")[2]), request("GET", f"/{token}/{path}", host))[1]
    return dict(line.split(": ", 1) for line in head.splitlines() if ": " in line)


def numbers(address):
    """The number of each sound of the run in the page, by its candidate."""
    return {sound["candidate"]: sound["id"] for sound in asked(address, "run")["sounds"]}


LISTED = "() => run && inView.size > 0 && current !== null && where === 'run' && toDraw.length === 0 && !isFetching"


class Tab:
    """The page of an audition in a browser, and what went wrong in it."""

    def __init__(self, chromium, address):
        self.context = chromium.new_context(viewport={"width": 1300, "height": 850})
        self.page, self.said = self.context.new_page(), []
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.goto(address)
        self.page.wait_for_function(LISTED)

    def press(self, *keys):
        """Press keys, and wait after each until all that it did is done."""
        for key in keys:
            self.page.keyboard.press(key)
            self.page.evaluate("() => sent")

    def ask(self, script):
        return self.page.evaluate(f"() => {script}")


@contextlib.contextmanager
def tab(chromium, address):
    made = Tab(chromium, address)
    try:
        yield made
    finally:
        made.context.close()
    assert made.said == []


def test_what_is_kept_in_the_browser_is_what_the_pack_holds(chromium, finished_run, tmp_path):
    write_spec(tmp_path, 600, "wide = 1.0\n")
    copied(finished_run, tmp_path)
    with served(tmp_path, "--count", "50") as (address, end):
        with tab(chromium, address) as t:
            assert t.ask("[shown.length, current === shown[0]]") == [50, True]
            assert t.ask("at('run-about').textContent").startswith("s.run: 50 of the ")
            t.press("k", "ArrowRight", "d", "ArrowRight", "k", "f")
            heard = t.ask("shown.map((id) => listed(id).candidate)")
            # Its finished file is there at once.
            (path,) = [Path(path) for path in t.ask("[view.files[current]]")]
            assert path.parent == tmp_path / "s.run" / "kept"
            assert path.stat().st_size > 1000
            t.page.reload()
            t.page.wait_for_function(LISTED)
            assert t.ask("shown.slice(0, 4).map((id) => view.picks[id] ?? null)") == ["keep", "drop", "keep", None]
            assert t.ask("view.stars.map((id) => shown.indexOf(id))") == [2]
            # The best come first.
            scores = t.ask("shown.map((id) => listed(id).score)")
            assert scores == sorted(scores, reverse=True)
            # The command is there to copy.
            t.press("i")
            command = t.ask("at('command-text').textContent")
            assert t.ask("at('command-about').textContent").startswith("2 kept, 1 dropped: ")
            # The dialog itself says whether it was copied.
            t.ask("{ navigator.clipboard.writeText = async (text) => { window.copied = text; }; }")
            t.page.click("#copy-command")
            t.page.wait_for_function("() => at('copied').textContent === 'Copied.'")
            assert t.ask("copied") == command
        code, told = end()
        assert code == 0
        said_before, again = told.split(": ", 2)[1:]
        assert said_before == "2 kept, 1 dropped; to make the pack with this choice"
        assert again == command
        # The command that made the run, as this program was called.
        assert shlex.split(command)[-4:] == ["-m", "cnndsd", "pack", str(finished_run / "s.toml")]
    assert runs.read(tmp_path / "s.run")[2].picks == {heard[0]: "keep", heard[1]: "drop", heard[2]: "keep"}
    shown = begun(tmp_path, "show", "s.run").communicate(timeout=60)[0]
    assert "picked      2 kept, 1 dropped by ear" in shown
    packed(tmp_path)
    made = read_manifest(tmp_path / "s.zip")
    assert len(made.sounds) == 6
    assert {heard[0], heard[2]} < {sound.candidate for sound in made.sounds}
    assert heard[1] not in {sound.candidate for sound in made.sounds}
    # Also after more was judged, whatever came to the shelf in the place of what was kept.
    packed(tmp_path, "--candidates", "3000")
    again = read_manifest(tmp_path / "s.zip")
    assert again.candidates == 3000
    assert {heard[0], heard[2]} < {sound.candidate for sound in again.sounds}
    packed(tmp_path, "--candidates", "3000", "--only-kept")
    assert {s.candidate for s in read_manifest(tmp_path / "s_kept.zip").sounds} == {heard[0], heard[2]}
    assert read_manifest(tmp_path / "s.zip") == again


def test_a_run_is_heard_filtered_and_taken_to_the_sheet_by_keys(chromium, finished_run, tmp_path):
    copied(finished_run, tmp_path)
    with served(tmp_path) as (address, _), tab(chromium, address) as t:
        page, first = t.page, t.ask("shown.slice(0, 6)")
        # It is heard finished, and its neighbour is ready before it is asked for.
        t.press("ArrowRight")
        page.wait_for_function(f"() => heard.tile === {first[1]} && source?.node.buffer && finished.has({first[2]})")
        assert t.ask("[current, Number(document.activeElement.dataset.tile)]") == [first[1]] * 2
        length = t.ask("finishedOf(current).then(({ buffer }) => source.node.buffer === buffer && buffer.length)")
        assert length > 1000
        # With the name that its file has.
        name = asked_head(address, f"files/{first[1]}")["content-disposition"].removeprefix("attachment; filename=")
        assert t.ask("listed(current).word") in name
        assert f". file: {name}. why this score: " in t.ask("at('sound-done').textContent.toLowerCase()")
        # A sound without a parent is compared with the one before.
        t.press("ArrowRight")
        page.wait_for_function(f"() => heard.tile === {first[2]}")
        for other in (first[1], first[2]):
            t.press("x")
            page.wait_for_function(f"() => heard.tile === {other}")
        t.press("ArrowDown")
        wide = t.ask("columns()")
        assert t.ask("shown.indexOf(current)") == 2 + wide
        t.press("End")
        page.wait_for_function("() => current === shown.at(-1) && inView.has(current)")
        assert t.ask("cardOf(current) === document.activeElement")
        t.press("Home")
        # Filters; what is decided leaves the undecided, and the keys go on from there.
        page.select_option("#marked", "none")
        t.press("k")
        assert t.ask("[shown.includes(current), shown[0]]") == [False, first[1]]
        t.press("ArrowRight")
        assert t.ask("current") == first[1]
        t.press("d")
        page.select_option("#marked", "keep")
        assert t.ask("shown") == [first[0]]
        page.select_option("#marked", "")
        kinds = t.ask("[...new Set(run.sounds.map((s) => s.kind))]")
        page.select_option("#kind", kinds[0])
        assert t.ask("[...new Set(shown.map((id) => listed(id).kind))]") == kinds[:1]
        page.select_option("#kind", "")
        # A note without its octave; A4 as a word, and a tempo as a number.
        notes = t.ask("run.sounds.map((s) => s.note).filter(Boolean)")
        page.select_option("#note", notes[0].rstrip("0123456789-"))
        found = t.ask("shown.map((id) => listed(id).note)")
        assert notes[0] in found
        assert {note.rstrip("0123456789-") for note in found} == {notes[0].rstrip("0123456789-")}
        page.select_option("#note", "")
        page.fill("#search", notes[0].lower())
        assert set(t.ask("shown.map((id) => listed(id).note)")) == {notes[0]}
        tempo, other = 120, t.ask("(run.sounds[7].tempo = 119.6, run.sounds[7].candidate)")
        for text in (f"{tempo}", f"{tempo} bpm", f"{tempo}bpm", f"{other}"):
            page.fill("#search", text)
            found = t.ask("shown.map((id) => [listed(id).candidate, Math.round(listed(id).tempo)])")
            assert [other, tempo] in found
            assert all(int(re.match(r"\d+", text)[0]) in pair for pair in found)
        page.fill("#search", "")
        page.select_option("#sort", "dark to bright")
        bright = t.ask("shown.map((id) => listed(id).brightness_hz)")
        assert bright == sorted(bright)
        page.select_option("#sort", "best first")
        # Search: letters are letters there; Escape goes back to the sounds, and Enter to the first one.
        page.evaluate("() => cardOf(current)?.focus()")
        t.press("/")
        word = t.ask("listed(shown[4]).word")
        page.keyboard.type(word)
        assert first[4] in t.ask("shown")
        assert all(word in found for found in t.ask("shown.map((id) => listed(id).word)"))
        assert t.ask("at('run-about').textContent").startswith(f"s.run: {t.ask('shown.length')} of ")
        t.press("Escape", "ArrowRight")
        assert t.ask("shown.includes(current)")
        t.press("/")
        page.fill("#search", str(t.ask("run.sounds[5].candidate")))
        t.press("Enter")
        assert t.ask("[current === shown[0], cardOf(current) === document.activeElement]") == [True, True]
        page.fill("#search", "")
        t.press("Escape")
        # Those most like this one, and all again.
        t.press("Home", "s")
        page.wait_for_function("() => shown.length === 12 && shown[0] === current")
        t.press("s")
        page.wait_for_function("() => shown.length > 12")
        # More like this comes on the sheet; T goes back.
        t.press("ArrowRight")
        parent = t.ask("current")
        t.press("v")
        assert t.ask("[where, at('run').hidden, view.sheet.length]") == ["sheet", True, 12]
        assert asked(address, f"lineage/{t.ask('current')}")["ancestors"][0]["id"] == parent
        t.press("t")
        assert t.ask("[where, current]") == ["run", parent]
        t.press("End")
        last = t.ask("current")
        assert t.ask("where") == "run"
        t.press("e")
        page.wait_for_function(f"() => where === 'sheet' && current === {last} && view.sheet.includes({last})")
        # What is typed after / are letters there, from the sheet too.
        before = t.ask("[view.state, view.picks]")
        t.press("/")
        page.keyboard.type("drvk")
        assert t.ask("[where, at('search').value]") == ["run", "drvk"]
        assert t.ask("[view.state, view.picks]") == before
        page.fill("#search", "")
        t.press("Escape")
        # Undone in the page, undone in the run.
        assert set(runs.read(tmp_path / "s.run")[2].picks.values()) == {"keep", "drop"}
        while t.ask("view.can_undo"):
            t.press("Control+z")
        assert runs.read(tmp_path / "s.run")[2].picks == {}
        assert t.ask("view.picks") == {}


def test_keys_in_a_run_need_no_sound_that_is_held(chromium, finished_run, tmp_path):
    """As when they are faster than the network, or far down a long list."""
    copied(finished_run, tmp_path)
    with served(tmp_path) as (address, _), tab(chromium, address) as t:
        page, word = t.page, t.ask("listed(current).word")
        t.ask("{ tiles.clear(); }")
        t.press("g")
        page.wait_for_function("() => at('family').open")
        t.press("Escape")
        t.ask("{ tiles.clear(); }")
        t.press("b")
        page.wait_for_function("() => breedWith === current")
        assert re.search(r" in view ha(s|ve) the same shape\b", t.ask("at('now').textContent"))
        t.ask("{ tiles.clear(); current = shown.find((id) => id !== current); }")
        t.press("b")
        page.wait_for_function(f"() => at('now').textContent.startsWith('{word} and ')")
        # A knob of a sound that is not held does nothing.
        state = t.ask("view.state")
        page.focus("[data-knob=own-gap]")
        t.ask("{ tiles.clear(); }")
        page.keyboard.press("ArrowRight")
        page.wait_for_timeout(450)
        t.ask("sent")
        assert t.ask("view.state") == state
        # A sound that a filter took away is no place to scroll to.
        page.evaluate("() => at('listed').focus()")
        t.press("End")
        page.wait_for_function("() => scrollY > 0 && inView.has(shown.at(-1))")
        t.ask("{ at('marked').value = 'none'; filter(); view.picks[current] = 'drop'; arrange(); }")
        there = t.ask("scrollY")
        t.press("Escape")
        assert t.ask("scrollY") == there
        # The window got narrow while the sheet was shown.
        page.select_option("#marked", "")
        page.evaluate("() => at('listed').focus()")
        t.press("Home", "t")
        wide = t.ask("getComputedStyle(at('sheet')).gridTemplateColumns.split(' ').length")
        page.set_viewport_size({"width": 600, "height": 850})
        t.press("t")
        now = t.ask("columns()")
        assert now < wide
        assert t.ask("shown.indexOf(inView.keys().next().value)") % now == 0
        rows = t.ask("parseFloat(at('listed').style.height) / rowHeight()")
        assert round(rows) == -(-t.ask("shown.length") // now)


def test_on_a_phone_a_run_is_heard_marked_and_taken_with_a_thumb(chromium, finished_run, tmp_path):
    copied(finished_run, tmp_path)
    with served(tmp_path) as (address, _):
        context = chromium.new_context(viewport={"width": 390, "height": 844}, has_touch=True)
        page = context.new_page()
        page.goto(address)
        page.wait_for_function(LISTED)
        page.wait_for_function("() => at('now').textContent.startsWith('Tap a sound to hear it. Keep or Drop')")
        assert page.evaluate("() => document.documentElement.scrollWidth") <= 390
        page.tap("#listed li:nth-child(2) button")
        page.wait_for_function("() => heard.tile === shown[1]")
        for name in ("star", "keep"):
            page.tap(f".thumbs [data-press={name}]")
            page.evaluate("() => sent")
        assert page.evaluate("() => [isStar(shown[1]), isKept(shown[1])]") == [True, True]
        sizes = page.evaluate(
            "() => [...document.querySelectorAll('.thumbs button')].filter((b) => b.offsetHeight)"
            ".map((b) => [b.offsetHeight, b.offsetWidth])"
        )
        assert len(sizes) == 6
        assert min(height for height, _ in sizes) >= 44
        page.tap(".thumbs [data-press=take]")
        page.wait_for_function("() => where === 'sheet' && view.sheet.includes(shown[1])")
        # What is below a long list there is at hand here.
        assert page.is_visible("#sound-panel")
        context.close()


def test_thousands_of_sounds_are_a_few_cards(chromium, finished_run):
    with served(finished_run) as (address, _), tab(chromium, address) as t:
        t.ask(
            "{ const more = Array.from({ length: 9000 }, (_, i) => ({ ...run.sounds[0], id: 1e6 + i, score: 0 }));"
            "run.sounds.push(...more); for (const one of more) run.byId.set(one.id, one); arrange(); }"
        )
        assert t.ask("shown.length") > 9000
        t.page.evaluate("() => scrollTo(0, document.documentElement.scrollHeight / 2)")
        t.page.wait_for_function("() => inView.has(shown[Math.round(shown.length / 2)])")
        assert 10 < t.ask("document.querySelectorAll('#listed .tile').length") < 60


def test_sounds_are_those_of_the_pack_and_come_in_parts(finished_run, tmp_path):
    manifest = read_manifest(finished_run / "s.zip")
    assert any(sound.recipe.wide for sound in manifest.sounds)
    with served(finished_run) as (address, _), zipfiles.opened(finished_run / "s.zip") as archive:
        host, token = address.split("/")[2:4]
        port, number = int(host.partition(":")[2]), numbers(address)
        for sound in manifest.sounds:
            data = archive.read(sound.file)
            path = f"/{token}/files/{number[sound.candidate]}"
            status, head, body = ask(port, request("GET", path, host))
            assert status == 200
            if sound.pitch is not None:
                # In a pack it may stand on another note.
                (tmp_path / "x.wav").write_bytes(body)
                assert read_recipe(tmp_path / "x.wav").at_rate(44_100) == sound.recipe.at_rate(44_100)
                data = body
            assert body == data
            assert "content-type: audio/wav" in head
            status, head, body = ask(port, request("GET", path, host, "Range: bytes=100-299"))
            assert (status, body) == (206, data[100:300])
            assert f"content-range: bytes 100-299/{len(data)}" in head
            status, _, body = ask(port, request("GET", path, host, "Range: bytes=-50"))
            assert (status, body) == (206, data[-50:])
            # Whoever asks for more than there is gets what there is.
            status, _, body = ask(port, request("GET", path, host, f"Range: bytes=40-{10**15}"))
            assert (status, body) == (206, data[40:])
        status, head, _ = ask(port, request("GET", f"/{token}/", f"localhost:{port}"))
        assert status == 200
        for line in ("x-content-type-options: nosniff", "referrer-policy: no-referrer", "cache-control: no-store"):
            assert line in head


def test_hostile_requests_are_refused_and_touch_nothing(finished_run, tmp_path):
    copied(finished_run, tmp_path)
    with served(tmp_path) as (address, end):
        host, token = address.split("/")[2:4]
        port, number = int(host.partition(":")[2]), next(iter(numbers(address).values()))
        while asked(address, "view")["busy"]:
            time.sleep(0.05)
        # But for the journals of SQLite.
        names = [name for name in left(tmp_path) if not name.endswith(("-wal", "-shm"))]
        before = {name: (tmp_path / name).read_bytes() for name in names}
        for name, (sent, allowed) in hostile(host, token, number).items():
            status, head, body = ask(port, sent)
            assert status in allowed, (name, status)
            assert token not in head + body.decode(errors="replace"), name
            assert b"root:" not in body, name
            assert len(body) < 2000, name
        # And it still answers those who may.
        assert ask(port, request("GET", f"/{token}/files/{number}", host))[0] == 200
        assert [name for name in left(tmp_path) if not name.endswith(("-wal", "-shm"))] == names
        assert {name: (tmp_path / name).read_bytes() for name in names} == before
        assert end()[1].startswith("cnndsd: 0 kept, 0 dropped")


REFUSALS = ("the host header", "the requested url was not found", "the address lacks the token", "only the page")


def garble(count, finished_run, folder):
    """Send requests of which some bytes were changed; how many were sent, by the status of the answer.

    500 is what an error that no one thought of becomes.
    """
    copied(finished_run, folder)
    rng = random.Random(5)
    statuses = Counter()
    with served(folder) as (address, end):
        host, token = address.split("/")[2:4]
        port, number = int(host.partition(":")[2]), next(iter(numbers(address).values()))
        drop = json.dumps({"do": "choose", "tile": number, "pick": "drop"}).encode()
        sane = [
            request("GET", f"/{token}/files/{number}", host, "Range: bytes=5-9"),
            request("GET", f"/{token}/similar/{number}", host, f"Origin: http://{host}"),
            request("POST", f"/{token}/do", host, "Content-Type: application/json", body=drop),
        ]
        for n in range(count):
            garbled = bytearray(sane[n % 3])
            for _ in range(rng.choice([1, 1, 2, 8])):
                at = rng.randrange(len(garbled))
                garbled[at : at + rng.randrange(4)] = rng.randbytes(rng.randrange(4))
            status, head, _ = ask(port, garbled)
            # 501: a method that does not exist. An answer without a status line is one of the refusals.
            fine = head.startswith(REFUSALS) if status is None else status < 500 or status in (501, 505)
            assert fine, (status, head, bytes(garbled))
            statuses[status] += 1
        assert ask(port, sane[0])[0] == 206
        assert end()[0] == 0
    return statuses


def test_requests_that_were_garbled_never_make_it_fail(finished_run, tmp_path):
    statuses = garble(90, finished_run, tmp_path)
    # Some of them were still answered, and others refused in several ways.
    assert len(statuses) >= 4


@pytest.mark.slow
def test_thousands_of_garbled_requests_never_make_it_fail(finished_run, tmp_path, record_property):
    statuses = garble(5000, finished_run, tmp_path)
    by_status = ", ".join(f"{count} {status or 'without a status'}" for status, count in statuses.most_common())
    record_property("figures", f"{statuses.total():,} requests with changed bytes, answered: {by_status}")


@needs_proc
def test_it_listens_to_this_machine_only(finished_run):
    with served(finished_run) as (address, _):
        port = int(re.search(r":(\d+)/", address)[1])
        tables = [Path(f"/proc/net/{name}").read_text(encoding="utf-8").splitlines()[1:] for name in ("tcp", "tcp6")]
        ours = {line.split()[1] for table in tables for line in table if line.split()[1].endswith(f":{port:04X}")}
        # The address in the processor's order: 127.0.0.1.
        assert ours == {f"0100007F:{port:04X}"}


def test_a_run_that_is_heard_or_at_work_is_left_to_whoever_has_it(finished_run, tmp_path):
    with served(finished_run):
        for command in (["audition", "s.run"], ["pack", "s.toml"]):
            other = begun(finished_run, *command)
            out, err = other.communicate(timeout=60)
            assert (other.returncode, out) == (1, "")
            busy = "a pack command is at work here, or an audition is open; end that first, or use another --out"
            assert err == f"cnndsd: s.run: {busy}\n"
        # A studio shows some of its sounds, but cannot keep or drop them in the run.
        studio = begun(finished_run, "studio", "s.run", "--folder", str(tmp_path))
        address = studio.stdout.readline().strip()
        assert asked(address, "run") is None
        assert len(asked(address, "view")["sheet"]) > 1
        studio.send_signal(signal.SIGINT)
        _, err = studio.communicate(timeout=60)
        assert err.startswith(
            f"cnndsd: s.run: {busy}; its twelve most different sounds are shown, and no list of all\n"
        )


def test_a_port_that_is_taken_and_a_folder_without_a_run_are_told_in_a_line(finished_run):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        failed = begun(finished_run, "audition", "s.run", "--port", str(port))
        out, err = failed.communicate(timeout=60)
        assert (failed.returncode, out) == (1, "")
        assert err == f"cnndsd: port {port} is taken; allowed: another --port, or none, for any free one\n"
    none = begun(finished_run, "audition", "nowhere.run")
    out, err = none.communicate(timeout=60)
    assert (none.returncode, out) == (2, "")
    assert err.startswith('cnndsd: nowhere.run: there is no such folder (did you mean "s.run"?)'), err
    assert not (finished_run / "nowhere.run").exists()


def test_another_version_s_run_is_not_heard(finished_run, monkeypatch):
    monkeypatch.setattr(units, "version", lambda: "cnndsd 9")
    with (
        pytest.raises(Failed, match=r"this is cnndsd 9; allowed: .* --restart"),
        runs.opened_for_picks(finished_run / "s.run"),
    ):
        pass


@contextlib.contextmanager
def studio_of(folder):
    """A studio with the run of a folder, without a browser."""
    with sessions.opened_run(folder / "s.run") as run:
        history = History(folder / "history.sqlite")
        begin = of_run(run.name, run.spec, run.findings)
        session = Session(folder, history, begin, again=history.cursor is None, run=run, ahead=False)
        try:
            yield session, run
        finally:
            session.close()


def errors(session, action):
    return [told.error for told in session.do(action) if told.error]


def test_a_pick_that_cannot_be_remembered_is_not_made(finished_run, tmp_path, monkeypatch):
    copied(finished_run, tmp_path)

    def fail(*_, **__):
        raise OSError(28, "No space left on device")

    with studio_of(tmp_path) as (session, run):
        number, *_ = run.listed
        with monkeypatch.context() as patch:
            patch.setattr(ledger.Ledger, "commit", fail)
            for pick in ("keep", "drop"):
                assert errors(session, actions.Choose(tile=number, pick=pick)) == ["No space left on device"]
            assert session.view().picks == run.findings.picks == {}
            # Nor does its file stay.
            assert list(tmp_path.glob("*.wav")) == []
        # In the run and in the history, or in neither.
        with monkeypatch.context() as patch:
            patch.setattr(History, "add", fail)
            for pick in ("keep", "drop"):
                assert errors(session, actions.Choose(tile=number, pick=pick)) == ["No space left on device"]
        assert session.view().picks == run.findings.picks == {}
        assert list(tmp_path.glob("*.wav")) == []
        assert errors(session, actions.Choose(tile=number, pick="drop")) == []
        with monkeypatch.context() as patch:
            patch.setattr(ledger.Ledger, "commit", fail)
            assert errors(session, actions.Undo(state=session.view().state)) == ["No space left on device"]
        with monkeypatch.context() as patch:
            patch.setattr(History, "go", fail)
            assert errors(session, actions.Undo(state=session.view().state)) == ["No space left on device"]
        assert session.view().picks == {number: "drop"}
        assert list(run.findings.picks.values()) == ["drop"]
        # A file that was there before stays.
        assert errors(session, actions.Choose(tile=number, pick="keep")) == []
        (path,) = tmp_path.glob("*.wav")
        with contextlib.closing(sqlite3.connect(tmp_path / "history.sqlite", isolation_level=None)) as book:
            book.execute("DELETE FROM files")
        assert errors(session, actions.Choose(tile=number)) == []
        with monkeypatch.context() as patch:
            patch.setattr(ledger.Ledger, "commit", fail)
            assert errors(session, actions.Choose(tile=number, pick="keep")) == ["No space left on device"]
        assert list(tmp_path.glob("*.wav")) == [path]


def test_a_sound_of_the_run_on_the_first_sheet_is_the_one_in_the_list(finished_run, tmp_path):
    copied(finished_run, tmp_path)
    with studio_of(tmp_path) as (session, run):
        sheet = session.view().sheet
        assert len(sheet) == 12
        assert {*sheet} <= {*run.listed}
        assert errors(session, actions.Choose(tile=sheet[0], pick="keep")) == []
        assert run.findings.picks == {run.listed[sheet[0]].entry.index: "keep"}
        word = session.tile(sheet[0]).word
    with studio_of(tmp_path) as (session, _):
        assert session.view().sheet == sheet
        assert session.view().picks == {sheet[0]: "keep"}
    # Without the run, its sounds are still there; what is decided then is not decided in the run, and that is told.
    alone = Session(tmp_path, History(tmp_path / "history.sqlite"), Opening(Spec(name="s")), again=False, ahead=False)
    (*_, told) = alone.do(actions.Choose(tile=sheet[0], pick="drop"))
    assert told.said == f"dropped {word} (only here, not in its run); no longer kept, its file stays"
    alone.close()
    with studio_of(tmp_path) as (session, run):
        assert session.view().picks == {sheet[0]: "keep"}
        (*_, told) = session.do(actions.Choose(tile=sheet[0]))
        assert told.said == f"{word} is no longer kept, its file stays"
        assert run.findings.picks == {}


def test_a_run_s_sounds_are_in_the_history_when_something_is_done_with_them(finished_run, tmp_path):
    copied(finished_run, tmp_path)
    with studio_of(tmp_path) as (session, run):
        count = session.view().count
        one, two, three, four, *_ = [number for number in run.listed if number not in session.view().sheet]
        for action in (
            actions.Star(tile=one), actions.Choose(tile=two, pick="keep"), actions.Vary(tile=three),
            actions.Recall(tile=four), actions.Choose(tile=four, pick="keep"), actions.Change(tile=four, gap=4),
        ):  # fmt: skip
            assert errors(session, action) == []
        assert session.view().count == count + 4 + 12 + 1
        assert session.lineage(session.view().at)[0][0] == run.listed[four].tile
        candidates = {number: listed.entry.index for number, listed in run.listed.items()}
        kept = candidates[two]
    # What was kept and dropped meanwhile, by other commands, counts; and no undo takes it back.
    with runs.opened_for_picks(tmp_path / "s.run") as (_, findings, remember):
        assert findings.picks == {kept: "keep", candidates[four]: "keep"}
        remember(kept, "drop")
        remember(candidates[four], None)
        remember(candidates[one], "drop")
    with studio_of(tmp_path) as (session, run):
        view = session.view()
        assert (view.picks, view.stars) == ({one: "drop", two: "drop"}, [one])
        # Each has the number that it had.
        assert {number: run.listed[number].entry.index for number in (one, two, three, four)} == {
            number: candidates[number] for number in (one, two, three, four)
        }
        assert view.count == count + 4 + 12 + 1
        # Undo takes back what was done here, and no more.
        while session.view().can_undo:
            assert errors(session, actions.Undo(state=session.view().state)) == []
        assert (session.view().picks, session.view().stars) == ({one: "drop", two: "drop"}, [])
        assert run.findings.picks == {candidates[one]: "drop", kept: "drop"}


def test_a_pick_is_forgotten_when_the_disk_refuses_it(finished_run, tmp_path, monkeypatch):
    copied(finished_run, tmp_path)

    def fail(*_):
        raise OSError(28, "No space left on device")

    with runs.opened_for_picks(tmp_path / "s.run") as (_, findings, remember):
        remember(3, "keep")
        monkeypatch.setattr(ledger.Ledger, "commit", fail)
        for index, pick in ((3, None), (3, "drop"), (5, "keep")):
            with pytest.raises(OSError, match="No space left"):
                remember(index, pick)
            assert findings.picks == {3: "keep"}
    assert runs.read(tmp_path / "s.run")[2].picks == {3: "keep"}


def test_dropped_sounds_are_not_chosen_and_what_is_offered_holds_all_picks():
    spec = Spec(name="s", candidates=900, count=6, sound={"seconds": (0.3, 0.6)})
    found = Findings(4)
    found.add(units.judge_unit(spec, 1, 0, 900))
    first = production.choose_sounds(spec, found)
    found.picks = {entry.index: "drop" for entry in first}
    second = production.choose_sounds(spec, found)
    assert len(second) == 6
    assert not {e.index for e in first} & {e.index for e in second}
    # One that is on no shelf any more.
    off = next(i for i in range(900) if i not in {e.index for e in found.entries} and passes(spec, i))
    found.picks[off] = "keep"
    chosen = production.choose_sounds(spec, found)
    assert len(chosen) == 6
    assert off in {e.index for e in chosen}
    assert not {e.index for e in first} & {e.index for e in chosen}
    assert [e.index for e in production.choose_sounds(spec, found, found.picked("keep"))] == [off]
    heard = offered(spec, found, 8)
    assert {off, *(e.index for e in first)} <= {e.index for e in heard}
    assert len(heard) == 8
    assert [e.score for e in heard] == sorted((e.score for e in heard), reverse=True)
    assert len(offered(spec, found, 3)) == 7
    assert len({e.index for e in offered(spec, found, 10_000)}) == len(found.entries) + 1
    refused = next(i for i in range(900) if not passes(spec, i))
    with pytest.raises(Invalid, match=rf"candidate {refused} is refused \(.*\); allowed: those that pass"):
        production.choose_sounds(spec, found, [refused])


def passes(spec, index):
    return not isinstance(next(units.judge_candidates(spec, 1, index, 1))[1], str)


def test_a_pick_is_kept_through_a_kill(finished_run, tmp_path):
    copied(finished_run, tmp_path)
    server = begun(tmp_path, "audition", "s.run")
    address = server.stdout.readline().strip()
    host, token = address.split("/")[2:4]
    index, number = next(iter(numbers(address).items()))
    drop = json.dumps({"do": "choose", "tile": number, "pick": "drop"}).encode()
    post = request("POST", f"/{token}/do", host, "Content-Type: application/json", body=drop)
    assert b'"said":"dropped ' in ask(int(host.partition(":")[2]), post)[2]
    server.kill()
    server.communicate()
    assert runs.read(tmp_path / "s.run")[2].picks == {index: "drop"}
