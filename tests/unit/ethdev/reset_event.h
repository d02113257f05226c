// A device that asks for a reset, as a driver says so on its interrupt.
#pragma once

#include <rte_ethdev.h>

// In DPDK's driver header, which is not installed.
extern "C" int rte_eth_dev_callback_process(void* device, rte_eth_event_type event, void* parameter);
extern "C" char rte_eth_devices[];

namespace netspectra::test {

// REQUIRES: one port, which has the number 0 then.
inline void ask_for_reset() {
  rte_eth_dev_callback_process(rte_eth_devices, RTE_ETH_EVENT_INTR_RESET, nullptr);
}

}  // namespace netspectra::test
