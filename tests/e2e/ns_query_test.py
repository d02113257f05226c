"""ns-query as people and scripts run it, against an engine's answers as documented, odd ones among them.

Environment: NS_QUERY = the program. Standard library and openssl.
"""
import json
import os
import signal
import ssl
import subprocess
import time

import harness
from api_stub import START_NS, TASKS, Stub, alert, answer, books, epoch, ledger, probe, record, task
from nats import free_port, wait_for

QUERY = os.environ.get("NS_QUERY", str(harness.ROOT / "build" / "app" / "ns-query" / "ns-query"))
ENVIRONMENT = {name: value for name, value in os.environ.items()
               if name != "NETSPECTRA_TOKEN" and not name.lower().endswith("_proxy")}


def run(*args, status=0, environment=None, **options):
    """(standard output, standard error)"""
    options.setdefault("stdout", subprocess.PIPE)
    done = subprocess.run([QUERY, *map(str, args)], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, timeout=60,
                          env={**ENVIRONMENT, **(environment or {})}, check=False, **options)
    assert done.returncode == status, f"exit status {done.returncode}, not {status}: {done.stderr}{done.stdout}"
    return done.stdout, done.stderr


def asked(stub, question):
    return [parameters for known, parameters, _ in stub.asked if known == question]


def lines(text):
    return [line.rstrip() for line in text.splitlines()]


def test_help_and_version_need_no_server(_):
    out, err = run("--help", "--url", "nonsense")
    assert out.startswith("Usage: ns-query") and "Exit status" in out and not err
    assert max(map(len, out.splitlines())) <= 120
    out, err = run("--version")
    assert out.startswith("ns-query ") and not err


def test_all_mistakes_are_told_at_once_with_status_2(folder):
    _, err = run("tops", "more", "--url", "127.0.0.1:8080", "--format", "xml", "--token-file", folder / "none", "--tsk=x", status=2)
    assert len(err.splitlines()) == 6, err
    for part in ('did you mean "top"', '"more": is neither', "--url 127.0.0.1:8080: must be http://", "--format xml: is unknown",
                 "none: cannot be read", "did you mean --task"):
        assert part in err, (part, err)
    for args in ([], ["live", "--task", "x"], ["top", "--duration", "1s"], ["top", "--limit"], ["top", "--url", "http://u:p@h/"],
                 ["top", "--url", "http://h/?x"], ["top", "--url", "ftp://h"], ["top", "--", "x"]):
        run(*args, status=2)


def test_top_without_a_task_is_of_the_first_exact_one(_):
    rows = [record(), record(src_ip="2001:db8::1", src_port=1, protocol=17, packets=1_234_567, bytes=1_500_000, tcp_flags=0)]
    with Stub() as stub:
        stub.answers["top"] = answer(rows)
        out, err = run("--url", stub.url, "top")
        assert asked(stub, "top") == [{"task": "per_five_tuple"}]
        assert not err
    assert lines(out) == [
        "top of per_five_tuple: 2 rows",
        "  source        port  destination  port  protocol    packets    bytes  first seen (UTC)     last seen (UTC)      flags",
        "  192.0.2.1    35731  192.0.2.2     443  TCP              65  10.3 kB  2026-11-23 01:54:36  2026-11-23 01:54:44  APSF",
        "  2001:db8::1      1  192.0.2.2     443  UDP       1,234,567   1.5 MB  2026-11-23 01:54:36  2026-11-23 01:54:44  -",
        "",
        "Ledger",
        "  measured      3 epochs, 2026-11-23 01:54:30 to 2026-11-23 01:54:45 UTC (15.0 s)",
        "  received      1,097 packets (247.8 kB)",
        "  counted       1,085 packets",
        "  not IP        12 packets",
        "  lost          nothing was lost"], out


def test_parameters_go_out_as_they_were_given(_):
    given = {"task": "a b", "from": "-15m", "to": "2026-01-31T12:00:00+01:00", "by": "src_ip,dst_ip",
             "where": "src_ip in 10.0.0.0/8 and dst_port = 443 & 100% é", "order": "packets", "limit": "7", "bucket": "60s",
             "site": "ams", "probe": "edge-1", "threshold": "0.1%"}
    with Stub() as stub:
        run("aggregate", "--url", stub.url + "/", *[f"--{name}={value}" for name, value in given.items()])
        assert asked(stub, "aggregate") == [given]
        assert not asked(stub, "tasks")


