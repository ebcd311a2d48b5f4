// ---- cards: only those in view are in the document

function element(tag, className, text) {
  const node = document.createElement(tag);
  node.className = className;
  if (text !== undefined) node.textContent = text;
  return node;
}

// In the colour of a kind.
function dot(kind) {
  const node = element("i", "");
  node.dataset.dot = kind;
  return node;
}

function makeCard(sound) {
  const item = document.createElement("li"), card = element("button", "card");
  const canvas = blank(spare.pop() ?? element("canvas", "")), head = element("span", "head"), facts = element("span", "facts");
  Object.assign(sound, { card, item, canvas, head, facts, isSeen: true });
  card.append(canvas, head, element("span", "name", stem(sound)), facts);
  card.addEventListener("click", () => play(sound));
  if (!pack.rendered) makeDraggable(card, () => sound);
  item.append(card);
  showFacts(sound);
  showState(sound);
  drawSoon(sound);
}

// Canvases of cards that are out of view again.
const spare = [];

function removeCard(sound) {
  const isFocused = sound.card === document.activeElement;
  spare.push(sound.canvas);
  sound.item.remove();
  Object.assign(sound, { card: null, item: null, canvas: null, head: null, facts: null, isSeen: false, isDrawn: false });
  // Keys go on from the selected sound, wherever it is.
  if (isFocused) list.focus({ preventScroll: true });
}

// Rows of cards above and below the window that are in the document, too.
const ROWS_BEYOND = 2;
let inView = [];

function columns() {
  return getComputedStyle(list).gridTemplateColumns.split(" ").length;
}

// From one row to the next, in pixels. All cards are equally high.
function rowHeight() {
  if (!list.firstElementChild) putInView(0, 1);
  return list.firstElementChild ? list.firstElementChild.getBoundingClientRect().height + parseFloat(getComputedStyle(list).rowGap) : 1;
}

function showCards() {
  const wide = columns(), high = rowHeight(), rows = Math.ceil(shown.length / wide);
  // Where the list gets shorter, the browser scrolls to its end, later.
  list.style.height = `${rows * high}px`;
  const top = Math.max(list.getBoundingClientRect().top, innerHeight - rows * high);
  const first = Math.max(0, Math.floor(-top / high) - ROWS_BEYOND);
  const last = Math.max(0, Math.min(rows, Math.ceil((innerHeight - top) / high) + ROWS_BEYOND));
  list.style.paddingTop = `${first * high}px`;
  putInView(first * wide, last * wide);
}

function putInView(first, last) {
  const wanted = shown.slice(first, last), kept = new Set(wanted);
  for (const sound of inView) if (!kept.has(sound)) removeCard(sound);
  inView = wanted;
  let next = list.firstElementChild;
  wanted.forEach((sound, i) => {
    if (!sound.card) makeCard(sound);
    if (sound.item === next) next = next.nextElementSibling;
    else list.insertBefore(sound.item, next);
    sound.item.setAttribute("aria-posinset", first + i + 1);
    sound.item.setAttribute("aria-setsize", shown.length);
  });
  showReachable();
}

// The Tab key reaches one card; arrow keys move from there.
function showReachable() {
  const one = inView.includes(reachable) ? reachable : inView[0];
  for (const sound of inView) sound.card.tabIndex = sound === one ? 0 : -1;
}

function bringIntoView(sound) {
  if (!sound.card) {
    const row = Math.floor(shown.indexOf(sound) / columns());
    scrollTo({ top: list.getBoundingClientRect().top + scrollY + (row + 0.5) * rowHeight() - innerHeight / 2 });
    showCards();
  }
  sound.card.scrollIntoView({ block: "nearest" });
}

// Dropped on the desktop or on a program, the sound is its file, where browser and program agree on that.
const MEDIA = { wav: "audio/wav", flac: "audio/flac", ogg: "audio/ogg", mp3: "audio/mpeg" };

function makeDraggable(node, soundOf) {
  node.draggable = true;
  node.addEventListener("dragstart", (event) => {
    const sound = soundOf(), name = fileName(sound), url = new URL(fileAddress(sound), location.href).href;
    const media = MEDIA[name.split(".").pop()];
    if (media) event.dataTransfer.setData("DownloadURL", `${media}:${name}:${url}`);
    event.dataTransfer.setData("text/uri-list", url);
    event.dataTransfer.setData("text/plain", url);
    event.dataTransfer.effectAllowed = "copy";
  });
}

function showFacts(sound) {
  const shownFacts = [...moreOf(sound), lengthOf(sound), sound.score.toFixed(2)];
  sound.facts.replaceChildren(...shownFacts.map((fact) => element("span", "", fact)));
  sound.facts.lastChild.title = "score: the share of such sounds that a listener keeps, 0 to 1";
}

