#pragma once
#include <stddef.h>
#include <stdint.h>

#include "CProducts.h"

/* How integer sums become numbers. */
typedef struct retort_dequantization {
  /* The level of 0 on the left side. */
  int32_t zero;
  /* For each column: the sum of its weights, on which a level may rely; their scale; what is added. */
  const int32_t *weight_sums;
  const float *factors;
  const float *bias;
  /* Not 0: for every column and every even k, |b[k]| + |b[k + 1]| ≤ 128, so that the products of two neighbours with levels add up
     within 16 bits. Always so for weights of 7 bits. */
  int pairs_fit;
} retort_dequantization;

/* Vector kernels that Swift cannot reach: one body (kernels.inc) compiled per instruction level, chosen at run time.
   Each has a reference in Swift (Sources/Tensors/Reference) and a test that they agree at every level.
   All matrices are row-major; `rows` × `width`, without gaps unless a stride is given; any count may be 0.

   Special values: a kernel follows IEEE 754 element by element, with denormals and signed zeros, and keeps NaN, unless
   its comment says otherwise. In layer_norm a NaN or an infinity makes its whole row NaN. In softmax so does a NaN, a +∞
   or a row of nothing but −∞, while a −∞ beside finite scores gets probability 0. */
typedef struct retort_kernels {
  const char *name;

  /* y = x · Φ(x), with the exact Φ (erf); 0 at −∞. */
  void (*gelu)(const float *x, float *y, size_t n);
  /* dx = dy · (Φ(x) + x · φ(x)); the factor is 0 at −∞ and 1 at ∞. */
  void (*gelu_backward)(const float *x, const float *dy, float *dx, size_t n);
  /* y = x / 2 · (1 + tanh(√(2/π) (x + 0.044715 x³))): the approximation that GPT-2 was trained with; 0 at −∞. */
  void (*gelu_tanh)(const float *x, float *y, size_t n);
  void (*gelu_tanh_backward)(const float *x, const float *dy, float *dx, size_t n);
  /* y = max(x, 0). */
  void (*relu)(const float *x, float *y, size_t n);
  /* dx = dy where x > 0, else 0; NaN where x is. */
  void (*relu_backward)(const float *x, const float *dy, float *dx, size_t n);

  /* y = (x − mean) · rstd · gamma + beta per row; mean and rstd are kept for backward. */
  void (*layer_norm)(const float *x, const float *gamma, const float *beta, float *y, float *mean, float *rstd,
                     size_t rows, size_t width, float epsilon);
  /* Writes dx; adds to dgamma and dbeta. */
  void (*layer_norm_backward)(const float *x, const float *gamma, const float *dy, const float *mean,
                              const float *rstd, float *dx, float *dgamma, float *dbeta, size_t rows, size_t width);

  /* y = x · r · gamma per row, r = 1 / √(mean(x²) + epsilon), which is kept for backward. */
  void (*rms_norm)(const float *x, const float *gamma, float *y, float *reciprocal, size_t rows, size_t width,
                   float epsilon);
  /* Writes dx; adds to dgamma. */
  void (*rms_norm_backward)(const float *x, const float *gamma, const float *dy, const float *reciprocal, float *dx,
                            float *dgamma, size_t rows, size_t width);

  /* One row of `heads` heads of 2 · half: (y[j], y[half + j]) is (x[j], x[half + j]) turned by the angle whose cosine and
     sine stand at j; direction is 1, or −1 to turn back. x may be y. */
  void (*rotate)(const float *x, float *y, const float *cosines, const float *sines, size_t heads, size_t half,
                 float direction);

  /* y = gate · σ(gate) · up, σ the logistic function; 0 · up where gate is −∞. */
  void (*swiglu)(const float *gate, const float *up, float *y, size_t n);
  void (*swiglu_backward)(const float *gate, const float *up, const float *dy, float *dgate, float *dup, size_t n);

  /* x = softmax(scale · x) per row, in place. */
  void (*softmax)(float *x, size_t rows, size_t width, float scale);
  /* dy = scale · (used · dy − p · Σ used·dy) per row, in place: the gradient of what softmax(scale · x) = p was made
     from, where `used` is p after dropout and dy the gradient of `used`. Without dropout used is p. */
  void (*softmax_backward)(const float *p, const float *used, float *dy, size_t rows, size_t width, float scale);

  /* x = e = exp(scale · (x − max x)), in place; gives the maximum, Σ e and Σ e², from which a row of logits has its
     softmax at one temperature and at half of it. n ≥ 1. */
  void (*exponentials)(float *x, size_t n, float scale, float *maximum, float *sum, float *sum_of_squares);
  /* x = a · x² + b · x */
  void (*quadratic)(float *x, size_t n, float a, float b);

  /* y[i, j] = keep(key[i], salt, j) ? x[i, j] · scale : 0, where keep is a hash ≥ threshold (see Dropout.swift).
     What is dropped becomes 0 whatever it was. x may be y. */
  void (*dropout)(const float *x, float *y, const uint64_t *keys, uint64_t salt, size_t rows, size_t width,
                  uint32_t threshold, float scale);

  /* y = y + a · x */
  void (*add_scaled)(const float *x, float a, float *y, size_t n);
  /* z = x + y */
  void (*add)(const float *x, const float *y, float *z, size_t n);
  /* z = x − y */
  void (*subtract)(const float *x, const float *y, float *z, size_t n);
  /* y = a · x */
  void (*scale)(const float *x, float a, float *y, size_t n);
  /* x[i, j] = factors[i] · x[i, j], with `stride` floats from row to row. */
  void (*scale_rows)(float *x, size_t stride, const float *factors, size_t rows, size_t width);
  /* sums[j] += Σ_i x[i, j] */
  void (*add_column_sums)(const float *x, float *sums, size_t rows, size_t width);
  /* Σ x² in double precision. */
  double (*sum_squares)(const float *x, size_t n);

  /* One step of AdamW with decoupled decay: g is first multiplied by gradient_scale. corrections are 1 / (1 − βᵗ). */
  void (*adamw)(float *parameter, const float *gradient, float *m, float *v, size_t n, float gradient_scale,
                float learning_rate, float beta1, float beta2, float epsilon, float weight_decay, float correction1,
                float correction2);
  /* average += share · (x − average) */
  void (*approach)(float *average, const float *x, size_t n, float share);

  /* y = (clamp(round(x / scale) + zero, low, high) − zero) · scale, rounding half to even. The quotient is a true
     division, so that ties fall where ONNX's QuantizeLinear puts them. */
  void (*fake_quantize)(const float *x, float *y, size_t n, float scale, float zero, float low, float high);
  /* Straight-through: dx = dy where x lies inside the range, 0 where it was clipped or is NaN. */
  void (*fake_quantize_backward)(const float *x, const float *dy, float *dx, size_t n, float scale, float zero,
                                 float low, float high);
  /* The largest |x|; NaN if there is one, 0 of nothing. */
  float (*largest_magnitude)(const float *x, size_t n);
  /* q = clamp(round(x / scale) + zero, 0, 255); NaN gives 0. */
  void (*quantize_u8)(const float *x, uint8_t *q, size_t n, float scale, float zero);
  /* y = (a · b − zero · weight_sums) · (factors · scale of the row) + bias (+ residual), a · b exactly in int32.
     a: rows × depth, stride `a_stride` bytes (a multiple of 4 and ≥ depth, padded with anything), b packed as
     [width/16][depth/4][16][4] and padded with zeros. The scale of row i is scales[i · scale_step]. y and residual, which may
     be NULL, are rows × width with `y_stride` floats from row to row; they may be one. Every operation rounds by itself: the same numbers at every
     level. */
  void (*linear_u8s8)(const uint8_t *a, size_t a_stride, const int8_t *b, const retort_dequantization *by,
                      const float *scales, size_t scale_step, const float *residual, float *y, size_t y_stride,
                      size_t rows, size_t depth, size_t width);

  /* y = scale · level */
  void (*expand_int8)(const int8_t *levels, float scale, float *y, size_t n);
  /* The weights of `blocks` blocks of 32 in ggml's formats, as float32: d · level, or d · level + m. */
  void (*expand_q8_0)(const uint8_t *w, size_t blocks, float *y);
  void (*expand_q4_0)(const uint8_t *w, size_t blocks, float *y);
  void (*expand_q4_1)(const uint8_t *w, size_t blocks, float *y);
  /* `n` numbers of two bytes, at any address: IEEE halves, or the upper halves of float32. */
  void (*expand_float16)(const uint8_t *w, size_t n, float *y);
  void (*expand_bfloat16)(const uint8_t *w, size_t n, float *y);
  /* y[t · y_stride + r] = row r of w: [rows, width] · row t of x: [n, width]. For few rows of x, where the
     reading of w decides. A row of y does not depend on how many there are. */
  void (*multiply_rows)(const float *w, size_t rows, size_t width, const float *x, size_t n, float *y,
                        size_t y_stride);
  /* y[r] = row r of w, `blocks` blocks of 32 in one of these formats, · x: [32 · blocks]: the numbers that expanding the rows and
     multiply_rows give, bit for bit where all are finite. */
  void (*multiply_q8_0)(const uint8_t *w, size_t rows, size_t blocks, const float *x, float *y);
  void (*multiply_q4_0)(const uint8_t *w, size_t rows, size_t blocks, const float *x, float *y);
  void (*multiply_q4_1)(const uint8_t *w, size_t rows, size_t blocks, const float *x, float *y);
  void (*multiply_float16)(const uint8_t *w, size_t rows, size_t blocks, const float *x, float *y);
  void (*multiply_bfloat16)(const uint8_t *w, size_t rows, size_t blocks, const float *x, float *y);
  /* Attention of one position: for each of `heads` neighbouring query heads of `width` floats, y = softmax(scale · q · kᵀ) · v
     over `positions` rows of k and v that lie `stride` floats apart. scores: heads × positions. */
  void (*attend)(const float *q, const float *k, const float *v, size_t stride, float *scores, float *y, size_t heads,
                 size_t positions, size_t width, float scale);

  void (*float_to_half)(const float *x, uint16_t *y, size_t n);
} retort_kernels;

/* Tells the processor that this thread is waiting in a loop. */
static inline void retort_pause(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

/* What RETORT_INSTRUCTIONS says where it is no level that it may name; then it has no effect. Else NULL. */
const char *retort_instructions_misspelt(void);
/* The best table for this processor within what RETORT_INSTRUCTIONS permits. */
const retort_kernels *retort_kernels_best(void);
/* All tables that this processor can run and RETORT_INSTRUCTIONS permits, slowest first, among them `amx-emulated`, which runs the
   body of AMX's 8-bit layer on emulated tiles; `count` receives how many. */
const retort_kernels *const *retort_kernels_all(size_t *count);
