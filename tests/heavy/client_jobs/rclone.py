"""rclone."""

import json

from campaign import check
from client_jobs.job import Job


class Rclone(Job):
    def prepare(self):
        p = self.p
        self.env = {"RCLONE_CONFIG": "/dev/null", "RCLONE_CONFIG_S_TYPE": "s3", "RCLONE_CONFIG_S_PROVIDER": "Other",
                    "RCLONE_CONFIG_S_ENDPOINT": f"http://{p.host}", "RCLONE_CONFIG_S_ACCESS_KEY_ID": p.access_key,
                    "RCLONE_CONFIG_S_SECRET_ACCESS_KEY": p.secret_key}
        self.at = f"S:{p.bucket}/"

    def run(self, *words, **more):
        return self.p.run(self.program, "--retries=1", "--s3-chunk-size=5M", "--s3-upload-cutoff=5M", "--s3-copy-cutoff=5M", *words,
                          environment=self.env, **more)

    def version(self):
        return self.p.run(self.program, "version").decode().split("\n")[0].replace(" v", " ")

    def make_bucket(self):
        self.run("mkdir", f"S:{self.p.bucket}-2")

    def remove_bucket(self):
        self.run("rmdir", f"S:{self.p.bucket}-2")

    def list_buckets(self):
        check(self.p.bucket in self.run("lsd", "S:").decode(), "not listed")

    def put(self):
        self.run("copyto", "small", self.at + "s/put")
        self.p.is_(self.p.stored("s/put"), self.p.small, "copyto")

    def put_large(self):
        self.run("copyto", "large", self.at + "s/large")
        self.p.is_(self.p.stored("s/large"), self.p.large, "copyto of a large file")
        check("-" in self.p.head("s/large")["etag"], "it did not go in parts")

    def put_from_stdin(self):
        self.run("rcat", self.at + "s/stdin", stdin=self.p.large)
        self.p.is_(self.p.stored("s/stdin"), self.p.large, "rcat")

    def put_with_metadata(self):
        self.run("copyto", "-M", "--metadata-set=a=b c", "small", self.at + "s/meta")
        check(self.p.head("s/meta")["x-amz-meta-a"] == "b c", f"{self.p.head('s/meta')}")

    def odd_names(self):
        self.p.write("odd/ä b+%&.txt", b"odd")
        self.run("copy", "odd", self.at + "odd")
        check(self.p.keys("odd/") == {"ä b+%&.txt"}, f"{self.p.keys('odd/')}")

    def get(self):
        self.p.store("g/small")
        self.run("copyto", self.at + "g/small", "got")
        self.p.is_(self.p.read("got"), self.p.small, "copyto")

    def get_large(self):
        self.p.store("g/large", self.p.large)
        self.run("--multi-thread-cutoff=1M", "--multi-thread-streams=4", "copyto", self.at + "g/large", "got-large")
        self.p.is_(self.p.read("got-large"), self.p.large, "copyto of a large object")

    def get_to_stdout(self):
        self.p.store("g/small")
        self.p.is_(self.run("cat", self.at + "g/small"), self.p.small, "cat")

    def get_a_range(self):
        self.p.store("g/small")
        self.p.is_(self.run("cat", "--offset=100", "--count=50", self.at + "g/small"), self.p.small[100:150], "cat --offset")

    def list(self):
        self.p.store("l/a/b")
        self.p.store("l/c")
        check(self.run("lsf", self.at + "l").split() == [b"a/", b"c"], "lsf")

    def list_recursively(self):
        self.p.store("l/a/b")
        check(b"a/b" in self.run("lsf", "-R", self.at + "l"), "lsf -R")

    def size(self):
        self.p.store("size/a")
        self.p.store("size/b")
        found = json.loads(self.run("size", "--json", self.at + "size"))
        check((found["count"], found["bytes"]) == (2, 6000), f"{found}")

    def copy(self):
        self.p.store("c/a")
        self.run("copyto", self.at + "c/a", self.at + "c/b")
        self.p.is_(self.p.stored("c/b"), self.p.small, "copyto")

    def copy_large(self):
        self.p.store("c/large", self.p.large)
        self.run("copyto", self.at + "c/large", self.at + "c/large2")
        self.p.is_(self.p.stored("c/large2"), self.p.large, "server-side copy in parts")
        check("-" in self.p.head("c/large2")["etag"], "it did not go in parts")

    def move(self):
        self.p.store("m/a")
        self.run("moveto", self.at + "m/a", self.at + "m/b")
        check(self.p.keys("m/") == {"b"}, "moveto")

    def delete(self):
        self.p.store("d/a")
        self.run("deletefile", self.at + "d/a")
        check(not self.p.keys("d/"), "deletefile")

    def delete_many(self):
        for number in range(12):
            self.p.store(f"d/{number}", b"x")
        self.run("purge", self.at + "d")
        check(not self.p.keys("d/"), "purge")

    def sync_up(self):
        self.run("sync", "tree", self.at + "t")
        self.p.holds("t/", self.p.tree)

    def sync_up_again(self):
        said = self.p.run(self.program, "sync", "--stats-one-line", "-v", "--use-json-log", "--log-file=log", "tree", self.at + "t", environment=self.env)
        check("Copied" not in self.p.read("log").decode() and not said, "something was done")

    def sync_deletes(self):
        self.p.store("t/more")
        self.run("sync", "tree", self.at + "t")
        self.p.holds("t/", self.p.tree)

    def sync_down(self):
        self.run("sync", self.at + "t", "down")
        check(self.p.files("down") == self.p.tree, "the files differ")

    def check(self):
        self.run("check", "tree", self.at + "t")
        self.run("check", "--download", "tree", self.at + "t")
        self.p.store("t/d0/f 3.txt", b"changed")
        failed = None
        try:
            self.run("check", "tree", self.at + "t")
        except Exception as error:  # it has to complain
            failed = error
        check(failed is not None, "a difference was not seen")

    def link(self):
        self.p.store("k")
        self.p.opens(self.run("link", "--expire=60s", self.at + "k").decode(), self.p.small)

    def versions(self):
        self.run("backend", "versioning", f"S:{self.p.bucket}", "Enabled")
        check(b"Enabled" in self.run("backend", "versioning", f"S:{self.p.bucket}"), "versioning")
        self.p.store("v/k", b"old")
        self.p.store("v/k", b"new one")
        found = json.loads(self.run("lsjson", "--s3-versions", self.at + "v"))
        check(sorted(entry["Size"] for entry in found) == [3, 7], f"{found}")
        self.run("backend", "versioning", f"S:{self.p.bucket}", "Suspended")
        self.run("backend", "cleanup-hidden", f"S:{self.p.bucket}")

    def uploads(self):
        self.p.client.must("POST", self.p.bucket, "open-upload", "uploads")
        check(b"open-upload" in self.run("backend", "list-multipart-uploads", self.at), "list-multipart-uploads")
        self.run("backend", "cleanup", "-o", "max-age=0s", self.at)

    def change_metadata(self):
        self.p.store("k")
        self.run("touch", "-t", "2020-01-02T03:04:05", self.at + "k")
        check("x-amz-meta-mtime" in self.p.head("k"), "touch")

    def info(self):
        self.p.store("k")
        check(json.loads(self.run("lsjson", "--stat", "-M", self.at + "k"))["Size"] == 3000, "lsjson --stat")
