#!/usr/bin/env bash
# Records the real_* captures and sample.pcap: real servers and clients of Debian 12 talk to each other in two
# network namespaces that are made for it and torn down again. Nothing outside them is touched.
#
#   record.sh [DIRECTORY]     (as root; default: where this script stands)
#
# Needs: iproute2 ethtool tcpdump tshark python3 socat openssl nginx-light dnsmasq-base openssh-server
#        openssh-client iperf3 curl bind9-dnsutils iputils-ping iputils-arping
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
out=$(cd "${1:-$here}" && pwd)
tmp=$(mktemp -d)
cli=nscli$$ srv=nssrv$$
pids=()

teardown() {
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
  wait
  ip netns del "$cli" 2>/dev/null || true
  ip netns del "$srv" 2>/dev/null || true
  rm -rf "$tmp"
}
trap teardown EXIT

start() {  # NAMESPACE COMMAND...: in the background, until teardown
  local ns=$1 name
  name=$(basename "$2")
  ip netns exec "$@" >"$tmp/$name.$ns.log" 2>&1 &
  pids+=($!)
}
in_cli() { timeout 20 ip netns exec "$cli" "$@"; }
wait_for() {
  for _ in {1..100}; do
    "$@" >/dev/null 2>&1 && return
    sleep 0.05
  done
  echo "gave up: $*" >&2
  return 1
}

# ---------------------------------------------------------------- the network
#            untagged             802.1Q, VLAN 10       802.1ad 100 + 802.1Q 20   tun, no link layer
# client     192.0.2.1            198.51.100.1          198.51.100.65             198.51.100.129
# server     192.0.2.2            198.51.100.2          198.51.100.66             198.51.100.130
# and        2001:db8:0:1::       2001:db8:0:2::        2001:db8:0:3::            2001:db8:0:4::
network() {
  local end=0 device
  ip netns add "$cli"
  ip netns add "$srv"
  for ns in "$cli" "$srv"; do  # no IPv6 yet: nothing must be sent before both ends are up
    ip netns exec "$ns" sysctl -q net.ipv6.conf.default.disable_ipv6=1
  done
  ip -n "$cli" link add v0 address 02:00:00:00:00:01 type veth \
    peer name v0 address 02:00:00:00:00:02 netns "$srv"
  for ns in "$cli" "$srv"; do
    end=$((end + 1))
    ip -n "$ns" link set lo up
    ip -n "$ns" link set v0 up
    start "$ns" "$here/vlan_if.py" v0 v10 8100:10
    start "$ns" "$here/vlan_if.py" v0 q100.20 88a8:100 8100:20
    start "$ns" socat "UNIX-SENDTO:$tmp/tun$((3 - end)),bind=$tmp/tun$end" TUN,tun-name=tun0,iff-no-pi
    for device in v10 q100.20 tun0; do wait_for ip -n "$ns" link set "$device" up; done
  done
  end=0
  for ns in "$cli" "$srv"; do
    end=$((end + 1))
    address "$ns" v0 192.0.2.$end/24 2001:db8:0:1::$end/64 1500
    address "$ns" v10 198.51.100.$end/26 2001:db8:0:2::$end/64 1496
    address "$ns" q100.20 198.51.100.$((64 + end))/26 2001:db8:0:3::$end/64 1492
    address "$ns" tun0 198.51.100.$((128 + end))/26 2001:db8:0:4::$end/64 1500
  done
}
address() {  # NAMESPACE DEVICE IPV4/LEN IPV6/LEN MTU
  ip -n "$1" link set "$2" mtu "$5"
  ip netns exec "$1" sysctl -q "net/ipv6/conf/$2/disable_ipv6=0"
  ip -n "$1" addr add "$3" dev "$2"
  ip -n "$1" addr add "$4" dev "$2" nodad
}
offloads() {  # on|off
  for ns in "$cli" "$srv"; do
    ip netns exec "$ns" ethtool -K v0 tx "$1" rx "$1" tso "$1" gso "$1" gro "$1" >/dev/null
  done
}

