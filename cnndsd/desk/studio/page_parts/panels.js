// ---- the history, and the family of a sound

function rowOf(tile) {
  const marks = marksOf(tile.id).map((mark) => `${mark} · `).join(""), hearIt = element("button", "", element("b", "", tile.word));
  hearIt.append(element("span", "", facts(tile).join(" · ")), element("span", "what", tile.done));
  hearIt.append(element("span", "", `${marks}${tile.score.toFixed(2)}`));
  hearIt.addEventListener("click", async () => {
    try {
      await fetchTiles([tile.id]);
      play(knownTile(tile.id));
      say(label(knownTile(tile.id)));
    } catch (error) {
      say(error.message, true);
    }
  });
  const back = element("button", "", "Bring back");
  back.setAttribute("aria-label", `bring back ${tile.word}`);
  back.addEventListener("click", async () => {
    for (const dialog of document.querySelectorAll("dialog[open]")) dialog.close();
    bringBack(tile.id);
  });
  return element("li", "", hearIt, back);
}

async function listHistory(isMore) {
  const list = at("history-list"), last = isMore ? list.dataset.last : "";
  if (!isMore) list.replaceChildren();
  const rest = `mark=${at("history-mark").value}${last ? `&before=${last}` : ""}`;
  try {
    const found = await (await ask(`history?${rest}`)).json();
    list.append(...found.map(rowOf));
    if (found.length) list.dataset.last = found.at(-1).id;
    at("history-more").hidden = found.length < 200;
    if (!list.children.length) list.append(element("li", "none", "None yet."));
  } catch (error) {
    say(error.message, true);
  }
}

function showHistory() {
  at("history").showModal();
  return listHistory(false);
}

async function showFamily() {
  const tile = factsAt(current);
  if (!tile) return;
  try {
    const { ancestors, children } = await (await ask(`lineage/${current}`)).json();
    at("family-title").textContent = `Family of ${tile.word}`;
    const none = (text) => [element("li", "none", text)];
    at("ancestors").replaceChildren(...ancestors.length ? ancestors.map(rowOf) : none("Drawn at random: it has no parents."));
    at("children").replaceChildren(...children.length ? children.map(rowOf) : none("Nothing yet."));
    at("family").showModal();
  } catch (error) {
    say(error.message, true);
  }
}
