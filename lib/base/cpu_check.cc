// A program built for newer CPUs (meson option `cpu`) ends on an older one with a word instead of SIGILL.
//
// Runs before every other constructor of the program, and is itself built for any x86-64. For a build for `native`
// only what every build needs is looked for.
// Source: x86-64 psABI, microarchitecture levels.
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

namespace {

const char* missing_instruction_set() {
  if (!__builtin_cpu_supports("sse4.2")) return "SSE4.2";
  if (!__builtin_cpu_supports("aes")) return "AES-NI";
#if NS_CPU_LEVEL >= 3
  if (!__builtin_cpu_supports("avx2")) return "AVX2";
  if (!__builtin_cpu_supports("bmi2")) return "BMI2";
  if (!__builtin_cpu_supports("fma")) return "FMA";
#endif
#if NS_CPU_LEVEL >= 4
  if (!__builtin_cpu_supports("avx512bw")) return "AVX-512BW";
  if (!__builtin_cpu_supports("avx512vl")) return "AVX-512VL";
#endif
  return nullptr;
}

[[gnu::constructor(101)]] void check_cpu() {
  __builtin_cpu_init();
  const char* const missing = missing_instruction_set();
  if (missing == nullptr) return;
  dprintf(STDERR_FILENO, "%s: this CPU lacks %s, which this build needs (meson option cpu)\n",
          program_invocation_short_name, missing);
  _exit(1);
}

}  // namespace
