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
  tile.seconds = tile.buffer.duration;
  channels.forEach((sound, i) => {
    const shown = tile.buffer.getChannelData(i);
    shown.set(sound.subarray(first, first + shown.length));
    shape(shown, rate, gain);
  });
  return tile.buffer;
}

// One channel: each step is held, and its slow part is taken away, as the mastering does.
function centered({ hold, samples, recipe }, text) {
  const steps = new Float32Array(Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)).buffer);
  const sound = new Float32Array(samples), share = 1 - Math.exp((-2 * Math.PI * HIGHPASS_HZ) / recipe.sample_rate);
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

// Play a sound. `since`: the time of what asked for it, for measurements.
function play(tile, since = performance.now()) {
  if (audio.state === "suspended") audio.resume();
  stop();
  const buffer = samplesOf(tile), node = audio.createBufferSource(), level = audio.createGain();
  node.buffer = buffer;
  node.connect(level).connect(audio.destination);
  node.start();
  source = { node, level, begun: audio.currentTime, tile };
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
  const head = document.querySelector(`.head[data-tile="${playing}"]`);
  if (head) {
    const part = Math.min(1, (audio.currentTime - source.begun) / source.tile.seconds);
    head.classList.add("moves");
    head.style.opacity = 0.85;
    head.style.transform = `translateX(${part * head.parentElement.clientWidth}px)`;
  }
  requestAnimationFrame(moveHead);
}
