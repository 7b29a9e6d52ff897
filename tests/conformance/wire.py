"""Raw requests: any path, any header, any signature, valid or invalid, sent exactly as specified."""

import base64
import datetime
import hashlib
import hmac
import http.client
import socket
import urllib.parse
import xml.etree.ElementTree as ET
import zlib

UNSIGNED = "UNSIGNED-PAYLOAD"
CHUNKED = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
CHUNKED_TRAILER = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
UNSIGNED_TRAILER = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
EMPTY_HASH = hashlib.sha256(b"").hexdigest()

# The sub-resources that SigV2 signs.
V2_SUB_RESOURCES = {
    "acl", "cors", "delete", "lifecycle", "location", "logging", "notification", "partNumber", "policy",
    "requestPayment", "response-cache-control", "response-content-disposition", "response-content-encoding",
    "response-content-language", "response-content-type", "response-expires", "restore", "tagging", "torrent",
    "uploadId", "uploads", "versionId", "versioning", "versions", "website",
}


class User:
    def __init__(self, access, secret):
        self.access, self.secret = access, secret


class Answer:
    """The status, headers (with lower-case names) and body of a response. `names` are the header names as received."""

    def __init__(self, status, headers, body):
        self.status, self.body = status, body
        self.names = [name for name, _ in headers]
        self.headers = {}
        for name, value in headers:
            name = name.lower()
            self.headers[name] = f"{self.headers[name]}, {value}" if name in self.headers else value

    @property
    def xml(self):
        """The XML document in the body, without namespaces."""
        root = ET.fromstring(self.body)
        for element in root.iter():
            element.tag = element.tag.rpartition("}")[2]
        return root

    @property
    def code(self):
        """The code of an error document, empty if absent."""
        if not self.body:
            return ""
        try:
            return self.xml.findtext("Code") or ""
        except ET.ParseError:
            return ""

    def __repr__(self):
        return f"{self.status} {self.headers} {self.body[:400]!r}"


def md5(body):
    return base64.b64encode(hashlib.md5(body).digest()).decode()


def encode(text, safe="/-_.~"):
    return urllib.parse.quote(text, safe=safe)


