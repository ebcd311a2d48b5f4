// Renders many networks on a GPU, with the bits of docs/definition.md. docs/kernel.md tells how.
//
// Compiled with contraction off: every operation below is rounded once, and what is to be fused says fma. In front of
// this text stand SINE_SINGLE and SINE_DOUBLE, the coefficients of kernel.py; behind it stand the kernels that are wanted,
// each a line RENDER(...) or LINE(...). But for the few words of CUDA it is plain C++, so that a test can run it on a
// processor.

typedef unsigned long long uint64;

// A block has the threads of one warp.
constexpr int WARP = 32;

// What a block renders: networks that differ only in their seeds. Its layout is that of ``plans.WORK``.
struct Work {
  // The first items of the block: parameters, [parameters][networks]; outputs, [steps][networks]; sounds, [count][steps];
  // statistics, [count][frames][6]; seeds, those that differ, [count]; the seeds and amounts of the variations.
  uint64 parameters, outputs, sounds, statistics, seeds, variations;
  double biases[2], weights[2];  // low and high
  double amount;                 // of adjusting, after every so many steps
  unsigned every, count, steps, frame, varied, layers;
  unsigned widths[6];  // inputs, hidden layers, 1
};

// ---- Networks ----

template <typename number>
struct Sine;
template <>
struct Sine<float> {
  static constexpr int degree = 5;
  __device__ static inline float coefficient(int k) {
    constexpr float numbers[degree + 1] = {SINE_SINGLE};
    return numbers[k];
  }
  // The nearest whole number to h, of the nth neuron. Two of four are found by additions, so that the units that round and
  // those that add share the work. This is exact below 2**22; h is a sum of at most 65 parameters within -50..50.
  __device__ static inline float whole(float h, int n) {
    return n % 4 < 2 ? (h + 0x1.8p23f) - 0x1.8p23f : rint(h);
  }
  // Costs nothing: the multiplication before it does that, too.
  __device__ static inline float at_most_one(float x) { return __saturatef(x); }
};
template <>
struct Sine<double> {
  static constexpr int degree = 9;
  __device__ static inline double coefficient(int k) {
    constexpr double numbers[degree + 1] = {SINE_DOUBLE};
    return numbers[k];
  }
  __device__ static inline double whole(double h, int) { return rint(h); }
  // Of whole numbers, so that it does not take the units that multiply and add: x is neither negative nor a NaN.
  __device__ static inline double at_most_one(double x) { return __double2hiint(x) >= 0x3ff00000 ? 1.0 : x; }
};

// In place, of all sums side by side: sin(pi * h)**2, as kernel.act.
template <typename number, int COUNT>
__device__ inline void act(number (&h)[COUNT]) {
  number z[COUNT], q[COUNT];
#pragma unroll
  for (int n = 0; n < COUNT; n++) {
    const number r = h[n] - Sine<number>::whole(h[n], n);
    z[n] = r * r;
    q[n] = Sine<number>::coefficient(Sine<number>::degree);
  }
#pragma unroll
  for (int k = Sine<number>::degree - 1; k >= 0; k--) {
#pragma unroll
    for (int n = 0; n < COUNT; n++) q[n] = fma(q[n], z[n], Sine<number>::coefficient(k));
  }
#pragma unroll
  for (int n = 0; n < COUNT; n++) h[n] = Sine<number>::at_most_one(z[n] * q[n]);
}

__device__ inline unsigned mix(unsigned x) {
  x = (x ^ (x >> 16)) * 0x21f0aaadu;
  x = (x ^ (x >> 15)) * 0x735a2d97u;
  return x ^ (x >> 15);
}

// The nearest of 0 to most.
__device__ constexpr int among(int x, int most) { return x < 0 ? 0 : x > most ? most : x; }

