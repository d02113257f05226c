#include "telemetry/metrics_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <map>
#include <regex>
#include <sstream>

#include "busy_probe.h"

namespace netspectra {
namespace {

using testing::HasSubstr;
using testing::Not;
using Labels = std::map<std::string, std::string>;
using Samples = std::map<Labels, std::string>;

struct Family {
  std::string type, help;
  Samples samples;
};

// Prometheus' text format 0.0.4, strictly: HELP, TYPE, then the samples; no family and no sample twice.
class Parser {
 public:
  explicit Parser(const std::string& text) {
    EXPECT_TRUE(text.ends_with("\n"));
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) parse_line(line);
  }
  std::map<std::string, Family> families;

 private:
  void parse_line(const std::string& line) {
    static const std::regex help("# HELP ([a-z_]+) (.+)"), type("# TYPE ([a-z_]+) (counter|gauge)");
    static const std::regex sample("([a-z_]+)(?:\\{(.*)\\})? (-?[0-9]+(?:\\.[0-9]+)?)");
    std::smatch match;
    if (std::regex_match(line, match, help)) {
      current_ = match[1];
      EXPECT_TRUE(families.emplace(current_, Family{"", match[2], {}}).second) << line;
    } else if (std::regex_match(line, match, type)) {
      EXPECT_EQ(match[1], current_);
      families[current_].type = match[2];
    } else if (std::regex_match(line, match, sample)) {
      EXPECT_EQ(match[1], current_) << line;
      EXPECT_TRUE(families[current_].samples.emplace(parse_labels(match[2]), match[3]).second) << line;
    } else {
      ADD_FAILURE() << "neither comment nor sample: " << line;
    }
  }

  static Labels parse_labels(const std::string& text) {
    Labels labels;
    size_t at = 0;
    while (at < text.size()) {
      const size_t equals = text.find("=\"", at);
      const std::string name = text.substr(at, equals - at);
      std::string value;
      for (at = equals + 2; text.at(at) != '"'; ++at) {
        if (text[at] == '\\') {
          ++at;
          value += text.at(at) == 'n' ? '\n' : text[at];
        } else {
          value += text[at];
        }
      }
      labels[name] = value;
      ++at;
      if (at < text.size()) {
        EXPECT_EQ(text[at++], ',');
      }
    }
    return labels;
  }

  std::string current_;
};

class MetricsText : public testing::Test {
 protected:
  const Parser parsed_{metrics_text(busy_probe(2))};

