// Whether the CPU has the AVX-512 that estimators may use by bursts: what every one with AVX-512 has since Skylake-X.
//
// Found out while the program is loaded: CPUID leaves a virtual machine, and a worker's first burst is no time for that.
// The system saves the registers, too, which __builtin_cpu_supports() asks.
#pragma once

#include <immintrin.h>

#include <cstdint>

namespace netspectra {

inline const bool kHaveWideVectors =
    __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512cd") &&
    __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
    __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("bmi2");

// A mask as a number. By hand: where GCC 12 has no register for it, it stores the mask's one or two bytes and reads four.
[[gnu::target("avx512dq")]] inline uint32_t number_of(__mmask8 mask) {
  uint32_t number;
  asm("kmovb %1, %0" : "=r"(number) : "k"(mask));
  return number;
}
[[gnu::target("avx512f")]] inline uint32_t number_of(__mmask16 mask) {
  uint32_t number;
  asm("kmovw %1, %0" : "=r"(number) : "k"(mask));
  return number;
}

}  // namespace netspectra
