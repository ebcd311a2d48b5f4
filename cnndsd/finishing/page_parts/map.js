// ---- the map

const EDGE = 18;
let hovered = null;

const onMap = (sound) => [
  EDGE + sound.at[0] * (map.clientWidth - 2 * EDGE), map.clientHeight - EDGE - sound.at[1] * (map.clientHeight - 2 * EDGE),
];

function drawMap() {
  if (map.parentElement.hidden || !colours) return;
  const scale = devicePixelRatio || 1, ink = map.getContext("2d");
  map.width = map.clientWidth * scale;
  map.height = map.clientHeight * scale;
  ink.scale(scale, scale);
  // Of thousands the dots are smaller.
  const size = Math.max(0.4, Math.min(1, Math.sqrt(600 / shown.length)));
  for (const sound of shown) {
    const [x, y] = onMap(sound);
    ink.globalAlpha = sound.pick === "drop" ? 0.25 : 1;
    ink.fillStyle = colours.kinds[sound.kind];
    ink.beginPath();
    ink.arc(x, y, size * (3 + 6 * sound.score), 0, 7);
    ink.fill();
    if (sound.pick === "keep" || sound === current || sound === hovered) {
      ink.strokeStyle = sound === current || sound === hovered ? colours.ink : colours.keep;
      ink.lineWidth = 2.5;
      ink.stroke();
    }
  }
  ink.globalAlpha = 1;
  const named = hovered ?? current;
  if (named && shown.includes(named)) nameOnMap(ink, named);
}

function nameOnMap(ink, sound) {
  const [x, y] = onMap(sound), isRight = x > map.clientWidth / 2, text = [stem(sound), ...moreOf(sound)].join(" · ");
  ink.fillStyle = colours.ink;
  ink.font = "600 13px system-ui, sans-serif";
  ink.textAlign = isRight ? "right" : "left";
  ink.lineWidth = 4;
  ink.strokeStyle = colours.card;
  ink.strokeText(text, x + (isRight ? -14 : 14), y + 4);
  ink.fillText(text, x + (isRight ? -14 : 14), y + 4);
}

function nearestOnMap(event, least) {
  let best = null;
  for (const sound of shown) {
    const [x, y] = onMap(sound), away = Math.hypot(x - event.offsetX, y - event.offsetY);
    if (away < least) [best, least] = [sound, away];
  }
  return best;
}

function hover(sound) {
  if (sound === hovered) return;
  hovered = sound;
  map.style.cursor = sound ? "pointer" : "default";
  drawMap();
}

map.addEventListener("click", (event) => {
  const sound = nearestOnMap(event, 30);
  if (sound) play(sound);
});
map.addEventListener("pointermove", (event) => event.pointerType === "mouse" && hover(nearestOnMap(event, 16)));
map.addEventListener("pointerleave", () => hover(null));

function showMap() {
  map.parentElement.hidden = !map.parentElement.hidden;
  toggle(at("map-button"));
  showCards();
  if (map.parentElement.hidden) return;
  drawMap();
  map.focus();
}

const TOWARDS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };

function goOnMap([right, up]) {
  if (!current) return move(1);
  let best = null, least = Infinity;
  for (const sound of shown) {
    const x = sound.at[0] - current.at[0], y = sound.at[1] - current.at[1];
    const along = x * right + y * up, aside = Math.abs(x * up - y * right);
    // The nearest sound within 45 degrees of the arrow's direction.
    if (sound !== current && along > 0 && aside <= along && along + aside < least) [best, least] = [sound, along + aside];
  }
  if (best) visit(best);
}
