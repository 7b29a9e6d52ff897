//! Events as text. The lines are s3cmd's, measured on s3cmd 2.4.0, unless s3cmd has no such result.

use super::columns::{Row, Size, minutes};
use super::details::{GrantInfo, labelled};
use super::event::{ChangeForm, CopyForm, Event, InvalidationForm, Moved, Position, Verification};
use crate::units;
use crate::uri::{CloudFrontUri, S3Uri};
use std::fmt::{self, Write as _};

impl Event<'_> {
    /// Appends the line or lines, without the last line ending.
    pub(super) fn text(&self, out: &mut String) -> fmt::Result {
        match self {
            Event::Text { text } => out.write_str(text),
            Event::Bucket { .. }
            | Event::Prefix { .. }
            | Event::Object { .. }
            | Event::Version { .. }
            | Event::DeleteMarker { .. }
            | Event::Usage { .. }
            | Event::Total { .. } => self.listing(out),
            Event::Exclude { .. }
            | Event::Upload { .. }
            | Event::Download { .. }
            | Event::Directory { .. }
            | Event::Copy { .. }
            | Event::Move { .. }
            | Event::Delete { .. }
            | Event::DeleteFile { .. }
            | Event::SourceRemoved { .. } => self.transfer(out),
            Event::Modify { uri, position: Some(position), .. } => write!(out, "modify: '{uri}'  {position}"),
            Event::Modify { uri, position: None, .. } => write!(out, "modify: '{uri}' -> '{uri}'"),
            Event::Restore { uri, .. } => write!(out, "restore: '{uri}'"),
            Event::Setacl { uri, dry_run: true, .. } => write!(out, "setacl: '{uri}'"),
            Event::Setacl { uri, acl: Some(acl), position, .. } => {
                write!(out, "{uri}: ACL set to {acl}  {}", shown(position.as_ref()))
            }
            Event::Setacl { uri, acl: None, .. } => write!(out, "{uri}: ACL updated"),
            Event::Rename { to, dry_run: true, old, .. } => {
                write!(out, "[--dry-run] File {old} would be renamed to {}", to.key)
            }
            // Both pairs of quotes are s3cmd's.
            Event::Rename { to, old, .. } => write!(out, "File '{old}' renamed to '{}'", to.key),
            Event::PublicUrl { url, .. } => write!(out, "Public URL of the object is: {url}"),
            Event::BucketCreated { bucket, .. } => {
                write!(out, "Bucket '{}' created", S3Uri::new(*bucket, ""))
            }
            Event::BucketRemoved { bucket, .. } => {
                write!(out, "Bucket '{}' removed", S3Uri::new(*bucket, ""))
            }
            Event::Changed { uri, change, form: ChangeForm::Bucket, .. } => {
                write!(out, "Bucket '{uri}': {change}.")
            }
            Event::Changed { uri, change, .. } | Event::Unchanged { uri, change } => {
                write!(out, "{uri}: {change}")
            }
            Event::SyncPlan { copies, deletions } => {
                write!(
                    out,
                    "Summary: {copies} source files to copy, {deletions} files at destination to delete"
                )
            }
            Event::SyncReport { line, .. } => out.write_str(line),
            Event::DeleteReport { deleted, deleted_bytes } => {
                write!(out, "\nStats: Number of files deleted: {deleted} ({deleted_bytes} bytes) ")
            }
            // Without --json there is no summary.
            Event::Summary { .. } => Ok(()),
            _ => self.details(out),
        }
    }

    fn listing(&self, out: &mut String) -> fmt::Result {
        match *self {
            Event::Bucket { bucket, created } => {
                let (date, clock) = minutes(created);
                write!(out, "{}  s3://{bucket}", format!("{date} {clock}").trim_end())
            }
            Event::Prefix { bucket, prefix, columns } => {
                columns.write(out, Row { size: Size::Word("DIR"), bucket, key: prefix, ..Row::default() })
            }
            Event::Object { bucket, key, size, modified, etag, md5, storage_class, columns } => {
                let (size, md5) = (Size::of(key, size), md5.unwrap_or(etag));
                columns.write(out, Row { modified, size, md5, storage_class, version: None, bucket, key })
            }
            Event::Version {
                bucket,
                key,
                version_id,
                is_latest,
                size,
                modified,
                etag,
                storage_class,
                columns,
            } => {
                let (size, version) = (Size::of(key, size), Some((version_id, is_latest)));
                columns.write(out, Row { modified, size, md5: etag, storage_class, version, bucket, key })
            }
            Event::DeleteMarker { bucket, key, version_id, is_latest, modified, columns } => {
                let (size, version) = (Size::Word("DELETED"), Some((version_id, is_latest)));
                columns.write(out, Row { modified, size, version, bucket, key, ..Row::default() })
            }
            Event::Usage { bucket, prefix, objects, bytes, human } => {
                let size = units::plain_or_human(bytes, human);
                let width = if human { 5 } else { 12 };
                write!(out, "{size:>width$} {objects:>7} objects s3://{bucket}/{prefix}")
            }
            Event::Total { bytes, human } => write!(out, "{:<12} Total", units::plain_or_human(bytes, human)),
            _ => Ok(()),
        }
    }

    fn transfer(&self, out: &mut String) -> fmt::Result {
        match self {
            Event::Exclude { name } => write!(out, "exclude: {name}"),
            Event::Upload { from, to, moved, position, .. } => {
                write!(out, "upload: '{from}' -> '{to}'")?;
                write_speed(out, moved.as_ref())?;
                write_position(out, position.as_ref(), " ")
            }
            Event::Download { from, to, moved, position, numbered, .. } => {
                write!(out, "download: '{from}' -> '{to}'")?;
                write_speed(out, moved.as_ref())?;
                write_position(out, position.as_ref().filter(|_| *numbered), " ")
            }
            Event::Directory { from, to, position } => write!(out, "mkdir: '{from}' -> '{to}' {position}"),
            Event::Copy { from, to, position, form, .. } => {
                match form {
                    CopyForm::Copy => write!(out, "copy: '{from}' -> '{to}'")?,
                    CopyForm::RemoteCopy => write!(out, "remote copy: '{from}' -> '{to}'")?,
                    CopyForm::Relative { from, to } => write!(out, "remote copy: '{from}' -> '{to}'")?,
                }
                write_position(out, position.as_ref(), "  ")
            }
            Event::Move { from, to, position, .. } => {
                write!(out, "move: '{from}' -> '{to}'")?;
                write_position(out, position.as_ref(), "  ")
            }
            Event::Delete { bucket, key, version_id, quoted, .. } => {
                let quote = if *quoted { "'" } else { "" };
                write!(out, "delete: {quote}s3://{bucket}/{key}{quote}")?;
                match version_id {
                    Some(id) => write!(out, " (version {id})"),
                    None => Ok(()),
                }
            }
            Event::DeleteFile { path, .. } => write!(out, "delete: '{path}'"),
            Event::SourceRemoved { uri, after } => write!(out, "File '{uri}' removed after {after}"),
            _ => Ok(()),
        }
    }

    fn details(&self, out: &mut String) -> fmt::Result {
        match self {
            Event::ObjectInfo(info) => info.text(out),
            Event::BucketInfo(info) => info.text(out),
            Event::Acl { uri, owner, grants, public_url } => {
                write!(out, "{uri} ({}):", kind(uri))?;
                write!(out, "\n   Owner:     {} (Nick: {})", owner.id, owner.name)?;
                for grant in grants {
                    out.push('\n');
                    GrantInfo::text(grant, out)?;
                }
                match public_url {
                    Some(url) => write!(out, "\n   URL:       {url}"),
                    None => Ok(()),
                }
            }
            Event::Tags { uri, tags } => {
                write!(out, "{uri} ({}):", kind(uri))?;
                tags.iter().try_for_each(|(key, value)| write!(out, "\n\t{key}:\t{value}"))
            }
            Event::Policy { shown, .. } => write!(out, "   Policy:    {shown}"),
            Event::Lifecycle { shown, .. }
            | Event::Notification { shown, .. }
            | Event::Cors { shown, .. } => out.write_str(shown),
            Event::Setting { uri, shown, .. } => write!(out, "{uri}: {shown}"),
            Event::DocumentChanges { uri, document, changes } => {
                if changes.iter().all(|line| line.starts_with(' ')) {
                    return write!(out, "{uri}: {document} would stay as it is");
                }
                write!(out, "{uri}: {document} would change:")?;
                changes.iter().try_for_each(|line| write!(out, "\n{line}"))
            }
            Event::SignedUrl { url, .. } => out.write_str(url),
            Event::Signature { signature } => write!(out, "Signature: {signature}"),
            Event::Md5 { line, .. } => out.write_str(line),
            Event::Md5Check { result, name, .. } => {
                let word = match result {
                    Verification::Ok => "OK",
                    Verification::Mismatch => "FAILED",
                    Verification::Unreadable => "FAILED open or read",
                };
                write!(out, "{name}: {word}")
            }
            Event::MultipartUpload { uri, upload_id, initiated } => {
                write!(out, "{initiated}\t{uri}\t{upload_id}")
            }
            Event::Part { number, size, modified, etag, .. } => {
                write!(out, "{modified}\t{number}\t{etag}\t{size}")
            }
            Event::UploadAborted { uri, .. } => write!(out, "{uri}"),
            Event::AccessLog { bucket, target, .. } => {
                write!(out, "Access logging for: {}", S3Uri::new(*bucket, ""))?;
                match target {
                    Some(target) => {
                        write!(out, "\n   Logging Enabled: True\n     Target prefix: {target}")
                    }
                    None => out.write_str("\n   Logging Enabled: False"),
                }
            }
            Event::Website { .. } => self.website(out),
            Event::Distribution(distribution) => distribution.text(out),
            Event::DistributionDeleted { id } => {
                write!(out, "Distribution {} deleted", CloudFrontUri::new(*id))
            }
            Event::Invalidation { .. } => self.invalidation(out),
            Event::InvalidationPlan { shown, .. } => {
                write!(out, "[--dry-run] Would invalidate [{shown}]")
            }
            Event::Check { step, result, detail, hint } => {
                let line = |step: &str, status: &str, detail: &str| {
                    format!("{step:<12} {status:<5} {detail}").trim_end().to_owned()
                };
                out.push_str(&line(step, result, detail));
                if let Some(hint) = hint {
                    write!(out, "\n{}", line("", "->", hint))?;
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn website(&self, out: &mut String) -> fmt::Result {
        let Event::Website { bucket, endpoint, index, error, configured } = self else { return Ok(()) };
        let uri = S3Uri::new(*bucket, "");
        if !configured {
            return write!(out, "Bucket {uri}: No website configuration found.");
        }
        write!(out, "Bucket {uri}: Website configuration")?;
        write!(out, "\nWebsite endpoint: {}", endpoint.as_deref().unwrap_or_default())?;
        write!(out, "\nIndex document:   {}", index.unwrap_or("None"))?;
        write!(out, "\nError document:   {}", error.unwrap_or("None"))
    }

    fn invalidation(&self, out: &mut String) -> fmt::Result {
        let Event::Invalidation { distribution, id, paths, status, created, reference, form } = self else {
            return Ok(());
        };
        let uri = CloudFrontUri { invalidation: (*id).to_owned(), ..CloudFrontUri::new(*distribution) };
        let progress = format!("Check progress with: s3cmd cfinvalinfo {uri}");
        let paths = paths.to_string();
        let lines = match form {
            InvalidationForm::InShort => {
                vec![format!("Created invalidation request for {paths} paths"), progress]
            }
            InvalidationForm::Made { uri } => vec![
                labelled("URI", uri),
                labelled("DistId", distribution),
                labelled("Nr of paths", paths),
                labelled("Status", "Created"),
                labelled("RequestId", id),
                labelled("Info", progress),
            ],
            InvalidationForm::Known => vec![
                labelled("URI", uri),
                labelled("Status", status),
                labelled("Created", created.unwrap_or_default()),
                labelled("Nr of paths", paths),
                labelled("Reference", reference.unwrap_or_default()),
                String::new(),
            ],
        };
        out.write_str(&lines.join("\n"))
    }
}

fn kind(uri: &S3Uri) -> &'static str {
    if uri.has_key() { "object" } else { "bucket" }
}

fn shown(position: Option<&Position>) -> String {
    position.map_or_else(String::new, Position::to_string)
}

fn write_speed(out: &mut String, moved: Option<&Moved>) -> fmt::Result {
    let Some(Moved { size, seconds }) = moved else { return Ok(()) };
    write!(out, " ({size} bytes in {seconds:.1} seconds, {})", units::speed(*size, *seconds))
}

/// Appends the position of an item at the end of its line.
fn write_position(out: &mut String, position: Option<&Position>, gap: &str) -> fmt::Result {
    match position {
        Some(position) => write!(out, "{gap}{position}"),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lines printed by s3cmd 2.4.0.
    #[test]
    fn totals_read_as_in_s3cmd() {
        let line = |event: Event<'_>| {
            let mut line = String::new();
            event.text(&mut line).unwrap();
            line
        };
        let usage =
            |human| line(Event::Usage { bucket: "bk1", prefix: "", objects: 10, bytes: 17_000_032, human });
        assert_eq!(usage(false), "    17000032      10 objects s3://bk1/");
        assert_eq!(usage(true), "  16M      10 objects s3://bk1/");
        assert_eq!(line(Event::Total { bytes: 37_748_966, human: false }), "37748966     Total");
        assert_eq!(line(Event::Total { bytes: 17_000_032, human: true }), "16M          Total");
    }

    #[test]
    fn steps_of_the_connection_test_are_in_columns() {
        let mut lines = String::new();
        let (result, hint) = ("FAIL", Some("host_base"));
        Event::Check { step: "resolve", result, detail: "a -> b", hint }.text(&mut lines).unwrap();
        assert_eq!(lines, "resolve      FAIL  a -> b\n             ->    host_base");
    }
}
