//! Checks the key pair and the signature version.

use super::hints::hint;
use super::report::Report;
use crate::commands::shared::context::Context;
use crate::output::{Exit, Outcome};
use s3cmd_client::ops::probe::Probe;
use s3cmd_client::{Client, ClientOptions, Error, ServiceError, Signature};

/// Error codes of a service that does not accept the credentials or the signature.
const REJECTION_CODES: &[&str] = &[
    "AuthorizationHeaderMalformed",
    "ExpiredToken",
    "InvalidAccessKeyId",
    "InvalidArgument",
    "InvalidRequest",
    "InvalidSecurity",
    "InvalidToken",
    "NotImplemented",
    "RequestTimeTooSkewed",
    "SignatureDoesNotMatch",
    "UnauthorizedAccess",
];

/// Checks whether the key pair is accepted. Returns the client options with the signature version that works, or `None`
/// if neither does.
pub(super) async fn check(cx: &Context, report: &mut Report) -> Outcome<Option<ClientOptions>> {
    let settings = &cx.settings;
    let mut options = cx.client_options();
    // Fail fast: the user waits for the result.
    options.retry.max_retries = options.retry.max_retries.min(1);
    let other = options.clone().with_signature(other_version(options.signature));
    let first = match Client::new(options.clone()).probe(None).await {
        Ok(probe) => probe,
        Err(error) => {
            let hint = hint(settings, &error);
            report.error("credentials", error, &hint)?;
            return Ok(None);
        }
    };
    let second = Client::new(other.clone()).probe(None).await.ok();
    let other_works = second
        .as_ref()
        .is_some_and(|probe| rejection(probe).is_none() && (probe.error.is_some() || probe.is_listing));
    let (configured, alternative) = (number(options.signature), number(other.signature));
    match rejection(&first) {
        None if first.error.is_none() && !first.is_listing => {
            let hint = format!("host_base (now '{}'): is that an S3 endpoint?", settings.host_base);
            let why = "what answers there does not list buckets as S3 does";
            report.fail("credentials", Exit::SOFTWARE, why, &hint)?;
            Ok(None)
        }
        None => {
            report.ok("credentials", accepted_text(&settings.access_key, &first))?;
            let works = if other_works { "works too" } else { "is not accepted" };
            report.ok("signature", format!("version {configured}; version {alternative} {works}"))?;
            Ok(Some(options))
        }
        Some(error) if other_works => {
            let probe = second.as_ref().unwrap_or(&first);
            report.ok("credentials", accepted_text(&settings.access_key, probe))?;
            let value = if other.signature == Signature::V2 { "True" } else { "False" };
            report.error("signature", Error::from(error.clone()), &format!("signature_v2 = {value}"))?;
            Ok(Some(other))
        }
        Some(error) => {
            let error = Error::from(error.clone());
            let hint = hint(settings, &error);
            report.error("credentials", error, &hint)?;
            Ok(None)
        }
    }
}

fn rejection(probe: &Probe) -> Option<&ServiceError> {
    probe.error.as_ref().filter(|error| REJECTION_CODES.contains(&error.code.as_str()))
}

fn accepted_text(access_key: &str, probe: &Probe) -> String {
    match &probe.error {
        None => format!("{access_key} is known and may list its buckets"),
        Some(error) => format!("{access_key} is known, but may not list its buckets: {error}"),
    }
}

pub(super) fn other_version(signature: Signature) -> Signature {
    match signature {
        Signature::V2 => Signature::V4,
        Signature::V4 => Signature::V2,
    }
}

fn number(signature: Signature) -> u8 {
    match signature {
        Signature::V2 => 2,
        Signature::V4 => 4,
    }
}
