"""Authentication: signatures in headers, clocks, payload hashes, chunked bodies, anonymous requests.
https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-authenticating-requests.html"""

import datetime

import pytest
from conftest import refused
from wire import CHUNKED, CHUNKED_TRAILER, UNSIGNED, UNSIGNED_TRAILER, User, md5


def now(**span):
    return datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(**span)


@pytest.fixture
def path(shared, key):
    return f"/{shared}/{key}"


def test_right(wire, path):
    assert wire.signed(wire.main, "PUT", path, body=b"x").status == 200


def test_wrong_secret(wire, path):
    refused("SignatureDoesNotMatch", 403, wire.signed(wire.main, "PUT", path, body=b"x", secret="wrong"))


def test_wrong_secret_says_whose(wire, path):
    answer = wire.signed(wire.main, "GET", path, secret="wrong")
    assert answer.status == 403 and wire.main.secret.encode() not in answer.body


def test_unknown_user(wire, path):
    refused("InvalidAccessKeyId", 403, wire.signed(User("NOSUCHUSER0000000000", "secret"), "GET", path))


@pytest.mark.parametrize("change", ["flip", "short", "empty", "upper", "long"])
def test_tampered_signature(wire, path, change):
    tamper = {"flip": lambda s: ("0" if s[0] != "0" else "1") + s[1:], "short": lambda s: s[:-1], "empty": lambda s: "",
              "upper": lambda s: s.upper() if s.upper() != s else s + "A", "long": lambda s: s + "0"}[change]
    answer = wire.signed(wire.main, "GET", path, tamper=tamper)
    assert answer.status in (400, 403) and answer.code in ("SignatureDoesNotMatch", "AuthorizationHeaderMalformed", "AccessDenied"), answer


@pytest.mark.parametrize("span", [{"minutes": 10}, {"minutes": -10}, {"minutes": 14}, {"minutes": -14}], ids=str)
def test_clock_a_little_off(wire, path, span):
    assert wire.signed(wire.main, "PUT", path, body=b"x", now=now(**span)).status == 200


@pytest.mark.parametrize("span", [{"minutes": 20}, {"minutes": -20}, {"days": 2}, {"days": -2}], ids=str)
def test_clock_off(wire, path, span):
    refused("RequestTimeTooSkewed", 403, wire.signed(wire.main, "PUT", path, body=b"x", now=now(**span)))


@pytest.mark.parametrize("span", [{"minutes": 20}, {"minutes": -20}], ids=str)
def test_clock_off_v2(wire, path, span):
    refused("RequestTimeTooSkewed", 403, wire.signed_v2(wire.main, "PUT", path, body=b"x", now=now(**span)))


def test_date_of_the_scope(wire, path):
    answer = wire.signed(wire.main, "GET", path, scope_date=now(days=-1).strftime("%Y%m%d"))
    assert answer.status in (400, 403) and answer.code in ("AuthorizationHeaderMalformed", "SignatureDoesNotMatch", "AccessDenied"), answer


@pytest.mark.parametrize("text", ["", "AWS4-HMAC-SHA256", "AWS4-HMAC-SHA256 Credential=x", "Bearer abc", "Basic dTpw", "nonsense",
                                  "AWS4-HMAC-SHA256 Credential=a/b/c/d/e, SignedHeaders=host, Signature=x", "AWS", "AWS x", "AWS x:"])
def test_malformed_authorization(wire, shared, text):
    answer = wire.send("GET", f"/{shared}", headers=[("Authorization", text), ("x-amz-date", now().strftime("%Y%m%dT%H%M%SZ"))])
    assert answer.status in (400, 403), answer


def test_query_is_signed(wire, shared):
    answer = wire.signed(wire.main, "GET", f"/{shared}", [("prefix", "a")])
    assert answer.status == 200
    path = f"/{shared}"
    signed = wire.presign(wire.main, "GET", path, [("prefix", "a")])
    refused("SignatureDoesNotMatch", 403, wire.send_target("GET", signed.replace("prefix=a", "prefix=b")))


def test_an_amz_header_that_is_not_signed(wire, s3, path, shared, key):
    answer = wire.signed(wire.main, "PUT", path, body=b"x", unsigned=[("x-amz-meta-a", "1")])
    refused(("AccessDenied", "SignatureDoesNotMatch"), 403, answer)


