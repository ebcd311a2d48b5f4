// ---- doing: each action is one request, whose answer comes line by line

let rolling = 0, sent = Promise.resolve();
// Tabs of the same studio tell each other that it has moved on.
const others = new BroadcastChannel(`studio ${location.pathname}`);

// Ask the server to do something; a function says what, when all before it is done. `isRoll`: a new sheet is awaited. `playsFirst`: the first sound that comes is played.
function act(action, { isRoll = false, playsFirst = isRoll, since = performance.now() } = {}) {
  if (isRoll) rolling++;
  // What is new comes on the sheet.
  if (playsFirst) showPlace("sheet");
  // In the order in which they were asked for; packs take long and change nothing.
  const before = action.do === "pack" ? Promise.resolve() : sent;
  const done = before.then(() => perform(typeof action === "function" ? action() : action, playsFirst, since)).finally(() => {
    if (isRoll) rolling--;
    if (view) showView();
  });
  if (action.do !== "pack") sent = done;
  return done;
}

// Returns whether it was done.
async function perform(action, playsFirst, since) {
  let first = playsFirst;
  try {
    let response;
    try {
      response = await fetch("do", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(action) });
    } catch {
      throw new Error(GONE);
    }
    if (!response.ok) throw new Error((await response.text()).trim());
    for await (const told of linesOf(response)) {
      if (told.error) throw new Error(told.error);
      if (told.tile) {
        take(told.tile);
        if (first) {
          first = false;
          current = told.tile.id;
          play(told.tile, since);
          announce(told.tile);
        }
        if (!view.sheet.includes(told.tile.id)) view.sheet.push(told.tile.id);
        showTile(told.tile.id);
        // Whoever turns a knob stays there.
        if (told.tile.id === current) select(current, !document.activeElement?.matches("input"));
      }
      // Its new sounds come by themselves.
      if (told.view) await takeView(told.view, !playsFirst || Boolean(told.stale));
      if (told.of) say(`making the pack: ${told.done ?? 0} of ${told.of} sounds`);
      if (told.said) say(told.path ? `${told.said}: ${told.path}` : told.said, Boolean(told.stale));
    }
    if (action.do !== "select") others.postMessage("moved");
    return true;
  } catch (error) {
    say(error.message, true);
    return false;
  }
}

function announce(tile) {
  say([tile.word, ...facts(tile), `score ${tile.score.toFixed(2)}`].join(", "));
}

async function takeView(told, fetchesAll = true) {
  const hadFocus = document.activeElement?.closest(".sheet, .kept") || document.activeElement === document.body;
  view = told;
  const isThere = view.sheet.includes(current) || isKept(current) || (isRun() && listed(current));
  if (!isThere && view.at !== null) current = view.at;
  showView();
  if (fetchesAll) {
    await fetchTiles([...view.sheet, ...kept().slice(-60).filter((id) => !chips.has(id))]);
    showView();
  }
  if (hadFocus && current !== null && !document.querySelector("dialog[open]")) cardOf(current)?.focus({ preventScroll: true });
}

// What the server says now, and the sounds of it; returns whether it is still at work.
function refresh() {
  // After all that was asked for: an answer that is older than what is shown would go back.
  const done = sent.then(load);
  sent = done;
  return done;
}

async function load() {
  try {
    const { busy, ...now } = await (await ask("view")).json();
    await takeView(now);
    return busy;
  } catch (error) {
    say(error.message, true);
    return false;
  }
}

const roll = (far, since) => rolling < 2 && act({ do: "roll", far }, { isRoll: true, since });

function vary(far, since) {
  if (current === null) return say("Choose a sound first.");
  if (rolling < 2) act({ do: "vary", tile: current, far }, { isRoll: true, since });
}

