"""The AWS CLI: `aws s3` and a part of `aws s3api`."""

import json

from campaign import check
from client_jobs.job import Job


class Aws(Job):
    def prepare(self):
        p = self.p
        self.env = {"AWS_ACCESS_KEY_ID": p.access_key, "AWS_SECRET_ACCESS_KEY": p.secret_key, "AWS_DEFAULT_REGION": "us-east-1",
                    "AWS_CONFIG_FILE": p.path("aws-config"), "AWS_EC2_METADATA_DISABLED": "true"}
        p.write("aws-config", b"[default]\ns3 =\n  multipart_threshold = 6MB\n  multipart_chunksize = 5MB\n  addressing_style = path\n")
        self.at = f"s3://{p.bucket}/"

    def run(self, *words, **more):
        return self.p.run(self.program, "--endpoint-url", f"http://{self.p.host}", *words, environment=self.env, **more)

    def s3(self, *words, **more):
        return self.run("s3", *words, **more)

    def api(self, command, *words, bucket=True):
        said = self.run("s3api", command, *(["--bucket", self.p.bucket] if bucket else []), *words)
        return json.loads(said) if said.strip() else {}

    def version(self):
        return self.p.run(self.program, "--version").decode().split()[0].replace("/", " ")

    def make_bucket(self):
        self.s3("mb", f"s3://{self.p.bucket}-2")

    def remove_bucket(self):
        self.s3("rb", f"s3://{self.p.bucket}-2")

    def list_buckets(self):
        check(self.p.bucket.encode() in self.s3("ls"), "s3 ls")
        check(self.p.bucket in str(self.api("list-buckets", bucket=False)), "list-buckets")

    def put(self):
        self.s3("cp", "small", self.at + "s/put")
        self.p.is_(self.p.stored("s/put"), self.p.small, "s3 cp")
        self.api("put-object", "--key", "s/api", "--body", "small")
        self.p.is_(self.p.stored("s/api"), self.p.small, "put-object")

    def put_large(self):
        self.s3("cp", "large", self.at + "s/large")
        self.p.is_(self.p.stored("s/large"), self.p.large, "s3 cp of a large file")

    def put_from_stdin(self):
        self.s3("cp", "-", self.at + "s/stdin", stdin=self.p.large)
        self.p.is_(self.p.stored("s/stdin"), self.p.large, "s3 cp -")

    def put_with_metadata(self):
        self.s3("cp", "--metadata", "a=b", "--content-type", "text/x-odd", "small", self.at + "s/meta")
        head = self.p.head("s/meta")
        check(head["content-type"] == "text/x-odd" and head["x-amz-meta-a"] == "b", f"{head}")

    def odd_names(self):
        for name in ("ä b+%.txt", "a//b", "trail/"):
            self.api("put-object", "--key", "odd/" + name)
        found = self.api("list-objects-v2", "--prefix", "odd/")
        check([entry["Key"] for entry in found["Contents"]] == ["odd/a//b", "odd/trail/", "odd/ä b+%.txt"], f"{found}")

    def get(self):
        self.p.store("g/small")
        self.s3("cp", self.at + "g/small", "got")
        self.p.is_(self.p.read("got"), self.p.small, "s3 cp")

    def get_large(self):
        self.p.store("g/large", self.p.large)
        self.s3("cp", self.at + "g/large", "got-large")
        self.p.is_(self.p.read("got-large"), self.p.large, "s3 cp of a large object")

    def get_to_stdout(self):
        self.p.store("g/small")
        self.p.is_(self.s3("cp", self.at + "g/small", "-"), self.p.small, "s3 cp to -")

    def get_a_range(self):
        self.p.store("g/small")
        self.api("get-object", "--key", "g/small", "--range", "bytes=10-19", "ranged")
        self.p.is_(self.p.read("ranged"), self.p.small[10:20], "get-object --range")

    def list(self):
        self.p.store("l/a/b")
        self.p.store("l/c")
        said = self.s3("ls", self.at + "l/").decode()
        check("PRE a/" in said and " 3000 c" in said, said)

    def list_recursively(self):
        self.p.store("l/a/b")
        self.p.store("l/c")
        check(b"l/a/b" in self.s3("ls", "--recursive", self.at + "l/"), "s3 ls --recursive")
        found = self.api("list-objects", "--prefix", "l/", "--page-size", "1")
        check([entry["Key"] for entry in found["Contents"]] == ["l/a/b", "l/c"], f"{found}")

    def size(self):
        self.p.store("size/a")
        self.p.store("size/b")
        said = self.s3("ls", "--recursive", "--summarize", self.at + "size/").decode()
        check("Total Objects: 2" in said and "Total Size: 6000" in said, said)

    def copy(self):
        self.p.store("c/a")
        self.s3("cp", self.at + "c/a", self.at + "c/b")
        self.p.is_(self.p.stored("c/b"), self.p.small, "s3 cp")

    def copy_large(self):
        self.p.store("c/large", self.p.large)
        self.s3("cp", self.at + "c/large", self.at + "c/large2")
        self.p.is_(self.p.stored("c/large2"), self.p.large, "s3 cp of a large object")

    def move(self):
        self.p.store("m/a")
        self.s3("mv", self.at + "m/a", self.at + "m/b")
        check(self.p.keys("m/") == {"b"}, "s3 mv")

    def delete(self):
        self.p.store("d/a")
        self.s3("rm", self.at + "d/a")
        check(not self.p.keys("d/"), "s3 rm")

    def delete_many(self):
        for number in range(6):
            self.p.store(f"d/{number}", b"x")
        self.s3("rm", "--recursive", "--exclude", "*5", self.at + "d/")
        check(self.p.keys("d/") == {"5"}, "s3 rm --recursive")
        self.api("delete-objects", "--delete", "Objects=[{Key=d/5},{Key=d/6}],Quiet=false")
        check(not self.p.keys("d/"), "delete-objects")

    def sync_up(self):
        self.s3("sync", "tree", self.at + "t/")
        self.p.holds("t/", self.p.tree)

    def sync_up_again(self):
        check(not self.s3("sync", "tree", self.at + "t/"), "something was done")

    def sync_deletes(self):
        self.p.store("t/more")
        self.s3("sync", "--delete", "tree", self.at + "t/")
        self.p.holds("t/", self.p.tree)

    def sync_down(self):
        self.s3("sync", self.at + "t/", "down")
        check(self.p.files("down") == self.p.tree, "the files differ")

    def link(self):
        self.p.store("k")
        self.p.opens(self.s3("presign", "--expires-in", "60", self.at + "k").decode(), self.p.small)

    def public_link(self):
        self.s3("cp", "--acl", "public-read", "small", self.at + "public")
        self.p.opens(f"http://{self.p.host}/{self.p.bucket}/public", self.p.small)

    def tags(self):
        self.p.store("k")
        self.api("put-object-tagging", "--key", "k", "--tagging", "TagSet=[{Key=a,Value=1}]")
        check(self.api("get-object-tagging", "--key", "k")["TagSet"] == [{"Key": "a", "Value": "1"}], "get-object-tagging")
        self.api("delete-object-tagging", "--key", "k")

    def acl(self):
        self.p.store("k")
        self.api("put-object-acl", "--key", "k", "--acl", "public-read")
        check("AllUsers" in str(self.api("get-object-acl", "--key", "k")), "get-object-acl")

    def versions(self):
        self.api("put-bucket-versioning", "--versioning-configuration", "Status=Enabled")
        check(self.api("get-bucket-versioning")["Status"] == "Enabled", "get-bucket-versioning")
        for content in (b"old", b"new one"):
            self.p.store("v/k", content)
        found = self.api("list-object-versions", "--prefix", "v/")["Versions"]
        check([entry["Size"] for entry in found] == [7, 3], f"{found}")
        self.api("get-object", "--key", "v/k", "--version-id", found[1]["VersionId"], "old")
        self.p.is_(self.p.read("old"), b"old", "get-object --version-id")
        for entry in found:
            self.api("delete-object", "--key", "v/k", "--version-id", entry["VersionId"])
        self.api("put-bucket-versioning", "--versioning-configuration", "Status=Suspended")

    def policy(self):
        self.p.store("open/k")
        policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject",
                  "Resource": f"arn:aws:s3:::{self.p.bucket}/open/*"}]}
        self.api("put-bucket-policy", "--policy", json.dumps(policy))
        self.p.opens(f"http://{self.p.host}/{self.p.bucket}/open/k", self.p.small)
        check(json.loads(self.api("get-bucket-policy")["Policy"]) == policy, "get-bucket-policy")
        self.api("delete-bucket-policy")

    def lifecycle(self):
        rules = {"Rules": [{"ID": "r", "Filter": {"Prefix": "log/"}, "Status": "Enabled", "Expiration": {"Days": 3}}]}
        self.api("put-bucket-lifecycle-configuration", "--lifecycle-configuration", json.dumps(rules))
        check(self.api("get-bucket-lifecycle-configuration")["Rules"] == rules["Rules"], "get-bucket-lifecycle-configuration")
        self.api("delete-bucket-lifecycle")

    def cors(self):
        rules = {"CORSRules": [{"AllowedMethods": ["GET"], "AllowedOrigins": ["*"]}]}
        self.api("put-bucket-cors", "--cors-configuration", json.dumps(rules))
        check(self.api("get-bucket-cors") == rules, "get-bucket-cors")
        self.api("delete-bucket-cors")

    def uploads(self):
        upload = self.api("create-multipart-upload", "--key", "open-upload")["UploadId"]
        self.api("upload-part", "--key", "open-upload", "--upload-id", upload, "--part-number", "1", "--body", "small")
        check(len(self.api("list-parts", "--key", "open-upload", "--upload-id", upload)["Parts"]) == 1, "list-parts")
        check(self.api("list-multipart-uploads")["Uploads"][0]["UploadId"] == upload, "list-multipart-uploads")
        self.api("abort-multipart-upload", "--key", "open-upload", "--upload-id", upload)

    def checksums(self):
        self.api("put-object", "--key", "sum", "--body", "small", "--checksum-algorithm", "SHA256")
        found = self.api("head-object", "--key", "sum", "--checksum-mode", "ENABLED")
        check("ChecksumSHA256" in found, f"{found}")

    def conditional(self):
        self.p.store("k")
        self.api("get-object", "--key", "k", "--if-match", self.p.head("k")["etag"], "matched")
        self.p.is_(self.p.read("matched"), self.p.small, "get-object --if-match")

    def change_metadata(self):
        self.p.store("k")
        self.s3("cp", "--metadata", "new=1", "--metadata-directive", "REPLACE", self.at + "k", self.at + "k")
        check(self.p.head("k").get("x-amz-meta-new") == "1", "s3 cp onto itself")

    def info(self):
        self.p.store("k")
        check(self.api("head-object", "--key", "k")["ContentLength"] == 3000, "head-object")
