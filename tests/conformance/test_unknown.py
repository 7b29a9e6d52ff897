"""Unknown parameters and headers are rejected instead of running the plain operation."""

import pytest

# S3 sub-resources that a service may not support.
NAMED = ["accelerate", "analytics", "inventory", "metrics", "intelligent-tiering", "metadataTable", "session", "select",
         "torrent", "renameObject", "abac"]
# Requests that write must not have any unknown parameter.
SUBS = [*NAMED, "nonsense"]
# Parameters that have no meaning in S3.
IGNORED = [[("v", "2")], [("utm_source", "mail"), ("utm_medium", "x")], [("bucket", "b"), ("key", "k"), ("etag", '"x"')]]


def listing(s3, bucket):
    return [(one["Key"], one["Size"], one["ETag"]) for one in s3.list_objects_v2(Bucket=bucket).get("Contents", [])]


@pytest.mark.parametrize("sub", SUBS)
@pytest.mark.parametrize("method", ["PUT", "DELETE", "POST"])
def test_of_a_bucket(wire, s3, bucket, method, sub):
    answer = wire.do(method, bucket, query=sub, body=b"<x/>" if method != "DELETE" else b"")
    assert answer.status in (400, 405, 501), answer
    assert wire.do("HEAD", bucket).status == 200 and listing(s3, bucket) == []


@pytest.mark.parametrize("sub", NAMED)
def test_get_of_a_bucket(wire, bucket, sub):
    answer = wire.do("GET", bucket, query=sub)
    assert answer.status in (400, 404, 405, 501) or answer.xml.tag != "ListBucketResult", answer


@pytest.mark.parametrize("sub", SUBS)
@pytest.mark.parametrize("method", ["PUT", "DELETE", "POST"])
def test_of_an_object(wire, s3, bucket, method, sub):
    s3.put_object(Bucket=bucket, Key="k", Body=b"content")
    before = listing(s3, bucket)
    answer = wire.do(method, bucket, "k", sub, body=b"<x/>" if method != "DELETE" else b"")
    assert answer.status in (400, 403, 404, 405, 501), answer
    assert listing(s3, bucket) == before


@pytest.mark.parametrize("query", IGNORED)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_reads_ignore_what_has_no_meaning(wire, s3, shared, key, method, query):
    s3.put_object(Bucket=shared, Key=key, Body=b"content")
    answer = wire.do(method, shared, key, query)
    assert answer.status == 200 and answer.body == (b"content" if method == "GET" else b""), answer


@pytest.mark.parametrize("sub", NAMED)
def test_get_of_an_object(wire, s3, shared, key, sub):
    s3.put_object(Bucket=shared, Key=key, Body=b"content")
    answer = wire.do("GET", shared, key, sub)
    assert answer.status >= 400 and answer.body != b"content", answer


@pytest.mark.parametrize("sub", ["tagging", "legal-hold", "retention", "acl", "restore"])
def test_a_known_one_never_replaces_the_object(wire, s3, shared, key, sub):
    s3.put_object(Bucket=shared, Key=key, Body=b"content")
    wire.do("POST" if sub == "restore" else "PUT", shared, key, sub, body=b"<x/>")
    assert s3.get_object(Bucket=shared, Key=key)["Body"].read() == b"content"


@pytest.mark.parametrize("sub", ["policy", "lifecycle", "cors", "website", "tagging", "ownershipControls", "publicAccessBlock",
                                 "encryption", "replication", "notification", "logging", "requestPayment", "versioning", "acl",
                                 "object-lock", "location", "versions", "uploads"])
def test_deleting_a_document_never_deletes_the_bucket(wire, bucket, sub):
    wire.do("DELETE", bucket, query=sub)
    assert wire.do("HEAD", bucket).status == 200


@pytest.mark.parametrize("sub", ["policy", "lifecycle", "cors", "website", "tagging", "versioning", "acl", "delete", "uploads"])
def test_posting_a_document_does_nothing(wire, s3, bucket, sub):
    s3.put_object(Bucket=bucket, Key="k", Body=b"content")
    answer = wire.do("POST", bucket, query=sub, body=b"<x/>")
    assert answer.status in (400, 403, 405, 501), answer
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"content"


def test_two_sub_resources_at_once(wire, s3, bucket):
    answer = wire.do("PUT", bucket, query=[("policy", None), ("cors", None)], body=b"{}")
    assert answer.status >= 400, answer


@pytest.mark.parametrize("query", [[("x-id", "GetObject")], [("X-Amz-User-Agent", "x")]], ids=["x-id", "agent"])
def test_names_that_sdks_add_are_fine(wire, s3, shared, key, query):
    s3.put_object(Bucket=shared, Key=key, Body=b"content")
    assert wire.do("GET", shared, key, query).body == b"content"
