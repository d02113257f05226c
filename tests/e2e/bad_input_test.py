"""Bad input: one clear line that names the culprit, a non-zero status, and nothing measured is lost."""
import gzip
import json
import os
import signal
import struct
import subprocess
import time

from harness import ANALYZER, CAPTURES, ipv4_udp, main, run, run_json, summary, write_pcap

FRAME = ipv4_udp("192.0.2.1", "192.0.2.2", 1, 2)


def good(path, packets=10):
    write_pcap(path, [(1_700_000_000 * 10**9 + i, FRAME) for i in range(packets)])
    return path


def one_line(done, *words, status=1):
    assert done.returncode == status, (done.returncode, done.stderr)
    lines = done.stderr.splitlines()
    assert len(lines) == 1, lines
    for word in words:
        assert str(word) in lines[0], (word, lines[0])


def test_files_that_cannot_be_read_at_all(folder):
    (folder / "empty.pcap").touch()
    (folder / "text.pcap").write_text("not a capture\n" * 10)
    (folder / "header.pcap").write_bytes(good(folder / "g.pcap").read_bytes()[:20])
    (folder / "gz.pcap").write_bytes(gzip.compress(good(folder / "g.pcap").read_bytes()))
    write_pcap(folder / "link.pcap", [(1, FRAME)], link=105)
    os.mkfifo(folder / "fifo")
    for name, word in (("none.pcap", "No such file"), ("empty.pcap", "empty"), ("text.pcap", "not a capture"),
                       ("header.pcap", "header"), ("gz.pcap", "gzip"), ("link.pcap", "105"), ("fifo", "regular")):
        done = run(folder / name)
        one_line(done, folder / name, word)
        assert done.stdout == ""
    one_line(run(folder), folder, "directory")


def test_an_unreadable_file(folder):
    secret = good(folder / "secret.pcap")
    secret.chmod(0)
    folder.chmod(0o755)
    if os.getuid() != 0:
        return one_line(run(secret), secret, "Permission denied")
    one_line(run(secret, user="nobody", cwd="/"), secret, "Permission denied")


def test_a_file_that_breaks_off_gives_its_whole_packets(folder):
    whole = good(folder / "whole.pcap").read_bytes()
    record = 16 + len(FRAME)
    for cut in range(24, len(whole)):
        if cut % 7 and (cut - 24) % record:  # every record end, and a sample of the rest
            continue
        (folder / "cut.pcap").write_bytes(whole[:cut])
        clean = (cut - 24) % record == 0
        done = run("-f", "json", folder / "cut.pcap")
        objects = [json.loads(line) for line in done.stdout.splitlines()]
        assert summary(objects)["packets"] == (cut - 24) // record, cut
        assert bool(summary(objects)["read_errors"]) != clean, cut
        if clean:
            assert done.returncode == 0 and done.stderr == ""
        else:
            one_line(done, folder / "cut.pcap", f"after {(cut - 24) // record} packets")


def test_a_garbage_record_length(folder):
    data = bytearray(good(folder / "g.pcap").read_bytes())
    struct.pack_into("<I", data, 24 + 5 * (16 + len(FRAME)) + 8, 0x7fffffff)
    (folder / "garbage.pcap").write_bytes(data)
    done = run("-f", "json", folder / "garbage.pcap")
    one_line(done, folder / "garbage.pcap", "after 5 packets")
    assert summary([json.loads(line) for line in done.stdout.splitlines()])["packets"] == 5


def test_of_two_files_the_good_one_is_measured(folder):
    (folder / "empty.pcap").touch()
    for workers in (1, 2):
        for files in ((good(folder / "g.pcap"), folder / "empty.pcap"), (folder / "empty.pcap", good(folder / "g.pcap"))):
            objects = run_json("-w", workers, *files, status=1)
            assert summary(objects)["packets"] == 10
            assert len(summary(objects)["read_errors"]) == 1
            assert str(folder / "empty.pcap") in summary(objects)["read_errors"][0]


def test_a_path_with_commas_equals_signs_and_spaces(folder):
    strange = folder / "a, b=c;d 'e' \"f\"\n.pcap"
    good(strange)
    for workers in (1, 2):
        objects = run_json("-w", workers, strange)
        assert summary(objects)["packets"] == 10
        assert summary(objects)["files"] == [str(strange)]


def test_the_same_file_twice_counts_twice(folder):
    path = good(folder / "g.pcap")
    for workers in (1, 2, 3):
        assert summary(run_json("-w", workers, path, path))["packets"] == 20


def test_the_bad_captures_of_the_project(folder):
    names = sorted(p for p in (CAPTURES / "bad").iterdir())
    assert len(names) >= 8
    for path in names:
        one_line(run(path), path)


