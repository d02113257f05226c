#!/usr/bin/env python3
"""compile_presets.py refuses what is not a preset, by file and line.

usage: compile_presets_test.py COMPILE_PRESETS DRIVERS_CONFIG
"""
import pathlib
import subprocess
import sys
import tempfile
import unittest

COMPILER, PRESETS = map(pathlib.Path, sys.argv[1:3])


class CompilePresets(unittest.TestCase):
    def compile(self, change, name="net_ixgbe.yaml"):
        """stderr of compiling all presets, one of them changed; "" when it succeeds."""
        with tempfile.TemporaryDirectory() as folder:
            sources = []
            for preset in sorted(PRESETS.glob("*.yaml")):
                text = preset.read_text()
                sources.append(pathlib.Path(folder, preset.name))
                sources[-1].write_text(change(text) if preset.name == name else text)
            done = subprocess.run([sys.executable, COMPILER, pathlib.Path(folder, "out.cc"), *sources],
                                  capture_output=True, text=True, check=False)
            self.assertEqual(done.returncode == 0, done.stderr == "")
            return done.stderr.strip()

    def test_the_presets_as_they_are(self):
        self.assertEqual(self.compile(lambda text: text), "")

    def test_an_unknown_key(self):
        self.assertRegex(self.compile(lambda text: text.replace("mtu:", "mtuu:")),
                         r"^net_ixgbe.yaml:5: mtuu: is not a key \(known: driver, .*, trap\)\nnet_ixgbe.yaml:\d+: mtu: is missing$")

    def test_a_missing_key(self):
        self.assertRegex(self.compile(lambda text: text.replace("rss: true\n", "")),
                         r"^net_ixgbe.yaml:\d+: rss: is missing$")

    def test_a_repeated_key(self):
        self.assertEqual(self.compile(lambda text: text.replace("rss: true\n", "rss: true\nrss: false\n")),
                         "net_ixgbe.yaml:8: rss: stands twice")

    def test_bad_values(self):
        for old, new, why in (
                ("mtu: 1500", "mtu: 99999", "net_ixgbe.yaml:5: mtu: needs a number from 68 to 65535, or 0, not '99999'"),
                ("rx_descriptors: 2048", "rx_descriptors: 0",
                 "net_ixgbe.yaml:4: rx_descriptors: needs a number from 32 to 32768, not '0'"),
                ("rss: true", "rss: yes", "net_ixgbe.yaml:7: rss: needs true or false, not 'yes'"),
                ("bind: vfio-pci", "bind: uio", "net_ixgbe.yaml:3: bind: needs one of vfio-pci, bifurcated, none, not 'uio'"),
                ("mtu: 1500", "mtu 1500", "net_ixgbe.yaml:5: 'mtu 1500' is not of the form 'key: value'"),
        ):
            with self.subTest(new):
                self.assertIn(why, self.compile(lambda text: text.replace(old, new)))

    def test_a_trap_without_its_source(self):
        self.assertIn("trap: needs its source in brackets", self.compile(lambda text: text + "trap: it surprises\n"))

    def test_a_file_that_is_not_named_after_its_driver(self):
        self.assertEqual(self.compile(lambda text: text.replace("driver: net_ixgbe", "driver: net_igb")),
                         "net_ixgbe.yaml:1: driver: the file of this driver is net_igb.yaml")


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
