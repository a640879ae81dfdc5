/* The kernels once per instruction level, and the choice between them. No build flags: the target attribute raises
   the level function by function, so that one binary runs on every processor. */
#include "CKernels.h"
#include "amx.h"
#include <string.h>

#pragma clang fp contract(fast)

/* Up to 16 columns of a row's sums, from column `first` on, as numbers: y and residual begin at the row. */
static inline __attribute__((always_inline)) void dequantize(const int32_t *sums, const retort_dequantization *by,
                                                             float scale, const float *residual, float *y,
                                                             size_t first, size_t width) {
#pragma clang fp contract(off)
  const size_t columns = width - first < 16 ? width - first : 16;
  for (size_t l = 0; l < columns; l++) {
    const size_t j = first + l;
    const float value = (float)(sums[l] - by->zero * by->weight_sums[j]) * (by->factors[j] * scale) + by->bias[j];
    y[j] = residual ? value + residual[j] : value;
  }
}

#define KERNEL(name) name##_base
#define LEVEL "base"
#include "kernels.inc"
#undef KERNEL
#undef LEVEL

#if defined(__x86_64__)
#include <immintrin.h>

#pragma clang attribute push(__attribute__((target("avx2,fma,f16c"))), apply_to = function)
#define KERNEL(name) name##_avx2
#define LEVEL "avx2"
#include "kernels.inc"
#undef KERNEL
#undef LEVEL
#pragma clang attribute pop

#define AVX512 "avx512f,avx512bw,avx512vl,avx512dq,avx2,fma,f16c"

#pragma clang attribute push(__attribute__((target(AVX512 ",avx512vnni"))), apply_to = function)
/* Four rows by four panels of 16 columns: 16 accumulators, one vpdpbusd each per four elements of depth. */
typedef struct { __m512i sums[4][4]; } vnni_tile;

/* The tile at row i and panel p. A row or panel beyond the edge repeats the last one. */
static inline __attribute__((always_inline)) vnni_tile multiply_tile(const uint8_t *a, size_t a_stride, const int8_t *b,
                                                                     size_t groups, size_t i, size_t is, size_t p,
                                                                     size_t ps) {
  vnni_tile tile;
  for (int r = 0; r < 4; r++)
    for (int q = 0; q < 4; q++) tile.sums[r][q] = _mm512_setzero_si512();
  const uint8_t *row[4];
  const int8_t *panel[4];
  for (size_t r = 0; r < 4; r++) row[r] = a + (i + (r < is ? r : is - 1)) * a_stride;
  for (size_t q = 0; q < 4; q++) panel[q] = b + (p + (q < ps ? q : ps - 1)) * groups * 64;
  for (size_t g = 0; g < groups; g++) {
    __m512i w[4];
    for (int q = 0; q < 4; q++) w[q] = _mm512_loadu_si512(panel[q] + g * 64);
    for (int r = 0; r < 4; r++) {
      int32_t four;
      __builtin_memcpy(&four, row[r] + g * 4, 4);
      const __m512i x = _mm512_set1_epi32(four);
      for (int q = 0; q < 4; q++) tile.sums[r][q] = _mm512_dpbusd_epi32(tile.sums[r][q], x, w[q]);
    }
  }
  return tile;
}

static inline __mmask16 first_columns(size_t count) { return count < 16 ? (__mmask16)((1u << count) - 1) : 0xffff; }

