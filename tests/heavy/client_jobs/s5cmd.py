"""s5cmd."""

import json

from campaign import check
from client_jobs.job import WithUris


class S5cmd(WithUris):
    def prepare(self):
        p = self.p
        self.env = {"AWS_ACCESS_KEY_ID": p.access_key, "AWS_SECRET_ACCESS_KEY": p.secret_key, "AWS_REGION": "us-east-1"}
        self.at = f"s3://{p.bucket}/"

    def run(self, *words, **more):
        return self.p.run(self.program, "--endpoint-url", f"http://{self.p.host}", *words, environment=self.env, **more)

    def version(self):
        return "s5cmd " + self.p.run(self.program, "version").decode().split("-")[0].lstrip("v").strip()

    def list_buckets(self):
        check(self.p.bucket.encode() in self.run("ls"), "ls")

    def put(self):
        self.run("cp", "small", self.at + "s/put")
        self.p.is_(self.p.stored("s/put"), self.p.small, "cp")

    def put_large(self):
        self.run("cp", "--part-size=5", "large", self.at + "s/large")
        self.p.is_(self.p.stored("s/large"), self.p.large, "cp of a large file")

    def put_from_stdin(self):
        self.run("pipe", self.at + "s/stdin", stdin=self.p.large)
        self.p.is_(self.p.stored("s/stdin"), self.p.large, "pipe")

    def put_with_metadata(self):
        self.run("cp", "--metadata", "a=b", "--content-type", "text/x-odd", "small", self.at + "s/meta")
        head = self.p.head("s/meta")
        check(head["content-type"] == "text/x-odd" and head["x-amz-meta-a"] == "b", f"{head}")

    def odd_names(self):
        self.run("cp", "small", self.at + "odd/ä b+%.txt")
        check(self.p.keys("odd/") == {"ä b+%.txt"}, f"{self.p.keys('odd/')}")

    def get(self):
        self.p.store("g/small")
        self.run("cp", self.at + "g/small", "got")
        self.p.is_(self.p.read("got"), self.p.small, "cp")

    def get_large(self):
        self.p.store("g/large", self.p.large)
        self.run("cp", "--part-size=5", self.at + "g/large", "got-large")
        self.p.is_(self.p.read("got-large"), self.p.large, "cp of a large object")

    def get_to_stdout(self):
        self.p.store("g/small")
        self.p.is_(self.run("cat", self.at + "g/small"), self.p.small, "cat")

    def list(self):
        self.p.store("l/a/b")
        self.p.store("l/c")
        said = self.run("ls", self.at + "l/").decode()
        check("DIR  a/" in said and "3000  c" in said, said)

    def list_recursively(self):
        self.p.store("l/a/b")
        check(b"a/b" in self.run("ls", self.at + "l/*"), "ls with a wildcard")

    def size(self):
        self.p.store("size/a")
        self.p.store("size/b")
        check(b"6000 bytes in 2 objects" in self.run("du", self.at + "size/*"), "du")

    def delete_many(self):
        self.delete_all(self.at + "d/*")

    def sync_up(self):
        self.run("sync", "tree/", self.at + "t/")
        self.p.holds("t/", self.p.tree)

    def sync_up_again(self):
        check(not self.run("sync", "--size-only", "tree/", self.at + "t/"), "something was done")

    def sync_deletes(self):
        self.p.store("t/more")
        self.run("sync", "--delete", "tree/", self.at + "t/")
        self.p.holds("t/", self.p.tree)

    def sync_down(self):
        self.run("sync", self.at + "t/*", "down/")
        check(self.p.files("down") == self.p.tree, "the files differ")

    def link(self):
        self.p.store("k")
        self.p.opens(self.run("presign", "--expire", "60s", self.at + "k").decode(), self.p.small)

    def public_link(self):
        self.run("cp", "--acl", "public-read", "small", self.at + "public")
        self.p.opens(f"http://{self.p.host}/{self.p.bucket}/public", self.p.small)

    def versions(self):
        self.run("bucket-version", "--set", "Enabled", f"s3://{self.p.bucket}")
        self.p.store("v/k", b"old")
        self.p.store("v/k", b"new one")
        check(len(self.run("ls", "--all-versions", self.at + "v/k").splitlines()) == 2, "ls --all-versions")
        self.run("rm", "--all-versions", self.at + "v/*")
        self.run("bucket-version", "--set", "Suspended", f"s3://{self.p.bucket}")

    def info(self):
        self.p.store("k")
        check(json.loads(self.run("head", self.at + "k"))["size"] == 3000, "head")
