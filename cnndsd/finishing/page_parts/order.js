// ---- filters and order

// Of which sound the similar ones are shown, if any; and where the selected sound stood when a filter took it away.
let similarTo = null, gap = 0;

function arrange() {
  const before = shown.indexOf(current);
  shown = similarTo ? [similarTo, ...similarTo.near.map((place) => sounds[place])] : inOrder(sounds.filter(matcher()));
  const focused = document.activeElement;
  showCards();
  at("none").hidden = shown.length > 0;
  at("shown").textContent = shown.length < sounds.length ? `${shown.length} of ${sounds.length}` : "";
  at("similar").setAttribute("aria-pressed", Boolean(similarTo));
  if (current && !shown.includes(current)) {
    if (before >= 0) gap = before;
    if (shown.length) reach(shown[Math.min(gap, shown.length - 1)]);
  } else if (shown.length && !shown.includes(reachable)) {
    reach(shown[0]);
  }
  // A card that is moved loses the focus.
  if (focused.matches(".card")) (focused.isConnected ? focused : reachable?.card)?.focus({ preventScroll: true });
  drawMap();
}

function matcher() {
  const kinds = new Set([...at("kinds").querySelectorAll("[aria-pressed=true]")].map((button) => button.dataset.kind));
  const [picked, note, tempoWish] = ["picked", "note", "tempo"].map((id) => at(id).value);
  const words = at("search").value.toLowerCase().split(/\s+/).filter(Boolean);
  return (sound) =>
    (!kinds.size || kinds.has(sound.kind)) &&
    (!picked || (sound.pick ?? "none") === picked) &&
    (!note || pitchClass(sound) === note) &&
    (!tempoWish || (tempoWish === "bars" ? isBarLoop(sound) : tempoText(sound) === tempoWish)) &&
    words.every((word) => (sound.words ??= wordsOf(sound)).includes(word));
}

const tempoText = (sound) => tempo(sound) < Infinity ? bpm(tempo(sound)) : "";
const wordsOf = (sound) => [sound.file, ...factsOf(sound)].join(" ").toLowerCase();

function inOrder(some) {
  const [, key] = sorts.get(at("sort").value), sign = isOn("direction") ? -1 : 1;
  return some.sort((a, b) => {
    const x = key(a), y = key(b);
    if (x === y) return sign * (a.place - b.place);
    // What has no value comes last in both directions.
    if (x === Infinity || y === Infinity) return x === Infinity ? 1 : -1;
    return sign * (x < y ? -1 : 1);
  });
}

// Filters show more than similar sounds again.
function filter() {
  similarTo = null;
  arrange();
}

function showSimilar(sound) {
  similarTo = sound;
  arrange();
  if (!sound) return showNow();
  say(`${counted(sound.near.length, "sound")} similar to ${stem(sound)}, the most similar first`);
  bringIntoView(sound);
}

function toggle(button) {
  button.setAttribute("aria-pressed", button.getAttribute("aria-pressed") !== "true");
}

// The choices of a filter, each with how many sounds it shows.
function offer(id, valueOf, order) {
  const counts = new Map();
  for (const sound of sounds) {
    if (valueOf(sound)) counts.set(valueOf(sound), (counts.get(valueOf(sound)) ?? 0) + 1);
  }
  at(id).parentElement.hidden = !counts.size;
  for (const value of [...counts.keys()].sort(order)) at(id).add(new Option(`${value} (${counts.get(value)})`, value));
}

function offerFilters() {
  offer("note", pitchClass, (a, b) => a.localeCompare(b));
  const loops = sounds.filter(isBarLoop).length;
  offer("tempo", tempoText, (a, b) => parseFloat(a) - parseFloat(b));
  if (loops) at("tempo").add(new Option(`loops in time (${loops})`, "bars"), 1);
}
