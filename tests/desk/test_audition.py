"""The audition: a real server, asked by a real browser and by those who should not."""

import contextlib
import io
import json
import random
import re
import shlex
import signal
import socket
import threading
import time
from collections import Counter
from pathlib import Path

import pytest
from raw_requests import ask, request
from small_runs import begun, gone, left, needs_proc, packed, write_spec

from cnndsd.desk import audition, serving
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
    write_spec(folder, 600)
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


def test_what_is_kept_in_the_browser_is_what_the_pack_holds(chromium, finished_run, tmp_path):
    write_spec(tmp_path, 600)
    copied(finished_run, tmp_path)
    with served(tmp_path, "--count", "50") as (address, end):
        context = chromium.new_context()
        tab = context.new_page()
        said = []
        tab.on("console", lambda message: said.append(message.text))
        tab.on("pageerror", lambda error: said.append(str(error)))
        tab.goto(address)
        tab.wait_for_function("() => sounds.some((s) => s.isSeen) && sounds.every((s) => !s.isSeen || s.looks)")
        assert tab.evaluate("() => sounds.length") == 50
        for key in ("ArrowRight", "k", "ArrowRight", "d", "ArrowRight", "k"):
            with tab.expect_response("**/picks/*") if key != "ArrowRight" else contextlib.nullcontext():
                tab.keyboard.press(key)
        tab.wait_for_function("() => player.currentTime > 0 && !player.error")
        tab.reload()
        assert tab.evaluate("() => shown.map((s) => s.pick)")[:4] == ["keep", "drop", "keep", None]
        heard = tab.evaluate("() => shown.map((s) => s.candidate)")
        # The best come first.
        scores = tab.evaluate("() => shown.map((s) => s.score)")
        assert scores == sorted(scores, reverse=True)
        context.close()
        assert said == []
        code, told = end()
        assert code == 0
        said_before, command = told.split(": ", 2)[1:]
        assert said_before == "2 kept, 1 dropped; to make the pack with this choice"
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


def test_sounds_are_those_of_the_pack_and_come_in_parts(finished_run, tmp_path):
    manifest = read_manifest(finished_run / "s.zip")
    with served(finished_run) as (address, _), zipfiles.opened(finished_run / "s.zip") as archive:
        host, _, token = address.removeprefix("http://").rstrip("/").partition("/")
        port = int(host.partition(":")[2])
        for sound in manifest.sounds:
            data = archive.read(sound.file)
            path = f"/{token}/sounds/{sound.candidate}"
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
            looks = json.loads(ask(port, request("GET", f"/{token}/looks/{sound.candidate}", host))[2])
            assert looks["lufs"] == sound.level.integrated_lufs
        status, head, _ = ask(port, request("GET", f"/{token}/", f"localhost:{port}"))
        assert status == 200
        for line in ("x-content-type-options: nosniff", "referrer-policy: no-referrer", "cache-control: no-store"):
            assert line in head


