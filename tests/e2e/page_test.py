"""The live page in a real browser: what an engineer sees of an engine's answers, the bad ones among them.

Environment: PAGE_SCREENSHOTS = a folder to put pictures of the page into (optional). Standard library and chromium.
"""
import json
import os
import pathlib
import sys
import time

import api_stub
import harness
from api_stub import Stub, alert, answer, books, epoch, ledger, record, task
from browser import PROGRAM, Browser
from nats import wait_for

PERIOD_NS = 5 * 10**9
EVIL = "<img src=x onerror=alert(1)><b>bold</b>"


def now_ns():
    """The start of the epoch that has just ended."""
    now = time.time_ns()
    return now - now % PERIOD_NS - PERIOD_NS


def times(start_ns=0, end_ns=0):
    start_ns = start_ns or now_ns()
    return {"first_start_ns": start_ns - 60 * PERIOD_NS, "last_end_ns": end_ns or start_ns + PERIOD_NS}


def probe(name, age_s=0, **losses):
    start_ns = now_ns() - int(age_s * 1e9)
    return {**api_stub.probe(name, **times(start_ns), **losses), "last_start_ns": start_ns, "last_stored_ns": start_ns + PERIOD_NS,
            "period_ns": PERIOD_NS}


def history(parameters):
    step_ns = int(parameters["bucket"].removesuffix("ms")) * 10**6
    newest = now_ns() - now_ns() % step_ns
    rows = [{"start_ns": newest - i * step_ns, "packets": 40_000 + 9_000 * (i % 7), "bytes": 30_000_000 + 9_000_000 * (i % 5)}
            for i in range(50, -1, -1)]
    return answer(rows, ledger(**times()))


