// ---- picks

// The key of the picks in the browser's storage. Some browsers have no storage for a page from a file.
const memory = `cnndsd ${pack.title} ${pack.command}`;

function remembered() {
  try {
    return JSON.parse(localStorage.getItem(memory)) ?? {};
  } catch {
    return {};
  }
}

function showNow() {
  if (!current) return;
  const { why, pick, score } = current;
  say([stem(current), moreOf(current).join(", "), `score ${score.toFixed(2)}: ${why.join(", ")}`].filter(Boolean).join(" · "));
  at("keep").setAttribute("aria-pressed", pick === "keep");
  at("drop").setAttribute("aria-pressed", pick === "drop");
  if (pack.rendered) return;
  at("file").href = fileAddress(current);
  at("file").download = fileName(current);
}

// Nothing is picked that cannot be seen.
function pickCurrent(wish) {
  if (current && shown.includes(current)) pick(current, wish);
  else say("Choose a sound first.");
}

function pick(sound, wish) {
  setPick(sound, sound.pick === wish ? null : wish);
  try {
    const picks = Object.fromEntries(sounds.filter((s) => s.pick).map((s) => [s.candidate, s.pick]));
    localStorage.setItem(memory, JSON.stringify(picks));
  } catch { /* without storage, picks last until the page is closed */ }
}

function setPick(sound, wish) {
  sound.pick = wish;
  showState(sound);
  showNow();
  showCounts();
  if (at("picked").value && !similarTo) arrange();
  else drawMap();
}

const picked = (wish) => sounds.filter((sound) => sound.pick === wish);

// The sounds that are kept, or all that are not dropped when none is kept.
const wanted = () => picked("keep").length ? picked("keep") : sounds.filter((sound) => sound.pick !== "drop");

function showCounts() {
  at("picks-button").textContent = `List (${picked("keep").length})`;
  for (const option of at("picked").options) {
    if (option.value) {
      const count = option.value === "none" ? sounds.filter((s) => !s.pick).length : picked(option.value).length;
      option.textContent = `${option.dataset.label} ${count}`;
    }
  }
}

function showList() {
  const kept = picked("keep").length, dropped = picked("drop").length;
  at("picks-about").textContent = `${kept} kept, ${dropped} dropped. This command makes a pack of ${
    kept ? "the sounds you kept" : "all sounds you did not drop"}:`;
  const numbers = wanted().map((sound) => sound.candidate).join(",");
  // PowerShell splits what is not quoted at its commas; other shells take both.
  at("picks-text").value = pack.command + (numbers.includes(",") ? `"${numbers}"` : numbers);
  at("files-about").textContent = kept ? "The files you kept:" : "The files you did not drop:";
  at("files-text").value = wanted().map((sound) => sound.file).join("\n");
  at("picks").showModal();
}

async function copy(button, text) {
  text.select();
  try {
    await navigator.clipboard.writeText(text.value);
  } catch {
    document.execCommand("copy");
  }
  const label = button.textContent;
  button.textContent = "Copied";
  setTimeout(() => { button.textContent = label; }, 1500);
}
