//! PostObject: uploads by an HTML form. <https://docs.aws.amazon.com/AmazonS3/latest/API/RESTObjectPOST.html>

use super::put;
use crate::auth::checksum::BodyChecksum;
use crate::auth::payload::{BodyRule, BodySource, Payload};
use crate::auth::post_policy::PostPolicy;
use crate::directory::state::Server;
use crate::http::call::{Call, Reply};
use crate::http::form::{Form, OBJECT_HEADERS};
use crate::http::request_context::Signature;
use crate::http::request_head::content_md5;
use crate::http::request_path::check_key;
use crate::model::error::{ErrorCode, S3Error, S3Result, fail};
use crate::model::tags;
use crate::model::xml::{self, Writer};
use crate::{auth, route};
use chrono::Utc;
use s3cmd_client::http::header_text;
use s3cmd_client::sign::encode;

/// Fields that sign the form itself and are not headers of the object.
const SIGNATURE_FIELDS: [&str; 5] =
    ["x-amz-signature", "x-amz-credential", "x-amz-algorithm", "x-amz-date", "x-amz-security-token"];

/// PostObject. The form fields take the place of a PUT's headers, and the signature covers their policy.
pub(crate) fn post(server: &Server, call: &mut Call) -> S3Result<Reply> {
    let bucket = server.store.bucket(call.bucket_name())?;
    let Some(Ok(boundary)) = call.header("content-type").map(multer::parse_boundary) else {
        return Err(S3Error::new(
            ErrorCode::PreconditionFailed,
            "At least one of the pre-conditions you specified did not hold",
        )
        .detail("Condition", "Bucket POST must be of the enclosure-type multipart/form-data"));
    };
    if call.user.is_some() {
        return fail(
            ErrorCode::InvalidArgument,
            "A form upload is signed by its form fields, not by the request's Authorization header or query.",
        );
    }
    match call.payload.length() {
        None => {
            return fail(ErrorCode::MissingContentLength, "You must provide the Content-Length HTTP header.");
        }
        Some(length) if length > put::MAX_OBJECT + (1 << 20) => {
            return fail(ErrorCode::EntityTooLarge, "Your proposed upload exceeds the maximum allowed size");
        }
        Some(_) => {}
    }
    let mut form = Form::read(std::mem::replace(&mut call.payload, Payload::empty()), &boundary)?;
    form.expand();
    call.user = auth::verify_form(&form, &server.users, Utc::now())?.cloned();
    call.context.signature = call.user.as_ref().map(|_| Signature::of_form(&form));
    let key = form.required("key")?.to_owned();
    let mut lengths = 0..=put::MAX_OBJECT;
    if let Some(policy) = form.field("policy") {
        let policy = PostPolicy::parse(policy)?;
        policy.check(bucket.name(), form.fields(), Utc::now())?;
        let allowed = policy.lengths();
        lengths = *allowed.start()..=put::MAX_OBJECT.min(*allowed.end());
    }
    if key.is_empty() {
        return fail(ErrorCode::InvalidArgument, "User key must have a length greater than 0.");
    }
    check_key(&key)?;
    call.key = Some(key);
    let success = SuccessResponse::from_form(&form);
    fields_to_headers(call, &form)?;
    route::check_headers(call)?;
    let checksum = BodyChecksum::of(&call.headers)?;
    let source = BodySource::FormFile(Box::new(form.into_file(lengths)));
    call.payload = Payload::new(source, BodyRule::Unsigned, content_md5(&call.headers)?, checksum, None);
    let location = location(server, call);
    let reply = put::put(server, call)?;
    Ok(success.apply(reply, call, location))
}

/// Turns the fields into the headers of a PUT. Keeps the request's own headers, except those that describe an object.
fn fields_to_headers(call: &mut Call, form: &Form) -> S3Result<()> {
    call.headers.retain(|(name, _)| {
        !name.starts_with("x-amz-") && !OBJECT_HEADERS.contains(&name.as_str()) && name != "content-length"
    });
    for (name, value) in form.fields() {
        let header = match name.as_str() {
            "acl" => ("x-amz-acl".to_owned(), value.clone()),
            "tagging" => {
                let tags =
                    tags::parse_xml(&xml::parse(value.as_bytes(), &["Tagging"])?, tags::MAX_OBJECT_TAGS)?;
                ("x-amz-tagging".to_owned(), encode::query_string(&tags, false))
            }
            name if name.starts_with("x-amz-copy-source") => {
                return Err(S3Error::new(ErrorCode::InvalidArgument, "A form upload cannot copy an object.")
                    .detail("ArgumentName", name.to_owned()));
            }
            name if SIGNATURE_FIELDS.contains(&name) => continue,
            name if name.starts_with("x-amz-") || OBJECT_HEADERS.contains(&name) => {
                (name.to_owned(), value.clone())
            }
            _ => continue,
        };
        // The value is sent back as a header later, so it has to be valid as one.
        if http::HeaderValue::from_bytes(&header_text::to_bytes(&header.1)).is_err() {
            return Err(S3Error::new(
                ErrorCode::InvalidArgument,
                "A form field contains control characters.",
            )
            .detail("ArgumentName", name.clone()));
        }
        call.headers.push(header);
    }
    Ok(())
}

/// The URL of the object.
fn location(server: &Server, call: &Call) -> String {
    let scheme = if server.secure { "https" } else { "http" };
    let path = call.path.trim_end_matches('/');
    format!("{scheme}://{}{path}/{}", call.header("host").unwrap_or(""), encode::path(call.key()))
}

/// The response that the form asks for if the upload succeeds.
struct SuccessResponse {
    redirect: Option<String>,
    status: u16,
}

impl SuccessResponse {
    fn from_form(form: &Form) -> Self {
        let status = match form.field("success_action_status").map(str::trim) {
            Some("200") => 200,
            Some("201") => 201,
            _ => 204,
        };
        let redirect = form.field("success_action_redirect").or_else(|| form.field("redirect"));
        // An invalid URL is ignored, as in S3.
        let redirect = redirect.filter(|url| {
            url.parse::<http::Uri>().is_ok_and(|uri| {
                matches!(uri.scheme_str(), Some("http" | "https")) && uri.authority().is_some()
            })
        });
        Self { redirect: redirect.map(str::to_owned), status }
    }

    /// Turns the reply to a PUT into the reply to the form.
    fn apply(self, mut reply: Reply, call: &Call, location: String) -> Reply {
        let etag = reply.headers.iter().find(|(name, _)| name == "etag");
        let etag = etag.map(|(_, etag)| etag.clone()).unwrap_or_default();
        if let Some(url) = self.redirect {
            reply.status = 303;
            let (url, fragment) = url.split_once('#').map_or((&*url, None), |(url, rest)| (url, Some(rest)));
            let (bucket, key) = (encode::query(call.bucket_name()), encode::query(call.key()));
            let mark = if url.contains('?') { '&' } else { '?' };
            let mut url = format!("{url}{mark}bucket={bucket}&key={key}&etag={}", encode::query(&etag));
            if let Some(fragment) = fragment {
                url.push('#');
                url.push_str(fragment);
            }
            return reply.header("location", url);
        }
        reply.status = self.status;
        if self.status != 201 {
            return reply.header("location", location);
        }
        let mut xml = Writer::new("PostResponse");
        xml.text("Location", &location).text("Bucket", call.bucket_name());
        xml.text("Key", call.key()).text("ETag", etag);
        reply.header("location", location).header("content-type", "application/xml").whole(xml.finish())
    }
}
