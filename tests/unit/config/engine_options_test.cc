// ns-engine's options: both doors, defaults, the example, and every message about a mistake.
#include "config/engine_options.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "temp_file.h"

namespace netspectra {
namespace {

using Strings = std::vector<std::string>;

absl::StatusOr<std::variant<EngineOptions, EarlyExit>> parse(const Strings& arguments) {
  std::vector<const char*> argv = {"ns-engine"};
  for (const std::string& a : arguments) argv.push_back(a.c_str());
  return parse_engine_options(static_cast<int>(argv.size()), argv.data());
}

EngineOptions options_of(const Strings& arguments) {
  const auto result = parse(arguments);
  if (!result.ok() || !std::holds_alternative<EngineOptions>(*result)) {
    ADD_FAILURE() << result.status();
    return {};
  }
  return std::get<EngineOptions>(*result);
}

std::string mistakes(const Strings& arguments) {
  const auto result = parse(arguments);
  EXPECT_EQ(result.status().code(), absl::StatusCode::kInvalidArgument);
  return std::string(result.status().message());
}

TEST(EngineOptions, HaveDefaults) {
  const EngineOptions o = options_of({"--store", "files:/d"});
  EXPECT_EQ(o.site, "*");
  EXPECT_EQ(o.probe_id, "*");
  EXPECT_EQ(o.subject(), "netspectra.v1.*.*.snapshot.>");
  EXPECT_EQ(o.consumer, "ns-engine-any-any");
  EXPECT_EQ(o.store, "files:/d");
  EXPECT_EQ(o.grace_ns, 30'000'000'000u);
  EXPECT_EQ(o.memory_limit_bytes, 512u << 20);
  EXPECT_EQ(o.duration_ns, 0u);
  EXPECT_EQ(o.nats.urls, (Strings{"nats://127.0.0.1:4222"}));
  EXPECT_EQ(o.http.address, "127.0.0.1:8080");
  EXPECT_EQ(o.http.token, "");
}

TEST(EngineOptions, CommandLineWinsOverTheFile) {
  const TempFile file(
      "site: ams\nprobe_id: edge-1\nconsumer: c\nstore: files:f\ngrace: 5s\nmemory_limit: 64MiB\n"
      "nats: {url: 'nats://a:1'}\nhttp: {address: none}\n");
  const EngineOptions f = options_of({"-c", file.path()});
  EXPECT_EQ(f.subject(), "netspectra.v1.ams.edge-1.snapshot.>");
  EXPECT_EQ(f.consumer, "c");
  EXPECT_EQ(f.store, "files:f");
  EXPECT_EQ(f.grace_ns, 5'000'000'000u);
  EXPECT_EQ(f.memory_limit_bytes, 64u << 20);
  EXPECT_EQ(f.nats.urls, Strings{"nats://a:1"});
  EXPECT_EQ(f.http.address, "");
  const EngineOptions o = options_of(
      {"-c",      file.path(),  "--site",  "*",       "--probe-id",     "x",     "--consumer", "d",
       "--store", "files:g",    "--grace", "1s",      "--memory-limit", "16MiB", "--duration", "3s",
       "--nats",  "nats://b:2", "--http",  "[::1]:99"});
  EXPECT_EQ(o.http.address, "[::1]:99");
  EXPECT_EQ(o.subject(), "netspectra.v1.*.x.snapshot.>");
  EXPECT_EQ(o.consumer, "d");
  EXPECT_EQ(o.store, "files:g");
  EXPECT_EQ(o.grace_ns, 1'000'000'000u);
  EXPECT_EQ(o.memory_limit_bytes, 16u << 20);
  EXPECT_EQ(o.duration_ns, 3'000'000'000u);
  EXPECT_EQ(o.nats.urls, Strings{"nats://b:2"});
}

TEST(EngineOptions, DifferentFiltersHaveDifferentConsumers) {
  const auto consumer = [](const Strings& more) {
    Strings arguments = {"--store", "files:d"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return options_of(arguments).consumer;
  };
  EXPECT_EQ(consumer({"--site", "ams", "--probe-id", "p"}), "ns-engine-=ams-=p");
  EXPECT_NE(consumer({"--site", "any"}), consumer({}));
  EXPECT_NE(consumer({"--site", "ams"}), consumer({"--probe-id", "ams"}));
}

TEST(EngineOptions, TheExampleIsRight) {
  ASSERT_EQ(::setenv("NATS_PASSWORD", "secret", 1), 0);
  ASSERT_EQ(::setenv("NETSPECTRA_TOKEN", "token", 1), 0);
  const EngineOptions o = options_of({"-c", NS_ENGINE_EXAMPLE_YAML});
  EXPECT_EQ(o.site, "ams");
  EXPECT_EQ(o.consumer, "ams-flows");
  EXPECT_EQ(o.store, "sqlite:/var/lib/netspectra/flows.db?retention=30d");
  EXPECT_EQ(o.http.address, "0.0.0.0:8443");
  EXPECT_EQ(o.http.token, "token");
  EXPECT_EQ(o.http.tls_key, "/etc/netspectra/engine.key");
  EXPECT_EQ(o.http.query_time_ns, 30'000'000'000u);
  EXPECT_EQ(o.nats.password, "secret");
}

TEST(EngineOptions, EveryMistakeIsTold) {
  EXPECT_EQ(mistakes({}),
            "no store is given (--store URL on the command line, or store: in the configuration)");
  EXPECT_EQ(
      mistakes({"--grace", "999ms", "--memory-limit", "1MiB", "--site", "a.b", "--store=", "what"}),
      "\"what\": is no option\n"
      "--grace 999ms: must be at least 1s\n"
      "--memory-limit 1MiB: must be a size of at least 16MiB (B, kB, MB, GB, KiB, MiB, GiB; for example "
      "256KiB)\n"
      "--site a.b: must be 1 to 64 ASCII letters, digits and signs, without space, '.', '*', '>', '/' and "
      "'\\' "
      "(it is one part of a NATS subject)\n"
      "--store \"\": must not be empty");
  const TempFile file("# one\nstore: files:d\ngrce: 5s\n");
  EXPECT_EQ(mistakes({"-c", file.path()}),
            file.path() +
                ":3: grce: unknown key (did you mean \"grace\"? known: nats, alerts, "
                "http, site, probe_id, consumer, store, "
                "grace, memory_limit)");
}

TEST(EngineOptions, MistakesOfHttpAreTold) {
  const TempFile file("store: files:d\nhttp:\n  address: here\n  tls: {key: k}\n  workers: 0\n");
  EXPECT_EQ(mistakes({"-c", file.path(), "--http", "8080"}),
            "--http 8080: must be ADDR:PORT, or none\n" + file.path() +
                ":3: http.address: \"here\" must be ADDR:PORT, or none\n" + file.path() +
                ":4: http.tls: certificate and key need each other\n" + file.path() +
                ":5: http.workers: \"0\" must be a whole number from 1 to 64");
}

TEST(EngineOptions, HelpAndVersionComeFirst) {
  EXPECT_EQ(std::get<EarlyExit>(*parse({"--help", "--grace", "x"})), EarlyExit::kHelp);
  EXPECT_EQ(std::get<EarlyExit>(*parse({"--version"})), EarlyExit::kVersion);
  for (const char* option : {"--nats", "--site", "--probe-id", "--consumer", "--store", "--grace",
                             "--memory-limit", "--http", "--config", "--duration", "--help", "--version"}) {
    EXPECT_NE(engine_help().find(option), std::string::npos) << option;
  }
}

}  // namespace
}  // namespace netspectra
