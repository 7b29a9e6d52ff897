"""ListObjects and ListObjectsV2. https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html"""

import hashlib
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import unquote, unquote_plus

import pytest
from conftest import fresh_name, refused

KEYS = sorted([
    "a", "a/1", "a/2", "a/b/1", "a/b/2", "a0", "a1/x", "b", "b-1", "b-2", "b/", "b//", "b//c", "b/c", "ba", "c--d--1",
    "c--d--2", "c--e", "päivä/1", "päivä/2", "with space", "with+plus", "with%20percent", "z|1", "z|2", "zz",
], key=str.encode)


@pytest.fixture(scope="module")
def listed(s3):
    name = fresh_name()
    s3.create_bucket(Bucket=name)
    for key in KEYS:
        s3.put_object(Bucket=name, Key=key, Body=key.encode())
    yield name
    s3.delete_objects(Bucket=name, Delete={"Objects": [{"Key": key} for key in KEYS]})
    s3.delete_bucket(Bucket=name)


def expected(prefix="", delimiter="", after="", keys=KEYS):
    """The documented keys and common prefixes of a listing after a marker."""
    found, prefixes = [], []
    for key in keys:
        if not key.startswith(prefix):
            continue
        at = key.find(delimiter, len(prefix)) if delimiter else -1
        if at >= 0:
            common = key[:at + len(delimiter)]
            if common not in prefixes and common.encode() > after.encode() and not (after and after.startswith(common)):
                prefixes.append(common)
        elif key.encode() > after.encode():
            found.append(key)
    return found, prefixes


def names(answer):
    return ([one["Key"] for one in answer.get("Contents", [])], [one["Prefix"] for one in answer.get("CommonPrefixes", [])])


PREFIXES = ["", "a", "a/", "a/b/", "a/b/1", "b/", "b//", "c--", "päivä/", "with ", "with+", "with%", "z|", "none", "/", "a/b/1/"]
DELIMITERS = ["", "/", "-", "--", "b", "|", " ", "//", "ä", "%", "none", "a/"]


def both(s3, version):
    return s3.list_objects if version == 1 else s3.list_objects_v2


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("prefix", PREFIXES)
def test_prefix(s3, listed, version, prefix):
    answer = both(s3, version)(Bucket=listed, Prefix=prefix)
    assert names(answer) == expected(prefix) and unquote(answer["Prefix"]) in (prefix, unquote(prefix)) and not answer["IsTruncated"]


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("delimiter", DELIMITERS)
def test_delimiter(s3, listed, version, delimiter):
    answer = both(s3, version)(Bucket=listed, Delimiter=delimiter)
    assert names(answer) == expected("", delimiter)


@pytest.mark.parametrize("prefix,delimiter", [("a", "/"), ("a/", "/"), ("a/b", "/"), ("a/b/", "/"), ("b", "/"), ("b/", "/"),
                                              ("b//", "/"), ("c--", "--"), ("c", "--"), ("b-", "-"), ("päivä", "/"),
                                              ("with", " "), ("z", "|"), ("a", "a"), ("none", "/"), ("a/1", "/"), ("b", "b")])
@pytest.mark.parametrize("version", [1, 2])
def test_prefix_and_delimiter(s3, listed, version, prefix, delimiter):
    assert names(both(s3, version)(Bucket=listed, Prefix=prefix, Delimiter=delimiter)) == expected(prefix, delimiter)


MARKERS = ["", "a", "a/", "a/1", "a/zzz", "a0", "b", "b/", "b//", "between", "päivä/1", "zz", "zzz", " ", "with space"]


@pytest.mark.parametrize("marker", MARKERS)
def test_marker(s3, listed, marker):
    answer = s3.list_objects(Bucket=listed, Marker=marker)
    assert names(answer) == expected(after=marker) and answer["Marker"] == marker


@pytest.mark.parametrize("marker", MARKERS)
def test_start_after(s3, listed, marker):
    answer = s3.list_objects_v2(Bucket=listed, StartAfter=marker)
    assert names(answer) == expected(after=marker)
    assert answer.get("StartAfter", "") == marker


@pytest.mark.parametrize("marker", ["a", "a/", "a0", "b", "b/", "päivä/", "zz"])
def test_marker_and_delimiter(s3, listed, marker):
    assert names(s3.list_objects(Bucket=listed, Marker=marker, Delimiter="/")) == expected("", "/", marker)