def test_json_is_the_answer_as_it_came(_):
    body = '{"rows": [ {"src_ip":"10.0.0.1","packets":18446744073709551615,"note":"é \\u001b"} ],"ledger":{"x":1.50},\n"next":null}\n'
    with Stub() as stub:
        stub.answers["top"] = body
        out, _ = run("--url", stub.url, "top", "--task", "x", "-f", "json")
        assert out == body


def test_numbers_above_2_to_the_53_are_exact(_):
    with Stub() as stub:
        stub.answers["aggregate"] = answer([record(packets=2**64 - 1), record(packets=2**53 + 1)], ledger(rx_packets=2**53 + 13,
                                                                                                       counted_packets=2**53 + 1))
        out, _ = run("--url", stub.url, "aggregate", "--task", "x")
        for text in ("18,446,744,073,709,551,615", "9,007,199,254,740,993", "9,007,199,254,741,005 packets"):
            assert text in out, out
        assert "nothing was lost" in out, out


def test_all_follows_next(_):
    pages = {None: answer([record(packets=1)], next_page="1-0-9"), "1-0-9": answer([record(packets=2)], next_page="2-0-9"),
             "2-0-9": answer([record(packets=3)])}
    with Stub() as stub:
        stub.answers["records"] = lambda parameters: pages[parameters.get("cursor")]
        out, _ = run("--url", stub.url, "records", "--task", "t", "--limit", 1, "--all")
        assert out.startswith("records of t: 3 rows\n") and out.count("192.0.2.1") == 3, out
        assert asked(stub, "records") == [{"task": "t", "limit": "1", **c} for c in ({}, {"cursor": "1-0-9"}, {"cursor": "2-0-9"})]
        out, _ = run("--url", stub.url, "records", "--task", "t", "--all", "--format", "json")
        assert [json.loads(line)["rows"][0]["packets"] for line in out.splitlines()] == [1, 2, 3]
        out, _ = run("--url", stub.url, "records", "--task", "t")
        assert out.startswith("records of t: 1 row, and there are more"), out
        stub.answers["records"] = answer([], next_page="1-0-9")
        _, err = run("--url", stub.url, "records", "--task", "t", "--all", status=1)
        assert "the same page again" in err, err


def table_of(rows, *args, **more):
    with Stub() as stub:
        stub.answers["top"] = answer(rows, **more)
        return run("--url", stub.url, "top", "--task", "t", *args)[0]


def test_estimates_stand_with_their_bounds(_):
    out = table_of([{"src_ip": "10.0.0.1", "packets": 1000, "bytes": 5000, "error_packets": 12, "error_bytes": 600}],
                   estimates=[{"threshold": 100, "standard_error": 0}])
    assert lines(out)[1:3] == ["  source    packets  too high by at most   bytes  too high by at most",
                               "  10.0.0.1    1,000                   12  5.0 kB                600 B"], out
    assert "Listed from 100 on." in out, out
    out = table_of([{"src_ip": "10.0.0.1", "spread": 812, "standard_error": 0.0325, "low": 759, "high": 865}],
                   estimates=[{"threshold": 100, "standard_error": 0.0325}])
    assert lines(out)[1:3] == ["  source    distinct elements  standard error  at least  at most",
                               "  10.0.0.1                812         +-3.2 %       759      865"], out
    assert "standard error +-3.2 %" in out, out
    out = table_of([{"cardinality": 35, "standard_error": 0, "low": 35, "high": 35}], estimates=[{"standard_error": 0}])
    assert "at least" not in out and "No standard error" in out, out


def ledger_lines(**changes):
    out = table_of([], book=ledger(**changes))
    return out[out.index("Ledger"):]


def test_each_loss_is_told_and_then_nothing_else_is_claimed(_):
    for name, words in (("nic_missed", "2 packets missed by the NIC"), ("no_mbuf", "2 packets dropped by the driver"),
                        ("nic_errors", "2 packets refused by the NIC"), ("kernel_dropped", "2 packets dropped by the kernel"),
                        ("missing_snapshots", "2 snapshots that never came"), ("incomplete_epochs", "2 epochs unfinished"),
                        ("faults", "2 faults"), ("expired_epochs", "2 epochs no longer kept")):
        out = ledger_lines(**{name: 2})
        assert f"  LOST          {words}" in out and "nothing" not in out, out
    out = ledger_lines(overflow_packets=85, counted_packets=1000)
    assert "LOST          85 packets unattributed: the task's table was full\n" in out and "nothing" not in out, out
    out = ledger_lines(counted_packets=1080)
    assert "LOST          5 packets received, but in no record" in out and "nothing" not in out, out
    out = ledger_lines(malformed={"ipv4_bad_ihl": 3, "from_the_future": 4}, not_ip=5)
    assert "malformed     7 packets: 3 IPv4 header length below 20, 4 from_the_future" in out and "nothing was lost" in out, out
    assert "nothing was measured" in ledger_lines(epochs=0, rx_packets=0, counted_packets=0, not_ip=0)


