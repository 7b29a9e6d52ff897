"""What the campaigns share: the program, the service that it talks to, and a relay between them that counts bytes.

Python 3 standard library only.
"""

import argparse
import configparser
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

# Those of the service that the campaigns start.
ACCESS_KEY, SECRET_KEY = "campaign", "campaign-secret"

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def arguments(description, seed):
    """The options that every campaign has; it may add its own before it parses."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("-c", metavar="CONFIG", dest="config",
                        help="a configuration of s3cmd for a service over plain HTTP; without it `serve` is started")
    parser.add_argument("--program", help="the program to run; without it a release is built")
    parser.add_argument("--seed", type=int, default=seed, help="decides everything random (default: %(default)s)")
    return parser


def release():
    """Builds the program; its path."""
    subprocess.run(["cargo", "build", "--release", "--quiet"], cwd=ROOT, check=True)
    return os.path.join(ROOT, "target", "release", "s3cmd")


def start_serve(program, data, work, environment, *options):
    """Starts `serve` on a free port, with a log in `work`; the process, and its host and port."""
    log = os.path.join(work, "serve.log")
    command = [program, "serve", data, *options, "--address", "127.0.0.1:0", "--auth-key", f"{ACCESS_KEY},{SECRET_KEY}"]
    with open(log, "w") as file:
        server = subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT, env=environment)
    for _ in range(3000):
        with open(log) as file:
            said = file.read()
        found = re.search(r"http://([0-9.]+:\d+)", said)
        if found:
            return server, found.group(1)
        if server.poll() is not None:
            raise Wrong(f"serve did not start: {said}")
        time.sleep(0.01)
    server.kill()
    server.wait()
    raise Wrong("serve did not say that it listens")


def service_of(path):
    """What a configuration of s3cmd says of its service."""
    parser = configparser.RawConfigParser(strict=False)
    parser.read(path)
    section = dict(parser["default"])
    check(section.get("use_https", "False").lower() in ("false", "no", "0", "off"), "the service has to be plain HTTP")
    known = ("access_key", "secret_key", "host_base", "signature_v2", "bucket_location")
    return {key: section[key] for key in known if section.get(key)}


class Wrong(Exception):
    """What was not as it has to be."""


def check(condition, text):
    if not condition:
        raise Wrong(text)


class Relay:
    """Passes connections on to a service and counts the bytes of both directions, apart for each run."""

    def __init__(self, host, port):
        self.upstream = (host, port)
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.port = self.listener.getsockname()[1]
        self.counts = [[0, 0]]
        self.lock = threading.Lock()
        threading.Thread(target=self._accept, daemon=True).start()

    def next_run(self):
        """Begins to count anew; what still comes on older connections is not counted."""
        with self.lock:
            self.counts.append([0, 0])
        return self.counts[-1]

    def _accept(self):
        while True:
            client, _ = self.listener.accept()
            threading.Thread(target=self._serve, args=(client, self.counts[-1]), daemon=True).start()

    def _serve(self, client, count):
        try:
            server = socket.create_connection(self.upstream)
        except OSError:
            client.close()
            return
        for end in (client, server):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        back = threading.Thread(target=self._pass, args=(server, client, count, 1), daemon=True)
        back.start()
        self._pass(client, server, count, 0)
        back.join()
        client.close()
        server.close()

    def _pass(self, source, sink, count, direction):
        """Moves bytes within the kernel until one side ends."""
        reader, writer = os.pipe()
        try:
            while True:
                # An answer in two pieces must not wait for the acknowledgement of the first.
                source.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
                moved = os.splice(source.fileno(), writer, 1 << 20)
                if moved == 0:
                    break
                with self.lock:
                    count[direction] += moved
                while moved > 0:
                    moved -= os.splice(reader, sink.fileno(), moved)
        except OSError:
            # A killed client: the other side has to know.
            for end in (source, sink):
                try:
                    end.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
        else:
            try:
                sink.shutdown(socket.SHUT_WR)
            except OSError:
                pass
        finally:
            os.close(reader)
            os.close(writer)


class Lab:
    """A private home and working directory, the program, a service, and a relay before it. Leaves nothing behind."""

    def __init__(self, options, bucket):
        self.work = tempfile.mkdtemp(prefix="s3cmd-campaign-")
        self.server = None
        self.made_bucket = False
        self.bucket = f"{bucket}-{os.getpid()}"
        self.home = os.path.join(self.work, "home")
        os.mkdir(self.home)
        self.program = os.path.abspath(options.program) if options.program else release()
        if options.config:
            keys = service_of(options.config)
        else:
            keys = self._serve()
        host, _, port = keys["host_base"].partition(":")
        self.relay = Relay(host, int(port or 80))
        keys["host_base"] = keys["host_bucket"] = f"127.0.0.1:{self.relay.port}"
        keys["use_https"] = "False"
        self.config = os.path.join(self.home, ".s3cfg")
        with open(self.config, "w") as file:
            file.write("[default]\n" + "".join(f"{key} = {value}\n" for key, value in keys.items()))

    def _serve(self):
        data = os.path.join(self.work, "data")
        os.mkdir(data)
        self.server, host = start_serve(self.program, data, self.work, self.environment(), "--no-fsync")
        return {"access_key": ACCESS_KEY, "secret_key": SECRET_KEY, "host_base": host}

    def environment(self):
        return {"HOME": self.home, "PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "TZ": "UTC"}

    def path(self, *names):
        return os.path.join(self.work, *names)

    def start(self, *words, **more):
        """Starts the program; more are those of Popen."""
        return subprocess.Popen([self.program, *words], cwd=self.work, env=self.environment(), **more)

    def run(self, *words):
        """Runs the program, which has to succeed and to write nothing to stderr; returns its stdout."""
        process = self.start(*words, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        out, err = process.communicate()
        check(process.returncode == 0 and not err,
              f"{' '.join(words)}: exit {process.returncode}\n{err.decode(errors='replace')[:2000]}")
        return out

    def make_bucket(self):
        self.run("mb", f"s3://{self.bucket}")
        self.made_bucket = True

    def close(self):
        if self.made_bucket:
            self.start("rb", "-rf", f"s3://{self.bucket}", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).wait()
        if self.server:
            self.server.terminate()
            self.server.wait()
        shutil.rmtree(self.work, ignore_errors=True)


def carry_out(lab, work):
    """Runs a campaign, says how it ended, and ends the process accordingly."""
    started = time.monotonic()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        lab.make_bucket()
        work(lab)
    except (Wrong, KeyboardInterrupt) as ended:
        print(f"FAILED: {ended or 'interrupted'}")
        sys.exit(1)
    finally:
        lab.close()
    print(f"passed in {time.monotonic() - started:.0f} s")
