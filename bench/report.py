"""The report of a run: text tables, the same in Markdown, and JSON."""
import figures


def number(value):
    """Four significant digits at most, no exponent: as wide as a column needs."""
    if value == 0 or abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}" if abs(value) < 0.01 else f"{value:.{3 if abs(value) < 1 else 2 if abs(value) < 100 else 1}f}"


def samples(measured):
    """How many count, of how many there were; and how many of the former were disturbed."""
    text = f"{len(measured.samples)} of {len(measured.samples) + measured.set_aside}"
    return text + (f", {measured.disturbed} disturbed" if measured.disturbed else "")


def benchmark_rows(benchmarks):
    rows = [["benchmark", "samples", "ns median", "min", "max", "spread", "M/s", "counters"]]
    for name in sorted(benchmarks):
        m = benchmarks[name]
        counters = ", ".join(f"{key} {number(value)}" for key, value in sorted(m.counters.items()))
        rows.append([name, samples(m), number(m.median), number(m.min), number(m.max), f"{m.spread:.0%}",
                     number(1000 / m.median) if m.median else "-", counters])
    return rows


def capture_rows(rows):
    table = [["program", "capture", "timed", "samples", "s median", "min", "max", "spread", "ns/packet", "Mpps"]]
    for program, capture, timed, m, packets in rows:
        ns = m.median * 1e9 / packets
        table.append([program, capture.name, timed, samples(m), number(m.median), number(m.min), number(m.max), f"{m.spread:.0%}",
                      number(ns), number(1000 / ns) if ns else "-"])
    return table


def ratio_rows(report):
    rows = [["figure", "value", "of minima", "floor", "aim", "met"]]
    for key in list(figures.GOALS) + sorted(set(report["ratios"]) - set(figures.GOALS)):
        value = report["ratios"].get(key)
        minima = report["ratios_of_minima"].get(key)
        goal = report["goals"].get(key)
        sign = "" if not goal else "<= " if goal["better"] == "less" else ">= "
        met = "-" if not goal else "missing" if value is None else "not judged" if goal["floor_met"] is None else \
            "aim" if goal["aim_met"] else "floor" if goal["floor_met"] else "NO"
        rows.append([key, "-" if value is None else number(value), "-" if minima is None else number(minima),
                     sign + number(goal["floor"]) if goal else "-", sign + number(goal["aim"]) if goal else "-", met])
    return rows


def _text_table(rows):
    """The first column to the left, numbers to the right; a last column of words to the left."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    words = {i for i in range(len(rows[0])) if any(row[i] and row[i][0].isalpha() for row in rows[1:])} | {0}
    return "\n".join("  ".join(cell.ljust(width) if i in words else cell.rjust(width)
                               for i, (cell, width) in enumerate(zip(row, widths))).rstrip() for row in rows)


def _markdown_table(rows):
    words = {i for i in range(len(rows[0])) if any(row[i] and row[i][0].isalpha() for row in rows[1:])} | {0}
    lines = ["| " + " | ".join(rows[0]) + " |",
             "|" + "|".join("---" if i in words else "---:" for i in range(len(rows[0]))) + "|"]
    lines += ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows[1:]]
    return "\n".join(lines)


def _sections(report, benchmarks, captures):
    """[(title, table)], without those that have no rows."""
    sections = [("Benchmarks (nanoseconds per item)", benchmark_rows(benchmarks)),
                ("Capture files", capture_rows(captures)), ("Figures", ratio_rows(report))]
    return [(title, rows) for title, rows in sections if len(rows) > 1]


def _remarks(report):
    return [f"FAILED {failure}" for failure in report["failures"]]


def as_text(report, benchmarks, captures):
    parts = ["Measured on\n" + "\n".join(f"  {label:<24}{text}" for label, text in report["machine"].items())]
    parts += [f"{title}\n{_text_table(rows)}" for title, rows in _sections(report, benchmarks, captures)]
    parts += _remarks(report)
    return "\n\n".join(parts) + "\n"


def as_markdown(report, benchmarks, captures):
    machine = [["measured on", ""]] + [[label, text] for label, text in report["machine"].items()]
    parts = [_markdown_table(machine)]
    parts += [f"### {title}\n{_markdown_table(rows)}" for title, rows in _sections(report, benchmarks, captures)]
    parts += [f"**{remark}**" for remark in _remarks(report)]
    return "\n\n".join(parts) + "\n"


def assemble(machine, quick, benchmarks, capture_ratios, captures, failures):
    """The JSON document: the ratios flat, under "ratios" and again at the top; the rest is what they come from.

    `capture_ratios` is {key: (value, of minima)}, `captures` rows as captures.measure() gives them.
    """
    ratios, missing = figures.ratios_of(benchmarks, lambda m: m.median)
    of_minima, _ = figures.ratios_of(benchmarks, lambda m: m.min)
    for key, (value, minima) in capture_ratios.items():
        ratios[key], of_minima[key] = value, minima
    return {
        "quick": quick,
        "machine": machine,
        "failures": failures + missing,
        "ratios": ratios,
        "ratios_of_minima": of_minima,
        "goals": figures.judge(ratios),
        "benchmarks": {name: measured.as_json("ns") for name, measured in sorted(benchmarks.items())},
        "handover": {name: measured.counters for name, measured in sorted(benchmarks.items())
                     if name.startswith("handover/")},
        "captures": [{"program": program, "capture": capture.name, "timed": timed, "packets": packets,
                      **measured.as_json("s")} for program, capture, timed, measured, packets in captures],
        **ratios,
    }


def floors_met(report):
    """What could not be judged has not been met."""
    return all(judged["floor_met"] for judged in report["goals"].values())
