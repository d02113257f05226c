// What ns-probe says about options that are wrong: every message, word for word.
#include <gtest/gtest.h>

#include <cstdlib>

#include "probe_parse.h"

namespace netspectra {
namespace {

constexpr const char* kNoPort =
    "no port is given (--port SPEC on the command line, or ports: in the configuration)";
constexpr const char* kToken =
    "must be 1 to 64 ASCII letters, digits and signs, without space, '.', '*', '>', '/' and '\\' "
    "(it is one part of a NATS subject)";
constexpr const char* kSpec =
    "must be a PCI address (0000:3b:00.0), the name of a kernel interface, pcap:FILE or vdev:DEVARGS";
constexpr const char* kQueues = "must be a whole number from 1 to 64";
constexpr const char* kMetrics = "must be ADDR:PORT on loopback: 127.0.0.1:9464 or [::1]:9464";
constexpr const char* kUrl = "must be nats://HOST:PORT or tls://HOST:PORT";
constexpr const char* kSize =
    "must be a size of at least 1MiB (B, kB, MB, GB, KiB, MiB, GiB; for example 256KiB)";
constexpr const char* kClocks = ": captures have a clock of their own, live ports the machine's";

std::string mistakes(const Strings& arguments) {
  const auto result = parse_probe(arguments);
  EXPECT_EQ(result.status().code(), absl::StatusCode::kInvalidArgument);
  return std::string(result.status().message());
}

std::string on_line(Strings arguments) {
  arguments.insert(arguments.end(), {"-i", "eth1"});
  return mistakes(arguments);
}

// The path of the file is written as FILE.
std::string in_file(const std::string& yaml, Strings arguments = {"-i", "eth1"}) {
  const TempFile file(yaml);
  arguments.insert(arguments.end(), {"-c", file.path()});
  std::string text = mistakes(arguments);
  for (size_t at; (at = text.find(file.path())) != std::string::npos;)
    text.replace(at, file.path().size(), "FILE");
  return text;
}

// One wrong value of one setting, at both doors.
void expect_mistake(const std::string& option, const std::string& key, const std::string& value,
                    const std::string& what) {
  EXPECT_EQ(on_line({"--" + option, value}),
            "--" + option + " " + (value.empty() ? "\"\"" : value) + ": " + what);
  EXPECT_EQ(in_file("# one\n" + key + ": '" + value + "'\n"),
            "FILE:2: " + key + ": \"" + value + "\" " + what);
}

TEST(ProbeMistakes, SiteAndProbeMustBeTokens) {
  for (const char* value : {"a b", "a.b", "*", ">", "a/b", "a\\b", "h\xc3\xa9", "\x7f"}) {
    expect_mistake("site", "site", value, kToken);
    expect_mistake("probe-id", "probe_id", value, kToken);
  }
  expect_mistake("site", "site", std::string(65, 'x'), kToken);
  EXPECT_EQ(on_line({"--site="}), std::string("--site \"\": ") + kToken);
}

TEST(ProbeMistakes, Period) {
  expect_mistake("period", "period", "99ms", "must be at least 100ms");
  expect_mistake("period", "period", "0s", "must be at least 100ms");
  expect_mistake("period", "period", "366d", "must be at most 365d");
  expect_mistake("period", "period", "10", "needs a unit (ns, us, ms, s, m, h, d; for example 10s)");
}

TEST(ProbeMistakes, ModeAndSink) {
  EXPECT_EQ(on_line({"--mode", "subs"}), "--mode subs: is unknown (did you mean \"sub\"? known: probe, sub)");
  expect_mistake("sink", "sink", "file", "is unknown (known: nats, local)");
  // What hangs on it is not judged then.
  EXPECT_EQ(on_line({"--sink=x", "--store=files:d"}), "--sink x: is unknown (known: nats, local)");
  EXPECT_EQ(in_file("sink: x\nstore: files:d\n"), "FILE:1: sink: \"x\" is unknown (known: nats, local)");
}

TEST(ProbeMistakes, MetricsOffLoopback) {
  for (const char* value : {"0.0.0.0:9464", "10.0.0.1:9464", "[::]:9464", "localhost:9464", "127.0.0.1",
                            "127.0.0.1:", "127.0.0.1:0", "127.0.0.1:65536", "127.1:9464", "127.0.0.1.evil:1",
                            "::1:9464", ":9464", "127.0.0.1:1k", "9464"}) {
    expect_mistake("metrics", "metrics", value, kMetrics);
  }
}

TEST(ProbeMistakes, Ports) {
  EXPECT_EQ(mistakes({}), kNoPort);
  EXPECT_EQ(mistakes({"-q", "2"}), kNoPort);
  for (const char* spec : {"3b:00.0", "0000:3b:00.8", "0000:3b:000", "pcap:", "vdev:", "a/b", "a b",
                           "sixteen_letters_", ".", "eth1:1"}) {
    EXPECT_EQ(mistakes({"-i", spec}), std::string("--port ") + spec + ": " + kSpec);
    EXPECT_EQ(in_file(std::string("ports:\n  - spec: '") + spec + "'\n", {}),
              std::string("FILE:2: ports[0].spec: \"") + spec + "\" " + kSpec);
  }
  EXPECT_EQ(mistakes({"--port="}), std::string("--port \"\": ") + kSpec);
}

TEST(ProbeMistakes, PortsTwiceAndPortsThatDoNotGoTogether) {
  EXPECT_EQ(mistakes({"-i", "eth1", "-i", "eth1"}), "--port eth1: is given twice");
  EXPECT_EQ(mistakes({"-i", "0000:3b:00.0", "-i", "0000:3B:00.0"}), "--port 0000:3B:00.0: is given twice");
  EXPECT_EQ(mistakes({"-i", "eth1", "-i", "pcap:a"}),
            std::string("--port pcap:a: cannot stand beside eth1") + kClocks);
  EXPECT_EQ(mistakes({"-i", "pcap:a", "-i", "vdev:net_null0"}),
            std::string("--port vdev:net_null0: cannot stand beside pcap:a") + kClocks);
  EXPECT_EQ(in_file("ports:\n  - {spec: pcap:a}\n  - {spec: pcap:a}\n  - {spec: eth1}\n", {}),
            std::string("FILE:3: ports[1].spec: \"pcap:a\" is given twice\n"
                        "FILE:4: ports[2].spec: \"eth1\" cannot stand beside pcap:a") +
                kClocks);
}

TEST(ProbeMistakes, Queues) {
  for (const char* value : {"0", "65", "two", "-1"}) {
    EXPECT_EQ(on_line({std::string("--queues=") + value}), std::string("--queues ") + value + ": " + kQueues);
    EXPECT_EQ(in_file(std::string("ports:\n  - {spec: eth2, queues: ") + value + "}\n"),
              std::string("FILE:2: ports[0].queues: \"") + value + "\" " + kQueues);
  }
  EXPECT_EQ(mistakes({"-i", "pcap:a", "-q", "17"}),
            "port pcap:a: a capture has at most 16 queues (17 are asked for)");
}

TEST(ProbeMistakes, KeysOfAPort) {
  EXPECT_EQ(in_file("ports:\n"
                    "  - {queues: 2}\n"
                    "  - {spec: eth2, kernel_driver: dpdk}\n"
                    "  - {spec: '0000:3b:00.0', kernel_driver: af_xdp, queus: 2}\n"
                    "  - {spec: eth3, driver_settings: 4096}\n"
                    "  - {spec: eth4, driver_settings: {mtu: [1], mtu: 2}}\n"
                    "  - eth5\n"),
            "FILE:2: ports[0]: has no spec\n"
            "FILE:3: ports[1].kernel_driver: \"dpdk\" is unknown (known: af_packet, af_xdp)\n"
            "FILE:4: ports[2].queus: unknown key (did you mean \"queues\"? known: spec, queues, "
            "kernel_driver, driver_settings)\n"
            "FILE:4: ports[2].kernel_driver: is for kernel interfaces only\n"
            "FILE:5: ports[3].driver_settings: must be a map, not a single value\n"
            "FILE:6: ports[4].driver_settings.mtu: must be a single value, not a list\n"
            "FILE:6: ports[4].driver_settings.mtu: is given twice (first on line 6)\n"
            "FILE:7: ports[5]: must be a map, not a single value");
}

TEST(ProbeMistakes, NatsUrls) {
  for (const char* url :
       {"127.0.0.1:4222", "http://h:1", "nats://", "nats://a:1,nats://b:1", "nats://a:1/x", ""}) {
    EXPECT_EQ(on_line({std::string("--nats=") + url}),
              std::string("--nats ") + (*url ? url : "\"\"") + ": " + kUrl);
    EXPECT_EQ(in_file(std::string("nats: {url: '") + url + "'}\n"),
              std::string("FILE:1: nats.url: \"") + url + "\" " + kUrl);
  }
}

TEST(ProbeMistakes, Nats) {
  EXPECT_EQ(in_file("nats: {url: 'nats://a', urls: ['nats://b', 'c']}\n"),
            std::string("FILE:1: nats.urls[1]: \"c\" ") + kUrl + "\nFILE:1: nats: has both url and urls");
  EXPECT_EQ(in_file("nats: {user: u}\n"), "FILE:1: nats: user and password need each other");
  EXPECT_EQ(in_file("nats: {password: p}\n"), "FILE:1: nats: user and password need each other");
  const std::string ways =
      "FILE:1: nats: has more than one way to log in (user and password, token, credentials, or nkey)";
  EXPECT_EQ(in_file("nats: {user: u, password: p, token: t}\n"), ways);
  EXPECT_EQ(in_file("nats: {credentials: c, nkey: n}\n"), ways);
  EXPECT_EQ(in_file("nats: {tls: {cert: c}}\n"), "FILE:1: nats.tls: cert and key need each other");
  EXPECT_EQ(in_file("nats: {jetstream: yes}\n"), "FILE:1: nats.jetstream: \"yes\" must be true or false");
  EXPECT_EQ(in_file("nats: {stream: {name: a.b}}\n"),
            std::string("FILE:1: nats.stream.name: \"a.b\" ") + kToken);
  EXPECT_EQ(in_file("nats: {stream: {max_bytes: 1kB}}\n"),
            std::string("FILE:1: nats.stream.max_bytes: \"1kB\" ") + kSize);
  EXPECT_EQ(in_file("nats: {stream: {max_age: 999ms}}\n"),
            "FILE:1: nats.stream.max_age: \"999ms\" must be at least 1s");
  EXPECT_EQ(in_file("nats: {queue_limit: 64}\n"), std::string("FILE:1: nats.queue_limit: \"64\" ") + kSize);
  EXPECT_EQ(in_file("nats: {spool: {dir: '', limit: 1MB}}\n"),
            std::string("FILE:1: nats.spool.dir: \"\" must not be empty\n"
                        "FILE:1: nats.spool.limit: \"1MB\" ") +
                kSize);
  EXPECT_EQ(in_file("nats: {spool: /var}\n"), "FILE:1: nats.spool: must be a map, not a single value");
}

TEST(ProbeMistakes, ALoginInAUrlIsRefusedWithoutShowingASecretOfTheEnvironment) {
  setenv("NS_TEST_SECRET", "s3cret", 1);
  EXPECT_EQ(
      in_file("nats: {url: 'nats://u:${NS_TEST_SECRET}@h:1'}\n"),
      "FILE:1: nats.url: \"nats://u:${NS_TEST_SECRET}@h:1\" must not hold a login (set user and password, or "
      "token, below nats: in the configuration)");
}

TEST(ProbeMistakes, OptionsThatHaveNoMeaningWhereTheyStand) {
  for (const std::string option : {"--store=files:d", "--format=json", "--top=3", "--output=o"}) {
    const std::string shown = option.substr(0, option.find('=')) + " " + option.substr(option.find('=') + 1);
    EXPECT_EQ(on_line({option}), shown + ": needs --sink local");
    EXPECT_EQ(mistakes({option, "--mode=sub"}), shown + ": is not for --mode sub");
  }
  EXPECT_EQ(on_line({"--sink=local", "--nats=nats://h:1", "--spool=/s"}),
            "--nats nats://h:1: is not for --sink local\n--spool /s: is not for --sink local");
  EXPECT_EQ(on_line({"--from-start"}), "--from-start: needs --mode sub");
  EXPECT_EQ(on_line({"--mode=sub", "--check", "--period=1s", "--queues=2"}),
            "--check: is not for --mode sub\n--period 1s: is not for --mode sub\n"
            "--queues 2: is not for --mode sub\n--port eth1: is not for --mode sub");
  EXPECT_EQ(in_file("sink: nats\nstore: files:d\nformat: json\n"),
            "FILE:2: store: needs sink: local\nFILE:3: format: needs sink: local");
}

TEST(ProbeMistakes, WordsThatAreNoOptions) {
  EXPECT_EQ(on_line({"eth2"}), "\"eth2\": is no option (a port is --port SPEC, a capture --port pcap:FILE)");
  EXPECT_EQ(on_line({"--check", "eth2"}),
            "\"eth2\": is no option (a port is --port SPEC, a capture --port pcap:FILE)");
  EXPECT_EQ(on_line({"--check=yes"}), "--check: takes no value (\"yes\")");
  EXPECT_EQ(on_line({"--prot=eth2"}), "--prot: unknown option (did you mean --port? see --help)");
}

TEST(ProbeMistakes, OptionsWithoutTheirValueAndOptionsTwice) {
  for (const char* option : {"config", "port", "queues", "task", "period", "nats", "probe-id", "site", "mode",
                             "sink", "duration", "metrics", "spool", "format", "output", "top", "store"}) {
    EXPECT_EQ(mistakes({"-ieth1", std::string("--") + option}),
              std::string("--") + option + ": needs a value");
  }
  EXPECT_EQ(on_line({"-q2", "--queues=3"}), "--queues 3: is given twice");
}

TEST(ProbeMistakes, ComeAllAtOnceTheCommandLinesFirstThenTheFilesByLine) {
  unsetenv("NS_TEST_UNSET");
  EXPECT_EQ(in_file("siet: ams\n"
                    "mode: sub\n"
                    "tasks:\n"
                    "  - {name: a, kind: exakt, fields: [src_ip]}\n"
                    "nats: {token: '${NS_TEST_UNSET}'}\n",
                    {"-i", "a b", "-t", "x=exact:ip", "-p", "1ms"}),
            std::string("--port a b: ") + kSpec +
                "\n--task x=exact:ip: field \"ip\" is unknown (known: src_ip, dst_ip, src_port, dst_port, "
                "protocol, vlan)"
                "\n--period 1ms: must be at least 100ms"
                "\nFILE:1: siet: unknown key (did you mean \"site\"? known: ports, tasks, nats, site, "
                "probe_id, period, "
                "sink, metrics, top, format, output, store)"
                "\nFILE:2: mode: unknown key (known: ports, tasks, nats, site, probe_id, period, "
                "sink, metrics, top, format, output, store)"
                "\nFILE:4: tasks[0].kind: \"exakt\" is unknown (did you mean \"exact\"? known: exact, "
                "heavy_hitters, "
                "super_spreader, cardinality)"
                "\nFILE:5: nats.token: \"${NS_TEST_UNSET}\" needs NS_TEST_UNSET, which the environment does "
                "not set");
}

}  // namespace
}  // namespace netspectra
