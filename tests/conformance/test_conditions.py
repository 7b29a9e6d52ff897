"""Conditional requests: reads, writes, deletions.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-requests.html"""

import datetime
import hashlib
from concurrent.futures import ThreadPoolExecutor

import pytest
from conftest import refused

ETAG = f'"{hashlib.md5(b"content").hexdigest()}"'
NOW = datetime.datetime.now(datetime.timezone.utc)


def http_date(time):
    return time.strftime("%a, %d %b %Y %H:%M:%S GMT")


PAST, FUTURE = http_date(NOW - datetime.timedelta(days=1)), http_date(NOW + datetime.timedelta(days=1))


@pytest.fixture(scope="module")
def there(s3, shared):
    s3.put_object(Bucket=shared, Key="there", Body=b"content")
    return shared


# Headers, and the expected status according to S3's table.
READS = {
    "match": ({"If-Match": ETAG}, 200),
    "match-bare": ({"If-Match": ETAG.strip('"')}, 200),
    "match-star": ({"If-Match": "*"}, 200),
    "match-other": ({"If-Match": '"0"'}, 412),
    "none-match": ({"If-None-Match": ETAG}, 304),
    "none-match-bare": ({"If-None-Match": ETAG.strip('"')}, 304),
    "none-match-star": ({"If-None-Match": "*"}, 304),
    "none-match-other": ({"If-None-Match": '"0"'}, 200),
    "modified-past": ({"If-Modified-Since": PAST}, 200),
    "modified-future": ({"If-Modified-Since": FUTURE}, 304),
    "unmodified-past": ({"If-Unmodified-Since": PAST}, 412),
    "unmodified-future": ({"If-Unmodified-Since": FUTURE}, 200),
    "modified-nonsense": ({"If-Modified-Since": "yesterday"}, 200),
    "unmodified-nonsense": ({"If-Unmodified-Since": "yesterday"}, 200),
    # If-Match true and If-Unmodified-Since false: 200.
    "match-and-unmodified-past": ({"If-Match": ETAG, "If-Unmodified-Since": PAST}, 200),
    "match-and-unmodified-future": ({"If-Match": ETAG, "If-Unmodified-Since": FUTURE}, 200),
    "other-and-unmodified-future": ({"If-Match": '"0"', "If-Unmodified-Since": FUTURE}, 412),
    # If-None-Match false and If-Modified-Since true: 304.
    "none-match-and-modified-past": ({"If-None-Match": ETAG, "If-Modified-Since": PAST}, 304),
    "none-match-and-modified-future": ({"If-None-Match": ETAG, "If-Modified-Since": FUTURE}, 304),
    "none-other-and-modified-past": ({"If-None-Match": '"0"', "If-Modified-Since": PAST}, 200),
    "none-other-and-modified-future": ({"If-None-Match": '"0"', "If-Modified-Since": FUTURE}, 200),
    "match-and-none-match": ({"If-Match": ETAG, "If-None-Match": ETAG}, 304),
    "match-and-none-other": ({"If-Match": ETAG, "If-None-Match": '"0"'}, 200),
    "other-and-none-match": ({"If-Match": '"0"', "If-None-Match": ETAG}, 412),
    "other-and-none-other": ({"If-Match": '"0"', "If-None-Match": '"0"'}, 412),
    "modified-and-unmodified": ({"If-Modified-Since": PAST, "If-Unmodified-Since": FUTURE}, 200),
    "match-list": ({"If-Match": f'"0", {ETAG}'}, 200),
    "none-match-list": ({"If-None-Match": f'"0", {ETAG}'}, 304),
    "modified-rfc850": ({"If-Modified-Since": (NOW + datetime.timedelta(days=1)).strftime("%A, %d-%b-%y %H:%M:%S GMT")}, 304),
    "modified-asctime": ({"If-Modified-Since": (NOW + datetime.timedelta(days=1)).strftime("%a %b %e %H:%M:%S %Y")}, 304),
}


@pytest.mark.parametrize("what", READS)
def test_get(wire, there, what):
    headers, status = READS[what]
    answer = wire.do("GET", there, "there", headers=headers)
    assert answer.status == status, answer
    if status == 200:
        assert answer.body == b"content"
    elif status == 304:
        assert answer.body == b"" and answer.headers.get("etag", ETAG) == ETAG
    else:
        assert answer.code == "PreconditionFailed"


@pytest.mark.parametrize("what", READS)
def test_head(wire, there, what):
    headers, status = READS[what]
    answer = wire.do("HEAD", there, "there", headers=headers)
    assert answer.status == status and answer.body == b"", answer


def test_modified_since_its_own_time(wire, there):
    modified = wire.do("HEAD", there, "there").headers["last-modified"]
    assert wire.do("GET", there, "there", headers={"If-Modified-Since": modified}).status == 304
    assert wire.do("GET", there, "there", headers={"If-Unmodified-Since": modified}).status == 200


@pytest.mark.parametrize("header", ["If-Match", "If-None-Match"])
def test_conditions_on_no_key(wire, there, key, header):
    refused("NoSuchKey", 404, wire.do("GET", there, key, headers={header: ETAG}))


