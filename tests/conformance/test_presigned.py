"""Presigned URLs of both signature versions.
https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html"""

import datetime
import time

import pytest
from conftest import refused
from wire import User, encode

VERSIONS = ["v4", "v2"]


def link(wire, version, method, path, query=(), headers=(), **more):
    return (wire.presign if version == "v4" else wire.presign_v2)(wire.main, method, path, query, headers, **more)


@pytest.fixture
def there(s3, shared, key):
    s3.put_object(Bucket=shared, Key=key, Body=b"content")
    return f"/{shared}/{key}"


@pytest.mark.parametrize("version", VERSIONS)
def test_get(wire, there, version):
    answer = wire.send_target("GET", link(wire, version, "GET", there))
    assert answer.status == 200 and answer.body == b"content"


@pytest.mark.parametrize("version", VERSIONS)
def test_head(wire, there, version):
    answer = wire.send_target("HEAD", link(wire, version, "HEAD", there))
    assert answer.status == 200 and answer.headers["content-length"] == "7"


@pytest.mark.parametrize("version", VERSIONS)
def test_put(wire, there, version):
    assert wire.send_target("PUT", link(wire, version, "PUT", there), body=b"new").status == 200
    assert wire.send_target("GET", link(wire, version, "GET", there)).body == b"new"


@pytest.mark.parametrize("version", VERSIONS)
def test_delete(wire, there, version):
    assert wire.send_target("DELETE", link(wire, version, "DELETE", there)).status == 204
    assert wire.send_target("GET", link(wire, version, "GET", there)).status == 404


@pytest.mark.parametrize("version", VERSIONS)
def test_listing(wire, there, shared, version):
    answer = wire.send_target("GET", link(wire, version, "GET", f"/{shared}", [("prefix", "key")]))
    assert answer.status == 200 and answer.xml.findtext("Contents/Key")


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("sign,send", [("GET", "PUT"), ("PUT", "GET"), ("GET", "DELETE"), ("PUT", "DELETE")])
def test_for_another_method(wire, there, version, sign, send):
    refused("SignatureDoesNotMatch", 403, wire.send_target(send, link(wire, version, sign, there), body=b"" if send != "PUT" else b"x"))


@pytest.mark.parametrize("version", VERSIONS)
def test_for_another_key(wire, s3, shared, there, version):
    s3.put_object(Bucket=shared, Key="secret", Body=b"s")
    tampered = link(wire, version, "GET", there).replace(there, f"/{shared}/secret")
    refused("SignatureDoesNotMatch", 403, wire.send_target("GET", tampered))


@pytest.mark.parametrize("version", VERSIONS)
def test_with_a_wrong_secret(wire, there, version):
    refused("SignatureDoesNotMatch", 403, wire.send_target("GET", link(wire, version, "GET", there, secret="wrong")))


def test_expired_v4(wire, there):
    earlier = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(seconds=120)
    refused(("AccessDenied", "ExpiredToken"), 403, wire.send_target("GET", wire.presign(wire.main, "GET", there, expires=60, now=earlier)))


def test_expired_v2(wire, there):
    refused("AccessDenied", 403, wire.send_target("GET", wire.presign_v2(wire.main, "GET", there, expires=int(time.time()) - 60)))


def test_not_yet_expired(wire, there):
    earlier = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(minutes=50)
    assert wire.send_target("GET", wire.presign(wire.main, "GET", there, expires=3600, now=earlier)).status == 200


def test_with_a_longer_life(wire, there):
    earlier = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(seconds=120)
    tampered = wire.presign(wire.main, "GET", there, expires=60, now=earlier).replace("X-Amz-Expires=60", "X-Amz-Expires=6000")
    refused("SignatureDoesNotMatch", 403, wire.send_target("GET", tampered))


def test_with_a_longer_life_v2(wire, there):
    past = int(time.time()) - 60
    tampered = wire.presign_v2(wire.main, "GET", there, expires=past).replace(f"Expires={past}", f"Expires={past + 600}")
    refused("SignatureDoesNotMatch", 403, wire.send_target("GET", tampered))


@pytest.mark.parametrize("expires", [604801, 10_000_000, -1, -100_000, 0, "x"])
def test_life_that_is_none(wire, there, expires):
    answer = wire.send_target("GET", wire.presign(wire.main, "GET", there, expires=expires))
    refused(("AuthorizationQueryParametersError", "AccessDenied"), 400 if expires == "x" else 403, answer)


def test_life_of_a_week(wire, there):
    assert wire.send_target("GET", wire.presign(wire.main, "GET", there, expires=604800)).status == 200


def test_from_the_future(wire, there):
    later = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=1)
    answer = wire.send_target("GET", wire.presign(wire.main, "GET", there, now=later))
    assert answer.status == 403, answer


@pytest.mark.parametrize("missing", ["X-Amz-Credential", "X-Amz-Date", "X-Amz-Expires", "X-Amz-SignedHeaders", "X-Amz-Signature"])
def test_incomplete(wire, there, missing):
    path, _, query = link(wire, "v4", "GET", there).partition("?")
    parts = [part for part in query.split("&") if not part.startswith(missing + "=")]
    answer = wire.send_target("GET", path + "?" + "&".join(parts))
    assert answer.status in (400, 403), answer


def test_with_an_unknown_algorithm(wire, there):
    answer = wire.send_target("GET", link(wire, "v4", "GET", there).replace("HMAC-SHA256", "HMAC-MD5"))
    assert answer.status in (400, 403), answer


