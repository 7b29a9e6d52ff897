"""s3cmd 2.4.0."""

import json
import re

from campaign import check
from client_jobs.job import WithUris


class S3cmd(WithUris):
    REMOVE = "del"

    def prepare(self):
        p = self.p
        p.write(".s3cfg", f"[default]\naccess_key = {p.access_key}\nsecret_key = {p.secret_key}\nhost_base = {p.host}\n"
                f"host_bucket = {p.host}\nuse_https = False\nuse_mime_magic = False\nmultipart_copy_chunk_size_mb = 5\n".encode())
        self.at = f"s3://{p.bucket}/"

    def run(self, *words, **more):
        return self.p.run(self.program, "-c", self.p.path(".s3cfg"), *words, **more).decode()

    def version(self):
        return self.run("--version").replace("version ", "").strip()

    def list_buckets(self):
        check(self.at[:-1] in self.run("ls"), "not listed")

    def put(self):
        self.run("put", "small", self.at + "s/put")
        self.p.is_(self.p.stored("s/put"), self.p.small, "put")

    def put_large(self):
        self.run("put", "--multipart-chunk-size-mb=5", "large", self.at + "s/large")
        self.p.is_(self.p.stored("s/large"), self.p.large, "put large")

    def put_from_stdin(self):
        self.run("put", "-", self.at + "s/stdin", stdin=self.p.small)
        self.p.is_(self.p.stored("s/stdin"), self.p.small, "put -")

    def put_with_metadata(self):
        self.run("put", "-m", "text/x-odd", "--add-header=x-amz-meta-a:b c", "small", self.at + "s/meta")
        head = self.p.head("s/meta")
        check(head["content-type"] == "text/x-odd" and head["x-amz-meta-a"] == "b c", f"{head}")

    def odd_names(self):
        for name in ("ä b+%.txt", "a//b", "a/../b", "trail/"):
            self.run("put", "small", self.at + "odd/" + name)
        check(self.p.keys("odd/") == {"ä b+%.txt", "a//b", "a/../b", "trail/small"}, f"{self.p.keys('odd/')}")

    def get(self):
        self.p.store("g/small")
        self.run("get", self.at + "g/small", "got")
        self.p.is_(self.p.read("got"), self.p.small, "get")

    def get_large(self):
        self.p.store("g/large", self.p.large)
        self.run("get", self.at + "g/large", "got-large")
        self.p.is_(self.p.read("got-large"), self.p.large, "get large")

    def get_to_stdout(self):
        self.p.store("g/small")
        self.p.is_(self.p.run(self.program, "-c", self.p.path(".s3cfg"), "get", self.at + "g/small", "-"), self.p.small, "get -")

    def get_a_range(self):
        self.p.store("g/small")
        self.p.write("part", self.p.small[:1000])
        self.run("get", "--continue", self.at + "g/small", "part")
        self.p.is_(self.p.read("part"), self.p.small, "get --continue")

    def list(self):
        self.p.store("l/a/b")
        self.p.store("l/c")
        said = self.run("ls", self.at + "l/")
        check(re.search(r"DIR +s3://\S+/l/a/\n.* 3000  s3://\S+/l/c\n", said), said)

    def list_recursively(self):
        self.p.store("l/a/b")
        check(self.at + "l/a/b" in self.run("ls", "-r", self.at + "l/"), "not listed")

    def size(self):
        self.p.store("size/a")
        self.p.store("size/b")
        check(self.run("du", self.at + "size/").split()[:2] == ["6000", "2"], "du")

    def copy_large(self):
        self.p.store("c/large", self.p.large)
        self.run("cp", self.at + "c/large", self.at + "c/large2")
        self.p.is_(self.p.stored("c/large2"), self.p.large, "cp of a large object")

    def delete_many(self):
        self.delete_all("-r", self.at + "d/")

    def sync_up(self):
        self.run("sync", "tree/", self.at + "t/")
        self.p.holds("t/", self.p.tree)

    def sync_up_again(self):
        check(self.run("sync", "tree/", self.at + "t/") == "", "something was done")

    def sync_deletes(self):
        self.p.store("t/more")
        self.run("sync", "--delete-removed", "tree/", self.at + "t/")
        self.p.holds("t/", self.p.tree)

    def sync_down(self):
        self.run("sync", self.at + "t/", "down/")
        check(self.p.files("down") == self.p.tree, "the files differ")

    def link(self):
        self.p.store("k")
        self.p.opens(self.run("signurl", self.at + "k", "+60"), self.p.small)

    def public_link(self):
        self.run("put", "-P", "small", self.at + "public")
        self.p.opens(f"http://{self.p.host}/{self.p.bucket}/public", self.p.small)

    def tags(self):
        self.p.store("k")
        self.run("settagging", self.at + "k", "a=1")
        check("a:\t1" in self.run("gettagging", self.at + "k"), "gettagging")
        self.run("deltagging", self.at + "k")
        self.p.is_(self.p.stored("k"), self.p.small, "tagged object")

    def acl(self):
        self.p.store("k")
        self.run("setacl", "--acl-public", self.at + "k")
        check("*anon*: READ" in self.run("info", self.at + "k"), "info")
        self.run("setacl", "--acl-private", self.at + "k")

    def versions(self):
        self.run("setversioning", self.at, "enable")
        check("Enabled" in self.run("info", self.at), "info")
        self.run("setversioning", self.at, "disable")

    def policy(self):
        self.p.write("policy", json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*",
                     "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{self.p.bucket}/open/*"}]}).encode())
        self.p.store("open/k")
        self.run("setpolicy", "policy", self.at)
        self.p.opens(f"http://{self.p.host}/{self.p.bucket}/open/k", self.p.small)
        self.run("delpolicy", self.at)

    def lifecycle(self):
        self.run("expire", "--expiry-days=3", "--expiry-prefix=log/", self.at)
        check("<Days>3</Days>" in self.run("getlifecycle", self.at), "getlifecycle")
        self.run("dellifecycle", self.at)

    def cors(self):
        self.p.write("cors", b"<CORSConfiguration><CORSRule><AllowedOrigin>*</AllowedOrigin><AllowedMethod>GET</AllowedMethod>"
                     b"</CORSRule></CORSConfiguration>")
        self.run("setcors", "cors", self.at)
        check("AllowedMethod" in self.run("info", self.at), "info")
        self.run("delcors", self.at)

    def uploads(self):
        upload = re.search("<UploadId>(.*)</UploadId>", self.p.client.must("POST", self.p.bucket, "open-upload", "uploads")[1].decode())[1]
        check(upload in self.run("multipart", self.at), "multipart")
        self.run("listmp", self.at + "open-upload", upload)
        self.run("abortmp", self.at + "open-upload", upload)

    def change_metadata(self):
        self.p.store("k")
        self.run("modify", "--add-header=x-amz-meta-new:1", self.at + "k")
        check(self.p.head("k").get("x-amz-meta-new") == "1", "modify")

    def info(self):
        self.p.store("k")
        check("File size: 3000" in self.run("info", self.at + "k"), "info")
