// ---- pictures: the waveform, and below it the spectrogram, drawn from the samples

const COLUMNS = 96, ROWS = 48, SIZE = 2048, LOW_HZ = 40, HIGH_HZ = 16000, DEPTH_DB = 66;
const KINDS = ["hit", "beat", "glitch", "riser", "fall", "noise", "bass", "lead", "pad", "drone", "metallic", "growl", "texture"];
let colours = null;

const hann = Float64Array.from({ length: SIZE }, (_, i) => 0.5 - 0.5 * Math.cos((2 * Math.PI * i) / SIZE));
const cosines = Float64Array.from({ length: SIZE / 2 }, (_, i) => Math.cos((2 * Math.PI * i) / SIZE));
const sines = Float64Array.from({ length: SIZE / 2 }, (_, i) => Math.sin((2 * Math.PI * i) / SIZE));
const reversed = Uint16Array.from({ length: SIZE }, (_, i) => {
  let out = 0;
  for (let bit = 1; bit < SIZE; bit <<= 1) out = (out << 1) | (i & bit ? 1 : 0);
  return out;
});
const re = new Float64Array(SIZE), im = new Float64Array(SIZE);

// The fast Fourier transform of Cooley and Tukey, in place; the input is in bit-reversed order.
function transform() {
  for (let half = 1; half < SIZE; half <<= 1) {
    const stride = SIZE / (2 * half);
    for (let begin = 0; begin < SIZE; begin += 2 * half) {
      for (let k = 0, w = 0, a = begin, b = begin + half; k < half; k++, w += stride, a++, b++) {
        const c = cosines[w], s = sines[w], x = re[b] * c + im[b] * s, y = im[b] * c - re[b] * s;
        re[b] = re[a] - x;
        im[b] = im[a] - y;
        re[a] += x;
        im[a] += y;
      }
    }
  }
}

function spectrogram(sound, rate) {
  const levels = new Float32Array(COLUMNS * ROWS);
  const edges = Array.from({ length: ROWS + 1 }, (_, i) => (LOW_HZ * (HIGH_HZ / LOW_HZ) ** (i / ROWS) * SIZE) / rate);
  let most = 1e-20;
  for (let column = 0; column < COLUMNS; column++) {
    const start = Math.round(((sound.length - 1) * column) / (COLUMNS - 1)) - SIZE / 2;
    for (let i = 0; i < SIZE; i++) re[reversed[i]] = (sound[start + i] ?? 0) * hann[i];
    im.fill(0);
    transform();
    for (let row = 0; row < ROWS; row++) {
      const low = Math.min(SIZE / 2, Math.max(1, Math.round(edges[row]))), high = Math.min(SIZE / 2, Math.max(low + 1, Math.round(edges[row + 1])));
      let power = 0;
      for (let k = low; k < high; k++) power += re[k] * re[k] + im[k] * im[k];
      power /= Math.max(1, high - low);
      levels[column * ROWS + row] = power;
      if (power > most) most = power;
    }
  }
  const image = new ImageData(COLUMNS, ROWS), paint = new Uint32Array(image.data.buffer);
  for (let column = 0; column < COLUMNS; column++) {
    for (let row = 0; row < ROWS; row++) {
      const db = 10 * Math.log10(levels[column * ROWS + row] / most + 1e-12);
      paint[(ROWS - 1 - row) * COLUMNS + column] = colours.shades[Math.max(0, Math.min(255, Math.round(255 * (1 + db / DEPTH_DB))))];
    }
  }
  const canvas = element("canvas", "");
  canvas.width = COLUMNS;
  canvas.height = ROWS;
  canvas.getContext("2d").putImageData(image, 0, 0);
  return canvas;
}

function paint(canvas, tile) {
  // Of two channels, the first.
  const sound = samplesOf(tile).getChannelData(0), width = canvas.width = 480, height = canvas.height = 248;
  const ink = canvas.getContext("2d"), middle = 42, high = 38;
  ink.clearRect(0, 0, width, height);
  ink.fillStyle = colours.wave;
  const peak = peakOf(sound);
  for (let x = 0; x < width; x += 2) {
    const from = Math.floor((sound.length * x) / width), to = Math.max(from + 1, Math.floor((sound.length * (x + 2)) / width));
    let low = 1, top = -1;
    for (let i = from; i < to; i++) {
      if (sound[i] < low) low = sound[i];
      if (sound[i] > top) top = sound[i];
    }
    ink.fillRect(x, middle - (top / peak) * high, 2, Math.max(1.5, ((top - low) / peak) * high));
  }
  tile.spectrogram ??= spectrogram(sound, tile.recipe.sample_rate);
  ink.imageSmoothingEnabled = true;
  ink.drawImage(tile.spectrogram, 0, 88, width, height - 88);
}

function takeColours() {
  const style = getComputedStyle(document.documentElement), isDark = matchMedia("(prefers-color-scheme: dark)").matches;
  const ramp = isDark
    ? [[16, 16, 22], [62, 24, 92], [168, 52, 92], [242, 130, 68], [252, 236, 190]]
    : [[255, 255, 255], [253, 222, 170], [238, 130, 84], [140, 40, 100], [30, 14, 50]];
  colours = {
    wave: style.getPropertyValue("--wave").trim(),
    shades: Uint32Array.from({ length: 256 }, (_, i) => {
      const part = (i / 255) * (ramp.length - 1), first = Math.min(ramp.length - 2, Math.floor(part));
      const [r, g, b] = ramp[first].map((low, k) => Math.round(low + (ramp[first + 1][k] - low) * (part - first)));
      return ((255 << 24) | (b << 16) | (g << 8) | r) >>> 0;
    }),
    kind: (kind) => `hsl(${Math.round((KINDS.indexOf(kind) * 360) / KINDS.length)} 65% ${isDark ? 65 : 42}%)`,
  };
  for (const tile of tiles.values()) tile.spectrogram = null;
}
