"""Fixtures: the two users, their clients, and buckets for the cases. The endpoint comes from the environment, as in
tests/suite: S3_ENDPOINT, S3_MAIN_KEY, S3_MAIN_SECRET, S3_ALT_KEY, S3_ALT_SECRET; and S3_ALT_EMAIL if users have
e-mail addresses."""

import itertools
import json
import os
import re
import time
from pathlib import Path
from types import SimpleNamespace

import boto3
import botocore
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from departures import NOT_APPLICABLE
from wire import Answer, Service, User, encode

ENDPOINT = os.environ.get("S3_ENDPOINT", "").rstrip("/")
ON_SERVE = os.environ.get("CONFORMANCE_ON") == "serve"
_numbers = itertools.count()
_run = f"{int(time.time()) & 0xffffff:x}{os.getpid():x}"


def fresh_name():
    return f"conform-{_run}-{next(_numbers):04d}"


class Endpoint(Service):
    """The service, with shorthands for common operations."""

    def __init__(self):
        super().__init__(ENDPOINT.removeprefix("http://"))
        self.main = User(os.environ["S3_MAIN_KEY"], os.environ["S3_MAIN_SECRET"])
        self.alt = User(os.environ["S3_ALT_KEY"], os.environ["S3_ALT_SECRET"])
        self.alt_email = os.environ.get("S3_ALT_EMAIL")

    def do(self, method, bucket="", key=None, query=(), headers=(), body=b"", user=None, **more):
        """Sends a request for a bucket or key, signed by the main user (or `user`). Headers may be a dict."""
        path = "/" + encode(bucket) + ("" if key is None else "/" + encode(key))
        query = [(query, None)] if isinstance(query, str) else query
        query = list(query.items()) if isinstance(query, dict) else query
        headers = list(headers.items()) if isinstance(headers, dict) else headers
        body = body.encode() if isinstance(body, str) else body
        return self.signed(user or self.main, method, path, query, headers, body, **more)

    def anonymous(self, method, bucket="", key=None, query=(), headers=(), body=b""):
        path = "/" + encode(bucket) + ("" if key is None else "/" + encode(key))
        query = [(query, None)] if isinstance(query, str) else query
        headers = list(headers.items()) if isinstance(headers, dict) else headers
        return self.send(method, path, list(query.items()) if isinstance(query, dict) else query, headers, body)

    def client(self, user, **settings):
        settings = {
            "signature_version": "s3v4",
            "s3": {"addressing_style": "path"},
            "retries": {"total_max_attempts": 1},
            "request_checksum_calculation": "when_required",
            "response_checksum_validation": "when_required",
            "parameter_validation": False,
        } | settings
        keys = {} if user is None else {"aws_access_key_id": user.access, "aws_secret_access_key": user.secret}
        if user is None:
            settings["signature_version"] = botocore.UNSIGNED
        return boto3.client("s3", endpoint_url=ENDPOINT, region_name="us-east-1", config=Config(**settings), **keys)


@pytest.fixture(scope="session")
def wire():
    return Endpoint()


@pytest.fixture(scope="session")
def s3(wire):
    """The main user's client."""
    return wire.client(wire.main)


@pytest.fixture(scope="session")
def alt(wire):
    """The second user's client."""
    return wire.client(wire.alt)


@pytest.fixture(scope="session")
def nobody(wire):
    """An anonymous client."""
    return wire.client(None)


@pytest.fixture(scope="session")
def ids(s3, alt):
    """The canonical ids of the two users."""
    return SimpleNamespace(main=s3.list_buckets()["Owner"]["ID"], alt=alt.list_buckets()["Owner"]["ID"])


def remove_bucket(client, name):
    """Deletes a bucket with its contents, including locked objects."""
    try:
        for page in client.get_paginator("list_object_versions").paginate(Bucket=name):
            for version in [*page.get("Versions", []), *page.get("DeleteMarkers", [])]:
                where = {"Bucket": name, "Key": version["Key"], "VersionId": version["VersionId"]}
                try:
                    client.delete_object(**where)
                except ClientError:
                    client.put_object_legal_hold(**where, LegalHold={"Status": "OFF"})
                    client.delete_object(**where, BypassGovernanceRetention=True)
        for page in client.get_paginator("list_multipart_uploads").paginate(Bucket=name):
            for upload in page.get("Uploads", []):
                client.abort_multipart_upload(Bucket=name, Key=upload["Key"], UploadId=upload["UploadId"])
        client.delete_bucket(Bucket=name)
    except ClientError:
        # Objects in compliance mode cannot be deleted, and a case may have deleted the bucket.
        pass


