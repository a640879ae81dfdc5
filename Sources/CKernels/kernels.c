/* The kernels once per instruction level, and the choice between them. No build flags: the target attribute raises
   the level function by function, so that one binary runs on every processor. */
#include "CKernels.h"
#include "amx.h"
#include "avx512.h"
#include "instructions.h"
#include <string.h>

#pragma clang fp contract(fast)

#define UNROLL _Pragma("clang loop unroll(full)")

/* Up to 16 columns of a row's sums, from column `first` on, as numbers: y and residual, which may be one, begin at the row. */
static inline __attribute__((always_inline)) void dequantize(const int32_t sums[16], const retort_dequantization *by,
                                                             float scale, const float *residual, float *y,
                                                             size_t first, size_t width) {
#pragma clang fp contract(off)
  const size_t columns = width - first < 16 ? width - first : 16;
  float factors[16] = {0}, bias[16] = {0}, added[16] = {0}, values[16];
  int32_t weight_sums[16] = {0};
  if (columns == 16) {
    memcpy(factors, by->factors + first, 64);
    memcpy(bias, by->bias + first, 64);
    memcpy(weight_sums, by->weight_sums + first, 64);
  } else {
    memcpy(factors, by->factors + first, 4 * columns);
    memcpy(bias, by->bias + first, 4 * columns);
    memcpy(weight_sums, by->weight_sums + first, 4 * columns);
  }
  for (size_t l = 0; l < 16; l++)
    values[l] = (float)(sums[l] - by->zero * weight_sums[l]) * (factors[l] * scale) + bias[l];
  if (residual) {
    memcpy(added, residual + first, 4 * columns);
    for (size_t l = 0; l < 16; l++) values[l] += added[l];
  }
  if (columns == 16) memcpy(y + first, values, 64);
  else memcpy(y + first, values, 4 * columns);
}