@pytest.mark.parametrize("marker", ["a/1", "a/b/1", "b"])
def test_marker_and_prefix(s3, listed, marker):
    assert names(s3.list_objects(Bucket=listed, Marker=marker, Prefix="a/")) == expected("a/", "", marker)


@pytest.mark.parametrize("size", [1, 2, 3, 5, 7, 25, 26, 27])
@pytest.mark.parametrize("delimiter", ["", "/", "--"])
def test_pages_of_v2(s3, listed, size, delimiter):
    found, prefixes, token, merged = [], [], {}, []
    for _ in range(60):
        answer = s3.list_objects_v2(Bucket=listed, MaxKeys=size, Delimiter=delimiter, **token)
        keys, commons = names(answer)
        assert answer["KeyCount"] == len(keys) + len(commons) <= size and answer["MaxKeys"] == size
        found, prefixes, merged = found + keys, prefixes + commons, merged + sorted(keys + commons, key=str.encode)
        if not answer["IsTruncated"]:
            assert "NextContinuationToken" not in answer
            break
        assert len(keys) + len(commons) == size
        token = {"ContinuationToken": answer["NextContinuationToken"]}
    assert (found, prefixes) == expected("", delimiter)
    assert merged == sorted(merged, key=str.encode)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 26])
@pytest.mark.parametrize("delimiter", ["", "/", "--"])
def test_pages_of_v1(s3, listed, size, delimiter):
    found, prefixes, marker = [], [], ""
    for _ in range(60):
        answer = s3.list_objects(Bucket=listed, MaxKeys=size, Delimiter=delimiter, Marker=marker)
        keys, commons = names(answer)
        assert len(keys) + len(commons) <= size
        found, prefixes = found + keys, prefixes + commons
        if not answer["IsTruncated"]:
            break
        # Without a delimiter, the last key is the marker.
        marker = answer["NextMarker"] if delimiter else keys[-1]
    assert (found, prefixes) == expected("", delimiter)


def test_next_marker_comes_only_with_a_delimiter(wire, listed):
    assert wire.do("GET", listed, query={"max-keys": "2"}).xml.find("NextMarker") is None
    assert wire.do("GET", listed, query={"max-keys": "2", "delimiter": "/"}).xml.findtext("NextMarker")


def test_next_marker_may_be_a_prefix(wire, listed):
    answer = wire.do("GET", listed, query={"max-keys": "2", "delimiter": "/"}).xml
    assert answer.findtext("NextMarker") == "a/" and answer.findtext("CommonPrefixes/Prefix") == "a/"


def test_the_last_page_may_be_full(s3, listed):
    answer = s3.list_objects_v2(Bucket=listed, MaxKeys=len(KEYS))
    assert not answer["IsTruncated"] and answer["KeyCount"] == len(KEYS)


@pytest.mark.parametrize("version", [1, 2])
def test_no_keys(s3, listed, version):
    answer = both(s3, version)(Bucket=listed, MaxKeys=0)
    assert names(answer) == ([], []) and not answer["IsTruncated"] and answer["MaxKeys"] == 0


@pytest.mark.parametrize("query", [{}, {"list-type": "2"}], ids=["v1", "v2"])
@pytest.mark.parametrize("number", ["-1", "x", "1.5", "99999999999999999999"])
def test_max_keys_that_is_none(wire, listed, query, number):
    refused("InvalidArgument", 400, wire.do("GET", listed, query=query | {"max-keys": number}))


def test_max_keys_empty_is_the_default(wire, listed):
    answer = wire.do("GET", listed, query={"max-keys": ""})
    assert answer.status == 200 and answer.xml.findtext("MaxKeys") == "1000"


@pytest.mark.parametrize("number", ["1001", "100000"])
def test_max_keys_beyond_the_limit(wire, listed, number):
    answer = wire.do("GET", listed, query={"max-keys": number})
    assert answer.status == 200 and len(answer.xml.findall("Contents")) == len(KEYS)


@pytest.mark.parametrize("version", [1, 2])
def test_an_empty_bucket(s3, bucket, version):
    answer = both(s3, version)(Bucket=bucket)
    assert names(answer) == ([], []) and not answer["IsTruncated"] and answer["MaxKeys"] == 1000 and answer["Name"] == bucket


