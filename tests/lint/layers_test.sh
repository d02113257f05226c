#!/usr/bin/env bash
# The layer check must catch what it is there for: a copy of the tree's table, with sources made to break it.
set -uo pipefail
# shellcheck source=../scripts/testing.sh
source "$(dirname "${BASH_SOURCE[0]}")/../scripts/testing.sh"

layers() { run python3 "$root/tests/lint/layers.py" "$work/tree"; }

# tree_with FILE LINE...: a tree whose only source is FILE.
tree_with() {
  local file=$work/tree/$1
  shift
  rm -rf "$work/tree"
  mkdir -p "$work/tree/scripts" "$(dirname "$file")"
  cp "$root/scripts/layers.txt" "$work/tree/scripts/"
  printf '%s\n' "$@" >"$file"
}

# caught NAME TEXT FILE LINE...
caught() {
  local name=$1 text=$2
  shift 2
  tree_with "$@"
  layers
  check "$name is caught" ended 1
  check "$name is named" says "$text"
}

tree_with lib/task/good.cc '#include "flow/flow_record.h"' '#include "task/good.h"' '#include <vector>' \
  '#include <sys/mman.h>' '#include "absl/status/status.h"'
layers
check "what the table allows passes" ended 0
check "what the table allows passes in silence" silent

caught "an upward include" "lib/packet/bad.h:2: room 'packet' may not include room 'worker'" \
  lib/packet/bad.h '#pragma once' '#include "worker/pipeline.h"'
caught "DPDK in a room without it" "room 'flow' may not include dpdk (rte_mbuf.h)" lib/flow/bad.cc '#include <rte_mbuf.h>'
caught "an include with unusual blanks" "rte_hash.h" lib/flow/bad.cc '  #  include   <rte_hash.h>'
caught "an app's header in a room" "'pcap-analyzer/run.h' is in no room" lib/output/bad.cc '#include "pcap-analyzer/run.h"'
caught "an include that is not relative to lib/" "'decode.h' is in no room" lib/packet/bad.cc '#include "decode.h"'
caught "a library of no known family" "'lz4.h' belongs to no family" lib/store/bad.cc '#include <lz4.h>'
caught "a source below a room's folder" "lib/flow/deep/bad.cc:1" lib/flow/deep/bad.cc '#include "merge/epoch_result.h"'
caught "a room that is not in the table" "lib/attic: the room is not in layers.txt" lib/attic/new.h '#pragma once'

tree_with lib/task/good.h '#pragma once'
sed -i 's/^flow .*/flow | base packet | dpdk/' "$work/tree/scripts/layers.txt"
layers
check "a table that breaks a promise through another room is caught" says "lets 'task' reach 'dpdk'"
check "a table that breaks a promise fails" ended 1

tree_with lib/base/good.h '#pragma once'
sed -i 's/^base .*/base | packet | /' "$work/tree/scripts/layers.txt"
layers
check "a table out of data order is caught" says "'packet', which does not stand above it"
check "a table out of data order fails" ended 1
