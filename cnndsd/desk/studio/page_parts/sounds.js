// ---- from a network's outputs to a sound in the air

const audio = new AudioContext({ latencyHint: "interactive" });
const FADE_IN_S = 0.001, FADE_OUT_S = 0.02, STOP_S = 0.005, HIGHPASS_HZ = 20;
// As loud as the finished file is about: its loudness is not measured here.
const RMS = 0.14, PEAK = 0.89;
let source = null, playing = null;
// How many sounds were started; the last one, and how long after what asked for it that was, in milliseconds.
const heard = { count: 0, since: 0, tile: null };

function samplesOf(tile) {
  if (tile.buffer) return tile.buffer;
  const rate = tile.recipe.sample_rate, channels = [tile.steps, tile.second].filter(Boolean).map((text) => centered(tile, text));
  tile.steps = tile.second = null;
  const peaks = channels.map(peakOf), peak = Math.max(...peaks);
  let first = tile.samples - 1, last = 0;
  for (const sound of channels) {
    let from = 0, to = tile.samples - 1;
    while (from < first && Math.abs(sound[from]) < peak / 1000) from++;
    while (to > last && Math.abs(sound[to]) < peak / 1000) to--;
    first = Math.min(first, from);
    last = Math.max(last, to);
  }
  const gain = Math.min(...channels.map((sound) => gainOf(sound, peak)));
  tile.buffer = audio.createBuffer(channels.length, Math.max(1, last + 1 - first), rate);
  channels.forEach((sound, i) => {
    const shown = tile.buffer.getChannelData(i);
    shown.set(sound.subarray(first, first + shown.length));
    shape(shown, rate, gain);
  });
  return tile.buffer;
}

function numbersOf(text) {
  const letters = atob(text), bytes = new Uint8Array(letters.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = letters.charCodeAt(i);
  return new Float32Array(bytes.buffer);
}

// Band-limited interpolation, as the finished file has it: a sinc under Kaiser's window, over so many steps on both sides.
const REACH = 16, TAPS = 2 * REACH + 1, BETA = 0.1102 * (100 - 8.7);
const isSmooth = ({ recipe, hold }) => recipe.interpolation === "bandlimited" && hold > 1;

// The modified Bessel function of the first kind and order 0, by its series.
function bessel(x) {
  let sum = 1;
  for (let k = 1, term = 1; term > 1e-12 * sum; k++) sum += term *= (x / (2 * k)) ** 2;
  return sum;
}

const filters = new Map();
function filterOf(hold) {
  if (!filters.has(hold)) {
    const rows = new Float64Array(hold * TAPS);
    for (let phase = 0; phase < hold; phase++) {
      const row = rows.subarray(phase * TAPS, (phase + 1) * TAPS);
      row.forEach((_, k) => {
        const time = phase / hold + REACH - k, inside = 1 - (time / REACH) ** 2;
        if (inside >= 0) row[k] = (time ? Math.sin(Math.PI * time) / (Math.PI * time) : 1) * bessel(BETA * Math.sqrt(inside));
      });
      const sum = row.reduce((a, b) => a + b);
      row.forEach((value, k) => { row[k] = value / sum; });
    }
    filters.set(hold, rows);
  }
  return filters.get(hold);
}

function smoothed(steps, hold, samples) {
  const rows = filterOf(hold), out = new Float32Array(samples), around = new Float32Array(steps.length + 2 * REACH + 2);
  around.fill(steps[0], 0, REACH + 1);
  around.set(steps, REACH + 1);
  around.fill(steps.at(-1), REACH + 1 + steps.length);
  for (let n = 0; n < samples; n++) {
    const at = n - (hold >> 1), step = Math.floor(at / hold), row = (at - step * hold) * TAPS;
    let sum = 0;
    for (let k = 0; k < TAPS; k++) sum += around[step + 1 + k] * rows[row + k];
    out[n] = sum;
  }
  return out;
}

// One channel: its steps are held or joined, and its slow part is taken away, as the mastering does.
function centered(tile, text) {
  const { samples, recipe } = tile, own = numbersOf(text), hold = isSmooth(tile) ? 1 : tile.hold;
  const steps = isSmooth(tile) ? smoothed(own, tile.hold, samples) : own, sound = new Float32Array(samples), share = 1 - Math.exp((-2 * Math.PI * HIGHPASS_HZ) / recipe.sample_rate);
  let slow = 0;
  for (const step of steps) slow += step / steps.length;
  for (let i = 0, s = 0; i < samples; s++) {
    const step = steps[s];
    for (const end = Math.min(samples, i + hold); i < end; i++) {
      slow += share * (step - slow);
      sound[i] = step - slow;
    }
  }
  return sound;
}

function peakOf(sound) {
  let peak = 1e-9;
  for (const value of sound) if (value > peak) peak = value; else if (-value > peak) peak = -value;
  return peak;
}

function gainOf(sound, peak) {
  let power = 0, count = 0;
  for (let i = 0; i < sound.length; i++) {
    if (Math.abs(sound[i]) > peak / 10) {
      power += sound[i] * sound[i];
      count++;
    }
  }
  return Math.min(PEAK / peak, RMS / Math.sqrt(power / Math.max(1, count)));
}

function shape(sound, rate, gain) {
  const fadeIn = Math.min(sound.length, Math.round(FADE_IN_S * rate)), fadeOut = Math.min(sound.length, Math.round(FADE_OUT_S * rate));
  for (let i = 0; i < sound.length; i++) sound[i] *= gain;
  for (let i = 0; i < fadeIn; i++) sound[i] *= i / fadeIn;
  for (let i = 0; i < fadeOut; i++) sound[sound.length - 1 - i] *= i / fadeOut;
}

function stop() {
  if (!source) return;
  const { node, level } = source;
  level.gain.setTargetAtTime(0, audio.currentTime, STOP_S / 3);
  node.stop(audio.currentTime + 3 * STOP_S);
  source = playing = null;
}

// Play a sound. `since`: the time of what asked for it, for measurements. `sound`: its finished file, in its place.
function play(tile, since = performance.now(), sound = { buffer: samplesOf(tile), isLoop: false }) {
  if (audio.state === "suspended") audio.resume();
  stop();
  const node = audio.createBufferSource(), level = audio.createGain();
  node.buffer = sound.buffer;
  node.loop = sound.isLoop;
  node.connect(level).connect(audio.destination);
  node.start();
  source = { node, level, begun: audio.currentTime };
  playing = tile.id;
  heard.count++;
  heard.tile = tile.id;
  heard.since = performance.now() - since;
  node.addEventListener("ended", () => {
    if (source?.node === node) source = playing = null;
  });
  requestAnimationFrame(moveHead);
}

function moveHead() {
  for (const head of document.querySelectorAll(".head.moves")) {
    if (Number(head.dataset.tile) !== playing) {
      head.classList.remove("moves");
      head.style.opacity = 0;
    }
  }
  if (!source) return;
  const head = cardOf(playing)?.querySelector(".head");
  if (head) {
    const times = (audio.currentTime - source.begun) / source.node.buffer.duration, part = source.node.loop ? times % 1 : Math.min(1, times);
    head.classList.add("moves");
    head.style.opacity = 0.85;
    head.style.transform = `translateX(${part * head.parentElement.clientWidth}px)`;
  }
  requestAnimationFrame(moveHead);
}
