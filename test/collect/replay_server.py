#!/usr/bin/python3
"""A server on loopback that replays what a test has scripted, well or badly behaved, and writes down each request.

usage: replay_server.py --folder DIR [--scenario FILE] [--bars N]

DIR gets, before `ready` is written:
  ports.json     {"http": …, "https": …, "foreign": …}   https has a certificate of ca.pem, foreign one of another CA
  ca.pem         the CA to trust
  requests.log   one JSON object a line: time, port (http, https, foreign), method, path, headers (names in lower case)
It listens on 127.0.0.1 until it is killed, or its standard input ends.

A scenario is a JSON object: {"routes": [ROUTE, …], "variables": {…}}. A ROUTE is
  {"path": "/v8/finance/chart/{symbol}",    matches the path without its query; {name} matches one segment
   "query": {"page": "2"},                  optional: parameters that must have these values
   "responses": [RESPONSE, …]}              one for each request; the last is repeated
The first route that matches answers; 404 where none does. A RESPONSE has, all optional:
  status (200), headers {…}, body (text) or json (any value) or file (path, relative to the scenario's folder) or
  size (so many bytes "x"); in body, file and headers {symbol} and such are replaced by what the path matched, and
  {http}, {https}, {foreign} by the ports. In JSON texts of a body, braces of other names are left alone.
  delay          seconds before the status line
  drip           seconds between bytes of the body
  hang           true: the connection stays open and nothing is sent
  reset          true: the connection is reset instead of an answer
  truncate       send so many bytes of the body less than Content-Length says, and close
  content_length what the header says, whatever is sent
  chunked        true: chunked, where truncate leaves out the last chunk
  gzip           true: compressed; bomb: N sends N MiB of zeros, compressed

POST /_scenario   another scenario, as JSON; every route is at its first response again, the log is emptied
POST /_reset      the same with the scenario at hand
GET  /_requests   the log, as a JSON array
--bars N answers /v8/finance/chart/SYMBOL, for any symbol without a route, with N daily sessions before 2026-12-01.
Control requests are not logged. h2 is not spoken.
"""
import argparse
import datetime
import gzip
import json
import os
import re
import socket
import ssl
import struct
import subprocess
import sys
import threading
import time
import zlib
from urllib.parse import parse_qs, unquote, urlsplit


def make_certificates(folder):
    """Two CAs, each with a certificate for 127.0.0.1 and localhost."""
    def openssl(*arguments):
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)
    with open(os.path.join(folder, "extensions"), "w") as file:
        file.write("subjectAltName=IP:127.0.0.1,DNS:localhost\n")
    for ca, name in ("ca", "server"), ("foreign_ca", "foreign"):
        key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
        openssl("req", "-x509", *key, "-keyout", ca + ".key", "-out", ca + ".pem", "-days", "2", "-subj", "/CN=" + ca)
        openssl("req", *key, "-keyout", name + ".key", "-out", name + ".csr", "-subj", "/CN=" + name)
        openssl("x509", "-req", "-in", name + ".csr", "-CA", ca + ".pem", "-CAkey", ca + ".key", "-CAcreateserial",
                "-out", name + ".pem", "-days", "2", "-extfile", "extensions")


def compile_route(route):
    parts = re.split(r"\{(\w+)\}", route["path"])
    pattern = "".join(re.escape(part) if i % 2 == 0 else f"(?P<{part}>[^/]+)" for i, part in enumerate(parts))
    return re.compile(pattern + r"\Z")


class Scenario:
    def __init__(self, value, folder):
        self.folder = folder
        self.routes = [dict(route, pattern=compile_route(route), at=0) for route in value.get("routes", [])]
        self.variables = {name: str(text) for name, text in value.get("variables", {}).items()}

    def next_response(self, target):
        parts = urlsplit(target)
        query = parse_qs(parts.query, keep_blank_values=True)
        for route in self.routes:
            match = route["pattern"].match(parts.path)
            if not match or any(query.get(name) != [value] for name, value in route.get("query", {}).items()):
                continue
            responses = route["responses"]
            response = responses[min(route["at"], len(responses) - 1)]
            route["at"] += 1
            return response, {name: unquote(value) for name, value in match.groupdict().items()}
        return None, {}


class Bars:
    """Charts in Yahoo's shape: all but the symbol is written once."""
    def __init__(self, count):
        day, stamps = datetime.datetime(2026, 11, 30, 14, 30, tzinfo=datetime.timezone.utc), []
        while len(stamps) < count:
            if day.weekday() < 5:
                stamps.append(int(day.timestamp()))
            day -= datetime.timedelta(days=1)
        stamps.reverse()
        close = [100 + i % 50 * 0.25 for i in range(count)]
        quote = {"open": close, "high": [c + 1 for c in close], "low": [c - 1 for c in close], "close": close,
                 "volume": [1000 + i for i in range(count)]}
        rest = {"timestamp": stamps, "indicators": {"quote": [quote], "adjclose": [{"adjclose": close}]}}
        self.head = b'{"chart":{"result":[{"meta":{"currency":"USD","symbol":"'
        end = stamps[-1] + 23400 if stamps else 0
        self.tail = (f'","exchangeTimezoneName":"America/New_York","regularMarketTime":{end}}},'
                     + json.dumps(rest, separators=(",", ":"))[1:] + '],"error":null}}').encode()

    def body(self, symbol):
        return self.head + symbol.encode() + self.tail


