// ---- moving between sounds, and keys

// While loops play together, moving leaves them alone.
const visit = (sound) => isOn("together") ? go(sound) : play(sound);

function move(by) {
  const from = shown.indexOf(current);
  // From where a filter took the selected sound away, the next is the one that came into its place.
  const begin = !current ? (by > 0 ? 0 : shown.length - 1) : by > 0 ? gap + by - 1 : gap + by;
  const to = Math.min(shown.length - 1, Math.max(0, from < 0 ? begin : from + by));
  if (shown[to]) visit(shown[to]);
}

const KEYS = {
  ArrowLeft: () => move(-1),
  ArrowRight: () => move(1),
  ArrowUp: () => move(-columns()),
  ArrowDown: () => move(columns()),
  Home: () => move(-sounds.length),
  End: () => move(sounds.length),
  k: () => pickCurrent("keep"),
  d: () => pickCurrent("drop"),
  m: showMap,
  l: showList,
  i: showAbout,
  g: showGrow,
  s: () => at("similar").click(),
  r: () => at("loop").click(),
  t: () => at("together").click(),
  "/": () => at("search").focus(),
  "?": () => at("help").showModal(),
  Escape: stopAll,
};

document.addEventListener("keydown", (event) => {
  const { key, target } = event;
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  if (target.matches("select, input, textarea")) return;
  if (target === map && TOWARDS[key]) {
    event.preventDefault();
    goOnMap(TOWARDS[key]);
  } else if (key === " ") {
    // The space key presses a focused button or card by itself.
    if (target.matches("button")) return;
    event.preventDefault();
    if (current && shown.includes(current)) play(current);
  } else {
    const action = KEYS[key.length === 1 ? key.toLowerCase() : key];
    if (!action) return;
    event.preventDefault();
    action();
  }
});
