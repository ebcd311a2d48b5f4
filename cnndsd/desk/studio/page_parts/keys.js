// ---- keys

function columns() {
  return getComputedStyle(list()).gridTemplateColumns.split(" ").length;
}

// The kept sounds stand below the sheet, in one row.
function move(across, down, since) {
  if (isRun()) return moveInRun(across + down * columns(), since);
  const sheet = view.sheet, below = kept(), isBelow = !sheet.includes(current) || document.activeElement?.closest(".kept");
  const row = isBelow ? below : sheet, from = row.indexOf(current), wide = columns();
  let to = null;
  if (from < 0) to = sheet[0];
  else if (across) to = row[from + across];
  else if (isBelow) to = down < 0 ? sheet[sheet.length - 1] : null;
  else to = sheet[from + down * wide] ?? null;
  if (to !== null && to !== undefined) go(to, since);
}

function moveInRun(by, since) {
  const from = shown.indexOf(current);
  // From where a filter took the selected sound away, the next is the one that came into its place.
  const to = from >= 0 ? from + by : by > 0 ? gap + by - 1 : gap + by;
  if (from < 0 && shown.length) go(shown[Math.max(0, Math.min(shown.length - 1, to))], since);
  else if (shown[to] !== undefined) go(shown[to], since);
}

const PRESS = {
  r: (since, shift) => roll(shift, since),
  v: (since, shift) => vary(shift, since),
  b: (since, shift) => (shift ? partners() : breed()),
  k: () => pick("keep"),
  f: star,
  d: () => pick("drop"),
  x: compare,
  n: nextKept,
  p: pack,
  h: showHistory,
  g: showFamily,
  c: copyPath,
  o: () => act({ do: "reveal" }),
  l: () => lockFocused(),
  t: () => showPlace(isRun() ? "sheet" : "run"),
  e: toSheet,
  s: showSimilar,
  i: showCommand,
  "/": toSearch,
  "?": () => at("help").showModal(),
};
const MOVES = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const SLIDES = ["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "Home", "End", "PageUp", "PageDown"];

function lockFocused() {
  const button = document.activeElement?.closest(".knob")?.querySelector(".lock");
  if (button) return lock(button.dataset.lock);
  document.querySelector(".lock").focus();
  say("Locks: Tab goes to the next one, Space locks or unlocks, Esc goes back to the sound.");
}

document.addEventListener("keydown", (event) => {
  const { key, target, shiftKey } = event, since = event.timeStamp;
  if (!view || document.querySelector("dialog[open]") || event.altKey) return;
  const isSlider = target.matches("input[type=range]");
  if (target === at("search") && (key === "Escape" || key === "Enter")) {
    (cardOf(current) ?? at("listed")).focus();
    return key === "Enter" && shown.length ? go(shown[0], since) : undefined;
  }
  if (target.matches("select, textarea, input") && !isSlider) return;
  if (event.ctrlKey || event.metaKey) {
    const name = key.toLowerCase();
    if (name !== "z" && name !== "y") return;
    event.preventDefault();
    return name === "y" || shiftKey ? redo() : undo();
  }
  if (MOVES[key] || SLIDES.includes(key)) {
    if (isRun() && !isSlider && (key === "Home" || key === "End") && shown.length) {
      event.preventDefault();
      return go(shown.at(key === "Home" ? 0 : -1), since);
    }
    if (isSlider || !MOVES[key]) return;
    event.preventDefault();
    return move(...MOVES[key], since);
  }
  if (key === " " || key === "Enter") {
    // On a button, they press it; a tile plays.
    if (target.matches("button:not(.tile), a, summary")) return;
    event.preventDefault();
    if (factsAt(current)) go(current, since);
    return;
  }
  if (key === "Escape") {
    stop();
    breedWith = null;
    showView();
    if (current !== null) select(current);
    return;
  }
  const action = PRESS[key.length === 1 ? key.toLowerCase() : key];
  if (!action) return;
  event.preventDefault();
  // A key that is held rolls once.
  if (!event.repeat) action(since, shiftKey);
});
