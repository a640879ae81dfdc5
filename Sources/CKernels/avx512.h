#pragma once
#if defined(__x86_64__)
#include <immintrin.h>

#define AVX512 "avx512f,avx512bw,avx512vl,avx512dq,avx2,fma,f16c"

/* 2^t for t ≤ 0 by 2^⌊t⌋ · 2^f, with a minimax polynomial on [0, 1) that is 1 at 0: relative error below 2e-7. 0 below −125, which
   leaves no subnormals to slow down what follows; NaN stays NaN. */
__attribute__((target(AVX512), always_inline)) static inline __m512 retort_power_of_two(__m512 t) {
  const __m512 f = _mm512_reduce_ps(t, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC);
  __m512 p = _mm512_fmadd_ps(_mm512_set1_ps(0.00186713025f), f, _mm512_set1_ps(0.00901702994f));
  p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(0.0557999134f));
  p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(0.24016445f));
  p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(0.693151312f));
  const __mmask16 counts = _mm512_cmp_ps_mask(t, _mm512_set1_ps(-125), _CMP_NLT_UQ);
  return _mm512_maskz_scalef_ps(counts, _mm512_fmadd_ps(p, f, _mm512_set1_ps(1)), t);
}
#endif
