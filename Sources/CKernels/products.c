/* The matrix products once per instruction level, and the choice between them (see kernels.c for how). */
#include "CProducts.h"
#include "amx.h"
#include "avx512.h"
#include "instructions.h"
#include <string.h>
#include <time.h>

#pragma clang fp contract(fast)
/* Vectors wider than the level's registers pass only between functions that are inlined. */
#pragma clang diagnostic ignored "-Wpsabi"

#define KERNEL(name) product_##name##_base
#define LEVEL "base"
#if defined(__aarch64__)
#define TILE_ROWS 6
#define TILE_LIST(F) F(1) F(2) F(3) F(4) F(5) F(6)
#else
#define TILE_ROWS 2
#define TILE_LIST(F) F(1) F(2)
#endif
#define TILE_PANELS 1
#define TILE_COLUMNS(F, rows) F(rows, 1)
#include "products.inc"
#undef KERNEL
#undef LEVEL
#undef TILE_ROWS
#undef TILE_LIST

/* The AMX body on tiles in memory. */
#include "tiles_emulated.inc"

static void emulated_multiply(emulated_tile *c, const emulated_tile *a, const emulated_tile *b) {
  for (int m = 0; m < 16; m++)
    for (int k = 0; k < 16; k++)
      for (int n = 0; n < 16; n++) {
        uint32_t x, y;
        float sum, xs[2], ys[2];
        memcpy(&x, &a->row[m][4 * k], 4);
        memcpy(&y, &b->row[k][4 * n], 4);
        memcpy(&sum, &c->row[m][4 * n], 4);
        const uint32_t parts[4] = {x << 16, x & 0xffff0000u, y << 16, y & 0xffff0000u};
        memcpy(xs, parts, 8);
        memcpy(ys, parts + 2, 8);
        sum += xs[0] * ys[0];
        sum += xs[1] * ys[1];
        memcpy(&c->row[m][4 * n], &sum, 4);
      }
}

#define KERNEL(name) product_##name##_emulated
#define TILE_MULTIPLY(c, a, b) emulated_multiply(&tiles[c], &tiles[a], &tiles[b]);
#include "amx.inc"
#undef KERNEL

#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#define KERNEL(name) product_##name##_avx2
#define LEVEL "avx2"
#define TILE_ROWS 6
#define TILE_LIST(F) F(1) F(2) F(3) F(4) F(5) F(6)
#include "products.inc"
#undef KERNEL
#undef LEVEL
#undef TILE_ROWS
#undef TILE_LIST
#undef TILE_PANELS
#undef TILE_COLUMNS
#pragma clang attribute pop

#define TILE_ROWS 8
#define TILE_LIST(F) F(1) F(2) F(3) F(4) F(5) F(6) F(7) F(8)
#define TILE_PANELS 3
#define TILE_COLUMNS(F, rows) F(rows, 1) F(rows, 2) F(rows, 3)

#pragma clang attribute push(__attribute__((target(AVX512))), apply_to = function)
#define POWER_OF_TWO(t) (KERNEL(floats))retort_power_of_two((__m512)(t))
#define KERNEL(name) product_##name##_avx512
#define LEVEL "avx512"
#include "products.inc"
#undef KERNEL
#undef LEVEL
#pragma clang attribute pop

#pragma clang attribute push(__attribute__((target(AVX512 ",avx512bf16"))), apply_to = function)
static inline __attribute__((always_inline)) __m512 bfloat16_pairs(__m512 sum, const uint16_t *a, const uint16_t *w) {
  int32_t two;
  memcpy(&two, a, 4);
  return _mm512_dpbf16_ps(sum, (__m512bh)_mm512_set1_epi32(two), (__m512bh)_mm512_loadu_si512(w));
}
#define BFLOAT16_PAIRS(sum, a, w) sum = bfloat16_pairs(sum, a, w)
/* The instruction takes subnormals for zeros, as the product does. */
#define BFLOAT16_ROUND(x) (KERNEL(halves))_mm512_cvtneps_pbh((__m512)(x))
#define KERNEL(name) product_##name##_avx512_bf16
#define LEVEL "avx512-bf16"
#include "products.inc"
#undef KERNEL
#undef LEVEL
#undef BFLOAT16_PAIRS
#undef BFLOAT16_ROUND
#undef POWER_OF_TWO
#pragma clang attribute pop

