// ---- the sound of a recipe, to the bit, as docs/definition.md defines it

const SINE = [
  9.869604401089347, -32.469697011331995, 42.72840860320322, -30.122320681166336, 13.213128300387154, -3.9517671035886255,
  0.8571871452571798, -0.14096299951553093, 0.018070275220132062, -0.001680819370573472,
];
const SINGLE_SINE = [
  9.869603157043457, -32.469581604003906, 42.72538375854492, -30.085952758789062, 12.990728378295898, -3.2729439735412598,
];
const fround = Math.fround;

// Splits a double into two halves whose products are exact (Dekker 1971).
const SPLITTER = 134217729;
// Smaller products may lose bits below the smallest number: they are added up as whole numbers.
const TINY = 2 ** -900;

// a * b + c, rounded once: after Boldo and Melquiond (IEEE Transactions on Computers 57(4), 2008). ``ah`` and ``al`` are
// the halves of ``a``, ``bh`` and ``bl`` those of ``b``. The error of the product and that of the sum are themselves added
// with an error; only where the rest is just half of the last bit does that decide.
function fused(a, ah, al, b, bh, bl, c) {
  const product = a * b;
  if (product < TINY && product > -TINY) return fusedTiny(a, b, c);
  const low = ((ah * bh - product) + ah * bl + al * bh) + al * bl;
  const sum = product + c, part = sum - product, error = (product - (sum - part)) + (c - part);
  const rest = low + error, found = sum + rest, left = rest - (found - sum), other = found + 2 * left;
  return left !== 0 && other - found === 2 * left ? between(low, error, found, other) : found;
}

// ``found`` or ``other``, between which the middle lies, by which side of it the whole sum is on.
function between(low, error, found, other) {
  const rest = low + error, part = rest - low, lost = (low - (rest - part)) + (error - part);
  if (lost === 0) return found;
  return lost > 0 === other > found ? other : found;
}

function fusedTiny(a, b, c) {
  if (a === 0 || b === 0) return a * b + c;
  return c > 2 ** -800 || c < -(2 ** -800) ? c : fusedWhole(a, b, c);
}

const BITS = new DataView(new ArrayBuffer(8));

// A double as a whole number times a power of two.
function whole(x) {
  BITS.setFloat64(0, x);
  const exponent = BITS.getUint16(0) >> 4 & 2047, fraction = BITS.getBigUint64(0) & 0xfffffffffffffn;
  const size = exponent ? fraction | 1n << 52n : fraction;
  return [x < 0 ? -size : size, Math.max(1, exponent) - 1075];
}

function fusedWhole(a, b, c) {
  const [[aWhole, aPower], [bWhole, bPower], [cWhole, cPower]] = [a, b, c].map(whole);
  const power = Math.min(aPower + bPower, cPower);
  const sum = (aWhole * bWhole << BigInt(aPower + bPower - power)) + (cWhole << BigInt(cPower - power));
  const size = sum < 0n ? -sum : sum;
  // 53 bits are kept, and none below the smallest number.
  const cut = BigInt(Math.max(0, size.toString(2).length - 53, -1074 - power));
  const rest = size - (size >> cut << cut), half = cut ? 1n << cut - 1n : 1n;
  let kept = size >> cut;
  if (rest > half || (rest === half && kept & 1n)) kept++;
  // In two factors, as the power alone may be too small for a number.
  const exponent = power + Number(cut), found = Number(kept) * 2 ** Math.max(exponent, -1000) * 2 ** Math.min(0, exponent + 1000);
  return sum < 0n ? -found : found;
}

function fusedDouble(a, b, c) {
  const at = SPLITTER * a, ah = at - (at - a), bt = SPLITTER * b, bh = bt - (bt - b);
  return fused(a, ah, a - ah, b, bh, b - bh, c);
}

// The same in single precision, for singles: the product is exact as a double, and the sum nearly is.
function fusedSingle(a, b, c) {
  const product = a * b, sum = product + c, found = fround(sum), left = sum - found, other = found + 2 * left;
  return left !== 0 && fround(other) === other ? between(product, c, found, other) : found;
}

