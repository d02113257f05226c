// Capture files read through their mapped pages, by net_pcap as well (mapped_captures.cc says how and why).
//
// A file that is cut shorter while it is mapped has no pages any more where its end was: to read there is a SIGBUS. The
// handler puts zeros there and remembers it for the thread that read them.
// Threads: survive_cut_captures() once, before any capture is opened; take_capture_cut() by a thread for itself.
#pragma once

namespace netspectra {

void survive_cut_captures();

// Whether this thread has read where a file has no bytes any more since it last asked: what it has read of the file
// since then is partly zeros.
bool take_capture_cut();

}  // namespace netspectra
