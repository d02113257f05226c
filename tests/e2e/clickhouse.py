"""A real clickhouse-server for the end-to-end tests: on free loopback ports, its files in the test's folder.

Standard library, clickhouse-server and setpriv (util-linux). It ends with the test.
"""
import contextlib
import pathlib
import shutil
import subprocess
import urllib.error
import urllib.parse
import urllib.request

from nats import WITH_TEST, free_port, wait_for

CONFIG = """<yandex>
  <logger><level>warning</level><log>{folder}/log</log><errorlog>{folder}/errors</errorlog></logger>
  <http_port>{port}</http_port><tcp_port>{tcp_port}</tcp_port><listen_host>127.0.0.1</listen_host>
  <path>{folder}/data/</path><tmp_path>{folder}/tmp/</tmp_path><users_config>users.xml</users_config>
  <default_profile>default</default_profile><default_database>default</default_database>
  <mark_cache_size>67108864</mark_cache_size><timezone>UTC</timezone>
</yandex>
"""
USERS = """<yandex>
  <profiles><default><max_memory_usage>2000000000</max_memory_usage></default></profiles>
  <users><default><password></password><networks><ip>127.0.0.1</ip></networks><profile>default</profile>
    <quota>default</quota></default></users>
  <quotas><default/></quotas>
</yandex>
"""


class ClickHouse:
    """A context manager; clickhouse-server runs from start() to kill(), as often as one likes, with the same port and data."""

    def __init__(self, folder, database="netspectra"):
        self.folder = pathlib.Path(folder) / "clickhouse"
        self.folder.mkdir()
        self.database = database
        self.process = None
        for _ in range(10):  # somebody else may take a port first
            self.port = free_port()
            with contextlib.suppress(AssertionError):
                return self.start()
            self.kill()
        raise AssertionError("clickhouse-server does not start: " + (self.folder / "out").read_text())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()

    @property
    def url(self):
        """As a store."""
        return f"clickhouse://127.0.0.1:{self.port}/{self.database}"

    def start(self):
        (self.folder / "config.xml").write_text(CONFIG.format(folder=self.folder, port=self.port, tcp_port=free_port()))
        (self.folder / "users.xml").write_text(USERS)
        with open(self.folder / "out", "ab") as out:
            self.process = subprocess.Popen([*WITH_TEST, "clickhouse-server", f"--config-file={self.folder}/config.xml"],
                                            stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        wait_for(lambda: self.process.poll() is not None or self.answers(), "an answer of clickhouse-server")
        assert self.process.poll() is None

    def answers(self):
        with contextlib.suppress(OSError):
            return self.query("SELECT 1", database="default") == [("1",)]

    def signal(self, number):
        self.process.send_signal(number)

    def kill(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def query(self, sql, database=None):
        """The rows, as tuples of texts (TabSeparated: a tab, a newline and a backslash are escaped)."""
        parameters = urllib.parse.urlencode({"database": database or self.database, "wait_end_of_query": 1})
        request = f"http://127.0.0.1:{self.port}/?{parameters}"
        try:
            with urllib.request.urlopen(request, data=sql.encode(), timeout=60) as answer:
                return [tuple(line.split("\t")) for line in answer.read().decode().splitlines()]
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{sql}: {error.read().decode()}") from error


def missing_programs():
    return [name for name in ("clickhouse-server", "setpriv") if shutil.which(name) is None]