// ``count`` random numbers, 0..1, of Philox4x64-10 (Salmon et al. 2011) as numpy gives them.
function uniform(seed, stream, count) {
  const most = 0xffffffffffffffffn, numbers = new Float64Array(count);
  for (let block = 0; 4 * block < count; block++) {
    let [c0, c1, c2, c3, k0, k1] = [BigInt(block + 1), 0n, 0n, 0n, BigInt(seed), stream];
    for (let round = 0; round < 10; round++) {
      const first = 0xd2e7470ee14c6c93n * c0, second = 0xca5a826395121157n * c2;
      [c0, c1, c2, c3] = [second >> 64n ^ c1 ^ k0, second & most, first >> 64n ^ c3 ^ k1, first & most];
      k0 = k0 + 0x9e3779b97f4a7c15n & most;
      k1 = k1 + 0xbb67ae8584caa73bn & most;
    }
    [c0, c1, c2, c3].forEach((word, i) => {
      if (4 * block + i < count) numbers[4 * block + i] = Number(word >> 11n) * 2 ** -53;
    });
  }
  return numbers;
}

// Every bias and weight, halved, and the halved ends of its range, layer by layer, neuron by neuron.
function drawn(recipe) {
  const widths = widthsOf(recipe), ranges = [];
  for (let layer = 1; layer < widths.length; layer++) {
    for (let neuron = 0; neuron < widths[layer]; neuron++) {
      ranges.push(recipe.biases);
      for (let input = 0; input < widths[layer - 1]; input++) ranges.push(recipe.weights);
    }
  }
  const values = numbersOf(recipe.seed, recipe.variations, ranges, widths);
  const half = recipe.precision === "double" ? (x) => x / 2 : (x) => fround(fround(x) / 2);
  return { values: values.map(half), lows: ranges.map(([low]) => half(low)), highs: ranges.map(([, high]) => half(high)) };
}

// The numbers of the network of a seed after variations.
function numbersOf(first, variations, ranges, widths) {
  const values = uniform(first, 0n, ranges.length).map((u, p) => ranges[p][0] + (ranges[p][1] - ranges[p][0]) * u);
  for (const { seed, amount, mate } of variations) {
    if (mate) {
      takeNeurons(values, numbersOf(mate.seed, mate.variations, ranges, widths), seed, amount, widths);
      continue;
    }
    uniform(seed, 1n, ranges.length).forEach((u, p) => {
      const [low, high] = ranges[p];
      values[p] = reflected(values[p] + (high - low) * amount * (2 * u - 1), low, high);
    });
  }
  return values;
}

// Each neuron becomes that of the other network with the probability ``amount``.
function takeNeurons(values, others, seed, amount, widths) {
  const neurons = widths.slice(1).reduce((sum, width) => sum + width, 0), numbers = uniform(seed, 2n, neurons);
  for (let layer = 1, neuron = 0, p = 0; layer < widths.length; layer++) {
    const size = widths[layer - 1] + 1;
    for (let i = 0; i < widths[layer]; i++, neuron++, p += size) {
      if (numbers[neuron] < amount) values.set(others.subarray(p, p + size), p);
    }
  }
}

function reflected(value, low, high, round = (x) => x) {
  if (value > high) value = round(2 * high - value);
  if (value < low) value = round(2 * low - value);
  return Math.min(Math.max(value, low), high);
}

function mixed(x) {
  x = Math.imul(x ^ x >>> 16, 0x21f0aaad);
  x = Math.imul(x ^ x >>> 15, 0x735a2d97);
  return x ^ x >>> 15;
}

// Moves all parameters; ``move`` counts from 0.
function adjust({ values, lows, highs }, recipe, move) {
  const isDouble = recipe.precision === "double", seed = BigInt(recipe.seed);
  const [low32, high32] = [Number(seed & 0xffffffffn), Number(seed >> 32n)];
  const state = mixed(low32 ^ mixed(high32 ^ mixed(move)));
  const amount = isDouble ? recipe.adjusting.amount / 2 : fround(fround(recipe.adjusting.amount) / 2);
  for (let p = 0; p < values.length; p++) {
    const v = (mixed(state + Math.imul(p, 0x9e3779b9) | 0) >>> 8) * 2 ** -23 - 1;
    const value = isDouble ? fusedDouble(amount, v, values[p]) : fusedSingle(amount, v, values[p]);
    values[p] = isDouble ? reflected(value, lows[p], highs[p]) : reflected(value, lows[p], highs[p], fround);
  }
}

