"""Which figures are formed from the measurements, their floors and aims; reading Google Benchmark's JSON.

A time is in nanoseconds per item (packet, record), a rate in million packets per second. Formulae: docs/benchmarks.md.
"""
import dataclasses
import json
import re
import statistics

SOURCE = "source/packets"

# A sample counts where arithmetic beside it (spin.h) took no longer than this times the least of the whole run: elsewhere
# somebody else had a part of the core. Where fewer do than are asked for, the calmest stand in for them.
CALM = 1.05
CALM_SAMPLES = 7


@dataclasses.dataclass(frozen=True)
class Goal:
    floor: float
    aim: float
    less_is_better: bool = False

    def met(self, value, bound):
        return value <= bound if self.less_is_better else value >= bound


GOALS = {
    "table_vs_absl_1m": Goal(2.5, 4),
    "table_vs_rte_hash_1m": Goal(2.5, 4),
    "table_vs_raw_1m": Goal(0.65, 0.85),
    "decode_table_over_table_1m": Goal(1.3, 1.15, less_is_better=True),
    "all_over_decode_table_1m": Goal(1.2, 1.05, less_is_better=True),
    "estimators_over_decode_1m": Goal(5, 3, less_is_better=True),
    "churn_over_steady_1m": Goal(2.6, 2.0, less_is_better=True),
    "pipeline_mpps_1m": Goal(30, 45),
    "pipeline_mpps_8m": Goal(18, 28),
    "two_worker_scaling": Goal(1.8, 1.95),
    "offline_over_pmd_floor": Goal(1.25, 1.1, less_is_better=True),
    "offline_vs_fastest": Goal(5, 8),
    "sqlite_rows_per_s": Goal(300_000, 500_000),
    "epoch_to_query_s": Goal(2, 1, less_is_better=True),
}


def _without_source(t, name):
    """The table benchmarks share their source; what is left is the table's own time."""
    return t(name) - t(SOURCE)


# t(name) is the time of a benchmark; for workers/two that of a packet on both workers together.
FORMULAE = {
    "table_vs_absl_1m": lambda t: _without_source(t, "table/absl_1m") / _without_source(t, "table/netspectra_1m"),
    "table_vs_rte_hash_1m": lambda t: (_without_source(t, "table/rte_hash_1m") /
                                       _without_source(t, "table/netspectra_1m")),
    "table_vs_raw_1m": lambda t: t("raw/tags_and_slots_1m") / _without_source(t, "table/netspectra_1m"),
    "decode_table_over_table_1m": lambda t: t("pipeline/decode_table_1m") / t("table/netspectra_1m"),
    "all_over_decode_table_1m": lambda t: t("pipeline/everything_1m") / t("pipeline/decode_table_1m"),
    "estimators_over_decode_1m": lambda t: t("pipeline/estimators_1m") / t("pipeline/decode"),
    "churn_over_steady_1m": lambda t: t("pipeline/churn_1m") / t("pipeline/everything_1m"),
    "pipeline_mpps_1m": lambda t: 1000 / t("pipeline/everything_1m"),
    "pipeline_mpps_8m": lambda t: 1000 / t("pipeline/everything_8m"),
    "two_worker_scaling": lambda t: t("workers/one") / t("workers/two"),
    "two_cpu_scaling": lambda t: t("workers/spin_one") / t("workers/spin_two"),
    "merge_records_per_s": lambda t: 1e9 / t("engine/merge_200k"),
    "encode_records_per_s": lambda t: 1e9 / t("engine/encode_200k"),
}


def needed():
    """The benchmarks that the formulae name."""
    times = {}
    for formula in FORMULAE.values():
        formula(lambda name: times.setdefault(name, len(times) + 1.0))  # they differ: no formula divides by zero
    return sorted(times)


def quick_filter():
    """For --benchmark_filter: what the formulae need, and the handover's gap."""
    return "^(" + "|".join(needed()) + "|handover/[^ ]*)(/.*)?$"


@dataclasses.dataclass
class Measured:
    """Of one benchmark or program: a sample per repetition, without those that were set aside."""
    samples: list
    counters: dict = dataclasses.field(default_factory=dict)  # name -> median
    set_aside: int = 0
    disturbed: int = 0  # that count all the same, because too few were calm

    @property
    def median(self):
        return statistics.median(self.samples)

    @property
    def min(self):
        return min(self.samples)

    @property
    def max(self):
        return max(self.samples)

    @property
    def spread(self):
        """(max - min) / median."""
        return (self.max - self.min) / self.median if self.median else 0.0

    def as_json(self, unit):
        return {"median_" + unit: self.median, "min_" + unit: self.min, "max_" + unit: self.max,
                "spread": self.spread, "samples_" + unit: self.samples, "set_aside": self.set_aside, "disturbed": self.disturbed,
                **({"counters": self.counters} if self.counters else {})}


