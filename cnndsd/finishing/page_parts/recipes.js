// ---- recipes: their facts, their limits in a page, and their text

// What a recipe is where it says nothing. Seeds are texts: they may have more digits than a number holds.
const USUAL = {
  length: 6, hidden: [8, 8], gap: 5, seed: "0", seconds: 2, sample_rate: 44100, precision: "double", weights: [0, 1],
  biases: [0, 1], adjusting: null, variations: [], definition: 1,
};
const MOST_VARIATIONS = 64;
// More is too long for a page: fused multiply-adds, of which a page does some 100 to 200 million a second, and samples.
const MOST_WORK = 2e9, MOST_SAMPLES = 1e7;

// The nearest whole number, halves to even; for less than 2 ** 51.
const rint = (x) => (x + 6755399441055744) - 6755399441055744;
const widthsOf = (recipe) => [recipe.length, ...recipe.hidden, 1];
const samplesOf = (recipe) => Math.max(1, rint(recipe.seconds * recipe.sample_rate));
const stepsOf = (recipe) => Math.ceil(samplesOf(recipe) / 2 ** recipe.gap);

// Fused multiply-adds of the whole sound: a weight or an adjusted number is one, a neuron's sine as many as it has terms.
function workOf(recipe) {
  const widths = widthsOf(recipe), terms = recipe.precision === "double" ? 9 : 5;
  let neurons = 0, weights = 0;
  for (let layer = 1; layer < widths.length; layer++) {
    neurons += widths[layer];
    weights += widths[layer] * widths[layer - 1];
  }
  const moved = recipe.adjusting ? 3 * (weights + neurons) / recipe.adjusting.every : 0;
  return stepsOf(recipe) * (weights + terms * neurons + moved) + 300 * (weights + neurons) * (1 + 2 * sizeOf(recipe.variations));
}

// How many variations there are, those of mates among them.
const sizeOf = (variations) => variations.reduce((sum, { mate }) => sum + 1 + (mate ? sizeOf(mate.variations) : 0), 0);

// Why a page does not render a recipe, as one line, or "".
function refusal(recipe) {
  const { seconds, sample_rate: rate, variations } = recipe;
  if (!(seconds >= 0.001 && seconds <= 600)) return `${seconds} s is not allowed; allowed: 0.001 to 600 s`;
  if (!(rate >= 8000 && rate <= 192000 && Number.isInteger(rate))) return `${rate} Hz is not allowed; allowed: 8000 to 192000 Hz`;
  if (sizeOf(variations) > MOST_VARIATIONS) return `a sound can be varied ${MOST_VARIATIONS} times`;
  const share = Math.min(MOST_SAMPLES / samplesOf(recipe), MOST_WORK / workOf(recipe)), most = Number((share * seconds).toPrecision(2));
  if (share >= 1) return "";
  return most < 1 ? "too wide for this page: cnndsd render makes it"
    : `too long for this page, which renders up to ${most} s of it: cnndsd render FILE --seconds ${seconds} makes it`;
}

// The recipe as the command line reads it from a sound file or a .json file.
function recipeText(recipe) {
  return JSON.stringify({ ...USUAL, ...recipe }).replace(/"seed":"(\d+)"/g, '"seed":$1');
}

// A WAV file of 32-bit floats with the recipe as its comment, where the command line looks for it.
function wavOf(samples, recipe) {
  const text = new TextEncoder().encode(recipeText(recipe) + "\0"), padded = text.length + text.length % 2;
  const head = 12 + 24 + 12 + 20 + padded + 8, file = new DataView(new ArrayBuffer(head + 4 * samples.length));
  let at = 0;
  const name = (letters) => { for (const letter of letters) file.setUint8(at++, letter.charCodeAt(0)); };
  const number = (value, bytes = 4) => {
    if (bytes === 4) file.setUint32(at, value, true);
    else file.setUint16(at, value, true);
    at += bytes;
  };
  name("RIFF"); number(file.byteLength - 8); name("WAVE");
  // IEEE floats on one channel.
  name("fmt "); number(16); number(3, 2); number(1, 2); number(recipe.sample_rate); number(4 * recipe.sample_rate);
  number(4, 2); number(32, 2);
  name("fact"); number(4); number(samples.length);
  name("LIST"); number(12 + padded); name("INFO"); name("ICMT"); number(text.length);
  new Uint8Array(file.buffer).set(text, at);
  at += padded;
  name("data"); number(4 * samples.length);
  for (let i = 0; i < samples.length; i++) file.setFloat32(head + 4 * i, samples[i], true);
  return file.buffer;
}