// A layer's numbers, weights of the same input side by side: neighbouring neurons do not wait for each other.
function layersOf(recipe) {
  const widths = widthsOf(recipe);
  return widths.slice(1).map((neurons, before) => {
    const inputs = widths[before], numbers = () => new Float64Array(neurons);
    const [weights, highs, lows] = Array.from({ length: 3 }, () => new Float64Array(inputs * neurons));
    return { inputs, neurons, biases: numbers(), weights, highs, lows, sums: numbers(), squares: numbers(), out: numbers() };
  });
}

function fill(layers, values) {
  let p = 0;
  for (const { inputs, neurons, biases, weights, highs, lows } of layers) {
    for (let neuron = 0; neuron < neurons; neuron++) {
      biases[neuron] = values[p++];
      for (let input = 0; input < inputs; input++) {
        const k = input * neurons + neuron, weight = values[p++], t = SPLITTER * weight;
        weights[k] = weight;
        highs[k] = t - (t - weight);
        lows[k] = weight - highs[k];
      }
    }
  }
}

function evaluateDouble({ inputs, neurons, biases, weights, highs, lows, sums, squares, out }, values) {
  for (let n = 0; n < neurons; n++) sums[n] = biases[n];
  for (let input = 0, k = 0; input < inputs; input++) {
    const x = values[input], t = SPLITTER * x, high = t - (t - x), low = x - high;
    for (let n = 0; n < neurons; n++, k++) sums[n] = fused(weights[k], highs[k], lows[k], x, high, low, sums[n]);
  }
  for (let n = 0; n < neurons; n++) {
    const r = sums[n] - rint(sums[n]);
    squares[n] = r * r;
    out[n] = SINE[9];
  }
  for (let term = 8; term >= 0; term--) {
    const constant = SINE[term];
    for (let n = 0; n < neurons; n++) {
      const q = out[n], z = squares[n], s = SPLITTER * q, qh = s - (s - q), t = SPLITTER * z, zh = t - (t - z);
      out[n] = fused(q, qh, q - qh, z, zh, z - zh, constant);
    }
  }
  for (let n = 0; n < neurons; n++) out[n] = Math.min(squares[n] * out[n], 1);
}

function evaluateSingle({ inputs, neurons, biases, weights, sums, squares, out }, values) {
  for (let n = 0; n < neurons; n++) sums[n] = biases[n];
  for (let input = 0, k = 0; input < inputs; input++) {
    const x = values[input];
    for (let n = 0; n < neurons; n++, k++) sums[n] = fusedSingle(weights[k], x, sums[n]);
  }
  for (let n = 0; n < neurons; n++) {
    const r = fround(sums[n] - rint(sums[n]));
    squares[n] = fround(r * r);
    out[n] = SINGLE_SINE[5];
  }
  for (let term = 4; term >= 0; term--) {
    const constant = SINGLE_SINE[term];
    for (let n = 0; n < neurons; n++) out[n] = fusedSingle(out[n], squares[n], constant);
  }
  for (let n = 0; n < neurons; n++) out[n] = Math.min(fround(squares[n] * out[n]), 1);
}

// The samples of a recipe in its own precision. ``report`` is called now and then with the share that is done.
function render(recipe, report = () => {}) {
  const isDouble = recipe.precision === "double", evaluate = isDouble ? evaluateDouble : evaluateSingle;
  const Numbers = isDouble ? Float64Array : Float32Array;
  const count = stepsOf(recipe), steps = new Numbers(count), inputs = new Float64Array(recipe.length);
  const parameters = drawn(recipe), layers = layersOf(recipe), every = recipe.adjusting?.amount ? recipe.adjusting.every : Infinity;
  const often = Math.ceil(2e6 * count / workOf(recipe));
  fill(layers, parameters.values);
  for (let step = 0; step < count; step++) {
    for (let i = 0; i < inputs.length; i++) inputs[i] = step >= 2 ** i ? steps[step - 2 ** i] : 0;
    let values = inputs;
    for (const layer of layers) {
      evaluate(layer, values);
      values = layer.out;
    }
    steps[step] = values[0];
    if ((step + 1) % every === 0) {
      adjust(parameters, recipe, (step + 1) / every - 1);
      fill(layers, parameters.values);
    }
    if (step % often === 0) report(step / count);
  }
  return held(steps, recipe);
}

function held(steps, recipe) {
  if (!recipe.gap) return steps;
  const samples = new steps.constructor(samplesOf(recipe)), hold = 2 ** recipe.gap;
  for (let step = 0; step < steps.length; step++) samples.fill(steps[step], step * hold, (step + 1) * hold);
  return samples;
}
