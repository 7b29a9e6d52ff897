"""What the clients of `clients` are made to do, each in its own words. A job that a client has no command for is left out."""

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