#ifdef __CUDACC_RTC__
// Volatile, so that they are read at every step instead of once, as there is no register for them.
__device__ inline void read_shared(const float* from, float (&to)[4]) {
  asm volatile("ld.shared.v4.f32 {%0, %1, %2, %3}, [%4];"
               : "=f"(to[0]), "=f"(to[1]), "=f"(to[2]), "=f"(to[3])
               : "r"(unsigned(__cvta_generic_to_shared(from)))
               : "memory");
}
__device__ inline void read_shared(const double* from, double (&to)[2]) {
  asm volatile("ld.shared.v2.f64 {%0, %1}, [%2];"
               : "=d"(to[0]), "=d"(to[1])
               : "r"(unsigned(__cvta_generic_to_shared(from)))
               : "memory");
}
#else
template <typename number, int COUNT>
inline void read_shared(const number* from, number (&to)[COUNT]) {
  for (int i = 0; i < COUNT; i++) to[i] = from[i];
}
#endif

// So many numbers are read at a time.
template <typename number>
constexpr int PACK = 16 / sizeof(number);

// Some neurons of a layer, of one thread. The layer may be smaller than INPUTS and than the neurons of all threads: beyond
// are zeros, which change no bit of a sum and give neurons whose output is 0. The biases and the weights of the first
// inputs, KEPT columns in all, are in registers. The others are in memory that the block shares, from ``others`` on, in
// packs, each beside those of the block's other threads.
template <typename number, int INPUTS, int NEURONS, int KEPT>
struct Layer {
  // Items of the whole block in shared memory.
  static constexpr int SHARED = ((INPUTS + 1 - KEPT) * NEURONS + PACK<number> - 1) / PACK<number> * PACK<number> * WARP;
  number values[NEURONS][KEPT > 0 ? KEPT : 1];  // halved; the bias, then the weights

  __device__ inline number& at(int n, int column, number* others) {
    const int item = (column - KEPT) * NEURONS + n;
    return column < KEPT ? values[n][column] : others[item / PACK<number> * PACK<number> * WARP + item % PACK<number>];
  }

  // Calls visit(value, place) for each parameter that the layer has. ``row``: the place of the layer's first one in the
  // order of the definition. ``first``: the thread's first neuron. Returns the next layer's row. UNROLL 1 takes less time
  // to compile, but the parameters then lie in memory, as registers have no index.
  template <int UNROLL, typename Visit>
  __device__ inline unsigned each(const Work& work, int layer, unsigned row, unsigned first, number* others, Visit visit) {
    const unsigned inputs = work.widths[layer], neurons = work.widths[layer + 1];
#pragma unroll
    for (int n = 0; n < NEURONS; n++) {
#pragma unroll UNROLL
      for (int i = 0; i <= INPUTS; i++) {
        if (first + n < neurons && i <= inputs) visit(at(n, i, others), row + (first + n) * (inputs + 1) + i, i == 0);
      }
    }
    return row + neurons * (inputs + 1);
  }

  __device__ inline void clear(number* others) {
#pragma unroll
    for (int n = 0; n < NEURONS; n++) {
#pragma unroll
      for (int i = 0; i <= INPUTS; i++) at(n, i, others) = 0;
    }
  }

  template <int COUNT>
  __device__ inline void outputs(const number (&x)[COUNT], number (&y)[NEURONS], const number* others) const {
    number pack[PACK<number>];
#pragma unroll
    for (int i = 0; i <= INPUTS; i++) {
#pragma unroll
      for (int n = 0; n < NEURONS; n++) {
        const int item = (i - KEPT) * NEURONS + n;
        if (i >= KEPT && item % PACK<number> == 0) read_shared(others + item * WARP, pack);
        const number value = i < KEPT ? values[n][i < KEPT ? i : 0] : pack[(i < KEPT ? 0 : item) % PACK<number>];
        y[n] = i == 0 ? value : fma(value, x[i > 0 ? i - 1 : 0], y[n]);
      }
    }
    act(y);
  }
};