def _maker(s3):
    made = []

    def make(client=s3, **parameters):
        name = fresh_name()
        client.create_bucket(Bucket=name, **parameters)
        made.append((client, name))
        return name

    return make, made


@pytest.fixture
def new_bucket(s3):
    """Creates buckets that are deleted after the case."""
    make, made = _maker(s3)
    yield make
    for client, name in made:
        for open_again in (client.delete_bucket_policy, client.delete_public_access_block):
            try:
                open_again(Bucket=name)
            except ClientError:
                pass
        remove_bucket(client, name)


@pytest.fixture
def bucket(new_bucket):
    """An empty bucket for this case only."""
    return new_bucket()


@pytest.fixture
def versioned(s3, bucket):
    """An empty bucket with versioning enabled."""
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    return bucket


@pytest.fixture(scope="module")
def shared(s3):
    """A bucket shared by the module, for cases that need only a unique key."""
    make, made = _maker(s3)
    yield make()
    for client, name in made:
        remove_bucket(client, name)


@pytest.fixture(scope="module")
def locked(s3):
    """A bucket with object lock, for cases that need only a unique key."""
    make, made = _maker(s3)
    yield make(ObjectLockEnabledForBucket=True)
    for client, name in made:
        remove_bucket(client, name)


@pytest.fixture(scope="session")
def data():
    """The directory that `serve` serves. Only for cases that run only on it."""
    return Path(os.environ["CONFORMANCE_DATA"])


@pytest.fixture
def key():
    """A unique key."""
    return f"key-{next(_numbers)}"


def refused(code, status, call, *arguments, **parameters):
    """Expects that a client's call or an `Answer` fails with this error. `code` is empty for a response without a body."""
    if isinstance(call, Answer):
        if isinstance(code, (tuple, list, set)):
            assert call.code in code, call
        elif code:
            assert call.code == code, call
        assert call.status == status, call
        return call
    with pytest.raises(ClientError) as caught:
        call(*arguments, **parameters)
    response = caught.value.response
    found = response["Error"]["Code"]
    assert response["ResponseMetadata"]["HTTPStatusCode"] == status, response
    if isinstance(code, (tuple, list, set)):
        assert found in code, response
    elif code:
        assert found == code, response
    return response


def pytest_configure(config):
    config.addinivalue_line("markers", "serve_only(why): a case that could harm another service")
    config.results = {}


def pytest_collection_modifyitems(items):
    for item in items:
        item.name_in_table = re.sub(r"^(?:.*/)?test_(\w+)\.py::test_", r"\1: ", item.nodeid)
        reasons = [why for pattern, why in NOT_APPLICABLE.items() if re.fullmatch(pattern, item.name_in_table)]
        if ON_SERVE and reasons:
            item.add_marker(pytest.mark.skip(reason=reasons[0]))
        marker = item.get_closest_marker("serve_only")
        if marker and not ON_SERVE:
            item.add_marker(pytest.mark.skip(reason=marker.args[0]))


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    report = (yield).get_result()
    results, name = item.config.results, item.name_in_table
    if report.skipped:
        why = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        results[name] = {"outcome": "skipped", "why": why.removeprefix("Skipped: ")}
    elif report.failed:
        text = call.excinfo.exconly() if call.excinfo else report.longreprtext
        results[name] = {"outcome": "failed", "why": text.splitlines()[0][:300] if text else ""}
    elif report.when == "call":
        results.setdefault(name, {"outcome": "passed", "why": ""})


def pytest_sessionfinish(session):
    path = os.environ.get("CONFORMANCE_RESULTS")
    if path:
        with open(path, "w", encoding="utf-8") as file:
            json.dump(session.config.results, file, indent=1)