def test_a_full_disk_is_an_error_and_not_a_silent_cut(folder):
    path = good(folder / "g.pcap")
    for form in ("table", "json", "csv"):
        one_line(run("-f", form, "-o", "/dev/full", path), "/dev/full", "No space left on device")
        with open("/dev/full", "w") as full:
            one_line(run("-f", form, path, stdout=full), "standard output", "No space left on device")


def test_an_output_that_cannot_be_opened(folder):
    path = good(folder / "g.pcap")
    one_line(run("-o", folder / "none" / "out.json", path), folder / "none" / "out.json", "No such file")
    one_line(run("--store", f"files:{path}", path), path)
    one_line(run("--store", "tape:x", path), "tape", status=2)


def test_wrong_usage(folder):
    path = good(folder / "g.pcap")
    for args, word in (((), "FILE"), (("-w", "0", path), "-w"), (("-f", "xml", path), "xml"), (("-p", "10", path), "10"),
                       (("-t", "a=exact:colour", path), "colour"), (("--nonsense", path), "--nonsense"),
                       (("--filter", "this is no filter", path), "this is no filter"),
                       (("-c", folder / "none.yaml", path), folder / "none.yaml")):
        done = run(*args)
        assert done.returncode == 2, (args, done.returncode, done.stderr)
        assert str(word) in done.stderr, (args, done.stderr)
        assert done.stdout == ""


def test_all_configuration_mistakes_are_told_at_once(folder):
    (folder / "c.yaml").write_text("workers: many\nperiod: 5\ntasks:\n  - {name: a, kind: exact, fields: [src_ip, colour]}\nfromat: json\n")
    done = run("-c", folder / "c.yaml", good(folder / "g.pcap"))
    assert done.returncode == 2
    for line, word in ((1, "workers"), (2, "period"), (4, "colour"), (5, "fromat")):
        assert any(f"{folder / 'c.yaml'}:{line}" in text and word in text for text in done.stderr.splitlines()), (line, done.stderr)


def test_eal_arguments_go_to_the_eal_and_its_refusal_is_told(folder):
    path = good(folder / "g.pcap")
    done = run("--no-huge", "--no-shconf", "--no-pci", "--no-telemetry", "-m", "128", "--lcores", "0@0,1@0", "--", "-f", "json", path)
    assert done.returncode == 0 and summary([json.loads(line) for line in done.stdout.splitlines()])["packets"] == 10
    done = run("--no-huge", "--no-shconf", "--no-pci", "--no-telemetry", "-m", "128", "--lcores", "0@0", "--", path)
    one_line(done, "lcores", status=2)
    done = run("-h", "--", path)
    one_line(done, "-h", status=2)
    done = run("--no-such-eal-option", "--", path)
    assert done.returncode == 1 and "--no-such-eal-option" in done.stderr