def test_times_without_an_epoch_are_told(_):
    with Stub() as stub:
        stub.answers["probes"] = answer([{**probe("edge-1"), "gaps": 2, "gap_ns": 15 * 10**9},
                                         {**probe("edge-2"), "gaps": 1, "gap_ns": 5 * 10**9}], books())
        for command in (("top", "--task", "t", "--from", "1", "--site", "ams", "--limit", "3"), ("probes", "--from", "1", "--site", "ams")):
            out, _ = run("--url", stub.url, *command)
            assert "gaps          20.0 s in 3 gaps: not measured then, or never come\n" in out, out
            assert "lost          nothing of what is stored" in out, out
        assert asked(stub, "probes") == [{"from": "1", "site": "ams"}] * 2
        run("--url", stub.url, "top", "--from", "1", "--probe", "edge-1")
        assert asked(stub, "tasks") == [{"from": "1", "probe": "edge-1"}], "a task that is there then"


def test_without_a_whole_ledger_nothing_is_claimed(_):
    for book, words in ((None, "is not known"), ("none", "is not known"), ({}, "does not say nic_missed, no_mbuf, kernel_dropped"),
                        ({"nic_missed": 0, "no_mbuf": 0, "kernel_dropped": -1, "missing_snapshots": 0, "incomplete_epochs": 0},
                         "does not say kernel_dropped")):
        with Stub() as stub:
            stub.answers["top"] = {"rows": [], "ledger": book, "next": None}
            out, _ = run("--url", stub.url, "top", "--task", "t")
            assert words in out and "nothing was lost" not in out, out


def test_tasks_probes_and_alerts_are_readable(_):
    with Stub() as stub:
        out, _ = run("--url", stub.url, "tasks")
        assert "per_five_tuple  exact           src_ip, dst_ip, src_port, dst_port, protocol" in out, out
        stub.answers["probes"] = answer([probe("edge-1"), probe("edge-2", nic_missed=7, missing_snapshots=1)], books())
        out, _ = run("--url", stub.url, "probes")
        rows = [line for line in out.splitlines() if " edge-" in line]
        assert rows[0].endswith("nothing") and rows[1].endswith(
            "7 packets missed by the NIC, whose queue was full; 1 snapshot that never came"), out
        out, _ = run("--url", stub.url, "alerts")
        assert out == "alerts: no rows\n", out
        stub.answers["alerts"] = {"rows": [alert()], "next": None}
        out, _ = run("--url", stub.url, "alerts")
        assert lines(out)[2] == ("  firing  critical  2026-11-23 01:54:30  "
                                 "syn_flood on ams/edge-1: dst_ip 192.0.2.2: 5000 records, above 1000"), out


def test_an_engine_without_tasks_is_told_from_one_without_exact_ones(_):
    with Stub() as stub:
        stub.answers["tasks"] = answer([], books())
        assert "nothing is stored yet" in run("--url", stub.url, "top", status=1)[1]
        stub.answers["tasks"] = answer([task("scan", "super_spreader")], books())
        assert "no exact task is stored" in run("--url", stub.url, "top", status=1)[1]


def test_what_the_server_says_is_one_line_and_status_1(_):
    for given, words in (((400, '{"error":"where: \\"10.1.2.3/8\\" has\\nbits beyond its prefix"}'), 'where: "10.1.2.3/8" has?bits beyond'),
                         ((502, "<html>Bad gateway</html>"), "HTTP status 502"), ((500, ""), "HTTP status 500"),
                         ((302, "{}"), "HTTP status 302"), ((200, "hello"), "no JSON object"), ((200, "[]"), "no JSON object"),
                         ((200, "{}"), "no rows"), ((200, '{"rows":[1]}'), "no rows"), ((200, ""), "no JSON object"),
                         ((200, "[" * 100_000), "no JSON object"), ((200, '{"rows":[{"a":"\\ud800"}]}'), "no JSON object")):
        with Stub() as stub:
            stub.answers["top"] = given
            out, err = run("--url", stub.url, "top", "--task", "t", status=1)
            assert not out and words in err and len(err.splitlines()) == 1, (given, err)
            assert not asked(stub, "tasks"), "a redirection was followed"
    _, err = run("--url", f"http://127.0.0.1:{free_port()}", "tasks", status=1)
    assert "onnect" in err and len(err.splitlines()) == 1, err


