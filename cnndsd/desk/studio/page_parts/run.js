// ---- the sounds of the run that is open: only those in view are in the document

let run = null, where = "sheet";
// Those that pass the filters, in order, by number; and of which sound the similar ones are shown.
let shown = [], similarTo = null, similar = [];
// Where the selected sound stood when a filter took it away; and the one that was selected when the run was left.
let gap = 0, left = null, leftAt = 0;
const inView = new Map();
const ROWS_BEYOND = 2;

const isRun = () => where === "run";
const list = () => at(isRun() ? "listed" : "sheet");
const listed = (id) => run?.byId.get(id);
// What is known of a sound, also when its samples are not held.
const factsAt = (id) => knownTile(id) ?? listed(id);

const STEPS = { C: 0, D: 2, E: 4, F: 5, G: 7, A: 9, B: 11 };
function noteNumber({ note }) {
  const parts = /^([A-G])(#?)(-?\d+)$/.exec(note ?? "");
  return parts ? STEPS[parts[1]] + parts[2].length + 12 * Number(parts[3]) : Infinity;
}
const pitchClass = ({ note }) => note?.replace(/-?\d+$/, "") ?? "";
const SORTS = {
  "best first": (s) => -s.score, "dark to bright": (s) => s.brightness_hz, "short to long": (s) => s.seconds,
  "note, low first": noteNumber, "tempo, slow first": (s) => s.tempo ?? Infinity, "candidate": (s) => s.candidate,
};

async function openRun() {
  run = await (await ask("run")).json();
  if (!run) return;
  for (const sound of run.sounds) Object.assign(sound, { parents: [], done: `candidate ${sound.candidate}` });
  run.byId = new Map(run.sounds.map((sound) => [sound.id, sound]));
  at("to-run").textContent = `Run ${run.sounds.length}`;
  offer("kind", KINDS, ({ kind }) => kind);
  offer("note", NOTES, pitchClass);
  for (const name of Object.keys(SORTS)) at("sort").add(new Option(name));
  at("places").hidden = at("run-help").hidden = false;
  arrange();
  if (run.begins !== "run") return;
  current = shown[0] ?? current;
  showPlace("run");
}

// The choices of a filter, each with how many sounds it shows.
function offer(id, names, nameOf) {
  for (const name of names) {
    const count = run.sounds.filter((sound) => nameOf(sound) === name).length;
    if (count) at(id).add(new Option(`${name} (${count})`, name));
  }
}

const markOf = (id) => view.picks[id] ?? "none";

// A number is a tempo, or that of a candidate.
function isFound(sound, word) {
  const tempo = sound.tempo && Math.round(sound.tempo);
  if (/^\d+$/.test(word)) return Number(word) === tempo || Number(word) === sound.candidate;
  return [sound.word, ...facts(sound), tempo && `${tempo}bpm`].join(" ").toLowerCase().includes(word);
}

function arrange() {
  const before = shown.indexOf(current), key = SORTS[at("sort").value];
  const [kind, note, mark] = ["kind", "note", "marked"].map((id) => at(id).value);
  const words = at("search").value.toLowerCase().split(/\s+/).filter(Boolean);
  const passes = (s) => (!kind || s.kind === kind) && (!note || pitchClass(s) === note) &&
    (!mark || markOf(s.id) === mark || (mark === "star" && isStar(s.id))) && words.every((word) => isFound(s, word));
  // Those without a note or a tempo come last; others that are equal, best first.
  shown = similarTo === null
    ? run.sounds.filter(passes).map((s) => [key(s), s.id]).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)).map(([, id]) => id)
    : [similarTo, ...similar];
  if (before >= 0 && !shown.includes(current)) gap = before;
  at("none").hidden = shown.length > 0;
  at("run-about").textContent = `${run.name}: ${shown.length < run.sounds.length ? `${shown.length} of ${run.sounds.length} listed` : run.about}`;
  at("similar").setAttribute("aria-pressed", similarTo !== null);
  showListed();
}

function filter() {
  similarTo = null;
  arrange();
}

// What is typed next are letters, and no keys.
function toSearch() {
  showPlace("run");
  if (isRun()) at("search").focus();
}

async function showSimilar() {
  if (!isRun() || !listed(current)) return say("Choose a sound of the run first.");
  try {
    similar = similarTo === null ? await (await ask(`similar/${current}`)).json() : [];
  } catch (error) {
    return say(error.message, true);
  }
  similarTo = similarTo === null ? current : null;
  arrange();
  select(current);
  say(similarTo === null ? "All sounds again." : `The ${similar.length} sounds most like ${listed(current).word}, the most similar first.`);
}

// The sheet, or the run.
function showPlace(name) {
  if (where === name) return;
  if (name === "run" && !run) return say("There is no run here: “cnndsd studio RUN” lists the sounds of one.");
  stop();
  if (isRun()) [left, leftAt] = [current, scrollY];
  where = document.body.dataset.where = name;
  at("run").hidden = !isRun();
  at("at-hand").hidden = isRun();
  at("to-run").setAttribute("aria-pressed", isRun());
  at("to-sheet").setAttribute("aria-pressed", !isRun());
  const isThere = isRun() ? shown.includes(current) : view.sheet.includes(current) || isKept(current);
  if (isRun() && shown.includes(left)) current = left;
  else if (!isThere) current = (isRun() ? shown[0] : view.sheet.includes(view.at) ? view.at : view.sheet[0]) ?? current;
  scrollTo({ top: isRun() ? leftAt : 0 });
  // The window may have another size since.
  showListed();
  showView();
  if (factsAt(current)) select(current);
}

