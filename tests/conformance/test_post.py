"""POST forms. https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTConstructPolicy.html"""

import base64
import datetime
import hashlib
import hmac
import json

import pytest
from conftest import fresh_name, refused, remove_bucket
from wire import User, v4_key

BOUNDARY = "----conformance7MA4YWxkTrZu0gW"


def form(fields, content=b"from a form", name="file.txt", type_="text/plain", file_field="file"):
    out = b""
    for field, value in fields:
        value = value if isinstance(value, bytes) else value.encode()
        out += f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{field}"\r\n\r\n'.encode() + value + b"\r\n"
    if content is not None:
        out += (f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{file_field}"; filename="{name}"\r\n'
                f"Content-Type: {type_}\r\n\r\n").encode() + content + b"\r\n"
    return out + f"--{BOUNDARY}--\r\n".encode()


class Form:
    """A form of the main user for a bucket."""

    def __init__(self, wire, bucket):
        self.wire, self.bucket, self.user = wire, bucket, wire.main

    def policy(self, conditions, expires=300):
        expiration = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=expires)
        return {"expiration": expiration.strftime("%Y-%m-%dT%H:%M:%S.000Z"), "conditions": conditions}

    def signed(self, fields, conditions=None, version="v4", expires=300, policy=None, secret=None):
        """The fields with a policy (by default one that matches them) and its signature."""
        now = datetime.datetime.now(datetime.timezone.utc)
        stamp, date = now.strftime("%Y%m%dT%H%M%SZ"), now.strftime("%Y%m%d")
        credential = f"{self.user.access}/{date}/{self.wire.region}/s3/aws4_request"
        more = [("x-amz-algorithm", "AWS4-HMAC-SHA256"), ("x-amz-credential", credential), ("x-amz-date", stamp)]
        if version == "v2":
            more = []
        if conditions is None:
            conditions = [{"bucket": self.bucket}, *({name: value} for name, value in fields)]
            conditions = [["starts-with", "$key", ""] if "key" in one else one for one in conditions]
        if policy is None:
            policy = self.policy([*conditions, *({name: value} for name, value in more)], expires)
        text = policy if isinstance(policy, str) else base64.b64encode(json.dumps(policy).encode()).decode()
        secret = secret or self.user.secret
        if version == "v2":
            signature = base64.b64encode(hmac.new(secret.encode(), text.encode(), hashlib.sha1).digest()).decode()
            return [*fields, ("AWSAccessKeyId", self.user.access), ("policy", text), ("signature", signature)]
        signature = hmac.new(v4_key(secret, date, self.wire.region), text.encode(), hashlib.sha256).hexdigest()
        return [*fields, *more, ("policy", text), ("x-amz-signature", signature)]

    def send(self, fields, **more):
        return self.wire.send("POST", f"/{self.bucket}", headers=[("Content-Type", f"multipart/form-data; boundary={BOUNDARY}")],
                              body=form(fields, **more))


@pytest.fixture
def post(wire, shared):
    return Form(wire, shared)


@pytest.fixture(scope="module")
def open_bucket(s3):
    name = fresh_name()
    s3.create_bucket(Bucket=name, ACL="public-read-write")
    yield name
    remove_bucket(s3, name)


def content(s3, post, key):
    return s3.get_object(Bucket=post.bucket, Key=key)["Body"].read()


@pytest.mark.parametrize("version", ["v4", "v2"])
def test_upload(s3, post, key, version):
    answer = post.send(post.signed([("key", key)], version=version))
    assert answer.status == 204 and answer.body == b"" and answer.headers["etag"], answer
    assert content(s3, post, key) == b"from a form"


def test_answers_a_location(post, key):
    answer = post.send(post.signed([("key", key)]))
    assert answer.status == 204 and answer.headers["location"].endswith(f"/{key}")