// Each of the THREADS of a network gives its outputs of a layer, and gets those of all.
template <typename number, int WIDTH, int THREADS>
__device__ inline void exchange(const number (&mine)[WIDTH / THREADS], number (&all)[WIDTH]) {
  constexpr int NEURONS = WIDTH / THREADS;
  if constexpr (THREADS == 1) {
#pragma unroll
    for (int n = 0; n < WIDTH; n++) all[n] = mine[n];
  } else {
    // Rows of 16 bytes more than needed lie in other banks of the memory.
    constexpr int ROW = WIDTH + 16 / sizeof(number);
    __shared__ __align__(16) number rows[WARP / THREADS][ROW];
    number* row = rows[threadIdx.x / THREADS];
#pragma unroll
    for (int n = 0; n < NEURONS; n++) row[threadIdx.x % THREADS * NEURONS + n] = mine[n];
    __syncwarp();
#pragma unroll
    for (int n = 0; n < WIDTH; n++) all[n] = row[n];
    __syncwarp();
  }
}

// All layers of a network, and the evaluation of one step. The first REGISTERS of a thread's parameters, or some fewer, are
// in registers.
template <typename number, int LENGTH, int WIDTH, int LAYERS, int THREADS, int REGISTERS>
struct Network {
  static constexpr int NEURONS = WIDTH / THREADS, ROWS = NEURONS * (LAYERS - 1);
  // An array has one item at least.
  static constexpr int ITEMS = LAYERS > 1 ? LAYERS - 1 : 1;
  // What is left of the registers behind the first layer, and behind the inner ones.
  static constexpr int LEFT = REGISTERS - NEURONS * (LENGTH + 1), LAST = LEFT - ROWS * (WIDTH + 1);
  // Few of so many would find a register.
  static constexpr int UNROLL = REGISTERS * sizeof(number) > 1200 ? 1 : LENGTH + WIDTH;
  using First = Layer<number, LENGTH, NEURONS, among(REGISTERS / NEURONS, LENGTH + 1)>;
  using Inner = Layer<number, WIDTH, NEURONS, among(LEFT / (NEURONS * ITEMS), WIDTH + 1)>;
  using Last = Layer<number, WIDTH, 1, among(LAST, WIDTH + 1)>;
  // Where the parameters in shared memory begin.
  static constexpr int OF_INNER = First::SHARED, OF_LAST = OF_INNER + (LAYERS - 1) * Inner::SHARED;
  static constexpr int SHARED = OF_LAST + Last::SHARED;
  First first;
  Inner inner[ITEMS];
  Last last;  // computed by all threads of the network alike

  template <typename Visit>
  __device__ inline void each(const Work& work, number* shared, Visit visit) {
    const unsigned neuron = threadIdx.x % THREADS * NEURONS;
    unsigned row = first.template each<UNROLL>(work, 0, 0, neuron, shared, visit);
#pragma unroll
    for (int i = 0; i < LAYERS - 1; i++) {
      row = inner[i].template each<UNROLL>(work, i + 1, row, neuron, shared + OF_INNER + i * Inner::SHARED, visit);
    }
    last.template each<UNROLL>(work, LAYERS, row, 0, shared + OF_LAST, visit);
  }

  __device__ inline void clear(number* shared) {
    first.clear(shared);
#pragma unroll
    for (int i = 0; i < LAYERS - 1; i++) inner[i].clear(shared + OF_INNER + i * Inner::SHARED);
    last.clear(shared + OF_LAST);
  }

  __device__ inline number step(const number (&past)[LENGTH], const number* shared) const {
    number mine[NEURONS], all[WIDTH], y[1];
    first.outputs(past, mine, shared);
    exchange<number, WIDTH, THREADS>(mine, all);
#pragma unroll
    for (int i = 0; i < LAYERS - 1; i++) {
      inner[i].outputs(all, mine, shared + OF_INNER + i * Inner::SHARED);
      exchange<number, WIDTH, THREADS>(mine, all);
    }
    last.outputs(all, y, shared + OF_LAST);
    return y[0];
  }
};

