//! The published examples of the AWS documentation, and a comparison with AWS's own signer.
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html>, `sigv4-query-string-auth.html`,
//! `sigv4-streaming.html`, `RESTAuthentication.html`.

use super::{Request, encode, v2, v4};
use crate::credentials::Credentials;
use chrono::{DateTime, TimeZone, Utc};
use sha2::{Digest, Sha256};

fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
    list.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

mod four {
    use super::*;

    const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";

    fn credentials() -> Credentials {
        Credentials::new("AKIAIOSFODNN7EXAMPLE", SECRET, None)
    }

    fn scope() -> v4::Scope<'static> {
        v4::Scope {
            time: Utc.with_ymd_and_hms(2013, 5, 24, 0, 0, 0).unwrap(),
            region: "us-east-1",
            service: "s3",
        }
    }

    /// The `Authorization` header of an example.
    fn authorization(
        method: &str,
        path: &str,
        query: &[(&str, &str)],
        headers: &[(&str, &str)],
        hash: &str,
    ) -> String {
        let mut headers = pairs(headers);
        headers.push(("host".to_owned(), "examplebucket.s3.amazonaws.com".to_owned()));
        let query = pairs(query);
        let request = Request { method, path, query: &query, headers: &headers };
        let added = v4::sign(&request, hash, &credentials(), &scope());
        added.into_iter().find(|(name, _)| name == "authorization").unwrap().1
    }

    fn expected(names: &str, signature: &str) -> String {
        format!(
            "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,\
             SignedHeaders={names},Signature={signature}"
        )
    }

    #[test]
    fn get_object() {
        assert_eq!(
            authorization("GET", "/test.txt", &[], &[("range", "bytes=0-9")], v4::EMPTY_SHA256),
            expected(
                "host;range;x-amz-content-sha256;x-amz-date",
                "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
            ),
        );
    }

    #[test]
    fn put_object() {
        let hash = hex::encode(Sha256::digest("Welcome to Amazon S3."));
        let headers =
            [("date", "Fri, 24 May 2013 00:00:00 GMT"), ("x-amz-storage-class", "REDUCED_REDUNDANCY")];
        assert_eq!(
            authorization("PUT", "/test%24file.text", &[], &headers, &hash),
            expected(
                "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class",
                "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
            ),
        );
    }

    #[test]
    fn get_bucket_lifecycle() {
        assert_eq!(
            authorization("GET", "/", &[("lifecycle", "")], &[], v4::EMPTY_SHA256),
            expected(
                "host;x-amz-content-sha256;x-amz-date",
                "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
            ),
        );
    }

    #[test]
    fn list_objects() {
        assert_eq!(
            authorization("GET", "/", &[("max-keys", "2"), ("prefix", "J")], &[], v4::EMPTY_SHA256),
            expected(
                "host;x-amz-content-sha256;x-amz-date",
                "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
            ),
        );
    }

    #[test]
    fn presigned_url() {
        let headers = pairs(&[("host", "examplebucket.s3.amazonaws.com")]);
        let request = Request { method: "GET", path: "/test.txt", query: &[], headers: &headers };
        let query = v4::presign(&request, &credentials(), &scope(), 86_400);
        assert_eq!(
            encode::query_string(&query, false),
            "X-Amz-Algorithm=AWS4-HMAC-SHA256\
             &X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request\
             &X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host\
             &X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404",
        );
    }

    #[test]
    fn chunked_upload() {
        let headers = [
            ("content-encoding", "aws-chunked"),
            ("content-length", "66824"),
            ("x-amz-decoded-content-length", "66560"),
            ("x-amz-storage-class", "REDUCED_REDUNDANCY"),
        ];
        let mut headers = pairs(&headers);
        headers.push(("host".to_owned(), "s3.amazonaws.com".to_owned()));
        let request =
            Request { method: "PUT", path: "/examplebucket/chunkObject.txt", query: &[], headers: &headers };
        let added = v4::sign(&request, "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", &credentials(), &scope());
        let seed = "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9";
        assert!(added.last().unwrap().1.ends_with(&format!("Signature={seed}")), "{added:?}");
        let mut previous = seed.to_owned();
        for (length, signature) in [
            (65_536, "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648"),
            (1024, "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497"),
            (0, "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9"),
        ] {
            previous = v4::chunk_signature(SECRET, &scope(), &previous, &vec![b'a'; length]);
            assert_eq!(previous, signature);
        }
    }
}

