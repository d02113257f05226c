"""A real SYN flood, an address sweep and a port scan on a wire: who is told, of what, and how often.

Raw frames from far0, a probe with default tasks, NATS, an engine with the rules of docs/alert-rules.yaml (only thresholds and
durations are another), a webhook and a mail server.

Environment: NS_PROBE, NS_ENGINE = the programs. Needs root, iproute2, ethtool, tcpreplay, nats-server, python3-aiosmtpd.
"""
import collections
import contextlib
import email
import email.policy
import hashlib
import hmac
import http.client
import http.server
import ipaddress
import json
import os
import random
import signal
import socket
import struct
import subprocess
import sys
import threading

from engine_api import Engine
from harness import ROOT, SKIP, main
from nats import SITE, WITH_TEST, NatsServer, wait_for
from probe_net import FAR, NEAR, LiveProbe, Network, enter_namespace

LIMIT_S = 60
VICTIM, SWEEPER, SCANNER = "10.2.0.1", "10.3.0.1", "10.4.0.1"
TARGETS, PORTS, SWEPT = 3, 200, 400  # the scanner tries so many ports on each target, the sweeper so many addresses
THRESHOLDS = {"syn_flood": 500, "scan": 200, "port_scan": 400}
KEYS = {"syn_flood": {"dst_ip": VICTIM}, "scan": {"src_ip": SWEEPER}, "port_scan": {"src_ip": SCANNER}}
PYTHON = "/usr/bin/python3"  # Debian's, for which python3-aiosmtpd is; the test may run under another
TOKEN, SECRET = "token-of-the-webhook", "secret-of-the-webhook"

# What is another than in docs/alert-rules.yaml: the periods here are of 500 ms, and probes are not left alone for minutes.
ADAPTED = [
    ("/var/lib/netspectra/alerts.state", "{folder}/alerts.state"),
    ("https://alerts.example.net/netspectra", "http://127.0.0.1:{webhook}/netspectra"),
    ("host: mail.example.net\n      port: 587\n      tls: starttls                    # or smtps, or none\n"
     "      user: netspectra\n      password: \"${MAIL_PASSWORD}\"\n", "host: 127.0.0.1\n      port: {mail}\n      tls: none\n"),
    ("above: 10k\n      for: 20s\n      clear: {below: 1k, for: 1m}",
     "above: 500\n      for: 1s\n      clear: {below: 50, for: 3s}"),
    ("above: 500\n      clear: {for: 1m}\n", "above: 200\n      clear: {for: 3s}\n      receivers: [log, ops, mail]\n"
     "    - name: port_scan\n      task: scan\n      metric: spread\n      above: 400\n      clear: {for: 3s}\n"),
    ("      receivers: [log, ops]\n", ""),
    ("for: 90s", "for: 8s"),
]


def rules(folder, webhook, mail):
    text = (ROOT / "docs" / "alert-rules.yaml").read_text()
    for old, new in ADAPTED:
        assert text.count(old) == 1, (old, "is no longer in docs/alert-rules.yaml as this test knows it")
        for name, value in (("folder", folder), ("webhook", webhook), ("mail", mail)):
            new = new.replace("{" + name + "}", str(value))
        text = text.replace(old, new)
    path = folder / "engine.yaml"
    path.write_text(text)
    return path


class Webhook(http.server.ThreadingHTTPServer):
    """Takes what the engine delivers."""
    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), self.Handler)
        self.messages = []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            signature = "sha256=" + hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
            message = json.loads(body)
            good = (self.headers["X-NetSpectra-Signature"] == signature and self.headers["Authorization"] == f"Bearer {TOKEN}"
                    and self.headers["X-NetSpectra-Id"] == message["id"] and self.path == "/netspectra")
            self.server.messages.append(message | {"good": good})
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_):
            pass

    def of(self, rule, state):
        return [m for m in list(self.messages) if (m["rule"], m["state"]) == (rule, state)]


class MailServer:
    def __init__(self, folder):
        self.folder = folder / "mail"
        self.folder.mkdir()
        sink = ROOT / "tests" / "unit" / "alert" / "smtp_sink.py"
        self.process = subprocess.Popen([*WITH_TEST, PYTHON, sink, self.folder], stdin=subprocess.PIPE)
        wait_for(lambda: (self.folder / "port").exists(), "the mail server", LIMIT_S)
        self.port = int((self.folder / "port").read_text())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()

    def mails(self):
        """[(envelope, mail)]"""
        found = []
        for path in sorted(self.folder.glob("mail-*")):
            envelope, content = path.read_bytes().split(b"\n", 1)
            found.append((envelope.decode(), email.message_from_bytes(content, policy=email.policy.default)))
        return found

    def of(self, rule, state):
        return [m for m in self.mails() if f" {state}: {rule} on " in str(m[1]["Subject"])]


