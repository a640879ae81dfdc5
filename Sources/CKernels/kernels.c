/* The kernels once per instruction level, and the choice between them. No build flags: the target attribute raises
   the level function by function, so that one binary runs on every processor. */
#include "CKernels.h"

#pragma clang fp contract(fast)

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

static void multiply_u8s8_vnni(const uint8_t *a, size_t a_stride, const int8_t *b, int32_t *c, size_t c_stride,
                               size_t rows, size_t depth, size_t width) {
  const size_t groups = (depth + 3) / 4, panels = (width + 15) / 16;
  for (size_t p = 0; p < panels; p += 4) {
    const size_t ps = panels - p < 4 ? panels - p : 4;
    for (size_t i = 0; i < rows; i += 4) {
      const size_t is = rows - i < 4 ? rows - i : 4;
      const vnni_tile tile = multiply_tile(a, a_stride, b, groups, i, is, p, ps);
      for (size_t r = 0; r < is; r++)
        for (size_t q = 0; q < ps; q++) {
          const size_t j = (p + q) * 16;
          _mm512_mask_storeu_epi32(c + (i + r) * c_stride + j, first_columns(width - j), tile.sums[r][q]);
        }
    }
  }
}

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
#pragma clang attribute pop
#endif

static retort_kernels vnni_table;
static const retort_kernels *tables[4];
static size_t table_count;

static __attribute__((constructor)) void choose(void) {
  tables[table_count++] = &table_base;
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c"))
    tables[table_count++] = &table_avx2;
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("f16c")) {
    tables[table_count++] = &table_avx512;
    if (__builtin_cpu_supports("avx512vnni")) {
      vnni_table = table_avx512;
      vnni_table.name = "avx512-vnni";
      vnni_table.multiply_u8s8 = multiply_u8s8_vnni;
      vnni_table.linear_u8s8 = linear_u8s8_vnni;
      tables[table_count++] = &vnni_table;
    }
  }
#endif
}

const retort_kernels *retort_kernels_best(void) { return tables[table_count - 1]; }

const retort_kernels *const *retort_kernels_all(size_t *count) {
  *count = table_count;
  return tables;
}
