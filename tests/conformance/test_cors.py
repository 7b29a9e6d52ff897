"""CORS: the configuration, preflight requests, and response headers.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/cors.html"""

import pytest
from conftest import refused

ORIGIN = "http://www.example.org"


def rule(**more):
    return {"AllowedOrigins": [ORIGIN], "AllowedMethods": ["GET"]} | more


@pytest.fixture(scope="module")
def ruled(s3, shared):
    s3.put_bucket_cors(Bucket=shared, CORSConfiguration={"CORSRules": [
        rule(AllowedMethods=["GET", "PUT"], AllowedHeaders=["x-amz-*", "content-type"], ExposeHeaders=["ETag", "x-amz-meta-a"],
             MaxAgeSeconds=600),
        rule(AllowedOrigins=["https://*.example.net"], AllowedMethods=["POST"], AllowedHeaders=["*"]),
        rule(AllowedOrigins=["*"], AllowedMethods=["HEAD"]),
    ]})
    s3.put_object(Bucket=shared, Key="k", Body=b"x", ACL="public-read")
    return shared


def preflight(wire, bucket, origin, method, headers=None):
    asked = {"Origin": origin, "Access-Control-Request-Method": method}
    if headers:
        asked["Access-Control-Request-Headers"] = headers
    return wire.anonymous("OPTIONS", bucket, "k", headers=asked)


def test_round_trip(s3, bucket):
    rules = [rule(ID="one", AllowedHeaders=["*"], ExposeHeaders=["ETag"], MaxAgeSeconds=5)]
    s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": rules})
    assert s3.get_bucket_cors(Bucket=bucket)["CORSRules"] == rules
    assert s3.delete_bucket_cors(Bucket=bucket)["ResponseMetadata"]["HTTPStatusCode"] == 204
    refused("NoSuchCORSConfiguration", 404, s3.get_bucket_cors, Bucket=bucket)


BAD = {
    "none": [], "no-origin": [rule(AllowedOrigins=[])], "no-method": [rule(AllowedMethods=[])],
    "bad-method": [rule(AllowedMethods=["PATCH"])], "two-stars": [rule(AllowedOrigins=["http://*.*"])],
    "two-stars-in-a-header": [rule(AllowedHeaders=["x-*-*"])], "too-many": [rule()] * 101,
}


@pytest.mark.parametrize("what", BAD)
def test_invalid(s3, bucket, what):
    refused(("MalformedXML", "InvalidRequest"), 400, s3.put_bucket_cors, Bucket=bucket, CORSConfiguration={"CORSRules": BAD[what]})


ALLOWED = [(ORIGIN, "GET", None), (ORIGIN, "PUT", None), (ORIGIN, "GET", "x-amz-date"), (ORIGIN, "GET", "X-Amz-Date, Content-Type"),
           ("https://a.example.net", "POST", "anything"), ("https://a.b.example.net", "POST", None), ("http://any", "HEAD", None)]
REFUSED = [("http://evil", "GET", None), (ORIGIN, "DELETE", None), (ORIGIN, "GET", "authorization"), (ORIGIN, "POST", None),
           (ORIGIN, "GET", "x-amz-date, other"), ("http://a.example.net", "POST", None), ("https://example.net", "POST", None),
           ("http://any", "HEAD", "x-amz-date")]


@pytest.mark.parametrize("origin,method,headers", ALLOWED)
def test_preflight_allowed(wire, ruled, origin, method, headers):
    answer = preflight(wire, ruled, origin, method, headers)
    assert answer.status == 200 and answer.headers["access-control-allow-origin"] in (origin, "*"), answer
    assert method in answer.headers["access-control-allow-methods"]
    if headers:
        allowed = answer.headers["access-control-allow-headers"].lower()
        assert all(name.strip().lower() in allowed for name in headers.split(","))


@pytest.mark.parametrize("origin,method,headers", REFUSED)
def test_preflight_refused(wire, ruled, origin, method, headers):
    answer = preflight(wire, ruled, origin, method, headers)
    assert answer.status == 403 and "access-control-allow-origin" not in answer.headers, answer


def test_preflight_says_how_long(wire, ruled):
    answer = preflight(wire, ruled, ORIGIN, "GET")
    assert answer.headers["access-control-max-age"] == "600"
    assert "etag" in answer.headers["access-control-expose-headers"].lower()


def test_preflight_without_a_document(wire, bucket):
    assert preflight(wire, bucket, ORIGIN, "GET").status == 403


@pytest.mark.parametrize("missing", ["origin", "method"])
def test_preflight_that_is_none(wire, ruled, missing):
    headers = {"Access-Control-Request-Method": "GET"} if missing == "origin" else {"Origin": ORIGIN}
    assert wire.anonymous("OPTIONS", ruled, "k", headers=headers).status in (400, 403)


def test_preflight_with_a_bad_method(wire, ruled):
    assert preflight(wire, ruled, ORIGIN, "FETCH").status in (400, 403)


def test_answer_to_an_allowed_origin(wire, ruled):
    answer = wire.anonymous("GET", ruled, "k", headers={"Origin": ORIGIN})
    assert answer.status == 200 and answer.headers["access-control-allow-origin"] == ORIGIN
    assert "etag" in answer.headers["access-control-expose-headers"].lower() and "origin" in answer.headers.get("vary", "").lower()


def test_answer_to_another_origin(wire, ruled):
    answer = wire.anonymous("GET", ruled, "k", headers={"Origin": "http://evil"})
    assert answer.status == 200 and "access-control-allow-origin" not in answer.headers


def test_answer_without_an_origin(wire, ruled):
    assert "access-control-allow-origin" not in wire.anonymous("GET", ruled, "k").headers


def test_star_answers_star(wire, ruled):
    answer = wire.anonymous("HEAD", ruled, "k", headers={"Origin": "http://any"})
    assert answer.status == 200 and answer.headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-credentials" not in answer.headers


def test_a_refusal_has_the_headers_too(wire, ruled):
    answer = wire.anonymous("GET", ruled, "none", headers={"Origin": ORIGIN})
    assert answer.status == 403 and answer.headers.get("access-control-allow-origin") == ORIGIN


def test_a_signed_request_has_the_headers_too(wire, ruled, key):
    answer = wire.do("PUT", ruled, key, headers={"Origin": ORIGIN}, body=b"x")
    assert answer.status == 200 and answer.headers.get("access-control-allow-origin") == ORIGIN
