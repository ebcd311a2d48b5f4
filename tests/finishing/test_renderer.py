"""The renderer of the page, in Node and in Chromium: the bits of the kernel, and a WAV file that the commands read."""

import base64
import hashlib
import json
import random
import re
import subprocess
from fractions import Fraction
from importlib import resources

import msgspec
import naive
import numpy as np
import pytest
import soundfile
from sounds import like

from cnndsd import Recipe, render
from cnndsd.desk import cli
from cnndsd.finishing.audiofile import read_recipe
from cnndsd.finishing.page import Card, page_html, seeds_as
from cnndsd.recipe import Variation
from cnndsd.sound.rendering import raw_sha256

PARTS = resources.files("cnndsd.finishing").joinpath("page_parts")
SOURCE = "\n".join(PARTS.joinpath(f"{name}.js").read_text(encoding="utf-8") for name in ("recipes", "renderer"))
EXAMPLE = Recipe(length=2, hidden=(2,), gap=0, seed=7, seconds=0.001)
FEW = [(40, 1), pytest.param(300, 2, marks=pytest.mark.slow)]
# Widths of the layers, gap and precision of any recipe, and ranges from wide to so narrow that sums underflow.
WIDE = [
    (0.0, 1.0),
    (-100.0, 100.0),
    (-3.0, 2.0),
    (0.0, 0.0),
    (0.0, 1e-9),
    (0.0, 1e-40),
    (-1e-160, 1e-155),
    (0.0, 1e-320),
]


def made(count, seed):
    """Short recipes of every shape."""
    rng = random.Random(seed)
    for _ in range(count):
        adjusting = {"every": rng.randint(1, 9), "amount": rng.choice([0.0, 10 ** rng.uniform(-4.0, 2.0)])}
        yield Recipe(
            length=rng.randint(1, 16),
            hidden=[rng.randint(1, rng.choice([8, 8, 64])) for _ in range(rng.randint(0, 4))],
            gap=rng.choice([0, 0, rng.randint(0, 12)]),
            seed=rng.getrandbits(rng.choice([3, 53, 63])),
            seconds=rng.uniform(0.001, 0.012),
            sample_rate=rng.randint(8000, 20_000),
            precision=rng.choice(["double", "single"]),
            weights=rng.choice(WIDE),
            biases=rng.choice(WIDE),
            adjusting=rng.choice([None, adjusting]),
            variations=varied(rng, rng.choice([0, 0, 1, 3])),
        )


def varied(rng, count, deep=2):
    """Variations, some of which take neurons of a mate, which may have been varied itself."""
    return [
        Variation(
            seed=rng.getrandbits(63),
            amount=rng.random(),
            mate={"seed": rng.getrandbits(63), "variations": varied(rng, rng.randint(0, deep), deep - 1)}
            if deep and rng.random() < 0.3
            else None,
        )
        for _ in range(count)
    ]


def as_in_page(recipe):
    """A recipe as the page has it: all seeds are texts."""
    plain = msgspec.to_builtins(recipe)
    seeds_as(str, plain)
    return plain


def run(node, code, data, folder):
    """What JavaScript code makes of ``data``, which it has by that name."""
    script = folder / "script.js"
    text = f"const data = {json.dumps(data)};\n{SOURCE}\nprocess.stdout.write(JSON.stringify((() => {{ {code} }})()));"
    script.write_text(text, encoding="utf-8")
    return json.loads(subprocess.run([node, script], capture_output=True, check=True).stdout)


@pytest.fixture
def tab(chromium, tmp_path):
    """The page of one sound in a fresh browser, opened from its file."""
    path = tmp_path / "index.html"
    recipe = Recipe(length=3, hidden=(4,), gap=3, seed=2**63 - 1, seconds=0.4)
    path.write_text(
        page_html("x", "about", [Card(0, "hit/x_hit_w_A#4.wav", like(), recipe)], "cnndsd"), encoding="utf-8"
    )
    context = chromium.new_context(accept_downloads=True)
    tab = context.new_page()
    tab.said = []
    tab.on("pageerror", lambda error: tab.said.append(str(error)))
    tab.goto(path.as_uri())
    yield tab
    context.close()


DIGESTS = """async (recipes) => {
  const renderer = new Renderer(), found = [];
  for (const recipe of recipes) {
    const digest = await crypto.subtle.digest("SHA-256", await renderer.render(recipe));
    found.push([...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join(""));
  }
  return found;
}"""


def test_the_worked_example_is_that_of_the_definition(node, tab, tmp_path):
    table = naive.DEFINITION.split("<!-- example -->")[1].split("<!-- end -->")[0]
    wanted = [float.fromhex(value) for value in re.findall(r"`(0x[^`]+)`", table)]
    assert len(wanted) == 10
    assert run(node, "return [...render(data)]", as_in_page(EXAMPLE), tmp_path)[:10] == wanted
    assert tab.evaluate("async (r) => [...await new Renderer().render(r)]", as_in_page(EXAMPLE))[:10] == wanted


