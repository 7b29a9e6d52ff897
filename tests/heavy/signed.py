"""A client of S3 for the campaigns: signs by V4 or V2 and keeps its connections. Python 3 standard library only."""

import base64
import datetime
import email.utils
import hashlib
import hmac
import http.client
import threading
import time
import urllib.parse
import xml.etree.ElementTree as ElementTree

SAFE = "-_.~"
# Seconds after which a kept connection is not used any more.
IDLE = 30
# What is part of the resource that SigV2 signs, of what the campaigns say.
SIGNED_BY_V2 = {"acl", "cors", "delete", "lifecycle", "partNumber", "policy", "tagging", "uploadId", "uploads",
                "versionId", "versioning", "versions"}


def quote(text):
    """A value in a query, or a key in a header."""
    return urllib.parse.quote(text.encode(), safe=SAFE)


def plain(tree):
    """An XML document without namespaces."""
    for element in tree.iter():
        element.tag = element.tag.rsplit("}", 1)[-1]
    return tree


class Client:
    """Sends requests for one key pair. Every byte of a key but the plainest is written as an escape."""

    # Whether each thread keeps its connection for its next request.
    keeps = True

    def __init__(self, host, access_key, secret_key):
        self.host, self.access_key, self.secret_key = host, access_key, secret_key
        self.local = threading.local()

    def send(self, method, bucket, key="", query="", body=b"", headers=None, v2=False, unsigned=False):
        """Status, headers (lower case) and body of the answer. In `query` names are in order and values escaped."""
        path = "/" + bucket + ("/" + urllib.parse.quote(key.encode(), safe=SAFE + "/") if key else "")
        sent = {"host": self.host, **(headers or {})}
        if v2:
            self._sign_v2(method, path, query, sent)
        else:
            self._sign_v4(method, path, query, sent, "UNSIGNED-PAYLOAD" if unsigned else hashlib.sha256(body).hexdigest())
        link = getattr(self.local, "link", None)
        # A server may leave a connection on which nothing came for long.
        if link is None or time.monotonic() - self.local.used > IDLE:
            link = self.local.link = http.client.HTTPConnection(self.host, timeout=120)
        try:
            link.request(method, path + ("?" + query if query else ""), body, sent)
            answer = link.getresponse()
            body = answer.read()
        except (OSError, http.client.HTTPException):
            self.local.link = None
            link.close()
            raise
        if not self.keeps:
            self.local.link = None
            link.close()
        self.local.used = time.monotonic()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, body

    def head(self, method, bucket, key, query="", length=0, body=None):
        """The signed head of a request as the bytes for a socket: the last one of its connection, whose body somebody else
        sends; or, with its body behind it, one of many."""
        path = "/" + bucket + "/" + urllib.parse.quote(key.encode(), safe=SAFE + "/")
        sent = {"host": self.host}
        self._sign_v4(method, path, query, sent, "UNSIGNED-PAYLOAD" if body is None else hashlib.sha256(body).hexdigest())
        lines = "".join(f"{name}: {value}\r\n" for name, value in sent.items())
        target = path + ("?" + query if query else "")
        if body is None:
            return f"{method} {target} HTTP/1.1\r\n{lines}content-length: {length}\r\nconnection: close\r\n\r\n".encode()
        return f"{method} {target} HTTP/1.1\r\n{lines}content-length: {len(body)}\r\n\r\n".encode() + body

    def _sign_v4(self, method, path, query, sent, digest):
        now = datetime.datetime.now(datetime.timezone.utc)
        stamp, day = now.strftime("%Y%m%dT%H%M%SZ"), now.strftime("%Y%m%d")
        sent["x-amz-date"], sent["x-amz-content-sha256"] = stamp, digest
        names = sorted(sent)
        signed = ";".join(names)
        canonical = "&".join(part if "=" in part else part + "=" for part in query.split("&") if part)
        request = "\n".join(
            [method, path, canonical, *(f"{name}:{sent[name]}" for name in names), "", signed, digest]
        )
        scope = f"{day}/us-east-1/s3/aws4_request"
        text = "\n".join(["AWS4-HMAC-SHA256", stamp, scope, hashlib.sha256(request.encode()).hexdigest()])
        secret = ("AWS4" + self.secret_key).encode()
        for step in [day, "us-east-1", "s3", "aws4_request"]:
            secret = hmac.digest(secret, step.encode(), "sha256")
        signature = hmac.digest(secret, text.encode(), "sha256").hex()
        sent["authorization"] = (
            f"AWS4-HMAC-SHA256 Credential={self.access_key}/{scope}, SignedHeaders={signed}, Signature={signature}"
        )

    def _sign_v2(self, method, path, query, sent):
        sent["date"] = email.utils.formatdate(usegmt=True)
        amz = "".join(f"{name}:{sent[name]}\n" for name in sorted(sent) if name.startswith("x-amz-"))
        parts = sorted(urllib.parse.unquote(part) for part in query.split("&") if part.split("=")[0] in SIGNED_BY_V2)
        resource = path + ("?" + "&".join(parts) if parts else "")
        first = [method, sent.get("content-md5", ""), sent.get("content-type", ""), sent["date"]]
        text = "\n".join(first) + "\n" + amz + resource
        signature = base64.b64encode(hmac.digest(self.secret_key.encode(), text.encode(), "sha1")).decode()
        sent["authorization"] = f"AWS {self.access_key}:{signature}"

    def must(self, method, *args, **more):
        """As `send`, for what has to succeed; headers and body of the answer."""
        status, headers, body = self.send(method, *args, **more)
        if status >= 300:
            raise SystemExit(f"{method} {args}: {status} {body[:300]!r}")
        return headers, body

    def contents(self, bucket):
        """Key, size and ETag of all objects, as the pages of a listing have them."""
        after = ""
        while True:
            query = "encoding-type=url&list-type=2"
            if after:
                query += "&start-after=" + quote(after)
            tree = plain(ElementTree.fromstring(self.must("GET", bucket, query=query)[1]))
            for found in tree.iter("Contents"):
                after = urllib.parse.unquote_plus(found.findtext("Key"))
                yield after, int(found.findtext("Size")), found.findtext("ETag").strip('"')
            if tree.findtext("IsTruncated") != "true":
                return

    def keys(self, bucket):
        """All keys of a bucket."""
        return [key for key, _, _ in self.contents(bucket)]

    def grants(self, bucket, key):
        """Who is granted what on an object."""
        tree = plain(ElementTree.fromstring(self.must("GET", bucket, key, query="acl")[1]))
        found = []
        for grant in tree.iter("Grant"):
            fields = {element.tag: (element.text or "") for element in grant.iter()}
            found.append((fields.get("ID") or fields.get("URI"), fields.get("Permission")))
        return sorted(found)