# ---------------------------------------------------------------- the servers
servers() {
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 \
    -subj /CN=www.example.net -keyout "$tmp/tls.key" -out "$tmp/tls.crt" 2>/dev/null
  ssh-keygen -q -t ed25519 -N '' -C '' -f "$tmp/ssh"
  chmod 711 "$tmp"
  mkdir -p "$tmp/www" /run/sshd
  head -c 600 /dev/zero | tr '\0' a >"$tmp/www/small"
  head -c 1500 /dev/zero | tr '\0' b >"$tmp/www/page"
  head -c 130000 /dev/zero | tr '\0' c >"$tmp/www/large"
  chmod -R a+rX "$tmp/www"
  cat >"$tmp/nginx.conf" <<EOF
daemon off; pid $tmp/nginx.pid; error_log $tmp/nginx.log; worker_processes 1; events {}
http {
  access_log off; sendfile on;
  client_body_temp_path $tmp; proxy_temp_path $tmp; fastcgi_temp_path $tmp;
  uwsgi_temp_path $tmp; scgi_temp_path $tmp;
  server {
    listen 80; listen [::]:80; listen 443 ssl; listen [::]:443 ssl;
    ssl_certificate $tmp/tls.crt; ssl_certificate_key $tmp/tls.key; root $tmp/www;
  }
}
EOF
  start "$srv" nginx -c "$tmp/nginx.conf"
  start "$srv" dnsmasq --keep-in-foreground --conf-file=/dev/null --no-resolv --no-hosts --user=root \
    --pid-file= --address=/example.net/192.0.2.2 --address=/example.net/2001:db8:0:1::2 \
    --txt-record=text.example.net,"$(head -c 200 "$tmp/www/small")"
  start "$srv" /usr/sbin/sshd -D -f /dev/null -h "$tmp/ssh" -o AuthorizedKeysFile="$tmp/ssh.pub" \
    -o StrictModes=no -o PidFile=none -o UsePAM=no
  start "$srv" iperf3 -s
  for port in 80 443 53 22 5201; do wait_for in_cli socat -u OPEN:/dev/null "TCP:192.0.2.2:$port"; done
}

# ---------------------------------------------------------------- the clients
get() { in_cli curl -sSk "$@" >/dev/null; }
lookup() { in_cli dig +tries=1 +time=2 "@$1" "$2" "$3" >/dev/null; }
echoes() { in_cli ping -q -c "$2" -i 0.02 "${@:3}" "$1" >/dev/null; }
shell() {
  in_cli ssh -F none -i "$tmp/ssh" -o UserKnownHostsFile=/dev/null -o StrictHostKeyChecking=no \
    -o LogLevel=ERROR "root@$1" 'echo one; sleep 0.2; echo two' >/dev/null
}
transfer() { in_cli iperf3 -c "$@" >/dev/null; }

visit() {  # IPV4 IPV6: a little of everything
  get "http://$1/small" "http://$1/page"
  get "http://[$2]/small"
  get "https://$1/small"
  get "https://[$2]/page"
  lookup "$1" www.example.net A
  lookup "$2" www.example.net AAAA
  lookup "$2" text.example.net TXT
  echoes "$1" 2
  echoes "$2" 2
}

# ---------------------------------------------------------------- the captures
recorder=
record() {  # COMMAND...: a capture program in the client's namespace
  ip netns exec "$cli" "$@" 2>"$tmp/recorder.log" &
  recorder=$!
  pids+=("$recorder")
  wait_for grep -qE 'listening on|^File:' "$tmp/recorder.log"
  sleep 0.2
}
dump() { record tcpdump -Z root -n -w "$out/$1" "${@:2}"; }
finish() {
  sleep 1.2  # the kernel hands over a block of packets after a second at the latest
  kill -INT "$recorder"
  wait "$recorder" || true
  unset 'pids[-1]'
  tail -n 4 "$tmp/recorder.log" >&2
}