  const Samples& samples(const std::string& name) {
    static const Samples none;
    const auto family = parsed_.families.find("netspectra_probe_" + name);
    return family == parsed_.families.end() ? none : family->second.samples;
  }
};

TEST_F(MetricsText, TellsEveryCountOfEachWorkerSinceTheStart) {
  const auto both = [](const char* first, const char* second) {
    return Samples{{{{"port", "eth1"}, {"queue", "0"}}, first}, {{{"port", "eth1"}, {"queue", "1"}}, second}};
  };
  EXPECT_EQ(samples("rx_packets_total"), both("1000", "2000"));
  EXPECT_EQ(samples("rx_bytes_total"), both("1001", "2001"));
  EXPECT_EQ(samples("ip_packets_total"), both("1002", "2002"));
  EXPECT_EQ(samples("not_ip_packets_total"), both("1003", "2003"));
  EXPECT_EQ(samples("malformed_packets_total"), both("1004", "2004"));
  EXPECT_EQ(samples("overflow_packets_total"), both("1005", "2005"));
  EXPECT_EQ(samples("driver_received_packets_total"), both("1006", "2006"));
  EXPECT_EQ(samples("epoch_overruns_total"), both("1011", "2011"));
  EXPECT_EQ(samples("busy_seconds_total"), both("0.000001012", "0.000002012"));
  EXPECT_EQ(samples("polling_seconds_total"), both("0.000001013", "0.000002013"));
  EXPECT_EQ(samples("worker_cpu"), both("4", "5"));
}

TEST_F(MetricsText, TellsLossesByReasonAndPollsByFill) {
  const auto lost = [&](const char* reason) {
    return samples("lost_packets_total").at({{"port", "eth1"}, {"queue", "1"}, {"reason", reason}});
  };
  EXPECT_EQ(samples("lost_packets_total").size(), 8);
  EXPECT_EQ(lost("nic_missed"), "2007");
  EXPECT_EQ(lost("no_mbuf"), "2008");
  EXPECT_EQ(lost("nic_errors"), "2009");
  EXPECT_EQ(lost("kernel_dropped"), "2010");
  const auto polls = [&](const char* fill) {
    return samples("polls_total").at({{"port", "eth1"}, {"queue", "0"}, {"fill", fill}});
  };
  EXPECT_EQ(samples("polls_total").size(), 16);
  EXPECT_EQ(polls("0"), "1014");
  EXPECT_EQ(polls("1/7"), "1015");
  EXPECT_EQ(polls("7/7"), "1021");
}

TEST_F(MetricsText, TellsTheProbeItsPortsAndItsTasks) {
  EXPECT_EQ(
      samples("info"),
      (Samples{{{{"version", "0.1.0"}, {"site", "ams"}, {"probe", "edge-1"}, {"run", "18446744073709551615"}},
                "1"}}));
  EXPECT_EQ(samples("epochs_total"), (Samples{{{}, "7"}}));
  EXPECT_EQ(samples("period_seconds"), (Samples{{{}, "10.000000000"}}));
  EXPECT_EQ(samples("last_epoch_seconds"), (Samples{{{}, "10.500000000"}}));
  EXPECT_EQ(samples("last_epoch_start_timestamp_seconds"), (Samples{{{}, "1700000000.000000000"}}));
  const Labels port = {{"port", "eth1"}};
  EXPECT_EQ(samples("port_info"),
            (Samples{{{{"port", "eth1"}, {"driver", "net_af_packet"}, {"rss", "fanout"}}, "1"}}));
  EXPECT_EQ(samples("port_link_up"), (Samples{{port, "1"}}));
  EXPECT_EQ(samples("port_link_bits_per_second"), (Samples{{port, "40000000000"}}));
  EXPECT_EQ(samples("port_hardware_timestamps"), (Samples{{port, "0"}}));
  const Labels flows = {{"task", "flows"}}, by_source = {{"task", "by-source"}};
  EXPECT_EQ(samples("task_info"),
            (Samples{{{{"task", "flows"}, {"kind", "exact"}, {"derived", "false"}}, "1"},
                     {{{"task", "by-source"}, {"kind", "exact"}, {"derived", "true"}}, "1"},
                     {{{"task", "scan"}, {"kind", "super_spreader"}, {"derived", "true"}}, "1"}}));
  EXPECT_EQ(samples("task_records"), (Samples{{flows, "61"}, {by_source, "41"}}));
  EXPECT_EQ(samples("task_capacity_records"), (Samples{{flows, "1000000"}}));
  EXPECT_EQ(samples("task_peak_records"), (Samples{{flows, "31"}}));
  EXPECT_EQ(samples("task_overflow_packets_total"), (Samples{{flows, "17"}}));
}

TEST_F(MetricsText, TellsNoTimeOfAPeriodBeforeThereIsOne) {
  ProbeStatus status = busy_probe(2);
  status.epochs = status.last_epoch_start_ns = 0;
  const std::string text = metrics_text(status);
  EXPECT_EQ(text.find("last_epoch"), std::string::npos) << text;
  EXPECT_NE(text.find("period_seconds 10.000000000\n"), std::string::npos) << text;
}

TEST_F(MetricsText, TellsHowNatsIs) {
  EXPECT_EQ(samples("nats_connected"), (Samples{{{}, "1"}}));
  EXPECT_EQ(samples("nats_published_messages_total"), (Samples{{{}, "501"}}));
  EXPECT_EQ(samples("nats_published_bytes_total"), (Samples{{{}, "502"}}));
  EXPECT_EQ(samples("nats_queued_messages"), (Samples{{{}, "503"}}));
  EXPECT_EQ(samples("nats_queued_bytes"), (Samples{{{}, "504"}}));
  EXPECT_EQ(samples("nats_spooled_messages"), (Samples{{{}, "505"}}));
  EXPECT_EQ(samples("nats_spooled_bytes"), (Samples{{{}, "506"}}));
  EXPECT_EQ(samples("nats_retries_total"), (Samples{{{}, "507"}}));
  EXPECT_EQ(samples("nats_dropped_messages_total"), (Samples{{{}, "508"}}));
  EXPECT_EQ(samples("nats_dropped_epochs_total"), (Samples{{{}, "509"}}));
  ProbeStatus local = busy_probe(1);
  local.publishes = false;
  EXPECT_THAT(metrics_text(local), Not(HasSubstr("nats")));
}

TEST_F(MetricsText, NamesCountersByTheirEndAndExplainsEachFamily) {
  for (const auto& [name, family] : parsed_.families) {
    EXPECT_EQ(family.type, name.ends_with("_total") ? "counter" : "gauge") << name;
    EXPECT_TRUE(name.starts_with("netspectra_probe_")) << name;
    EXPECT_TRUE(family.help.ends_with(".")) << name;
  }
  EXPECT_EQ(parsed_.families.size(), 37);
}

TEST_F(MetricsText, StandsInTheManual) {
  std::ifstream file(NS_OPERATIONS_MD);
  const std::string manual((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  for (const auto& [name, family] : parsed_.families) {
    EXPECT_THAT(manual, HasSubstr("`" + name.substr(std::string("netspectra_probe_").size()) + "`"));
  }
}

TEST_F(MetricsText, EscapesLabelsSoThatAnyFileNameIsOne) {
  ProbeStatus status = busy_probe(1);
  status.ports.clear();
  status.workers[0].port = "pcap:/a \"b\"\\c{d},e=\n\xff\xc3\xbc.pcap";
  const std::string text = metrics_text(status);
  EXPECT_THAT(text, HasSubstr("rx_packets_total{port=\"pcap:/a "
                              "\\\"b\\\"\\\\c{d},e=\\\\x0a\\\\xff\\\\xc3\\\\xbc.pcap\",queue=\"0\"} 1000\n"));
  const Parser parsed(text);
  const Samples& samples = parsed.families.at("netspectra_probe_rx_packets_total").samples;
  EXPECT_EQ(samples.begin()->first.at("port"), "pcap:/a \"b\"\\c{d},e=\\x0a\\xff\\xc3\\xbc.pcap");
}

TEST_F(MetricsText, IsWholeBeforeTheFirstPeriodToo) {
  const Parser parsed(metrics_text(ProbeStatus{}));
  EXPECT_EQ(parsed.families.at("netspectra_probe_epochs_total").samples, (Samples{{{}, "0"}}));
  EXPECT_EQ(parsed.families.at("netspectra_probe_rx_packets_total").samples, Samples{});
}

}  // namespace
}  // namespace netspectra
