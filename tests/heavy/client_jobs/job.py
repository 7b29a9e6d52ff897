"""What the clients of `clients` are made to do, each in its own words. A job that a client has no command for is left out."""

from campaign import check

JOBS = [
    "make bucket", "list buckets", "put", "put large", "put from stdin", "put with metadata", "odd names", "get", "get large", "get to stdout",
    "get a range", "list", "list recursively", "size", "copy", "copy large", "move", "delete", "delete many", "sync up", "sync up again",
    "sync deletes", "sync down", "check", "link", "public link", "tags", "acl", "versions", "policy", "lifecycle", "cors", "uploads",
    "conditional", "checksums", "change metadata", "info", "remove bucket",
]


class Job:
    """A client and where it works."""

    def __init__(self, program, place):
        self.program, self.p = program, place
        self.prepare()

    def prepare(self):
        pass

    def version(self):
        return self.p.run(self.program, "--version").decode().split("\n")[0]


class WithUris(Job):
    """A client whose commands take `s3://` URIs by themselves, as s3cmd's do. `self.at` is that of the bucket."""

    REMOVE = "rm"

    def make_bucket(self):
        self.run("mb", f"s3://{self.p.bucket}-2")

    def remove_bucket(self):
        self.run("rb", f"s3://{self.p.bucket}-2")

    def copy(self):
        self.p.store("c/a")
        self.run("cp", self.at + "c/a", self.at + "c/b")
        self.p.is_(self.p.stored("c/b"), self.p.small, "cp")

    def move(self):
        self.p.store("m/a")
        self.run("mv", self.at + "m/a", self.at + "m/b")
        check(self.p.keys("m/") == {"b"}, "mv")

    def delete(self):
        self.p.store("d/a")
        self.run(self.REMOVE, self.at + "d/a")
        check(not self.p.keys("d/"), self.REMOVE)

    def delete_all(self, *words):
        for number in range(12):
            self.p.store(f"d/{number}", b"x")
        self.run(self.REMOVE, *words)
        check(not self.p.keys("d/"), f"{self.REMOVE} of many")