// From one row to the next, in pixels; all are equally high.
function rowHeight() {
  if (!inView.size && shown.length) putInView(0, 1);
  const item = at("listed").firstElementChild;
  return item ? item.getBoundingClientRect().height + parseFloat(getComputedStyle(at("listed")).rowGap) : 1;
}

function showListed() {
  if (!isRun()) return;
  const wide = columns(), high = rowHeight(), rows = Math.ceil(shown.length / wide), box = at("listed");
  // Where the list gets shorter, the browser scrolls to its end, later.
  box.style.height = `${rows * high}px`;
  const top = Math.max(box.getBoundingClientRect().top, innerHeight - rows * high);
  const first = Math.max(0, Math.floor(-top / high) - ROWS_BEYOND);
  const last = Math.max(0, Math.min(rows, Math.ceil((innerHeight - top) / high) + ROWS_BEYOND));
  box.style.paddingTop = `${first * high}px`;
  putInView(first * wide, last * wide);
  fetchInView();
}

function putInView(first, last) {
  const wanted = shown.slice(first, last), kept = new Set(wanted), box = at("listed"), hadFocus = box.contains(document.activeElement);
  for (const [id, item] of inView) {
    if (kept.has(id)) continue;
    item.remove();
    inView.delete(id);
  }
  let next = box.firstElementChild;
  wanted.forEach((id, i) => {
    if (!inView.has(id)) inView.set(id, element("li", "", makeCard(listed(id))));
    const item = inView.get(id);
    if (item === next) next = next.nextElementSibling;
    else box.insertBefore(item, next);
    item.setAttribute("aria-posinset", first + i + 1);
    item.setAttribute("aria-setsize", shown.length);
  });
  reachOne();
  // Keys go on from the selected sound, wherever it is.
  if (hadFocus && !box.contains(document.activeElement)) box.focus({ preventScroll: true });
}

// The Tab key reaches one card.
function reachOne() {
  const first = shown.find((id) => inView.has(id));
  if (!inView.has(current) && first !== undefined) inView.get(first).firstElementChild.tabIndex = 0;
}

function showCards() {
  if (!run) return;
  if (at("marked").value && similarTo === null) arrange();
  for (const id of inView.keys()) decorate(inView.get(id).firstElementChild, factsAt(id));
  reachOne();
  const count = { "": run.sounds.length, none: 0, keep: 0, star: 0, drop: 0 };
  for (const { id } of run.sounds) {
    count[markOf(id)]++;
    if (isStar(id)) count.star++;
  }
  for (const option of at("marked").options) option.textContent = `${option.textContent.replace(/ \(.*/, "")} (${count[option.value]})`;
}

function bringIntoView(id) {
  if (!inView.has(id) && shown.includes(id)) {
    const row = Math.floor(shown.indexOf(id) / columns());
    scrollTo({ top: at("listed").getBoundingClientRect().top + scrollY + (row + 0.5) * rowHeight() - innerHeight / 2 });
    showListed();
  }
}

// The sounds of the cards in view, a few at a time: it may be scrolled meanwhile. Each is asked for once.
let isFetching = false;
async function fetchInView() {
  if (isFetching) return;
  isFetching = true;
  const isMissing = (id) => !tiles.has(id) && !inView.get(id).dataset.asked;
  try {
    for (let ids; (ids = [...inView.keys()].filter(isMissing).slice(0, 8)).length;) {
      for (const id of ids) inView.get(id).dataset.asked = "yes";
      await fetchTiles(ids);
    }
  } catch (error) {
    say(error.message, true);
  } finally {
    isFetching = false;
  }
}

// A sound of the run as its pack has it: its finished file.
const FINISHED = 48, finished = new Map();
// The name of its file, which has the note and tempo that it is finished with.
const fileNames = new Map();
function finishedOf(id) {
  if (!finished.has(id)) {
    const made = ask(`files/${id}`).then(async (response) => {
      fileNames.set(id, /filename="?([^";]+)/.exec(response.headers.get("Content-Disposition"))?.[1]);
      return { buffer: await audio.decodeAudioData(await response.arrayBuffer()), isLoop: response.headers.has("Loop") };
    });
    made.catch(() => finished.delete(id));
    finished.set(id, made);
    if (finished.size > FINISHED) finished.delete(finished.keys().next().value);
  }
  return finished.get(id);
}

function finishNeighbours(id) {
  const from = shown.indexOf(id);
  for (const by of [1, columns(), -1]) if (shown[from + by] !== undefined) finishedOf(shown[from + by]).catch(() => {});
}

function showCommand() {
  if (!run) return say("There is no run here. P makes a pack of what you kept.");
  const of = (mark) => run.sounds.filter(({ id }) => markOf(id) === mark).length;
  at("command-about").textContent = `${of("keep")} kept, ${of("drop")} dropped: your choice is saved in the run. ` +
    "End this with Ctrl-C in the terminal, then run this there: the sounds you kept are in the pack, those you dropped are not.";
  at("command-text").textContent = run.command;
  at("copied").textContent = "";
  at("command").showModal();
}

// The line at the foot of the page is behind the dialog.
async function copyCommand() {
  at("copied").textContent = await copyText(run.command) ? "Copied." : "The browser does not allow this: select the command and copy it.";
}