static void linear_u8s8_vnni(const uint8_t *a, size_t a_stride, const int8_t *b, const retort_dequantization *by,
                             const float *scales, size_t scale_step, const float *residual, float *y, size_t rows,
                             size_t depth, size_t width) {
  const size_t groups = (depth + 3) / 4, panels = (width + 15) / 16;
  for (size_t p = 0; p < panels; p += 4) {
    const size_t ps = panels - p < 4 ? panels - p : 4;
    for (size_t i = 0; i < rows; i += 4) {
      const size_t is = rows - i < 4 ? rows - i : 4;
      const vnni_tile tile = multiply_tile(a, a_stride, b, groups, i, is, p, ps);
      for (size_t q = 0; q < ps; q++) {
        const size_t j = (p + q) * 16;
        const __mmask16 mask = first_columns(width - j);
        const __m512i offset =
            _mm512_mullo_epi32(_mm512_set1_epi32(by->zero), _mm512_maskz_loadu_epi32(mask, by->weight_sums + j));
        const __m512 factor = _mm512_maskz_loadu_ps(mask, by->factors + j);
        const __m512 bias = _mm512_maskz_loadu_ps(mask, by->bias + j);
        for (size_t r = 0; r < is; r++) {
          const size_t index = (i + r) * width + j;
          const __m512 exact = _mm512_cvtepi32_ps(_mm512_sub_epi32(tile.sums[r][q], offset));
          const __m512 scale = _mm512_set1_ps(scales[(i + r) * scale_step]);
          /* Rounded, as the other levels do: no fused multiply and add. */
          const __m512 product =
              _mm512_mul_round_ps(exact, _mm512_mul_ps(factor, scale), _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
          __m512 sum = _mm512_add_ps(product, bias);
          if (residual) sum = _mm512_add_ps(sum, _mm512_maskz_loadu_ps(mask, residual + index));
          _mm512_mask_storeu_ps(y + index, mask, sum);
        }
      }
    }
  }
}
#pragma clang attribute pop

#pragma clang attribute push(__attribute__((target(AVX512))), apply_to = function)
#define KERNEL(name) name##_avx512
#define LEVEL "avx512"
#include "kernels.inc"
#undef KERNEL
#undef LEVEL

/* A block's weights: those of signed bytes or of halves, or of the low and then the high nibbles of 16 bytes, which choose from a
   table of all 16 weights. A weight is the very number that the level's expand function gives. */
typedef struct { __m512 first, second; } weights_of_block;

/* The two halves at the start of a block. */
static inline __attribute__((always_inline)) __m128 halves_at(const uint8_t *w) {
  int32_t bits;
  __builtin_memcpy(&bits, w, 4);
  return _mm_cvtph_ps(_mm_cvtsi32_si128(bits));
}

static inline __attribute__((always_inline)) weights_of_block nibbles(const uint8_t *w, __m512 table) {
  const __m512i bytes = _mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)w));
  return (weights_of_block){_mm512_permutexvar_ps(bytes, table),
                            _mm512_permutexvar_ps(_mm512_srli_epi32(bytes, 4), table)};
}

static inline __attribute__((always_inline)) weights_of_block weights_q8_0(const uint8_t *w) {
  const __m512 d = _mm512_broadcastss_ps(halves_at(w));
  const __m128i *levels = (const __m128i *)(w + 2);
  return (weights_of_block){_mm512_mul_ps(d, _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128(levels)))),
                            _mm512_mul_ps(d, _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128(levels + 1))))};
}

static inline __attribute__((always_inline)) weights_of_block weights_q4_0(const uint8_t *w) {
  const __m512 levels = _mm512_setr_ps(-8, -7, -6, -5, -4, -3, -2, -1, 0, 1, 2, 3, 4, 5, 6, 7);
  return nibbles(w + 2, _mm512_mul_ps(_mm512_broadcastss_ps(halves_at(w)), levels));
}

static inline __attribute__((always_inline)) weights_of_block weights_q4_1(const uint8_t *w) {
  const __m512 levels = _mm512_setr_ps(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  const __m128 d = halves_at(w);
  return nibbles(
      w + 4, _mm512_fmadd_ps(_mm512_broadcastss_ps(d), levels, _mm512_broadcastss_ps(_mm_movehdup_ps(d))));
}

static inline __attribute__((always_inline)) weights_of_block weights_float16(const uint8_t *w) {
  return (weights_of_block){_mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)w)),
                            _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)w + 1))};
}

static inline __attribute__((always_inline)) __m512 upper_halves(const uint8_t *w) {
  const __m512i words = _mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)w));
  return _mm512_castsi512_ps(_mm512_slli_epi32(words, 16));
}

static inline __attribute__((always_inline)) weights_of_block weights_bfloat16(const uint8_t *w) {
  return (weights_of_block){upper_halves(w), upper_halves(w + 32)};
}

/* Rows of blocks times one vector, eight rows at a time, with the sums of multiply_rows. The rows come from memory once, in
   eight short streams that the processor does not foresee: the next eight rows are asked for while these are multiplied. */
