"""Cases that do not apply to `serve`: a pattern for their names, and the reason."""

NOT_APPLICABLE = {
    "delete_many: without_a_digest":
        "DeleteObjects is accepted without Content-MD5 or a checksum, as on Ceph, so that clients that send neither work as well",
}