// Whether a sound is selected, picked, and playing.
function showState(sound) {
  if (!sound.card) return;
  if (sound === current) sound.card.setAttribute("aria-current", "true");
  else sound.card.removeAttribute("aria-current");
  if (running.has(sound)) sound.card.dataset.sounds = "yes";
  else delete sound.card.dataset.sounds;
  sound.card.dataset.pick = sound.pick ?? "";
  const states = [sound.pick && (sound.pick === "keep" ? "kept" : "dropped"), running.has(sound) && "playing"];
  sound.card.setAttribute("aria-label", [
    stem(sound), ...moreOf(sound), `${seconds(sound).toFixed(1)} seconds`, `score ${sound.score.toFixed(2)}`,
    ...states.filter(Boolean),
  ].join(", "));
}

// ---- pictures, drawn when they come into view

// So many milliseconds of a frame are for pictures: scrolling stays smooth.
const DRAWING_MS = 6;
const toDraw = new Set();

function drawSoon(sound) {
  if (!toDraw.size) requestAnimationFrame(drawSome);
  toDraw.add(sound);
}

function drawSome() {
  const end = performance.now() + DRAWING_MS;
  for (const sound of toDraw) {
    toDraw.delete(sound);
    if (sound.isSeen) draw(sound);
    if (performance.now() > end) break;
  }
  if (toDraw.size) requestAnimationFrame(drawSome);
}

function draw(sound) {
  if (sound.isDrawn) return;
  sound.isDrawn = true;
  if (!sound.looks) return drawRendered(sound);
  const { canvas, looks } = sound, ink = blank(canvas).getContext("2d");
  drawWave(ink, Int8Array.from(bytes(looks.wave)), 40, 36);
  ink.drawImage(spectrogram(bytes(looks.spectrum)), 0, 84, canvas.width, canvas.height - 84);
}

function blank(canvas) {
  if (canvas.width === 480) canvas.getContext("2d").clearRect(0, 0, 480, 224);
  else Object.assign(canvas, { width: 480, height: 224 });
  return canvas;
}

// Low and top of every column, -127 to 127.
function drawWave(ink, wave, middle, high) {
  const wide = 480 / pack.wave, least = high / 36;
  ink.fillStyle = colours.wave;
  for (let column = 0; column < pack.wave; column++) {
    const low = wave[2 * column] / 127, top = wave[2 * column + 1] / 127;
    ink.fillRect(column * wide, middle - top * high, wide, Math.max(least, (top - low) * high));
  }
}

const bytes = (base64) => Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));

// One canvas for all: it is copied to the card at once.
const small = Object.assign(document.createElement("canvas"), { width: pack.columns, height: pack.rows });

function spectrogram(packed) {
  const { columns, rows } = pack, image = new ImageData(columns, rows), pixels = new Uint32Array(image.data.buffer);
  for (let column = 0; column < columns; column++) {
    for (let row = 0; row < rows; row++) {
      const i = column * rows + row, byte = packed[i >> 1], shade = i & 1 ? byte & 15 : byte >> 4;
      pixels[(rows - 1 - row) * columns + column] = colours.shades[shade];
    }
  }
  small.getContext("2d").putImageData(image, 0, 0);
  return small;
}

function takeColours() {
  const style = getComputedStyle(document.documentElement), of = (name) => style.getPropertyValue(name).trim();
  const isDark = matchMedia("(prefers-color-scheme: dark)").matches;
  const ramp = isDark
    ? [[16, 16, 20], [62, 24, 92], [168, 52, 92], [242, 130, 68], [252, 236, 190]]
    : [[255, 255, 255], [253, 222, 170], [238, 130, 84], [140, 40, 100], [30, 14, 50]];
  const shade = (value) => {
    const first = Math.min(ramp.length - 2, Math.floor(value * (ramp.length - 1))), part = value * (ramp.length - 1) - first;
    const colour = ramp[first].map((low, i) => Math.round(low + (ramp[first + 1][i] - low) * part));
    return new Uint32Array(Uint8Array.of(...colour, 255).buffer)[0];
  };
  colours = {
    wave: of("--wave"), ink: of("--ink"), keep: of("--keep"), card: of("--card"),
    shades: Array.from({ length: 16 }, (_, i) => shade(i / 15)),
    kinds: Object.fromEntries(pack.kinds.map((kind, i) =>
      [kind, `hsl(${Math.round((i * 360) / pack.kinds.length)} 65% ${isDark ? 65 : 42}%)`])),
  };
  for (const dot of document.querySelectorAll("[data-dot]")) dot.style.background = colours.kinds[dot.dataset.dot];
  for (const sound of inView) {
    sound.isDrawn = false;
    drawSoon(sound);
  }
  drawMap();
}