def test_a_page_has_a_thousand(s3, bucket):
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: s3.put_object(Bucket=bucket, Key=f"k{n:04}", Body=b""), range(1003)))
    first = s3.list_objects_v2(Bucket=bucket)
    assert first["KeyCount"] == 1000 and first["IsTruncated"]
    second = s3.list_objects_v2(Bucket=bucket, ContinuationToken=first["NextContinuationToken"])
    assert [one["Key"] for one in second["Contents"]] == ["k1000", "k1001", "k1002"]
    assert s3.list_objects_v2(Bucket=bucket, MaxKeys=5000)["KeyCount"] == 1000
    s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": f"k{n:04}"} for n in range(1000)]})


def test_fields_of_an_entry(s3, listed, ids):
    one = s3.list_objects(Bucket=listed, Prefix="a/1")["Contents"][0]
    assert one["ETag"] == f'"{hashlib.md5(b"a/1").hexdigest()}"' and one["Size"] == 3
    assert one["StorageClass"] == "STANDARD" and one["Owner"]["ID"] == ids.main
    head = s3.head_object(Bucket=listed, Key="a/1")
    assert abs((head["LastModified"] - one["LastModified"]).total_seconds()) < 1


def test_times_have_milliseconds(wire, listed):
    assert wire.do("GET", listed).xml.findtext("Contents/LastModified")[-5:-4] == "."


def test_owner_of_v2_only_when_asked(s3, listed, ids):
    assert "Owner" not in s3.list_objects_v2(Bucket=listed, Prefix="a/1")["Contents"][0]
    assert "Owner" not in s3.list_objects_v2(Bucket=listed, Prefix="a/1", FetchOwner=False)["Contents"][0]
    assert s3.list_objects_v2(Bucket=listed, Prefix="a/1", FetchOwner=True)["Contents"][0]["Owner"]["ID"] == ids.main


@pytest.mark.parametrize("query", [{}, {"list-type": "2"}], ids=["v1", "v2"])
def test_encoding_of_names(wire, listed, query):
    answer = wire.do("GET", listed, query=query | {"encoding-type": "url"}).xml
    texts = [one.text for one in answer.iterfind("Contents/Key")]
    assert answer.findtext("EncodingType") == "url"
    assert [unquote_plus(text) for text in texts] == KEYS
    assert "with%2Bplus" in texts and "with%2520percent" in texts and "p%C3%A4iv%C3%A4/1" in texts


def test_encoding_of_prefix_delimiter_and_marker(wire, listed):
    answer = wire.do("GET", listed, query={"encoding-type": "url", "prefix": "päivä", "delimiter": "ä/", "marker": "a b"}).xml
    assert unquote(answer.findtext("Prefix")) == "päivä"
    assert unquote_plus(answer.findtext("Marker")) == "a b"
    assert unquote(answer.findtext("Delimiter")) == "ä/"


@pytest.mark.parametrize("name", ["\n", " ", "ä b"])
def test_what_boto3_makes_of_names(s3, listed, name):
    first = s3.list_objects(Bucket=listed, Prefix=name, Delimiter=name, Marker=name)
    assert (first["Prefix"], first["Delimiter"], first["Marker"]) == (name, name, name)
    second = s3.list_objects_v2(Bucket=listed, Prefix=name, Delimiter=name, StartAfter=name)
    assert (second["Prefix"], second["Delimiter"], second["StartAfter"]) == (name, name, name)


def test_encoding_of_common_prefixes(wire, listed):
    answer = wire.do("GET", listed, query={"encoding-type": "url", "delimiter": "|"}).xml
    assert answer.findtext("CommonPrefixes/Prefix") == "z%7C"


def test_encoding_of_start_after(wire, listed):
    answer = wire.do("GET", listed, query={"list-type": "2", "encoding-type": "url", "start-after": "päivä/1"}).xml
    assert unquote(answer.findtext("StartAfter")) == "päivä/1"
    assert [unquote_plus(one.text) for one in answer.iterfind("Contents/Key")] == expected(after="päivä/1")[0]


def test_encoding_that_is_none(wire, listed):
    refused("InvalidArgument", 400, wire.do("GET", listed, query={"encoding-type": "rot13"}))


