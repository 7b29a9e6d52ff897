"""An HTTP/1.1 proxy that does damage, in front of an S3 service.

It knows just enough of HTTP to find the bodies. What it does to a request depends only on the seed, on what the request
is about and on how often that was asked before, not on the order in which requests arrive. Every fault that was done is
counted by kind and place.
"""

import asyncio
import collections
import random
import socket
import struct
import threading
from urllib.parse import unquote, urlsplit

KINDS = ("503", "reset", "truncate", "flip", "stall")
PIECE = 65536
SLOW_DOWN = b"<?xml version='1.0'?><Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"


class Fault:
    """One fault: its kind, and where in the exchange it strikes."""

    def __init__(self, kind, place, fraction):
        self.kind, self.place, self.fraction = kind, place, fraction


class NoFaults:
    """Lets everything pass."""

    def choose(self, request):
        return None


class Seeded:
    """Faults at random places: each thing asked for meets at most `most` of them, so that retries cover it."""

    def __init__(self, seed, rate, most=3):
        self.seed, self.rate, self.most = seed, rate, most
        self.asked = collections.Counter()
        self.struck = collections.Counter()

    def choose(self, request):
        about = request.about()
        self.asked[about] += 1
        dice = random.Random(f"{self.seed} {about} {self.asked[about]}")
        if self.struck[about] >= self.most or dice.random() >= self.rate:
            return None
        self.struck[about] += 1
        kind = dice.choice([kind for kind in KINDS if kind != "flip" or request.is_data()])
        return Fault(kind, place(dice, kind, request), dice.random())


class Forever:
    """The same fault at every request of a method for certain keys: {key: kind}."""

    def __init__(self, method, kinds):
        self.method, self.kinds = method, kinds

    def choose(self, request):
        kind = self.kinds.get(request.key) if request.method == self.method else None
        if kind is None:
            return None
        # Before the first byte of the content: a download that gets some bytes each time comes to its end.
        fraction = 0.5 if kind == "flip" else 0.0
        return Fault(kind, "request" if request.length else "body", fraction)


def place(dice, kind, request):
    """Where a fault strikes: in the request's body, before the answer (which the service has given), in its head or body."""
    if kind == "503":
        return "head"
    places = ["body"] if request.method == "GET" else []
    if request.length:
        places.append("request")
    if kind in ("reset", "stall"):
        places.append("unanswered")
    if kind == "reset":
        places.append("head")
    return dice.choice(places or ["unanswered"])


class Request:
    """The head of a request."""

    def __init__(self, head):
        self.head = head
        lines = head.decode("latin-1").split("\r\n")
        self.method, self.target, _ = lines[0].split(" ", 2)
        self.headers = headers_of(lines[1:])
        self.length = int(self.headers.get("content-length", 0))
        url = urlsplit(self.target)
        self.query = url.query
        self.key = unquote(url.path).partition("/")[2].partition("/")[2]

    def is_data(self):
        """Whether a body of object data goes either way."""
        if not self.key or self.method not in ("GET", "PUT"):
            return False
        if self.method == "GET":
            return not self.query
        return bool(self.length and ("partNumber" in self.query or not self.query))

    def about(self):
        """What is asked for, without what differs from run to run."""
        fields = [field for field in self.query.split("&") if not field.startswith(("uploadId=", "X-Amz"))]
        return " ".join([self.method, self.key, "&".join(fields), self.headers.get("range", "").partition("-")[0]])


def headers_of(lines):
    pairs = (line.split(":", 1) for line in lines if ":" in line)
    return {name.strip().lower(): value.strip() for name, value in pairs}