def test_unsigned_payload(wire, path):
    assert wire.signed(wire.main, "PUT", path, body=b"x", payload=UNSIGNED).status == 200
    assert wire.signed(wire.main, "GET", path).body == b"x"


@pytest.mark.parametrize("payload", ["nonsense", "0" * 63, "g" * 64])
def test_payload_hash_that_is_none(wire, path, payload):
    answer = wire.signed(wire.main, "PUT", path, body=b"x", payload=payload)
    assert answer.status == 400 and answer.code in ("InvalidArgument", "InvalidRequest", "XAmzContentSHA256Mismatch"), answer


def test_payload_hash_of_another_body(wire, path):
    answer = wire.signed(wire.main, "PUT", path, body=b"x", payload="0" * 64)
    refused("XAmzContentSHA256Mismatch", 400, answer)
    assert wire.signed(wire.main, "HEAD", path).status == 404


@pytest.mark.parametrize("region", ["us-east-1", "eu-west-1", "US", "default"])
def test_regions(wire, path, region):
    # Any region is accepted, because s3cmd's default is US.
    assert wire.signed(wire.main, "PUT", path, body=b"x", region=region).status == 200


def test_v2(wire, path):
    assert wire.signed_v2(wire.main, "PUT", path, body=b"x").status == 200
    assert wire.signed_v2(wire.main, "GET", path).body == b"x"


def test_v2_with_headers(wire, path):
    headers = [("x-amz-meta-b", "2"), ("x-amz-meta-a", "1"), ("content-type", "text/x"), ("content-md5", md5(b"x"))]
    assert wire.signed_v2(wire.main, "PUT", path, headers=headers, body=b"x").status == 200
    assert wire.signed_v2(wire.main, "HEAD", path).headers["x-amz-meta-a"] == "1"


@pytest.mark.parametrize("sub", ["acl", "tagging"])
def test_v2_with_a_sub_resource(wire, path, sub):
    wire.signed_v2(wire.main, "PUT", path, body=b"x")
    assert wire.signed_v2(wire.main, "GET", path, [(sub, None)]).status == 200


def test_v2_with_an_amz_date(wire, path):
    date = now().strftime("%a, %d %b %Y %H:%M:%S GMT")
    assert wire.signed_v2(wire.main, "PUT", path, headers=[("x-amz-date", date)], body=b"x").status == 200


def test_v2_wrong_secret(wire, path):
    refused("SignatureDoesNotMatch", 403, wire.signed_v2(wire.main, "PUT", path, body=b"x", secret="wrong"))


def test_v2_unknown_user(wire, path):
    refused("InvalidAccessKeyId", 403, wire.signed_v2(User("NOSUCHUSER0000000000", "secret"), "GET", path))


def test_v2_for_another_resource(wire, path):
    refused("SignatureDoesNotMatch", 403, wire.signed_v2(wire.main, "GET", path, resource=path + "x"))


@pytest.mark.parametrize("version", ["s3", "s3v4"])
def test_boto3_of_either_version(wire, shared, key, version):
    client = wire.client(wire.main, signature_version=version)
    client.put_object(Bucket=shared, Key=key, Body=b"x", Metadata={"a": "1"})
    assert client.get_object(Bucket=shared, Key=key)["Metadata"] == {"a": "1"}


# Chunked bodies

