"""Many small requests over kept connections, for next to nothing of the processors: what is measured is the server.

Python 3 standard library only.
"""

import re
import select
import socket

from campaign import Wrong, check

LENGTH = re.compile(rb"(?i)\r\ncontent-length: *(\d+)")


class Lane:
    """A connection: one request after the other."""

    def __init__(self, host):
        name, _, port = host.partition(":")
        self.link = socket.create_connection((name, int(port)), timeout=600)
        self.link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.got, self.missing = b"", None

    def ask(self, request):
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
        for _ in range(width):
            request = next(waiting, None)
            if request is None:
                break
            lane = Lane(host)
            lanes[lane.link.fileno()] = lane
            poll.register(lane.link.fileno(), select.EPOLLIN)
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
                else:
                    lane.ask(request)
    finally:
        poll.close()
        for lane in lanes.values():
            lane.link.close()
