// ---- growing: the page renders networks by itself

// Renders one recipe after the other in a worker, so that the page never waits.
class Renderer {
  #worker = null;
  #jobs = new Map();
  #last = 0;

  render(recipe, report = () => {}) {
    return new Promise((done, failed) => {
      this.#jobs.set(++this.#last, { done, failed, report });
      try {
        this.#worker ??= this.#begun();
        this.#worker.postMessage({ job: this.#last, recipe });
      } catch (error) {
        this.#fail(error);
      }
    });
  }

  // Ends what runs and what waits; their promises fail with an AbortError.
  stop() {
    if (this.#jobs.size) this.#fail(new DOMException("stopped", "AbortError"));
  }

  #begun() {
    const address = URL.createObjectURL(new Blob([at("renderer").textContent], { type: "text/javascript" }));
    const worker = new Worker(address);
    URL.revokeObjectURL(address);
    worker.onmessage = ({ data: { job, share, samples } }) => {
      const waiting = this.#jobs.get(job);
      if (!samples) return waiting.report(share);
      this.#jobs.delete(job);
      waiting.done(samples);
    };
    worker.onerror = (event) => this.#fail(new Error(event.message || "this browser allows no worker here"));
    return worker;
  }

  #fail(error) {
    this.#worker?.terminate();
    this.#worker = null;
    const jobs = [...this.#jobs.values()];
    this.#jobs.clear();
    for (const { failed } of jobs) failed(error);
  }
}

const renderer = new Renderer();
// The rendered sound that plays: ``sound`` is the card that it belongs to, if any.
let grown = null;

function stopGrown() {
  renderer.stop();
  if (!grown) return;
  grown.source.onended = null;
  grown.source.stop();
  if (grown.sound) moveHead(grown.sound, null);
  grown = null;
}

// What is heard of a network's output, which is between 0 and 1: without its offset, and up to where it comes to rest.
const HIGH_PASS_HZ = 10, REST = 1e-4, REST_S = 0.05;

function heardOf(samples, rate) {
  let end = samples.length;
  while (end > 1 && Math.abs(samples[end - 1] - samples.at(-1)) < REST) end--;
  const heard = new Float32Array(Math.min(samples.length, end + Math.round(REST_S * rate)));
  const kept = 1 - 2 * Math.PI * HIGH_PASS_HZ / rate;
  for (let i = 1; i < heard.length; i++) heard[i] = samples[i] - samples[i - 1] + kept * heard[i - 1];
  return heard;
}

// At about the level of finished sounds.
const LEVEL = 0.15, PEAK = 0.9;

function playSamples(samples, rate, sound) {
  stopAll();
  openMixer(Math.min(rate, 48000));
  const heard = heardOf(samples, rate), fade = Math.min(heard.length >> 1, Math.round(FADE_S * rate));
  let squares = 0, peak = 0;
  for (const sample of heard) {
    squares += sample * sample;
    peak = Math.max(peak, Math.abs(sample));
  }
  const gain = Math.min(PEAK / Math.max(peak, 1e-6), LEVEL / Math.max(Math.sqrt(squares / heard.length), 1e-6));
  for (let i = 0; i < heard.length; i++) heard[i] *= gain * Math.min(1, (i + 1) / fade, (heard.length - i) / fade);
  const source = mixer.createBufferSource();
  source.buffer = mixer.createBuffer(1, heard.length, rate);
  source.buffer.copyToChannel(heard, 0);
  source.loop = isOn("loop");
  source.connect(mixer.volume);
  source.start();
  source.onended = stopGrown;
  grown = { source, sound, from: mixer.currentTime };
  follow();
}

// ---- a page without files: its sounds are rendered when they are played or come into view

const painter = new Renderer();
// A picture must take less work than this, some tenths of a second.
const PICTURE_WORK = 3e7;

async function playRendered(sound) {
  const recipe = recipeOf(sound), why = refusal(recipe);
  if (why) return say(`${stem(sound)}: ${why}`);
  // Some browsers allow sound only at once after a click.
  openMixer(Math.min(recipe.sample_rate, 48000));
  try {
    const samples = await renderer.render(recipe, (share) => say(`${stem(sound)}: rendering, ${Math.round(100 * share)} %`));
    playSamples(samples, recipe.sample_rate, sound);
    showNow();
    showWave(sound, samples);
  } catch (error) {
    if (error.name !== "AbortError") say(`${stem(sound)}: cannot be rendered (${error.message})`);
  }
}