def _hmac(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def v4_key(secret, date, region, service="s3"):
    key = _hmac(b"AWS4" + secret.encode(), date)
    for part in (region, service, "aws4_request"):
        key = _hmac(key, part)
    return key


def _canonical_query(query):
    pairs = sorted((encode(name, "-_.~"), encode(value, "-_.~")) for name, value in query)
    return "&".join(f"{name}={value}" for name, value in pairs)


class Service:
    """An endpoint over plain HTTP."""

    def __init__(self, host, region="us-east-1"):
        self.host, self.region = host, region

    def send(self, method, path, query=(), headers=(), body=b"", host=None):
        """Sends a request unchanged. `path` must be encoded, the query parameters must not."""
        target = path
        if query:
            target += "?" + "&".join(
                name if value is None else f"{encode(name, '-_.~')}={encode(value, '-_.~')}" for name, value in query
            )
        return self.send_target(method, target, headers, body, host)

    def send_target(self, method, target, headers=(), body=b"", host=None):
        name, _, port = self.host.partition(":")
        connection = http.client.HTTPConnection(name, int(port or 80), timeout=60)
        try:
            connection.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
            connection.putheader("Host", host or self.host)
            names = {header.lower() for header, _ in headers}
            for header, value in headers:
                connection.putheader(header, value)
            if "content-length" not in names and "transfer-encoding" not in names and (body or method in ("PUT", "POST")):
                connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body or None)
            response = connection.getresponse()
            return Answer(response.status, response.getheaders(), response.read())
        finally:
            connection.close()

    def send_bytes(self, request, method="GET"):
        """Sends these bytes, which must be a request with this method."""
        name, _, port = self.host.partition(":")
        with socket.create_connection((name, int(port or 80)), timeout=60) as connection:
            connection.sendall(request)
            response = http.client.HTTPResponse(connection, method=method)
            response.begin()
            return Answer(response.status, response.getheaders(), response.read())

    def signed(self, user, method, path, query=(), headers=(), body=b"", *, payload=None, now=None, region=None,
               service="s3", host=None, sign_path=None, unsigned=(), secret=None, tamper=None, scope_date=None,
               trailers=(), chunk_size=8192, break_chunk=False, decoded_length=None):
        """Sends a request with a SigV4 Authorization header.

        `payload` is the value of x-amz-content-sha256 (by default the hash of the body). With a streaming value, the
        body is sent in chunks. `unsigned` headers are added after signing. `tamper` changes the signature.
        """
        now = now or datetime.datetime.now(datetime.timezone.utc)
        region = region or self.region
        stamp, date = now.strftime("%Y%m%dT%H%M%SZ"), scope_date or now.strftime("%Y%m%d")
        payload = payload or hashlib.sha256(body).hexdigest()
        query = [(name, "" if value is None else value) for name, value in query]
        all_headers = {name.lower(): " ".join(value.split()) for name, value in headers}
        all_headers.update({"host": host or self.host, "x-amz-date": stamp, "x-amz-content-sha256": payload})
        streaming = payload.startswith("STREAMING-")
        if streaming:
            all_headers.setdefault("content-encoding", "aws-chunked")
            all_headers["x-amz-decoded-content-length"] = str(len(body) if decoded_length is None else decoded_length)
            if trailers:
                all_headers["x-amz-trailer"] = ",".join(name for name, _ in trailers)
        names = sorted(all_headers)
        canonical = "\n".join([
            method, sign_path or path, _canonical_query(query),
            "".join(f"{name}:{all_headers[name]}\n" for name in names), ";".join(names), payload,
        ])
        scope = f"{date}/{region}/{service}/aws4_request"
        to_sign = "\n".join(["AWS4-HMAC-SHA256", stamp, scope, hashlib.sha256(canonical.encode()).hexdigest()])
        key = v4_key(secret or user.secret, date, region, service)
        signature = hmac.new(key, to_sign.encode(), hashlib.sha256).hexdigest()
        seed = signature
        if tamper:
            signature = tamper(signature)
        authorization = (f"AWS4-HMAC-SHA256 Credential={user.access}/{scope}, SignedHeaders={';'.join(names)}, "
                         f"Signature={signature}")
        if streaming:
            body = _chunks(body, payload, key, stamp, scope, seed, trailers, chunk_size, break_chunk)
        out = [(name, value) for name, value in all_headers.items() if name != "host"]
        return self.send(method, path, query, [*out, ("Authorization", authorization), *unsigned], body, host)

    def signed_v2(self, user, method, path, query=(), headers=(), body=b"", *, now=None, secret=None, resource=None):
        """Sends a request with a SigV2 Authorization header."""
        now = now or datetime.datetime.now(datetime.timezone.utc)
        all_headers = {name.lower(): value for name, value in headers}
        all_headers.setdefault("date", now.strftime("%a, %d %b %Y %H:%M:%S GMT"))
        signature = _v2_signature(secret or user.secret, method, resource or path, query, all_headers,
                                  "" if "x-amz-date" in all_headers else all_headers["date"])
        all_headers["authorization"] = f"AWS {user.access}:{signature}"
        return self.send(method, path, query, list(all_headers.items()), body)

    def presign(self, user, method, path, query=(), headers=(), *, expires=300, now=None, region=None, secret=None):
        """The target of a SigV4 presigned URL. The request must have the same headers."""
        now = now or datetime.datetime.now(datetime.timezone.utc)
        region = region or self.region
        stamp, date = now.strftime("%Y%m%dT%H%M%SZ"), now.strftime("%Y%m%d")
        scope = f"{date}/{region}/s3/aws4_request"
        all_headers = {name.lower(): value for name, value in headers} | {"host": self.host}
        names = ";".join(sorted(all_headers))
        query = [*query, ("X-Amz-Algorithm", "AWS4-HMAC-SHA256"), ("X-Amz-Credential", f"{user.access}/{scope}"),
                 ("X-Amz-Date", stamp), ("X-Amz-Expires", str(expires)), ("X-Amz-SignedHeaders", names)]
        canonical = "\n".join([
            method, path, _canonical_query(query),
            "".join(f"{name}:{all_headers[name]}\n" for name in sorted(all_headers)), names, UNSIGNED,
        ])
        to_sign = "\n".join(["AWS4-HMAC-SHA256", stamp, scope, hashlib.sha256(canonical.encode()).hexdigest()])
        key = v4_key(secret or user.secret, date, region)
        signature = hmac.new(key, to_sign.encode(), hashlib.sha256).hexdigest()
        return f"{path}?{_canonical_query(query)}&X-Amz-Signature={signature}"

    def presign_v2(self, user, method, path, query=(), headers=(), *, expires=None, secret=None):
        """The target of a SigV2 presigned URL. `expires` is in seconds since 1970."""
        now = datetime.datetime.now(datetime.timezone.utc)
        expires = int(now.timestamp()) + 300 if expires is None else expires
        all_headers = {name.lower(): value for name, value in headers}
        signature = _v2_signature(secret or user.secret, method, path, query, all_headers, str(expires))
        query = [*query, ("AWSAccessKeyId", user.access), ("Expires", str(expires)), ("Signature", signature)]
        return f"{path}?{_canonical_query(query)}"


