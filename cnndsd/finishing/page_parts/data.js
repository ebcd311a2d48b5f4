"use strict";
// ---- the data of the page, and what follows from it: names, facts, and keys to sort by.

const pack = JSON.parse(document.getElementById("data").textContent);
const at = (id) => document.getElementById(id);
// Thousands of pictures need not be there twice.
at("data").remove();
const list = at("list"), map = at("map");
// One object per sound: its data, and while it is in view its card, and whether its picture is drawn.
const sounds = pack.sounds;
sounds.forEach((sound, place) => Object.assign(sound, { place, card: null, isSeen: false, isDrawn: false, words: null }));
let shown = sounds, current = null, reachable = null, colours = null;

const stems = sounds.map((sound) => sound.file.split("/").pop().replace(/\.\w+$/, ""));
// The prefix that all names share is not shown.
const prefix = stems.length < 2 ? "" : stems.reduce((shared, stem) => {
  while (!stem.startsWith(shared)) shared = shared.replace(/[^_]*_?$/, "");
  return shared;
}, stems[0].replace(/[^_]*$/, ""));
const stem = (sound) => stems[sound.place].slice(prefix.length);
const fileName = (sound) => sound.file.split("/").pop();
const encoded = (path) => path.split("/").map(encodeURIComponent).join("/");
// Where the page plays a sound from, and where its file is.
const address = (sound) => encoded(sound.preview ?? sound.file);
const fileAddress = (sound) => encoded(sound.file);
const seconds = (sound) => sound.looks ? sound.looks.seconds : sound.heard_s;
// The page has the seeds as texts, and leaves out of a recipe what is usual.
const recipeOf = (sound) => ({ ...USUAL, ...sound.recipe });
// Its file has two channels that differ.
const isWide = (sound) => typeof sound.looks?.correlation === "number";
const isBarLoop = (sound) => Boolean(sound.looks?.bars);

// "A#4" is 69 + 1: the number of MIDI. What has no note or tempo is Infinity, and comes last in both directions.
const STEPS = { C: 0, D: 2, E: 4, F: 5, G: 7, A: 9, B: 11 };
function noteNumber(sound) {
  const parts = /^([A-G])(#*)(b*)(-?\d+)$/.exec(sound.looks?.note ?? "");
  return parts ? STEPS[parts[1]] + parts[2].length - parts[3].length + 12 * (Number(parts[4]) + 1) : Infinity;
}
const pitchClass = (sound) => sound.looks?.note?.replace(/-?\d+$/, "") ?? "";
const tempo = (sound) => sound.looks?.tempo_bpm ?? Infinity;
const hasNotes = sounds.some((sound) => sound.looks?.note), hasTempos = sounds.some((sound) => sound.looks?.tempo_bpm);

const sorts = new Map([
  ["place", ["order of the pack", (s) => s.place]],
  ["score", ["score, best first", (s) => -s.score]],
  ["name", ["name", (s) => stem(s).toLowerCase()]],
  ["seconds", ["length (s)", seconds]],
  ...hasNotes ? [["note", ["note, low first", noteNumber]]] : [],
  ...hasTempos ? [["tempo", ["tempo, slow first", tempo]]] : [],
  ...pack.descriptors.map(([name, label], i) => [name, [label, (s) => s.measures[i]]]),
]);
const bpm = (value) => `${Math.round(100 * value) / 100} bpm`;
const counted = (count, one) => `${count} ${one}${count === 1 ? "" : "s"}`;
const factsOf = (sound) => [
  sound.kind,
  sound.looks?.note,
  sound.looks?.tempo_bpm && (isBarLoop(sound) ? bpm(sound.looks.tempo_bpm) : `${Math.round(sound.looks.tempo_bpm)} bpm`),
  isBarLoop(sound) ? counted(sound.looks.bars, "bar") : sound.looks?.is_looped && "loop",
  sound.looks?.is_smooth && "smooth",
  isWide(sound) && "wide",
].filter(Boolean);
// The facts that are not in the name.
const moreOf = (sound) => factsOf(sound).filter((fact) => !stem(sound).split("_").includes(fact.replace(" ", "")));
const lengthOf = (sound) => `${seconds(sound).toFixed(1)} s`;
