// ---- start

const picks = remembered();
for (const sound of sounds) sound.pick = picks[sound.candidate] ?? null;
const options = [...sorts].map(([value, [label]]) => new Option(label, value));
const measured = options.splice(-pack.descriptors.length);
at("sort").append(...options, Object.assign(document.createElement("optgroup"), { label: "measured, low first" }));
at("sort").lastChild.append(...measured);
for (const kind of pack.kinds) {
  const count = sounds.filter((sound) => sound.kind === kind).length;
  if (!count) continue;
  const button = element("button", ""), entry = element("span", "");
  button.append(dot(kind), `${kind} ${count}`);
  button.dataset.kind = kind;
  button.setAttribute("aria-pressed", "false");
  entry.append(dot(kind), kind);
  at("kinds").append(button);
  at("legend").append(entry);
}
for (const option of at("picked").options) option.dataset.label = option.textContent;
offerFilters();
takeColours();
offerTogether();
showCounts();
arrange();

at("kinds").addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  toggle(button);
  filter();
});
for (const id of ["sort", "picked", "note", "tempo"]) at(id).addEventListener("change", filter);
at("search").addEventListener("input", filter);
at("direction").addEventListener("click", () => {
  toggle(at("direction"));
  filter();
});
at("map-button").addEventListener("click", showMap);
at("loop").addEventListener("click", () => {
  toggle(at("loop"));
  player.loop = isOn("loop") || Boolean(player.sound && isBarLoop(player.sound));
  if (grown) grown.source.loop = isOn("loop");
});
at("together").addEventListener("click", () => {
  if (at("together").parentElement.hidden) return;
  toggle(at("together"));
  if (!isOn("together")) stopLoops();
});
at("volume").addEventListener("input", setVolume);
at("stop").addEventListener("click", stopAll);
at("similar").addEventListener("click", () => {
  if (similarTo) showSimilar(null);
  else if (current && shown.includes(current)) showSimilar(current);
  else say("Choose a sound first.");
});
at("help-button").addEventListener("click", () => at("help").showModal());
at("about-button").addEventListener("click", showAbout);
at("grow-button").addEventListener("click", showGrow);
at("keep").addEventListener("click", () => pickCurrent("keep"));
at("drop").addEventListener("click", () => pickCurrent("drop"));
at("file").hidden = pack.rendered;
makeDraggable(at("file"), () => current);
at("picks-button").addEventListener("click", showList);
at("copy").addEventListener("click", () => copy(at("copy"), at("picks-text")));
at("copy-files").addEventListener("click", () => copy(at("copy-files"), at("files-text")));
at("top").addEventListener("click", () => {
  scrollTo({ top: 0 });
  at("search").focus({ preventScroll: true });
});
addEventListener("scroll", () => {
  at("top").hidden = scrollY < innerHeight;
  showCards();
}, { passive: true });
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", takeColours);
addEventListener("resize", () => {
  showCards();
  drawMap();
});