def test_an_interrupt_ends_the_run_and_prints_what_was_measured(folder):
    big = folder / "big.pcap"
    write_pcap(big, [(1_700_000_000 * 10**9 + i, FRAME) for i in range(200_000)])
    files = [big] * 400  # far more than can be read before the signal comes
    for workers in (1, 2):
        process = subprocess.Popen([ANALYZER, "-f", "json", "-w", str(workers), *map(str, files)],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        time.sleep(1.5)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
        objects = [json.loads(line) for line in out.splitlines()]
        assert process.returncode == 1, (process.returncode, err)
        assert 0 < summary(objects)["packets"] < 400 * 200_000
        assert sum(o["packets"] for o in objects if o["type"] == "record") == summary(objects)["packets"]
        assert any("interrupted" in error for error in summary(objects)["read_errors"])


def test_a_second_signal_ends_a_run_that_cannot_write(folder):
    path = folder / "flows.pcap"
    write_pcap(path, [(10**18 + i, ipv4_udp(f"10.0.{i >> 8}.{i & 255}", "192.0.2.2", i % 7, 2)) for i in range(30_000)])
    process = subprocess.Popen([ANALYZER, "-f", "json", str(path)], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    time.sleep(1.5)  # nobody reads: it stands in write()
    assert process.poll() is None
    for _ in range(2):
        process.send_signal(signal.SIGTERM)
        time.sleep(0.2)
    assert process.wait(timeout=10) == -signal.SIGTERM
    process.stdout.close()
    process.stderr.close()


def test_an_interrupted_or_broken_capture_is_marked_in_the_store(folder):
    data = good(folder / "g.pcap").read_bytes()
    (folder / "cut.pcap").write_bytes(data[:-5])
    run("--store", f"files:{folder / 'db'}", folder / "cut.pcap")
    run("--store", f"files:{folder / 'whole'}", folder / "g.pcap")
    ledgers = [json.loads(next((folder / db).rglob("*.jsonl")).read_text().splitlines()[-1]) for db in ("db", "whole")]
    assert "cut.pcap" in ledgers[0]["read_errors"][0] and ledgers[0]["rx_packets"] == 9
    assert ledgers[1]["read_errors"] == [] and ledgers[1]["rx_packets"] == 10


def test_errors_are_told_in_the_order_of_the_files(folder):
    data = good(folder / "g.pcap").read_bytes()
    files = []
    for i in range(12):
        files.append(folder / f"{i}.pcap")
        files[-1].write_bytes(data[:len(data) - 1 - i] if i % 3 else b"")
    for workers in (1, 3, 16):
        errors = summary(run_json("-w", workers, *files, status=1))["read_errors"]
        assert [error.split(":")[0] for error in errors] == [str(f) for f in files]


def test_a_capture_that_grows_is_measured_as_it_was_when_opened(folder):
    path = folder / "growing.pcap"
    record = struct.pack("<IIII", 1_700_000_000, 0, len(FRAME), len(FRAME)) + FRAME
    for workers in (1, 2):
        good(path, 400_000)
        process = subprocess.Popen([ANALYZER, "-f", "json", "-w", str(workers), *[str(path)] * 6], stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True)
        with open(path, "ab") as f:
            while process.poll() is None:
                f.write(record * 100)
                f.flush()
                time.sleep(0.001)
        out, err = process.communicate()
        assert "internal error" not in err, err
        objects = [json.loads(line) for line in out.splitlines()]
        assert summary(objects)["packets"] >= 6 * 400_000


def test_a_capture_that_is_cut_shorter_meanwhile_ends_with_an_error_and_a_result(folder):
    copies = 120  # some seconds of work, of which the cut takes most away
    path = folder / "shrinking.pcap"
    for workers in (1, 2):
        for suffix in ("pcap", "pcapng"):
            good(path, 400_000)
            target = path
            if suffix == "pcapng":
                target = folder / "shrinking.pcapng"
                write_pcapng(target, 400_000)
            process = subprocess.Popen([ANALYZER, "-f", "json", "-w", str(workers), *[str(target)] * copies], stdout=subprocess.PIPE,
                                       stderr=subprocess.PIPE, text=True)
            time.sleep(0.8)
            os.truncate(target, 0)
            out, err = process.communicate(timeout=60)
            assert process.returncode == 1, (process.returncode, err)
            assert "internal error" not in err, err
            objects = [json.loads(line) for line in out.splitlines()]
            assert 0 < summary(objects)["packets"] < copies * 400_000
            assert summary(objects)["packets"] == summary(objects)["ip_packets"]


def write_pcapng(path, packets):
    block = struct.pack("<IIIIIII", 6, 32 + (len(FRAME) + 3) // 4 * 4, 0, 395812, 0, len(FRAME), len(FRAME)) + FRAME
    block += bytes(-len(FRAME) % 4) + struct.pack("<I", 32 + (len(FRAME) + 3) // 4 * 4)
    head = struct.pack("<IIIHHqI", 0x0a0d0d0a, 28, 0x1a2b3c4d, 1, 0, -1, 28) + struct.pack("<IIHHII", 1, 20, 1, 0, 0, 20)
    path.write_bytes(head + block * packets)


def test_the_greatest_number_of_workers_works(folder):
    path = good(folder / "g.pcap", 1000)
    assert summary(run_json("-w", 16, path))["packets"] == 1000
    assert summary(run_json("-w", 16, *[path] * 50))["packets"] == 50_000
    assert run("-w", 17, path).returncode == 2


def test_the_output_never_overwrites_an_input_that_cannot_be_read(folder):
    good(folder / "g.pcap")
    (folder / "bad.pcap").write_text("precious")
    done = run("-o", folder / "bad.pcap", folder / "g.pcap", folder / "bad.pcap")
    assert done.returncode == 2 and (folder / "bad.pcap").read_text() == "precious"


def test_with_closed_standard_descriptors_nothing_is_lost_silently(folder):
    path = good(folder / "g.pcap")
    done = subprocess.run(["sh", "-c", 'exec "$0" -f json "$1" >&-', ANALYZER, path], capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "standard output" in done.stderr
    out = folder / "out.json"
    done = subprocess.run(["sh", "-c", 'exec "$0" -f json -o "$1" "$2" "$3" <&- >&- 2>&-', ANALYZER, out, path, folder / "none.pcap"],
                          check=False)
    assert done.returncode == 1
    assert [json.loads(line)["type"] for line in out.read_text().splitlines()] == ["record", "summary"]


def test_help_and_version_need_nothing(folder):
    for option in ("--help", "--version"):
        done = run(option, env={"PATH": "/nonexistent"}, cwd="/")
        assert done.returncode == 0 and "pcap-analyzer" in done.stdout and done.stderr == ""


def test_as_an_ordinary_user_without_hugepages(folder):
    if os.getuid() != 0:
        return  # the other tests have just done that
    folder.chmod(0o755)
    path = good(folder / "g.pcap")
    path.chmod(0o644)
    for workers in (1, 2):
        objects = run_json("-w", workers, path, user="nobody", group="nogroup", cwd="/")
        assert summary(objects)["packets"] == 10


if __name__ == "__main__":
    main(globals())
