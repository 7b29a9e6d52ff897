//! Pages as servers write them, and a comparison of the two parsers.

use super::*;
use proptest::prelude::*;

const PAGE: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>b</Name><Prefix/><Marker/>
<MaxKeys>2</MaxKeys><IsTruncated>true</IsTruncated><EncodingType>url</EncodingType>
<Contents><Key>a%20b%2Bc+d</Key><LastModified>2026-11-20T08:45:00.000Z</LastModified>
<ETag>&quot;6f59&quot;</ETag><Size>12</Size><StorageClass>STANDARD</StorageClass>
<Owner><ID>x</ID><DisplayName>y</DisplayName></Owner></Contents>
<CommonPrefixes><Prefix>%C3%A4/</Prefix></CommonPrefixes></ListBucketResult>"#;

fn page(text: &str) -> Result<ListPage> {
    ListPage::parse(text.to_owned(), false)
}

/// The complete content of a page.
fn content(page: &ListPage) -> (Vec<ObjectRef<'_>>, Vec<&str>, Option<&str>) {
    (page.entries().collect(), page.prefixes().collect(), page.next())
}

fn first(page: &ListPage) -> ObjectRef<'_> {
    page.entries().next().unwrap()
}

fn is_fast(text: &str) -> bool {
    Scanner { text, at: 0 }.page(false).is_some()
}

#[test]
fn pages_are_decoded_when_the_server_says_so() {
    assert!(is_fast(PAGE));
    let decoded = page(PAGE).unwrap();
    assert_eq!(first(&decoded).key, "a b+c d");
    assert_eq!((first(&decoded).size, first(&decoded).etag), (12, "6f59"));
    assert_eq!(decoded.prefixes().collect::<Vec<_>>(), ["ä/"]);
    assert_eq!(decoded.next(), Some("ä/"));
    let plain = page(&PAGE.replace("<EncodingType>url</EncodingType>", "")).unwrap();
    assert_eq!(first(&plain).key, "a%20b%2Bc+d");
}

/// Ceph sends the next marker unencoded, although it says that the page is encoded.
#[test]
fn the_next_page_begins_after_the_last_entry() {
    let text = PAGE.replace("<Key>a%20b%2Bc+d</Key>", "<Key>%C3%BCa%2Bb%2541</Key>");
    let text = text.replace("<MaxKeys>", "<NextMarker>üa+b%41</NextMarker><MaxKeys>");
    assert_eq!(page(&text).unwrap().next(), Some("üa+b%41"));
}

#[test]
fn a_response_that_is_not_a_listing_is_an_error() {
    for text in ["<html/>", "", &PAGE[..PAGE.len() - 20], "<ListBucketResult>", "<ListBucketResults/>"] {
        assert!(page(text).is_err(), "{text}");
    }
    assert!(page(&PAGE.replace("<Size>12", "<Size>many")).is_err());
    for key in ["<Key/>", "<Key>&nbsp;</Key>", "<Key>&</Key>", "<Key><x></Key>", ""] {
        assert!(page(&PAGE.replace("<Key>a%20b%2Bc+d</Key>", key)).is_err(), "{key}");
    }
    assert!(page(&PAGE.replace("<DisplayName>y", "<DisplayName>&nbsp;")).is_err());
    assert!(page(&PAGE.replace("<IsTruncated>true</IsTruncated>", "")).is_err());
}

#[test]
fn unusual_pages_are_parsed_from_events() {
    let cdata = PAGE.replace("a%20b%2Bc+d", "<![CDATA[a%20b]]>");
    let spaced = PAGE.replace("<Key>", "<s3:Key >").replace("</Key>", "</s3:Key>");
    let comment = PAGE.replace("<Contents>", "<!-- a <Contents> --><Contents>");
    let marked = format!("\u{feff}{}", PAGE.replace("a%20b", "a&#32;<!-- b -->&amp;<![CDATA[&]]>"));
    for (text, key) in [(&cdata, "a b"), (&spaced, "a b+c d"), (&comment, "a b+c d"), (&marked, "a &&+c d")] {
        assert!(!is_fast(text), "{text}");
        let page = page(text).unwrap();
        assert_eq!((page.len(), first(&page).key), (1, key));
    }
}

#[test]
fn a_compacted_page_keeps_its_content() {
    let page = ListPage::parse(PAGE.to_owned(), false).unwrap();
    let compact = page.clone().compact();
    assert!(compact.text.len() < 60, "{}", compact.text);
    assert_eq!(content(&compact), content(&page));
}

/// Documents similar to the plain form: with entities, white space, unknown and missing elements, and corruption.
fn documents() -> impl Strategy<Value = String> {
    let text = proptest::string::string_regex("[a-c/%+ &;<>ä]{0,6}").unwrap();
    let text = (text, any::<bool>()).prop_map(|(text, damaged)| {
        if damaged { text } else { quick_xml::escape::escape(&text).into_owned() }
    });
    let field = (0..9usize, text).prop_map(|(kind, text)| match kind {
        0 => format!("<Key>{text}</Key>"),
        1 => format!("<Size>{}</Size>", text.len()),
        2 => format!("<ETag>&quot;{text}&quot;</ETag>"),
        3 => format!("<LastModified> {text}\n</LastModified>"),
        4 => format!("<Owner><ID>{text}</ID><DisplayName/></Owner>"),
        5 => "<StorageClass/>".to_owned(),
        6 => format!("\n  <ETag>\"{text}\"</ETag>"),
        7 => format!("<StorageClass>{text}</StorageClass>"),
        _ => format!("<Key><![CDATA[{text}]]></Key>"),
    });
    let fields = proptest::collection::vec(field, 0..5).prop_map(|fields| fields.concat());
    let part = (0..7usize, fields).prop_map(|(kind, fields)| match kind {
        0..=3 => format!("<Contents>{fields}</Contents>"),
        4 => "<CommonPrefixes><Prefix>a/</Prefix></CommonPrefixes>".to_owned(),
        5 => "<IsTruncated>true</IsTruncated>".to_owned(),
        _ => "<EncodingType>url</EncodingType>".to_owned(),
    });
    proptest::collection::vec(part, 0..5)
        .prop_map(|parts| format!("<ListBucketResult>{}</ListBucketResult>", parts.concat()))
}

proptest! {
    /// Both parsers give the same result for every document that the fast one accepts.
    #[test]
    fn both_parsers_agree(text in documents()) {
        if let Some((mut fast, fast_facts)) = (Scanner { text: &text, at: 0 }).page(false) {
            let (mut slow, slow_facts) = events::parse(&text, false).unwrap();
            fast.text = text.clone();
            slow.text = text;
            prop_assert_eq!(format!("{fast_facts:?}"), format!("{slow_facts:?}"));
            prop_assert_eq!(content(&fast), content(&slow));
        }
    }
}
