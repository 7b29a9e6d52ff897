//! How the service stores new objects: storage class, access, encryption and additional headers.

use std::fmt;

/// The storage class, canned ACL and encryption of an object that is uploaded or copied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Placement {
    /// The name of the storage class. Services have classes of their own.
    pub(crate) storage_class: String,
    /// The canned ACL. `None`: the service decides.
    pub(crate) acl: Option<CannedAcl>,
    /// The server-side encryption. `None`: the service decides.
    pub(crate) encryption: Option<Encryption>,
}

/// A canned ACL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CannedAcl {
    /// Only the owner has access. This is the default of services, so no header is sent.
    Private,
    /// Everyone can read the object.
    PublicRead,
}

/// Server-side encryption.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Encryption {
    /// With keys that S3 manages (SSE-S3).
    S3,
    /// With the KMS key of this ID (SSE-KMS).
    Kms(String),
}

impl Placement {
    /// The headers of an upload or a copy.
    pub(crate) fn headers(&self) -> Vec<(String, String)> {
        let mut headers = vec![("x-amz-storage-class".to_owned(), self.storage_class.clone())];
        if self.acl == Some(CannedAcl::PublicRead) {
            headers.push(("x-amz-acl".to_owned(), "public-read".to_owned()));
        }
        match &self.encryption {
            Some(Encryption::Kms(key)) => {
                headers.push(("x-amz-server-side-encryption".to_owned(), "aws:kms".to_owned()));
                headers.push(("x-amz-server-side-encryption-aws-kms-key-id".to_owned(), key.clone()));
            }
            Some(Encryption::S3) => {
                headers.push(("x-amz-server-side-encryption".to_owned(), "AES256".to_owned()));
            }
            None => {}
        }
        headers
    }
}

/// Additional headers, with names in lower case.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct ExtraHeaders(pub(crate) Vec<(String, String)>);

impl ExtraHeaders {
    /// Adds the headers to others, replacing those of the same names.
    pub(crate) fn apply(&self, headers: &mut Vec<(String, String)>) {
        for (name, value) in &self.0 {
            headers.retain(|(present, _)| present != name);
            headers.push((name.clone(), value.clone()));
        }
    }

    /// The names.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }
}

/// Omits the values, which can be secrets (customer keys of server-side encryption).
impl fmt::Debug for ExtraHeaders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.names()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_additional_header_replaces_one_of_the_same_name() {
        let placement =
            Placement { storage_class: "STANDARD".into(), acl: None, encryption: Some(Encryption::S3) };
        let mut headers = placement.headers();
        ExtraHeaders(vec![("x-amz-storage-class".into(), "COLD".into())]).apply(&mut headers);
        let expected = [("x-amz-server-side-encryption", "AES256"), ("x-amz-storage-class", "COLD")];
        assert_eq!(headers, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }

    #[test]
    fn values_of_additional_headers_are_not_shown() {
        let headers = ExtraHeaders(vec![("x-amz-customer-key".into(), "hunter2".into())]);
        assert_eq!(format!("{headers:?}"), "[\"x-amz-customer-key\"]");
    }
}
