"""What is printed and stored: formats, tasks, filter, store."""
import csv
import io
import json
import os

from harness import CAPTURES, check_books, flows, ipv4_udp, main, run, run_json, summary, write_pcap

SAMPLE = CAPTURES / "sample.pcap"
RECORD_KEYS = ["type", "task", "epoch_start_ns", "src_ip", "dst_ip", "src_port", "dst_port", "protocol", "packets", "bytes",
               "first_seen_ns", "last_seen_ns", "tcp_flags"]
SUMMARY_KEYS = ["type", "files", "packets", "bytes", "ip_packets", "not_ip", "malformed", "overflow_packets", "first_seen_ns",
                "last_seen_ns", "elapsed_s", "read_errors"]


def test_json_has_the_documented_keys_in_order(folder):
    objects = run_json(SAMPLE)
    for o in objects[:-1]:
        assert list(o) == RECORD_KEYS, o
    assert list(objects[-1]) == SUMMARY_KEYS, objects[-1]


def test_json_gives_all_records_and_top_cuts_them(folder):
    everything = run_json(SAMPLE)[:-1]
    assert len(everything) > 20
    assert run_json("-n", 5, SAMPLE)[:-1] == everything[:5]
    sizes = [o["bytes"] for o in everything]
    assert sizes == sorted(sizes, reverse=True)


def test_csv_says_the_same_as_json(folder):
    rows = list(csv.DictReader(io.StringIO(run("-f", "csv", SAMPLE).stdout)))
    records = run_json(SAMPLE)[:-1]
    assert len(rows) == len(records)
    for row, record in zip(rows, records):
        assert {k: v for k, v in row.items() if v != ""} == {k: str(v) for k, v in record.items()}


def test_the_table_names_the_top_flow_and_the_totals(folder):
    text = run(SAMPLE).stdout
    top = run_json("-n", 1, SAMPLE)[0]
    assert top["src_ip"] in text.splitlines()[2] and top["dst_ip"] in text.splitlines()[2]
    assert f"{summary(run_json(SAMPLE))['packets']:,}" in text


def test_output_file_holds_what_standard_output_would(folder):
    run("-f", "csv", "-o", folder / "out.csv", SAMPLE)
    assert (folder / "out.csv").read_text() == run("-f", "csv", SAMPLE).stdout


def test_the_output_is_never_written_over_the_input(folder):
    capture = folder / "in.pcap"
    capture.write_bytes(SAMPLE.read_bytes())
    os.link(capture, folder / "same.pcap")
    for output in (capture, folder / "same.pcap"):
        done = run("-o", output, capture)
        assert done.returncode == 2 and str(output) in done.stderr, done.stderr
        assert capture.read_bytes() == SAMPLE.read_bytes()


def derived_by_hand(records, fields):
    table = {}
    for o in records:
        key = tuple(o[f] for f in fields)
        row = table.setdefault(key, [0, 0, o["first_seen_ns"], o["last_seen_ns"], 0])
        row[0] += o["packets"]
        row[1] += o["bytes"]
        row[2] = min(row[2], o["first_seen_ns"])
        row[3] = max(row[3], o["last_seen_ns"])
        row[4] |= o["tcp_flags"]
    return table


def test_a_derived_task_equals_the_same_task_measured_alone(folder):
    fields = {"src": ["src_ip"], "pair": ["src_ip", "dst_ip"], "port": ["dst_port", "protocol"], "proto": ["protocol"]}
    specs = {name: f"{name}=exact:{','.join(keys)}" for name, keys in fields.items()}
    full = "per_five_tuple=exact:src_ip,dst_ip,src_port,dst_port,protocol"
    together = run_json("-t", full, *(arg for spec in specs.values() for arg in ("-t", spec)), SAMPLE)
    check_books(together)
    five_tuples = [o for o in together if o.get("task") == "per_five_tuple"]
    for name, spec in specs.items():
        derived = [o for o in together if o.get("task") == name]
        alone = run_json("-t", spec, SAMPLE)[:-1]
        assert derived == alone, name
        table = derived_by_hand(five_tuples, fields[name])
        assert {tuple(o[f] for f in fields[name]): [o["packets"], o["bytes"], o["first_seen_ns"], o["last_seen_ns"], o["tcp_flags"]]
                for o in derived} == table, name


