#include "base/cpu.h"

namespace netspectra {

const char* missing_instruction_set() {
  if (__builtin_cpu_supports("aes") == 0) return "AES-NI";
  if (__builtin_cpu_supports("sse4.2") == 0) return "SSE4.2";
#ifdef __AVX2__
  if (__builtin_cpu_supports("avx2") == 0) return "AVX2";
  if (__builtin_cpu_supports("bmi2") == 0) return "BMI2";
#endif
#ifdef __AVX512BW__
  if (__builtin_cpu_supports("avx512bw") == 0) return "AVX-512BW";
  if (__builtin_cpu_supports("avx512vl") == 0) return "AVX-512VL";
#endif
  return nullptr;
}

}  // namespace netspectra