def top(parameters):
    name = parameters["task"]
    book = ledger(**times(), ip_bytes=400_000)
    if name == "hosts":
        return answer([{"cardinality": 812, "standard_error": 0.016, "low": 786, "high": 838}], book,
                      estimates=[{"standard_error": 0.016}])
    if name == "scan":
        return answer([{"src_ip": "192.0.2.7", "spread": 812, "standard_error": 0.0325, "low": 759, "high": 865}], book,
                      estimates=[{"threshold": 100, "standard_error": 0.0325}])
    if name == "top_src":
        return answer([{"src_ip": "192.0.2.7", "packets": 1000, "bytes": 90_000, "error_packets": 12, "error_bytes": 600}], book,
                      estimates=[{"threshold": 100, "standard_error": 0}])
    return answer([record(src_ip=f"192.0.2.{i}", packets=90_000 // i, bytes=200_000 // i) for i in range(1, 8)] +
                  [record(src_ip="2001:db8:0:1:aaaa:bbbb:cccc:2", dst_ip="2001:db8:0:1:aaaa:bbbb:cccc:1", bytes=9000)], book)


def serve(token="", port=0, probes=1, **losses):
    """What the page is tried on: an engine with a probe or more that are measuring. Has `url`, `publish()`, `stop()`."""
    stub = Stub(token=token, port=port)
    rows = [probe(f"edge-{i + 1}", **(losses if i == 0 else {})) for i in range(probes)]
    stub.answers.update({
        "tasks": answer(api_stub.TASKS, books(**times())), "probes": answer(rows, books(**times(), **losses)),
        "aggregate": history, "top": top})
    return stub


def event(**changes):
    return epoch(start_ns=now_ns(), period_ns=PERIOD_NS, **changes)


def no_complaints(browser):
    assert not browser.complaints, browser.complaints


def overflowing(browser):
    return browser.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")


def picture(browser, name):
    if folder := os.environ.get("PAGE_SCREENSHOTS"):
        height = browser.evaluate("document.documentElement.scrollHeight")
        browser.screenshot(pathlib.Path(folder) / f"{name}-{height}.png")


def test_what_an_engineer_wants_to_see_at_a_glance(folder):
    with serve() as engine, Browser(folder) as browser:
        engine.answers["alerts"] = {"rows": [alert(), alert(state="pending", severity="warning", summary="scan: maybe")], "next": None}
        browser.open(engine.url)
        browser.wait_for_text("live", "#status")
        browser.wait_for_text("812 (786 to 838)", "#tasks")
        browser.wait_for_text("1,000 (988 to 1,000)", "#tasks")
        browser.wait_for_text("812 (759 to 865)", "#tasks")
        assert "Nothing was lost in the last 5 minutes." in browser.text("#losses")
        assert "192.0.2.1:35731" in browser.text("#top") and "50.0 %" in browser.text("#top"), browser.text("#top")
        assert "[2001:db8:0:1:aaaa:bbbb:cccc:2]:35731" in browser.text("#top")
        assert "firing (critical)" in browser.text("#alerts") and "pending (warning)" in browser.text("#alerts")
        assert browser.evaluate("document.title") == "(1) NetSpectra"
        assert "ams/edge-1" in browser.text("#probes") and "measuring" in browser.text("#probes")
        assert browser.evaluate("document.querySelectorAll('.chart path.curve').length") == 2
        assert "Mbit/s" in browser.text("#bits-now")
        no_complaints(browser)
        for width in (1280, 390):
            for dark in (False, True):
                browser.look(width, dark=dark)
                wait_for(lambda: not overflowing(browser), f"{width} pixels are too few")
                picture(browser, f"page-{width}-{'dark' if dark else 'light'}")


def test_it_follows_the_events(folder):
    with serve() as engine, Browser(folder) as browser:
        browser.open(engine.url)
        browser.wait_for_text("Nothing was lost", "#losses")
        browser.wait_for_text("812", "#tasks")
        engine.answers["top"] = lambda parameters: answer([record(src_ip="203.0.113.9")], ledger(**times()))
        lossy = dict(nic_missed=7, missing_snapshots=1, incomplete_epochs=1)
        engine.answers["probes"] = answer([probe("edge-1", **lossy)], books(**times(), **lossy))
        engine.answers["alerts"] = {"rows": [alert()], "next": None}
        engine.publish("epoch", event(packets=5_000_000, bytes=6_250_000_000, lost=7))
        engine.publish("alert", alert())
        browser.wait_for_text("203.0.113.9", "#top")
        browser.wait_for_text("7 packets missed by the NIC", "#losses")
        assert "Nothing was lost" not in browser.text()
        browser.wait_for_text("7 LOST", "#probes")
        browser.wait_for_text("10.0 Gbit/s", "#probes")
        browser.wait_for_text("syn_flood", "#alerts")
        assert browser.evaluate("document.querySelectorAll('#probes tr.lossy').length") == 1
        assert browser.evaluate("getComputedStyle(document.querySelector('#probes .bad')).color") == "rgb(179, 22, 27)"
        wait_for(lambda: browser.evaluate("document.querySelectorAll('.chart .loss').length") == 2, "no mark of the loss")
        no_complaints(browser)


def test_without_a_whole_ledger_it_does_not_say_that_nothing_was_lost(folder):
    with serve() as engine, Browser(folder) as browser:
        book = books(**times())
        del book["kernel_dropped"]
        engine.answers["probes"] = answer([probe("edge-1")], book)
        browser.open(engine.url)
        browser.wait_for_text("does not say what was lost", "#losses")
        assert "Nothing was lost" not in browser.text()


def test_with_no_data_it_says_so(folder):
    with Stub() as engine, Browser(folder) as browser:
        nothing = answer([], books(epochs=0, rx_packets=0, first_start_ns=0, last_end_ns=0))
        engine.answers.update({"tasks": nothing, "probes": nothing})
        browser.open(engine.url)
        browser.wait_for_text("Nothing is stored", "#top")
        for selector, text in (("#status", "live"), ("#probes", "No probe has been heard of yet."), ("#alerts", "No alert is firing."),
                               ("#losses", "Nothing was measured in the last 5 minutes."), ("#bits", "no data yet")):
            assert text in browser.evaluate(f"document.querySelector('{selector}').textContent"), (selector, browser.text())
        picture(browser, "empty")
        no_complaints(browser)


def test_a_store_that_was_filled_earlier_is_shown_as_a_whole(folder):
    with serve() as engine, Browser(folder) as browser:
        nothing = answer([], books(epochs=0))
        old = answer(api_stub.TASKS, books())
        engine.answers["tasks"] = lambda parameters: nothing if parameters else old
        captured = {**api_stub.probe(""), "site": "", "ledger": books()}
        engine.answers["probes"] = lambda parameters: nothing if parameters else answer([captured], books())
        engine.answers["aggregate"] = lambda parameters: answer(
            [{"start_ns": api_stub.START_NS + i * 5 * 10**9, "packets": 100, "bytes": 5000} for i in range(3)])
        browser.open(engine.url)
        browser.wait_for_text("812", "#tasks")
        assert browser.evaluate("document.querySelector('#range').value") == "0"
        assert "this machine" in browser.text("#probes") and "all that is stored" in browser.text("#losses")
        assert "01:54:30" in browser.evaluate("document.querySelector('#bits').textContent")
        no_complaints(browser)


def test_a_broken_connection_is_told_and_made_again(folder):
    engine = serve()
    with Browser(folder) as browser:
        browser.open(engine.url)
        browser.wait_for_text("192.0.2.1", "#top")
        engine.stop()
        browser.wait_for_text("no connection to the engine", "#status")
        assert "192.0.2.1" in browser.text("#top"), "what was there stays"
        assert browser.evaluate("document.querySelector('#status').className") == "lost"
        with serve(port=engine.port) as again:
            again.answers["top"] = lambda parameters: answer([record(src_ip="203.0.113.9")], ledger(**times()))
            browser.wait_for_text("203.0.113.9", "#top", 60)
            browser.wait_for_text("live", "#status")
            no_complaints(browser)


def test_silent_and_lossy_probes_of_fifty_come_first(folder):
    with serve(probes=50, no_mbuf=3) as engine, Browser(folder) as browser:
        rows = engine.answers["probes"]["rows"]
        rows[40] = probe("edge-41", age_s=120)
        rows[41] = probe("edge-42", age_s=3 * 86400)
        browser.open(engine.url)
        browser.wait_for_text("50 probes, 48 measuring, 1 silent, 1 with losses", "#probes-note")
        names = browser.evaluate("[...document.querySelectorAll('#probes tbody th')].map((th) => th.textContent)")
        assert len(names) == 50 and names[:3] == ["ams/edge-41", "ams/edge-1", "ams/edge-2"] and names[-1] == "ams/edge-42", names
        for row in range(1, 51):
            engine.publish("epoch", event(probe=f"edge-{row}"))
        assert browser.evaluate("document.querySelector('#probes').clientHeight") < 500
        browser.look(1280)
        picture(browser, "fifty")
        no_complaints(browser)


def test_text_from_the_network_stays_text(folder):
    with serve() as engine, Browser(folder) as browser:
        engine.answers["tasks"] = answer([{**api_stub.TASKS[1], "name": EVIL}, task(EVIL + "2", "super_spreader", elements=[EVIL])], books(**times()))
        engine.answers["alerts"] = {"rows": [alert(summary=EVIL, severity=EVIL)], "next": None}
        engine.answers["probes"] = answer([{**probe(EVIL), "site": EVIL}], books(**times()))
        engine.answers["top"] = lambda parameters: answer([record(src_ip=EVIL, protocol=EVIL)]) if parameters["task"] == EVIL else (
            400, json.dumps({"error": EVIL}))
        browser.open(engine.url)
        browser.wait_for_text(EVIL, "#tasks")
        for selector in ("#top", "#alerts", "#probes"):
            browser.wait_for_text(EVIL, selector)
        assert browser.evaluate("document.querySelectorAll('img, b').length") == 0
        no_complaints(browser)


def test_the_token_is_asked_for_once(folder):
    with serve(token="s3cret") as engine, Browser(folder) as browser:
        browser.open(engine.url)
        browser.wait_for_text("The engine wants a token")
        login = """(() => { document.querySelector('#token').value = TOKEN; document.querySelector('#login button').click(); })()"""
        browser.evaluate(login.replace("TOKEN", "'wrong'"))
        browser.wait_for_text("a token is needed", "#login-fault")
        assert "192.0.2.1" not in browser.text()
        browser.evaluate(login.replace("TOKEN", "'s3cret'"))
        browser.wait_for_text("192.0.2.1", "#top")
        browser.wait_for_text("live", "#status")
        assert not browser.evaluate("document.querySelector('#login').offsetHeight")
        browser.open(engine.url + "/?again")
        browser.wait_for_text("192.0.2.1", "#top")
        assert browser.evaluate("sessionStorage.getItem('netspectra-token')") == "s3cret"
        assert browser.evaluate("localStorage.length") == 0
        assert all("s3cret" not in str(parameters) for _, parameters, _ in engine.asked), "a token in a URL ends up in logs"
        no_complaints(browser)


def test_a_store_that_cannot_be_asked_leaves_the_events(folder):
    with serve() as engine, Browser(folder) as browser:
        for question in ("tasks", "probes", "aggregate", "top"):
            engine.answers[question] = (501, '{"error":"files: is written only"}')
        browser.open(engine.url)
        browser.wait_for_text("files: is written only", "#status")
        engine.publish("epoch", event(top=[record(src_ip="203.0.113.9")]))
        browser.wait_for_text("203.0.113.9", "#top")
        browser.wait_for_text("ams/edge-1", "#probes")
        no_complaints(browser)


def test_everything_has_a_name_for_those_who_do_not_see_it(folder):
    with serve() as engine, Browser(folder) as browser:
        browser.open(engine.url)
        browser.wait_for_text("812", "#tasks")
        faults = browser.evaluate("""[
          ...[...document.querySelectorAll('table')].filter((t) => !t.getAttribute('aria-label') || !t.querySelector('th[scope=col]') ||
            !t.querySelector('th[scope=row]')).map(() => 'a table without headers'),
          ...[...document.querySelectorAll('svg[role=img]')].filter((s) => !/now .*, highest .* UTC/.test(s.querySelector('title')?.textContent))
            .map((s) => 'a chart without a title: ' + s.textContent),
          ...[...document.querySelectorAll('input, select')].filter((i) => !i.labels.length).map((i) => i.id + ' has no label'),
          ...[...document.querySelectorAll('section')].filter((s) => !document.getElementById(s.getAttribute('aria-labelledby')))
            .map(() => 'a section without a heading')]""")
        assert not faults, faults
        assert browser.evaluate("document.querySelectorAll('[aria-live=polite]').length") >= 3
        assert browser.evaluate("document.documentElement.lang") == "en"


if __name__ == "__main__":
    if PROGRAM is None:
        sys.exit(harness.SKIP)
    harness.main(globals())
