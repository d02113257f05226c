"""--store sqlite:PATH: what SQL finds is what pcap-analyzer prints; full and read-only disks; kills."""
import contextlib
import ipaddress
import os
import random
import signal
import sqlite3
import subprocess
import time
import zlib

from captures_test import expected_files
from harness import ANALYZER, ROOT, ipv4_udp, main, run, run_json, summary, write_pcap

FIVE_TUPLE = "src_ip,dst_ip,src_port,dst_port,protocol"
KEYS = ["src_ip", "dst_ip", "src_port", "dst_port", "protocol", "vlan"]
TASKS = ("-t", f"flows=exact:{FIVE_TUPLE}", "-t", "vlans=exact:vlan", "-t", "tiny=exact:dst_ip,vlan:capacity=1",
         "-t", "src=heavy_hitters:src_ip:threshold=1", "-t", "scan=super_spreader:src_ip/dst_ip:threshold=1",
         "-t", f"many=cardinality:{FIVE_TUPLE}")
TABLES = {  # for each type of row: its table, and the columns beside the key's
    "record": ("records", ["packets", "bytes", "first_seen_ns", "last_seen_ns", "tcp_flags"]),
    "heavy_hitter": ("heavy_hitters", ["packets", "bytes", "error_packets", "error_bytes"]),
    "spread": ("spreads", ["spread"]),
}
START = 1_700_000_000 * 10**9
SHARED = sorted((ROOT.parent / "shared" / "captures").glob("*.pcap*"))  # real ones, where they stand beside the project


@contextlib.contextmanager
def database(path):
    db = sqlite3.connect(path, isolation_level=None)
    try:
        yield db
    finally:
        db.close()


def rows(db, sql):
    return db.execute(sql).fetchall()


def value(db, sql):
    return rows(db, sql)[0][0]


def signed(time_ns):
    """A time as SQLite has it: from 2262 on, what is missing to 2^64 us."""
    return time_ns if time_ns < 2**63 else time_ns - 1000 * 2**64


def address(text):
    return None if text is None else ipaddress.ip_address(text)


def printed_rows(objects, kind):
    found = [(o["task"], signed(o["epoch_start_ns"]), address(o.get("src_ip")), address(o.get("dst_ip")),
              *(o.get(key) for key in KEYS[2:]), *(signed(o[name]) for name in TABLES[kind][1]))
             for o in objects if o["type"] == kind]
    return sorted(found, key=repr)


def stored_rows(db, kind):
    table, values = TABLES[kind]
    found = rows(db, f"SELECT task, start_ns, {', '.join(KEYS + values)} FROM {table}_text")
    return sorted(((task, start, address(src), address(dst), *rest) for task, start, src, dst, *rest in found), key=repr)


def check_against_printed(db, objects, what):
    assert value(db, "PRAGMA integrity_check") == "ok", what
    for kind in TABLES:
        assert stored_rows(db, kind) == printed_rows(objects, kind), (what, kind)
    overflows = [(o["task"], signed(o["epoch_start_ns"]), o["packets"], o["bytes"], signed(o["first_seen_ns"]),
                  signed(o["last_seen_ns"]), o["tcp_flags"]) for o in objects if o["type"] == "overflow"]
    assert sorted(overflows) == rows(db, "SELECT task, start_ns, overflow_packets, overflow_bytes, overflow_first_seen_ns, "
                                         "overflow_last_seen_ns, overflow_tcp_flags FROM results WHERE overflow_packets > 0 "
                                         "ORDER BY 1, 2"), what
    counts = [(signed(o["epoch_start_ns"]), o["cardinality"]) for o in objects if o["type"] == "cardinality"]
    assert sorted(counts) == rows(db, "SELECT start_ns, cardinality FROM results WHERE kind = 'cardinality' ORDER BY 1"), what
    s = summary(objects)
    assert rows(db, "SELECT sum(rx_packets), sum(rx_bytes), sum(ip_packets), sum(not_ip), sum(malformed) FROM ledger") == [
        (s["packets"], s["bytes"], s["ip_packets"], s["not_ip"], sum(s["malformed"].values()))], what
    malformed = {k: v for k, v in s["malformed"].items() if v}
    assert dict(rows(db, "SELECT reason, sum(packets) FROM drops WHERE reason LIKE 'ipv%' GROUP BY 1")) == malformed, what
    assert value(db, "SELECT coalesce(sum(packets), 0) FROM drops") == s["packets"] - s["ip_packets"], what
    # The books of each exact task, and of its rows.
    for task, counted in rows(db, "SELECT task, sum(packets) + sum(overflow_packets) FROM results WHERE kind = 'exact' GROUP BY 1"):
        assert counted == s["ip_packets"], (what, task)
    assert rows(db, "SELECT task, sum(packets), sum(bytes) FROM results WHERE row_count > 0 AND kind = 'exact' GROUP BY 1 "
                    "ORDER BY 1") == rows(db, "SELECT task, sum(packets), sum(bytes) FROM records GROUP BY 1 ORDER BY 1"), what
    assert rows(db, "SELECT count(*) FROM ledger WHERE rx_packets != ip_packets + not_ip + malformed + other_drops") == [(0,)]


