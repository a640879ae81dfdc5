#pragma once

/* Instructions beyond the architecture's base, as bits. */
enum {
  RETORT_AVX2 = 1,      /* with FMA and F16C */
  RETORT_AVX512 = 2,    /* F, BW, VL and DQ */
  RETORT_VNNI = 4,      /* AVX-512's dot products of bytes */
  RETORT_BFLOAT16 = 8,  /* AVX-512's dot products of bfloat16 */
  RETORT_AMX_INT8 = 16, /* which the system lets this process use */
  RETORT_AMX_BFLOAT16 = 32,
  RETORT_AMX_EMULATED = 64 /* AMX's bodies on tiles in memory are to be used */
};

/* Those that the processor has and RETORT_INSTRUCTIONS permits. */
unsigned retort_instructions(void);
