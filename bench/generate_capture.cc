// Writes a deterministic capture: the same options give the same bytes on every machine.
//
//   generate-capture --packets 4000000 --flows 200000 --zipf 1.0 --size 64 --ipv6 10 --seed 1 FILE
//
// Shapes: Ethernet, little-endian nanosecond pcap, one packet per microsecond from 2023-11-14T22:13:20Z; flow
//   ids drawn uniformly (--zipf 0) or by Zipf's law; --size bytes on the wire, all of them captured; --ipv6
//   percent of the flows are IPv6; TCP and UDP flows alternate. --churn percent of the packets open a flow
//   that has not been seen before.
// Source: rejection-inversion sampling of Zipf's law, Hoermann and Derflinger (1996).
#include <algorithm>
#include <boost/program_options.hpp>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <iostream>
#include <string>
#include <vector>

namespace {

struct Options {
  uint64_t packets = 4'000'000;
  uint64_t flows = 200'000;
  uint64_t seed = 1;
  double zipf = 0;
  double ipv6_percent = 0;
  double churn_percent = 0;
  unsigned size = 64;
  std::string file;
};

class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed * 2 + 1) {}
  uint64_t next() {  // splitmix64
    uint64_t z = state_ += 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
  }
  double uniform() { return static_cast<double>(next() >> 11) * 0x1p-53; }

 private:
  uint64_t state_;
};

// Ranks 1..n with probability proportional to rank^-s; s == 0 is uniform.
class Zipf {
 public:
  Zipf(uint64_t n, double s)
      : n_(static_cast<double>(n)),
        s_(s),
        low_(integral(1.5) - 1),
        high_(integral(n_ + 0.5)),
        certain_(2 - inverse(integral(2.5) - density(2))) {}
  uint64_t draw(Random& random) const {
    for (;;) {
      const double u = high_ + random.uniform() * (low_ - high_);
      const double x = inverse(u);
      const double k = std::clamp(std::floor(x + 0.5), 1.0, n_);
      if (k - x <= certain_ || u >= integral(k + 0.5) - density(k)) return static_cast<uint64_t>(k);
    }
  }

 private:
  double density(double x) const { return std::exp(-s_ * std::log(x)); }
  double integral(double x) const {
    const double l = std::log(x), t = (1 - s_) * l;
    return (std::abs(t) > 1e-8 ? std::expm1(t) / t : 1 + t / 2) * l;
  }
  double inverse(double x) const {
    const double t = std::max(-1.0, x * (1 - s_));
    return std::exp((std::abs(t) > 1e-8 ? std::log1p(t) / t : 1 - t / 2) * x);
  }
  double n_, s_, low_, high_, certain_;
};

void put16(uint8_t* at, unsigned v) {
  at[0] = static_cast<uint8_t>(v >> 8);
  at[1] = static_cast<uint8_t>(v);
}

// The frame of a flow is a function of its id: addresses and ports from a mix of it.
size_t build_frame(uint64_t flow, const Options& options, uint8_t* frame) {
  Random mix(flow ^ options.seed << 40);
  const uint64_t a = mix.next(), b = mix.next(), c = mix.next(), d = mix.next();
  const bool ipv6 = static_cast<double>(c % 1000) < options.ipv6_percent * 10;
  const bool tcp = flow % 2 == 0;
  const unsigned ip_header = ipv6 ? 40 : 20;
  const unsigned size = std::max(options.size, 14 + ip_header + (tcp ? 20u : 8u));
  std::memset(frame, 0, size);
  frame[5] = 1;
  frame[11] = 2;
  uint8_t* const ip = frame + 14;
  if (ipv6) {
    put16(frame + 12, 0x86dd);
    ip[0] = 0x60;
    put16(ip + 4, size - 14 - 40);
    ip[6] = tcp ? 6 : 17;
    ip[7] = 64;
    ip[8] = ip[24] = 0x20;
    ip[9] = ip[25] = 0x01;
    std::memcpy(ip + 16, &a, 8);
    std::memcpy(ip + 32, &b, 8);
  } else {
    put16(frame + 12, 0x0800);
    ip[0] = 0x45;
    put16(ip + 2, size - 14);
    ip[8] = 64;
    ip[9] = tcp ? 6 : 17;
    std::memcpy(ip + 12, &a, 8);
  }
  uint8_t* const l4 = ip + ip_header;
  put16(l4, static_cast<unsigned>(d & 0xffff));
  put16(l4 + 2, (d >> 16) % 8 == 0 ? 53 : 443);
  if (tcp) {
    l4[12] = 0x50;
    l4[13] = 0x10;
  } else {
    put16(l4 + 4, size - 14 - ip_header);
  }
  return size;
}

int write_capture(const Options& options) {
  std::FILE* const out = std::fopen(options.file.c_str(), "wb");
  if (out == nullptr) {
    std::perror(options.file.c_str());
    return 1;
  }
  std::vector<char> buffer(1 << 20);
  std::setvbuf(out, buffer.data(), _IOFBF, buffer.size());
  const uint32_t header[6] = {0xa1b23c4d, 2 | 4 << 16, 0, 0, 262144, 1};
  std::fwrite(header, sizeof(header), 1, out);
  Random random(options.seed);
  const Zipf zipf(options.flows, options.zipf);
  uint64_t newest = options.flows;
  uint8_t frame[65536];
  for (uint64_t i = 0; i < options.packets; ++i) {
    const bool fresh = random.uniform() * 100 < options.churn_percent;
    const size_t size = build_frame(fresh ? newest++ : zipf.draw(random) - 1, options, frame);
    const auto length = static_cast<uint32_t>(size);
    const uint32_t record[4] = {static_cast<uint32_t>(1'700'000'000 + i / 1'000'000),
                                static_cast<uint32_t>(i % 1'000'000 * 1000), length, length};
    std::fwrite(record, sizeof(record), 1, out);
    std::fwrite(frame, size, 1, out);
  }
  if (std::ferror(out) != 0 || std::fclose(out) != 0) {
    std::perror(options.file.c_str());
    return 1;
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  namespace po = boost::program_options;
  Options options;
  po::options_description description("generate-capture [options] FILE");
  description.add_options()("help,h", "this text")                                                    //
      ("packets", po::value(&options.packets)->default_value(options.packets), "packets")             //
      ("flows", po::value(&options.flows)->default_value(options.flows), "different flows")           //
      ("zipf", po::value(&options.zipf)->default_value(options.zipf), "exponent; 0 = uniform")        //
      ("size", po::value(&options.size)->default_value(options.size), "bytes on the wire")            //
      ("ipv6", po::value(&options.ipv6_percent)->default_value(0), "percent of flows that are IPv6")  //
      ("churn", po::value(&options.churn_percent)->default_value(0),
       "percent of packets that open a new flow")(
          "seed", po::value(&options.seed)->default_value(options.seed), "seed")  //
      ("file", po::value(&options.file), "the capture to write");
  po::positional_options_description positional;
  positional.add("file", 1);
  po::variables_map map;
  try {
    po::store(po::command_line_parser(argc, argv).options(description).positional(positional).run(), map);
    po::notify(map);
  } catch (const po::error& e) {
    std::cerr << "generate-capture: " << e.what() << '\n';
    return 2;
  }
  if (map.count("help") != 0) {
    std::cout << description;
    return 0;
  }
  if (options.file.empty() || options.flows == 0 || options.size > 65535) {
    std::cerr << "generate-capture: a FILE, at least one flow and at most 65535 bytes are needed\n";
    return 2;
  }
  return write_capture(options);
}