// No hidden layer: one neuron.
template <typename number, int LENGTH, int WIDTH, int THREADS, int REGISTERS>
struct Network<number, LENGTH, WIDTH, 0, THREADS, REGISTERS> {
  static constexpr int SHARED = 0, UNROLL = LENGTH + 1;
  Layer<number, LENGTH, 1, LENGTH + 1> last;

  template <typename Visit>
  __device__ inline void each(const Work& work, number* shared, Visit visit) {
    last.template each<UNROLL>(work, 0, 0, 0, shared, visit);
  }
  __device__ inline void clear(number* shared) { last.clear(shared); }
  __device__ inline number step(const number (&past)[LENGTH], const number* shared) const {
    number y[1];
    last.outputs(past, y, shared);
    return y[0];
  }
};

// A network for every THREADS threads, all steps. Inputs beyond the network's own meet weights of zero.
template <typename number, int LENGTH, int WIDTH, int LAYERS, int THREADS, int REGISTERS, bool ADJUSTING>
__device__ inline void render(const Work* works, const number* parameters, const uint64* seeds, const uint64* varied,
                              number* outputs, number* sounds) {
  using ThisNetwork = Network<number, LENGTH, WIDTH, LAYERS, THREADS, REGISTERS>;
  constexpr unsigned NETWORKS = WARP / THREADS;
  // Whether the loop over most steps is compiled apart. Where a step has much code, that takes long.
  constexpr bool QUICK = !ADJUSTING && ThisNetwork::UNROLL > 1;
  // From this step on there is a past for every input.
  constexpr unsigned EARLY = LENGTH > 2 ? 1u << (LENGTH - 1) : 0;
  // The outputs of some steps, to be written sound by sound. One more in each row: its items lie in other banks.
  __shared__ number tile[WARP][NETWORKS + 1];
  // Parameters that have no register.
  __shared__ __align__(16) number others[ThisNetwork::SHARED > 0 ? ThisNetwork::SHARED : 1];
  number* shared = others + threadIdx.x * PACK<number>;
  const Work& work = works[blockIdx.x];
  const unsigned lane = threadIdx.x / THREADS;
  ThisNetwork network;
  network.clear(shared);
  const number* from = parameters + work.parameters + lane;
  network.each(work, shared, [&](number& value, unsigned place, bool) { value = from[place * NETWORKS]; });

  const unsigned steps = work.steps, count = work.count, every = work.every;
  unsigned since = 0, move = 0;
  number* out = outputs + work.outputs + lane;
  const bool is_read = LENGTH > 2 || work.frame > 0;  // by this kernel, or by the one that measures
  // The outputs of 1, 2, 4, ... steps ago. Those of 4 and more come from memory, a step before they are needed.
  number past[LENGTH];
#pragma unroll
  for (int i = 0; i < LENGTH; i++) past[i] = 0;

  auto step = [&](unsigned t, bool early) {
    number next[LENGTH];
#pragma unroll
    for (int i = 2; i < LENGTH; i++) {
      const bool is_past = !early || t + 1 >= (1u << i);
      next[i] = is_past ? *(out - ((1 << i) - 1) * static_cast<long long>(NETWORKS)) : 0;
    }
    next[0] = network.step(past, shared);
    if (LENGTH > 1) next[LENGTH > 1] = past[0];
    if (THREADS == 1 || threadIdx.x % THREADS == 0) {
      tile[t % WARP][lane] = next[0];
      if (is_read) *out = next[0];
    }
    out += NETWORKS;
#pragma unroll
    for (int i = 0; i < LENGTH; i++) past[i] = next[i];
    if (ADJUSTING && ++since == every) {
      const uint64 seed = work.varied ? varied[work.variations] : seeds[work.seeds + min(lane, count - 1)];
      const unsigned state = mix(unsigned(seed) ^ mix(unsigned(seed >> 32) ^ mix(move)));
      network.each(work, shared, [&](number& value, unsigned place, bool bias) {
        const double* range = bias ? work.biases : work.weights;
        const number low = number(range[0]) * number(0.5), high = number(range[1]) * number(0.5);
        const number v = number(mix(state + place * 0x9e3779b9u) >> 8) * number(1.0 / 8388608.0) - number(1);
        number moved = fma(number(work.amount) * number(0.5), v, value);
        moved = moved > high ? (high + high) - moved : moved;
        moved = moved < low ? (low + low) - moved : moved;
        moved = moved > low ? moved : low;
        value = moved < high ? moved : high;
      });
      since = 0;
      move++;
    }
  };

  number* sound = sounds + work.sounds + threadIdx.x;
#pragma unroll 1
  for (unsigned start = 0; start < steps; start += WARP, sound += WARP) {
    const unsigned some = min(unsigned(WARP), steps - start);
    if (QUICK && start >= EARLY && some == WARP) {
#pragma unroll 2
      for (unsigned i = 0; i < WARP; i++) step(i, false);
    } else {
#pragma unroll 1
      for (unsigned i = 0; i < some; i++) step(start + i, true);
    }
    __syncwarp();
    if (threadIdx.x < some) {
      number* to = sound;
#pragma unroll 8
      for (unsigned n = 0; n < count; n++, to += steps) *to = tile[threadIdx.x][n];
    }
    __syncwarp();
  }
}

