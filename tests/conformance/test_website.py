"""Websites. https://docs.aws.amazon.com/AmazonS3/latest/userguide/IndexDocumentSupport.html"""

import pytest

pytestmark = pytest.mark.serve_only("the other service has no website endpoint under this host name")


@pytest.fixture
def site(s3, bucket):
    """A website with a private and a public page."""
    s3.put_bucket_website(Bucket=bucket, WebsiteConfiguration={"IndexDocument": {"Suffix": "index.html"}})
    s3.put_object(Bucket=bucket, Key="private/index.html", Body=b"secret")
    s3.put_object(Bucket=bucket, Key="open/index.html", Body=b"open", ACL="public-read")
    return bucket


def visit(wire, site, path, method="GET"):
    name, _, port = wire.host.partition(":")
    return wire.send(method, path, host=f"{site}.s3-website.{name}:{port}")


def seen(answer, path):
    """What a visitor can learn from an answer, apart from its own path."""
    names = ("location", "x-amz-error-code", "content-type", "etag")
    body = answer.body.replace(answer.headers.get("x-amz-request-id", "-").encode(), b"")
    return answer.status, [answer.headers.get(name) for name in names], body.replace(path.encode(), b"PATH")


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_folder_with_a_public_index_redirects(wire, site, method):
    answer = visit(wire, site, "/open", method)
    assert answer.status == 302 and answer.headers["location"] == "/open/", answer
    assert visit(wire, site, "/open/").body == b"open"


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("acl", ["private", "public-read"])
def test_a_folder_with_a_private_index_is_like_none(wire, s3, site, acl, method):
    s3.put_bucket_acl(Bucket=site, ACL=acl)
    private, none = visit(wire, site, "/private", method), visit(wire, site, "/nothing", method)
    assert private.status in (403, 404) and "location" not in private.headers, private
    assert seen(private, "private") == seen(none, "nothing")


@pytest.mark.parametrize("path", ["/private/", "/private/index.html"])
def test_a_private_page_is_not_shown(wire, site, path):
    answer = visit(wire, site, path)
    assert answer.status == 403 and b"secret" not in answer.body, answer


def test_a_private_index_is_like_none(wire, site):
    assert seen(visit(wire, site, "/private/"), "private") == seen(visit(wire, site, "/nothing/"), "nothing")


def test_an_index_that_becomes_public_redirects(wire, s3, site):
    s3.put_object_acl(Bucket=site, Key="private/index.html", ACL="public-read")
    answer = visit(wire, site, "/private")
    assert answer.status == 302 and answer.headers["location"] == "/private/", answer
