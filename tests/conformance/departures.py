"""Cases that do not apply to `serve`: a pattern of their names, and why."""

NOT_APPLICABLE = {
    "delete_many: without_a_digest":
        "DeleteObjects is done without Content-MD5 or a checksum too, as on Ceph: clients that do without work here as well",
}