#pragma clang attribute push(__attribute__((target(AVX512 ",amx-tile,amx-bf16"))), apply_to = function)
#define KERNEL(name) product_##name##_amx
#include "tiles_amx.inc"
#define TILE_MULTIPLY(c, a, b) _tile_dpbf16ps(c, a, b);
#include "amx.inc"
#undef KERNEL
#pragma clang attribute pop

const retort_amx_configuration retort_amx_tiles = {
    .palette = 1, .bytes = {64, 64, 64, 64, 64, 64, 64, 64}, .rows = {16, 16, 16, 16, 16, 16, 16, 16}};

static double seconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* Giga-operations per second of the register block alone, in a short run on operands in the cache. */
static double rate(const retort_product *product, const void *a, const void *b, float *c) {
  const size_t depth = 256, runs = 8;
  const double start = seconds();
  for (size_t i = 0; i < runs; i++) product->multiply(a, depth, b, depth * 16, c, 48, NULL, 8, depth, 48, 0);
  const double operations = 2.0 * 8 * 48 * (double)(depth * runs) * 1e-9, time = seconds() - start;
  return time > 0 ? operations / time : 0;
}
#endif

static retort_product emulated, amx;
static const retort_product *products[10];
static size_t product_count;
static const retort_product *best_float32, *best_bfloat16;

static void add(const retort_product *product) {
  products[product_count++] = product;
  if (product->element == 4) best_float32 = product;
  else best_bfloat16 = product;
}

static __attribute__((constructor)) void choose(void) {
  const unsigned instructions = retort_instructions();
  emulated = product_bfloat16_base;
  emulated.name = "amx-emulated";
  emulated.multiply = product_multiply_tiles_emulated;
  add(&emulated);
  add(&product_float32_base);
  add(&product_bfloat16_base);
#if defined(__x86_64__)
  if (instructions & RETORT_AVX2) {
    add(&product_float32_avx2);
    add(&product_bfloat16_avx2);
  }
  if (instructions & RETORT_AVX512) {
    add(&product_float32_avx512);
    add(&product_bfloat16_avx512);
  }
  if (instructions & RETORT_BFLOAT16) add(&product_bfloat16_avx512_bf16);
  if (instructions & RETORT_AMX_BFLOAT16) {
    amx = *best_bfloat16;
    amx.name = "amx";
    amx.multiply = product_multiply_tiles_amx;
    add(&amx);
  }
#endif
  if (instructions & RETORT_AMX_EMULATED) best_bfloat16 = &emulated;
}

const retort_product *retort_product_best(size_t element) { return element == 4 ? best_float32 : best_bfloat16; }

const retort_product *const *retort_products_all(size_t *count) {
  *count = product_count;
  return products;
}

void retort_product_rates(double *float32, double *bfloat16) {
  *float32 = *bfloat16 = 0;
#if defined(__x86_64__)
  static float c[8 * 48];
  static _Alignas(64) float a[8 * 256], b[48 * 256];
  /* In turn, and the best of many, so that other programs on the machine slow both or neither. */
  for (int attempt = 0; attempt < 200; attempt++) {
    double found = rate(best_float32, a, b, c);
    if (found > *float32) *float32 = found;
    if (best_bfloat16 != &product_bfloat16_avx512_bf16) continue;
    found = rate(best_bfloat16, a, b, c);
    if (found > *bfloat16) *bfloat16 = found;
  }
  if (best_bfloat16 == &amx || best_bfloat16 == &emulated) *bfloat16 = 8 * *float32;
#endif
}