def test_list_type_that_is_none(wire, listed):
    refused("InvalidArgument", 400, wire.do("GET", listed, query={"list-type": "3"}))


def test_an_empty_token_is_the_first_page(s3, listed):
    answer = s3.list_objects_v2(Bucket=listed, ContinuationToken="")
    assert names(answer)[0] == KEYS and answer["ContinuationToken"] == ""


def test_token_comes_back(s3, listed):
    token = s3.list_objects_v2(Bucket=listed, MaxKeys=2)["NextContinuationToken"]
    assert s3.list_objects_v2(Bucket=listed, MaxKeys=2, ContinuationToken=token)["ContinuationToken"] == token


def test_token_goes_before_start_after(s3, listed):
    token = s3.list_objects_v2(Bucket=listed, MaxKeys=20)["NextContinuationToken"]
    answer = s3.list_objects_v2(Bucket=listed, ContinuationToken=token, StartAfter="a")
    assert names(answer)[0] == KEYS[20:]


def test_pages_after_a_change(s3, bucket):
    for key in "abcdef":
        s3.put_object(Bucket=bucket, Key=key, Body=b"")
    token = s3.list_objects_v2(Bucket=bucket, MaxKeys=3)["NextContinuationToken"]
    s3.delete_object(Bucket=bucket, Key="c")
    s3.delete_object(Bucket=bucket, Key="d")
    s3.put_object(Bucket=bucket, Key="aa", Body=b"")
    assert names(s3.list_objects_v2(Bucket=bucket, ContinuationToken=token))[0] == ["e", "f"]


def test_order_is_that_of_utf8(s3, bucket):
    keys = ["Z", "a", "é", "中", "\ufffd", "\U00010000", "-", "~"]
    for key in keys:
        s3.put_object(Bucket=bucket, Key=key, Body=b"")
    assert names(s3.list_objects_v2(Bucket=bucket))[0] == sorted(keys, key=str.encode)


def test_a_listing_is_current(s3, bucket):
    for n in range(5):
        s3.put_object(Bucket=bucket, Key=f"k{n}", Body=b"")
        assert len(s3.list_objects_v2(Bucket=bucket)["Contents"]) == n + 1
    s3.delete_object(Bucket=bucket, Key="k2")
    assert names(s3.list_objects_v2(Bucket=bucket))[0] == ["k0", "k1", "k3", "k4"]


def test_names_in_xml(wire, s3, bucket):
    for key in ["a&b", "a<b", "a>b", "a\"b", "a'b", "a]]>b"]:
        s3.put_object(Bucket=bucket, Key=key, Body=b"")
    found = [one.text for one in wire.do("GET", bucket).xml.iterfind("Contents/Key")]
    assert found == sorted(["a&b", "a<b", "a>b", "a\"b", "a'b", "a]]>b"])


@pytest.mark.parametrize("user", ["alt", "nobody"])
@pytest.mark.parametrize("version", [1, 2])
def test_by_somebody_else(request, listed, user, version):
    client = request.getfixturevalue(user)
    refused("AccessDenied", 403, both(client, version), Bucket=listed)


def test_namespace(wire, listed):
    assert wire.do("GET", listed).body.count(b'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"') == 1


def test_deep_common_prefixes(s3, bucket):
    for n in range(12):
        s3.put_object(Bucket=bucket, Key=f"d{n % 3}/{n}/x", Body=b"")
    assert names(s3.list_objects_v2(Bucket=bucket, Delimiter="/")) == ([], ["d0/", "d1/", "d2/"])
    assert names(s3.list_objects_v2(Bucket=bucket, Delimiter="/", Prefix="d1/"))[1] == ["d1/1/", "d1/10/", "d1/4/", "d1/7/"]
    assert names(s3.list_objects_v2(Bucket=bucket, Delimiter="/", Prefix="d1"))[1] == ["d1/"]


def test_a_folder_object_is_a_key_in_its_own_listing(s3, bucket):
    s3.put_object(Bucket=bucket, Key="f/", Body=b"")
    s3.put_object(Bucket=bucket, Key="f/x", Body=b"")
    assert names(s3.list_objects_v2(Bucket=bucket, Delimiter="/")) == ([], ["f/"])
    assert names(s3.list_objects_v2(Bucket=bucket, Delimiter="/", Prefix="f/")) == (["f/", "f/x"], [])
