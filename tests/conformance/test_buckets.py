"""ListBuckets, CreateBucket, HeadBucket, GetBucketLocation, DeleteBucket."""

import datetime

import pytest
from conftest import fresh_name, refused


def test_list_names_the_owner(s3, ids):
    answer = s3.list_buckets()
    assert answer["Owner"]["ID"] == ids.main


def test_users_have_different_ids(ids):
    assert ids.main and ids.alt and ids.main != ids.alt


def test_list_shows_a_new_bucket(s3, bucket):
    found = {one["Name"]: one for one in s3.list_buckets()["Buckets"]}
    age = datetime.datetime.now(datetime.timezone.utc) - found[bucket]["CreationDate"]
    assert abs(age.total_seconds()) < 900


def test_list_shows_no_bucket_of_others(alt, bucket):
    assert bucket not in [one["Name"] for one in alt.list_buckets()["Buckets"]]


def test_list_shows_each_user_his_own(alt, new_bucket):
    name = new_bucket(alt)
    assert name in [one["Name"] for one in alt.list_buckets()["Buckets"]]


def test_list_is_sorted(s3, new_bucket):
    new_bucket(), new_bucket()
    names = [one["Name"] for one in s3.list_buckets()["Buckets"]]
    assert names == sorted(names)


def test_list_forgets_a_removed_bucket(s3):
    name = fresh_name()
    s3.create_bucket(Bucket=name)
    s3.delete_bucket(Bucket=name)
    assert name not in [one["Name"] for one in s3.list_buckets()["Buckets"]]


def test_list_is_an_xml_document(wire):
    answer = wire.do("GET")
    assert answer.status == 200 and answer.xml.tag == "ListAllMyBucketsResult"
    assert answer.headers["content-type"].startswith("application/xml")


def test_list_has_the_namespace_of_s3(wire):
    assert b'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"' in wire.do("GET").body


def test_list_of_nobody_is_empty(wire, nobody):
    assert b"<Bucket>" not in wire.anonymous("GET").body
    assert nobody.list_buckets()["Buckets"] == []


def test_create_answers_a_location(wire, s3):
    name = fresh_name()
    answer = wire.do("PUT", name)
    s3.delete_bucket(Bucket=name)
    assert answer.status == 200 and answer.headers.get("location") == f"/{name}"


def test_create_answer_has_no_body(wire, s3):
    name = fresh_name()
    answer = wire.do("PUT", name)
    s3.delete_bucket(Bucket=name)
    assert answer.status == 200 and answer.body == b""


def test_create_twice_is_fine_in_us_east_1(s3, bucket):
    assert s3.create_bucket(Bucket=bucket)["ResponseMetadata"]["HTTPStatusCode"] == 200


