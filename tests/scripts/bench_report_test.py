"""The benchmarks' report, fed with figures whose results are known, and the capture benchmarks' checks."""
import json
import pathlib
import struct
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "bench"))
import captures  # noqa: E402
import figures  # noqa: E402
import programs  # noqa: E402
import report  # noqa: E402

NS = {"source/packets": 1, "table/netspectra_1m": 11, "table/absl_1m": 41, "table/rte_hash_1m": 31,
      "raw/tags_and_slots_1m": 8, "pipeline/decode": 5, "pipeline/decode_table_1m": 12.1, "pipeline/everything_1m": 20,
      "pipeline/everything_8m": 40, "pipeline/churn_1m": 50, "pipeline/estimators_1m": 20, "workers/one": 20,
      "workers/two": 10, "workers/spin_one": 6, "workers/spin_two": 3, "engine/merge_200k": 200, "engine/encode_200k": 4}
EXPECTED = {"table_vs_absl_1m": 4, "table_vs_rte_hash_1m": 3, "table_vs_raw_1m": 0.8,
            "decode_table_over_table_1m": 1.1, "all_over_decode_table_1m": 20 / 12.1, "estimators_over_decode_1m": 4,
            "churn_over_steady_1m": 2.5, "pipeline_mpps_1m": 50, "pipeline_mpps_8m": 25, "two_worker_scaling": 2,
            "two_cpu_scaling": 2, "merge_records_per_s": 5_000_000, "encode_records_per_s": 250_000_000}


def google_json(times, runs=(1.0, 1.1, 0.9), errors=(), **counters):
    """What Google Benchmark writes: a run for each repetition, then aggregates, which must not count as samples."""
    benchmarks = []
    for name, ns in times.items():
        for i, factor in enumerate(runs):
            benchmarks.append({"name": name, "run_name": name, "run_type": "iteration", "repetitions": len(runs),
                               "repetition_index": i, "threads": 1, "iterations": 7, "real_time": 1e6, "cpu_time": 1e6,
                               "time_unit": "ns", "items_per_second": 1e9 / (ns * factor), "ns": ns * factor,
                               **counters.get(name, {})})
        benchmarks.append({**benchmarks[-1], "name": name + "_mean", "run_type": "aggregate",
                           "aggregate_name": "mean", "items_per_second": 1.0})
    for name, message in errors:
        benchmarks.append({"name": name, "run_name": name, "run_type": "iteration", "error_occurred": True,
                           "error_message": message})
    return json.dumps({"context": {"table_pages": "4 KiB"}, "benchmarks": benchmarks})


def assembled(text, capture_ratios=None, rows=(), failures=()):
    benchmarks, failed, _ = figures.read_benchmarks(text)
    result = report.assemble({"CPU": "a CPU"}, True, benchmarks, capture_ratios or {}, list(rows),
                             failed + list(failures))
    return result, benchmarks


