"use strict";
const pack = JSON.parse(document.getElementById("data").textContent);
const at = (id) => document.getElementById(id);
const list = at("list"), map = at("map"), player = new Audio();
// One object per sound: its data, its card, and whether its picture is drawn.
const sounds = pack.sounds.map((sound, place) => ({ ...sound, place, isDrawn: false }));
let shown = sounds, current = null, reachable = null, colours = null;

// ---- names and numbers

const stems = pack.sounds.map((sound) => sound.file.split("/").pop().replace(/\.\w+$/, ""));
// The prefix that all names share is not shown.
const prefix = stems.length < 2 ? "" : stems.reduce((shared, stem) => {
  while (!stem.startsWith(shared)) shared = shared.replace(/[^_]*_?$/, "");
  return shared;
}, stems[0].replace(/[^_]*$/, ""));
const stem = (sound) => stems[sound.place].slice(prefix.length);
const address = (sound) => (sound.preview ?? sound.file).split("/").map(encodeURIComponent).join("/");
const seconds = (sound) => sound.looks ? sound.looks.seconds : sound.heard_s;
const sorts = new Map([
  ["place", ["order", (s) => s.place]],
  ["score", ["score", (s) => -s.score]],
  ["name", ["name", (s) => stem(s).toLowerCase()]],
  ["seconds", ["length (s)", seconds]],
  ...pack.descriptors.map(([name, label], i) => [name, [label, (s) => s.measures[i]]]),
]);
const factsOf = (sound) => [
  sound.kind,
  sound.looks?.note,
  sound.looks?.tempo_bpm && `${Math.round(sound.looks.tempo_bpm)} bpm`,
  sound.looks?.is_looped && "loop",
].filter(Boolean);
// The facts that are not in the name.
const moreOf = (sound) => factsOf(sound).filter((fact) => !stem(sound).split("_").includes(fact.replace(" ", "")));

// ---- cards

function element(tag, className, text) {
  const node = document.createElement(tag);
  node.className = className;
  if (text !== undefined) node.textContent = text;
  return node;
}

function makeCard(sound) {
  const item = document.createElement("li");
  const card = element("button", "card");
  card.tabIndex = -1;
  sound.card = card;
  sound.item = item;
  sound.canvas = document.createElement("canvas");
  sound.head = element("span", "head");
  sound.facts = element("span", "facts");
  card.append(sound.canvas, sound.head, element("span", "name", stem(sound)), sound.facts);
  card.addEventListener("click", () => play(sound));
  item.append(card);
  showFacts(sound);
  showPick(sound);
  watcher.observe(item);
}

function showFacts(sound) {
  const shownFacts = [...moreOf(sound), `${seconds(sound).toFixed(1)} s`, sound.score.toFixed(2)];
  sound.facts.replaceChildren(...shownFacts.map((fact) => element("span", "", fact)));
  sound.facts.lastChild.title = "score, 0 to 1";
}

function showPick(sound) {
  sound.card.dataset.pick = sound.pick ?? "";
  const state = sound.pick ? `, ${sound.pick === "keep" ? "kept" : "dropped"}` : "";
  sound.card.setAttribute(
    "aria-label", [stem(sound), ...moreOf(sound), `${seconds(sound).toFixed(1)} seconds`].join(", ") + state);
}

// ---- pictures, drawn when they come into view

const watcher = new IntersectionObserver((entries) => {
  for (const entry of entries) {
    const sound = sounds[entry.target.dataset.place];
    sound.isSeen = entry.isIntersecting;
    if (sound.isSeen) draw(sound);
  }
}, { rootMargin: "300px" });

async function draw(sound) {
  if (sound.isDrawn) return;
  sound.isDrawn = true;
  if (!sound.looks) {
    try {
      const response = await fetch(`looks/${sound.candidate}`);
      if (!response.ok) throw new Error(await response.text());
      sound.looks = await response.json();
    } catch (error) {
      sound.isDrawn = false;
      return say(`${stem(sound)}: ${error.message}`);
    }
    showFacts(sound);
    showPick(sound);
  }
  const { canvas, looks } = sound;
  canvas.width = 480;
  canvas.height = 224;
  const ink = canvas.getContext("2d");
  const wave = Int8Array.from(bytes(looks.wave));
  ink.fillStyle = colours.wave;
  const wide = canvas.width / pack.wave, middle = 40, high = 36;
  for (let column = 0; column < pack.wave; column++) {
    const low = wave[2 * column] / 127, top = wave[2 * column + 1] / 127;
    ink.fillRect(column * wide, middle - top * high, wide, Math.max(1, (top - low) * high));
  }
  ink.drawImage(spectrogram(bytes(looks.spectrum)), 0, 84, canvas.width, canvas.height - 84);
}

