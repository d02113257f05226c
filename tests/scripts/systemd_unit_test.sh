#!/usr/bin/env bash
# The unit of ns-probe: systemd takes it as it stands, and it promises what docs/operations.md says of it.
set -uo pipefail
# shellcheck source=testing.sh
source "$(dirname "${BASH_SOURCE[0]}")/testing.sh"

unit=$root/scripts/systemd/netspectra-probe.service
status=0 out="" err=""

has() { grep -qxE -- "$1" "$unit"; }

check "only three capabilities are given" has 'AmbientCapabilities=CAP_NET_RAW CAP_NET_ADMIN CAP_IPC_LOCK'
check "and no others can be had" has 'CapabilityBoundingSet=CAP_NET_RAW CAP_NET_ADMIN CAP_IPC_LOCK'
check "it does not run as root" has 'User=netspectra'
check "memory may be locked" has 'LimitMEMLOCK=infinity'
check "it starts after hugepages and network" has 'After=(.* )?systemd-tmpfiles-setup\.service( .*)?'
check "the spool is its state" has 'StateDirectory=netspectra netspectra/spool'
check "a failure is followed by a start" has 'Restart=on-failure'
check "a wrong configuration is not" has 'RestartPreventExitStatus=2'
check "a reload is SIGHUP" has 'ExecReload=/bin/kill -HUP .MAINPID'

if ! command -v systemd-analyze >/dev/null; then
  echo "skipped $(basename "$0" .sh): systemd-analyze verify: there is no systemd-analyze here"
  exit
fi
# The program is not installed here: something that can be run stands for it.
sed 's|^ExecStart=/usr/local/bin/ns-probe|ExecStart=/bin/true|' "$unit" >"$work/netspectra-probe.service"
run systemd-analyze verify --man=no "$work/netspectra-probe.service"
check "systemd finds nothing wrong with it" ended 0
check "systemd has nothing to say about it" silent
sed -i 's|^ProtectSystem=strict|ProtectSystm=strict|' "$work/netspectra-probe.service"
run systemd-analyze verify --man=no "$work/netspectra-probe.service"
check "and would, were a name misspelt" grep -q "ProtectSystm" <<<"$err"