// ``blocks``: how many are to find registers on a multiprocessor.
#define RENDER(name, number, length, width, layers, threads, blocks, registers, adjusting)                            \
  extern "C" __global__ void __launch_bounds__(WARP, blocks)                                                          \
      name(const Work* works, const number* parameters, const uint64* seeds, const uint64* varied, number* outputs,   \
           number* sounds) {                                                                                          \
    render<number, length, width, layers, threads, registers, adjusting>(works, parameters, seeds, varied, outputs,   \
                                                                         sounds);                                     \
  }

// ---- Before and behind the networks ----

struct Four {
  uint64 x[4];
};

// The four numbers of Philox4x64-10 at a counter below 2**64.
__device__ inline Four philox(uint64 counter, uint64 key0, uint64 key1) {
  const uint64 m0 = 0xd2e7470ee14c6c93ull, m1 = 0xca5a826395121157ull;
  Four f = {{counter, 0, 0, 0}};
  for (int i = 0; i < 10; i++) {
    const uint64 high0 = __umul64hi(m0, f.x[0]), low0 = m0 * f.x[0];
    const uint64 high1 = __umul64hi(m1, f.x[2]), low1 = m1 * f.x[2];
    f = {{high1 ^ f.x[1] ^ key0, low1, high0 ^ f.x[3] ^ key1, low0}};
    key0 += 0x9e3779b97f4a7c15ull;
    key1 += 0xbb67ae8584caa73bull;
  }
  return f;
}

// The low and high of parameter ``place``, in the order of the definition.
__device__ inline const double* range_of(const Work& work, unsigned place) {
  for (unsigned layer = 0; layer <= work.layers; layer++) {
    const unsigned inputs = work.widths[layer], size = work.widths[layer + 1] * (inputs + 1);
    if (place < size) return place % (inputs + 1) == 0 ? work.biases : work.weights;
    place -= size;
  }
  return nullptr;  // beyond the last
}

