"""What `serve-crash` looks at after a restart: everything that the server says, and every file that it keeps."""

import json
import os
import urllib.parse
import xml.etree.ElementTree as ElementTree
from concurrent.futures import ThreadPoolExecutor

from campaign import check
from signed import plain, quote

PRIVATE = ".s3cmd-serve"
FLAT, VERSIONED = "flat", "versioned"


def entries(*path):
    """The names in a directory; none if there is no directory."""
    try:
        return os.listdir(os.path.join(*path))
    except FileNotFoundError:
        return []


class Inspection:
    """Compares what a new server says, and what is on the disk, with what may be."""

    def __init__(self, world):
        self.world, self.client = world, world.client

    def all(self):
        self.leftovers()
        self.folders()
        found = {FLAT: self.listed(FLAT), VERSIONED: self.versions(VERSIONED)}
        latest = [(key, *shown[0][2:]) for key, shown in found[VERSIONED].items() if not shown[0][1]]
        check(latest == list(self.client.contents(VERSIONED)), "the listing of versions says other than the one of objects")
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda key: self.key(key, found[key.bucket].get(key.name, [])), self.world.keys.values()))
            list(pool.map(lambda key: self.contended(key, found[FLAT].get(key.name, [])), self.world.contended))
        known = {key.name for key in self.world.contended}
        for bucket, keys in found.items():
            strays = [name for name in keys if (bucket, name) not in self.world.keys and name not in known]
            check(not strays, f"{bucket} has {strays}, which nobody wrote")
            self.files(bucket)
        self.uploads()

    def listed(self, bucket):
        found = {key: [("", False, size, etag)] for key, size, etag in self.client.contents(bucket)}
        check(list(found) == sorted(found, key=str.encode), f"{bucket} is not listed in order")
        return found

    def versions(self, bucket):
        """For each key: version, whether it is a marker, size and ETag; the latest first."""
        found, after, at = {}, "", ""
        while True:
            query = f"encoding-type=url{after}&max-keys=100{at}&versions"
            tree = plain(ElementTree.fromstring(self.client.must("GET", bucket, query=query)[1]))
            for entry in tree:
                if entry.tag not in ("Version", "DeleteMarker"):
                    continue
                shown = found.setdefault(urllib.parse.unquote_plus(entry.findtext("Key")), [])
                check((entry.findtext("IsLatest") == "true") == (not shown), f"{bucket}: which is the latest?")
                is_marker = entry.tag == "DeleteMarker"
                about = (None, None) if is_marker else (int(entry.findtext("Size")), entry.findtext("ETag").strip('"'))
                shown.append((entry.findtext("VersionId"), is_marker, *about))
            if tree.findtext("IsTruncated") != "true":
                break
            after = "&key-marker=" + quote(urllib.parse.unquote_plus(tree.findtext("NextKeyMarker")))
            at = "&version-id-marker=" + quote(tree.findtext("NextVersionIdMarker"))
        check(list(found) == sorted(found, key=str.encode), f"the versions of {bucket} are not listed in order")
        return found

    def look(self, bucket, name, listed):
        """What is told of an object, or of one of its versions, by HEAD, GET and its sub-resources, which have to agree."""
        version, is_marker, size, etag = listed
        named = f"versionId={version}" if version else ""
        if is_marker:
            status, headers, _ = self.client.send("GET", bucket, name, named)
            check(status == 405 and headers.get("x-amz-delete-marker") == "true", f"{bucket}/{name}: a marker answers {status}")
            return None
        headers, body = self.client.must("GET", bucket, name, named)
        head, _ = self.client.must("HEAD", bucket, name, named)
        for one in (headers, head):
            said = one["etag"].strip('"'), int(one["content-length"])
            check(said == (etag, size), f"{bucket}/{name}: listed as {etag}, {size} bytes; the answer says {said}")
        check(len(body) == size, f"{bucket}/{name}: {len(body)} bytes of {size}")
        sub = lambda what: self.client.must("GET", bucket, name, what + ("&" + named if named else ""))[1]
        tags = plain(ElementTree.fromstring(sub("tagging"))).iter("Tag")
        tags = "&".join(tag.findtext("Key") + "=" + tag.findtext("Value") for tag in tags)
        public = b"AllUsers" in sub("acl")
        told = (etag, size, headers["x-amz-meta-write"], headers["content-type"], tags, public)
        check(head["x-amz-meta-write"] == told[2] and head["content-type"] == told[3], f"{bucket}/{name}: HEAD says {head}")
        return told, body

    def key(self, key, listed):
        looked = [(entry[0], self.look(key.bucket, key.name, entry)) for entry in listed]
        before = f"answered: {key.history}; under way: {key.pending}"
        found = [(version, told and told[0]) for version, told in looked]
        check(key.settle(found), f"{key.bucket}/{key.name}: found {found}; {before}")
        for (_, state), (_, told) in zip(key.history, looked):
            check(state is None or told[1] == state.bytes(), f"{key.bucket}/{key.name}: the bytes are not those of {state}")
        if not key.present():
            status, headers, _ = self.client.send("GET", key.bucket, key.name)
            marker = bool(key.history)
            check(status == 404 and (headers.get("x-amz-delete-marker") == "true") == marker, f"{key.name}: deleted, and answers {status}")

    def contended(self, key, listed):
        told, body = self.look(key.bucket, key.name, listed[0]) if listed else (None, None)
        check(key.settle(told), f"{key.bucket}/{key.name}: {told} was not the last write")
        check(told is None or body == key.present().bytes(), f"{key.bucket}/{key.name}: bytes of another write")

    def files(self, bucket):
        """The ordinary files are objects, whole; what can be an ordinary file is one."""
        top = os.path.join(self.world.data, bucket)
        present = {key.name: key for key in self.world.contended if key.bucket == bucket}
        present.update({key.name: key for key in self.world.keys.values() if key.bucket == bucket})
        seen = set()
        for folder, folders, names in os.walk(top):
            if folder == top:
                folders.remove(PRIVATE)
            for name in names:
                path = os.path.join(folder, name)
                key = os.path.relpath(path, top)
                check(key in present and present[key].present(), f"{path} is the file of no object")
                with open(path, "rb") as file:
                    check(file.read() == present[key].present().bytes(), f"{path} is not its object")
                seen.add(key)
        missing = [key.name for key in self.world.keys.values()
                   if key.bucket == bucket and key.plain and key.present() and key.name not in seen]
        check(not missing, f"{bucket}: no ordinary files for {missing}")

    def leftovers(self):
        data = self.world.data
        check(set(entries(data, PRIVATE)) <= {"lock", "trash"}, f"in {PRIVATE}: {entries(data, PRIVATE)}")
        check(not entries(data, PRIVATE, "trash"), f"in the trash: {entries(data, PRIVATE, 'trash')}")
        for bucket in entries(data):
            private = os.path.join(data, bucket, PRIVATE)
            check(not entries(private, "tmp"), f"{bucket}: temporaries {entries(private, 'tmp')}")
            for upload in entries(private, "uploads"):
                names = entries(private, "uploads", upload)
                check("upload.json" in names, f"{bucket}: an upload that is none: {names}")
        self.world.orphans = self.orphans(os.path.join(data, VERSIONED, PRIVATE, "versions"))

    @staticmethod
    def orphans(versions):
        """Bytes of contents that no index names."""
        named = set()
        for folder, _, names in os.walk(os.path.join(versions, "index")):
            for name in names:
                with open(os.path.join(folder, name)) as file:
                    named.update(entry["what"]["data"]["file"] for entry in json.load(file) if "data" in entry["what"])
        stats = [os.stat(os.path.join(versions, "data", name)) for name in entries(versions, "data") if name not in named]
        # What has its key's name as well takes no room.
        return sum(stat.st_size for stat in stats if stat.st_nlink == 1)

    def folders(self):
        for folder in self.world.folders:
            status, _, _ = self.client.send("HEAD", folder.name)
            found = None
            if status == 200:
                status, _, body = self.client.send("GET", folder.name, query="tagging")
                found = plain(ElementTree.fromstring(body)).findtext(".//Value") if status == 200 else ""
            before = f"answered: {folder.state!r}; under way: {folder.pending}"
            check(folder.settle(found), f"{folder.name}: found {found!r}; {before}")

    def uploads(self):
        """Acknowledged uploads have their acknowledged parts; then all go."""
        for bucket in (FLAT, VERSIONED):
            tree = plain(ElementTree.fromstring(self.client.must("GET", bucket, query="encoding-type=url&uploads")[1]))
            listed = {}
            for upload in tree.iter("Upload"):
                listed[upload.findtext("UploadId")] = urllib.parse.unquote_plus(upload.findtext("Key"))
            check(not self.world.ended & set(listed), f"{bucket}: an upload that had ended is back")
            for upload, known in list(self.world.uploads.items()):
                if known["bucket"] != bucket:
                    continue
                del self.world.uploads[upload]
                check(upload in listed or known["may_go"], f"{bucket}: the upload {upload} is gone")
                if upload in listed:
                    self.parts(bucket, listed[upload], upload, known)
            for upload, key in listed.items():
                self.client.must("DELETE", bucket, key, f"uploadId={upload}")
            tree = plain(ElementTree.fromstring(self.client.must("GET", bucket, query="uploads")[1]))
            check(tree.find("Upload") is None, f"{bucket}: uploads stay")

    def parts(self, bucket, key, upload, known):
        tree = plain(ElementTree.fromstring(self.client.must("GET", bucket, key, f"uploadId={upload}")[1]))
        parts = {int(part.findtext("PartNumber")): part.findtext("ETag").strip('"') for part in tree.iter("Part")}
        check(known.get("sure", set()) <= set(parts), f"{bucket}/{key}: of the parts {known} there are {parts}")
        for number, etag in parts.items():
            check(etag in known["parts"].get(number, ()), f"{bucket}/{key}: part {number} is {etag}, not of {known}")