@pytest.mark.parametrize("status", ["200", "201", "204"])
def test_success_status(s3, post, key, status):
    answer = post.send(post.signed([("key", key), ("success_action_status", status)]))
    assert answer.status == int(status), answer
    if status == "201":
        assert answer.xml.tag == "PostResponse" and answer.xml.findtext("Key") == key
        assert answer.xml.findtext("Bucket") == post.bucket and answer.xml.findtext("ETag")
    else:
        assert answer.body == b""
    assert content(s3, post, key) == b"from a form"


@pytest.mark.parametrize("status", ["404", "x", ""])
def test_success_status_that_is_none(post, key, status):
    assert post.send(post.signed([("key", key), ("success_action_status", status)])).status == 204


def test_redirect(post, key):
    answer = post.send(post.signed([("key", key), ("success_action_redirect", "http://example.org/done")]))
    assert answer.status == 303, answer
    location = answer.headers["location"]
    assert location.startswith("http://example.org/done?") and f"bucket={post.bucket}" in location and f"key={key}" in location
    assert "etag=" in location


def test_redirect_that_is_none(post, key):
    assert post.send(post.signed([("key", key), ("success_action_redirect", "no url")])).status == 204


def test_file_name(s3, post, key):
    assert post.send(post.signed([("key", key + "/${filename}")]), name="photo.jpg").status == 204
    assert content(s3, post, f"{key}/photo.jpg") == b"from a form"


def test_type_and_metadata(s3, post, key):
    fields = [("key", key), ("Content-Type", "text/x"), ("x-amz-meta-a", "1"), ("Cache-Control", "no-store")]
    assert post.send(post.signed(fields)).status == 204
    head = s3.head_object(Bucket=post.bucket, Key=key)
    assert (head["ContentType"], head["Metadata"], head["CacheControl"]) == ("text/x", {"a": "1"}, "no-store")


def test_acl(s3, nobody, post, key):
    assert post.send(post.signed([("key", key), ("acl", "public-read")])).status == 204
    assert nobody.get_object(Bucket=post.bucket, Key=key)["Body"].read() == b"from a form"


def test_tags(s3, post, key):
    tagging = "<Tagging><TagSet><Tag><Key>a</Key><Value>1</Value></Tag></TagSet></Tagging>"
    assert post.send(post.signed([("key", key), ("tagging", tagging)])).status == 204
    assert s3.get_object_tagging(Bucket=post.bucket, Key=key)["TagSet"] == [{"Key": "a", "Value": "1"}]


def test_fields_after_the_file_are_ignored(s3, post, key):
    body = form(post.signed([("key", key)]))[:-len(f"--{BOUNDARY}--\r\n")]
    body += f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="x-amz-meta-late"\r\n\r\n1\r\n--{BOUNDARY}--\r\n'.encode()
    answer = post.wire.send("POST", f"/{post.bucket}", headers=[("Content-Type", f"multipart/form-data; boundary={BOUNDARY}")], body=body)
    assert answer.status == 204, answer
    assert s3.head_object(Bucket=post.bucket, Key=key)["Metadata"] == {}