def test_sql_finds_what_is_printed_on_every_capture(folder):
    for i, capture in enumerate([capture for capture, _ in expected_files()] + SHARED):
        period = ((), ("-p", "1s"), ("-p", "10s", "-w", "2"))[i % 3]
        path = folder / f"{i}.db"
        objects = run_json(*TASKS, *period, "--store", f"sqlite:{path}", capture)
        if summary(objects)["packets"] == 0:
            continue
        with database(path) as db:
            check_against_printed(db, objects, (capture.name, period))
            if period:  # of fewer than 1000 keys, roll-ups are exact
                assert value(db, "SELECT max(row_count) FROM results") < 1000
                total = rows(db, "SELECT task, sum(packets), sum(bytes) FROM records GROUP BY 1 ORDER BY 1")
                for view in ("minutes", "hours"):
                    assert rows(db, f"SELECT task, sum(packets), sum(bytes) FROM {view} GROUP BY 1 ORDER BY 1") == total


def many_epochs(folder, epochs, flows, name="many.pcap"):
    """A capture of so many seconds with so many flows in each."""
    path = folder / name
    frames = [ipv4_udp("10.0.0.1", f"172.16.{i // 250}.{i % 250}", 1, 2) for i in range(flows)]
    write_pcap(path, [(START + e * 10**9 + i * 1000, frame) for e in range(epochs) for i, frame in enumerate(frames)])
    return path


def test_a_broken_capture_is_confessed_in_the_notes(folder):
    path = many_epochs(folder, 2, 10)
    os.truncate(path, path.stat().st_size - 5)
    objects = run_json("--store", f"sqlite:{folder}/x.db", path, status=1)
    with database(folder / "x.db") as db:
        assert rows(db, "SELECT kind, text FROM notes") == [("read_error", e) for e in summary(objects)["read_errors"]]
        assert value(db, "SELECT sum(packets) FROM records") == summary(objects)["packets"] == 19


def test_an_estimators_state_is_kept_where_the_records_do_not_tell_it(folder):
    path = many_epochs(folder, 3, 10)
    tasks = ("-t", "src=heavy_hitters:src_ip:threshold=1,seed=7", "-t", "vlans=cardinality:vlan")
    for name, flows, states_of_src in (("whole", "", 0), ("full", ":capacity=1", 1)):
        run_json("-p", "1s", "-t", f"flows=exact:{FIVE_TUPLE}{flows}", *tasks, "--store", f"sqlite:{folder}/{name}.db", path)
        with database(folder / f"{name}.db") as db:
            assert rows(db, "SELECT name, derived_from, seed, threshold FROM tasks ORDER BY 1") == [
                ("flows", "", 1, 0), ("src", "flows", 7, 1), ("vlans", "", 1, 0)]
            assert rows(db, "SELECT task, min(state_count), max(state_count) FROM results GROUP BY 1 ORDER BY 1") == [
                ("flows", 0, 0), ("src", states_of_src, states_of_src), ("vlans", 1, 1)], name
            states = rows(db, "SELECT id, state_bytes, state FROM states_1 ORDER BY 1")
            assert [row[0] for row in states] == list(range(1, 3 * (1 + states_of_src) + 1))
            assert all(len(zlib.decompress(state)) == size > 64 for _, size, state in states)


def test_a_second_run_does_not_pass_for_a_repeat(folder):
    path = many_epochs(folder, 3, 10)
    first, second = (run("-p", "1s", "--store", f"sqlite:{folder}/x.db", path) for _ in range(2))
    assert first.returncode == 0, first.stderr
    with database(folder / "x.db") as db:
        runs = value(db, "SELECT count(DISTINCT run) FROM epochs")
        # Stored under its own name, or refused with a reason where it has none.
        assert second.returncode == 0 and runs == 2 or second.returncode == 1 and "already stored" in second.stderr, second.stderr
        assert value(db, "SELECT sum(packets) FROM records") == 30 * runs


def normal(sql):
    return " ".join(sql.split())


def test_the_schema_and_the_examples_of_the_documentation_are_true(folder):
    text = (ROOT / "docs" / "store.md").read_text()
    text = text[text.index("## `sqlite:PATH`"):text.index("## `clickhouse://`")]
    examples, tables = (block.split("```")[0] for block in text.split("```sql\n")[1:])
    documented = {normal(statement) for statement in tables.split(";") if statement.strip()}
    run_json("-p", "10s", "--store", f"sqlite:{folder}/x.db", many_epochs(folder, 20, 2))
    with database(folder / "x.db") as db:
        made = {normal(sql) for sql, in rows(db, "SELECT sql FROM sqlite_master WHERE type IN ('table', 'index') AND sql IS NOT "
                                                 "NULL AND name NOT LIKE 'sqlite_%' AND name NOT LIKE 'rollup_1h%'")}
        assert documented == made, (documented ^ made)
        found = [rows(db, statement) for statement in examples.split(";") if statement.strip()]
    assert found[0] == [("10.0.0.1", f"172.16.0.{i}", 2, 20 * 60, 0) for i in (0, 1)], found[0]
    assert found[1] == [(2, 40, 40 * 60)], found[1]
    assert found[2] == [("", "", 40, 0, 0, 0, 0)], found[2]