def hostile(host, token, other, index):
    """Requests that must be refused, each with what may answer it."""
    port = host.partition(":")[2]
    sound, picks, keep = f"/{token}/sounds/{index}", f"/{token}/picks/{index}", b'"keep"'
    json_type = "Content-Type: application/json"
    return {
        "a wrong host": (request("GET", sound, "example.org"), {403}),
        "our address under another name": (request("GET", f"/{token}/", f"rebound.example.org:{port}"), {403}),
        "our host without its port": (request("GET", sound, "127.0.0.1"), {403}),
        "another port": (request("GET", sound, "127.0.0.1:1"), {403}),
        "no host": (f"GET {sound} HTTP/1.0\r\n\r\n".encode(), {403}),
        "an absolute address elsewhere": (request("GET", f"http://example.org{sound}", "example.org"), {403}),
        "no token": (request("GET", "/", host), {404}),
        "no token, a sound": (request("GET", f"/sounds/{index}", host), {404}),
        "another token": (request("GET", f"/{other}/sounds/{index}", host), {404}),
        "part of the token": (request("GET", f"/{token[:-1]}/sounds/{index}", host), {404}),
        "the token in capitals": (request("GET", f"/{token.swapcase()}/", host), {404}),
        "the token as a query": (request("GET", f"/?token={token}", host), {404}),
        "a path upwards": (request("GET", f"/{token}/../../../../etc/passwd", host), {404}),
        "an encoded path upwards": (request("GET", f"/{token}/sounds/%2e%2e%2f%2e%2e%2fs.toml", host), {404}),
        "an absolute path": (request("GET", f"/{token}//etc/passwd", host), {404}),
        "the ledger": (request("GET", f"/{token}/ledger.sqlite", host), {404}),
        "a sound that is not offered": (request("GET", f"/{token}/sounds/{10**30}", host), {404}),
        "a negative sound": (request("GET", f"/{token}/sounds/-1", host), {404}),
        "an address that is no text": (request("GET", "/%ff%fe%ed%a0%80/sounds/1", host), {404}),
        "a zero byte": (request("GET", f"/{token}/sounds/{index}%00.wav", host), {404}),
        "a foreign origin": (request("GET", sound, host, "Origin: https://example.org"), {403}),
        "a foreign origin that picks": (
            request("PUT", picks, host, "Origin: http://example.org", json_type, body=keep), {403},
        ),
        "no origin of its own": (request("PUT", picks, host, "Origin: null", json_type, body=keep), {403}),
        "a foreign site": (request("GET", sound, host, "Sec-Fetch-Site: cross-site"), {403}),
        "another page on this machine": (
            request("PUT", picks, host, "Sec-Fetch-Site: same-site", json_type, body=keep), {403},
        ),
        "a form": (request("PUT", picks, host, "Content-Type: text/plain", body=keep), {400}),
        "a post": (request("POST", picks, host, json_type, body=keep), {405}),
        "a pick by address": (request("GET", picks, host), {405}),
        "a delete": (request("DELETE", sound, host), {405}),
        "an unknown pick": (request("PUT", picks, host, json_type, body=b'"burn"'), {400}),
        "no JSON": (request("PUT", picks, host, json_type, body=b"keep"), {400}),
        "a pick that is no text": (request("PUT", picks, host, json_type, body=b'"ke\xffp"'), {400}),
        "a huge pick": (request("PUT", picks, host, json_type, body=b" " * 5000 + keep), {413}),
        "a pick of what is not offered": (request("PUT", f"/{token}/picks/{10**9}", host, json_type, body=keep), {404}),
        "a range behind the end": (request("GET", sound, host, f"Range: bytes={10**15}-"), {416}),
        "many ranges": (request("GET", sound, host, "Range: bytes=" + ",".join(["0-"] * 2000)), {416}),
        "a range that is none": (request("GET", sound, host, "Range: bytes=9-3"), {416}),
        "an endless address": (request("GET", f"/{token}/{'a' * 70_000}", host), {414}),
        "endless headers": (request("GET", sound, host, *[f"X-{i}: 1" for i in range(300)]), {431}),
        "no request": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" * 20 + b"\r\n\r\n", {400}),
    }  # fmt: skip


def test_hostile_requests_are_refused_and_touch_nothing(finished_run):
    index = runs.read(finished_run / "s.run")[2].entries[0].index
    before = {name: (finished_run / name).read_bytes() for name in left(finished_run)}
    with served(finished_run) as (address, end):
        host, _, token = address.removeprefix("http://").rstrip("/").partition("/")
        port = int(host.partition(":")[2])
        asked = hostile(host, token, "A" * len(token), index)
        assert len(asked) >= 25
        for name, (sent, allowed) in asked.items():
            status, head, body = ask(port, sent)
            assert status in allowed, (name, status)
            assert token not in head + body.decode(errors="replace"), name
            assert b"root:" not in body, name
            assert len(body) < 2000, name
        # And it still answers those who may.
        assert ask(port, request("GET", f"/{token}/sounds/{index}", host))[0] == 200
        assert end()[1].startswith("cnndsd: 0 kept, 0 dropped")
    assert {name: (finished_run / name).read_bytes() for name in left(finished_run)} == before


REFUSALS = ("the host header", "the requested url was not found", "the address lacks the token", "only the page")


