//! A page of a listing in compact form, in a third of the memory of its rows: what a field has in common with the
//! preceding row is omitted, and an MD5 takes sixteen bytes.

use super::{Fields, ListPage, ObjectRef, Span};

/// A [`ListPage`] that waits to be read.
#[derive(Debug)]
pub(in crate::list) struct CompactPage {
    bytes: Vec<u8>,
    rows: usize,
    prefixes: Vec<String>,
    next: Option<String>,
}

/// Encodings of an ETag.
const AS_TEXT: u64 = 0;
const AS_MD5: u64 = 1;

impl CompactPage {
    /// Packs a page.
    pub(in crate::list) fn new(page: &ListPage) -> Self {
        // The size of a row in most buckets.
        let mut bytes = Vec::with_capacity(page.len() * 56);
        let mut last = ObjectRef { key: "", size: 0, etag: "", modified: "", storage_class: "" };
        for entry in page.entries() {
            put_text(&mut bytes, last.key, entry.key);
            put_number(&mut bytes, entry.size);
            put_etag(&mut bytes, last.etag, entry.etag);
            put_text(&mut bytes, last.modified, entry.modified);
            put_text(&mut bytes, last.storage_class, entry.storage_class);
            last = entry;
        }
        bytes.shrink_to_fit();
        let prefixes = page.prefixes().map(str::to_owned).collect();
        Self { bytes, rows: page.len(), prefixes, next: page.next.clone() }
    }

    /// Restores the page.
    pub(in crate::list) fn unpack(self) -> ListPage {
        let mut rest = Reader { bytes: &self.bytes, text: String::with_capacity(self.bytes.len() * 2) };
        let mut rows = Vec::with_capacity(self.rows);
        let mut last = Fields::default();
        for _ in 0..self.rows {
            last = Fields {
                key: rest.text(last.key),
                size: rest.number(),
                etag: rest.etag(last.etag),
                modified: rest.text(last.modified),
                storage_class: rest.text(last.storage_class),
            };
            rows.push(last);
        }
        let prefixes = self.prefixes.iter().map(|prefix| rest.push(prefix)).collect();
        ListPage { text: rest.text, decoded: String::new(), rows, prefixes, next: self.next }
    }
}

/// Writes a number with seven bits per byte, the lowest first; the eighth bit says that more bytes follow.
fn put_number(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// Writes the length of the prefix shared with `before`, and the rest of the text.
fn put_text(out: &mut Vec<u8>, before: &str, text: &str) {
    let mut common = before.bytes().zip(text.bytes()).take_while(|(a, b)| a == b).count();
    while !text.is_char_boundary(common) {
        common -= 1;
    }
    put_number(out, common as u64);
    put_number(out, (text.len() - common) as u64);
    out.extend_from_slice(&text.as_bytes()[common..]);
}

fn put_etag(out: &mut Vec<u8>, before: &str, etag: &str) {
    let mut md5 = [0; 16];
    let is_plain = !etag.bytes().any(|byte| byte.is_ascii_uppercase());
    if is_plain && hex::decode_to_slice(etag, &mut md5).is_ok() {
        put_number(out, AS_MD5);
        out.extend_from_slice(&md5);
    } else {
        put_number(out, AS_TEXT);
        put_text(out, before, etag);
    }
}

/// Reads a compact page, and collects the text of the fields. It only ever reads the output of [`CompactPage::new`].
struct Reader<'a> {
    bytes: &'a [u8],
    text: String,
}

impl Reader<'_> {
    fn number(&mut self) -> u64 {
        let (mut number, mut shift) = (0, 0);
        while let Some((byte, rest)) = self.bytes.split_first() {
            self.bytes = rest;
            number |= u64::from(byte & 0x7f) << shift;
            shift += 7;
            if *byte < 0x80 {
                break;
            }
        }
        number
    }

    fn push(&mut self, text: &str) -> Span {
        let start = self.text.len() as u32;
        self.text.push_str(text);
        Span { start, length: text.len() as u32 }
    }

    fn text(&mut self, before: Span) -> Span {
        let (common, length) = (self.number() as usize, self.number() as usize);
        let (new, rest) = self.bytes.split_at(length);
        self.bytes = rest;
        if length == 0 && common == before.length as usize {
            return before;
        }
        let (start, from) = (self.text.len(), before.start as usize);
        self.text.extend_from_within(from..from + common);
        self.text.push_str(std::str::from_utf8(new).expect("it was cut between characters"));
        Span { start: start as u32, length: (common + length) as u32 }
    }

    fn etag(&mut self, before: Span) -> Span {
        if self.number() == AS_TEXT {
            return self.text(before);
        }
        let (md5, rest) = self.bytes.split_at(16);
        self.bytes = rest;
        let mut digits = [0; 32];
        hex::encode_to_slice(md5, &mut digits).expect("there is room for two digits a byte");
        self.push(std::str::from_utf8(&digits).expect("they are digits"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packed_page_has_the_same_content_and_is_smaller() {
        let row = |key: &str, etag: &str, class: &str| {
            format!(
                "<Contents><Key>{key}</Key><LastModified>2026-11-20T08:45:04.{:03}Z</LastModified><ETag>\"{etag}\"</ETag>\
                 <Size>{}</Size><StorageClass>{class}</StorageClass></Contents>",
                key.len() % 1000,
                u64::MAX - key.len() as u64
            )
        };
        let md5 = "6f5902ac237024bdd0c176cb93063dc4";
        // é and è share their first byte.
        let keys = ["a", "a/b", "a/bé", "a/bè", "a/bè", "a/", "c", "日本", "日曜", "b"];
        let etags = [md5, &md5.to_uppercase(), &format!("{md5}-12"), "", "opaque", md5, &md5[..31]];
        let mut rows = String::new();
        for (index, key) in keys.iter().enumerate() {
            rows += &row(key, etags[index % etags.len()], if index > 4 { "GLACIER" } else { "" });
        }
        for index in 0..100 {
            rows += &row(&format!("archive/2026/measurement-{index:08}.dat"), md5, "STANDARD");
        }
        let document = format!(
            "<ListBucketResult><IsTruncated>true</IsTruncated><NextMarker>z</NextMarker>{rows}\
             <CommonPrefixes><Prefix>ä/</Prefix></CommonPrefixes></ListBucketResult>"
        );
        let page = ListPage::parse(document, false).unwrap();
        let compact = CompactPage::new(&page);
        assert!(compact.bytes.len() < 110 * 48, "{}", compact.bytes.len());
        let content = |page: &ListPage| {
            let entries: Vec<String> = page.entries().map(|entry| format!("{entry:?}")).collect();
            (entries, page.prefixes().map(str::to_owned).collect::<Vec<_>>(), page.next().map(str::to_owned))
        };
        assert_eq!(content(&compact.unpack()), content(&page));
        let empty = ListPage::default();
        assert_eq!(content(&CompactPage::new(&empty).unpack()), content(&empty));
    }
}
