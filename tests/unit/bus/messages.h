// Messages of known content, and what a stream holds of them.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_join.h"
#include "bus/nats_link.h"
#include "bus/publisher.h"
#include "bus/subscriber.h"

namespace netspectra {

inline constexpr char kSubject[] = "netspectra.v1.ams.edge-1.snapshot.per_five_tuple";
inline constexpr uint64_t kEpochNs = 10'000'000'000;

inline std::string id_of(uint64_t number) { return "edge-1/7/" + std::to_string(number); }

// Distinct for each number, and reproducible.
inline std::vector<uint8_t> content_of(uint64_t number, size_t bytes) {
  std::mt19937_64 random(number);
  std::vector<uint8_t> content(bytes);
  for (uint8_t& byte : content) byte = static_cast<uint8_t>(random());
  return content;
}

inline void publish(Publisher& publisher, uint64_t number, uint64_t epoch, size_t bytes) {
  const std::vector<uint8_t> content = content_of(number, bytes);
  publisher.publish({kSubject, id_of(number), epoch * kEpochNs, content});
}

inline std::unique_ptr<Publisher> open_publisher(const NatsConfig& config) {
  auto publisher = Publisher::open(config);
  EXPECT_TRUE(publisher.ok()) << publisher.status();
  return publisher.ok() ? *std::move(publisher) : nullptr;
}

// All that arrives until nothing does any more.
inline std::vector<IncomingMessage> receive_all(
    Subscriber& subscriber, std::chrono::milliseconds quiet = std::chrono::milliseconds(500)) {
  std::vector<IncomingMessage> messages;
  IncomingMessage message;
  while (subscriber.next(message, quiet)) messages.push_back(message);
  return messages;
}

inline uint64_t stream_size(const NatsConfig& config) {
  const auto link = NatsLink::connect(config);
  jsStreamInfo* info = nullptr;
  if (!link.ok() ||
      js_GetStreamInfo(&info, (*link)->jetstream(), config.stream.c_str(), nullptr, nullptr) != NATS_OK)
    return 0;
  const uint64_t size = info->State.Msgs;
  jsStreamInfo_Destroy(info);
  return size;
}

// However long the server takes to read it.
inline std::vector<IncomingMessage> stream_content(const NatsConfig& config) {
  auto subscriber = Subscriber::open(config, "netspectra.v1.>", true);
  EXPECT_TRUE(subscriber.ok()) << subscriber.status();
  std::vector<IncomingMessage> messages;
  if (!subscriber.ok()) return messages;
  IncomingMessage message;
  const uint64_t size = stream_size(config);
  while (messages.size() < size && (*subscriber)->next(message, std::chrono::seconds(30))) {
    messages.push_back(message);
  }
  EXPECT_EQ(messages.size(), size);
  return messages;
}

inline std::string as_text(const std::vector<uint8_t>& bytes) { return {bytes.begin(), bytes.end()}; }

// Each of the messages [from, end) once, with its subject, id and content, and no other.
inline void expect_exactly_once(const std::vector<IncomingMessage>& messages, uint64_t from, uint64_t end,
                                size_t bytes) {
  std::map<std::string, uint64_t> number_of;
  for (uint64_t number = from; number < end; ++number) number_of[as_text(content_of(number, bytes))] = number;
  ASSERT_EQ(number_of.size(), end - from);
  std::vector<int> seen(end);
  for (const IncomingMessage& message : messages) {
    const auto at = number_of.find(as_text(message.bytes));
    ASSERT_NE(at, number_of.end()) << message.id << " is not expected, or has another content";
    EXPECT_EQ(message.id, id_of(at->second));
    EXPECT_EQ(message.subject, kSubject);
    ++seen[at->second];
  }
  for (uint64_t number = from; number < end; ++number) EXPECT_EQ(seen[number], 1) << "message " << number;
}

inline void expect_exactly_once(const std::vector<IncomingMessage>& messages, uint64_t count, size_t bytes) {
  expect_exactly_once(messages, 0, count, bytes);
}

inline bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

inline std::string events_text(Publisher& publisher) { return absl::StrJoin(publisher.take_events(), "\n"); }

}  // namespace netspectra
