#pragma once
#include <stdint.h>

#if defined(__x86_64__)
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
