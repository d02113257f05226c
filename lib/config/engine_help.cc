#include "config/engine_options.h"

namespace netspectra {

std::string engine_help() {
  return R"(Usage: ns-engine [options]

Takes the snapshots that probes publish on NATS, merges them into one result for each probe and period, and stores
it, and answers queries. Nothing is acknowledged before it is stored. Messages go to standard error, a line for each stored period.

Where snapshots come from
      --nats URL         nats://HOST:PORT or tls://HOST:PORT; repeatable, for the servers of one cluster
                         (default: nats://127.0.0.1:4222); logins are set in the configuration
      --site NAME        of this site only (default: *, any)
      --probe-id NAME    of this probe only (default: *, any)
      --consumer NAME    name of the durable consumer on the stream: what has been acknowledged under it does not
                         come again (default: made of --site and --probe-id)

Where they go
      --store URL        files:DIR, sqlite:PATH, or clickhouse://USER@HOST:PORT/DATABASE
      --grace DURATION   a period of which nothing has come for so long is stored as incomplete, at least 1s
                         (default: 30s); what comes later amends it
      --memory-limit SIZE  of what waits to be complete, at least 16MiB; beyond it, the oldest goes to the store as
                         incomplete (default: 512MiB)

How it is asked
      --http ADDR:PORT   serve queries, live events, metrics and the page there, or none (default:
                         127.0.0.1:8080); beyond loopback the configuration needs a token and TLS

How to run
  -c, --config FILE      read settings from a YAML file; the command line wins
      --duration DURATION  stop after this time (default: 0s, at a signal)
  -h, --help             show this and exit
      --version          show the version and exit

Examples
  ns-engine --store files:/var/lib/netspectra/flows
      everything that is published on the NATS server of this machine
  ns-engine --nats nats://10.0.0.9:4222 --site ams --store sqlite:/var/lib/netspectra/ams.db
      what the probes of one site publish; other engines take the other sites

Signals: SIGTERM and SIGINT end it once what is complete is stored; the rest stays in the stream.
Exit status: 0 done, 1 failed while running, 2 wrong usage or configuration.
)";
}

}  // namespace netspectra