def test_wrong_urls_and_files_give_one_line_that_names_them(folder):
    path = many_epochs(folder, 1, 1)
    (folder / "text.db").write_text("no database\n" * 100)
    with database(folder / "songs.db") as db:
        db.execute("CREATE TABLE songs(name)")
    cases = {
        f"sqlite:{folder}/text.db": (1, f"{folder}/text.db: file is not a database"),
        f"sqlite:{folder}/songs.db": (1, f"{folder}/songs.db: is another program's database; nothing was changed"),
        f"sqlite:{folder}/no/x.db": (1, f"{folder}/no/x.db: No such file or directory"),
        f"sqlite:{folder}": (1, f"{folder}: Is a directory"),
        "sqlite:": (2, "store 'sqlite:': the file is missing; sqlite:PATH"),
        "sqlite:x.db?keep=1d": (2, "store 'sqlite:': unknown option 'keep=1d'; known are: retention=DURATION, partition=DURATION"),
    }
    for url, (status, line) in cases.items():
        done = run("--store", url, path, cwd=folder)
        assert done.returncode == status, (url, done.stderr)
        assert done.stderr == f"pcap-analyzer: {line}\n", (url, done.stderr)


def in_mount_namespace(script, *args):
    """Runs a shell script where it may mount; None where this user may not."""
    prefix = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--mount", "--map-root-user"]
    if subprocess.run(prefix + ["true"], capture_output=True, check=False).returncode != 0:
        return None
    return subprocess.run(prefix + ["sh", "-ec", script, "sh", *map(str, args)], capture_output=True, text=True, check=False)


def test_a_full_disk_ends_the_run_and_leaves_whole_epochs(folder):
    path = many_epochs(folder, 40, 4000)
    (folder / "disk").mkdir()
    done = in_mount_namespace(
        'mount -t tmpfs -o size=4m none "$1/disk"; "$2" -p 1s --store "sqlite:$1/disk/x.db" "$3" > "$1/out" 2> "$1/err" && exit 9; '
        'cp "$1/disk/"x.db* "$1"', folder, ANALYZER, path)
    if done is None:
        print("no mount namespaces here: not tested")
        return
    assert done.returncode == 0, done
    assert (folder / "err").read_text() == f"pcap-analyzer: {folder}/disk/x.db: database or disk is full\n"
    with database(folder / "x.db") as db:
        assert value(db, "PRAGMA integrity_check") == "ok"
        epochs = value(db, "SELECT count(*) FROM epochs")
        assert 1 <= epochs < 40, epochs
        assert rows(db, "SELECT start_ns, count(*) FROM records GROUP BY 1 ORDER BY 1") == [
            (START + e * 10**9, 4000) for e in range(epochs)]


def test_a_read_only_disk_is_named(folder):
    path = many_epochs(folder, 1, 1)
    (folder / "disk").mkdir()
    assert run("--store", f"sqlite:{folder}/disk/x.db", path).returncode == 0
    done = in_mount_namespace(
        'mount --bind -o ro "$1/disk" "$1/disk"; mount -o remount,ro,bind "$1/disk"; "$2" --store "sqlite:$1/disk/x.db" "$3" > /dev/null',
        folder, ANALYZER, path)
    if done is None:
        print("no mount namespaces here: not tested")
        return
    assert done.returncode == 1, done
    assert done.stderr == f"pcap-analyzer: {folder}/disk/x.db: cannot be written\n", done.stderr


def test_after_sigkill_every_epoch_is_whole(folder):
    capture = many_epochs(folder, 300, 500)
    numbers = random.Random(5)
    stored = []
    for i in range(12):
        path = folder / f"{i}.db"
        with subprocess.Popen([ANALYZER, "-p", "1s", "--store", f"sqlite:{path}", capture], stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL) as process:
            while not path.exists() and process.poll() is None:
                time.sleep(0.001)
            time.sleep(numbers.uniform(0, 0.3))
            process.send_signal(signal.SIGKILL)
        with database(path) as db:
            assert value(db, "PRAGMA integrity_check") == "ok"
            if value(db, "SELECT count(*) FROM sqlite_master WHERE name = 'records'") == 0:
                continue
            found = rows(db, "SELECT start_ns, count(*), sum(packets) FROM records GROUP BY 1 ORDER BY 1")
            assert found == [(START + e * 10**9, 500, 500) for e in range(len(found))], path
            assert value(db, "SELECT sum(packets) FROM results") == 500 * len(found) == value(db, "SELECT sum(rx_packets) FROM epochs")
            stored.append(len(found))
    assert any(0 < n < 300 for n in stored), f"no kill met a run in its middle: {stored}"


if __name__ == "__main__":
    main(globals())
