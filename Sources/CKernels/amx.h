#pragma once
#include <stdint.h>

#if defined(__x86_64__)
/* Features of AMX: their bits in CPUID(7).EDX. */
#define RETORT_AMX_BFLOAT16 22
#define RETORT_AMX_INT8 25

/* Whether the processor has AMX with this feature and the system lets this process use it: Linux gives the tiles' state only
   to processes that ask, and threads inherit the permission. */
int retort_amx_permitted(unsigned feature);

typedef struct retort_amx_configuration {
  uint8_t palette, start;
  uint8_t reserved[14];
  uint16_t bytes[16];
  uint8_t rows[16];
} retort_amx_configuration;

/* All eight tiles have 16 rows of 64 bytes. Configured in every call and released after it: other libraries do the same, and a
   configuration kept across calls would be theirs. */
extern const retort_amx_configuration retort_amx_tiles;
#endif