const bytes = (base64) => Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));

function spectrogram(packed) {
  const { columns, rows } = pack, image = new ImageData(columns, rows);
  for (let column = 0; column < columns; column++) {
    for (let row = 0; row < rows; row++) {
      const i = column * rows + row, byte = packed[i >> 1], shade = i & 1 ? byte & 15 : byte >> 4;
      image.data.set(colours.shades[shade], 4 * ((rows - 1 - row) * columns + column));
    }
  }
  const canvas = element("canvas", "");
  canvas.width = columns;
  canvas.height = rows;
  canvas.getContext("2d").putImageData(image, 0, 0);
  return canvas;
}

function takeColours() {
  const style = getComputedStyle(document.documentElement), of = (name) => style.getPropertyValue(name).trim();
  const isDark = matchMedia("(prefers-color-scheme: dark)").matches;
  const ramp = isDark
    ? [[16, 16, 20], [62, 24, 92], [168, 52, 92], [242, 130, 68], [252, 236, 190]]
    : [[255, 255, 255], [253, 222, 170], [238, 130, 84], [140, 40, 100], [30, 14, 50]];
  const shade = (value) => {
    const first = Math.min(ramp.length - 2, Math.floor(value * (ramp.length - 1))), part = value * (ramp.length - 1) - first;
    return [...ramp[first].map((low, i) => Math.round(low + (ramp[first + 1][i] - low) * part)), 255];
  };
  colours = {
    wave: of("--wave"), ink: of("--ink"), keep: of("--keep"), card: of("--card"),
    shades: Array.from({ length: 16 }, (_, i) => shade(i / 15)),
    kinds: Object.fromEntries(pack.kinds.map((kind, i) =>
      [kind, `hsl(${Math.round((i * 360) / pack.kinds.length)} 65% ${isDark ? 65 : 42}%)`])),
  };
  for (const dot of document.querySelectorAll("[data-kind] i")) {
    dot.style.background = colours.kinds[dot.parentElement.dataset.kind];
  }
  for (const sound of sounds) {
    sound.isDrawn = false;
    if (sound.isSeen) draw(sound);
  }
  drawMap();
}

// ---- playing

function select(sound) {
  if (current) {
    current.card.removeAttribute("aria-current");
    current.head.style.opacity = 0;
  }
  current = sound;
  reach(sound);
  sound.card.setAttribute("aria-current", "true");
  showNow();
  drawMap();
}

// The Tab key reaches one card; arrow keys move from there.
function reach(sound) {
  if (reachable) reachable.card.tabIndex = -1;
  reachable = sound;
  sound.card.tabIndex = 0;
}

function play(sound) {
  if (sound !== current) select(sound);
  if (document.activeElement !== map) sound.card.focus({ preventScroll: true });
  if (map.hidden) sound.card.scrollIntoView({ block: "nearest" });
  const from = pack.served ? `sounds/${sound.candidate}` : address(sound);
  if (player.dataset.from !== from) {
    player.dataset.from = from;
    player.src = from;
  }
  player.currentTime = 0;
  player.play().then(follow, (error) => {
    if (error.name === "AbortError") return;
    player.dataset.from = "";
    say(pack.served ? `${stem(sound)}: cannot be played (${error.message})`
      : `${sound.file} cannot be played: unpack the zip, so that the folders are next to this page`);
  });
}

function follow() {
  const sound = current;
  const update = () => {
    const isPlaying = sound === current && !player.paused && !player.ended;
    sound.head.style.opacity = isPlaying ? 0.8 : 0;
    if (!isPlaying) return;
    const share = player.currentTime / (player.duration || 1);
    sound.head.style.transform = `translateX(${share * sound.canvas.clientWidth}px)`;
    requestAnimationFrame(update);
  };
  update();
}

function showNow() {
  if (!current) return;
  const { why, pick } = current;
  say([stem(current), moreOf(current).join(", "), why.join(", ")].filter(Boolean).join(" · "));
  at("keep").setAttribute("aria-pressed", pick === "keep");
  at("drop").setAttribute("aria-pressed", pick === "drop");
}

const say = (text) => { at("now").textContent = text; };

// ---- picks

// The key of the picks in the browser's storage. Some browsers have no storage for a page from a file.
const memory = `cnndsd ${pack.title} ${pack.command}`;

