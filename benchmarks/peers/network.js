// The network in JavaScript: `node network.js PARAMETERS SECONDS single|double`.

const { readFileSync } = require("node:fs");

const RATE = 44100;
const LENGTH = 6;
const WIDTHS = [LENGTH, 8, 8, 1];
const HISTORY = 2 ** (LENGTH - 1);

// A function made for the shape: loops unrolled, so that sums are local numbers and not elements of arrays.
function makeRender(single) {
  const round = single ? (code) => `fround(${code})` : (code) => `(${code})`;
  const lines = [];
  let inputs = [];
  for (let i = 0; i < LENGTH; i++) {
    lines.push(`const x0_${i} = ring[(t - ${1 << i}) & ${HISTORY - 1}];`);
    inputs.push(`x0_${i}`);
  }
  let p = 0;
  WIDTHS.slice(1).forEach((neurons, layer) => {
    const outputs = [];
    for (let n = 0; n < neurons; n++) {
      const sum = inputs.reduce((h, x) => round(`${h} + ${round(`p[${++p}] * ${x}`)}`), `p[${p}]`);
      p++;
      const y = `x${layer + 1}_${n}`;
      lines.push(`const s${y} = ${round(`sin(${round(`halfPi * ${sum}`)})`)};`);
      lines.push(`const ${y} = ${round(`s${y} * s${y}`)};`);
      outputs.push(y);
    }
    inputs = outputs;
  });
  return new Function(
    "p",
    "ring",
    "out",
    `const { sin, fround } = Math;
    const halfPi = ${round("Math.PI / 2")};
    for (let t = 0; t < out.length; t++) {
      ${lines.join("\n      ")}
      out[t] = ring[t & ${HISTORY - 1}] = ${inputs[0]};
    }`,
  );
}

const [path, seconds, precision] = process.argv.slice(2);
const Numbers = precision === "single" ? Float32Array : Float64Array;
const bytes = readFileSync(path);
const count = WIDTHS.slice(1).reduce((sum, width, layer) => sum + width * (WIDTHS[layer] + 1), 0);
const parameters = Numbers.from({ length: count }, (_, k) => bytes.readDoubleLE(8 * k));
const out = new Numbers(Math.floor(Number(seconds) * RATE));
const render = makeRender(precision === "single");
render(parameters, new Numbers(HISTORY), out);
render(parameters, new Numbers(HISTORY), out);
const start = process.hrtime.bigint();
render(parameters, new Numbers(HISTORY), out);
const wall = Number(process.hrtime.bigint() - start) / 1e9;
console.log(
  JSON.stringify({
    peer: "js",
    precision,
    cores: 1,
    seconds_of_audio: out.length / RATE,
    wall_s: wall,
    checksum: out.reduce((a, b) => a + b, 0),
    first_samples: Array.from(out.subarray(0, 8)),
  }),
);