mod two {
    use super::*;

    fn credentials() -> Credentials {
        Credentials::new("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", None)
    }

    /// The signature of one of the documentation's requests, which carry their time in `Date`.
    fn signature(
        method: &str,
        bucket: Option<&str>,
        path: &str,
        query: &[(&str, &str)],
        headers: &[(&str, &str)],
    ) -> String {
        let (query, headers) = (pairs(query), pairs(headers));
        let request = Request { method, path, query: &query, headers: &headers };
        v2::signature(&v2::string_to_sign(&request, bucket, None), credentials().secret_key())
    }

    const BUCKET: Option<&str> = Some("awsexamplebucket1");

    #[test]
    fn object_get_put_and_list() {
        let date = ("date", "Tue, 27 Mar 2007 19:36:42 +0000");
        assert_eq!(
            signature("GET", BUCKET, "/photos/puppy.jpg", &[], &[date]),
            "qgk2+6Sv9/oM7G3qLEjTH1a1l1g="
        );
        let put = [("content-type", "image/jpeg"), ("date", "Tue, 27 Mar 2007 21:15:45 +0000")];
        assert_eq!(signature("PUT", BUCKET, "/photos/puppy.jpg", &[], &put), "iqRzw+ileNPu1fhspnRs8nOjjIA=");
        let date = ("date", "Tue, 27 Mar 2007 19:42:41 +0000");
        let query = [("prefix", "photos"), ("max-keys", "50"), ("marker", "puppy")];
        assert_eq!(signature("GET", BUCKET, "/", &query, &[date]), "m0WP8eCtspQl5Ahe6L1SozdX9YA=");
    }

    #[test]
    fn acl_delete_and_upload_with_metadata() {
        let date = ("date", "Tue, 27 Mar 2007 19:44:46 +0000");
        assert_eq!(signature("GET", BUCKET, "/", &[("acl", "")], &[date]), "82ZHiFIjc+WbcwFKGUVEQspPn+0=");
        let date = ("date", "Tue, 27 Mar 2007 21:20:26 +0000");
        let path = "/awsexamplebucket1/photos/puppy.jpg";
        assert_eq!(signature("DELETE", None, path, &[], &[date]), "XbyTlbQdu9Xw5o8P4iMwPktxQd8=");
        let headers = [
            ("content-md5", "4gJE4saaMU4BqNR0kLY+lw=="),
            ("content-type", "application/x-download"),
            ("date", "Tue, 27 Mar 2007 21:06:08 +0000"),
            ("x-amz-acl", "public-read"),
            ("x-amz-meta-filechecksum", "0x02661779"),
            ("x-amz-meta-checksumalgorithm", "crc32"),
            ("x-amz-meta-reviewedby", "joe@example.com"),
            ("x-amz-meta-reviewedby", "jane@example.com"),
        ];
        let path = "/db-backup.dat.gz";
        assert_eq!(
            signature("PUT", Some("static.example.com"), path, &[], &headers),
            "jtBQa0Aq+DkULFI8qrpwIjGEx0E="
        );
    }

    #[test]
    fn list_all_buckets_and_unicode_keys() {
        let date = ("date", "Wed, 28 Mar 2007 01:29:59 +0000");
        assert_eq!(signature("GET", None, "/", &[], &[date]), "qGdzdERIC03wnaRNKh6OqZehG9s=");
        let date = ("date", "Wed, 28 Mar 2007 01:49:49 +0000");
        let path = "/dictionary/fran%C3%A7ais/pr%c3%a9f%c3%a8re";
        assert_eq!(signature("GET", None, path, &[], &[date]), "DNEZGsoieTZ92F3bUfSPQcbGmlM=");
    }

    #[test]
    fn query_string_request() {
        let headers = pairs(&[("host", "johnsmith.s3.amazonaws.com")]);
        let request = Request { method: "GET", path: "/photos/puppy.jpg", query: &[], headers: &headers };
        // The documentation kept the signature of this example when it renamed the bucket of the others.
        let query = v2::presign(&request, Some("johnsmith"), &credentials(), 1_175_139_620);
        assert_eq!(
            v2::query_string(&query),
            "AWSAccessKeyId=AKIAIOSFODNN7EXAMPLE&Expires=1175139620&Signature=NpgCjnDzrM%2BWFzoENXmpNDUsSn8%3D",
        );
    }
}

