#include "telemetry/telemetry_commands.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rte_eal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>

#include "busy_probe.h"
#include "ethdev/eal.h"

namespace netspectra {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

StatusBoard& board() {
  static StatusBoard board;
  return board;
}

// A client as dpdk-telemetry.py is one: a SOCK_SEQPACKET socket, a message for each command and each answer.
class TelemetryCommands : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    EalConfig config;
    config.telemetry = true;
    config.file_prefix = "netspectra_telemetry_test_" + std::to_string(getpid());
    ASSERT_TRUE(start_eal(config).ok());
    ASSERT_TRUE(register_telemetry_commands(board()).ok());
  }
  static void TearDownTestSuite() {
    const std::string folder = rte_eal_get_runtime_dir();
    rte_eal_cleanup();
    unlink((folder + "/dpdk_telemetry.v2").c_str());
    rmdir(folder.c_str());
  }

  void SetUp() override {
    fd_ = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string path = std::string(rte_eal_get_runtime_dir()) + "/dpdk_telemetry.v2";
    ASSERT_LT(path.size(), sizeof(address.sun_path));
    std::memcpy(address.sun_path, path.c_str(), path.size());
    ASSERT_EQ(connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0)
        << strerror(errno);
    const timeval limit{.tv_sec = 5, .tv_usec = 0};
    setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    ASSERT_THAT(receive(), StartsWith("{\"version\":"));
  }
  void TearDown() override { close(fd_); }

  std::string ask(const std::string& command) const {
    send(fd_, command.data(), command.size(), MSG_NOSIGNAL);
    return receive();
  }

 private:
  std::string receive() const {
    std::string text(1 << 16, '\0');
    const ssize_t bytes = recv(fd_, text.data(), text.size(), 0);
    text.resize(bytes > 0 ? static_cast<size_t>(bytes) : 0);
    return text;
  }

  int fd_ = -1;
};

TEST_F(TelemetryCommands, AreListedAndExplained) {
  const std::string commands = ask("/");
  EXPECT_THAT(commands, HasSubstr("\"/netspectra/stats\""));
  EXPECT_THAT(commands, HasSubstr("\"/netspectra/tasks\""));
  EXPECT_THAT(ask("/help,/netspectra/stats"), HasSubstr("over all workers"));
}

TEST_F(TelemetryCommands, StatsAreTheSumOfAllWorkers) {
  board().post(busy_probe(2));
  EXPECT_EQ(
      ask("/netspectra/stats"),
      "{\"/netspectra/stats\":{\"version\":\"0.1.0\",\"site\":\"ams\",\"probe\":\"edge-1\","
      "\"run\":18446744073709551615,\"period_ns\":10000000000,\"epochs\":7,"
      "\"last_epoch_start_ns\":1700000000000000000,\"last_elapsed_ns\":10500000000,\"workers\":2,"
      "\"total\":{\"rx_packets\":3000,\"rx_bytes\":3002,\"ip_packets\":3004,\"not_ip\":3006,\"malformed\":"
      "3008,"
      "\"overflow_packets\":3010,\"received\":3012,\"nic_missed\":3014,\"no_mbuf\":3016,\"nic_errors\":3018,"
      "\"kernel_dropped\":3020,\"epoch_overruns\":3022,\"busy_ns\":3024,\"total_ns\":3026,"
      "\"polls\":[3028,3030,3032,3034,3036,3038,3040,3042]},"
      "\"last\":{\"rx_packets\":300,\"rx_bytes\":302,\"ip_packets\":304,\"not_ip\":306,\"malformed\":308,"
      "\"overflow_packets\":310,\"received\":312,\"nic_missed\":314,\"no_mbuf\":316,\"nic_errors\":318,"
      "\"kernel_dropped\":320,\"epoch_overruns\":322,\"busy_ns\":324,\"total_ns\":326,"
      "\"polls\":[328,330,332,334,336,338,340,342]},"
      "\"nats\":{\"connected\":1,\"published\":501,\"published_bytes\":502,\"queued\":503,\"queued_bytes\":"
      "504,"
      "\"spooled\":505,\"spooled_bytes\":506,\"retries\":507,\"dropped\":508,\"dropped_epochs\":509}}}");
  ProbeStatus local = busy_probe(1);
  local.publishes = false;
  board().post(local);
  EXPECT_THAT(ask("/netspectra/stats"), Not(HasSubstr("nats")));
}

