#pragma once
#include <stddef.h>
#include <stdint.h>

/* Matrix products C = A · B on packed operands, for one element type and one instruction level.

   A ("rows"): m × depth, row-major, `a_stride` elements from row to row. bfloat16 rows are padded with zeros to a
   multiple of 32 in depth, and hold a multiple of 16 rows (what the surplus rows contain does not matter).
   B ("panels"): depth × n, cut into panels of 16 columns. float32: [n/16][depth][16]; bfloat16: [n/16][depth/2][16][2],
   the depth padded with zeros to a multiple of 32. Columns beyond n are zeros. `panel` elements lie from panel to panel.
   C: m × n in float32, row-major, `c_stride` floats from row to row. Sums are kept in float32.

   bfloat16 is the upper half of a float32, rounded to nearest even; NaN stays NaN. Packing and products treat subnormals
   as zero where the processor's instructions for bfloat16 do. */
typedef struct retort_product {
  const char *name;
  /* Bytes of an element of the packed operands: 4 (float32) or 2 (bfloat16). */
  size_t element;

  /* rows[i, k] = x[i · stride + k] for i < count, k < depth. */
  void (*pack_rows)(const float *x, size_t stride, void *rows, size_t rows_stride, size_t count, size_t depth);
  /* rows[i, k] = x[k · stride + i]; where sums is given, sums[i] += Σ_k x[k, i] in float32. */
  void (*pack_rows_transposed)(const float *x, size_t stride, void *rows, size_t rows_stride, size_t count,
                               size_t depth, float *sums);
  /* rows[i, k] = x[k, i] from rows that are packed already, `stride` elements apart. */
  void (*pack_rows_transposed_of_rows)(const void *x, size_t stride, void *rows, size_t rows_stride, size_t count,
                                       size_t depth);
  /* B[k, j] = x[k · stride + j]. */
  void (*pack_panels)(const float *x, size_t stride, void *panels, size_t depth, size_t width);
  /* B[k, j] = x[j · stride + k]. */
  void (*pack_panels_transposed)(const float *x, size_t stride, void *panels, size_t depth, size_t width);
  /* B[k, j] = x[k · stride + j] from elements that are packed rows already. */
  void (*pack_panels_of_rows)(const void *x, size_t stride, void *panels, size_t depth, size_t width);
  /* rows[i, j] = exp(scale · (x[i · stride + j] − the row's maximum)) for i < count, j < width, and the inverse of each row's
     sum in float32: softmax, but for that factor, as a left operand. scale > 0. A NaN, a +∞ or nothing but −∞ makes the
     whole row or its inverse NaN. */
  void (*pack_exponentials)(const float *x, size_t stride, void *rows, size_t rows_stride, size_t count, size_t width,
                            float scale, float *inverses);
  /* C = A · B (+ bias in every row) (+ C where accumulate is not 0). bias: n floats or NULL. */
  void (*multiply)(const void *a, size_t a_stride, const void *b, size_t panel, float *c, size_t c_stride,
                   const float *bias, size_t rows, size_t depth, size_t width, int accumulate);
  /* C = Aᵀ · B (+ C) with A stored as depth × m; NULL for bfloat16. */
  void (*multiply_transposed)(const float *a, size_t a_stride, const float *b, size_t panel, float *c,
                              size_t c_stride, size_t rows, size_t depth, size_t width, int accumulate);
} retort_product;

/* The best product of an element type for this processor within what RETORT_INSTRUCTIONS permits (see CKernels.h): 4 for float32,
   2 for bfloat16. */
const retort_product *retort_product_best(size_t element);
/* All that this processor can run and RETORT_INSTRUCTIONS permits, slowest first, among them `amx-emulated`, which runs the body
   of the AMX product on emulated tiles; `count` receives how many. */
const retort_product *const *retort_products_all(size_t *count);
/* Giga-operations per second of one core in float32 and with bfloat16 pairs, measured for a few microseconds; 0 where
   the processor has no instruction for bfloat16. AMX, emulated too, is not measured but counted as eight times float32. */
void retort_product_rates(double *float32, double *bfloat16);