sample() {
  dump sample.pcap -i v0
  in_cli arping -q -c 2 -I v0 192.0.2.2
  for second in {1..8}; do
    visit 192.0.2.2 2001:db8:0:1::2
    case $second in
      1 | 6) visit 198.51.100.2 2001:db8:0:2::2 ;;
      2) visit 198.51.100.66 2001:db8:0:3::2 ;;
      3) shell 192.0.2.2 ;;
      4) echoes 192.0.2.2 1 -s 4000; echoes 2001:db8:0:1::2 1 -s 4000 ;;
      5) shell 2001:db8:0:2::2 ;;
      7) transfer 192.0.2.2 -n 12K -l 2K; transfer 2001:db8:0:1::2 -u -b 400K -n 9K -l 600 ;;
      8) lookup 192.0.2.2 nowhere.example.org A; get http://192.0.2.2:81/ 2>/dev/null || true ;;
    esac
    sleep 0.7
  done
  finish
}
ipv6() {
  dump real_ipv6.pcap -i v0 --time-stamp-precision=nano ip6
  for _ in 1 2 3; do visit 192.0.2.2 2001:db8:0:1::2; done
  shell 2001:db8:0:1::2
  echoes 2001:db8:0:1::2 2 -s 4000
  echoes ff02::1%v0 2
  finish
}
vlan_qinq() {
  dump real_vlan_qinq.pcap -i v0 vlan
  visit 198.51.100.2 2001:db8:0:2::2
  visit 198.51.100.66 2001:db8:0:3::2
  echoes 198.51.100.66 2 -s 3000
  shell 198.51.100.66
  finish
}
fragments() {
  dump real_fragments.pcap -i v0
  echoes 192.0.2.2 3 -s 4000
  echoes 2001:db8:0:1::2 3 -s 4000
  transfer 192.0.2.2 -u -b 800K -n 32K -l 4000
  transfer 2001:db8:0:1::2 -u -b 800K -n 32K -l 4000
  finish
}
snaplen96() {
  dump real_snaplen96.pcap -i v0 -s 96
  visit 192.0.2.2 2001:db8:0:1::2
  visit 198.51.100.66 2001:db8:0:3::2
  echoes 192.0.2.2 2 -s 4000
  get http://192.0.2.2/large
  finish
}
any() {  # FILE LINKTYPE: all interfaces; nothing tagged: tags from user space came out garbled on "any"
  dump "$1" -i any -y "$2"
  visit 192.0.2.2 2001:db8:0:1::2
  visit 198.51.100.130 2001:db8:0:4::2
  echoes 127.0.0.1 2
  echoes ::1 2
  finish
}
raw_tun() {
  dump real_raw_tun.pcap -i tun0
  visit 198.51.100.130 2001:db8:0:4::2
  echoes 198.51.100.130 2 -s 4000
  finish
}
pcapng() {  # FILE INTERFACE INTERFACE
  record dumpcap -q -i "$2" -i "$3" -w "$out/$1"
  visit 192.0.2.2 2001:db8:0:1::2
  echoes 127.0.0.1 3
  echoes ::1 3
  echoes 198.51.100.130 3
  finish
}
jumbo_offload() {
  for ns in "$cli" "$srv"; do ip -n "$ns" link set v0 mtu 9000; done
  dump real_jumbo_offload.pcap -i v0
  transfer 192.0.2.2 -n 128K -l 128K
  echoes 192.0.2.2 2 -s 8000
  echoes 2001:db8:0:1::2 2 -s 20000
  finish
}
big_tcp() {  # what TCP hands down above 64 KiB has no IP length; only the first bytes are kept
  for ns in "$cli" "$srv"; do ip -n "$ns" link set v0 gso_max_size 180000 gro_max_size 180000; done
  dump real_big_tcp.pcap -i v0 -s 128
  transfer 2001:db8:0:1::2 -n 20M
  finish
}

network
servers
offloads off
sample
ipv6
vlan_qinq
fragments
snaplen96
any real_any_sll.pcap LINUX_SLL
any real_any_sll2.pcap LINUX_SLL2
raw_tun
pcapng real_two_interfaces.pcapng v0 lo
pcapng real_two_link_types.pcapng v0 tun0
offloads on
jumbo_offload
big_tcp
chmod 644 "$out"/real_*.pcapng  # dumpcap writes for its user alone
ls -l "$out"/sample.pcap "$out"/real_*
