#pragma once

/* Instructions beyond the architecture's base, as bits. */
enum {
  RETORT_AVX2 = 1,         /* with FMA and F16C */
  RETORT_AVX_VNNI = 2,     /* dot products of bytes on 256 bits */
  RETORT_VNNI_256 = 4,     /* the same in the encoding of AVX-512 */
  RETORT_AVX512 = 8,       /* F, BW, VL and DQ */
  RETORT_VNNI = 16,        /* dot products of bytes on 512 bits */
  RETORT_BFLOAT16 = 32,    /* dot products of bfloat16 on 512 bits */
  RETORT_AMX_INT8 = 64,    /* which the system lets this process use */
  RETORT_AMX_BFLOAT16 = 128,
  RETORT_AMX_EMULATED = 256, /* AMX's bodies on tiles in memory are to be used */
  RETORT_DOTPROD = 512       /* arm64's dot products of bytes */
};

/* Those that the processor has and RETORT_INSTRUCTIONS permits. */
unsigned retort_instructions(void);
