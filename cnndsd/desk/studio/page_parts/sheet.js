// ---- the sheet and the kept sounds

const facts = (tile) => [tile.kind, tile.note, tile.tempo && `${Math.round(tile.tempo)} bpm`].filter(Boolean);
const picked = { keep: "kept", drop: "dropped" };
const marksOf = (id) => [picked[view.picks[id]], isStar(id) && "favourite"].filter(Boolean);
const toDraw = [];
// What is written of each kept sound; it stays when the sound itself is no longer held.
const chips = new Map();
let breedWith = null;
// The sound that was selected before.
let previous = null;

function label(tile) {
  return [tile.word, ...facts(tile), `score ${tile.score.toFixed(2)}`, ...marksOf(tile.id)].join(", ");
}

function cardOf(id) {
  return [list(), at("kept")].map((box) => box.querySelector(`.tile[data-tile="${id}"]`)).find(Boolean) ?? null;
}

function showSheet() {
  const list = at("sheet"), ids = view.sheet, wide = Math.max(ids.length, rolling ? 12 : 0);
  while (list.children.length > wide) list.lastChild.remove();
  while (list.children.length < wide) list.append(element("li", ""));
  for (let place = 0; place < wide; place++) {
    const item = list.children[place], id = ids[place];
    if (id !== undefined && item.firstChild?.dataset.tile === String(id) && knownTile(id)) {
      showFacts(id);
    } else if (id !== undefined && knownTile(id)) {
      item.replaceChildren(makeCard(knownTile(id)));
    } else {
      const waits = element("div", "tile waits");
      waits.dataset.tile = id ?? "";
      item.replaceChildren(waits);
    }
  }
}

function showTile(id) {
  if (id === current) showSound();
  if (inView.has(id)) draw(inView.get(id).firstElementChild.querySelector("canvas"), knownTile(id));
  const place = view.sheet.indexOf(id);
  if (place < 0) return;
  const item = at("sheet").children[place];
  if (item && !(item.firstChild?.dataset.tile === String(id) && !item.firstChild.classList.contains("waits"))) {
    item.replaceChildren(makeCard(knownTile(id)));
  }
}

function makeCard(tile) {
  const card = element("button", "tile"), canvas = element("canvas", ""), head = element("span", "head");
  const dot = element("i", "");
  dot.style.background = colours.kind(tile.kind);
  card.dataset.tile = head.dataset.tile = tile.id;
  const name = element("span", "name", element("span", "", tile.word), element("span", "", tile.score.toFixed(2)));
  name.lastChild.title = "score: the share of such sounds that a listener keeps, 0 to 1";
  const more = element("span", "facts", element("span", "", dot, tile.kind));
  more.append(element("span", "", facts(tile).slice(1).join(" ")));
  card.append(canvas, head, name, more);
  card.tabIndex = -1;
  card.draggable = true;
  if (tiles.has(tile.id)) draw(canvas, knownTile(tile.id));
  decorate(card, tile);
  return card;
}

function draw(canvas, tile) {
  toDraw.push([canvas, tile]);
  if (toDraw.length === 1) setTimeout(drawNext);
}

// One at a time: between two, keys are heard.
function drawNext() {
  const next = toDraw.shift();
  if (!next) return;
  if (next[0].isConnected) paint(...next);
  setTimeout(drawNext);
}

function decorate(card, tile) {
  card.dataset.pick = view.picks[tile.id] ?? "";
  card.dataset.star = isStar(tile.id) ? "star" : "";
  card.setAttribute("aria-label", label(tile));
  card.tabIndex = tile.id === current ? 0 : -1;
  if (tile.id === current) card.setAttribute("aria-current", "true");
  else card.removeAttribute("aria-current");
  card.classList.toggle("fits", breedWith !== null && breedWith !== tile.id && fits(knownTile(breedWith), tile));
  if (breedWith === tile.id) card.dataset.breed = "breed with …";
  else delete card.dataset.breed;
}

function showFacts(id) {
  const tile = factsAt(id);
  if (!tile) return;
  for (const card of document.querySelectorAll(`.tile[data-tile="${id}"]`)) if (card.matches("button")) decorate(card, tile);
}

function fits(one, other) {
  const shapeOf = ({ recipe, widths }) => JSON.stringify([widths, recipe.weights, recipe.biases, recipe.precision]);
  return Boolean(one?.recipe && other?.recipe) && shapeOf(one) === shapeOf(other);
}

