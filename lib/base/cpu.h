// Whether this CPU has the instructions that the program was built for.
//
// Purpose: a build for newer CPUs (meson option `cpu`) ends on an older one with a word instead of SIGILL.
// Threads: constant. Source: x86-64 psABI, microarchitecture levels.
#pragma once

namespace netspectra {

// The first instruction set that is used and not there; nullptr where all are.
const char* missing_instruction_set();

}  // namespace netspectra