@pytest.mark.parametrize("size", [0, 1, 70_000, 3_000_000])
def test_sizes(s3, post, key, size):
    body = bytes(n & 255 for n in range(256)) * (size // 256 + 1)
    assert post.send(post.signed([("key", key)]), content=body[:size]).status == 204
    assert content(s3, post, key) == body[:size]


def test_content_like_a_boundary(s3, post, key):
    body = b"--" + BOUNDARY[:-1].encode() + b"\r\n\r\n--\r\n" + b"\r\n--" + BOUNDARY[:10].encode()
    assert post.send(post.signed([("key", key)]), content=body).status == 204
    assert content(s3, post, key) == body


def test_as_boto3_makes_it(s3, wire, shared, key):
    made = s3.generate_presigned_post(shared, key, Fields={"acl": "private"}, Conditions=[{"acl": "private"}])
    answer = Form(wire, shared).send(list(made["fields"].items()))
    assert answer.status == 204, answer
    assert s3.get_object(Bucket=shared, Key=key)["Body"].read() == b"from a form"


def test_virtual_host_style(s3, wire, post, key):
    answer = wire.send("POST", "/", headers=[("Content-Type", f"multipart/form-data; boundary={BOUNDARY}")],
                       body=form(post.signed([("key", key)])), host=f"{post.bucket}.{wire.host}")
    assert answer.status == 204, answer


# Policy conditions

def test_field_that_is_not_in_the_policy(post, key):
    fields = post.signed([("key", key), ("x-amz-meta-a", "1")], [{"bucket": post.bucket}, {"key": key}])
    refused("AccessDenied", 403, post.send(fields))


def test_fields_to_ignore_need_no_condition(post, key):
    fields = post.signed([("key", key), ("x-ignore-this", "1")], [{"bucket": post.bucket}, {"key": key}])
    assert post.send(fields).status == 204


CONDITIONS = {
    "exact": ([{"key": "K"}], True), "exact-other": ([{"key": "other"}], False), "eq": ([["eq", "$key", "K"]], True),
    "eq-other": ([["eq", "$key", "other"]], False), "starts-with": ([["starts-with", "$key", "K"]], True),
    "starts-with-nothing": ([["starts-with", "$key", ""]], True), "starts-with-other": ([["starts-with", "$key", "other"]], False),
    "no-key": ([], False), "twice": ([{"key": "K"}, ["starts-with", "$key", "other"]], False),
    "length": ([{"key": "K"}, ["content-length-range", 0, 100]], True),
    "exact-length": ([{"key": "K"}, ["content-length-range", 11, 11]], True),
    "field-not-sent": ([{"key": "K"}, {"acl": "private"}], False),
}


@pytest.mark.parametrize("what", CONDITIONS)
def test_conditions(post, key, what):
    conditions, allowed = CONDITIONS[what]
    conditions = json.loads(json.dumps(conditions).replace('"K"', json.dumps(key)))
    answer = post.send(post.signed([("key", key)], [{"bucket": post.bucket}, *conditions]))
    if allowed:
        assert answer.status == 204, answer
    else:
        refused("AccessDenied", 403, answer)


def test_for_another_bucket(post, key):
    refused("AccessDenied", 403, post.send(post.signed([("key", key)], [{"bucket": "another-bucket"}, {"key": key}])))


@pytest.mark.parametrize("low,high,code", [(0, 5, "EntityTooLarge"), (100, 200, "EntityTooSmall")])
def test_length_out_of_range(s3, post, key, low, high, code):
    conditions = [{"bucket": post.bucket}, {"key": key}, ["content-length-range", low, high]]
    refused(code, 400, post.send(post.signed([("key", key)], conditions)))
    refused("NoSuchKey", 404, s3.get_object, Bucket=post.bucket, Key=key)


def test_expired(post, key):
    refused("AccessDenied", 403, post.send(post.signed([("key", key)], expires=-60)))


@pytest.mark.parametrize("expiration", ["2035-01-31T12:00:00Z", "2035-01-31T12:00:00.000Z", "2035-01-31T12:00:00.5Z"])
def test_expiration(s3, post, key, expiration):
    policy = post.policy([["starts-with", "$key", ""], {"bucket": post.bucket}]) | {"expiration": expiration}
    answer = post.send(post.signed([("key", key)], policy=policy, version="v2"))
    assert answer.status == 204 and s3.get_object(Bucket=post.bucket, Key=key)["ContentLength"] == 11, answer


# Times of ISO 8601 in another form than the documented one with T and Z, and other texts.
@pytest.mark.parametrize("expiration", [
    "2035-01-31 12:00:00+00:00", "2035-01-31 12:00:00Z", "2035-01-31T12:00:00+00:00", "2035-01-31T12:00:00",
    "2035-01-31T12:00Z", "2035-01-31", "20350131T120000Z", "2035-02-31T12:00:00Z", "2035-01-31T25:00:00Z",
    "Wed, 31 Jan 2035 12:00:00 GMT", "2053944000", 2053944000, None,
])
def test_expiration_that_is_none(s3, post, key, expiration):
    policy = post.policy([["starts-with", "$key", ""], {"bucket": post.bucket}]) | {"expiration": expiration}
    answer = post.send(post.signed([("key", key)], policy=policy, version="v2"))
    refused(("InvalidPolicyDocument", "MalformedPolicy", "InvalidRequest"), 400, answer)
    refused("NoSuchKey", 404, s3.get_object, Bucket=post.bucket, Key=key)


BAD_POLICIES = {
    "not-base64": "!!!", "not-json": base64.b64encode(b"{").decode(), "empty": base64.b64encode(b"{}").decode(),
    "no-expiration": {"conditions": []}, "no-conditions": {"expiration": "2035-01-01T00:00:00.000Z"},
    "bad-expiration": {"expiration": "soon", "conditions": []},
}


@pytest.mark.parametrize("what", BAD_POLICIES)
def test_bad_policies(post, key, what):
    answer = post.send(post.signed([("key", key)], policy=BAD_POLICIES[what]))
    refused(("InvalidPolicyDocument", "MalformedPolicy", "InvalidRequest"), 400, answer)


@pytest.mark.parametrize("version", ["v4", "v2"])
def test_wrong_signature(s3, post, key, version):
    refused("SignatureDoesNotMatch", 403, post.send(post.signed([("key", key)], version=version, secret="wrong")))
    refused("NoSuchKey", 404, s3.get_object, Bucket=post.bucket, Key=key)


@pytest.mark.parametrize("missing", ["policy", "x-amz-signature", "x-amz-credential"])
def test_incomplete(post, key, missing):
    fields = [(name, value) for name, value in post.signed([("key", key)]) if name != missing]
    answer = post.send(fields)
    assert answer.status in (400, 403), answer


def test_a_changed_policy(post, key):
    fields = dict(post.signed([("key", key)]))
    policy = json.loads(base64.b64decode(fields["policy"]))
    policy["expiration"] = "2099-01-01T00:00:00.000Z"
    fields["policy"] = base64.b64encode(json.dumps(policy).encode()).decode()
    refused("SignatureDoesNotMatch", 403, post.send(list(fields.items())))


def test_unknown_user(post, key):
    post.user = User("NOSUCHUSER0000000000", "secret")
    refused("InvalidAccessKeyId", 403, post.send(post.signed([("key", key)])))


def test_without_a_key(post):
    refused("InvalidArgument", 400, post.send(post.signed([])))


def test_without_a_file(post, key):
    refused("InvalidArgument", 400, post.send(post.signed([("key", key)]), content=None))


def test_by_a_user_who_may_not_write(wire, post, key):
    post.user = wire.alt
    refused("AccessDenied", 403, post.send(post.signed([("key", key)])))


def test_to_no_bucket(wire, key):
    post = Form(wire, fresh_name())
    refused("NoSuchBucket", 404, post.send(post.signed([("key", key)])))


def test_by_nobody_into_an_open_bucket(s3, wire, open_bucket, key):
    post = Form(wire, open_bucket)
    assert post.send([("key", key)]).status == 204
    assert content(s3, post, key) == b"from a form"


def test_by_nobody_into_a_closed_bucket(post, key):
    refused("AccessDenied", 403, post.send([("key", key)]))


def test_names(s3, post):
    for name in ("a b", "päivä", "x/../y", "a+b%41"):
        assert post.send(post.signed([("key", name)])).status == 204
        assert content(s3, post, name) == b"from a form"


def test_a_form_that_is_none(wire, shared):
    answer = wire.send("POST", f"/{shared}", headers=[("Content-Type", "multipart/form-data; boundary=x")], body=b"nonsense")
    assert answer.status == 400, answer


def test_a_body_that_is_no_form(wire, shared):
    answer = wire.send("POST", f"/{shared}", headers=[("Content-Type", "text/plain")], body=b"nonsense")
    assert answer.status in (400, 403, 405, 412, 501), answer
