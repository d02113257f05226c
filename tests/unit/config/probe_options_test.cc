// What ns-probe's options mean when they are right: at both doors, precedence, defaults, the example.
#include "config/probe_options.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>

#include "config/nats_options.h"
#include "config/task_spec.h"
#include "probe_parse.h"
#include "task_text.h"

namespace netspectra {
namespace {

// With one port.
ProbeOptions by_line(Strings arguments) {
  arguments.insert(arguments.end(), {"-i", "eth1"});
  return probe_options(arguments);
}
ProbeOptions by_file(const std::string& yaml) {
  const TempFile file(yaml);
  return by_line({"-c", file.path()});
}

Strings specs(const std::vector<TaskConfig>& tasks) {
  Strings specs;
  for (const TaskConfig& task : tasks) specs.push_back(task_text(task));
  return specs;
}

TEST(ProbeOptions, HaveDefaults) {
  const ProbeOptions o = probe_options({"-i", "eth1"});
  EXPECT_TRUE(o.eal_args.empty());
  EXPECT_EQ(o.mode, ProbeMode::kProbe);
  EXPECT_FALSE(o.check);
  EXPECT_EQ(o.config_file, "");
  EXPECT_EQ(o.site, "default");
  EXPECT_TRUE(check_subject_token(o.probe_id).ok()) << o.probe_id;
  EXPECT_EQ(o.period_ns, 10'000'000'000u);
  ASSERT_EQ(o.ports.size(), 1u);
  EXPECT_EQ(o.ports[0].spec, "eth1");
  EXPECT_EQ(o.ports[0].queues, 1u);
  EXPECT_EQ(o.ports[0].kernel_driver, "af_packet");
  EXPECT_TRUE(o.ports[0].driver_settings.empty());
  EXPECT_EQ(specs(o.tasks), specs(default_tasks()));
  EXPECT_EQ(o.sink, ProbeSink::kNats);
  EXPECT_EQ(o.nats.urls, (Strings{"nats://127.0.0.1:4222"}));
  EXPECT_EQ(o.nats.spool.dir, "");
  EXPECT_TRUE(o.nats.jetstream);
  EXPECT_FALSE(o.nats.tls.enabled);
  EXPECT_EQ(o.duration_ns, 0u);
  EXPECT_EQ(o.metrics, "");
  EXPECT_EQ(o.rows(), 10u);
  EXPECT_EQ(o.output, "-");
  EXPECT_EQ(o.store, "");
  EXPECT_FALSE(o.from_start);
}

TEST(ProbeOptions, TakeTheHostsNameAsATokenForTheProbe) {
  char name[256] = {};
  ASSERT_EQ(gethostname(name, sizeof(name) - 1), 0);
  EXPECT_EQ(probe_options({"-i", "eth1"}).probe_id, subject_token(name));
  EXPECT_EQ(subject_token("edge-1.example.net"), "edge-1-example-net");
  EXPECT_EQ(subject_token("a b/c*d>e\\f"), "a-b-c-d-e-f");
  EXPECT_EQ(subject_token(std::string(100, 'x')), std::string(64, 'x'));
}

TEST(ProbeOptions, TakeSiteAndProbe) {
  for (const ProbeOptions& o :
       {by_line({"--site", "ams", "--probe-id=edge-1"}), by_file("site: ams\nprobe_id: edge-1\n")}) {
    EXPECT_EQ(o.site, "ams");
    EXPECT_EQ(o.probe_id, "edge-1");
  }
}

TEST(ProbeOptions, TakeAPeriod) {
  for (const ProbeOptions& o :
       {by_line({"-p", "100ms"}), by_line({"--period=100ms"}), by_file("period: 100ms")}) {
    EXPECT_EQ(o.period_ns, 100'000'000u);
  }
}

TEST(ProbeOptions, TakePortsOfEveryKindInOrder) {
  const ProbeOptions o = probe_options(
      {"-i", "0000:3B:00.0", "--port=10000:e1:00.7", "-ieth1", "-i", "vdev:net_null0,size=64", "-q", "3"});
  ASSERT_EQ(o.ports.size(), 4u);
  EXPECT_EQ(o.ports[0].spec, "0000:3b:00.0");  // as sysfs writes it
  EXPECT_EQ(o.ports[1].spec, "10000:e1:00.7");
  EXPECT_EQ(o.ports[2].spec, "eth1");
  EXPECT_EQ(o.ports[3].spec, "vdev:net_null0,size=64");
  for (const PortOptions& port : o.ports) EXPECT_EQ(port.queues, 3u);
}

TEST(ProbeOptions, TakeSeveralCaptures) {
  const ProbeOptions o = probe_options({"-i", "pcap:a b.pcap", "-i", "pcap:/c.pcap", "-q16"});
  ASSERT_EQ(o.ports.size(), 2u);
  EXPECT_EQ(o.ports[0].spec, "pcap:a b.pcap");
  EXPECT_EQ(o.ports[1].queues, 16u);
}

TEST(ProbeOptions, TakePortsWithTheirDriversSettingsFromAFile) {
  const TempFile file(
      "ports:\n"
      "  - {spec: '0000:3b:00.0', queues: 64, driver_settings: {rx_descriptors: 4096, any_other: x y}}\n"
      "  - {kernel_driver: af_xdp, spec: eth1}\n");
  const ProbeOptions o = probe_options({"-c", file.path()});
  ASSERT_EQ(o.ports.size(), 2u);
  EXPECT_EQ(o.ports[0].queues, 64u);
  EXPECT_EQ(o.ports[0].driver_settings,
            (std::map<std::string, std::string>{{"rx_descriptors", "4096"}, {"any_other", "x y"}}));
  EXPECT_EQ(o.ports[1].kernel_driver, "af_xdp");
  EXPECT_EQ(o.ports[1].queues, 1u);
  EXPECT_EQ(o.config_file, file.path());
}

TEST(ProbeOptions, TakeQueuesOfTheCommandLineForTheFilesPortsToo) {
  const TempFile file("ports: [{spec: eth1, queues: 4, kernel_driver: af_xdp}, {spec: eth2}]\n");
  const ProbeOptions o = probe_options({"-q", "2", "-c", file.path()});
  ASSERT_EQ(o.ports.size(), 2u);
  EXPECT_EQ(o.ports[0].queues, 2u);
  EXPECT_EQ(o.ports[0].kernel_driver, "af_xdp");
  EXPECT_EQ(o.ports[1].queues, 2u);
}

TEST(ProbeOptions, TakeTasks) {
  for (const ProbeOptions& o :
       {by_line({"-t", "a=exact:src_ip"}), by_file("tasks: [{name: a, kind: exact, fields: [src_ip]}]")}) {
    EXPECT_EQ(specs(o.tasks), (Strings{"a=exact:src_ip"}));
  }
  EXPECT_EQ(specs(by_line({"-tdefault"}).tasks), specs(default_tasks()));
  EXPECT_EQ(specs(by_file("tasks: default").tasks), specs(default_tasks()));
}

TEST(ProbeOptions, TakeNatsServers) {
  EXPECT_EQ(by_line({"--nats", "tls://h:1"}).nats.urls, (Strings{"tls://h:1"}));
  EXPECT_EQ(by_line({"--nats=nats://a:1", "--nats=nats://b"}).nats.urls, (Strings{"nats://a:1", "nats://b"}));
  EXPECT_EQ(by_file("nats: {url: 'nats://a:1'}").nats.urls, (Strings{"nats://a:1"}));
  EXPECT_EQ(by_file("nats: {urls: ['nats://a:1', 'nats://[::1]:2']}").nats.urls,
            (Strings{"nats://a:1", "nats://[::1]:2"}));
}

TEST(ProbeOptions, TakeEachWayToLogIn) {
  setenv("NS_TEST_SECRET", "s3cret", 1);
  const NatsConfig user = by_file("nats: {user: u, password: '${NS_TEST_SECRET}'}").nats;
  EXPECT_EQ(user.user, "u");
  EXPECT_EQ(user.password, "s3cret");
  EXPECT_EQ(by_file("nats: {token: '${NS_TEST_SECRET}'}").nats.token, "s3cret");
  EXPECT_EQ(by_file("nats: {credentials: a.creds}").nats.credentials_file, "a.creds");
  EXPECT_EQ(by_file("nats: {nkey: a.nk}").nats.nkey_seed_file, "a.nk");
}

TEST(ProbeOptions, TakeTlsStreamQueueAndSpool) {
  const NatsConfig n = by_file(
                           "nats:\n  tls: {ca: ca.pem, cert: c.pem, key: k.pem}\n  jetstream: false\n"
                           "  stream: {name: OTHER, max_bytes: 4GiB, max_age: 2h}\n  queue_limit: 1MiB\n"
                           "  spool: {dir: /spool, limit: 2GB}\n")
                           .nats;
  EXPECT_TRUE(n.tls.enabled);
  EXPECT_EQ(n.tls.ca_file, "ca.pem");
  EXPECT_EQ(n.tls.cert_file, "c.pem");
  EXPECT_EQ(n.tls.key_file, "k.pem");
  EXPECT_FALSE(n.jetstream);
  EXPECT_EQ(n.stream, "OTHER");
  EXPECT_EQ(n.stream_max_bytes, uint64_t{4} << 30);
  EXPECT_EQ(n.stream_max_age_ns, 7'200'000'000'000u);
  EXPECT_EQ(n.queue_limit_bytes, uint64_t{1} << 20);
  EXPECT_EQ(n.spool.dir, "/spool");
  EXPECT_EQ(n.spool.limit_bytes, 2'000'000'000u);
  EXPECT_TRUE(by_file("nats: {tls: {}}").nats.tls.enabled);
}

TEST(ProbeOptions, TakeTheSpoolsFolderAndKeepTheFilesLimit) {
  const TempFile file("nats: {spool: {dir: /a, limit: 2MiB}}");
  const ProbeOptions o = by_line({"-c", file.path(), "--spool", "/b"});
  EXPECT_EQ(o.nats.spool.dir, "/b");
  EXPECT_EQ(o.nats.spool.limit_bytes, uint64_t{2} << 20);
}

TEST(ProbeOptions, TakeALoopbackAddressForMetrics) {
  for (const char* address : {"127.0.0.1:9464", "127.9.9.9:1", "[::1]:65535"}) {
    EXPECT_EQ(by_line({"--metrics", address}).metrics, address);
  }
  EXPECT_EQ(by_file("metrics: 127.0.0.1:9464").metrics, "127.0.0.1:9464");
}

TEST(ProbeOptions, TakeALocalSinkWithWhatBelongsToIt) {
  const ProbeOptions line =
      by_line({"--sink=local", "-fjson", "-n", "5", "-o", "out", "--store", "files:d", "--duration", "3s"});
  const ProbeOptions file = by_file("store: files:d\nsink: local\nformat: json\ntop: 5\noutput: out\n");
  for (const ProbeOptions& o : {line, file}) {
    EXPECT_EQ(o.sink, ProbeSink::kLocal);
    EXPECT_EQ(o.format, Format::kJson);
    EXPECT_EQ(o.rows(), 5u);
    EXPECT_EQ(o.output, "out");
    EXPECT_EQ(o.store, "files:d");
  }
  EXPECT_EQ(line.duration_ns, 3'000'000'000u);
}

TEST(ProbeOptions, LetOneFileServeEverySinkAndMode) {
  const TempFile local("ports: [{spec: eth1}]\nsink: local\nstore: files:d\nnats: {url: 'nats://a:1'}\n");
  EXPECT_EQ(probe_options({"-c", local.path(), "--sink=nats"}).sink, ProbeSink::kNats);
  EXPECT_EQ(probe_options({"-c", local.path(), "--mode=sub"}).nats.urls, (Strings{"nats://a:1"}));
  const TempFile nats("ports: [{spec: eth1}]\nformat: json\n");
  EXPECT_EQ(probe_options({"-c", nats.path(), "--sink=local"}).format, Format::kJson);
}

TEST(ProbeOptions, ToSubscribeNeedNoPortAndTakeAnybodysSnapshots) {
  const ProbeOptions all = probe_options({"--mode", "sub"});
  EXPECT_EQ(all.mode, ProbeMode::kSubscribe);
  EXPECT_EQ(all.site, "*");
  EXPECT_EQ(all.probe_id, "*");
  EXPECT_FALSE(all.from_start);
  const ProbeOptions one = probe_options(
      {"--mode=sub", "--from-start", "--site=ams", "--probe-id=e1", "--nats=nats://h:1", "--duration=5s"});
  EXPECT_TRUE(one.from_start);
  EXPECT_EQ(one.site, "ams");
  EXPECT_EQ(one.probe_id, "e1");
  EXPECT_EQ(one.duration_ns, 5'000'000'000u);
}

TEST(ProbeOptions, ToCheckNeedNoPort) {
  EXPECT_TRUE(probe_options({"--check"}).check);
  const ProbeOptions o = probe_options({"--check", "-i", "eth1", "-q", "4"});
  EXPECT_TRUE(o.check);
  EXPECT_EQ(o.ports.at(0).queues, 4u);
}

TEST(ProbeOptions, GiveTheEalWhatStandsBeforeADoubleDash) {
  const ProbeOptions o = probe_options({"-l", "0-4", "--", "-i", "eth1"});
  EXPECT_EQ(o.eal_args, (Strings{"-l", "0-4"}));
  EXPECT_EQ(o.ports.at(0).spec, "eth1");
}

TEST(ProbeOptions, OfTheCommandLineWinOverTheFile) {
  const TempFile file(
      "site: a\nprobe_id: a\nperiod: 1s\nports: [{spec: pcap:x}]\nsink: local\nmetrics: 127.0.0.1:1\n"
      "tasks: [{name: a, kind: exact, fields: [src_ip]}]\nformat: csv\noutput: a\ntop: 1\nstore: files:a\n");
  const ProbeOptions o =
      probe_options({"--site=b", "--probe-id=b", "-p2s", "-ieth2", "--sink=local", "-tb=exact:vlan",
                     "--metrics=127.0.0.1:2", "-fjson", "-ob", "-n2", "--store=", "-c", file.path()});
  EXPECT_EQ(o.site, "b");
  EXPECT_EQ(o.probe_id, "b");
  EXPECT_EQ(o.period_ns, 2'000'000'000u);
  ASSERT_EQ(o.ports.size(), 1u);
  EXPECT_EQ(o.ports[0].spec, "eth2");
  EXPECT_EQ(specs(o.tasks), (Strings{"b=exact:vlan"}));
  EXPECT_EQ(o.metrics, "127.0.0.1:2");
  EXPECT_EQ(o.format, Format::kJson);
  EXPECT_EQ(o.output, "b");
  EXPECT_EQ(o.rows(), 2u);
  EXPECT_EQ(o.store, "");
}

TEST(ProbeOptions, HelpAndVersionWinOverEverythingElse) {
  for (const Strings& arguments :
       {Strings{"-h"}, Strings{"--nonsense", "--help"}, Strings{"--version", "--help"}}) {
    const auto result = parse_probe(arguments);
    ASSERT_TRUE(result.ok()) << result.status();
    EXPECT_EQ(std::get<EarlyExit>(*result), EarlyExit::kHelp);
  }
  const auto result = parse_probe({"--version", "-i", ""});
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(std::get<EarlyExit>(*result), EarlyExit::kVersion);
}

TEST(ProbeHelp, NamesEveryOptionAndFitsTheScreen) {
  const std::string help = probe_help();
  for (const char* option :
       {"-i, --port",   "-q, --queues", "-t, --task",   "-p, --period", "--duration",   "--sink",
        "--nats",       "--spool",      "--site",       "--probe-id",   "-f, --format", "-n, --top",
        "-o, --output", "--store",      "-c, --config", "--mode",       "--from-start", "--check",
        "--metrics",    "-h, --help",   "--version"}) {
    EXPECT_NE(help.find(std::string("  ") + option), std::string::npos) << option;
  }
  for (const char* kind : kTaskKindNames) EXPECT_NE(help.find(kind), std::string::npos) << kind;
  for (const TaskConfig& task : default_tasks())
    EXPECT_NE(help.find(task.name), std::string::npos) << task.name;
  for (size_t at = 0, end; (end = help.find('\n', at)) != std::string::npos; at = end + 1) {
    EXPECT_LE(end - at, 110u) << help.substr(at, end - at);
  }
  EXPECT_EQ(help.back(), '\n');
}

TEST(ProbeExample, Loads) {
  setenv("NATS_PASSWORD", "s3cret", 1);
  const ProbeOptions o = probe_options({"-c", NS_PROBE_EXAMPLE_YAML});
  EXPECT_EQ(o.site, "ams");
  EXPECT_EQ(o.probe_id, "edge-1");
  EXPECT_EQ(o.period_ns, 10'000'000'000u);
  ASSERT_EQ(o.ports.size(), 2u);
  EXPECT_EQ(o.ports[0].spec, "0000:3b:00.0");
  EXPECT_EQ(o.ports[0].queues, 4u);
  EXPECT_EQ(o.ports[0].driver_settings,
            (std::map<std::string, std::string>{{"rx_descriptors", "4096"}, {"mtu", "9000"}}));
  EXPECT_EQ(o.ports[1].spec, "eth1");
  EXPECT_EQ(specs(o.tasks),
            (Strings{"per_five_tuple=exact:src_ip,dst_ip,src_port,dst_port,protocol:capacity=1000000",
                     "scan=super_spreader:src_ip/dst_ip:threshold=100"}));
  EXPECT_EQ(o.sink, ProbeSink::kNats);
  EXPECT_EQ(o.nats.urls, (Strings{"tls://nats1.example.net:4222", "tls://nats2.example.net:4222"}));
  EXPECT_EQ(o.nats.user, "probe");
  EXPECT_EQ(o.nats.password, "s3cret");
  EXPECT_TRUE(o.nats.tls.enabled);
  EXPECT_EQ(o.nats.tls.key_file, "/etc/netspectra/edge-1.key");
  EXPECT_TRUE(o.nats.jetstream);
  EXPECT_EQ(o.nats.stream, "NETSPECTRA");
  EXPECT_EQ(o.nats.stream_max_bytes, uint64_t{1} << 30);
  EXPECT_EQ(o.nats.stream_max_age_ns, 86'400'000'000'000u);
  EXPECT_EQ(o.nats.queue_limit_bytes, uint64_t{256} << 20);
  EXPECT_EQ(o.nats.spool.dir, "/var/lib/netspectra/spool");
  EXPECT_EQ(o.nats.spool.limit_bytes, uint64_t{1} << 30);
  EXPECT_EQ(o.metrics, "127.0.0.1:9464");
}

}  // namespace
}  // namespace netspectra
