/* Which instructions there are: asked of the processor, the system and the environment. */
#include "instructions.h"
#include "CKernels.h"
#include <stdlib.h>
#include <string.h>

static const struct {
  const char *name;
  unsigned permitted;
} levels[] = {
    {"base", 0},
    {"avx2", RETORT_AVX2},
    {"avx-vnni", RETORT_AVX2 | RETORT_AVX_VNNI | RETORT_VNNI_256},
    {"avx512", RETORT_AVX2 | RETORT_AVX512},
    {"avx512-vnni", RETORT_AVX2 | RETORT_AVX512 | RETORT_VNNI | RETORT_BFLOAT16},
    {"amx-emulated", RETORT_AMX_EMULATED},
}; /* arm64 has `base`, or all. */

/* The level that the environment asks for; -1: none, -2: one that is not known. */
static int asked(const char *text) {
  if (!text) return -1;
  for (int i = 0; i < (int)(sizeof levels / sizeof *levels); i++)
    if (strcmp(text, levels[i].name) == 0) return i;
  return -2;
}

const char *retort_instructions_misspelt(void) {
  const char *text = getenv("RETORT_INSTRUCTIONS");
  return asked(text) == -2 ? text : NULL;
}

#if defined(__x86_64__)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>

/* AMX with what its tiles multiply. Linux gives the tiles' state only to processes that ask, and threads inherit the permission. */
static unsigned amx(void) {
#if defined(__linux__)
  const unsigned tile = 1u << 24, bfloat16 = 1u << 22, int8 = 1u << 25;
  const long request_permission = 0x1023, tile_data = 18;
  unsigned a, b, c, d;
  if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || !(d & tile)) return 0;
  if (syscall(SYS_arch_prctl, request_permission, tile_data) != 0) return 0;
  return (d & bfloat16 ? RETORT_AMX_BFLOAT16 : 0u) | (d & int8 ? RETORT_AMX_INT8 : 0u);
#else
  return 0;
#endif
}

static unsigned available(void) {
  __builtin_cpu_init();
  unsigned found = 0;
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c"))
    found |= RETORT_AVX2;
  unsigned a, b, c, d;
  if (found && __get_cpuid_count(7, 1, &a, &b, &c, &d) && a & 1u << 4) found |= RETORT_AVX_VNNI;
  if (!found || !__builtin_cpu_supports("avx512f") || !__builtin_cpu_supports("avx512bw") ||
      !__builtin_cpu_supports("avx512vl") || !__builtin_cpu_supports("avx512dq"))
    return found;
  found |= RETORT_AVX512;
  if (__builtin_cpu_supports("avx512vnni")) found |= RETORT_VNNI | RETORT_VNNI_256;
  if (__builtin_cpu_supports("avx512bf16")) found |= RETORT_BFLOAT16;
  return found | amx();
}
#elif defined(__aarch64__) && defined(__linux__)
#include <sys/auxv.h>

static unsigned available(void) {
  const unsigned long dot_products = 1ul << 20;
  return getauxval(AT_HWCAP) & dot_products ? RETORT_DOTPROD : 0;
}
#elif defined(__aarch64__) && defined(__APPLE__)
static unsigned available(void) { return RETORT_DOTPROD; }
#else
static unsigned available(void) { return 0; }
#endif

unsigned retort_instructions(void) {
  const int level = asked(getenv("RETORT_INSTRUCTIONS"));
  if (level < 0) return available();
  return (available() | RETORT_AMX_EMULATED) & levels[level].permitted;
}