def test_odd_rows_are_shown_as_far_as_they_go(_):
    deep = 1
    for _ in range(40):
        deep = {"d": deep}
    out = table_of([{"a": None, "b": True, "c": [1, "x"], "d": {"e": {"f": 1}}, "packets": "many", "bytes": -1, "protocol": 999},
                    {"start_ns": 2**64 - 1, "period_ns": 0, "spread": 1.5, "deep": deep, "src_ip": "x" * 500}])
    assert "many" in out and "999" in out and "..." in out, out
    assert table_of([{}, {}]).startswith("top of t: 2 rows\n")


def test_nothing_from_the_network_reaches_the_terminal_as_a_command(_):
    evil = "\x1b]0;x\x07\x9b31m\x7f\u202eé"
    with Stub() as stub:
        stub.answers["tasks"] = answer([{**TASKS[1], "name": evil, evil: evil}], {**books(), "malformed": {evil: 1}})
        stub.answers["alerts"] = json.dumps({"rows": [{"summary": "\x7f\x9b"}], "next": None}, ensure_ascii=False)
        out = run("--url", stub.url, "tasks")[0] + run("--url", stub.url, "top")[0]
        stub.answers["probes"] = (400, json.dumps({"error": evil}, ensure_ascii=False))
        out += run("--url", stub.url, "probes", status=1)[1]
        assert "?]0;x??31m???" in out, out
        assert all(c == "\n" or " " <= c < "\x7f" for c in out), out
        out, _ = run("--url", stub.url, "alerts", "-f", "json")
        assert "\x7f" not in out and "\x9b" not in out and json.loads(out)["rows"] == [{"summary": "\x7f\x9b"}], out


def test_the_token_comes_from_a_file_or_the_environment(folder):
    (folder / "token").write_text("s3cret\n")
    (folder / "bad").write_text("two words\n")
    (folder / "empty").write_text("\n")
    with Stub(token="s3cret") as stub:
        run("--url", stub.url, "tasks", "--token-file", folder / "token")
        run("--url", stub.url, "tasks", environment={"NETSPECTRA_TOKEN": "s3cret"})
        run("--url", stub.url, "tasks", "--token-file", folder / "token", environment={"NETSPECTRA_TOKEN": "wrong"})
        assert all("s3cret" not in str(parameters) for _, parameters, _ in stub.asked)
        _, err = run("--url", stub.url, "tasks", status=1)
        assert "a token is needed (--token-file FILE, or NETSPECTRA_TOKEN)" in err, err
        _, err = run("--url", stub.url, "tasks", environment={"NETSPECTRA_TOKEN": "wr0ng"}, status=1)
        assert "wr0ng" not in err and "--token-file" not in err, err
        _, err = run("--url", stub.url, "live", status=1)
        assert "a token is needed" in err, err
    for name in ("bad", "empty"):
        assert "holds no token" in run("tasks", "--token-file", folder / name, status=2)[1]
    assert "NETSPECTRA_TOKEN: holds no token" in run("tasks", environment={"NETSPECTRA_TOKEN": "a\nb"}, status=2)[1]


def test_tls_is_checked_against_the_given_authority(folder):
    for name in ("good", "other"):
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                        "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", folder / f"{name}.key",
                        "-out", folder / f"{name}.pem"], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "good.pem", folder / "good.key")
    with Stub(context=context) as stub:
        assert "per_five_tuple" in run("--url", stub.url, "tasks", "--ca", folder / "good.pem")[0]
        assert "certificate" in run("--url", stub.url, "tasks", "--ca", folder / "other.pem", status=1)[1]
        assert "certificate" in run("--url", stub.url, "tasks", status=1)[1]


def test_output_that_cannot_be_written_is_a_failure(_):
    with Stub() as stub, open("/dev/full", "w", encoding="utf-8") as full:
        _, err = run("--url", stub.url, "tasks", stdout=full, status=1)
        assert "standard output: " in err, err


