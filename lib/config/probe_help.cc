#include "config/probe_options.h"

namespace netspectra {

std::string probe_help() {
  return R"(Usage: ns-probe [options]
       ns-probe EAL-ARGUMENTS -- [options]

Polls the queues of NICs, one core for each, measures every packet, and publishes the state of each period to
NATS, with what was lost on the way to it. Messages go to standard error, results to standard output.

Where packets come from
  -i, --port SPEC        a port to measure; repeatable. SPEC is one of
                           0000:3b:00.0   a NIC by its PCI address, bound to a driver that DPDK polls
                                          (scripts/bind-nic.sh)
                           eth1           a kernel interface, which the kernel goes on using
                           pcap:FILE      a capture, replayed by its own clock; not beside live ports
                           vdev:DEVARGS   a virtual device of DPDK, such as vdev:net_null0
  -q, --queues N         receive queues of each port, 1 to 64, and as many workers, a core each
                         (default: as the configuration says for each port, else 1)

What to measure
  -t, --task SPEC        a task, NAME=KIND:FIELD,FIELD[/ELEMENT,ELEMENT][:option=value,...]; repeatable;
                         KIND is exact, heavy_hitters, super_spreader or cardinality; pcap-analyzer --help
                         says more
                         (default: `-t default`, six tasks: per_five_tuple, top_src, top_dst, spread_src,
                         spread_dst and flows)
  -p, --period DURATION  length of a measurement, at least 100ms (default: 10s)
      --duration DURATION  stop after this time (default: 0s, at a signal)

Where results go
      --sink WHERE       nats, or local: merge, show and store them in this process (default: nats)
      --nats URL         nats://HOST:PORT or tls://HOST:PORT; repeatable, for the servers of one cluster
                         (default: nats://127.0.0.1:4222); logins are set in the configuration
      --spool DIR        keep there what NATS does not take, until it does (default: none)
      --site NAME        part of the NATS subject (default: default)
      --probe-id NAME    part of the NATS subject (default: the host's name)
With --sink local, as for pcap-analyzer
  -f, --format FORMAT    table, json (JSON Lines) or csv (default: table)
  -n, --top N            rows shown per task and period, 0 for all (default: 10 in a table, else all)
  -o, --output FILE      write the results there (default: -, standard output)
      --store URL        keep the results too: files:DIR or sqlite:PATH

How to run
  -c, --config FILE      read settings from a YAML file; the command line wins
      --mode MODE        probe: measure; sub: print the snapshots that arrive on NATS, as JSON Lines, of
                         --site and --probe-id only where these are given (default: probe)
      --from-start       with --mode sub: first those that the stream still holds
      --check            look for what on this machine is in the way, say what mends it, and start nothing
      --share-cpus       poll also on a CPU where another poller runs already: both then lose packets at high
                         rates (default: such a CPU is refused)
      --metrics ADDR:PORT  serve metrics for Prometheus there; on loopback only (default: none)
  -h, --help             show this and exit
      --version          show the version and exit

Examples
  ns-probe --check -i 0000:3b:00.0 -q 4
      is this machine ready to poll four queues of that NIC?
  ns-probe -i 0000:3b:00.0 -q 4 --nats nats://10.0.0.9:4222 --spool /var/lib/netspectra/spool
      measure it, and publish every ten seconds
  ns-probe -i eth1 -p 1s --sink local --duration 1m
      the ten largest flows of each second on a kernel interface, for a minute

Signals: SIGTERM and SIGINT end it after the last snapshot is published; SIGHUP reads the tasks again.
Exit status: 0 done, 1 failed while running, 2 wrong usage or configuration.
)";
}

}  // namespace netspectra