def _v2_signature(secret, method, path, query, headers, date):
    amz = "".join(f"{name}:{headers[name]}\n" for name in sorted(headers) if name.startswith("x-amz-"))
    subs = sorted((name, value) for name, value in query if name in V2_SUB_RESOURCES)
    resource = path
    if subs:
        resource += "?" + "&".join(name if not value else f"{name}={value}" for name, value in subs)
    text = "\n".join([method, headers.get("content-md5", ""), headers.get("content-type", ""), date, amz + resource])
    return base64.b64encode(hmac.new(secret.encode(), text.encode(), hashlib.sha1).digest()).decode()


def _chunks(body, payload, key, stamp, scope, previous, trailers, size, broken):
    out = bytearray()
    sealed = payload != UNSIGNED_TRAILER
    pieces = [body[at:at + size] for at in range(0, len(body), size)]
    for number, piece in enumerate([*pieces, b""]):
        line = f"{len(piece):x}"
        if sealed:
            text = "\n".join(["AWS4-HMAC-SHA256-PAYLOAD", stamp, scope, previous, EMPTY_HASH,
                              hashlib.sha256(piece).hexdigest()])
            previous = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
            shown = previous if not (broken and number == 0) else "0" * 64
            line += f";chunk-signature={shown}"
        out += line.encode() + b"\r\n" + piece
        if piece or not payload.endswith("TRAILER"):
            out += b"\r\n"
    if payload.endswith("TRAILER"):
        block = "".join(f"{name}:{value}\n" for name, value in trailers)
        out += "".join(f"{name}:{value}\r\n" for name, value in trailers).encode()
        if sealed:
            text = "\n".join(["AWS4-HMAC-SHA256-TRAILER", stamp, scope, previous,
                              hashlib.sha256(block.encode()).hexdigest()])
            seal = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
            out += f"x-amz-trailer-signature:{seal}\r\n".encode()
        out += b"\r\n"
    return bytes(out)


def _table(polynomial, width):
    table = []
    for byte in range(256):
        value = byte
        for _ in range(8):
            value = (value >> 1) ^ (polynomial if value & 1 else 0)
        table.append(value)
    return table, (1 << width) - 1


_CRC32C = _table(0x82F63B78, 32)
_CRC64NVME = _table(0x9A6C9329AC4BC9B5, 64)


def _crc(tables, data):
    table, mask = tables
    value = mask
    for byte in data:
        value = (value >> 8) ^ table[(value ^ byte) & 0xFF]
    return value ^ mask


def raw_checksum(algorithm, data):
    if algorithm == "CRC32":
        return zlib.crc32(data).to_bytes(4, "big")
    if algorithm == "CRC32C":
        return _crc(_CRC32C, data).to_bytes(4, "big")
    if algorithm == "CRC64NVME":
        return _crc(_CRC64NVME, data).to_bytes(8, "big")
    return hashlib.new(algorithm.lower(), data).digest()


def checksum(algorithm, data):
    """A checksum in S3's encoding."""
    return base64.b64encode(raw_checksum(algorithm, data)).decode()