function remembered() {
  try {
    return JSON.parse(localStorage.getItem(memory)) ?? {};
  } catch {
    return {};
  }
}

async function pick(sound, wish) {
  const before = sound.pick;
  sound.pick = before === wish ? null : wish;
  showPick(sound);
  showNow();
  showCounts();
  drawMap();
  if (pack.served) {
    try {
      const response = await fetch(`picks/${sound.candidate}`, {
        method: "PUT", headers: { "Content-Type": "application/json" }, body: JSON.stringify(sound.pick),
      });
      if (!response.ok) throw new Error(await response.text());
    } catch (error) {
      sound.pick = before;
      showPick(sound);
      showNow();
      showCounts();
      say(`${stem(sound)}: not saved (${error.message})`);
    }
    return;
  }
  try {
    const picks = Object.fromEntries(sounds.filter((s) => s.pick).map((s) => [s.candidate, s.pick]));
    localStorage.setItem(memory, JSON.stringify(picks));
  } catch { /* without storage, picks last until the page is closed */ }
}

const picked = (wish) => sounds.filter((sound) => sound.pick === wish);

// The sounds that are kept, or all that are not dropped when none is kept.
const wanted = () => picked("keep").length ? picked("keep") : sounds.filter((sound) => sound.pick !== "drop");

function showCounts() {
  at("picks-button").textContent = `List (${picked("keep").length})`;
  for (const option of at("picked").options) {
    if (option.value) {
      const count = option.value === "none" ? sounds.filter((s) => !s.pick).length : picked(option.value).length;
      option.textContent = `${option.dataset.label} ${count}`;
    }
  }
}

function showList() {
  const kept = picked("keep").length, dropped = picked("drop").length;
  at("picks-about").textContent = `${kept} kept, ${dropped} dropped. ` + (pack.served
    ? "Your choice is saved in the run. End this audition, then run the same pack command again to make the pack, or this one:"
    : `This command makes a pack of ${kept ? "the sounds you kept" : "all sounds you did not drop"}:`);
  at("picks-text").value = pack.command + wanted().map((sound) => sound.candidate).join(",");
  at("picks").showModal();
}

async function copy() {
  at("picks-text").select();
  try {
    await navigator.clipboard.writeText(at("picks-text").value);
  } catch {
    document.execCommand("copy");
  }
  at("copy").textContent = "Copied";
  setTimeout(() => { at("copy").textContent = "Copy"; }, 1500);
}

// ---- filters and order

function arrange() {
  const kinds = new Set([...at("kinds").querySelectorAll("[aria-pressed=true]")].map((button) => button.dataset.kind));
  const only = at("picked").value, [, key] = sorts.get(at("sort").value);
  const sign = at("direction").getAttribute("aria-pressed") === "true" ? -1 : 1;
  shown = sounds.filter((s) => (!kinds.size || kinds.has(s.kind)) && (!only || (s.pick ?? "none") === only));
  shown.sort((a, b) => {
    const x = key(a), y = key(b);
    return sign * (x < y ? -1 : x > y ? 1 : a.place - b.place);
  });
  list.replaceChildren(...shown.map((sound) => sound.item));
  at("none").hidden = shown.length > 0;
  if (shown.length && !shown.includes(reachable)) reach(shown[0]);
  drawMap();
}

function toggle(button) {
  button.setAttribute("aria-pressed", button.getAttribute("aria-pressed") !== "true");
}

// ---- moving between sounds

function move(by) {
  const from = shown.indexOf(current);
  const to = from < 0 ? (by > 0 ? 0 : shown.length - 1) : Math.min(shown.length - 1, Math.max(0, from + by));
  if (shown[to]) play(shown[to]);
}

function columns() {
  return getComputedStyle(list).gridTemplateColumns.split(" ").length;
}

const TOWARDS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };

function goOnMap([right, up]) {
  if (!current) return move(1);
  let best = null, least = Infinity;
  for (const sound of shown) {
    const x = sound.at[0] - current.at[0], y = sound.at[1] - current.at[1];
    const along = x * right + y * up, aside = Math.abs(x * up - y * right);
    // The nearest sound within 45 degrees of the arrow's direction.
    if (sound !== current && along > 0 && aside <= along && along + aside < least) [best, least] = [sound, along + aside];
  }
  if (best) play(best);
}