// Choose a sound to breed, or breed the one that was chosen with this one.
async function breed() {
  if (current === null) return;
  const one = breedWith ?? current, other = current, isFirst = breedWith === null;
  try {
    // Their shapes are compared; of a run, only the sounds in view are held.
    await fetchTiles([one, other]);
  } catch (error) {
    return say(error.message, true);
  }
  if (one === other) {
    breedWith = isFirst ? other : null;
    const where = isRun() ? "in view" : "on this sheet", { word } = knownTile(other);
    const others = (isRun() ? [...inView.keys()] : view.sheet).filter((id) => id !== other && fits(knownTile(other), knownTile(id)));
    say(breedWith === null ? "No longer breeding." : others.length
      ? `Go to another sound and press B: ${others.length} ${where} ${others.length === 1 ? "has" : "have"} the same shape (dashed).`
      : `No sound ${where} has the same shape. Shift+B rolls partners for ${word}.`);
    return showView();
  }
  if (!fits(knownTile(one), knownTile(other))) {
    return say(`${knownTile(one).word} and ${knownTile(other).word} have different shapes. Shift+B rolls partners that fit.`, true);
  }
  breedWith = null;
  act({ do: "breed", one, other }, { isRoll: true });
}

function partners() {
  if (current === null) return;
  breedWith = current;
  act({ do: "partners", tile: current }, { isRoll: true });
}

function pick(what) {
  if (current === null) return;
  const id = current, before = view.picks[id] ?? null, now = before === what ? null : what;
  const show = (one) => {
    if (one === null) delete view.picks[id]; else view.picks[id] = one;
    showView();
  };
  // Shown at once; the server confirms, or it is taken back.
  show(now);
  act({ do: "choose", tile: id, pick: now }).then((isDone) => isDone || show(before));
}

function star() {
  if (current === null) return;
  const id = current, now = !isStar(id);
  const show = (one) => {
    view.stars = view.stars.filter((other) => other !== id).concat(one ? [id] : []);
    showView();
  };
  show(now);
  act({ do: "star", tile: id, is_star: now }).then((isDone) => isDone || show(!now));
}

async function bringBack(id) {
  await act({ do: "recall", tile: id });
  showPlace("sheet");
  go(id);
}

function toSheet() {
  if (current === null) return;
  if (isRun() || !view.sheet.includes(current)) bringBack(current);
  else say("It is on the sheet already.");
}

const undo = () => act(() => ({ do: "undo", state: view.state }));
const redo = () => act(() => ({ do: "redo", state: view.state }));
const pack = () => (kept().length ? act({ do: "pack" }) : say("Nothing is kept yet. Press K on a sound that you like."));

// The sound that was heard last in a comparison, and of which sound that was.
const compared = { of: null, last: null };

// The parents of the selected sound; of one that has none, the sound that was selected before.
function partnersInComparison() {
  const parents = factsAt(current)?.parents ?? [];
  return parents.length ? parents : [previous].filter((id) => id !== null && id !== current);
}

// From the sound to those in turn, and back.
async function compare() {
  const tile = factsAt(current), others = partnersInComparison();
  if (!others.length) return say("There is nothing to compare it with: it has no parent, and no sound was heard before.");
  const round = [tile.id, ...others], last = compared.of === tile.id ? compared.last : tile.id;
  const next = round[(round.indexOf(last) + 1) % round.length];
  Object.assign(compared, { of: tile.id, last: next });
  await hear(next);
  showSound();
  say(next === tile.id ? `A: ${tile.word}` : `B: ${tile.parents.length ? "its parent" : "the one before"}, ${factsAt(next)?.word}`);
}

function nextKept() {
  const ids = kept();
  if (!ids.length) return say("Nothing is kept yet.");
  // In the run, those of it.
  const there = isRun() && ids.some((id) => shown.includes(id)) ? shown.filter(isKept) : ids;
  if (isRun() && there === ids) showPlace("sheet");
  go(there[(there.indexOf(current) + 1) % there.length]);
}

function lock(name) {
  if (!isLocked(name) && current === null) return say("Choose a sound first: a lock holds one of its values.");
  act({ do: "hold", lock: name, tile: isLocked(name) ? null : current });
}

function copyPath() {
  const path = view.files[current];
  if (path) return copyText(path);
  say(isKept(current) ? "It was kept in another folder, and has no file here: press K twice to write one."
    : "Keep the sound first: then it has a file.");
}

// Returns whether it is on the clipboard.
async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    say(`copied: ${text}`);
    return true;
  } catch {
    say(text);
    return false;
  }
}

let remembering = 0;
function rememberSelected(id) {
  clearTimeout(remembering);
  if (id !== view.at && view.sheet.includes(id)) remembering = setTimeout(() => act({ do: "select", tile: id }), 500);
}
