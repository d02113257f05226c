// --sink nats: snapshots, encoded and handed to the publisher.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "bus/publisher.h"
#include "config/probe_options.h"
#include "part_sink.h"
#include "wire/snapshot.h"

namespace netspectra {

class NatsSink final : public PartSink {
 public:
  struct Place {
    std::string port;
    uint32_t queue;
  };

  // `places`: by worker. The publisher is borrowed.
  NatsSink(const ProbeOptions& options, uint64_t run, std::vector<Place> places, Publisher& publisher);

  void part(EpochPart part) override;
  void watermark(uint64_t) override {}
  // Says how the probe is, on its health subject.
  void period(const ProbeStatus& status) override;
  std::vector<std::string> take_events() override;
  bool close() override;

  // What handing over has cost the control core.
  uint64_t records() const { return records_; }
  uint64_t cpu_ns() const { return cpu_ns_; }

 private:
  const ProbeOptions& options_;
  const uint64_t run_;
  const std::vector<Place> places_;
  Publisher& publisher_;
  std::vector<std::string> events_;
  uint64_t records_ = 0;
  uint64_t cpu_ns_ = 0;
  bool whole_ = true;  // everything could be encoded
};

}  // namespace netspectra