document.addEventListener("keydown", (event) => {
  const { key, target } = event;
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  if (target.matches("select, input, textarea")) return;
  const isButton = target.matches("button:not(.card)");
  const actions = {
    ArrowLeft: () => move(-1), ArrowRight: () => move(1), ArrowUp: () => move(-columns()), ArrowDown: () => move(columns()),
    Home: () => move(-sounds.length), End: () => move(sounds.length),
    k: () => current && pick(current, "keep"), d: () => current && pick(current, "drop"),
    m: () => at("map-button").click(), l: showList, "?": () => at("help").showModal(), Escape: () => player.pause(),
  };
  if (target === map && TOWARDS[key]) {
    event.preventDefault();
    goOnMap(TOWARDS[key]);
  } else if (key === " ") {
    // The space key presses a focused button or card by itself.
    if (isButton || target.matches(".card")) return;
    event.preventDefault();
    if (current) play(current);
  } else {
    const action = actions[key.length === 1 ? key.toLowerCase() : key];
    if (!action) return;
    event.preventDefault();
    action();
  }
});

// ---- the map

const EDGE = 18;
const onMap = (sound) => [
  EDGE + sound.at[0] * (map.clientWidth - 2 * EDGE), map.clientHeight - EDGE - sound.at[1] * (map.clientHeight - 2 * EDGE),
];

function drawMap() {
  if (map.hidden || !colours) return;
  const scale = devicePixelRatio || 1, ink = map.getContext("2d");
  map.width = map.clientWidth * scale;
  map.height = map.clientHeight * scale;
  ink.scale(scale, scale);
  for (const sound of shown) {
    const [x, y] = onMap(sound);
    ink.globalAlpha = sound.pick === "drop" ? 0.25 : 1;
    ink.fillStyle = colours.kinds[sound.kind];
    ink.beginPath();
    ink.arc(x, y, 3 + 6 * sound.score, 0, 7);
    ink.fill();
    if (sound.pick === "keep" || sound === current) {
      ink.strokeStyle = sound === current ? colours.ink : colours.keep;
      ink.lineWidth = 2.5;
      ink.stroke();
    }
  }
  ink.globalAlpha = 1;
  if (current && shown.includes(current)) {
    const [x, y] = onMap(current), isRight = x > map.clientWidth / 2;
    ink.fillStyle = colours.ink;
    ink.font = "600 13px system-ui, sans-serif";
    ink.textAlign = isRight ? "right" : "left";
    ink.lineWidth = 4;
    ink.strokeStyle = colours.card;
    ink.strokeText(stem(current), x + (isRight ? -14 : 14), y + 4);
    ink.fillText(stem(current), x + (isRight ? -14 : 14), y + 4);
  }
}

map.addEventListener("click", (event) => {
  let best = null, least = 30;
  for (const sound of shown) {
    const [x, y] = onMap(sound), away = Math.hypot(x - event.offsetX, y - event.offsetY);
    if (away < least) [best, least] = [sound, away];
  }
  if (best) play(best);
});

// ---- start

if (!pack.served) {
  const picks = remembered();
  for (const sound of sounds) sound.pick = picks[sound.candidate] ?? null;
}
for (const [value, [label]] of sorts) at("sort").add(new Option(label, value));
for (const kind of pack.kinds) {
  const count = sounds.filter((sound) => sound.kind === kind).length;
  if (!count) continue;
  const button = element("button", "");
  button.append(element("i", ""), `${kind} ${count}`);
  button.dataset.kind = kind;
  button.setAttribute("aria-pressed", "false");
  at("kinds").append(button);
}
for (const option of at("picked").options) option.dataset.label = option.textContent;
takeColours();
for (const sound of sounds) {
  makeCard(sound);
  sound.item.dataset.place = sound.place;
}
showCounts();
arrange();

at("kinds").addEventListener("click", (event) => {
  if (event.target.matches("button")) {
    toggle(event.target);
    arrange();
  }
});
at("sort").addEventListener("change", arrange);
at("picked").addEventListener("change", arrange);
at("direction").addEventListener("click", () => {
  toggle(at("direction"));
  arrange();
});
at("map-button").addEventListener("click", () => {
  map.hidden = !map.hidden;
  toggle(at("map-button"));
  drawMap();
  if (!map.hidden) map.focus();
});
at("help-button").addEventListener("click", () => at("help").showModal());
at("keep").addEventListener("click", () => current && pick(current, "keep"));
at("drop").addEventListener("click", () => current && pick(current, "drop"));
at("picks-button").addEventListener("click", showList);
at("copy").addEventListener("click", copy);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", takeColours);
addEventListener("resize", drawMap);