TEST_F(TelemetryCommands, StatsOfAWorkerAreHadByItsNumber) {
  board().post(busy_probe(2));
  EXPECT_EQ(
      ask("/netspectra/stats,1"),
      "{\"/netspectra/stats\":{\"port\":\"eth1\",\"queue\":1,\"cpu\":5,"
      "\"total\":{\"rx_packets\":2000,\"rx_bytes\":2001,\"ip_packets\":2002,\"not_ip\":2003,\"malformed\":"
      "2004,"
      "\"overflow_packets\":2005,\"received\":2006,\"nic_missed\":2007,\"no_mbuf\":2008,\"nic_errors\":2009,"
      "\"kernel_dropped\":2010,\"epoch_overruns\":2011,\"busy_ns\":2012,\"total_ns\":2013,"
      "\"polls\":[2014,2015,2016,2017,2018,2019,2020,2021]},"
      "\"last\":{\"rx_packets\":200,\"rx_bytes\":201,\"ip_packets\":202,\"not_ip\":203,\"malformed\":204,"
      "\"overflow_packets\":205,\"received\":206,\"nic_missed\":207,\"no_mbuf\":208,\"nic_errors\":209,"
      "\"kernel_dropped\":210,\"epoch_overruns\":211,\"busy_ns\":212,\"total_ns\":213,"
      "\"polls\":[214,215,216,217,218,219,220,221]},"
      "\"driver\":\"net_af_packet\",\"link_up\":1,\"link_mbps\":40000,\"rss\":\"fanout\","
      "\"hardware_timestamps\":0}}");
}

TEST_F(TelemetryCommands, AnswerAWrongNumberByWhatThereIs) {
  board().post(busy_probe(2));
  EXPECT_EQ(ask("/netspectra/stats,2"),
            "{\"/netspectra/stats\":{\"error\":\"no worker \\\"2\\\": there are 2, counted from 0\"}}");
  EXPECT_THAT(ask("/netspectra/stats,-1"), HasSubstr("\"error\":\"no worker \\\"-1\\\""));
  EXPECT_THAT(ask("/netspectra/stats,x"), HasSubstr("\"error\":\"no worker \\\"x\\\""));
  EXPECT_EQ(ask("/netspectra/tasks,3"),
            "{\"/netspectra/tasks\":{\"error\":\"no task \\\"3\\\": there are 3, counted from 0\"}}");
}

TEST_F(TelemetryCommands, TasksTellHowFullTheirTablesAre) {
  board().post(busy_probe(2));
  EXPECT_EQ(
      ask("/netspectra/tasks"),
      "{\"/netspectra/tasks\":{\"tasks\":3,"
      "\"0\":{\"name\":\"flows\",\"kind\":\"exact\",\"derived\":0,\"capacity\":1000000,\"last_records\":61,"
      "\"peak_records\":31,\"overflow_packets\":17},"
      "\"1\":{\"name\":\"by-source\",\"kind\":\"exact\",\"derived\":1,\"capacity\":0,\"last_records\":41,"
      "\"peak_records\":0,\"overflow_packets\":0},"
      "\"2\":{\"name\":\"scan\",\"kind\":\"super_spreader\",\"derived\":1}}}");
  EXPECT_EQ(ask("/netspectra/tasks,2"),
            "{\"/netspectra/tasks\":{\"name\":\"scan\",\"kind\":\"super_spreader\",\"derived\":1}}");
}

TEST_F(TelemetryCommands, HoldTheirSizeForManyWorkersAndTasksOfTheLargestFigures) {
  ProbeStatus status = busy_probe(128);
  status.workers[127].total.rx_packets = UINT64_MAX / 2;
  const TaskStatus largest{.name = std::string(64, 'n'),
                           .kind = "exact",
                           .derived = false,
                           .capacity = UINT64_MAX,
                           .last_records = UINT64_MAX,
                           .peak_records = UINT64_MAX,
                           .overflow_packets = UINT64_MAX};
  status.tasks.assign(300, largest);
  board().post(status);
  EXPECT_THAT(ask("/netspectra/stats"), HasSubstr("\"workers\":128,"));
  EXPECT_THAT(ask("/netspectra/stats,127"), HasSubstr("\"rx_packets\":9223372036854775807,"));
  const std::string tasks = ask("/netspectra/tasks");
  EXPECT_THAT(tasks, StartsWith("{\"/netspectra/tasks\":{\"tasks\":300,\"0\":{\"name\":\"nnn"));
  EXPECT_THAT(tasks, HasSubstr("\"59\":{\"name\":\"" + largest.name + "\",\"kind\":\"exact\""));
  EXPECT_THAT(tasks, testing::EndsWith("\"overflow_packets\":18446744073709551615}}}"));
  EXPECT_THAT(ask("/netspectra/tasks,299"), HasSubstr("\"name\":\"" + largest.name + "\""));
}

TEST_F(TelemetryCommands, NameAnyFileInPlainText) {
  ProbeStatus status = busy_probe(1);
  status.workers[0].port = "pcap:/a \"b\"\\\n\xff.pcap";
  board().post(status);
  EXPECT_THAT(ask("/netspectra/stats,0"),
              HasSubstr("\"port\":\"pcap:/a \\\"b\\\"\\\\\\\\x0a\\\\xff.pcap\",\"queue\":0,"));
  status.workers[0].port = "pcap:/" + std::string(300, 'x');
  board().post(status);
  EXPECT_THAT(ask("/netspectra/stats,0"), HasSubstr("xxx\",\"queue\":0,"));
}

}  // namespace
}  // namespace netspectra