class Figures(unittest.TestCase):
    def test_every_formula_gives_what_is_computed_by_hand(self):
        result, _ = assembled(google_json(NS))
        self.assertEqual(set(result["ratios"]), set(EXPECTED))
        for key, value in EXPECTED.items():
            self.assertAlmostEqual(result["ratios"][key], value, msg=key)
            self.assertEqual(result[key], result["ratios"][key])

    def test_samples_are_the_repetitions_and_not_the_aggregates(self):
        benchmarks, _, _ = figures.read_benchmarks(google_json({"source/packets": 2.0}))
        m = benchmarks["source/packets"]
        self.assertEqual(len(m.samples), 3)
        self.assertAlmostEqual(m.median, 2.0)
        self.assertAlmostEqual(m.min, 1.8)
        self.assertAlmostEqual(m.spread, 0.2)

    def test_names_lose_what_google_benchmark_appends_for_the_timing(self):
        benchmarks, _, _ = figures.read_benchmarks(google_json({"workers/two/iterations:3/manual_time": 2.0}))
        self.assertEqual(list(benchmarks), ["workers/two"])

    def test_a_benchmark_without_items_is_timed_by_the_run(self):
        text = json.dumps({"benchmarks": [{"name": "a", "real_time": 3.0, "time_unit": "us"}]})
        self.assertEqual(figures.read_benchmarks(text)[0]["a"].samples, [3000.0])

    def test_counters_are_kept_as_medians(self):
        result, _ = assembled(google_json({"handover/gap": 5.0}, **{"handover/gap": {"gap_p99_ns": 300}}))
        self.assertEqual(result["handover"], {"handover/gap": {"gap_p99_ns": 300}})

    def test_samples_with_slow_arithmetic_beside_them_are_set_aside_whatever_their_time(self):
        runs = [{"name": "a", "run_type": "iteration", "items_per_second": 1e9 / ns, "spin_ns": spin, "n": ns}
                for ns, spin in [(5, 2.0), (1, 2.11), (9, 2.09), (5, 2.0), (7, 2.05), (5, 2.0), (5, 2.0), (6, 2.0), (99, 3)]]
        m = figures.read_benchmarks(json.dumps({"benchmarks": runs}))[0]["a"]
        self.assertEqual([round(ns) for ns in m.samples], [5, 9, 5, 7, 5, 5, 6])
        self.assertEqual((m.set_aside, m.counters), (2, {"n": 5}))

    def test_where_too_few_are_calm_the_calmest_stand_in(self):
        self.assertEqual(figures.calmest([1.0, 9, 3, 4, 5, 6, 7, 8, 2], 1.0), [0, 2, 3, 4, 5, 6, 8])
        self.assertEqual(figures.calmest([3.0, 9], 1.0), [0, 1])
        self.assertEqual(figures.disturbed([1.0, 9, 3, 1.05], [0, 2, 3], 1.0), 1)
        self.assertEqual(report.samples(figures.Measured([1.0] * 7, {}, 8, 3)), "7 of 15, 3 disturbed")

    def test_a_benchmark_that_does_not_look_at_its_core_sets_nobody_aside(self):
        runs = [{"name": name, "run_type": "iteration", "items_per_second": 1e9, **spin}
                for name, spin in [("a", {})] * 9 + [("b", {"spin_ns": 2.0})] * 9]
        measured = figures.read_benchmarks(json.dumps({"benchmarks": runs}))[0]
        self.assertEqual([len(measured[name].samples) for name in "ab"], [9, 9])

    def test_a_failed_check_is_a_failure(self):
        result, _ = assembled(google_json(NS, errors=[("table/absl_8m", "3 flows differ")]))
        self.assertEqual(result["failures"], ["table/absl_8m: 3 flows differ"])

    def test_a_benchmark_that_is_missing_is_a_failure_and_its_ratio_is_left_out(self):
        result, _ = assembled(google_json({name: ns for name, ns in NS.items() if name != "table/absl_1m"}))
        self.assertNotIn("table_vs_absl_1m", result["ratios"])
        self.assertEqual(result["failures"], ["table_vs_absl_1m: there is no benchmark table/absl_1m"])

    def test_a_table_that_seems_faster_than_its_source_gives_no_ratio(self):
        result, _ = assembled(google_json({**NS, "source/packets": 12}))
        self.assertNotIn("table_vs_raw_1m", result["ratios"])
        self.assertTrue(any("too noisy" in failure for failure in result["failures"]))

    def test_the_quick_filter_takes_what_the_formulae_need_and_nothing_else(self):
        import re
        self.assertEqual(figures.needed(), sorted(NS))
        quick = re.compile(figures.quick_filter())
        for name in [*NS, "workers/two/manual_time", "handover/seal"]:
            self.assertTrue(quick.search(name), name)
        for name in ["table/absl_8m", "table/netspectra_1m_more", "pipeline/decode_table_8m", "xtable/absl_1m"]:
            self.assertFalse(quick.search(name), name)