def test_create_twice_keeps_the_objects(s3, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    s3.create_bucket(Bucket=bucket)
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"


def test_create_what_another_user_has(alt, bucket):
    refused("BucketAlreadyExists", 409, alt.create_bucket, Bucket=bucket)


def test_create_what_another_user_has_changes_nothing(s3, alt, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    refused("BucketAlreadyExists", 409, alt.create_bucket, Bucket=bucket, ACL="public-read-write")
    refused("AccessDenied", 403, alt.get_object, Bucket=bucket, Key="k")


def test_create_by_nobody(wire):
    refused("AccessDenied", 403, wire.anonymous("PUT", fresh_name()))


@pytest.mark.parametrize("xml", ["<oops", "<Other/>", "text"])
def test_create_with_a_bad_document(wire, xml):
    refused("MalformedXML", 400, wire.do("PUT", fresh_name(), body=xml))


def test_create_with_an_empty_configuration(wire, s3):
    name = fresh_name()
    xml = '<CreateBucketConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/"/>'
    answer = wire.do("PUT", name, body=xml)
    assert answer.status == 200, answer
    s3.delete_bucket(Bucket=name)


# https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
BAD_NAMES = {
    "short": "ab", "one": "a", "long": "a" * 64, "longest": "a" * 256, "upper": "Conformance-Upper",
    "underscore": "conform_underscore", "first-dash": "-conform-name", "last-dash": "conform-name-",
    "first-dot": ".conform-name", "last-dot": "conform-name.", "two-dots": "conform..name", "address": "192.168.5.4",
    "blank": "conform name", "percent": "conform%name", "umlaut": "conförmance", "star": "conform*name",
    "question": "conform?name", "semicolon": "conform;name", "at": "conform@name",
}


@pytest.mark.parametrize("name", BAD_NAMES)
def test_create_with_an_invalid_name(wire, name):
    refused("InvalidBucketName", 400, wire.do("PUT", BAD_NAMES[name]))


GOOD_NAMES = {"three": lambda n: n[-3:].replace("-", "x"), "sixty-three": lambda n: (n + "x" * 63)[:63],
              "dots": lambda n: n.replace("-", "."), "digits-first": lambda n: "1" + n,
              "dashes": lambda n: n.replace("-", "--")}


@pytest.mark.parametrize("form", GOOD_NAMES)
def test_create_with_a_valid_name(s3, form):
    name = GOOD_NAMES[form](fresh_name())
    s3.create_bucket(Bucket=name)
    s3.put_object(Bucket=name, Key="k", Body=b"x")
    assert s3.get_object(Bucket=name, Key="k")["Body"].read() == b"x"
    s3.delete_object(Bucket=name, Key="k")
    s3.delete_bucket(Bucket=name)


def test_head_of_an_own_bucket(wire, bucket):
    answer = wire.do("HEAD", bucket)
    assert answer.status == 200 and answer.body == b""


def test_head_of_no_bucket(s3):
    refused("404", 404, s3.head_bucket, Bucket=fresh_name())


def test_head_of_another_users_bucket(alt, bucket):
    refused("403", 403, alt.head_bucket, Bucket=bucket)


def test_head_by_nobody(wire, bucket):
    answer = wire.anonymous("HEAD", bucket)
    assert answer.status == 403 and answer.body == b""


def test_head_says_the_region(wire, bucket):
    assert wire.do("HEAD", bucket).headers.get("x-amz-bucket-region")


def test_path_with_and_without_slash(wire, bucket):
    assert wire.signed(wire.main, "HEAD", f"/{bucket}").status == 200
    assert wire.signed(wire.main, "HEAD", f"/{bucket}/").status == 200


def test_virtual_host_style(wire, s3, bucket):
    s3.put_object(Bucket=bucket, Key="a/b", Body=b"there")
    host = f"{bucket}.{wire.host}"
    answer = wire.signed(wire.main, "GET", "/a/b", host=host)
    assert answer.status == 200 and answer.body == b"there", answer


def test_virtual_host_style_lists(wire, s3, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=b"")
    answer = wire.signed(wire.main, "GET", "/", host=f"{bucket}.{wire.host}")
    assert answer.xml.findtext("Name") == bucket and answer.xml.findtext("Contents/Key") == "k"


def test_location_is_a_document(wire, bucket):
    answer = wire.do("GET", bucket, query="location")
    assert answer.status == 200 and answer.xml.tag == "LocationConstraint"


def test_location_of_no_bucket(s3):
    refused("NoSuchBucket", 404, s3.get_bucket_location, Bucket=fresh_name())


def test_location_for_another_user(alt, bucket):
    refused("AccessDenied", 403, alt.get_bucket_location, Bucket=bucket)


def test_delete_answers_204(wire, s3):
    name = fresh_name()
    s3.create_bucket(Bucket=name)
    answer = wire.do("DELETE", name)
    assert answer.status == 204 and answer.body == b""
    refused("404", 404, s3.head_bucket, Bucket=name)


def test_delete_twice(s3):
    name = fresh_name()
    s3.create_bucket(Bucket=name)
    s3.delete_bucket(Bucket=name)
    refused("NoSuchBucket", 404, s3.delete_bucket, Bucket=name)


def test_delete_of_no_bucket(s3):
    refused("NoSuchBucket", 404, s3.delete_bucket, Bucket=fresh_name())


def test_delete_with_an_object(s3, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    refused("BucketNotEmpty", 409, s3.delete_bucket, Bucket=bucket)
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"


def test_delete_with_an_older_version(s3, versioned):
    s3.put_object(Bucket=versioned, Key="k", Body=b"x")
    s3.delete_object(Bucket=versioned, Key="k")
    refused("BucketNotEmpty", 409, s3.delete_bucket, Bucket=versioned)


def test_delete_with_an_empty_object(s3, bucket):
    s3.put_object(Bucket=bucket, Key="folder/", Body=b"")
    refused("BucketNotEmpty", 409, s3.delete_bucket, Bucket=bucket)


def test_delete_by_another_user(s3, alt, bucket):
    refused("AccessDenied", 403, alt.delete_bucket, Bucket=bucket)
    s3.head_bucket(Bucket=bucket)


def test_delete_by_nobody(wire, s3, bucket):
    refused("AccessDenied", 403, wire.anonymous("DELETE", bucket))
    s3.head_bucket(Bucket=bucket)


def test_a_name_can_be_used_again(s3, alt):
    name = fresh_name()
    s3.create_bucket(Bucket=name)
    s3.put_bucket_tagging(Bucket=name, Tagging={"TagSet": [{"Key": "a", "Value": "b"}]})
    s3.delete_bucket(Bucket=name)
    alt.create_bucket(Bucket=name)
    refused("NoSuchTagSet", 404, alt.get_bucket_tagging, Bucket=name)
    alt.delete_bucket(Bucket=name)


MISSING = {
    "list": ("GET", None, ()), "list-v2": ("GET", None, [("list-type", "2")]), "versions": ("GET", None, "versions"),
    "uploads": ("GET", None, "uploads"), "acl": ("GET", None, "acl"), "policy": ("GET", None, "policy"),
    "lifecycle": ("GET", None, "lifecycle"), "cors": ("GET", None, "cors"), "tagging": ("GET", None, "tagging"),
    "versioning": ("GET", None, "versioning"), "put": ("PUT", "k", ()), "get": ("GET", "k", ()),
    "delete": ("DELETE", "k", ()), "create-upload": ("POST", "k", "uploads"), "object-acl": ("GET", "k", "acl"),
    "website": ("GET", None, "website"), "request-payment": ("GET", None, "requestPayment"),
    "object-tagging": ("GET", "k", "tagging"), "notification": ("GET", None, "notification"),
    "object-lock": ("GET", None, "object-lock"), "public-access": ("GET", None, "publicAccessBlock"),
}


@pytest.mark.parametrize("what", MISSING)
def test_a_missing_bucket_is_named(wire, what):
    method, key, query = MISSING[what]
    refused("NoSuchBucket", 404, wire.do(method, fresh_name(), key, query))


def test_every_answer_has_a_request_id(wire, bucket):
    for answer in (wire.do("GET"), wire.do("GET", bucket), wire.do("GET", bucket, "none")):
        assert answer.headers.get("x-amz-request-id")


def test_an_error_is_a_document(wire, bucket):
    answer = wire.do("GET", bucket, "none")
    assert answer.status == 404 and answer.xml.tag == "Error"
    assert answer.headers["content-type"].startswith("application/xml")
    assert answer.xml.findtext("RequestId") and answer.xml.findtext("HostId")


def test_an_error_has_no_namespace(wire, bucket):
    assert b"xmlns" not in wire.do("GET", bucket, "none").body


def test_every_answer_has_a_date(wire, bucket):
    assert wire.do("HEAD", bucket).headers.get("date", "").endswith("GMT")