/// Signs the same request with AWS's own crate and with this one.
mod oracle {
    use super::*;
    use aws_credential_types::Credentials as AwsCredentials;
    use aws_sigv4::http_request::{
        PayloadChecksumKind, PercentEncodingMode, SessionTokenMode, SignableBody, SignableRequest,
        SignatureLocation, SigningSettings, UriPathNormalizationMode, sign,
    };
    use aws_sigv4::sign::v4 as aws;
    use proptest::prelude::*;
    use std::time::{Duration, SystemTime};

    fn settings(location: SignatureLocation) -> SigningSettings {
        let mut settings = SigningSettings::default();
        // The settings that S3 requires.
        settings.percent_encoding_mode = PercentEncodingMode::Single;
        settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
        settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
        settings.session_token_mode = SessionTokenMode::Include;
        settings.signature_location = location;
        if location == SignatureLocation::QueryParams {
            settings.payload_checksum_kind = PayloadChecksumKind::NoHeader;
            settings.expires_in = Some(Duration::from_secs(3600));
        }
        settings
    }

    /// The signature computed by AWS's crate.
    fn theirs(
        request: &Request<'_>,
        credentials: &Credentials,
        scope: &v4::Scope<'_>,
        body: SignableBody<'_>,
        location: SignatureLocation,
    ) -> String {
        let identity = AwsCredentials::new(
            credentials.access_key.clone(),
            credentials.secret_key(),
            credentials.token().map(str::to_owned),
            None,
            "test",
        )
        .into();
        let seconds = u64::try_from(scope.time.timestamp()).unwrap();
        let params = aws::SigningParams::builder()
            .identity(&identity)
            .region(scope.region)
            .name(scope.service)
            .time(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds))
            .settings(settings(location))
            .build()
            .unwrap()
            .into();
        let uri = format!(
            "http://host.example:9000{}?{}",
            request.path,
            encode::query_string(request.query, false)
        );
        let headers = request.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let signable = SignableRequest::new(request.method, uri, headers, body).unwrap();
        sign(signable, &params).unwrap().signature().to_owned()
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

        #[test]
        fn both_signers_agree(
            key in "[a-zA-Z0-9 /+%~é✓.=&?*'()!$,;:@-]{0,40}",
            odd in prop_oneof![Just(""), Just("a/../b"), Just("./x"), Just("//"), Just("/lead"), Just("😀")],
            query in proptest::collection::btree_map("[a-zA-Z-]{1,6}", "[a-zA-Z0-9 /+%~é=&-]{0,10}", 0..4),
            meta in proptest::collection::btree_map("x-amz-meta-[a-z]{1,6}", "[a-zA-Z0-9=,/]([a-zA-Z0-9 =,/]{0,10}[a-z])?", 0..4),
            region in "[a-zA-Z][a-z0-9_-]{0,9}",
            secret in "[a-zA-Z0-9/+=]{1,40}",
            token in proptest::option::of("[a-zA-Z0-9/+=]{1,40}"),
            seconds in 1_000_000_000_i64..2_000_000_000,
            body in proptest::collection::vec(any::<u8>(), 0..20),
        ) {
            let path = format!("/bucket/{}", encode::path(&format!("{odd}{key}")));
            let query: Vec<_> = query.into_iter().collect();
            let mut headers: Vec<_> = meta.into_iter().collect();
            headers.push(("host".to_owned(), "host.example:9000".to_owned()));
            let request = Request { method: "PUT", path: &path, query: &query, headers: &headers };
            let credentials = Credentials::new("AKID", secret, token.as_deref());
            let time: DateTime<Utc> = DateTime::from_timestamp(seconds, 0).unwrap();
            let scope = v4::Scope { time, region: &region, service: "s3" };

            let ours = v4::sign(&request, &hex::encode(Sha256::digest(&body)), &credentials, &scope);
            let ours = ours.last().unwrap().1.rsplit('=').next().unwrap().to_owned();
            let by_header =
                theirs(&request, &credentials, &scope, SignableBody::Bytes(&body), SignatureLocation::Headers);
            prop_assert_eq!(ours, by_header);

            let ours = v4::presign(&request, &credentials, &scope, 3600).pop().unwrap().1;
            let body = SignableBody::UnsignedPayload;
            let by_query = theirs(&request, &credentials, &scope, body, SignatureLocation::QueryParams);
            prop_assert_eq!(ours, by_query);
        }
    }
}
