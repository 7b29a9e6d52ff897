"""Many small requests over kept connections, for next to nothing of the processors: what is measured is the server.

Python 3 standard library only.
"""

import re
import select
import socket

from campaign import Wrong, check

CLOSE = re.compile(rb"(?i)\r\nconnection: *close")
LENGTH = re.compile(rb"(?i)\r\ncontent-length: *(\d+)")


class Lane:
    """One request after the other, on one connection if the server keeps it."""

    def __init__(self, host, poll):
        self.host, self.poll = host, poll
        self.connect()

    def connect(self):
        name, _, port = self.host.partition(":")
        self.link = socket.create_connection((name, int(port)), timeout=600)
        self.link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.poll.register(self.link.fileno(), select.EPOLLIN)
        self.got, self.missing, self.ends = b"", None, False

    def close(self):
        self.poll.unregister(self.link.fileno())
        self.link.close()

    def ask(self, request):
        if self.ends:
            self.close()
            self.connect()
        self.got, self.missing = b"", None
        # Small enough for the socket's buffer.
        self.link.sendall(request)

    def take(self):
        """Takes what came; whether the answer is complete."""
        piece = self.link.recv(65536)
        check(piece, "a connection ended")
        if self.missing is None:
            self.got += piece
            end = self.got.find(b"\r\n\r\n")
            if end < 0:
                return False
            head = self.got[:end]
            check(head.startswith(b"HTTP/1.1 200 "), repr(self.got[:300]))
            self.ends = bool(CLOSE.search(head))
            length = LENGTH.search(head)
            check(length, f"an answer without a length: {head!r}")
            self.missing = int(length[1]) - (len(self.got) - end - 4)
        else:
            self.missing -= len(piece)
        return self.missing == 0


def swarm(host, requests, width=16):
    """Sends each of the requests, `width` at a time, and takes their answers, which have to be 200."""
    waiting = iter(requests)
    lanes, busy = {}, 0
    poll = select.epoll()
    try:
        for _, request in zip(range(width), waiting):
            lane = Lane(host, poll)
            lanes[lane.link.fileno()] = lane
            lane.ask(request)
            busy += 1
        while busy:
            ready = poll.poll(60)
            if not ready:
                raise Wrong("no answer for a minute")
            for number, _ in ready:
                lane = lanes[number]
                if not lane.take():
                    continue
                request = next(waiting, None)
                if request is None:
                    busy -= 1
                    # A server that ends the connection is not to be heard any more.
                    poll.unregister(number)
                    continue
                lane.ask(request)
                if lane.link.fileno() != number:
                    del lanes[number]
                    lanes[lane.link.fileno()] = lane
    finally:
        poll.close()
        for lane in lanes.values():
            lane.link.close()