class Live:
    """What comes on /api/v1/live, from one connection after the other."""

    def __init__(self):
        self.alerts = []

    def listen(self, engine):
        connection = http.client.HTTPConnection("127.0.0.1", engine.port, timeout=LIMIT_S)
        connection.request("GET", "/api/v1/live")
        answer = connection.getresponse()
        assert answer.status == 200 and answer.headers["Content-Type"].startswith("text/event-stream"), answer.status
        threading.Thread(target=self.read, args=(connection, answer), daemon=True).start()

    def read(self, connection, answer):
        event = ""
        with contextlib.suppress(OSError, http.client.HTTPException, ValueError):
            while line := answer.readline().decode():
                name, _, value = line.rstrip("\n").partition(": ")
                if name == "event":
                    event = value
                elif name == "data" and event == "alert":
                    self.alerts.append(json.loads(value))
        connection.close()

    def of(self, rule, state):
        return [a for a in list(self.alerts) if (a["rule"], a["state"]) == (rule, state)]


def syn(source, target, source_port, target_port):
    tcp = struct.pack(">HHIIBBHHH", source_port, target_port, 1, 0, 0x50, 0x02, 1024, 0, 0)
    ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 40, 0, 0, 64, 6, 0, ipaddress.ip_address(source).packed,
                     ipaddress.ip_address(target).packed)
    return bytes(12) + b"\x08\x00" + ip + tcp


class Attack:
    """All three at once, until it is left: every 100 ms the whole sweep, the whole scan, and 300 SYNs from anywhere."""

    def __init__(self, net):
        with net.at_far():
            self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
            self.socket.bind((FAR, 0))
        self.frames = [syn(SWEEPER, f"10.3.{1 + n // 250}.{1 + n % 250}", 40000, 22) for n in range(SWEPT)]
        self.frames += [syn(SCANNER, f"10.4.1.{t + 1}", 40001, 1 + p) for t in range(TARGETS) for p in range(PORTS)]
        self.stopped = threading.Event()
        self.random = random.Random(1)
        self.flooded = 0
        self.thread = threading.Thread(target=self.run)

    def run(self):
        while not self.stopped.wait(0.1):
            flood = [syn(str(ipaddress.ip_address(self.random.randrange(0xC6120000, 0xC6140000))), VICTIM,
                         self.random.randrange(1024, 65536), 80) for _ in range(300)]
            self.flooded += len(flood)
            for frame in flood + self.frames:
                with contextlib.suppress(OSError):  # no room in the queue: the next one, then
                    self.socket.send(frame)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stopped.set()
        self.thread.join()
        self.socket.close()


def firing(engine):
    return {row["rule"]: row for row in engine.page("alerts")["rows"] if row["rule"] in KEYS and row["state"] == "firing"}


def all_of(source, state):
    return lambda: all(source.of(rule, state) for rule in KEYS)


def check_alert(rule, alert, state):
    assert (alert["site"], alert["probe"], alert["key"], alert["state"]) == (SITE, "edge", KEYS[rule], state), alert
    assert alert["threshold"] == THRESHOLDS[rule], alert
    if state == "firing":
        most = {"syn_flood": 60000, "scan": SWEPT, "port_scan": TARGETS * PORTS}[rule]
        assert THRESHOLDS[rule] < alert["value"] <= 1.1 * most, alert


def check_messages(webhook, mail, live, state):
    """Each rule was said once to each, and rightly."""
    for rule in KEYS:
        messages = webhook.of(rule, state)
        assert len({m["id"] for m in messages}) == 1, messages
        m = messages[0]
        assert m["good"] and m["type"] == "alert" and m["repeat"] == 0 and m["count"] == len(m["alerts"]) == 1, m
        assert m["severity"] == ("critical" if rule == "syn_flood" else "warning"), m
        check_alert(rule, m["alerts"][0], state)
        envelope, said = mail.of(rule, state)[0]
        assert envelope.startswith("netspectra@example.net -> noc@example.net"), envelope
        assert said["Subject"] == f"[netspectra] {m['summary']}", (said["Subject"], m["summary"])
        for part in (rule, *KEYS[rule].values(), f"{SITE}/edge"):
            assert part in said.get_content(), (part, said.get_content())
        check_alert(rule, live.of(rule, state)[0], state)


def more_epochs(engine, count):
    """Until so many more of the probe's epochs are stored and judged."""
    epochs = engine.probe("edge").get("ledger", {}).get("epochs", 0)
    wait_for(lambda: engine.probe("edge").get("ledger", {}).get("epochs", 0) >= epochs + count, lambda: engine.said()[-2000:],
             LIMIT_S)


def restart(engine, live, number):
    engine.end(number, status=0 if number == signal.SIGTERM else -number)
    engine.start()
    engine.ready()
    live.listen(engine)


def delivered(engine):
    text = engine.fetch("/metrics")[1]
    return "netspectra_engine_alerts_waiting 0\n" in text