@pytest.mark.parametrize("version", VERSIONS)
def test_of_an_unknown_user(wire, there, version):
    unknown = User("NOSUCHUSER0000000000", "secret")
    target = (wire.presign if version == "v4" else wire.presign_v2)(unknown, "GET", there)
    refused("InvalidAccessKeyId", 403, wire.send_target("GET", target))


def test_of_an_unknown_key(wire, shared, key):
    refused("NoSuchKey", 404, wire.send_target("GET", link(wire, "v4", "GET", f"/{shared}/{key}")))


@pytest.mark.parametrize("version", VERSIONS)
def test_overrides(wire, there, version):
    target = link(wire, version, "GET", there, [("response-content-type", "a/b"), ("response-content-disposition", "attachment")])
    answer = wire.send_target("GET", target)
    assert answer.status == 200 and answer.headers["content-type"] == "a/b" and answer.headers["content-disposition"] == "attachment"


def test_an_added_override(wire, there):
    refused("SignatureDoesNotMatch", 403, wire.send_target("GET", link(wire, "v4", "GET", there) + "&response-content-type=a%2Fb"))


def test_an_added_override_v2(wire, there):
    refused("SignatureDoesNotMatch", 403, wire.send_target("GET", link(wire, "v2", "GET", there) + "&response-content-type=a%2Fb"))


def test_an_added_header(wire, there):
    # An unsigned header must not affect the object.
    answer = wire.send_target("PUT", link(wire, "v4", "PUT", there), [("x-amz-acl", "public-read")], b"x")
    refused(("AccessDenied", "SignatureDoesNotMatch"), 403, answer)


def test_an_added_header_v2(wire, there):
    refused("SignatureDoesNotMatch", 403, wire.send_target("PUT", link(wire, "v2", "PUT", there), [("x-amz-acl", "public-read")], b"x"))


@pytest.mark.parametrize("version", VERSIONS)
def test_a_signed_header(wire, s3, there, version):
    headers = [("x-amz-meta-a", "1"), ("content-type", "text/x")]
    assert wire.send_target("PUT", link(wire, version, "PUT", there, headers=headers), headers, b"x").status == 200
    answer = wire.send_target("HEAD", link(wire, version, "HEAD", there))
    assert answer.headers["x-amz-meta-a"] == "1" and answer.headers["content-type"] == "text/x"


@pytest.mark.parametrize("version", VERSIONS)
def test_a_signed_header_that_is_not_sent(wire, there, version):
    target = link(wire, version, "PUT", there, headers=[("x-amz-meta-a", "1")])
    refused(("SignatureDoesNotMatch", "AccessDenied"), 403, wire.send_target("PUT", target, body=b"x"))


@pytest.mark.parametrize("version", VERSIONS)
def test_a_range(wire, there, version):
    answer = wire.send_target("GET", link(wire, version, "GET", there), [("Range", "bytes=1-3")])
    assert answer.status == 206 and answer.body == b"ont"


@pytest.mark.parametrize("version", VERSIONS)
def test_a_version(wire, s3, versioned, version):
    one = s3.put_object(Bucket=versioned, Key="k", Body=b"1")["VersionId"]
    s3.put_object(Bucket=versioned, Key="k", Body=b"2")
    assert wire.send_target("GET", link(wire, version, "GET", f"/{versioned}/k", [("versionId", one)])).body == b"1"


@pytest.mark.parametrize("key", ["a b", "ä", "a+b", "a%41", "a//b", "a/../b", "a&b=c?d"], ids=ascii)
@pytest.mark.parametrize("version", VERSIONS)
def test_names(wire, s3, bucket, version, key):
    s3.put_object(Bucket=bucket, Key=key, Body=key.encode())
    answer = wire.send_target("GET", link(wire, version, "GET", f"/{bucket}/{encode(key)}"))
    assert answer.status == 200 and answer.body == key.encode()


@pytest.mark.parametrize("signature", ["s3v4", "s3"])
@pytest.mark.parametrize("operation", ["get_object", "put_object"])
def test_as_boto3_makes_them(wire, there, shared, signature, operation):
    client = wire.client(wire.main, signature_version=signature)
    url = client.generate_presigned_url(operation, Params={"Bucket": shared, "Key": there.rpartition("/")[2]}, ExpiresIn=60)
    target = "/" + url.split("/", 3)[3]
    answer = wire.send_target("GET", target) if operation == "get_object" else wire.send_target("PUT", target, body=b"x")
    assert answer.status == 200, answer


@pytest.mark.parametrize("version", VERSIONS)
def test_uploads_in_parts(wire, s3, shared, key, version):
    upload = s3.create_multipart_upload(Bucket=shared, Key=key)["UploadId"]
    target = link(wire, version, "PUT", f"/{shared}/{key}", [("partNumber", "1"), ("uploadId", upload)])
    assert wire.send_target("PUT", target, body=b"part").status == 200
    assert len(s3.list_parts(Bucket=shared, Key=key, UploadId=upload)["Parts"]) == 1
    s3.abort_multipart_upload(Bucket=shared, Key=key, UploadId=upload)


def test_header_and_query_at_once(wire, there):
    path, _, query = link(wire, "v4", "GET", there).partition("?")
    answer = wire.send_target("GET", f"{path}?{query}", [("Authorization", "AWS4-HMAC-SHA256 Credential=x")])
    assert answer.status in (400, 403), answer
