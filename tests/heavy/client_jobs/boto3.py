"""boto3, the transfer manager included."""

from campaign import check
from client_jobs.job import Job


class Boto3(Job):
    """Runs each job as a small program; `s` is the client, `b` the bucket."""

    START = """
import boto3, io, sys, urllib.request
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import ClientError
s = boto3.client("s3", endpoint_url=sys.argv[1], config=Config(s3={"addressing_style": "path"}))
b = sys.argv[2]
parts = TransferConfig(multipart_threshold=5 << 20, multipart_chunksize=5 << 20)
small, large = open("small", "rb").read(), open("large", "rb").read()
"""

    def run(self, text):
        p = self.p
        env = {"AWS_ACCESS_KEY_ID": p.access_key, "AWS_SECRET_ACCESS_KEY": p.secret_key, "AWS_DEFAULT_REGION": "us-east-1"}
        return p.run(self.program, "-c", self.START + text, f"http://{p.host}", p.bucket, environment=env)

    def version(self):
        return self.p.run(self.program, "-c", "import boto3; print('boto3', boto3.__version__)").decode().strip()

    def make_bucket(self):
        self.run("s.create_bucket(Bucket=b + '-2'); s.get_waiter('bucket_exists').wait(Bucket=b + '-2')")

    def remove_bucket(self):
        self.run("s.delete_bucket(Bucket=b + '-2'); s.get_waiter('bucket_not_exists').wait(Bucket=b + '-2')")

    def list_buckets(self):
        self.run("assert b in [found['Name'] for found in s.list_buckets()['Buckets']]")

    def put(self):
        self.run("s.put_object(Bucket=b, Key='s/put', Body=small)")
        self.p.is_(self.p.stored("s/put"), self.p.small, "put_object")

    def put_large(self):
        self.run("s.upload_file('large', b, 's/large', Config=parts)")
        self.p.is_(self.p.stored("s/large"), self.p.large, "upload_file")

    def put_from_stdin(self):
        self.run("s.upload_fileobj(io.BytesIO(large), b, 's/stdin', Config=parts)")
        self.p.is_(self.p.stored("s/stdin"), self.p.large, "upload_fileobj")

    def put_with_metadata(self):
        self.run("s.put_object(Bucket=b, Key='s/meta', Body=small, ContentType='text/x-odd', Metadata={'a': 'b'}, Tagging='t=1')\n"
                 "head = s.head_object(Bucket=b, Key='s/meta')\nassert head['ContentType'] == 'text/x-odd' and head['Metadata'] == {'a': 'b'}")

    def odd_names(self):
        self.run("for key in ['ä b+%&.txt', 'a//b', 'trail/', '\\x01', '<&>']: s.put_object(Bucket=b, Key='odd/' + key, Body=b'x')\n"
                 "found = [entry['Key'] for entry in s.list_objects_v2(Bucket=b, Prefix='odd/')['Contents']]\n"
                 "assert found == ['odd/\\x01', 'odd/<&>', 'odd/a//b', 'odd/trail/', 'odd/ä b+%&.txt'], found")

    def get(self):
        self.p.store("g/small")
        self.run("assert s.get_object(Bucket=b, Key='g/small')['Body'].read() == small")

    def get_large(self):
        self.p.store("g/large", self.p.large)
        self.run("s.download_file(b, 'g/large', 'got', Config=parts); assert open('got', 'rb').read() == large")

    def get_a_range(self):
        self.p.store("g/small")
        self.run("assert s.get_object(Bucket=b, Key='g/small', Range='bytes=5-9')['Body'].read() == small[5:10]")

    def list(self):
        self.p.store("l/a/b")
        self.p.store("l/c")
        self.run("found = s.list_objects_v2(Bucket=b, Prefix='l/', Delimiter='/')\n"
                 "assert [found['CommonPrefixes'][0]['Prefix'], found['Contents'][0]['Key']] == ['l/a/', 'l/c']")

    def list_recursively(self):
        for number in range(7):
            self.p.store(f"l/{number}", b"x")
        self.run("for name in ['list_objects', 'list_objects_v2']:\n"
                 "    pages = s.get_paginator(name).paginate(Bucket=b, Prefix='l/', PaginationConfig={'PageSize': 2})\n"
                 "    assert sum(len(page['Contents']) for page in pages) >= 7")

    def copy(self):
        self.p.store("c/a")
        self.run("s.copy_object(Bucket=b, Key='c/b', CopySource={'Bucket': b, 'Key': 'c/a'})")
        self.p.is_(self.p.stored("c/b"), self.p.small, "copy_object")

    def copy_large(self):
        self.p.store("c/large", self.p.large)
        self.run("s.copy({'Bucket': b, 'Key': 'c/large'}, b, 'c/large2', Config=parts)")
        self.p.is_(self.p.stored("c/large2"), self.p.large, "copy in parts")

    def delete(self):
        self.p.store("d/a")
        self.run("s.delete_object(Bucket=b, Key='d/a'); s.get_waiter('object_not_exists').wait(Bucket=b, Key='d/a')")

    def delete_many(self):
        for number in range(5):
            self.p.store(f"d/{number}", b"x")
        self.run("r = s.delete_objects(Bucket=b, Delete={'Objects': [{'Key': f'd/{n}'} for n in range(5)]}); assert len(r['Deleted']) == 5")
        check(not self.p.keys("d/"), "delete_objects")

    def link(self):
        self.p.store("k")
        self.run("url = s.generate_presigned_url('get_object', Params={'Bucket': b, 'Key': 'k'}, ExpiresIn=60)\n"
                 "assert urllib.request.urlopen(url).read() == small\n"
                 "url = s.generate_presigned_url('put_object', Params={'Bucket': b, 'Key': 'by-link'}, ExpiresIn=60)\n"
                 "urllib.request.urlopen(urllib.request.Request(url, small, method='PUT', headers={'Content-Type': ''}))")
        self.p.is_(self.p.stored("by-link"), self.p.small, "a link to put")

    def tags(self):
        self.p.store("k")
        self.run("s.put_object_tagging(Bucket=b, Key='k', Tagging={'TagSet': [{'Key': 'a', 'Value': '1'}]})\n"
                 "assert s.get_object_tagging(Bucket=b, Key='k')['TagSet'] == [{'Key': 'a', 'Value': '1'}]")

    def acl(self):
        self.p.store("k")
        self.run("s.put_object_acl(Bucket=b, Key='k', ACL='public-read'); assert len(s.get_object_acl(Bucket=b, Key='k')['Grants']) == 2")

    def versions(self):
        self.run("s.put_bucket_versioning(Bucket=b, VersioningConfiguration={'Status': 'Enabled'})\n"
                 "ids = [s.put_object(Bucket=b, Key='v', Body=str(n))['VersionId'] for n in range(2)]\n"
                 "assert s.get_object(Bucket=b, Key='v', VersionId=ids[0])['Body'].read() == b'0'\n"
                 "s.delete_object(Bucket=b, Key='v')\nfound = s.list_object_versions(Bucket=b, Prefix='v')\n"
                 "assert len(found['Versions']) == 2 and len(found['DeleteMarkers']) == 1\n"
                 "for entry in found['Versions'] + found['DeleteMarkers']: s.delete_object(Bucket=b, Key='v', VersionId=entry['VersionId'])\n"
                 "s.put_bucket_versioning(Bucket=b, VersioningConfiguration={'Status': 'Suspended'})")

    def uploads(self):
        self.run("u = s.create_multipart_upload(Bucket=b, Key='open')['UploadId']\n"
                 "s.upload_part(Bucket=b, Key='open', UploadId=u, PartNumber=1, Body=small)\n"
                 "assert len(s.list_parts(Bucket=b, Key='open', UploadId=u)['Parts']) == 1\n"
                 "s.abort_multipart_upload(Bucket=b, Key='open', UploadId=u)\nassert 'Uploads' not in s.list_multipart_uploads(Bucket=b)")

    def conditional(self):
        self.p.store("k")
        self.run("etag = s.head_object(Bucket=b, Key='k')['ETag']\n"
                 "try: s.get_object(Bucket=b, Key='k', IfNoneMatch=etag); raise SystemExit('it came')\n"
                 "except ClientError as error: assert error.response['ResponseMetadata']['HTTPStatusCode'] == 304")

    def checksums(self):
        self.run("for name in ['CRC32', 'SHA1', 'SHA256']:\n"
                 "    s.put_object(Bucket=b, Key='sum', Body=small, ChecksumAlgorithm=name)\n"
                 "    assert 'Checksum' + name in s.get_object(Bucket=b, Key='sum', ChecksumMode='ENABLED')")

    def info(self):
        self.p.store("k")
        self.run("assert s.head_object(Bucket=b, Key='k')['ContentLength'] == 3000")