def test_a_task_over_the_vlan_tells_flows_apart_that_differ_only_there(folder):
    objects = run_json("-t", "v=exact:src_ip,dst_ip,vlan", CAPTURES / "two_vlans.pcap")
    check_books(objects)
    assert len({o["vlan"] for o in objects[:-1]}) >= 2
    by_pair = {}
    for o in objects[:-1]:
        by_pair.setdefault((o["src_ip"], o["dst_ip"]), []).append(o["vlan"])
    assert any(len(vlans) > 1 for vlans in by_pair.values())


def test_a_full_table_counts_the_rest_as_overflow(folder):
    path = folder / "many.pcap"
    write_pcap(path, [(10**18 + i, ipv4_udp("192.0.2.1", "192.0.2.2", i % 1000, 53)) for i in range(5000)])
    objects = run_json("-t", "flows=exact:src_ip,src_port:capacity=100", "-t", "hosts=exact:src_ip", path)
    check_books(objects)
    overflow = {o["task"]: o["packets"] for o in objects if o["type"] == "overflow"}
    assert overflow == {"flows": 4500, "hosts": 4500}
    assert summary(objects)["overflow_packets"] == 4500
    assert len([o for o in objects if o.get("task") == "flows" and o["type"] == "record"]) == 100
    assert "capacity" in run("-t", "flows=exact:src_ip,src_port:capacity=100", path).stdout


def test_without_a_capacity_every_flow_of_the_capture_has_a_record(folder):
    path = folder / "flows.pcap"
    write_pcap(path, [(10**18 + i, ipv4_udp(f"10.{i >> 16}.{i >> 8 & 255}.{i & 255}", "192.0.2.2", 1, 53, payload=0)) for i in range(50_000)])
    objects = run_json(path)
    assert len(objects) == 50_001 and summary(objects)["overflow_packets"] == 0


def test_the_filter_counts_what_it_refuses(folder):
    whole = run_json(SAMPLE)
    some = run_json("--filter", "tcp port 80", SAMPLE)
    check_books(some)
    assert 0 < summary(some)["packets"] < summary(whole)["packets"]
    assert summary(some)["packets"] + summary(some)["filtered_out"] == summary(whole)["packets"]
    # The filter does not look behind a VLAN tag; the flows it lets through are whole ones or parts of them.
    assert all(80 in (o["src_port"], o["dst_port"]) and o["protocol"] == 6 for o in some[:-1])
    for workers in (2, 4):
        assert run_json("--filter", "tcp port 80", "-w", workers, SAMPLE)[:-1] == some[:-1]


def test_the_store_holds_each_epoch_and_task_and_refuses_a_second_run(folder):
    args = ("-p", "1s", "-t", "src=exact:src_ip", "-t", "dst=exact:dst_ip", "--store", f"files:{folder / 'db'}")
    objects = run_json(*args, SAMPLE)
    stored, ledgers = [], 0
    for path in sorted((folder / "db").rglob("*.jsonl")):
        for line in path.read_text().splitlines():
            o = json.loads(line)
            if o["type"] == "ledger":
                ledgers += 1
            else:
                stored.append(o)
    order = lambda o: json.dumps(o, sort_keys=True)
    assert sorted(stored, key=order) == sorted(objects[:-1], key=order)
    epochs = {o["epoch_start_ns"] for o in objects[:-1]}
    assert ledgers == 2 * len(epochs) and len(epochs) > 3
    before = {p: p.read_bytes() for p in (folder / "db").rglob("*.jsonl")}
    done = run(*args, SAMPLE)
    assert done.returncode == 1 and str(folder / "db") in done.stderr
    assert {p: p.read_bytes() for p in (folder / "db").rglob("*.jsonl")} == before


def test_the_documented_configuration_runs(folder):
    text = (CAPTURES.parents[1] / "docs" / "pcap-analyzer.yaml").read_text()
    (folder / "c.yaml").write_text(text)
    done = run("-c", folder / "c.yaml", "-o", "-", "-f", "json", SAMPLE, cwd=folder, env={**os.environ, "HOME": str(folder)})
    assert done.returncode == 0, done.stderr
    assert summary([json.loads(line) for line in done.stdout.splitlines()])["packets"] > 0


def test_progress_is_on_standard_error_only(folder):
    done = run("--progress", "always", "-f", "json", SAMPLE)
    assert "packets/s" in done.stderr and "packets/s" not in done.stdout
    assert run("--progress", "never", SAMPLE).stderr == ""
    assert run(SAMPLE).stderr == "", "no terminal, no bar"


if __name__ == "__main__":
    main(globals())
