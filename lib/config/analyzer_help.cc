#include "config/analyzer_options.h"

namespace netspectra {

std::string analyzer_help() {
  return R"(Usage: pcap-analyzer [options] FILE...
       pcap-analyzer EAL-ARGUMENTS -- [options] FILE...

Measures the traffic in capture files (pcap, pcapng): packets, bytes, first and last seen and TCP flags of
every flow, exactly, and the heavy hitters, super spreaders and numbers of distinct keys that are asked for.
Results go to standard output, progress and messages to standard error.

What to measure
  -t, --task SPEC        a task, NAME=KIND:FIELD,FIELD[/ELEMENT,ELEMENT][:option=value,...]; repeatable
                         (default: per_five_tuple=exact:src_ip,dst_ip,src_port,dst_port,protocol)
                           KIND    exact: a record of every key; option capacity
                                   heavy_hitters: the keys with the most packets or bytes; options threshold,
                                     by, memory, seed
                                   super_spreader: the keys with the most distinct elements; options
                                     threshold, memory, seed
                                   cardinality: how many distinct keys there are; option seed
                           FIELD, ELEMENT  src_ip, dst_ip, src_port, dst_port, protocol, vlan
                           option  capacity=1M       flows with a record of their own, per worker
                                   threshold=0.1%    share of the IP packets or bytes, or a count such as 10k,
                                                     from which on a key is shown (default: 0.1%; for
                                                     super_spreader a count of elements, default: 100)
                                   by=packets|bytes  what heavy hitters go by (default: packets)
                                   memory=256KiB     of an estimator, per worker and state
                                   seed=1            of an estimator's hash
                         -t default stands for six tasks: per_five_tuple, top_src, top_dst (heavy_hitters),
                         spread_src, spread_dst (super_spreader) and flows (cardinality)
  -p, --period DURATION  cut the capture into epochs of this length, such as 10s or 500ms
                         (default: 0s, the whole capture is one epoch)
      --filter EXPR      measure only what matches, in pcap-filter syntax, such as 'tcp port 443'

What to show
  -f, --format FORMAT    table, json (JSON Lines) or csv (default: table)
  -n, --top N            rows shown per task and epoch, 0 for all (default: 10 in a table, else all)
  -o, --output FILE      write the results there (default: -, standard output)
      --store URL        keep the results too: files:DIR or sqlite:PATH
      --progress WHEN    auto, always or never (default: auto, where standard error is a terminal)

How to run
  -c, --config FILE      read settings from a YAML file; the command line wins
  -w, --workers N        worker threads, 1 to 16 (default: 1)
  -h, --help             show this and exit
      --version          show the version and exit

Examples
  pcap-analyzer capture.pcap
      the ten largest flows by bytes, as a table
  pcap-analyzer -p 10s -t talkers=exact:src_ip -t ports=exact:dst_port,protocol -f json monday.pcapng
      packets and bytes per source address and per service, every ten seconds, as JSON Lines
  pcap-analyzer -t scan=super_spreader:src_ip/dst_ip:threshold=200 -t hosts=cardinality:src_ip night.pcap
      sources that reached 200 destinations or more, and the number of sources

Exit status: 0 done, 1 failed while running, 2 wrong usage or configuration.
)";
}

}  // namespace netspectra