def saved(folder, webhook):
    """Whether the engine has written down that what was delivered was delivered."""
    state = (folder / "alerts.state").read_text()
    return not any(m["id"] in state for m in webhook.messages)


def test_a_flood_and_scans_are_said_once_across_restarts_and_clear(folder):
    os.environ.update(ALERT_TOKEN=TOKEN, ALERT_SECRET=SECRET)
    probe_config = folder / "probe.yaml"
    probe_config.write_text(json.dumps({"site": SITE, "probe_id": "edge", "period": "500ms", "ports": [
        {"spec": NEAR, "queues": 1, "driver_settings": {"rx_descriptors": 4096}}]}))
    words = ["-c", probe_config, "-t", "default", "-t", "scan=super_spreader:src_ip/dst_ip,dst_port", "--share-cpus"]
    webhook, live = Webhook(), Live()
    with NatsServer(folder) as nats, MailServer(folder) as mail, Network(1) as net:
        config = rules(folder, webhook.server_address[1], mail.port)
        with Engine(folder, f"sqlite:{folder}/flows.db", "-c", config, nats=nats) as engine:
            engine.ready()
            live.listen(engine)
            with LiveProbe(folder, *words, "--nats", nats.url) as probe:
                probe.ready()
                more_epochs(engine, 2)
                assert engine.page("alerts") == {"rows": [], "left_out": 0, "next": None} and not webhook.messages
                with Attack(net):
                    # They fire, and all are told.
                    for source in (webhook, mail, live):
                        wait_for(all_of(source, "firing"), lambda: f"{webhook.messages}, {engine.said()[-3000:]}", LIMIT_S)
                    check_messages(webhook, mail, live, "firing")
                    before, told = firing(engine), []
                    assert set(before) == set(KEYS), before
                    for rule, row in before.items():
                        check_alert(rule, row, "firing")
                        assert row["since_ns"] <= webhook.of(rule, "firing")[0]["at_ns"], row
                        assert f"firing: {rule} on {SITE}/edge" in engine.said()
                    # Neither a kill nor an orderly end makes them be said again, but that a kill right after a delivery may
                    # repeat that message, with the id that it had.
                    wait_for(lambda: delivered(engine), "no message on its way", LIMIT_S)
                    for number in (signal.SIGKILL, signal.SIGKILL, signal.SIGTERM):
                        restart(engine, live, number)
                        more_epochs(engine, 4)
                        # What a killed engine had not acknowledged comes again after a third of the grace.
                        wait_for(lambda: engine.probe("edge")["gaps"] == 0, lambda: f"no gaps: {engine.probe('edge')}", LIMIT_S)
                        after = firing(engine)
                        assert {r: a["since_ns"] for r, a in after.items()} == {r: a["since_ns"] for r, a in before.items()}
                        assert not any(live.of(rule, "resolved") for rule in KEYS), live.alerts
                        wait_for(lambda: delivered(engine) and saved(folder, webhook), "all deliveries to be known", LIMIT_S)
                        told.append((len(webhook.messages), len(mail.mails())))
                    assert told[0] == told[1] == told[2], told
                    check_messages(webhook, mail, live, "firing")
                # They clear.
                for source in (webhook, mail, live):
                    wait_for(all_of(source, "resolved"), lambda: f"{webhook.messages}, {engine.said()[-3000:]}", LIMIT_S)
                check_messages(webhook, mail, live, "resolved")
                more_epochs(engine, 2)
                assert not firing(engine), engine.page("alerts")
                restart(engine, live, signal.SIGTERM)
                more_epochs(engine, 2)
                for state in ("firing", "resolved"):
                    check_messages(webhook, mail, live, state)
                assert all(len(mail.of(rule, "resolved")) == 1 for rule in KEYS), mail.mails()
            # The probe is gone: that is said, too, and that it is back.
            wait_for(lambda: webhook.of("probe_down", "firing"), lambda: engine.said()[-3000:], LIMIT_S)
            (message,) = webhook.of("probe_down", "firing")
            assert message["severity"] == "critical" and message["probe"] == "edge" and message["good"], message
            with LiveProbe(folder, *words, "--nats", nats.url):
                wait_for(lambda: webhook.of("probe_down", "resolved"), lambda: engine.said()[-3000:], LIMIT_S)
            said = collections.Counter((m["rule"], m["state"]) for m in {m["id"]: m for m in webhook.messages}.values())
            print(f"   messages: {dict(said)}; deliveries to the webhook: {len(webhook.messages)}, mails: {len(mail.mails())}")
    webhook.shutdown()


if __name__ == "__main__":
    try:
        subprocess.run([PYTHON, "-c", "import aiosmtpd"], stderr=subprocess.DEVNULL, check=True)
    except (OSError, subprocess.CalledProcessError):
        print("skipped: needs python3-aiosmtpd: scripts/install-deps.sh test")
        sys.exit(SKIP)
    enter_namespace()
    main(globals())