async function drawRendered(sound) {
  if (sound.wave) return drawTall(sound);
  const recipe = recipeOf(sound);
  if (workOf(recipe) > PICTURE_WORK || refusal(recipe)) return;
  try {
    await quiet();
    if (sound.isSeen) showWave(sound, await painter.render(recipe));
    sound.isDrawn = sound.isSeen;
  } catch {
    sound.isDrawn = false;
  }
}

// One picture at a time, so that none is rendered whose card is out of view again.
let before = Promise.resolve();
function quiet() {
  const turn = before;
  before = turn.then(() => new Promise((done) => setTimeout(done, 15)));
  return turn;
}

function showWave(sound, samples) {
  sound.wave = waveOf(samples, recipeOf(sound).sample_rate);
  if (sound.card) drawTall(sound);
}

const drawTall = (sound) => drawWave(blank(sound.canvas).getContext("2d"), sound.wave, 112, 100);

// Low and top of each column of what is heard, -127 to 127.
function waveOf(samples, rate) {
  const heard = heardOf(samples, rate), wave = new Int8Array(2 * pack.wave);
  let peak = 1e-6;
  for (const sample of heard) peak = Math.max(peak, Math.abs(sample));
  for (let column = 0; column < pack.wave; column++) {
    const from = Math.floor(column * heard.length / pack.wave);
    const to = Math.max(from + 1, Math.floor((column + 1) * heard.length / pack.wave));
    let [low, top] = [heard[from], heard[from]];
    for (let i = from + 1; i < to; i++) {
      low = Math.min(low, heard[i]);
      top = Math.max(top, heard[i]);
    }
    wave[2 * column] = Math.round(127 * low / peak);
    wave[2 * column + 1] = Math.round(127 * top / peak);
  }
  return wave;
}

// ---- the panel

// How far the numbers of relatives move, as a share of their range.
const NEAR = 0.003, FAR = 0.03, RELATIVES = 8;
// What the panel shows: the sound of the card, the sound and its relatives, which of them is chosen, and the settings.
let growing = null;

function showGrow() {
  if (!current || !shown.includes(current)) return say("Choose a sound first.");
  stopAll();
  const recipe = recipeOf(current), own = { label: "original", variations: recipe.variations };
  growing = { sound: current, recipe, family: [own], chosen: own, made: 0 };
  at("grow-name").textContent = stem(current);
  resetGrow();
  showFamily();
  at("grow").showModal();
  at("grow-hear").focus();
}

function resetGrow() {
  const { seconds, sample_rate, gap } = growing.recipe;
  growing.settings = { seconds, sample_rate, gap };
  showSettings();
}

const grownRecipe = (one = growing.chosen) => ({ ...growing.recipe, ...growing.settings, variations: one.variations });

function showSettings() {
  const recipe = grownRecipe(), { seconds, sample_rate, gap } = growing.settings, varied = recipe.variations.length;
  at("grow-seconds").value = Number(seconds.toPrecision(6));
  at("grow-clock").value = sample_rate;
  at("grow-gap").value = gap;
  at("grow-facts").textContent = [
    counted(recipe.length, "input"), recipe.hidden.length ? `layers of ${recipe.hidden.join(", ")}` : "no layers between",
    `${recipe.precision} precision`, recipe.adjusting && "its weights move", varied && `varied ${varied === 1 ? "once" : `${varied} times`}`,
  ].filter(Boolean).join(" · ");
  tell(refusal(recipe));
}

function takeSettings(event) {
  const { settings } = growing, value = Number(event.target.value);
  if (event.target.id === "grow-clock") {
    // The same samples, faster or slower.
    if (value >= 8000 && value <= 192000) settings.seconds = Math.min(600, samplesOf(grownRecipe()) / value);
    settings.sample_rate = value;
  } else {
    settings[event.target.id === "grow-gap" ? "gap" : "seconds"] = value;
  }
  for (const one of growing.family) one.samples = null;
  showSettings();
  if (growing.family.length > 1) renderFamily();
}

const tell = (text) => { at("grow-said").textContent = text; };

