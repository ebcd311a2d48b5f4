"use strict";
// What the server told: the view, and the sounds that it named.

const at = (id) => document.getElementById(id);
const tiles = new Map();
// So many sounds are held, and so many of their samples, which take four bytes each; those on the sheet always are.
const HELD = 240, HELD_SAMPLES = 48e6;
let heldSamples = 0;
let view = null, current = null;

const isKept = (id) => view.picks[id] === "keep";
const isStar = (id) => view.stars.includes(id);
const kept = () => Object.keys(view.picks).map(Number).filter(isKept);
const knownTile = (id) => tiles.get(id);

function element(tag, name, ...parts) {
  const made = document.createElement(tag);
  if (name) made.className = name;
  made.append(...parts);
  return made;
}

function say(text, isBad = false) {
  at("now").textContent = text;
  at("now").classList.toggle("bad", isBad);
}

const GONE = "The studio's server has ended. Start “cnndsd studio” again and open the new address: nothing is lost.";

// Yield the values of a response, line by line.
async function* linesOf(response) {
  const reader = response.body.getReader(), decoder = new TextDecoder();
  let text = "";
  for (;;) {
    const { done, value } = await reader.read();
    text += decoder.decode(value ?? new Uint8Array(), { stream: !done });
    const lines = text.split("\n");
    text = lines.pop();
    for (const line of lines) if (line) yield JSON.parse(line);
    if (done) return;
  }
}

async function ask(path) {
  let response;
  try {
    response = await fetch(path);
  } catch {
    throw new Error(GONE);
  }
  if (!response.ok) throw new Error((await response.text()).trim());
  return response;
}

function take(tile) {
  if (tiles.has(tile.id)) return tiles.get(tile.id);
  tile.channels = tile.second ? 2 : 1;
  tiles.set(tile.id, tile);
  heldSamples += tile.samples * tile.channels;
  // The oldest go first.
  for (const [id, { samples, channels }] of tiles) {
    if (tiles.size <= HELD && heldSamples <= HELD_SAMPLES) break;
    if (id === tile.id || id === current || id === breedWith || view?.sheet.includes(id)) continue;
    tiles.delete(id);
    heldSamples -= samples * channels;
  }
  return tile;
}

// Fetch the sounds of these numbers that are not held.
async function fetchTiles(ids) {
  const missing = [...new Set(ids)].filter((id) => !tiles.has(id));
  for (let i = 0; i < missing.length; i += 24) {
    const response = await ask(`sounds?ids=${missing.slice(i, i + 24).join(",")}`);
    for await (const tile of linesOf(response)) {
      take(tile);
      showTile(tile.id);
    }
  }
}
