/* The network in C: `network PARAMETERS SECONDS`, built with -DREAL=float|double and -DNETWORKS=n.

   One network fills vectors with neurons, many fill them with networks. Weights lie as [input][neuron][network], so
   both are the same loops over neighbouring numbers, and gcc vectorises them (the sine too, under -ffast-math). */

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define RATE 44100
#define LENGTH 6
#define WIDTH 8
#define HISTORY (1 << (LENGTH - 1))
#define PARAMETERS ((LENGTH + 1) * WIDTH + (WIDTH + 1) * WIDTH + WIDTH + 1)
#define ALIGNED __attribute__((aligned(64)))
/* Only -ffast-math has sines of vectors, and short loops of them are unrolled first unless asked for. */
#ifdef __FAST_MATH__
#define VECTORS _Pragma("omp simd")
#else
#define VECTORS
#endif

typedef REAL real;

static ALIGNED real bias[2 * WIDTH + 1][NETWORKS];
static ALIGNED real first[LENGTH][WIDTH][NETWORKS], second[WIDTH][WIDTH][NETWORKS], last[WIDTH][1][NETWORKS];
static ALIGNED real ring[HISTORY][NETWORKS];

static inline real act(real x) {
    const real s = sizeof(real) == 4 ? sinf((float)M_PI_2 * x) : sin(M_PI_2 * x);
    return s * s;
}

/* Constant sizes reach this through inlining. Sums of one network stay in registers over all its neurons, those of
   many over all of a neuron's networks. */
static inline __attribute__((always_inline)) void layer(int inputs, int neurons, const real *restrict b,
                                                        const real *restrict w, const real *restrict x,
                                                        real *restrict y) {
    const int together = NETWORKS == 1 ? neurons : 1, block = together * NETWORKS, all = neurons * NETWORKS;
    for (int n = 0; n < all; n += block) {
        ALIGNED real h[WIDTH * NETWORKS];
        for (int k = 0; k < block; k++) h[k] = b[n + k];
        for (int i = 0; i < inputs; i++)
            for (int k = 0; k < block; k++) h[k] += w[i * all + n + k] * x[i * NETWORKS + k % NETWORKS];
        VECTORS
        for (int k = 0; k < block; k++) y[n + k] = act(h[k]);
    }
}

/* Samples of all networks in turn: out[t][network]. */
static void render(real *restrict out, long steps) {
    ALIGNED real x[WIDTH][NETWORKS], y[WIDTH][NETWORKS];
    for (int t = 0; t < HISTORY; t++)
        for (int k = 0; k < NETWORKS; k++) ring[t][k] = 0;
    for (long t = 0; t < steps; t++) {
        for (int i = 0; i < LENGTH; i++)
            for (int k = 0; k < NETWORKS; k++) x[i][k] = ring[(t - (1 << i)) & (HISTORY - 1)][k];
        layer(LENGTH, WIDTH, bias[0], first[0][0], x[0], y[0]);
        layer(WIDTH, WIDTH, bias[WIDTH], second[0][0], y[0], x[0]);
        layer(WIDTH, 1, bias[2 * WIDTH], last[0][0], x[0], y[0]);
        for (int k = 0; k < NETWORKS; k++) out[t * NETWORKS + k] = ring[t & (HISTORY - 1)][k] = y[0][k];
    }
}

static void place(const double *p, int network) {
    for (int n = 0; n < WIDTH; n++) {
        bias[n][network] = *p++;
        for (int i = 0; i < LENGTH; i++) first[i][n][network] = *p++;
    }
    for (int n = 0; n < WIDTH; n++) {
        bias[WIDTH + n][network] = *p++;
        for (int i = 0; i < WIDTH; i++) second[i][n][network] = *p++;
    }
    bias[2 * WIDTH][network] = *p++;
    for (int i = 0; i < WIDTH; i++) last[i][0][network] = *p++;
}

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + 1e-9 * t.tv_nsec;
}

int main(int count, char **words) {
    FILE *file = count == 3 ? fopen(words[1], "rb") : NULL;
    if (!file) return 2;
    for (int k = 0; k < NETWORKS; k++) {
        double p[PARAMETERS];
        if (fread(p, sizeof p, 1, file) != 1) return 2;
        place(p, k);
    }
    const double seconds = atof(words[2]);
    const long steps = (long)(seconds * RATE);
    real *out = malloc(sizeof(real) * NETWORKS * steps);
    if (!out) return 2;
    render(out, steps);
    const double start = now();
    render(out, steps);
    const double wall = now() - start;
    double sum = 0;
    for (long s = 0; s < steps * NETWORKS; s++) sum += out[s];
    printf("{\"peer\": \"c\", \"precision\": \"%s\", \"cores\": 1, \"seconds_of_audio\": %.9g, ",
           sizeof(real) == 4 ? "single" : "double", NETWORKS * (double)steps / RATE);
    printf("\"wall_s\": %.9g, \"checksum\": %.9g, \"first_samples\": [", wall, sum);
    for (int s = 0; s < 8; s++) printf("%s%.17g", s ? ", " : "", (double)out[s * NETWORKS]);
    puts("]}");
    return 0;
}