class Goals(unittest.TestCase):
    def test_floors_and_aims_hold_at_their_very_value(self):
        judged = figures.judge({"table_vs_absl_1m": 4, "table_vs_raw_1m": 0.64, "churn_over_steady_1m": 2.6,
                                "offline_over_pmd_floor": 1.26})
        self.assertEqual((judged["table_vs_absl_1m"]["floor_met"], judged["table_vs_absl_1m"]["aim_met"]), (True, True))
        self.assertFalse(judged["table_vs_raw_1m"]["floor_met"])
        self.assertEqual((judged["churn_over_steady_1m"]["floor_met"], judged["churn_over_steady_1m"]["aim_met"]),
                         (True, False))
        self.assertFalse(judged["offline_over_pmd_floor"]["floor_met"])
        self.assertIsNone(judged["pipeline_mpps_1m"]["floor_met"])

    def test_two_workers_are_judged_only_where_there_are_two_cores_for_them(self):
        shared = figures.judge({"two_worker_scaling": 1.85, "two_cpu_scaling": 1.89})["two_worker_scaling"]
        self.assertEqual((shared["floor_met"], shared["aim_met"]), (None, None))
        own = figures.judge({"two_worker_scaling": 1.85, "two_cpu_scaling": 1.9})["two_worker_scaling"]
        self.assertEqual((own["floor_met"], own["aim_met"]), (True, False))
        result, benchmarks = assembled(google_json({**NS, "workers/spin_two": 4}))
        lines = report.as_text(result, benchmarks, []).splitlines()
        self.assertTrue(any(line.startswith("two_worker_scaling") and line.endswith("not judged") for line in lines))

    def test_strict_asks_for_every_floor_and_every_figure(self):
        good = {key: goal.floor for key, goal in figures.GOALS.items()} | {"two_cpu_scaling": 1.9}
        self.assertTrue(report.floors_met({"goals": figures.judge(good)}))
        self.assertFalse(report.floors_met({"goals": figures.judge({**good, "pipeline_mpps_8m": 17.9})}))
        del good["offline_vs_fastest"]
        self.assertFalse(report.floors_met({"goals": figures.judge(good)}))


class Tables(unittest.TestCase):
    def setUp(self):
        rows = [("nfpcapd", captures.MAIN, "whole process", figures.Measured([2.0, 4.0, 3.0]), 4_000_000)]
        self.report, self.benchmarks = assembled(google_json(NS), {"offline_vs_nfpcapd": (6.5, 6.25)}, rows,
                                                 ["pmd-floor: not found"])
        self.rows = rows

    def test_the_text_shows_machine_figures_goals_and_failures(self):
        lines = report.as_text(self.report, self.benchmarks, self.rows).splitlines()
        self.assertTrue(any(line.split() == ["CPU", "a", "CPU"] for line in lines))
        self.assertIn(["table/absl_1m", "3", "of", "3", "41.00", "36.90", "45.10", "20%", "24.39"], [line.split() for line in lines])
        self.assertIn(["nfpcapd", "uniform_200k", "whole", "process", "3", "of", "3", "3.00", "2.00", "4.00", "67%", "750.0", "1.33"],
                      [line.split() for line in lines])
        by_name = {line.split()[0]: line for line in lines if line}
        self.assertRegex(by_name["table_vs_absl_1m"], r"4\.00 +4\.00 +>= 2\.50 +>= 4\.00 +aim$")
        self.assertRegex(by_name["table_vs_rte_hash_1m"], r" floor$")
        self.assertRegex(by_name["all_over_decode_table_1m"], r"<= 1\.20 +<= 1\.05 +NO$")
        self.assertRegex(by_name["offline_over_pmd_floor"], r" missing$")
        self.assertRegex(by_name["offline_vs_nfpcapd"], r"6\.50 +6\.25 +- +- +-$")
        self.assertIn("FAILED pmd-floor: not found", lines)

    def test_the_markdown_has_the_same_rows(self):
        text = report.as_markdown(self.report, self.benchmarks, self.rows)
        self.assertIn("| table_vs_absl_1m | 4.00 | 4.00 | >= 2.50 | >= 4.00 | aim |", text)
        for block in text.split("\n\n"):
            widths = {line.count("|") for line in block.splitlines() if line.startswith("|")}
            self.assertLessEqual(len(widths), 1, block)

    def test_the_json_can_be_read_back(self):
        again = json.loads(json.dumps(self.report))
        self.assertEqual(again["captures"][0]["median_s"], 3.0)
        self.assertEqual(again["benchmarks"]["pipeline/decode"]["samples_ns"], [5, 5.5, 4.5])

    def test_numbers_keep_about_three_digits(self):
        self.assertEqual([report.number(n) for n in (0, 0.00123, 0.5, 1.234, 41, 123.45, 12345.6)],
                         ["0", "0.00123", "0.500", "1.23", "41.00", "123.5", "12,346"])


