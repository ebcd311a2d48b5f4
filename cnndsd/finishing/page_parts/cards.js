// ---- cards

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
  const item = document.createElement("li");
  const card = element("button", "card");
  card.tabIndex = -1;
  item.dataset.place = sound.place;
  sound.card = card;
  sound.item = item;
  sound.canvas = document.createElement("canvas");
  sound.head = element("span", "head");
  sound.facts = element("span", "facts");
  card.append(sound.canvas, sound.head, element("span", "name", stem(sound)), sound.facts);
  card.addEventListener("click", () => play(sound));
  makeDraggable(card, () => sound);
  item.append(card);
  showFacts(sound);
  showPick(sound);
  watcher.observe(item);
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
  sound.words = wordsOf(sound);
  sound.facts.lastChild.title = "score: the share of such sounds that a listener keeps, 0 to 1";
}

function showPick(sound) {
  sound.card.dataset.pick = sound.pick ?? "";
  const states = [sound.pick && (sound.pick === "keep" ? "kept" : "dropped"), running.has(sound) && "playing"];
  sound.card.setAttribute("aria-label", [
    stem(sound), ...moreOf(sound), `${seconds(sound).toFixed(1)} seconds`, `score ${sound.score.toFixed(2)}`,
    ...states.filter(Boolean),
  ].join(", "));
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
    offerTogether();
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
  for (const dot of document.querySelectorAll("[data-dot]")) dot.style.background = colours.kinds[dot.dataset.dot];
  for (const sound of sounds) {
    sound.isDrawn = false;
    if (sound.isSeen) draw(sound);
  }
  drawMap();
}
