// ---- knobs: the ranges of new networks, and the settings of one sound

const range = (from, to) => Array.from({ length: to - from + 1 }, (_, i) => from + i);
const SECONDS = [0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.7, 1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10, 15, 20];
const CLOCKS = [8000, 11025, 16000, 22050, 27500, 32000, 38000, 44100, 48000, 56000, 64000, 76000, 88200, 96000, 128000, 192000];
const PARTS = range(-40, 40).map((tenth) => tenth / 10);
const EVERY = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024];
const AMOUNTS = [0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1];
const SHARES = range(0, 20).map((part) => part / 20);
const SETTLED_MS = 350;
const USUAL = { share: 0.4, every: [1, 64], amount: [0.001, 0.05] };
const NOTES = ["C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B"];
const hz = (value) => `${(value / 1000).toFixed(value % 1000 ? 1 : 0)} kHz`;
const s = (value) => `${Number(value.toPrecision(3))} s`;
const percent = (value) => `${Math.round(100 * value)} %`;

const set = (name) => ({ get: (sound) => sound[name], set: (sound, value) => ({ ...sound, [name]: value }) });
const inAdjusting = (name) => ({
  get: (sound) => (sound.adjusting ?? USUAL)[name],
  set: (sound, value) => ({ ...sound, adjusting: { ...USUAL, ...sound.adjusting, [name]: value } }),
});
// Each with the values that its slider has, and what it does to the sound.
const KNOBS = [
  { id: "length", label: "length", values: range(1, 16), ...set("length"), lock: "length",
    line: "How far back it hears itself: short for tones and loops, long for rhythms and changes." },
  { id: "gap", label: "gap", values: range(0, 12), ...set("gap"), lock: "gap",
    line: "How often it computes: 0 mostly hiss, 2–4 bright and crunchy, 5–6 growls and rhythms, 7–8 dark and slow." },
  { id: "layers", label: "layers", values: range(0, 4), ...set("layers"), lock: "layers",
    line: "Hidden layers of the network. The lock holds their widths too." },
  { id: "width", label: "width", values: [...range(1, 12), 14, 16, 20, 24, 32, 48, 64], ...set("width"), heldBy: "layers",
    line: "Narrow (2–8) makes tones, hits and patterns; wide nearly always makes noise." },
  { id: "weights", label: "weights", values: PARTS, ...set("weights"), lock: "weights",
    line: "Range of the random numbers: wider is wilder, brighter, noisier. Below 0, more are silent." },
  { id: "biases", label: "biases", values: PARTS, ...set("biases"), lock: "biases",
    line: "The same for the numbers that each neuron adds." },
  { id: "seconds", label: "seconds", values: SECONDS, ...set("seconds"), lock: "seconds", unit: s,
    line: "How long a sound is before its silent ends are cut." },
  { id: "clock", label: "clock", values: CLOCKS, ...set("sample_rate"), lock: "clock", unit: hz, isOne: true,
    line: "Steps in a second: lower is deeper and slower, and changes nothing else." },
  { id: "share", label: "adjusting", values: SHARES, lock: "adjusting", unit: percent, isOne: true,
    get: (sound) => sound.adjusting?.share ?? 0,
    set: (sound, value) => ({ ...sound, adjusting: value ? { ...USUAL, ...sound.adjusting, share: value } : null }),
    line: "In so many networks the weights change while they sound: it drifts, breaks and recovers." },
  { id: "every", label: "… every", values: EVERY, ...inAdjusting("every"), heldBy: "adjusting",
    line: "Steps between two changes: few is restless." },
  { id: "amount", label: "… amount", values: AMOUNTS, ...inAdjusting("amount"), heldBy: "adjusting",
    line: "How far a weight moves at a time: large is unsteady and noisy." },
];
// Of the selected sound.
const OWN = [
  { id: "own-gap", label: "gap", values: range(0, 12), get: (r) => r.gap, change: (v) => ({ gap: v }), isOne: true,
    line: "Each step up is an octave lower, and half as fast." },
  { id: "own-seconds", label: "seconds", values: SECONDS, get: (r) => r.seconds, change: (v) => ({ seconds: v }), isOne: true, unit: s,
    line: "Longer, it goes on from where it ended." },
  { id: "own-clock", label: "clock", values: CLOCKS, get: (r) => r.sample_rate, change: (v) => ({ clock: v }), isOne: true, unit: hz,
    line: "As a tape that runs faster or slower." },
  { id: "own-adjusting", label: "adjusting", values: [0, ...AMOUNTS], get: (r) => r.adjusting?.amount ?? 0, isOne: true,
    unit: (value) => (value ? String(value) : "off"),
    change: (v, recipe) => ({ adjusting: v ? { every: recipe.adjusting?.every ?? 8, amount: v } : null }),
    line: "How far its weights move while it sounds; off: they stay." },
];

function place(values, value) {
  let best = 0;
  values.forEach((one, i) => { if (Math.abs(one - value) < Math.abs(values[best] - value)) best = i; });
  return best;
}

