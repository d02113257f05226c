// A real clickhouse-server on free loopback ports, in a temporary folder of its own, that can be killed and
// started again.
//
// One for each test program (server()), a database for each test. It goes with the thread that started it
// (PR_SET_PDEATHSIG).
#pragma once

#include <arpa/inet.h>
#include <curl/curl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace netspectra::clickhouse_test {

class ClickHouseServer {
 public:
  static bool installed() { return std::system("command -v clickhouse-server >/dev/null") == 0; }

  // `settings`: of the server, beside those that it needs, as XML.
  explicit ClickHouseServer(std::string settings = "")
      : settings_(std::move(settings)), dir_(temporary_folder()) {}
  ~ClickHouseServer() {
    kill();
    std::error_code ignored;
    std::filesystem::remove_all(dir_, ignored);
  }
  ClickHouseServer(const ClickHouseServer&) = delete;
  ClickHouseServer& operator=(const ClickHouseServer&) = delete;

  // Somebody else may take a port first: others are tried until it runs. Later it has the same.
  void start() {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    const bool first = port_ == 0;
    do {
      if (first) port_ = free_port();
      configure();
      if (runs(end)) return;
      kill();
    } while (first && std::chrono::steady_clock::now() < end);
    FAIL() << "clickhouse-server does not start: " << read(dir_ + "/log") << read(dir_ + "/out");
  }

  void kill() {
    if (pid_ == -1) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(std::exchange(pid_, -1), nullptr, 0);
  }

  void signal(int number) const { ASSERT_EQ(::kill(pid_, number), 0); }

  uint16_t port() const { return port_; }
  std::string url(const std::string& database, const std::string& login = "") const {
    return "clickhouse://" + login + "127.0.0.1:" + std::to_string(port_) + "/" + database;
  }

  // The answer's lines, columns apart by tabs.
  std::vector<std::string> lines(const std::string& sql, const std::string& database = "default") const {
    std::string answer;
    EXPECT_EQ(ask(sql, database, answer), 200) << sql << ": " << answer;
    std::vector<std::string> lines;
    for (size_t begin = 0, end; (end = answer.find('\n', begin)) != std::string::npos; begin = end + 1) {
      lines.push_back(answer.substr(begin, end - begin));
    }
    return lines;
  }

 private:
  static uint16_t free_port() {
    const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof(address);
    EXPECT_EQ(::bind(fd, reinterpret_cast<sockaddr*>(&address), length), 0);
    EXPECT_EQ(::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length), 0);
    ::close(fd);
    return ntohs(address.sin_port);
  }

  // In memory where there is room: an epoch is hundreds of small files, and no test here is about the disk.
  static std::string temporary_folder() {
    const std::string base = ::access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    std::string path = base + "/ns-clickhouse-test-XXXXXX";
    return ::mkdtemp(path.data()) == nullptr ? std::string() : path;
  }

  static std::string read(const std::string& path) {
    std::ifstream in(path);
    return {std::istreambuf_iterator<char>(in), {}};
  }

  // Users: default; "keeper" with a password that has to be encoded in a URL; "small" and "slow", whose
  // questions the server gives up: for want of memory, for their speed.
  void configure() const {
    std::ofstream(dir_ + "/config.xml")
        << "<yandex><logger><level>warning</level><log>" << dir_ << "/log</log><errorlog>" << dir_
        << "/errors</errorlog></logger><http_port>" << port_ << "</http_port><tcp_port>" << free_port()
        << "</tcp_port><listen_host>127.0.0.1</listen_host><path>" << dir_ << "/data/</path><tmp_path>"
        << dir_
        << "/tmp/</tmp_path><users_config>users.xml</users_config><default_profile>default</default_profile>"
           "<default_database>default</default_database><mark_cache_size>67108864</mark_cache_size>"
           "<timezone>UTC</timezone>"
        << settings_ << "</yandex>";
    const auto user = [](const std::string& name, const std::string& password, const std::string& profile) {
      return "<" + name + "><password>" + password +
             "</password><networks><ip>127.0.0.1</ip></networks><profile>" + profile +
             "</profile><quota>default</quota></" + name + ">";
    };
    std::ofstream(dir_ + "/users.xml")
        << "<yandex><profiles><default><max_memory_usage>2000000000</max_memory_usage></default>"
           "<small><max_memory_usage>10000000</max_memory_usage></small>"
           "<slow><min_execution_speed>1000000000000</"
           "min_execution_speed><timeout_before_checking_execution_speed>0"
           "</timeout_before_checking_execution_speed></slow></profiles><users>"
        << user("default", "", "default") << user("keeper", "p@ss:w/rd?", "default")
        << user("small", "", "small") << user("slow", "", "slow")
        << "</users><quotas><default/></quotas></yandex>";
  }

  bool runs(std::chrono::steady_clock::time_point end) {
    pid_ = ::fork();
    if (pid_ == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      if (std::freopen((dir_ + "/out").c_str(), "a", stdout) == nullptr) ::_exit(126);
      ::dup2(STDOUT_FILENO, STDERR_FILENO);
      ::execlp("clickhouse-server", "clickhouse-server", ("--config-file=" + dir_ + "/config.xml").c_str(),
               static_cast<char*>(nullptr));
      ::_exit(127);
    }
    std::string answer;
    while (std::chrono::steady_clock::now() < end) {
      if (ask("SELECT 1", "default", answer) == 200) return true;
      if (::waitpid(pid_, nullptr, WNOHANG) == pid_) {
        pid_ = -1;
        return false;
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return false;
  }

  // The HTTP status; 0 without an answer.
  long ask(const std::string& sql, const std::string& database, std::string& answer) const {
    const std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> curl(curl_easy_init(), curl_easy_cleanup);
    const std::string url =
        "http://127.0.0.1:" + std::to_string(port_) + "/?wait_end_of_query=1&database=" + database;
    answer.clear();
    curl_easy_setopt(curl.get(), CURLOPT_URL, url.c_str());
    curl_easy_setopt(curl.get(), CURLOPT_PROXY, "");
    curl_easy_setopt(curl.get(), CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl.get(), CURLOPT_POSTFIELDS, sql.c_str());
    curl_easy_setopt(curl.get(), CURLOPT_WRITEDATA, &answer);
    curl_easy_setopt(
        curl.get(), CURLOPT_WRITEFUNCTION, +[](char* data, size_t one, size_t size, void* to) {
          static_cast<std::string*>(to)->append(data, one * size);
          return one * size;
        });
    long status = 0;
    if (curl_easy_perform(curl.get()) == CURLE_OK)
      curl_easy_getinfo(curl.get(), CURLINFO_RESPONSE_CODE, &status);
    return status;
  }

  const std::string settings_, dir_;
  uint16_t port_ = 0;
  pid_t pid_ = -1;
};

// Runs from the first call to the end of the program.
inline ClickHouseServer& server() {
  static ClickHouseServer the_server;
  if (static bool started = false; !started) {
    started = true;
    the_server.start();
  }
  return the_server;
}

// A database of the test's own.
class Fixture : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!ClickHouseServer::installed()) GTEST_SKIP() << "clickhouse-server is not installed";
    server();
  }
  static std::string database() {
    return std::string("t_") +
           std::to_string(::testing::UnitTest::GetInstance()->current_test_info()->line());
  }
  static std::string url(const std::string& login = "") { return server().url(database(), login); }
  static std::vector<std::string> lines(const std::string& sql) { return server().lines(sql, database()); }
};

}  // namespace netspectra::clickhouse_test
