/* The kernels once per instruction level, and the choice between them. No build flags: the target attribute raises
   the level function by function, so that one binary runs on every processor. */
#include "CKernels.h"

#pragma clang fp contract(fast)

#define KERNEL(name) name##_base
#define LEVEL "base"
#define MULTIPLY_U8S8 multiply_u8s8_base
#include "kernels.inc"
#undef KERNEL
#undef LEVEL
#undef MULTIPLY_U8S8

#if defined(__x86_64__)
#include <immintrin.h>

#pragma clang attribute push(__attribute__((target("avx2,fma,f16c"))), apply_to = function)
#define KERNEL(name) name##_avx2
#define LEVEL "avx2"
#define MULTIPLY_U8S8 multiply_u8s8_avx2
#include "kernels.inc"
#undef KERNEL
#undef LEVEL
#undef MULTIPLY_U8S8
#pragma clang attribute pop

#define AVX512 "avx512f,avx512bw,avx512vl,avx512dq,avx2,fma,f16c"

#pragma clang attribute push(__attribute__((target(AVX512 ",avx512vnni"))), apply_to = function)
/* Four rows by four panels of 16 columns: 16 accumulators, one vpdpbusd each per four elements of depth. */
static void multiply_u8s8_vnni(const uint8_t *a, size_t a_stride, const int8_t *b, int32_t *c, size_t c_stride,
                               size_t rows, size_t depth, size_t width) {
  const size_t groups = (depth + 3) / 4, panels = (width + 15) / 16;
  for (size_t p = 0; p < panels; p += 4) {
    const size_t ps = panels - p < 4 ? panels - p : 4;
    for (size_t i = 0; i < rows; i += 4) {
      const size_t is = rows - i < 4 ? rows - i : 4;
      __m512i sums[4][4];
      for (int r = 0; r < 4; r++)
        for (int q = 0; q < 4; q++) sums[r][q] = _mm512_setzero_si512();
      /* A row or panel beyond the edge repeats the last one; its sums are not stored. */
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
          for (int q = 0; q < 4; q++) sums[r][q] = _mm512_dpbusd_epi32(sums[r][q], x, w[q]);
        }
      }
      for (size_t r = 0; r < is; r++)
        for (size_t q = 0; q < ps; q++) {
          const size_t j = (p + q) * 16, columns = width - j < 16 ? width - j : 16;
          _mm512_mask_storeu_epi32(c + (i + r) * c_stride + j, (__mmask16)((1u << columns) - 1), sums[r][q]);
        }
    }
  }
}
#pragma clang attribute pop

#pragma clang attribute push(__attribute__((target(AVX512))), apply_to = function)
#define KERNEL(name) name##_avx512
#define LEVEL "avx512"
#define MULTIPLY_U8S8 multiply_u8s8_avx512
#include "kernels.inc"
#undef KERNEL
#undef LEVEL
#undef MULTIPLY_U8S8
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