class Proxy:
    """Listens on a free port of the loopback in a thread of its own; `plan` may be changed between runs."""

    def __init__(self, upstream):
        self.upstream = upstream
        self.plan = NoFaults()
        self.done = collections.Counter()
        self.requests = 0
        self.port = None
        ready = threading.Event()
        threading.Thread(target=lambda: asyncio.run(self.listen(ready)), daemon=True).start()
        ready.wait()

    async def listen(self, ready):
        server = await asyncio.start_server(self.connection, "127.0.0.1", 0, limit=4 * PIECE, backlog=1024)
        self.port = server.sockets[0].getsockname()[1]
        ready.set()
        await server.serve_forever()

    async def connection(self, reader, writer):
        client = (reader, writer)
        service = None
        try:
            service = await asyncio.open_connection(*self.upstream, limit=4 * PIECE)
            while await self.exchange(client, service):
                pass
        except (OSError, EOFError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()
            if service:
                service[1].close()

    async def exchange(self, client, service):
        """One request and its answer; `False` if the connection cannot be used any more."""
        try:
            request = Request(await client[0].readuntil(b"\r\n\r\n"))
        except asyncio.IncompleteReadError:
            return False
        self.requests += 1
        fault = self.plan.choose(request)
        if fault and fault.kind == "503":
            return await self.refuse(client, request)
        service[1].write(request.head)
        if fault and fault.place == "request":
            if fault.kind != "flip":
                return await self.break_off(fault, client, service, client[0], service[1], request.length)
            await self.flip(fault, client[0], service[1], request.length)
        else:
            await copy(client[0], service[1], request.length)
        head = await service[0].readuntil(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        status, headers = int(lines[0].split(" ")[1]), headers_of(lines[1:])
        bare = request.method == "HEAD" or status in (204, 304)
        length = 0 if bare else int(headers.get("content-length", 0))
        chunked = not bare and headers.get("transfer-encoding", "").lower() == "chunked"
        if fault and fault.place == "unanswered":
            return await self.break_off(fault, client, service, None, None, 0)
        if fault and fault.place == "head":
            client[1].write(head[: len(head) // 2])
            await client[1].drain()
            return await self.break_off(fault, client, service, None, None, 0)
        if fault and fault.place == "body" and fault.kind != "flip":
            # An answer without a body is cut in its head.
            client[1].write(head if length or chunked else head[: len(head) // 2])
            return await self.break_off(fault, client, service, service[0], client[1], length)
        client[1].write(head)
        if fault and fault.place == "body" and length and status in (200, 206):
            await self.flip(fault, service[0], client[1], length)
        elif chunked:
            await copy_chunks(service[0], client[1])
        else:
            await copy(service[0], client[1], length)
        closes = "close" in (headers.get("connection", "").lower(), request.headers.get("connection", "").lower())
        return not closes

    async def refuse(self, client, request):
        """503, after the body of the request or, where that is long, in the middle of it."""
        self.done["503"] += 1
        answer = f"HTTP/1.1 503 Slow Down\r\nContent-Type: application/xml\r\nContent-Length: {len(SLOW_DOWN)}\r\n\r\n"
        body = b"" if request.method == "HEAD" else SLOW_DOWN
        early = request.length > 4 * PIECE
        if early:
            client[1].write(answer.encode() + body)
        await copy(client[0], None, request.length)
        if not early:
            client[1].write(answer.encode() + body)
        await client[1].drain()
        return True

    async def flip(self, fault, source, sink, length):
        """Passes a body on with one bit of it changed."""
        at = min(int(length * fault.fraction), length - 1)
        await copy(source, sink, at)
        byte = await source.readexactly(1)
        sink.write(bytes([byte[0] ^ 0x10]))
        self.done[f"flip, {fault.place}"] += 1
        await copy(source, sink, length - at - 1)

    async def break_off(self, fault, client, service, source, sink, length):
        """Passes a part of a body on and then nothing more."""
        if source:
            await copy(source, sink, int(length * fault.fraction))
        self.done[f"{fault.kind}, {fault.place}"] += 1
        if fault.kind == "stall":
            # Nobody reads, nobody writes, until the client has had enough. A body that waits hides the end of the stream.
            while await self.is_open(client):
                await asyncio.sleep(0.1)
        elif fault.kind == "reset":
            linger(client[1])
        # Truncation is an orderly end, in the middle: what was sent so far arrives.
        if fault.kind == "truncate":
            client[1].write_eof()
            service[1].write_eof()
            await copy(client[0], None, 1 << 40)
        client[1].transport.abort() if fault.kind != "truncate" else client[1].close()
        service[1].transport.abort()
        return False

    async def is_open(self, client):
        state = client[1].get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)
        return state[0] == 1  # TCP_ESTABLISHED


def linger(writer):
    """Makes the coming close a reset."""
    connection = writer.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


async def copy(source, sink, length):
    """Passes bytes on, or drops them where there is no sink; the end of the source is an error only if there is one."""
    while length > 0:
        piece = await source.read(min(length, PIECE))
        if not piece:
            if sink is None:
                return
            raise EOFError
        length -= len(piece)
        if sink is not None:
            sink.write(piece)
            await sink.drain()


async def copy_chunks(source, sink):
    while True:
        line = await source.readline()
        sink.write(line)
        size = int(line.split(b";")[0], 16)
        if size == 0:
            break
        await copy(source, sink, size + 2)
    while line not in (b"\r\n", b""):
        line = await source.readline()
        sink.write(line)
    await sink.drain()
