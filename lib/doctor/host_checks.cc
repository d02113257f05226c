// The disk for the spool, and the clock.
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "base/units.h"
#include "doctor/checks.h"

namespace netspectra {
namespace {

namespace fs = std::filesystem;

uint64_t bytes_in(const fs::path& folder) {
  uint64_t bytes = 0;
  std::error_code error;
  for (fs::recursive_directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    std::error_code unreadable;
    const uint64_t size = at->is_regular_file(unreadable) ? at->file_size(unreadable) : 0;
    if (!unreadable) bytes += size;
  }
  return bytes;
}

// The folder itself, or the nearest one above it that is there.
fs::path nearest_folder(fs::path folder) {
  std::error_code error;
  while (!fs::exists(folder, error) && folder.has_relative_path()) folder = folder.parent_path();
  return folder.empty() ? fs::path(".") : folder;
}

}  // namespace

void examine_spool(const Examined& it, Findings& findings) {
  constexpr const char* kSubject = "spool";
  const std::string& dir = it.config.spool_dir;
  if (dir.empty()) {
    return warn(findings, kSubject,
                "none: what NATS does not take is kept in memory only, and lost with the process",
                "ns-probe --spool /var/lib/netspectra/spool ...");
  }
  fs::path folder = it.machine.is_this_one() ? fs::path(dir) : fs::path(it.machine.path("/" + dir));
  if (!folder.has_filename()) folder = folder.parent_path();  // "spool/"
  const fs::path nearest = nearest_folder(folder);
  std::error_code error;
  const std::string make = absl::StrCat("sudo install -d -m 0750 -o \"$(id -un)\" ", dir);
  if (!fs::is_directory(nearest, error)) {
    return fault(findings, kSubject, absl::StrCat(dir, " cannot be made: a file is in the way"), make);
  }
  const fs::path parent = folder.has_parent_path() ? folder.parent_path() : fs::path(".");
  if (!fs::exists(parent, error) && !error) {  // an error: not to be reached, which access() tells
    return fault(
        findings, kSubject,
        absl::StrCat(dir, " cannot be made: the folder above it is missing, and only the last one is made"),
        make);
  }
  if (access(nearest.c_str(), W_OK | X_OK) != 0) {
    return fault(findings, kSubject, absl::StrCat(dir, " cannot be written: ", std::strerror(errno)), make);
  }
  struct statvfs disk {};
  if (statvfs(nearest.c_str(), &disk) != 0) {
    return fault(findings, kSubject, absl::StrCat(dir, ": ", std::strerror(errno)), make);
  }
  const uint64_t room = uint64_t{disk.f_bavail} * disk.f_frsize + (nearest == folder ? bytes_in(folder) : 0);
  const std::string text = absl::StrCat(dir, " has room for ", human_bytes(room), ", its limit is ",
                                        human_bytes(it.config.spool_limit_bytes));
  if (room >= it.config.spool_limit_bytes) return good(findings, kSubject, text);
  warn(findings, kSubject, absl::StrCat(text, ": the disk will be full first"), absl::StrCat("df -h ", dir));
}

void examine_clock(const Examined& it, Findings& findings) {
  // The kernel of this machine is the only one that can be asked.
  if (!it.machine.is_this_one()) return;
  timex clock{};
  const int state = adjtimex(&clock);
  if (state < 0) {  // systemd's ProtectClock=, and containers, do not let us ask
    return warn(findings, "clock",
                absl::StrCat("not known whether it is synchronised: ", std::strerror(errno)),
                "timedatectl show -p NTPSynchronized");
  }
  if (state != TIME_ERROR && (clock.status & STA_UNSYNC) == 0) return good(findings, "clock", "synchronised");
  warn(findings, "clock",
       "not synchronised: probes cut their periods at different times, and their sums do not fit",
       it.machine.exists("/usr/bin/chronyc") ? "sudo systemctl enable --now chrony && chronyc waitsync"
                                             : "sudo apt install chrony && chronyc waitsync");
}

}  // namespace netspectra