def garble(count, finished_run, folder):
    """Send requests of which some bytes were changed; how many were sent, by the status of the answer.

    500 is what an error that no one thought of becomes.
    """
    copied(finished_run, folder)
    index = runs.read(finished_run / "s.run")[2].entries[0].index
    rng = random.Random(5)
    statuses = Counter()
    with served(folder) as (address, end):
        host, _, token = address.removeprefix("http://").rstrip("/").partition("/")
        port = int(host.partition(":")[2])
        sound, picks = f"/{token}/sounds/{index}", f"/{token}/picks/{index}"
        sane = [
            request("GET", sound, host, "Range: bytes=5-9"),
            request("GET", f"/{token}/looks/{index}", host, f"Origin: http://{host}"),
            request("PUT", picks, host, "Content-Type: application/json", body=b'"drop"'),
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


def test_a_run_that_is_heard_or_at_work_is_left_to_whoever_has_it(finished_run):
    with served(finished_run):
        for command in (["audition", "s.run"], ["pack", "s.toml"]):
            other = begun(finished_run, *command)
            out, err = other.communicate(timeout=60)
            assert (other.returncode, out) == (1, "")
            busy = "a pack command is at work here, or an audition is open; end that first, or use another --out"
            assert err == f"cnndsd: s.run: {busy}\n"


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
    with pytest.raises(Failed, match="this is cnndsd 9"), runs.opened_for_picks(finished_run / "s.run"):
        pass


def test_a_pick_that_cannot_be_remembered_is_not_made(tmp_path):
    small = Spec(name="s", candidates=300, sound={"seconds": (0.3, 0.6)})
    found = Findings()
    found.add(units.judge_unit(small, 1, 0, 300))

    def fail(index, pick):
        raise OSError(28, "No space left on device")

    app = audition.Audition(small, found, 10, "", fail)
    app.hosts = frozenset({"here"})
    index = found.entries[0].index
    app._entries = {index: found.entries[0]}
    body = b'"keep"'
    environ = {
        "REQUEST_METHOD": "PUT", "PATH_INFO": f"/{app.token}/picks/{index}", "HTTP_HOST": "here", "SCRIPT_NAME": "",
        "CONTENT_TYPE": "application/json", "CONTENT_LENGTH": str(len(body)), "wsgi.input": io.BytesIO(body),
        "SERVER_NAME": "here", "SERVER_PORT": "80", "wsgi.url_scheme": "http",
    }  # fmt: skip
    told = []
    answer = b"".join(app(environ, lambda status, headers: told.append(status)))
    assert told == ["500 INTERNAL SERVER ERROR"]
    assert b"No space left on device" in answer


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
    heard = audition.offered(spec, found, 8)
    assert {off, *(e.index for e in first)} <= {e.index for e in heard}
    assert len(heard) == 8
    assert len(audition.offered(spec, found, 3)) == 7
    assert len({e.index for e in audition.offered(spec, found, 10_000)}) == len(found.entries) + 1
    refused = next(i for i in range(900) if not passes(spec, i))
    with pytest.raises(Invalid, match=rf"candidate {refused} is refused \(.*\); allowed: those that pass"):
        production.choose_sounds(spec, found, [refused])


def passes(spec, index):
    return not isinstance(next(units.judge_candidates(spec, 1, index, 1))[1], str)


def test_a_pick_is_kept_through_a_kill(finished_run, tmp_path):
    copied(finished_run, tmp_path)
    index = runs.read(finished_run / "s.run")[2].entries[0].index
    server = begun(tmp_path, "audition", "s.run")
    host, _, token = server.stdout.readline().strip().removeprefix("http://").rstrip("/").partition("/")
    put = request("PUT", f"/{token}/picks/{index}", host, "Content-Type: application/json", body=b'"drop"')
    assert ask(int(host.partition(":")[2]), put)[0] == 204
    server.kill()
    server.communicate()
    assert runs.read(tmp_path / "s.run")[2].picks == {index: "drop"}


@contextlib.contextmanager
def in_a_thread(monkeypatch, connections, request_s):
    """A server with other bounds, in this process: its port."""
    monkeypatch.setattr(serving, "_CONNECTIONS", connections)
    monkeypatch.setattr(serving, "_REQUEST_S", request_s)
    app = audition.Audition(Spec(name="x"), Findings(), 1, "", lambda *_: None)
    server, address = serving.server(app)
    with server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield server.port, address
        server.shutdown()
        thread.join()


def test_a_request_that_comes_in_drops_is_not_waited_for(monkeypatch, capfd):
    with in_a_thread(monkeypatch, 8, 0.5) as (port, address):
        host, token = address.split("/")[2:4]
        head = f"PUT /{token}/picks/1 HTTP/1.1\r\nHost: {host}\r\n".encode()
        body = b"Content-Type: application/json\r\nContent-Length: 900\r\n\r\n"
        for begun_with in (b"", b"GET /", head, head + body):
            with socket.create_connection(("127.0.0.1", port)) as line:
                line.settimeout(0.05)
                line.sendall(begun_with)
                closed = False
                for _ in range(2000):
                    try:
                        with contextlib.suppress(TimeoutError):
                            # In the middle of a request an end, or of a response: it is over in any case.
                            closed = line.recv(1000) == b""
                        if closed:
                            break
                        line.sendall(b"x")
                    except ConnectionError:
                        closed = True
                        break
                assert closed, begun_with
        assert ask(port, request("GET", f"/{token}/", host))[0] == 200
    assert capfd.readouterr() == ("", "")


def test_so_many_connections_at_a_time_and_no_more(monkeypatch):
    before = threading.active_count()
    with in_a_thread(monkeypatch, 3, 2.0) as (port, address), contextlib.ExitStack() as lines:
        host, token = address.split("/")[2:4]
        for _ in range(20):
            lines.enter_context(socket.create_connection(("127.0.0.1", port)))
        most = 0
        for _ in range(20):
            time.sleep(0.02)
            most = max(most, threading.active_count())
        assert most == before + 1 + 3
        # It answers when the others were given up.
        assert ask(port, request("GET", f"/{token}/", host))[0] == 200
