// Writes the files in tests/golden/wire. Not to be run again for version 1: they are what its programs wrote.
//
//   write_golden DIR
#include <cstdio>
#include <fstream>

#include "parts.h"

namespace {

using namespace netspectra;

Packet packet(uint8_t source, uint8_t destination) {
  Packet packet{};
  packet.key.src_ip[10] = packet.key.src_ip[11] = packet.key.dst_ip[10] = packet.key.dst_ip[11] = 0xff;
  packet.key.src_ip[12] = source;
  packet.key.src_ip[15] = 1;
  packet.key.dst_ip[15] = destination;
  packet.key.ip_version = 4;
  packet.key.protocol = 17;
  packet.ts_ns = 5;
  packet.len_bytes = 100;
  return packet;
}

void write(const std::string& path, const Message& message) {
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(message.bytes.data()),
             static_cast<std::streamsize>(message.bytes.size()));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  const std::string prefix = std::string(argv[1]) + "/v1_";

  std::vector<TaskConfig> tasks = estimators();
  tasks[0].memory_bytes = tasks[1].memory_bytes = 4096;
  const TaskPlan exact = plan_tasks(with(five_tuple(4), tasks));
  write(prefix + "exact.nss", encode(full_header(), exact, measure(exact, traffic(20))).at(0));

  // 400 packets of 50 sources; one of these meets 41 destinations, the others one each.
  std::vector<Packet> packets;
  for (uint8_t destination = 0; destination < 41; ++destination) packets.push_back(packet(9, destination));
  for (int i = 0; i < 16; ++i) packets.push_back(packet(9, 3));
  for (uint8_t source = 100; source < 149; ++source) packets.insert(packets.end(), 7, packet(source, 1));
  const TaskPlan sketches = plan_tasks(tasks);
  for (const Message& message : encode(full_header(), sketches, measure(sketches, packets))) {
    write(prefix + message.task + ".nss", message);
  }
}