function showKept() {
  const list = at("kept"), ids = kept();
  at("kept-count").textContent = ids.length ? `${ids.length} sound${ids.length === 1 ? "" : "s"}` : "";
  for (const id of ids) if (tiles.has(id)) chips.set(id, [knownTile(id).word, ...facts(knownTile(id))].join(" · "));
  const known = JSON.stringify(ids.map((id) => [id, chips.has(id)]));
  if (list.dataset.known !== known) {
    list.dataset.known = known;
    list.replaceChildren(...ids.map((id) => {
      const card = element("button", "tile", chips.get(id) ?? view.words[id]);
      card.dataset.tile = id;
      card.draggable = true;
      return element("li", "", card);
    }));
    if (!ids.length) list.append(element("li", "none", "Nothing yet. Press K on a sound that you like."));
  }
  for (const card of list.querySelectorAll(".tile")) {
    const tile = knownTile(Number(card.dataset.tile));
    if (tile) decorate(card, tile);
  }
  for (const id of ["pack", "next-kept"]) at(id).disabled = !ids.length;
}

function showSound() {
  const tile = factsAt(current), pick = view.picks[current];
  at("sound-name").textContent = tile ? tile.word : "No sound yet";
  if (!tile) return;
  at("sound-facts").textContent = [...facts(tile), `score ${tile.score.toFixed(2)}`, ...(tile.recipe ? networkFacts(tile) : [])].join(" · ");
  const file = fileNames.get(current), why = listed(current)?.why;
  const done = [tile.done, file && `File: ${file}`, why && `Why this score: ${why}`].filter(Boolean).join(". ");
  at("sound-done").textContent = playing !== null && playing !== current ? `playing ${factsAt(playing)?.word}` : done;
  at("keep").setAttribute("aria-pressed", pick === "keep");
  at("star").setAttribute("aria-pressed", isStar(current));
  at("drop").setAttribute("aria-pressed", pick === "drop");
  at("ab").disabled = !partnersInComparison().length;
  at("copy").disabled = !view.files[current];
  at("take").hidden = !isRun() && view.sheet.includes(current);
  at("breed").setAttribute("aria-pressed", breedWith !== null);
  if (tile.recipe) showOwn(tile);
}

function networkFacts(tile) {
  return [
    `gap ${tile.recipe.gap}`, `network ${tile.widths.join("→")}`, `${tile.recipe.seconds.toFixed(2)} s`,
    ...(isSmooth(tile) ? ["smooth"] : []), ...(tile.channels === 2 ? ["wide"] : []),
  ];
}

function showView() {
  at("undo").disabled = !view.can_undo;
  at("redo").disabled = !view.can_redo;
  at("undo").title = view.can_undo ? `undo: ${view.what} (Ctrl+Z)` : "this is the first sheet";
  at("folder-path").textContent = view.folder;
  at("history-button").textContent = `History ${view.count}`;
  showSheet();
  showCards();
  showKept();
  showKnobs();
  showSound();
}

function select(id, withFocus = true) {
  const before = current;
  if (before !== id) previous = before;
  current = id;
  if (before !== null) showFacts(before);
  showFacts(id);
  showSound();
  if (withFocus && !document.querySelector("dialog[open]")) {
    if (isRun()) bringIntoView(id);
    const card = cardOf(id);
    card?.focus({ preventScroll: true });
    card?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }
  rememberSelected(id);
}

// Go to a sound and play it.
function go(id, since) {
  if (!factsAt(id)) return fetchTiles([id]).then(() => knownTile(id) && go(id, since)).catch((error) => say(error.message, true));
  compared.of = null;
  const done = hear(id, since);
  select(id);
  say(label(factsAt(id)));
  fetchTiles(factsAt(id).parents).catch(() => {});
  return done;
}

// Whoever passes many sounds, with an arrow key that is held, hears the last one: the others are not made.
const PASSING_MS = 40;
let wanted = null;

// Play a sound; what is not held is fetched before, unless another one is asked for meanwhile. In the run, it is finished.
async function hear(id, since) {
  wanted = id;
  const isFinished = isRun() && listed(id), tile = knownTile(id);
  if (tile && !isFinished) return play(tile, since);
  stop();
  try {
    if (isFinished && !finished.has(id)) await new Promise((passed) => setTimeout(passed, PASSING_MS));
    if (wanted !== id) return;
    const [sound] = await Promise.all([isFinished ? finishedOf(id) : undefined, fetchTiles([id])]);
    if (wanted !== id || !knownTile(id)) return;
    play(knownTile(id), since, sound);
    showSound();
    if (isFinished) finishNeighbours(id);
  } catch (error) {
    say(error.message, true);
  }
}