def calmest(spins, least):
    """Which samples count, given what arithmetic beside each of them took: their places, in order."""
    calm = [i for i, spin in enumerate(spins) if spin <= CALM * least]
    if len(calm) < CALM_SAMPLES:
        calm = sorted(range(len(spins)), key=lambda i: spins[i])[:CALM_SAMPLES]
    return sorted(calm)


def disturbed(spins, places, least):
    """How many of those that calmest() chose are not calm."""
    return sum(spins[i] > CALM * least for i in places)


# Google Benchmark's own keys of a run; all other numbers are the benchmark's counters.
_OWN_KEYS = {"family_index", "per_family_instance_index", "repetitions", "repetition_index", "threads", "iterations",
             "real_time", "cpu_time", "items_per_second", "bytes_per_second", "ns", "spin_ns"}
_NS = {"ns": 1, "us": 1e3, "ms": 1e6, "s": 1e9}
# What Google Benchmark appends to a name for the way of timing.
_SUFFIXES = re.compile(r"(/(real_time|process_time|manual_time|"
                       r"(iterations|min_time|min_warmup_time|repeats|threads):[^/]+))+$")


def _ns_per_item(run):
    if run.get("items_per_second"):
        return 1e9 / run["items_per_second"]
    return run["real_time"] * _NS[run.get("time_unit", "ns")]


def read_benchmarks(text):
    """({name: Measured in ns per item}, [failures], context) of the JSON that --benchmark_out writes."""
    document = json.loads(text)
    runs, failures = {}, []
    for run in document["benchmarks"]:
        name = _SUFFIXES.sub("", run.get("run_name", run["name"]))
        if run.get("error_occurred"):
            failures.append(f"{name}: {run.get('error_message') or 'failed'}")
        elif run.get("run_type", "iteration") == "iteration":
            runs.setdefault(name, []).append(run)
    spins = {name: [run.get("spin_ns", 0.0) for run in repetitions] for name, repetitions in runs.items()}
    least = min((spin for each in spins.values() for spin in each if spin > 0), default=0.0)
    measured = {}
    for name, repetitions in runs.items():
        places = calmest(spins[name], least)
        kept = [repetitions[i] for i in places]
        counters = {}
        for run in kept:
            for key, value in run.items():
                if key not in _OWN_KEYS and isinstance(value, (int, float)) and not isinstance(value, bool):
                    counters.setdefault(key, []).append(value)
        measured[name] = Measured([_ns_per_item(run) for run in kept],
                                  {key: statistics.median(values) for key, values in counters.items()},
                                  len(repetitions) - len(kept), disturbed(spins[name], places, least))
    return measured, sorted(set(failures)), document.get("context", {})


def ratios_of(benchmarks, pick):
    """({key: value}, [what could not be formed, and why]); pick is Measured's median or min."""
    values, missing = {}, []
    for key, formula in FORMULAE.items():
        try:
            value = formula(lambda name: pick(benchmarks[name]))
        except KeyError as name:
            missing.append(f"{key}: there is no benchmark {name.args[0]}")
            continue
        except ZeroDivisionError:
            value = 0.0
        if value > 0:
            values[key] = value
        else:
            missing.append(f"{key}: too noisy, the source took longer than the table")
    return values, missing


# Two CPUs that do less arithmetic than this times one are not two cores of our own: what two workers do on them says
# nothing about the workers.
TWO_CORES = 1.9


def judge(ratios):
    """{key: {floor, aim, better, floor_met, aim_met}} of those that have a goal; the last two None where the ratio is
    missing, or the machine does not give what it stands on."""
    judged = {}
    for key, goal in GOALS.items():
        value = ratios.get(key)
        if key == "two_worker_scaling" and ratios.get("two_cpu_scaling", 0) < TWO_CORES:
            value = None
        judged[key] = {"floor": goal.floor, "aim": goal.aim, "better": "less" if goal.less_is_better else "more",
                       "floor_met": None if value is None else goal.met(value, goal.floor),
                       "aim_met": None if value is None else goal.met(value, goal.aim)}
    return judged
