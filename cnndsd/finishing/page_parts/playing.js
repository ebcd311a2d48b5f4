// ---- selecting and playing

// A browser's player leaves a gap when it repeats a file, and of files next to the page it gives no samples. So loops in
// time are in the page, and play from there by Web Audio, to the sample and on one clock. All else plays as a file.
const player = new Audio();
let mixer = null;
// The first bar line of the loops that run, and the length of a bar, in seconds of the mixer's clock.
let clock = null;
// By sound: the loops that run or wait for their bar line.
const running = new Map();
const loading = new Set();
const decoded = new Map();
// So many decoded loops are kept, and so many seconds ahead a start or stop is scheduled.
const DECODED = 32, AHEAD_S = 0.03, FADE_S = 0.005;

const isOn = (id) => at(id).getAttribute("aria-pressed") === "true";
const say = (text) => { at("now").textContent = text; };
const isPlaying = () => player.src && !player.paused && !player.ended;

function select(sound) {
  const before = current;
  current = sound;
  reach(sound);
  if (before) showState(before);
  showState(sound);
  showNow();
  drawMap();
}

function reach(sound) {
  reachable = sound;
  showReachable();
}

function go(sound) {
  if (sound !== current) select(sound);
  if (map.parentElement.hidden) bringIntoView(sound);
  if (document.activeElement !== map) sound.card?.focus({ preventScroll: true });
}

function play(sound) {
  go(sound);
  stopGrown();
  if (pack.rendered) playRendered(sound);
  else if (sound.looks?.copy) playLoop(sound);
  else playFile(sound);
}

function playFile(sound) {
  if (!isOn("together")) stopLoops();
  const from = address(sound);
  if (player.dataset.from !== from) {
    player.dataset.from = from;
    player.src = from;
  }
  if (player.sound && player.sound !== sound) moveHead(player.sound, null);
  player.sound = sound;
  player.loop = isOn("loop") || isBarLoop(sound);
  player.currentTime = 0;
  player.play().then(follow, (error) => {
    if (error.name === "AbortError") return;
    player.dataset.from = "";
    say(`${sound.file} cannot be played: unpack the zip, so that the folders are next to this page`);
  });
}

// ---- loops in time

async function playLoop(sound) {
  const isTogether = isOn("together"), loop = sound.looks.copy;
  if (isTogether && running.has(sound)) return stopAtBar(sound);
  if (loading.delete(sound) && isTogether) return;
  if (!isTogether) loading.clear();
  loading.add(sound);
  try {
    openMixer(loop.sample_rate);
    await decode(sound);
  } catch {
    // Without the codec the file repeats, with a gap.
    sound.looks.copy = null;
    return loading.delete(sound) && playFile(sound);
  }
  if (!loading.delete(sound)) return;
  startLoop(sound);
}

function offerTogether() {
  at("together").parentElement.hidden = !sounds.some((sound) => sound.looks?.copy);
}

function openMixer(rate) {
  if (!mixer) {
    // At the loops' own rate nothing is resampled before the output.
    mixer = new AudioContext({ sampleRate: rate });
    mixer.volume = mixer.createGain();
    mixer.volume.connect(mixer.destination);
    setVolume();
  }
  mixer.resume();
}

async function decode(sound) {
  const { copy } = sound.looks;
  const buffer = decoded.get(sound) ?? joined(await mixer.decodeAudioData(bytes(copy.flac).buffer), copy);
  decoded.delete(sound);
  decoded.set(sound, buffer);
  if (decoded.size > DECODED) decoded.delete(decoded.keys().next().value);
}

// Resampled to the rate of the output, the end of the loop may differ from what is before its start: one fades into the
// other.
function joined(buffer, loop) {
  const [start, end] = [loop.start, loop.end].map((at) => Math.round(at * buffer.sampleRate / loop.sample_rate));
  for (let channel = 0; channel < buffer.numberOfChannels; channel++) {
    const samples = buffer.getChannelData(channel);
    for (let i = 1; i <= start; i++) {
      samples[end - i] += (1 - (i - 1) / start) * (samples[start - i] - samples[end - i]);
    }
  }
  return buffer;
}

function startLoop(sound) {
  const { start, end, sample_rate: rate } = sound.looks.copy;
  const length = (end - start) / rate, bar = length / sound.looks.bars;
  const isFirst = !isOn("together") || !running.size;
  if (!isFirst && Math.abs(bar - clock.bar) > 0.001) {
    return say(`${stem(sound)} has another tempo than the loops that play`);
  }
  if (isFirst) {
    stopAll();
    clock = { origin: wholeSample(mixer.currentTime + AHEAD_S), bar };
  }
  const from = isFirst ? clock.origin : nextBar();
  const source = mixer.createBufferSource(), gain = mixer.createGain();
  Object.assign(source, { buffer: decoded.get(sound), loop: true, loopStart: start / rate, loopEnd: end / rate });
  source.connect(gain).connect(mixer.volume);
  source.start(from, start / rate);
  const voice = { source, gain, from, length, isEnding: false };
  running.set(sound, voice);
  source.onended = () => {
    if (running.get(sound) === voice) ended(sound);
  };
  showState(sound);
  if (!isFirst) say(`${stem(sound)} starts at the next bar`);
  follow();
}

const wholeSample = (time) => Math.round(time * mixer.sampleRate) / mixer.sampleRate;

function nextBar() {
  const { origin, bar } = clock;
  return wholeSample(origin + Math.ceil((mixer.currentTime + AHEAD_S - origin) / bar) * bar);
}

function stopAtBar(sound) {
  const voice = running.get(sound);
  if (voice.isEnding) return;
  voice.isEnding = true;
  silence(voice, Math.max(nextBar(), voice.from));
  say(`${stem(sound)} stops at the next bar`);
}

function silence({ source, gain }, time) {
  gain.gain.setValueAtTime(1, Math.max(0, time - FADE_S));
  gain.gain.linearRampToValueAtTime(0, time);
  source.stop(time);
}

function ended(sound) {
  running.delete(sound);
  moveHead(sound, null);
  showState(sound);
}

function stopLoops() {
  loading.clear();
  for (const [sound, voice] of running) {
    silence(voice, mixer.currentTime + FADE_S);
    ended(sound);
  }
}

function stopAll() {
  player.pause();
  stopLoops();
  stopGrown();
}

function setVolume() {
  const volume = Number(at("volume").value) / 100;
  player.volume = volume;
  if (mixer) mixer.volume.gain.value = volume;
}

// ---- the line that shows where a sound is

let isFollowing = false;

function follow() {
  if (!isFollowing) requestAnimationFrame(moveHeads);
  isFollowing = true;
}

function moveHeads() {
  if (player.sound) moveHead(player.sound, isPlaying() ? player.currentTime / (player.duration || 1) : null);
  for (const [sound, { from, length }] of running) {
    const passed = mixer.currentTime - from;
    moveHead(sound, passed < 0 ? null : (passed % length) / length);
  }
  if (grown?.sound) moveHead(grown.sound, Math.max(0, mixer.currentTime - grown.from) / grown.source.buffer.duration % 1);
  isFollowing = isPlaying() || running.size > 0 || Boolean(grown);
  if (isFollowing) requestAnimationFrame(moveHeads);
}

function moveHead({ head, canvas }, share) {
  if (!head) return;
  head.style.opacity = share === null ? 0 : 0.8;
  if (share !== null) head.style.transform = `translateX(${share * canvas.clientWidth}px)`;
}