@pytest.mark.parametrize(("count", "seed"), FEW)
def test_in_node_sounds_are_those_of_the_kernel_to_the_bit(node, tmp_path, count, seed):
    recipes = list(made(count, seed))
    digest = "require('crypto').createHash('sha256').update(Buffer.from(render(r).buffer)).digest('hex')"
    code = f"return data.map((r) => {digest})"
    found = run(node, code, list(map(as_in_page, recipes)), tmp_path)
    assert [r for r, digest in zip(recipes, found, strict=True) if raw_sha256(render(r)) != digest] == []


@pytest.mark.parametrize(("count", "seed"), FEW)
def test_in_chromium_sounds_are_those_of_the_kernel_to_the_bit(tab, count, seed):
    recipes = list(made(count, seed))
    found = tab.evaluate(DIGESTS, list(map(as_in_page, recipes)))
    assert [r for r, digest in zip(recipes, found, strict=True) if raw_sha256(render(r)) != digest] == []


def bits(rng, precision):
    """Numbers that are hard to add: few and many bits, ties and near ties, of all sizes, down to the smallest."""
    single = precision == "single"
    least, size = (-149, 24) if single else (-1074, 53)
    ar = naive.Arithmetic(precision)

    def number(exponent):
        digits = rng.choice([rng.getrandbits(size), rng.getrandbits(3), 2 ** rng.randrange(size) + rng.choice([0, 1])])
        return ar.round(rng.choice([-1, 1]) * Fraction(digits) * Fraction(2) ** (exponent - size))

    for _ in range(4000):
        a, b = number(rng.choice([0, 0, rng.randint(least // 2, 7)])), number(rng.choice([0, 0, rng.randint(least, 0)]))
        near = -ar.round(a * b) * rng.choice([1, 1 + Fraction(rng.randint(-3, 3), 2 ** (size - 1))])
        away = number(rng.randint(-2 * size, 2 * size))
        yield a, b, ar.round(rng.choice([near, away, away * a * b, number(rng.randint(least, 7)), Fraction(0)]))


@pytest.mark.parametrize("precision", ["double", "single"])
def test_a_multiplication_and_addition_are_rounded_once(node, tmp_path, precision):
    ar = naive.Arithmetic(precision)
    cases = list(bits(random.Random(precision), precision))
    function = "fusedDouble" if precision == "double" else "fusedSingle"
    found = run(node, f"return data.map((c) => {function}(...c))", [list(map(float, c)) for c in cases], tmp_path)
    wrong = [
        (case, value) for case, value in zip(cases, map(float, found), strict=True) if value != float(ar.fma(*case))
    ]
    assert [
        (tuple(float(x).hex() for x in case), value.hex(), float(ar.fma(*case)).hex()) for case, value in wrong
    ] == []
    # Many of them are decided by what a sum of two roundings loses.
    twice = [ar.round(ar.round(a * b) + c) for a, b, c in cases]
    assert sum(ar.fma(*case) != other for case, other in zip(cases, twice, strict=True)) > 100


def test_what_is_too_wide_or_too_long_is_refused_in_one_line(node, tmp_path):
    recipes = [
        Recipe(),
        Recipe(seconds=600),
        Recipe(hidden=(64, 64, 64, 64), gap=0, seconds=60.0),
        Recipe(hidden=(64,) * 4, gap=0, seconds=0.3, sample_rate=192_000, adjusting={"every": 1, "amount": 0.1}),
    ]
    found = run(node, "return data.map(refusal)", list(map(as_in_page, recipes)), tmp_path)
    assert found[0] == ""
    assert (
        found[1] == "too long for this page, which renders up to 230 s of it: cnndsd render FILE --seconds 600 makes it"
    )
    assert found[2].startswith("too long for this page, which renders up to ")
    assert found[3] == "too wide for this page: cnndsd render makes it"


def test_a_wav_file_of_the_page_is_read_by_the_commands(tab, tmp_path, in_process, capsys):
    tab.keyboard.press("ArrowRight")
    tab.keyboard.press("g")
    assert tab.evaluate("() => document.activeElement.id") == "grow-hear"
    tab.fill("#grow-seconds", "0.5")
    tab.press("#grow-seconds", "Tab")
    tab.select_option("#grow-gap", "4")
    tab.click("#grow-far")
    tab.wait_for_function("() => document.getElementById('grow-said').textContent.includes('choose one')")
    tab.locator("#relatives button").nth(2).click()
    with tab.expect_download() as download:
        tab.click("#grow-save")
    path = tmp_path / download.value.suggested_filename
    assert path.name == "x_hit_w_A#4_far2_raw.wav"
    download.value.save_as(path)
    recipe = read_recipe(path)
    variation = Variation(seed=2, amount=0.03)
    assert recipe == Recipe(length=3, hidden=(4,), gap=4, seed=2**63 - 1, seconds=0.5, variations=(variation,))
    samples, rate = soundfile.read(path, dtype="float32")
    assert rate == 44_100
    assert soundfile.info(path).subtype == "FLOAT"
    assert samples.tolist() == render(recipe).astype(np.float32).tolist()
    assert cli.main(["render", str(path), "--raw", "-o", str(tmp_path / "again.wav")]) == 0
    again, _ = soundfile.read(tmp_path / "again.wav")
    assert again.astype(np.float32).tolist() == samples.tolist()
    assert cli.main(["show", str(path)]) == 0
    assert "seed 2, amount 0.03" in capsys.readouterr().out
    options = ["--count", "1", "--candidates", "64", "--out", str(tmp_path)]
    assert cli.main(["vary", str(path), *options]) == 0
    assert tab.said == []


def test_another_clock_plays_the_same_samples_faster(tab):
    tab.keyboard.press("ArrowRight")
    # Repeated, it plays until it is stopped.
    tab.keyboard.press("r")
    tab.keyboard.press("g")
    tab.fill("#grow-clock", "88200")
    tab.press("#grow-clock", "Enter")
    tab.wait_for_function("() => grown")
    assert tab.input_value("#grow-seconds") == "0.2"
    assert tab.evaluate("() => grown.source.buffer.sampleRate") == 88_200
    digest = tab.evaluate(DIGESTS, [tab.evaluate("() => grownRecipe()")])[0]
    assert digest == raw_sha256(render(Recipe(length=3, hidden=(4,), gap=3, seed=2**63 - 1, seconds=0.4)))
    tab.click("#grow-reset")
    assert [tab.input_value(f"#grow-{name}") for name in ("seconds", "clock")] == ["0.4", "44100"]
    tab.keyboard.press("Escape")
    tab.wait_for_function("() => !grown")
    assert not tab.locator("#grow").is_visible()


def test_the_panel_says_what_it_cannot_do_and_long_work_can_be_stopped(tab):
    tab.keyboard.press("ArrowRight")
    tab.keyboard.press("g")
    said = "() => document.getElementById('grow-said').textContent"
    tab.fill("#grow-seconds", "601")
    tab.press("#grow-seconds", "Enter")
    assert tab.evaluate(said) == "601 s is not allowed; allowed: 0.001 to 600 s"
    tab.fill("#grow-seconds", "600")
    tab.press("#grow-seconds", "Enter")
    assert "too long for this page" in tab.evaluate(said)
    tab.fill("#grow-seconds", "200")
    tab.press("#grow-seconds", "Tab")
    tab.select_option("#grow-gap", "0")
    tab.click("#grow-hear")
    # The page goes on meanwhile.
    tab.wait_for_function("() => /original: rendering, [1-9]/.test(document.getElementById('grow-said').textContent)")
    tab.click("#grow-stop")
    tab.wait_for_function("() => document.getElementById('grow-said').textContent === 'stopped'")
    tab.fill("#grow-seconds", "0.3")
    tab.press("#grow-seconds", "Enter")
    tab.wait_for_function("() => document.getElementById('grow-said').textContent.startsWith('original: 0.3 s')")
    assert tab.said == []


def test_relatives_of_relatives_are_varied_again(tab):
    tab.keyboard.press("ArrowRight")
    tab.keyboard.press("g")
    for button, number in (("#grow-near", 3), ("#grow-far", 4)):
        tab.click(button)
        tab.wait_for_function("() => document.getElementById('grow-said').textContent.includes('choose one')")
        tab.locator("#relatives button").nth(number).click()
    chosen = tab.locator("#relatives [aria-pressed=true]")
    assert chosen.text_content() == "far 11"
    assert tab.evaluate("() => grownRecipe().variations") == [
        {"seed": "3", "amount": 0.003},
        {"seed": "11", "amount": 0.03},
    ]
    assert "varied 2 times" in tab.locator("#grow-facts").text_content()
    assert tab.locator("#relatives button").count() == 10


def test_only_the_page_s_own_worker_may_run(tab):
    refused = """(address) => new Promise((done) => {
      try {
        const worker = new Worker(address);
        worker.onerror = () => done("refused");
        worker.onmessage = () => done("ran");
      } catch { done("refused"); }
    })"""
    assert tab.evaluate(refused, "data:text/javascript,postMessage(1)") == "refused"
    # A worker has the page's policy: it asks for nothing.
    code = "fetch('data:,x').then(() => postMessage('asked'), () => postMessage('refused'))"
    asked = f"""() => new Promise((done) => {{
      const worker = new Worker(URL.createObjectURL(new Blob([`{code}`])));
      worker.onmessage = ({{ data }}) => done(data);
    }})"""
    assert tab.evaluate(asked) == "refused"


def test_the_page_without_sounds_is_small():
    assert len(page_html("x", "about", [], "cnndsd").encode()) < 120_000


def test_the_script_of_the_worker_is_that_of_the_page():
    page = page_html("x", "about", [], "cnndsd")
    digests = re.findall(r"sha256-([^']+)", page.split("script-src")[1].split('"')[0])
    scripts = re.findall(r"<script(?: id=\"renderer\")?>(.*?)</script>", page, re.DOTALL)
    assert len(digests) == len(scripts) == 2
    assert [hashlib.sha256(script.encode()).digest().hex() for script in scripts] == [
        base64.b64decode(digest).hex() for digest in digests
    ]
