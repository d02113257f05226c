// How fast a core does arithmetic just now: whether it is all ours.
//
// Purpose: on a virtual machine somebody else may run on the same core for seconds at a time, and no counter tells. Nothing
//   but arithmetic in registers, enough of it side by side to fill a core, takes the same time whenever the core is all
//   ours, and half as long again where it is shared. Samples that were taken then are set aside by that, and never by
//   their own time.
// Units: nanoseconds per step. Threads: any; of the core that the caller is on. Cost: 1 ms.
#pragma once

#include <cstdint>

namespace netspectra::bench {

// The calling thread from here on.
void pin_to(int cpu);
// `steps` of it.
void spin(uint64_t steps);
// The least of a few tries: an interrupt is not what is looked for.
double spin_ns();

}  // namespace netspectra::bench