/* Bytes as wider numbers: exact for all weights. */
#if defined(__x86_64__)
#define VECTOR __m128i
#define ROWS 2
#define LEFT(x, four)                                            \
  const __m128i x##_all = _mm_set1_epi32(four);                  \
  const __m128i x = _mm_and_si128(x##_all, _mm_set1_epi16(255)), x##_odd = _mm_srli_epi16(x##_all, 8);
#define DOT(sums, w, x)                                                                                     \
  sums = _mm_add_epi32(sums, _mm_add_epi32(_mm_madd_epi16(x, _mm_srai_epi16(_mm_slli_epi16(w, 8), 8)),      \
                                           _mm_madd_epi16(x##_odd, _mm_srai_epi16(w, 8))));
#else
typedef int32_t four_sums __attribute__((vector_size(16)));
#define VECTOR four_sums
#define ROWS 4
#define LEFT(x, four) const uint32_t x = (uint32_t)four;
#define DOT(sums, w, x)                                                                                           \
  sums += (w << 24 >> 24) * (int32_t)(x & 255) + (w << 16 >> 24) * (int32_t)(x >> 8 & 255) +                      \
          (w << 8 >> 24) * (int32_t)(x >> 16 & 255) + (w >> 24) * (int32_t)(x >> 24);
#endif
#define SHIFT 0
#define KERNEL(name) name##_base
#include "linear_int8.inc"

#define KERNEL(name) name##_base
#if defined(__x86_64__)
#define ROWS_AT_ONCE 2
#define ROWS_BY_VECTORS 1
#define VECTORS_AT_ONCE 2
#else
#define ROWS_AT_ONCE 4
#define ROWS_BY_VECTORS 2
#define VECTORS_AT_ONCE 3
#endif
#include "kernels.inc"
#undef KERNEL

#if defined(__aarch64__)
#include <arm_neon.h>
#pragma clang attribute push(__attribute__((target("dotprod"))), apply_to = function)
/* Signed by signed. */
#define VECTOR int32x4_t
#define ROWS 4
#define LEFT(x, four) const int8x16_t x = vreinterpretq_s8_s32(vdupq_n_s32(four ^ (int32_t)0x80808080));
#define DOT(sums, w, x) sums = vdotq_s32(sums, vreinterpretq_s8_s32(w), x);
#define SHIFT 128
#define KERNEL(name) name##_dotprod
#include "linear_int8.inc"
#pragma clang attribute pop
#endif

#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("avx2,fma,f16c"))), apply_to = function)
#define VECTOR __m256i
#define ROWS 4
#define LEFT(x, four)                                            \
  const __m256i x##_all = _mm256_set1_epi32(four);               \
  const __m256i x = _mm256_and_si256(x##_all, _mm256_set1_epi16(255)), x##_odd = _mm256_srli_epi16(x##_all, 8);
#define DOT(sums, w, x)                                                                                           \
  sums = _mm256_add_epi32(sums, _mm256_add_epi32(_mm256_madd_epi16(x, _mm256_srai_epi16(_mm256_slli_epi16(w, 8), 8)), \
                                                 _mm256_madd_epi16(x##_odd, _mm256_srai_epi16(w, 8))));
#define SHIFT 0
#define KERNEL(name) name##_avx2_any
#include "linear_int8.inc"

/* Its sums of two products saturate beyond 16 bits. */
#define VECTOR __m256i
#define ROWS 4
#define LEFT(x, four) const __m256i x = _mm256_set1_epi32(four);
#define DOT(sums, w, x) \
  sums = _mm256_add_epi32(sums, _mm256_madd_epi16(_mm256_maddubs_epi16(x, w), _mm256_set1_epi16(1)));
#define SHIFT 0
#define KERNEL(name) name##_avx2_pairs
#include "linear_int8.inc"

static void linear_u8s8_avx2(const uint8_t *a, size_t a_stride, const int8_t *b, const retort_dequantization *by,
                             const float *scales, size_t scale_step, const float *residual, float *y, size_t y_stride,
                             size_t rows, size_t depth, size_t width) {
  (by->pairs_fit ? linear_u8s8_avx2_pairs : linear_u8s8_avx2_any)(a, a_stride, b, by, scales, scale_step, residual, y,
                                                                  y_stride, rows, depth, width);
}

#define KERNEL(name) name##_avx2
#define ROWS_AT_ONCE 4
#define ROWS_BY_VECTORS 2
#define VECTORS_AT_ONCE 3
#include "kernels.inc"
#undef KERNEL
#pragma clang attribute pop

/* VNNI on 256 bits: by its own encoding, and by that of AVX-512. */
#pragma clang attribute push(__attribute__((target("avx2,avxvnni"))), apply_to = function)
#define VECTOR __m256i
#define ROWS 6
#define LEFT(x, four) const __m256i x = _mm256_set1_epi32(four);
#define DOT(sums, w, x) sums = _mm256_dpbusd_avx_epi32(sums, x, w);
#define SHIFT 0
#define KERNEL(name) name##_avx_vnni
#include "linear_int8.inc"
#pragma clang attribute pop
#pragma clang attribute push(__attribute__((target("avx2,avx512vl,avx512vnni"))), apply_to = function)
#define VECTOR __m256i
#define ROWS 6
#define LEFT(x, four) const __m256i x = _mm256_set1_epi32(four);
#define DOT(sums, w, x) sums = _mm256_dpbusd_epi32(sums, x, w);
#define SHIFT 0
#define KERNEL(name) name##_vnni_256
#include "linear_int8.inc"
#pragma clang attribute pop

#pragma clang attribute push(__attribute__((target(AVX512 ",avx512vnni"))), apply_to = function)
/* `rows` by `panels` of 16 columns, those below `width`: one accumulator each and one vpdpbusd per four elements of depth. The
   sums begin with what the level of 0 takes from them. What comes after is asked for: from `next` on, `step` bytes for every
   four elements. y and residual begin at the block's first row. */
static inline __attribute__((always_inline)) void vnni_block(const uint8_t *a, size_t a_stride, const int8_t *b,
                                                             size_t groups, const int8_t *next, size_t step,
                                                             const retort_dequantization *by, size_t first,
                                                             const float *scales, size_t scale_step,
                                                             const float *residual, float *y, size_t y_stride,
                                                             size_t width, const int rows, const int panels) {
  __m512i sums[8][3];
  __mmask16 mask[3];
  UNROLL for (int p = 0; p < panels; p++) {
    const size_t j = first + 16 * p;
    mask[p] = width - j < 16 ? (__mmask16)((1u << (width - j)) - 1) : 0xffff;
    const __m512i offset =
        _mm512_mullo_epi32(_mm512_set1_epi32(-by->zero), _mm512_maskz_loadu_epi32(mask[p], by->weight_sums + j));
    UNROLL for (int r = 0; r < rows; r++) sums[r][p] = offset;
  }
  for (size_t g = 0; g < groups; g++) {
    __m512i w[3];
    UNROLL for (int p = 0; p < panels; p++) w[p] = _mm512_loadu_si512(b + (p * groups + g) * 64);
    for (size_t byte = 0; byte < step; byte += 64) _mm_prefetch((const char *)next + g * step + byte, _MM_HINT_T1);
    UNROLL for (int r = 0; r < rows; r++) {
      int32_t four;
      __builtin_memcpy(&four, a + r * a_stride + g * 4, 4);
      const __m512i x = _mm512_set1_epi32(four);
      UNROLL for (int p = 0; p < panels; p++) sums[r][p] = _mm512_dpbusd_epi32(sums[r][p], x, w[p]);
    }
  }
  UNROLL for (int p = 0; p < panels; p++) {
    const size_t j = first + 16 * p;
    const __m512 factor = _mm512_maskz_loadu_ps(mask[p], by->factors + j);
    const __m512 bias = _mm512_maskz_loadu_ps(mask[p], by->bias + j);
    UNROLL for (int r = 0; r < rows; r++) {
      const size_t index = r * y_stride + j;
      const __m512 scale = _mm512_set1_ps(scales[r * scale_step]);
      /* Rounded, as the other levels do: no fused multiply and add. */
      const __m512 product = _mm512_mul_round_ps(_mm512_cvtepi32_ps(sums[r][p]), _mm512_mul_ps(factor, scale),
                                                 _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
      __m512 sum = _mm512_add_ps(product, bias);
      if (residual) sum = _mm512_add_ps(sum, _mm512_maskz_loadu_ps(mask[p], residual + index));
      _mm512_mask_storeu_ps(y + index, mask[p], sum);
    }
  }
}

/* Three panels at a time pass all rows; they stay in the first-level cache up to a depth of about 500, else in the second. */
static void linear_u8s8_vnni(const uint8_t *a, size_t a_stride, const int8_t *b, const retort_dequantization *by,
                             const float *scales, size_t scale_step, const float *residual, float *y, size_t y_stride,
                             size_t rows, size_t depth, size_t width) {
  const size_t groups = (depth + 3) / 4;
#define BLOCK(rows, panels)                                                                                              \
  vnni_block(a + i * a_stride, a_stride, b + j * groups * 4, groups, next + i * groups * share, share * (rows), by, j,  \
             scales + i * scale_step, scale_step, residual ? residual + i * y_stride : NULL, y + i * y_stride, y_stride, \
             width, rows, panels)
#define BLOCKS(panels)                                            \
  do {                                                            \
    size_t i = 0;                                                 \
    for (; i + 8 <= rows; i += 8) BLOCK(8, panels);               \
    if (rows - i >= 4) { BLOCK(4, panels); i += 4; }              \
    if (rows - i >= 2) { BLOCK(2, panels); i += 2; }              \
    if (rows - i >= 1) BLOCK(1, panels);                          \
  } while (0)
  for (size_t j = 0; j < width; j += 48) {
    /* The next panels, and how many bytes of them a row asks for with every group. Many rows have the time to wait for them. */
    const int asks = rows > 0 && rows <= 64 && j + 48 < width;
    const size_t share = asks ? (3 * 64 + rows - 1) / rows : 0;
    const int8_t *next = asks ? b + (j + 48) * groups * 4 : b;
    if (width - j > 32) BLOCKS(3);
    else if (width - j > 16) BLOCKS(2);
    else BLOCKS(1);
  }
#undef BLOCKS
#undef BLOCK
}
#pragma clang attribute pop

#pragma clang attribute push(__attribute__((target(AVX512))), apply_to = function)
#define CHOOSE(table, indices) (KERNEL(lanes))_mm512_permutexvar_ps((__m512i)(indices), (__m512)(table))
#define KERNEL(name) name##_avx512
#define ROWS_AT_ONCE 8
#define ROWS_BY_VECTORS 4
#define VECTORS_AT_ONCE 3
#include "kernels.inc"
#undef KERNEL
#undef CHOOSE

/* Functions that are 1/2 at 0 and, less that, odd: polynomials around the multiples of 3/8, which interpolate at the Chebyshev
   nodes of the 3/8 around each, and 1/2 from 5.4375 on. Row k holds the coefficients of degree k
   (Tests/Golden/gelu_tables.py). */
#define SEGMENT 0.375f
/* Φ(x), absolute error below 1.8e-7. */
static const float distribution[5][16] = {
    {0.0f, 0.14616977f, 0.27337265f, 0.36970547f, 0.4331928f, 0.46960363f, 0.48777553f, 0.49566755f, 0.4986501f,
     0.49963093f, 0.49991158f, 0.49998146f, 0.4999966f, 0.49999946f, 0.4999999f, 0.5f},
    {0.39893845f, 0.3718525f, 0.30113748f, 0.21187867f, 0.12951985f, 0.068787545f, 0.031739835f, 0.012723811f,
     0.004431422f, 0.0013408407f, 3.524631e-04f, 8.049072e-05f, 1.5968577e-05f, 2.7521148e-06f, 4.120383e-07f, 0.0f},
    {0.0f, -0.06972182f, -0.112925366f, -0.119180106f, -0.09713845f, -0.06448767f, -0.035707492f, -0.016700605f,
     -0.0066477307f, -0.0022630636f, -6.6106574e-04f, -1.6609066e-04f, -3.5954778e-05f, -6.715122e-06f, -1.0831362e-06f,
     0.0f},
    {-0.06605392f, -0.05296519f, -0.021963872f, 0.009149098f, 0.026725788f, 0.028695663f, 0.021469688f,
     0.012534455f, 0.00595769f, 0.0023541525f, 7.8270416e-04f, 2.2063413e-04f, 5.3002776e-05f, 1.0891033e-05f,
     1.9193872e-06f, 0.0f},
    {0.0f, 0.01649826f, 0.02280506f, 0.017167956f, 0.006099771f, -0.0027097936f, -0.0060936385f, -0.0054014465f,
     -0.0033286882f, -0.0015909214f, -6.152881e-04f, -1.9674827e-04f, -5.26792e-05f, -1.1907222e-05f, -2.2849167e-06f,
     0.0f},
};
/* Φ(x) + x · φ(x), absolute error below 9e-7. */
static const float slope[6][16] = {
    {0.0f, 0.2856154f, 0.4992257f, 0.6080667f, 0.6274692f, 0.5985779f, 0.55918974f, 0.5290685f, 0.51194566f,
     0.5041572f, 0.5012338f, 0.5003137f, 0.50006855f, 0.5000129f, 0.5000021f, 0.5f},
    {0.7978845f, 0.69141805f, 0.43288505f, 0.15559693f, -0.032379396f, -0.1042542f, -0.09720269f, -0.0622292f,
     -0.031022938f, -0.012593944f, -0.004253185f, -0.0012093651f, -2.9170333e-04f, -5.9984846e-05f, -1.0553418e-05f,
     0.0f},
    {0.0f, -0.26907262f, -0.3881715f, -0.3258827f, -0.16999905f, -0.03124288f, 0.03793685f, 0.04827628f,
     0.033240627f, 0.016726824f, 0.0066525848f, 0.0021619615f, 5.843021e-04f, 1.3273074e-04f, 2.5519881e-05f, 0.0f},
    {-0.26595497f, -0.1881185f, -0.01902025f, 0.115029f, 0.1443565f, 0.09457982f, 0.030728983f, -0.006883855f,
     -0.016250363f, -0.012073114f, -0.0060716555f, -0.0023413587f, -7.254062e-04f, -1.8483537e-04f, -3.926502e-05f,
     0.0f},
    {0.0f, 0.09465282f, 0.11311711f, 0.056276295f, -0.0131124295f, -0.044143822f, -0.03573368f, -0.014465849f,
     -1.3392055e-04f, 0.0041718567f, 0.0033571098f, 0.001675616f, 6.2315917e-04f, 1.834744e-04f, 4.401529e-05f, 0.0f},
    {0.05934284f, 0.034297332f, -0.014326314f, -0.040150296f, -0.029168636f, -0.004122882f, 0.010472709f,
     0.010459016f, 0.0046726624f, 4.2068143e-04f, -9.15812e-04f, -7.662618e-04f, -3.690064e-04f, -1.2947651e-04f,
     -3.5549576e-05f, 0.0f},
};

static inline __attribute__((always_inline)) __m512 segments(const float (*table)[16], const int degree, __m512 x) {
  /* In this order the minimum of NaN is NaN. */
  const __m512 size = _mm512_min_ps(_mm512_set1_ps(15 * SEGMENT), _mm512_abs_ps(x));
  const __m512 magic = _mm512_set1_ps(12582912.0f); /* 1.5 · 2²³ leaves the integer in the low bits */
  const __m512 shifted = _mm512_fmadd_ps(size, _mm512_set1_ps(1 / SEGMENT), magic);
  const __m512i index = _mm512_castps_si512(shifted);
  const __m512 t = _mm512_fnmadd_ps(_mm512_sub_ps(shifted, magic), _mm512_set1_ps(SEGMENT), size);
  __m512 p = _mm512_permutexvar_ps(index, _mm512_loadu_ps(table[degree]));
  UNROLL for (int k = degree - 1; k >= 0; k--)
    p = _mm512_fmadd_ps(p, t, _mm512_permutexvar_ps(index, _mm512_loadu_ps(table[k])));
  const __m512 sign = _mm512_and_ps(x, _mm512_set1_ps(-0.0f));
  return _mm512_add_ps(_mm512_set1_ps(0.5f), _mm512_xor_ps(p, sign));
}

static void gelu_avx512_segments(const float *x, float *y, size_t n) {
  for (size_t i = 0; i < n; i += 16) {
    const __mmask16 mask = n - i < 16 ? (__mmask16)((1u << (n - i)) - 1) : 0xffff;
    const __m512 v = _mm512_maskz_loadu_ps(mask, x + i);
    /* −∞ · 0 would be NaN. */
    const __m512 finite = _mm512_max_ps(_mm512_set1_ps(-__FLT_MAX__), v);
    _mm512_mask_storeu_ps(y + i, mask, _mm512_mul_ps(finite, segments(distribution, 4, v)));
  }
}

static void gelu_backward_avx512_segments(const float *x, const float *dy, float *dx, size_t n) {
  for (size_t i = 0; i < n; i += 16) {
    const __mmask16 mask = n - i < 16 ? (__mmask16)((1u << (n - i)) - 1) : 0xffff;
    const __m512 factor = segments(slope, 5, _mm512_maskz_loadu_ps(mask, x + i));
    _mm512_mask_storeu_ps(dx + i, mask, _mm512_mul_ps(_mm512_maskz_loadu_ps(mask, dy + i), factor));
  }
}

/* Some rows at a time, so that one's sums need not be waited for. */
static inline __attribute__((always_inline)) void softmax_rows(float *x, size_t width, __m512 factor, const int rows) {
  const __m512 nothing = _mm512_set1_ps(-__builtin_inff());
  const size_t whole = width / 16 * 16;
  const __mmask16 rest = (__mmask16)((1u << (width - whole)) - 1);
  __m512 most[4], sum[4];
  /* Which of two the maximum is where one is NaN does not matter: the sum will be NaN. */
  UNROLL for (int r = 0; r < rows; r++) most[r] = _mm512_mask_loadu_ps(nothing, rest, x + r * width + whole);
  for (size_t j = 0; j < whole; j += 16)
    UNROLL for (int r = 0; r < rows; r++) most[r] = _mm512_max_ps(most[r], _mm512_loadu_ps(x + r * width + j));
  UNROLL for (int r = 0; r < rows; r++) {
    most[r] = _mm512_set1_ps(_mm512_reduce_max_ps(most[r]));
    sum[r] = _mm512_setzero_ps();
  }
  for (size_t j = 0; j < width; j += 16) {
    const __mmask16 mask = j < whole ? 0xffff : rest;
    UNROLL for (int r = 0; r < rows; r++) {
      float *at = x + r * width + j;
      const __m512 t = _mm512_mul_ps(_mm512_sub_ps(_mm512_mask_loadu_ps(nothing, mask, at), most[r]), factor);
      const __m512 e = retort_power_of_two(t);
      sum[r] = _mm512_mask_add_ps(sum[r], mask, sum[r], e);
      _mm512_mask_storeu_ps(at, mask, e);
    }
  }
  UNROLL for (int r = 0; r < rows; r++) sum[r] = _mm512_set1_ps(1.0f / _mm512_reduce_add_ps(sum[r]));
  for (size_t j = 0; j < width; j += 16) {
    const __mmask16 mask = j < whole ? 0xffff : rest;
    UNROLL for (int r = 0; r < rows; r++) {
      float *at = x + r * width + j;
      _mm512_mask_storeu_ps(at, mask, _mm512_mul_ps(_mm512_maskz_loadu_ps(mask, at), sum[r]));
    }
  }
}

static void softmax_avx512_rows(float *x, size_t rows, size_t width, float scale) {
  const __m512 factor = _mm512_set1_ps(scale * 1.44269504088896341f);
  for (; rows >= 4; rows -= 4, x += 4 * width) softmax_rows(x, width, factor, 4);
  for (; rows > 0; rows--, x += width) softmax_rows(x, width, factor, 1);
}
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

static retort_kernels storage[8];
static const retort_kernels *tables[8], *best;
static size_t table_count;

/* A table more, which is the best so far: a copy, to be changed. */
static retort_kernels *add(const retort_kernels *table, const char *name) {
  retort_kernels *copy = storage + table_count;
  *copy = *table;
  copy->name = name;
  tables[table_count++] = best = copy;
  return copy;
}

static __attribute__((constructor)) void choose(void) {
  const unsigned instructions = retort_instructions();
  retort_kernels *emulated = add(&table_base, "amx-emulated");
  emulated->linear_u8s8 = linear_tiles_emulated;
  add(&table_base, "base")->linear_u8s8 = linear_u8s8_base;
#if defined(__aarch64__)
  if (instructions & RETORT_DOTPROD) add(best, "dotprod")->linear_u8s8 = linear_u8s8_dotprod;
#elif defined(__x86_64__)
  if (instructions & RETORT_AVX2) add(&table_avx2, "avx2")->linear_u8s8 = linear_u8s8_avx2;
  if (instructions & (RETORT_AVX_VNNI | RETORT_VNNI_256))
    add(&table_avx2, "avx-vnni")->linear_u8s8 =
        instructions & RETORT_AVX_VNNI ? linear_u8s8_avx_vnni : linear_u8s8_vnni_256;
  if (instructions & RETORT_AVX512) {
    const retort_kernels *narrower = best;
    retort_kernels *table = add(&table_avx512, "avx512");
    table->linear_u8s8 = narrower->linear_u8s8;
    table->softmax = softmax_avx512_rows;
    table->gelu = gelu_avx512_segments;
    table->gelu_backward = gelu_backward_avx512_segments;
  }
  if (instructions & RETORT_VNNI) add(best, "avx512-vnni")->linear_u8s8 = linear_u8s8_vnni;
  if (instructions & RETORT_AMX_INT8) add(best, "amx")->linear_u8s8 = linear_tiles_amx;
#endif
  if (instructions & RETORT_AMX_EMULATED) best = emulated;
}

const retort_kernels *retort_kernels_best(void) { return best; }

const retort_kernels *const *retort_kernels_all(size_t *count) {
  *count = table_count;
  return tables;
}