// The samples of one of the family, rendered once; nothing when it cannot be.
async function samplesOfOne(one, by = renderer) {
  const recipe = grownRecipe(one), text = recipeText(recipe), why = refusal(recipe);
  if (why) return tell(why);
  const about = `${one.label}: ${lengthOfTime(recipe.seconds)}`;
  if (one.samples && one.text === text) {
    tell(about);
    return one.samples;
  }
  const start = performance.now();
  try {
    const samples = await by.render(recipe, (share) => tell(`${one.label}: rendering, ${Math.round(100 * share)} %`));
    const took = (performance.now() - start) / 1000;
    tell(`${about}, rendered in ${lengthOfTime(took)}`);
    Object.assign(one, { samples, text });
    drawRelative(one);
    return samples;
  } catch (error) {
    tell(error.name === "AbortError" ? "stopped" : `cannot be rendered (${error.message})`);
  }
}

const lengthOfTime = (value) => `${Number(value.toPrecision(2))} s`;

async function hearGrown() {
  const one = growing.chosen;
  stopAll();
  openMixer(Math.min(growing.recipe.sample_rate, 48000));
  const samples = await samplesOfOne(one);
  if (samples && one === growing.chosen && at("grow").open) playSamples(samples, growing.settings.sample_rate, null);
}

async function growRelatives(amount) {
  const of = growing.chosen, name = amount === NEAR ? "near" : "far";
  // A second channel has one variation more.
  if (sizeOf(of.variations) + (growing.recipe.wide ? 1 : 0) >= MOST_VARIATIONS) {
    return tell(`a sound can be varied ${MOST_VARIATIONS} times`);
  }
  stopAll();
  const relatives = Array.from({ length: RELATIVES }, () => {
    const seed = String(++growing.made);
    return { label: `${name} ${seed}`, variations: [...of.variations, { seed, amount }] };
  });
  growing.family = of === growing.family[0] ? [of, ...relatives] : [growing.family[0], of, ...relatives];
  showFamily();
  if (await renderFamily()) tell(`${RELATIVES} ${name} relatives of ${of.label}: choose one to hear it`);
}

// Beside what is heard, in a worker of its own. Returns whether all are there.
const breeder = new Renderer();

async function renderFamily() {
  breeder.stop();
  for (const one of growing.family) if (!await samplesOfOne(one, breeder)) return false;
  return true;
}

function stopGrowing() {
  breeder.stop();
  stopGrown();
}

function showFamily() {
  const { family } = growing;
  at("relatives").replaceChildren(...family.length < 2 ? [] : family.map((one) => {
    const button = element("button", "");
    one.canvas = element("canvas", "");
    button.append(one.canvas, one.label);
    button.addEventListener("click", () => {
      growing.chosen = one;
      showChosen();
      showSettings();
      hearGrown();
    });
    drawRelative(one);
    return button;
  }));
  showChosen();
}

function drawRelative({ samples, canvas }) {
  if (samples && canvas) drawWave(blank(canvas).getContext("2d"), waveOf(samples, growing.settings.sample_rate), 112, 100);
}

function showChosen() {
  [...at("relatives").children].forEach((button, i) => button.setAttribute("aria-pressed", growing.family[i] === growing.chosen));
}

async function saveGrown() {
  const one = growing.chosen, samples = await samplesOfOne(one);
  if (!samples) return;
  const link = element("a", ""), file = new Blob([wavOf(samples, grownRecipe(one))], { type: "audio/wav" });
  link.href = URL.createObjectURL(file);
  link.download = `${stems[growing.sound.place]}_${one.label.replace(" ", "")}_raw.wav`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  tell(`${link.download}: cnndsd render and cnndsd vary read the recipe in it`);
}

for (let gap = 0; gap <= 12; gap++) at("grow-gap").add(new Option(gap, gap));
for (const id of ["grow-seconds", "grow-clock", "grow-gap"]) at(id).addEventListener("change", takeSettings);
for (const id of ["grow-seconds", "grow-clock"]) {
  at(id).addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    takeSettings(event);
    hearGrown();
  });
}
at("grow-reset").addEventListener("click", () => {
  growing.chosen = growing.family[0];
  resetGrow();
  showFamily();
});
at("grow-hear").addEventListener("click", hearGrown);
at("grow-stop").addEventListener("click", stopGrowing);
at("grow-near").addEventListener("click", () => growRelatives(NEAR));
at("grow-far").addEventListener("click", () => growRelatives(FAR));
at("grow-save").addEventListener("click", saveGrown);
at("grow").addEventListener("close", stopGrowing);