def small_capture(path, frames):
    with open(path, "wb") as f:
        f.write(struct.pack("<IHHiIII", 0xa1b23c4d, 2, 4, 0, 0, 262144, 1))
        for frame in frames:
            f.write(struct.pack("<IIII", 0, 0, len(frame), len(frame)) + frame)


def frame(src, dst, src_port, dst_port, protocol, length=64):
    ip = bytes([0x45, 0, 0, length - 14, 0, 0, 0, 0, 64, protocol, 0, 0, 10, 0, 0, src, 10, 0, 0, dst])
    return (bytes(12) + b"\x08\x00" + ip + struct.pack(">HH", src_port, dst_port)).ljust(length, b"\0")


class Checks(unittest.TestCase):
    CAPTURE = captures.Capture("small", packets=3, flows=2)
    FLOWS = {("10.0.0.1", "10.0.0.2", 53, 9, 17): [2, 128], ("10.0.0.2", "10.0.0.1", 9, 53, 6): [1, 64]}

    def test_the_reader_finds_every_flow(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "small.pcap"
            small_capture(path, [frame(1, 2, 53, 9, 17), frame(2, 1, 9, 53, 6), frame(1, 2, 53, 9, 17)])
            self.assertEqual(captures.read_flows(path), self.FLOWS)

    def run_of(self, output):
        return programs.Run(1.0, 1.0, output)

    def test_the_analyzers_summary_must_be_what_was_generated(self):
        good = {"packets": 3, "bytes": 192, "ip_packets": 3, "not_ip": 0, "overflow_packets": 0, "read_errors": []}
        captures.check_analyzer(self.run_of(json.dumps(good)), self.CAPTURE)
        for key, wrong in (("packets", 2), ("bytes", 193), ("overflow_packets", 1), ("read_errors", ["cut"])):
            with self.assertRaisesRegex(programs.CheckFailed, key):
                captures.check_analyzer(self.run_of(json.dumps({**good, key: wrong})), self.CAPTURE)

    def test_tsharks_conversations_are_pairs_of_addresses(self):
        line = "10.0.0.1 <-> 10.0.0.2 1 64 bytes {} 128 bytes {} 192 bytes 0.0 0.0\n"
        captures.check_tshark(self.run_of(line.format(2, 3)), self.CAPTURE, self.FLOWS)
        with self.assertRaisesRegex(programs.CheckFailed, "frames 2, generated 3"):
            captures.check_tshark(self.run_of(line.format(1, 2)), self.CAPTURE, self.FLOWS)

    def test_pmacctds_flows_must_be_those_of_the_capture(self):
        output = ("SRC_IP,DST_IP,SRC_PORT,DST_PORT,PROTOCOL,PACKETS,BYTES\n"
                  "10.0.0.1,10.0.0.2,53,9,udp,2,100\n10.0.0.2,10.0.0.1,9,53,tcp,1,{}\n")
        captures.check_pmacctd(self.run_of(output.format(50)), self.FLOWS)
        with self.assertRaisesRegex(programs.CheckFailed, "flows are not those"):
            captures.check_pmacctd(self.run_of(output.format(51)), self.FLOWS)

    def test_softflowd_must_have_processed_every_packet(self):
        captures.check_softflowd(self.run_of("Packets processed: 3\nFlows expired: 2 (0 forced)"), self.CAPTURE, 2)
        with self.assertRaises(programs.CheckFailed):
            captures.check_softflowd(self.run_of("Packets processed: 2\n"), self.CAPTURE)
        with self.assertRaises(programs.CheckFailed):
            captures.check_softflowd(self.run_of("nothing that is known"), self.CAPTURE)


class Rounds(unittest.TestCase):
    def test_a_ratio_is_the_median_of_the_rounds_ratios(self):
        # A machine that turns three times slower for a round changes no ratio.
        self.assertAlmostEqual(captures.ratio({0: 2, 1: 6, 2: 2}, {0: 1, 1: 3, 2: 1}), 2)
        self.assertAlmostEqual(captures.ratio({0: 2, 1: 9, 2: 2}, {0: 1, 1: 3, 2: 1}), 2)

    def test_all_run_in_every_round_and_each_goes_first_in_turn(self):
        order = []
        turns = {name: (lambda name=name: order.append(name) or name) for name in "abc"}
        results = captures.in_turn(turns, rounds=3)
        self.assertEqual("".join(order), "abcbcacab")
        self.assertEqual(results["c"], {0: "c", 1: "c", 2: "c"})

    def test_rounds_with_a_disturbance_before_or_behind_them_are_set_aside(self):
        spins = {turn: (1.0, 1.0) for turn in range(9)} | {2: (1.0, 1.6), 3: (1.6, 1.02)}
        results, set_aside, disturbed = captures.calm_rounds({"a": {turn: turn * 10 for turn in range(9)}}, spins)
        self.assertEqual(results, {"a": {turn: turn * 10 for turn in (0, 1, 4, 5, 6, 7, 8)}})
        self.assertEqual((set_aside, disturbed), (2, 0))

    def test_the_floor_is_measured_in_turn_with_a_look_at_the_cores_between_the_rounds(self):
        class Programs:
            order = []
            def pcap_analyzer(self, file): self.order.append("a" + file)
            def pmd_floor(self, file): self.order.append("f" + file)
            def spin_ns(self): self.order.append("s"); return 1.0
        results, set_aside, _ = captures.beside_the_floor(Programs(), "!", rounds=2)
        self.assertEqual(Programs.order, ["s", "a!", "f!", "s", "f!", "a!", "s"])
        self.assertEqual((sorted(results["pmd-floor"]), set_aside), ([0, 1], 0))

    def test_the_scratch_folder_is_gone_also_after_an_interruption(self):
        with self.assertRaises(KeyboardInterrupt):
            with captures.scratch_folder(1) as folder:
                (folder / "capture.pcap").write_bytes(b"x")
                raise KeyboardInterrupt
        self.assertFalse(folder.exists())

    def test_a_program_that_is_missing_or_fails_is_named(self):
        with tempfile.TemporaryDirectory() as folder:
            started = programs.Programs(pathlib.Path(folder), pathlib.Path(folder))
            with self.assertRaisesRegex(programs.CheckFailed, "pmd-floor: not found"):
                started.run("pmd-floor")
            with self.assertRaisesRegex(programs.CheckFailed, "sh: exit status 3: so it is"):
                started.run("sh", "-c", "echo so it is >&2; exit 3")
            self.assertEqual(started.run("sh", "-c", "echo yes").output, "yes\n")


if __name__ == "__main__":
    unittest.main()