// As kernel.draw_parameters: the halved parameters of a block's networks after their variations.
template <typename number>
__device__ inline void draw(const Work* works, const uint64* seeds, const uint64* varied, const double* amounts,
                            unsigned networks, number* parameters) {
  const Work& work = works[blockIdx.x];
  for (unsigned item = threadIdx.x;; item += blockDim.x) {
    const unsigned lane = item % networks, p = item / networks * 4;
    if (range_of(work, p) == nullptr) return;
    const uint64 last = seeds[work.seeds + min(lane, work.count - 1)];
    double drawn[4];
    for (unsigned k = 0; k <= work.varied; k++) {
      const Four bits = philox(p / 4 + 1, k < work.varied ? varied[work.variations + k] : last, k > 0);
      for (unsigned i = 0; i < 4; i++) {
        const double* range = range_of(work, p + i);
        if (range == nullptr) break;
        const double low = range[0], high = range[1], u = double(bits.x[i] >> 11) * (1.0 / 9007199254740992.0);
        if (k == 0) {
          drawn[i] = low + (high - low) * u;
          continue;
        }
        double moved = drawn[i] + (high - low) * amounts[work.variations + k - 1] * (2.0 * u - 1.0);
        moved = moved > high ? 2.0 * high - moved : moved;
        moved = moved < low ? 2.0 * low - moved : moved;
        moved = moved > low ? moved : low;
        drawn[i] = moved < high ? moved : high;
      }
    }
    for (unsigned i = 0; i < 4 && range_of(work, p + i) != nullptr; i++) {
      parameters[work.parameters + uint64(p + i) * networks + lane] = number(drawn[i]) * number(0.5);
    }
  }
}

// As kernel.frame_statistics, a thread for each frame of each network. Every frame is summed in the order of its steps.
template <typename number>
__device__ inline void measure(const Work* works, const number* outputs, unsigned networks, double* statistics) {
  const Work& work = works[blockIdx.x];
  if (work.frame == 0) return;
  const unsigned frames = (work.steps + work.frame - 1) / work.frame;
  const unsigned first = blockIdx.y * blockDim.x + threadIdx.x;
  for (uint64 item = first; item < uint64(frames) * networks; item += gridDim.y * blockDim.x) {
    const unsigned lane = item % networks, f = item / networks, start = f * work.frame;
    if (lane >= work.count) continue;
    const number* from = outputs + work.outputs + lane;
    double low = from[uint64(start) * networks], high = low, sum = 0, squares = 0, moves = 0;
    double before = start == 0 ? low : double(from[uint64(start - 1) * networks]);
    double* row = statistics + work.statistics + (uint64(lane) * frames + f) * 6;
    row[0] = low;
    const unsigned end = work.steps - start < work.frame ? work.steps : start + work.frame;
    for (unsigned t = start; t < end; t++) {
      const double x = from[uint64(t) * networks], moved = x - before;
      low = x < low ? x : low;
      high = x > high ? x : high;
      sum = sum + x;
      squares = fma(x, x, squares);
      moves = fma(moved, moved, moves);
      before = x;
    }
    row[1] = low, row[2] = high, row[3] = sum, row[4] = squares, row[5] = moves;
  }
}

// Independent chains of multiply-adds: the most that the card does of them.
template <typename number>
__device__ inline void chain(unsigned count, number m, number* sums) {
  number s[16];
#pragma unroll
  for (int i = 0; i < 16; i++) s[i] = number(threadIdx.x + i);
#pragma unroll 4
  for (unsigned k = 0; k < count; k++) {
#pragma unroll
    for (int i = 0; i < 16; i++) s[i] = fma(s[i], m, m);
  }
  number sum = 0;
  for (int i = 0; i < 16; i++) sum += s[i];
  sums[blockIdx.x * blockDim.x + threadIdx.x] = sum;
}

#define LINE(precision, number)                                                                                       \
  extern "C" __global__ void draw_##precision(const Work* works, const uint64* seeds, const uint64* varied,           \
                                              const double* amounts, unsigned networks, number* parameters) {         \
    draw(works, seeds, varied, amounts, networks, parameters);                                                        \
  }                                                                                                                   \
  extern "C" __global__ void measure_##precision(const Work* works, const number* outputs, unsigned networks,         \
                                                 double* statistics) {                                                \
    measure(works, outputs, networks, statistics);                                                                    \
  }                                                                                                                   \
  extern "C" __global__ void chain_##precision(unsigned count, number m, number* sums) { chain(count, m, sums); }
