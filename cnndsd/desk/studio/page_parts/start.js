// ---- start

const BUTTONS = {
  roll: () => roll(false), "roll-far": () => roll(true), vary: () => vary(false), "vary-far": () => vary(true), breed,
  partners, undo, redo, keep: () => pick("keep"), star, drop: () => pick("drop"), ab: compare,
  "lineage-button": showFamily, "history-button": showHistory, "next-kept": nextKept, pack, copy: copyPath,
  folder: () => act({ do: "reveal" }), save: () => act({ do: "save" }), "help-button": () => at("help").showModal(),
  "history-more": () => listHistory(true), "to-sheet": () => showPlace("sheet"), "to-run": () => showPlace("run"), take: toSheet,
  similar: showSimilar, "command-button": showCommand, "copy-command": copyCommand,
};
for (const [id, action] of Object.entries(BUTTONS)) at(id).addEventListener("click", () => view && action());
for (const button of document.querySelectorAll("[data-press]")) {
  button.addEventListener("click", () => at(button.dataset.press).click());
}
for (const id of ["kind", "note", "marked", "sort"]) at(id).addEventListener("change", filter);
at("search").addEventListener("input", filter);
addEventListener("scroll", showListed, { passive: true });
addEventListener("resize", showListed);
at("history-mark").addEventListener("change", () => listHistory(false));
document.addEventListener("click", (event) => {
  const card = event.target.closest("button.tile"), button = event.target.closest("button.lock");
  if (card && view) go(Number(card.dataset.tile), event.timeStamp);
  else if (button && view) lock(button.dataset.lock);
  // After the mouse, the keys are those of the sound again: Space would press the same button.
  if (event.detail && event.target.closest("button:not(.tile)") && !document.querySelector("dialog[open]")) {
    cardOf(current)?.focus({ preventScroll: true });
  }
});
// A tile that is dragged out is its finished file.
const MEDIA = { wav: "audio/wav", flac: "audio/flac", ogg: "audio/ogg", mp3: "audio/mpeg" };
document.addEventListener("dragstart", (event) => {
  const card = event.target.closest?.("button.tile"), tile = card && factsAt(Number(card.dataset.tile));
  if (!tile) return;
  const address = new URL(`files/${tile.id}`, location.href).href;
  const name = view.files[tile.id]?.split(/[\\/]/).pop() ?? `cnndsd_${tile.kind}_${tile.word}.${view.ending}`;
  event.dataTransfer.setData("DownloadURL", `${MEDIA[view.ending]}:${name}:${address}`);
  event.dataTransfer.setData("text/uri-list", address);
  event.dataTransfer.effectAllowed = "copy";
});
others.addEventListener("message", refresh);
// Another browser may have moved on.
document.addEventListener("visibilitychange", () => { if (!document.hidden && view) refresh(); });
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  takeColours();
  at("sheet").replaceChildren();
  at("listed").replaceChildren();
  inView.clear();
  showListed();
  showView();
});

takeColours();
makeKnobs();
(async () => {
  // The first sheet is rolled while the browser starts; the first time of all, the program compiles for half a minute.
  for (let isBusy = true, isRunKnown = false; isBusy;) {
    isBusy = await refresh();
    if (!view) return;
    if (!isRunKnown) {
      try {
        await openRun();
      } catch (error) {
        return say(error.message, true);
      }
      isRunKnown = true;
    }
    if (isBusy) await new Promise((wait) => setTimeout(wait, 100));
    if (isBusy && !view.sheet.length) say("Warming up; the first time of all, this takes half a minute …");
  }
  if (!view.sheet.length) return say("Press R to roll.");
  if (!isRun()) select(current ?? view.sheet[0]);
  say(matchMedia("(pointer: coarse)").matches
    ? isRun() ? "Tap a sound to hear it. Keep or Drop it, or More makes others like it."
    : "Tap a sound to hear it. Roll shows others, More is like this one."
    : isRun() ? "Press Space or an arrow key, or click a sound, to hear it. K keeps, D drops, V makes more like it; ? shows all keys."
    : "Press Space or an arrow key, or click a sound, to hear it. R rolls others; ? shows all keys.");
})();
