// ---- all about one sound

const shortNumber = (value) => String(Math.abs(value) < 100 ? Number(value.toPrecision(3)) : Math.round(value));

function showAbout() {
  if (!current || !shown.includes(current)) return say("Choose a sound first.");
  at("about-name").textContent = stem(current);
  at("about-facts").textContent = [
    ...factsOf(current), lengthOf(current), current.looks && `${current.looks.lufs.toFixed(1)} LUFS`,
    isWide(current) && `correlation of the channels ${current.looks.correlation.toFixed(2)}`,
  ].filter(Boolean).join(" · ");
  at("about-score").textContent = `Score ${current.score.toFixed(2)}: ${current.why.join(", ")}.`;
  at("about-file").replaceChildren(fileLink(current));
  at("about-terms").replaceChildren(...pack.descriptors.map(([, label, meaning], i) => {
    const row = document.createElement("tr"), name = element("th", "", label);
    name.scope = "row";
    row.append(name, element("td", "number", shortNumber(current.measures[i])), element("td", "", meaning));
    return row;
  }));
  at("about").showModal();
  at("about").scrollTop = 0;
}

function fileLink(sound) {
  const link = element("a", "", sound.file);
  link.href = fileAddress(sound);
  link.download = fileName(sound);
  link.target = "_blank";
  makeDraggable(link, () => sound);
  return link;
}