class Live:
    """ns-query live, running; its output is read as it comes."""

    def __init__(self, stub, folder, *args):
        self.out, self.err = folder / "out", folder / "err"
        self.process = subprocess.Popen([QUERY, "--url", stub.url, "live", *args], env=ENVIRONMENT, stdin=subprocess.DEVNULL,
                                        stdout=self.out.open("w"), stderr=self.err.open("w"))
        wait_for(lambda: stub.listeners or self.process.poll() is not None, "nobody listens")

    def wait_for(self, text):
        wait_for(lambda: text in self.out.read_text(), lambda: f"{text}: {self.out.read_text()}{self.err.read_text()}")

    def end(self, status=0, with_signal=signal.SIGINT):
        if with_signal:
            self.process.send_signal(with_signal)
        assert self.process.wait(30) == status, self.err.read_text()
        return self.out.read_text()


def test_live_has_a_line_for_each_epoch_and_alert(folder):
    with Stub() as stub:
        live = Live(stub, folder)
        stub.publish("epoch", epoch())
        stub.publish("epoch", epoch(probe="edge-2", amendment=1, lost=3, overflow_packets=2, missing_snapshots=1))
        stub.send(": patience\n\nevent: alert\r\ndata: {\"state\":\"firing\",\r")
        stub.send("\ndata: \"severity\":\"critical\",\"summary\":\"x\",\"since_ns\":1795398870000000000}\r\n\r\n")
        stub.publish("epoch", {"site": "ams"})
        stub.send("event: epoch\ndata: no JSON\n\n")
        stub.publish("missed", {"events": 4})
        live.wait_for("MISSED")
        assert live.end().splitlines() == [
            "2026-11-23 01:54:30 ams/edge-1: 1,000 packets (250.0 kB), 200 packets/s, 400.00 kbit/s, 87 records, nothing lost",
            "2026-11-23 01:54:30 ams/edge-2 amendment 1: 1,000 packets (250.0 kB), 200 packets/s, 400.00 kbit/s, 87 records, "
            "3 packets LOST, 2 packets without a record, 1 snapshot MISSING",
            "2026-11-23 01:54:30 ALERT firing critical: x",
            "1970-01-01 00:00:00 ams/: 0 packets (0 B), 0 records, losses not known",
            "MISSED 4 events: the connection is too slow"]


def test_live_as_json_has_the_data_as_it_came(folder):
    with Stub() as stub:
        live = Live(stub, folder, "-f", "json", "--site", "ams", "--probe", "edge-1")
        stub.publish("epoch", epoch(site="fra"))
        stub.publish("epoch", epoch(probe="edge-2"))
        stub.publish("epoch", epoch(packets=2**64 - 1))
        stub.publish("missed", {"events": 1})
        live.wait_for("missed")
        assert [json.loads(line) for line in live.end(with_signal=signal.SIGTERM).splitlines()] == [
            {"event": "epoch", "data": epoch(packets=2**64 - 1)}, {"event": "missed", "data": {"events": 1}}]


def test_live_ends_after_its_duration_whether_or_not_anything_comes(folder):
    with Stub() as stub:
        began = time.monotonic()
        live = Live(stub, folder, "--duration", "1500ms")
        live.end(with_signal=None)
        assert 1.4 < time.monotonic() - began < 25


def test_live_connects_again_and_says_that_something_may_be_missing(folder):
    with Stub() as stub:
        live = Live(stub, folder)
        stub.publish("epoch", epoch(probe="before"))
        live.wait_for("before")
        port = stub.port
    with Stub(port=port) as stub:
        wait_for(lambda: stub.listeners, lambda: live.err.read_text())
        stub.publish("epoch", epoch(probe="after"))
        live.wait_for("after")
        live.end()
        errors = live.err.read_text()
        assert "trying again in 1 s" in errors and "what came meanwhile is not shown" in errors, errors


def test_live_gives_up_where_there_never_was_a_stream(_):
    _, err = run("--url", f"http://127.0.0.1:{free_port()}", "live", status=1)
    assert "onnect" in err, err
    with Stub() as stub:
        stub.answers["live"] = {"rows": []}
        assert "no stream of events" in run("--url", stub.url, "live", status=1)[1]
        stub.answers["live"] = (503, '{"error":"too many listeners"}')
        assert "too many listeners" in run("--url", stub.url, "live", status=1)[1]


if __name__ == "__main__":
    harness.main(globals())