// A knob's own value stays exact although its slider has others.
function makeKnob(knob, onRelease) {
  const row = element("div", "knob"), track = element("div", "track"), output = element("output", "");
  const ends = knob.isOne ? [""] : [", least", ", most"];
  knob.inputs = ends.map((end) => {
    const input = Object.assign(element("input", ""), { type: "range", min: 0, max: knob.values.length - 1, step: 1 });
    input.setAttribute("aria-label", knob.label.replace("… ", "adjusting ") + end);
    input.dataset.knob = knob.id;
    input.addEventListener("input", () => {
      const [low, high] = knob.inputs;
      // The ends push each other.
      if (high && Number(low.value) > Number(high.value)) (input === low ? high : low).value = input.value;
      describe(knob, knob.inputs.map((one) => knob.values[one.value]));
    });
    // An arrow key moves by one step: whoever presses it several times wants the last one.
    let isByKey = false, waiting = 0;
    input.addEventListener("keydown", () => { isByKey = true; });
    input.addEventListener("pointerdown", () => { isByKey = false; });
    input.addEventListener("change", () => {
      clearTimeout(waiting);
      if (isByKey) waiting = setTimeout(release, SETTLED_MS);
      else release();
    });
    const release = () => {
      const values = knob.inputs.map((one, i) => Number(one.value) === knob.shownAt[i] ? knob.exact[i] : knob.values[one.value]);
      onRelease(knob.isOne ? values[0] : values);
    };
    return input;
  });
  track.append(...knob.inputs);
  row.append(element("span", "label", knob.label), output);
  Object.assign(knob, { row, output, track });
  if (knob.lock) {
    const lock = element("button", "lock", "Lock");
    lock.dataset.lock = knob.lock;
    lock.setAttribute("aria-pressed", "false");
    lock.setAttribute("aria-label", `lock ${knob.label}`);
    row.append(lock);
  }
  row.append(track);
  if (knob.line) row.append(element("span", "line", knob.line));
  return row;
}

function describe(knob, values) {
  const unit = knob.unit ?? String, [low, high] = knob.inputs, last = knob.values.length - 1;
  const text = values.length === 1 || values[0] === values[1] ? unit(values[0]) : `${unit(values[0])} – ${unit(values[1])}`;
  knob.output.textContent = text;
  knob.inputs.forEach((input, i) => input.setAttribute("aria-valuetext", unit(values[i])));
  knob.track.style.setProperty("--low", high ? `${(100 * low.value) / last}%` : "0%");
  knob.track.style.setProperty("--high", `${(100 * (high ?? low).value) / last}%`);
}

function showKnob(knob, value) {
  knob.exact = knob.isOne ? [value] : [...value];
  knob.shownAt = knob.exact.map((one) => place(knob.values, one));
  if (knob.inputs.includes(document.activeElement) && document.activeElement.matches(":active")) return;
  knob.inputs.forEach((input, i) => { input.value = knob.shownAt[i]; });
  describe(knob, knob.exact);
}

function makeKnobs() {
  for (const knob of KNOBS) {
    at("ranges").append(makeKnob(knob, (value) => {
      const name = knob.lock ?? knob.heldBy;
      if (!isLocked(name)) return act({ do: "turn", sound: knob.set(view.knobs.sound, value) }, { isRoll: true });
      showKnob(knob, knob.get(view.knobs.sound));
      say(`This does nothing while ${name} is locked: ${lockText(name, view.knobs.locks[name])}. Unlock it to hear other ranges.`, true);
    }));
  }
  for (const knob of OWN) {
    at("own").append(makeKnob(knob, (value) => {
      if (knownTile(current)) act({ do: "change", tile: current, ...knob.change(value, knownTile(current).recipe) }, { playsFirst: true });
    }));
  }
}

function showKnobs() {
  const { sound, locks } = view.knobs;
  for (const knob of KNOBS) {
    showKnob(knob, knob.get(sound));
    knob.row.classList.toggle("held", isLocked(knob.lock ?? knob.heldBy));
  }
  for (const button of document.querySelectorAll(".lock")) {
    const name = button.dataset.lock, own = button.closest(".knob") ? "" : ` ${name}`;
    button.setAttribute("aria-pressed", isLocked(name));
    button.textContent = isLocked(name) ? `Locked${own} ${lockText(name, locks[name])}` : `Lock${own}`;
  }
}

const isLocked = (name) => (view.knobs.locks[name] ?? null) !== null;

function lockText(name, value) {
  if (name === "tune") return NOTES[value % 12];
  if (name === "rhythm") return `${Math.round(value)} bpm`;
  if (name === "adjusting") return value.length ? String(value[0].amount) : "off";
  if (name === "clock") return hz(value);
  return Array.isArray(value) ? value.join(", ") || "none" : String(value);
}

function showOwn(tile) {
  for (const knob of OWN) showKnob(knob, knob.get(tile.recipe));
}
