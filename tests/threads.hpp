// CUDA's words in plain C++, so that kernels.cu runs on a processor. The threads of a block take turns: each runs to the
// next barrier, then the next thread does.

#include <ucontext.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <vector>

#define __global__
#define __device__
#define __launch_bounds__(...)
#define __shared__ static
#define __align__(bytes) __attribute__((aligned(bytes)))

using std::fma;
using std::min;
using std::rint;

struct Index {
  unsigned x, y;
};
static Index threadIdx, blockIdx, blockDim, gridDim;

static float __saturatef(float x) { return std::min(std::max(x, 0.0f), 1.0f); }
static int __double2hiint(double x) {
  long long bits;
  std::memcpy(&bits, &x, sizeof bits);
  return int(bits >> 32);
}
static unsigned long long __umul64hi(unsigned long long a, unsigned long long b) {
  return (unsigned long long)((unsigned __int128)a * b >> 64);
}

static ucontext_t scheduler, *running;
static void __syncthreads() { swapcontext(running, &scheduler); }
static void __syncwarp() { __syncthreads(); }

static std::function<void()> body;
static bool ended;
static void enter() {
  body();
  ended = true;
}

static void run_block(unsigned threads) {
  constexpr size_t STACK = 1 << 18;
  static std::vector<char> stacks;
  stacks.resize(threads * STACK);
  std::vector<ucontext_t> contexts(threads);
  std::vector<bool> done(threads, false);
  for (unsigned i = 0; i < threads; i++) {
    getcontext(&contexts[i]);
    contexts[i].uc_stack.ss_sp = &stacks[i * STACK];
    contexts[i].uc_stack.ss_size = STACK;
    contexts[i].uc_link = &scheduler;
    makecontext(&contexts[i], enter, 0);
  }
  for (unsigned left = threads; left > 0;) {
    for (unsigned i = 0; i < threads; i++) {
      if (done[i]) continue;
      threadIdx = {i, 0};
      running = &contexts[i];
      ended = false;
      swapcontext(&scheduler, running);
      if (ended) done[i] = true, left--;
    }
  }
}

template <auto KERNEL>
struct Runner;
template <typename... A, void (*KERNEL)(A...)>
struct Runner<KERNEL> {
  static void run(unsigned columns, unsigned rows, unsigned threads, A... arguments) {
    blockDim = {threads, 1};
    gridDim = {columns, rows};
    body = [&] { KERNEL(arguments...); };
    for (unsigned y = 0; y < rows; y++) {
      for (unsigned x = 0; x < columns; x++) {
        blockIdx = {x, y};
        run_block(threads);
      }
    }
  }
};
#define RUNNER(name) \
  extern "C" void* runner_##name() { return (void*)&Runner<&name>::run; }