class Server:
    def __init__(self, options):
        self.lock = threading.Lock()
        self.folder = options.folder
        self.log = open(os.path.join(options.folder, "requests.log"), "w+", buffering=1)
        self.ports = {}
        self.bars = Bars(options.bars) if options.bars else None
        self.source = {}
        if options.scenario:
            with open(options.scenario) as file:
                self.source = json.load(file)
        self.scenario_folder = os.path.dirname(os.path.abspath(options.scenario or options.folder))
        self.scenario = Scenario(self.source, self.scenario_folder)

    def listen(self, name, context):
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", 0))
        listener.listen(512)
        self.ports[name] = listener.getsockname()[1]

        def accept():
            while True:
                connection, _ = listener.accept()
                threading.Thread(target=self.serve, args=(connection, name, context), daemon=True).start()
        threading.Thread(target=accept, daemon=True).start()

    def serve(self, connection, name, context):
        try:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if context:
                connection = context.wrap_socket(connection, server_side=True)
            reader = connection.makefile("rb")
            while self.serve_one(connection, reader, name):
                pass
        except (OSError, ValueError):
            pass
        finally:
            connection.close()

    def serve_one(self, connection, reader, port):
        line = reader.readline(65537)
        if not line:
            return False
        method, target, _ = line.decode("latin-1").split()
        headers = {}
        while (line := reader.readline(65537)) not in (b"\r\n", b"\n", b""):
            key, _, value = line.decode("latin-1").partition(":")
            headers[key.strip().lower()] = value.strip()
        content = reader.read(int(headers.get("content-length", 0)))
        if target.startswith("/_"):
            return self.control(connection, method, target, content)
        entry = {"time": time.time(), "port": port, "method": method, "path": target, "headers": headers}
        with self.lock:
            self.log.write(json.dumps(entry) + "\n")
            response, found = self.scenario.next_response(target)
        if response is None:
            chart = re.match(r"/v8/finance/chart/([^/?]+)", target)
            if self.bars and chart:
                self.send(connection, 200, {"content-type": "application/json"}, self.bars.body(unquote(chart[1])))
                return True
            response = {"status": 404, "body": "no route"}
        return self.respond(connection, response, found)

    def control(self, connection, method, target, content):
        status, body = 200, b"{}"
        with self.lock:
            if (method, target) == ("GET", "/_requests"):
                with open(self.log.name) as file:
                    body = ("[" + ",".join(file.read().splitlines()) + "]").encode()
            elif method == "POST" and target in ("/_scenario", "/_reset"):
                if target == "/_scenario":
                    self.source = json.loads(content)
                self.scenario = Scenario(self.source, self.scenario_folder)
                self.log.seek(0)
                self.log.truncate()
            else:
                status, body = 404, b"no such control"
        self.send(connection, status, {}, body)
        return True

    def substitute(self, text, found):
        known = {**{name: str(port) for name, port in self.ports.items()}, **self.scenario.variables, **found}
        return re.sub(r"\{(\w+)\}", lambda match: known.get(match[1], match[0]), text)

    def body_of(self, response, found):
        if "bomb" in response:
            packer, zeros = zlib.compressobj(9, zlib.DEFLATED, 31), b"\0" * (1 << 20)
            return b"".join(packer.compress(zeros) for _ in range(response["bomb"])) + packer.flush()
        if "size" in response:
            body = b"x" * response["size"]
        elif "file" in response:
            with open(os.path.join(self.scenario_folder, response["file"]), "rb") as file:
                body = self.substitute(file.read().decode("latin-1"), found).encode("latin-1")
        elif "json" in response:
            body = self.substitute(json.dumps(response["json"]), found).encode()
        else:
            body = self.substitute(response.get("body", ""), found).encode()
        return gzip.compress(body) if response.get("gzip") else body

    def respond(self, connection, response, found):
        if response.get("hang"):
            while connection.recv(4096):
                pass
            return False
        time.sleep(response.get("delay", 0))
        if response.get("reset"):
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return False
        body = self.body_of(response, found)
        headers = {name: self.substitute(value, found) for name, value in response.get("headers", {}).items()}
        if "bomb" in response or response.get("gzip"):
            headers["Content-Encoding"] = "gzip"
        truncated = "truncate" in response
        if response.get("chunked"):
            headers["Transfer-Encoding"] = "chunked"
            body = b"%x\r\n%s\r\n" % (len(body), body) + (b"" if truncated else b"0\r\n\r\n")
        else:
            headers["Content-Length"] = str(response.get("content_length", len(body)))
            body = body[:len(body) - response.get("truncate", 0)]
        self.send(connection, response.get("status", 200), headers, body, response.get("drip", 0))
        return not truncated and "content_length" not in response

    @staticmethod
    def send(connection, status, headers, body, drip=0):
        lines = [f"HTTP/1.1 {status} Scripted", *(f"{name}: {value}" for name, value in headers.items())]
        if not any(name.lower() in ("content-length", "transfer-encoding") for name in headers):
            lines.append(f"Content-Length: {len(body)}")
        head = ("\r\n".join(lines) + "\r\n\r\n").encode()
        if not drip:
            connection.sendall(head + body)
            return
        connection.sendall(head)
        for i in range(len(body)):
            time.sleep(drip)
            connection.sendall(body[i:i + 1])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", required=True)
    parser.add_argument("--scenario")
    parser.add_argument("--bars", type=int, default=0)
    options = parser.parse_args()
    os.makedirs(options.folder, exist_ok=True)
    make_certificates(options.folder)
    server = Server(options)
    server.listen("http", None)
    for port, name in ("https", "server"), ("foreign", "foreign"):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(os.path.join(options.folder, name + ".pem"), os.path.join(options.folder, name + ".key"))
        server.listen(port, context)
    with open(os.path.join(options.folder, "ports.json"), "w") as file:
        json.dump(server.ports, file)
    with open(os.path.join(options.folder, "ready"), "w"):
        pass
    while sys.stdin.buffer.read(4096):
        pass
    os._exit(0)


if __name__ == "__main__":
    main()
