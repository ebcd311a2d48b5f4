/* Runs network.dsp: `faust_main PARAMETERS SECONDS`, built with what Faust made of it as -DNETWORK="\"network.c\"". */

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "faust/gui/CInterface.h"

#include NETWORK

#define RATE 44100
#define PARAMETERS 137
#define BLOCK 4096

static double parameters[PARAMETERS];

static void box(void *ui, const char *label) { (void)ui, (void)label; }
static void close_box(void *ui) { (void)ui; }
static void declare(void *ui, FAUSTFLOAT *zone, const char *key, const char *value) {
    (void)ui, (void)zone, (void)key, (void)value;
}

static void set(void *ui, const char *label, FAUSTFLOAT *zone, FAUSTFLOAT init, FAUSTFLOAT low, FAUSTFLOAT high,
                FAUSTFLOAT step) {
    (void)ui, (void)init, (void)low, (void)high, (void)step;
    *zone = parameters[atoi(label + 1)];
}

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + 1e-9 * t.tv_nsec;
}

static void render(mydsp *dsp, FAUSTFLOAT *out, long steps) {
    for (long t = 0; t < steps; t += BLOCK) {
        FAUSTFLOAT *outputs[1] = {out + t};
        computemydsp(dsp, steps - t < BLOCK ? steps - t : BLOCK, NULL, outputs);
    }
}

int main(int count, char **words) {
    FILE *file = count == 3 ? fopen(words[1], "rb") : NULL;
    if (!file || fread(parameters, sizeof parameters, 1, file) != 1) return 2;
    UIGlue ui = {.openTabBox = box,
                 .openHorizontalBox = box,
                 .openVerticalBox = box,
                 .closeBox = close_box,
                 .addNumEntry = set,
                 .declare = declare};
    const long steps = (long)(atof(words[2]) * RATE);
    FAUSTFLOAT *out = malloc(sizeof(FAUSTFLOAT) * steps);
    mydsp *dsp = newmydsp();
    if (!out || !dsp) return 2;
    initmydsp(dsp, RATE);
    buildUserInterfacemydsp(dsp, &ui);
    render(dsp, out, steps);
    instanceClearmydsp(dsp);
    const double start = now();
    render(dsp, out, steps);
    const double wall = now() - start;
    double sum = 0;
    for (long s = 0; s < steps; s++) sum += out[s];
    printf("{\"peer\": \"faust\", \"precision\": \"%s\", \"cores\": 1, \"seconds_of_audio\": %.9g, ",
           sizeof(FAUSTFLOAT) == 4 ? "single" : "double", (double)steps / RATE);
    printf("\"wall_s\": %.9g, \"checksum\": %.9g, \"first_samples\": [", wall, sum);
    for (int s = 0; s < 8; s++) printf("%s%.17g", s ? ", " : "", (double)out[s]);
    puts("]}");
    return 0;
}