@pytest.mark.parametrize("size", [0, 1, 8191, 8192, 8193, 20_000, 200_000])
@pytest.mark.parametrize("payload", [CHUNKED, CHUNKED_TRAILER, UNSIGNED_TRAILER], ids=["signed", "signed-trailer", "unsigned-trailer"])
def test_chunked(wire, path, payload, size):
    body = (bytes(range(256)) * (size // 256 + 1))[:size]
    answer = wire.signed(wire.main, "PUT", path, body=body, payload=payload)
    assert answer.status == 200, answer
    assert wire.signed(wire.main, "GET", path).body == body


@pytest.mark.parametrize("payload", [CHUNKED, CHUNKED_TRAILER, UNSIGNED_TRAILER], ids=["signed", "signed-trailer", "unsigned-trailer"])
def test_chunked_is_no_encoding_of_the_object(wire, path, payload):
    assert wire.signed(wire.main, "PUT", path, body=b"x", payload=payload).status == 200
    assert "content-encoding" not in wire.signed(wire.main, "HEAD", path).headers


@pytest.mark.parametrize("chunk", [1, 100, 65_536])
def test_chunk_sizes(wire, path, chunk):
    body = b"0123456789" * 60
    assert wire.signed(wire.main, "PUT", path, body=body, payload=CHUNKED, chunk_size=chunk).status == 200
    assert wire.signed(wire.main, "GET", path).body == body


@pytest.mark.parametrize("payload", [CHUNKED, CHUNKED_TRAILER], ids=["signed", "signed-trailer"])
def test_a_chunk_with_a_wrong_signature(wire, path, payload):
    answer = wire.signed(wire.main, "PUT", path, body=b"x" * 100, payload=payload, break_chunk=True)
    refused("SignatureDoesNotMatch", 403, answer)
    assert wire.signed(wire.main, "HEAD", path).status == 404


@pytest.mark.parametrize("length", [99, 101, 0])
def test_chunked_of_another_length(wire, path, length):
    answer = wire.signed(wire.main, "PUT", path, body=b"x" * 100, payload=CHUNKED, decoded_length=length)
    assert answer.status == 400 and answer.code in ("IncompleteBody", "InvalidRequest", "InvalidArgument"), answer
    assert wire.signed(wire.main, "HEAD", path).status == 404


def test_chunked_keeps_the_content_encoding(wire, path):
    answer = wire.signed(wire.main, "PUT", path, headers=[("content-encoding", "aws-chunked,gzip")], body=b"x", payload=CHUNKED)
    assert answer.status == 200
    assert wire.signed(wire.main, "HEAD", path).headers.get("content-encoding") == "gzip"


def test_chunked_part(wire, s3, shared, key):
    upload = s3.create_multipart_upload(Bucket=shared, Key=key)["UploadId"]
    answer = wire.signed(wire.main, "PUT", f"/{shared}/{key}", [("partNumber", "1"), ("uploadId", upload)], body=b"x" * 9000,
                         payload=CHUNKED)
    assert answer.status == 200
    assert s3.list_parts(Bucket=shared, Key=key, UploadId=upload)["Parts"][0]["Size"] == 9000
    s3.abort_multipart_upload(Bucket=shared, Key=key, UploadId=upload)


# Anonymous requests

NOBODY = {
    "list-buckets": ("GET", False, False, None), "list": ("GET", True, False, None), "create": ("PUT", True, False, "create"),
    "delete-bucket": ("DELETE", True, False, None), "get": ("GET", True, True, None), "head": ("HEAD", True, True, None),
    "put": ("PUT", True, True, None), "delete": ("DELETE", True, True, None), "acl": ("GET", True, True, "acl"),
    "put-acl": ("PUT", True, False, "acl"), "policy": ("PUT", True, False, "policy"), "upload": ("POST", True, True, "uploads"),
    "delete-many": ("POST", True, False, "delete"), "tags": ("GET", True, True, "tagging"), "versions": ("GET", True, False, "versions"),
    "lifecycle": ("DELETE", True, False, "lifecycle"),
}


@pytest.mark.parametrize("what", [name for name in NOBODY if name not in ("list-buckets", "create")])
def test_nobody_may_do_anything(wire, s3, shared, key, what):
    s3.put_object(Bucket=shared, Key=key, Body=b"x")
    method, _, on_key, sub = NOBODY[what]
    body, headers = b"", {}
    if what == "delete-many":
        body = f"<Delete><Object><Key>{key}</Key></Object></Delete>".encode()
        headers = {"Content-MD5": md5(body)}
    answer = wire.anonymous(method, shared, key if on_key else None, [(sub, None)] if sub else (), headers, body)
    if what == "delete-many" and answer.status == 200:
        assert answer.xml.findtext("Error/Code") == "AccessDenied"
    else:
        assert answer.status == 403 and (method == "HEAD" or answer.code == "AccessDenied"), answer
    assert s3.get_object(Bucket=shared, Key=key)["Body"].read() == b"x"


def test_a_session_token_that_is_none(wire, path):
    answer = wire.signed(wire.main, "GET", path, headers=[("x-amz-security-token", "nonsense")])
    assert answer.status in (400, 403), answer


def test_secret_is_never_told(wire, path):
    for answer in (wire.signed(wire.main, "GET", path, secret="wrong"), wire.anonymous("GET", path[1:].split("/")[0])):
        assert wire.main.secret.encode() not in answer.body