#define MULTIPLY_BLOCKS(format, bytes)                                                                                \
  static inline __attribute__((always_inline)) void multiply_few_##format(const uint8_t *w, size_t blocks,            \
                                                                          const float *x, float *y, const int rows) { \
    lanes_avx512 sums[8] = {0};                                                                                       \
    for (size_t b = 0; b < blocks; b++) {                                                                             \
      const __m512 first = _mm512_loadu_ps(x + 32 * b), second = _mm512_loadu_ps(x + 32 * b + 16);                    \
      for (size_t byte = 0; rows == 8 && byte < 8 * bytes; byte += 64)                                                \
        _mm_prefetch((const char *)w + 8 * bytes * (blocks + b) + byte, _MM_HINT_T0);                                 \
      _Pragma("clang loop unroll(full)") for (int r = 0; r < rows; r++) {                                             \
        const weights_of_block weights = weights_##format(w + ((size_t)r * blocks + b) * bytes);                      \
        sums[r] = (lanes_avx512)_mm512_fmadd_ps(weights.first, first, (__m512)sums[r]);                               \
        sums[r] = (lanes_avx512)_mm512_fmadd_ps(weights.second, second, (__m512)sums[r]);                             \
      }                                                                                                               \
    }                                                                                                                 \
    totals_avx512(sums, (size_t)rows, y);                                                                             \
  }                                                                                                                   \
  static void multiply_##format##_avx512(const uint8_t *w, size_t rows, size_t blocks, const float *x, float *y) {    \
    size_t r = 0;                                                                                                     \
    for (; r + 8 <= rows; r += 8) multiply_few_##format(w + r * blocks * bytes, blocks, x, y + r, 8);                 \
    for (; r < rows; r++) multiply_few_##format(w + r * blocks * bytes, blocks, x, y + r, 1);                         \
  }
MULTIPLY_BLOCKS(q8_0, 34)
MULTIPLY_BLOCKS(q4_0, 18)
MULTIPLY_BLOCKS(q4_1, 20)
MULTIPLY_BLOCKS(float16, 64)
MULTIPLY_BLOCKS(bfloat16, 64)
#undef MULTIPLY_BLOCKS
#pragma clang attribute pop
#endif

/* The AMX body on tiles in memory. */
#include "tiles_emulated.inc"

static void emulated_multiply(emulated_tile *c, const emulated_tile *a, const emulated_tile *b) {
  for (int m = 0; m < 16; m++)
    for (int n = 0; n < 16; n++) {
      int32_t sum;
      memcpy(&sum, &c->row[m][4 * n], 4);
      for (int k = 0; k < 16; k++)
        for (int i = 0; i < 4; i++) sum += (int32_t)a->row[m][4 * k + i] * (int8_t)b->row[k][4 * n + i];
      memcpy(&c->row[m][4 * n], &sum, 4);
    }
}

#define KERNEL(name) name##_emulated
#define TILE_MULTIPLY(c, a, b) emulated_multiply(&tiles[c], &tiles[a], &tiles[b]);
#include "amx_int8.inc"
#undef KERNEL

#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target(AVX512 ",amx-tile,amx-int8"))), apply_to = function)
#define KERNEL(name) name##_amx
#include "tiles_amx.inc"
#define TILE_MULTIPLY(c, a, b) _tile_dpbusd(c, a, b);
#include "amx_int8.inc"
#undef KERNEL
#pragma clang attribute pop
#endif

static retort_kernels emulated_table, avx512_table, vnni_table, amx_table;
static const retort_kernels *tables[6];
static size_t table_count;

static __attribute__((constructor)) void choose(void) {
  emulated_table = table_base;
  emulated_table.name = "amx-emulated";
  emulated_table.linear_u8s8 = linear_tiles_emulated;
  tables[table_count++] = &emulated_table;
  tables[table_count++] = &table_base;
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c"))
    tables[table_count++] = &table_avx2;
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("f16c")) {
    avx512_table = table_avx512;
    avx512_table.multiply_q8_0 = multiply_q8_0_avx512;
    avx512_table.multiply_q4_0 = multiply_q4_0_avx512;
    avx512_table.multiply_q4_1 = multiply_q4_1_avx512;
    avx512_table.multiply_float16 = multiply_float16_avx512;
    avx512_table.multiply_bfloat16 = multiply_bfloat16_avx512;
    tables[table_count++] = &avx512_table;
    if (__builtin_cpu_supports("avx512vnni")) {
      vnni_table = avx512_table;
      vnni_table.name = "avx512-vnni";
      vnni_table.linear_u8s8 = linear_u8s8_vnni;
      tables[table_count++] = &vnni_table;
      if (retort_amx_permitted(RETORT_AMX_INT8)) {
        amx_table = vnni_table;
        amx_table.name = "amx";
        amx_table.linear_u8s8 = linear_tiles_amx;
        tables[table_count++] = &amx_table;
      }
    }
  }
#endif
}

const retort_kernels *retort_kernels_best(void) { return tables[table_count - 1]; }

const retort_kernels *const *retort_kernels_all(size_t *count) {
  *count = table_count;
  return tables;
}