def test_not_modified_says_etag_and_time(wire, there):
    answer = wire.do("GET", there, "there", headers={"If-None-Match": ETAG})
    assert answer.status == 304 and answer.headers["etag"] == ETAG and "last-modified" in answer.headers


def test_put_if_absent(wire, there, key):
    assert wire.do("PUT", there, key, headers={"If-None-Match": "*"}, body=b"1").status == 200
    assert wire.do("GET", there, key).body == b"1"


def test_put_if_absent_where_one_is(wire, there, key):
    wire.do("PUT", there, key, body=b"1")
    refused("PreconditionFailed", 412, wire.do("PUT", there, key, headers={"If-None-Match": "*"}, body=b"2"))
    assert wire.do("GET", there, key).body == b"1"


def test_put_if_absent_after_a_deletion(wire, there, key):
    wire.do("PUT", there, key, body=b"1")
    wire.do("DELETE", there, key)
    assert wire.do("PUT", there, key, headers={"If-None-Match": "*"}, body=b"2").status == 200


def test_put_if_absent_behind_a_delete_marker(wire, versioned):
    wire.do("PUT", versioned, "k", body=b"1")
    wire.do("DELETE", versioned, "k")
    assert wire.do("PUT", versioned, "k", headers={"If-None-Match": "*"}, body=b"2").status == 200


def test_put_if_absent_of_a_bucket_with_versions(wire, versioned):
    wire.do("PUT", versioned, "k", body=b"1")
    refused("PreconditionFailed", 412, wire.do("PUT", versioned, "k", headers={"If-None-Match": "*"}, body=b"2"))


def test_put_if_match(wire, there, key):
    etag = wire.do("PUT", there, key, body=b"1").headers["etag"]
    assert wire.do("PUT", there, key, headers={"If-Match": etag}, body=b"2").status == 200
    assert wire.do("GET", there, key).body == b"2"


def test_put_if_match_of_another(wire, there, key):
    wire.do("PUT", there, key, body=b"1")
    refused("PreconditionFailed", 412, wire.do("PUT", there, key, headers={"If-Match": ETAG}, body=b"2"))
    assert wire.do("GET", there, key).body == b"1"


def test_put_if_match_of_nothing(wire, there, key):
    refused("NoSuchKey", 404, wire.do("PUT", there, key, headers={"If-Match": ETAG}, body=b"2"))
    assert wire.do("GET", there, key).status == 404


def test_put_if_absent_races(wire, there, key):
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(
            lambda n: wire.do("PUT", there, key, headers={"If-None-Match": "*"}, body=bytes([65 + n])), range(8)))
    won = [n for n, answer in enumerate(answers) if answer.status == 200]
    assert len(won) == 1, answers
    assert all(answer.status in (409, 412) for n, answer in enumerate(answers) if n not in won)
    assert wire.do("GET", there, key).body == bytes([65 + won[0]])


def test_delete_if_match(wire, there, key):
    etag = wire.do("PUT", there, key, body=b"1").headers["etag"]
    assert wire.do("DELETE", there, key, headers={"If-Match": etag}).status == 204
    assert wire.do("GET", there, key).status == 404


def test_delete_if_match_of_another(wire, there, key):
    wire.do("PUT", there, key, body=b"1")
    refused("PreconditionFailed", 412, wire.do("DELETE", there, key, headers={"If-Match": ETAG}))
    assert wire.do("GET", there, key).body == b"1"


def test_delete_if_match_star(wire, there, key):
    wire.do("PUT", there, key, body=b"1")
    assert wire.do("DELETE", there, key, headers={"If-Match": "*"}).status == 204


def multipart(wire, bucket, key):
    upload = wire.do("POST", bucket, key, "uploads").xml.findtext("UploadId")
    etag = wire.do("PUT", bucket, key, {"partNumber": "1", "uploadId": upload}, body=b"part").headers["etag"]
    xml = (f"<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{etag}</ETag></Part></CompleteMultipartUpload>")
    return {"uploadId": upload}, xml


def test_complete_if_absent(wire, there, key):
    query, xml = multipart(wire, there, key)
    assert wire.do("POST", there, key, query, {"If-None-Match": "*"}, xml).status == 200
    assert wire.do("GET", there, key).body == b"part"


def test_complete_if_absent_where_one_is(wire, there, key):
    query, xml = multipart(wire, there, key)
    wire.do("PUT", there, key, body=b"1")
    refused("PreconditionFailed", 412, wire.do("POST", there, key, query, {"If-None-Match": "*"}, xml))
    assert wire.do("GET", there, key).body == b"1"


def test_complete_if_match(wire, there, key):
    query, xml = multipart(wire, there, key)
    etag = wire.do("PUT", there, key, body=b"1").headers["etag"]
    refused("PreconditionFailed", 412, wire.do("POST", there, key, query, {"If-Match": ETAG}, xml))
    assert wire.do("POST", there, key, query, {"If-Match": etag}, xml).status == 200
