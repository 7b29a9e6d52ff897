//! Object lock: the names and documents of retention and legal holds.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock.html>

use super::error::{ErrorCode, S3Result, fail, malformed_xml};
use super::xml;
use crate::store::meta::{LockMode, Retention};
use chrono::{DateTime, Months, SecondsFormat, TimeDelta, Utc};

/// Name under which a bucket's configuration is stored.
pub(crate) const DOCUMENT: &str = "object-lock";

/// The header with the retention mode.
pub(crate) const MODE: &str = "x-amz-object-lock-mode";
/// The header with the end of the retention period.
pub(crate) const UNTIL: &str = "x-amz-object-lock-retain-until-date";
/// The header with the legal hold.
pub(crate) const HOLD: &str = "x-amz-object-lock-legal-hold";

impl LockMode {
    /// The mode's name in headers and documents.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Governance => "GOVERNANCE",
            Self::Compliance => "COMPLIANCE",
        }
    }

    /// Parses the mode's name in headers and documents.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        [Self::Governance, Self::Compliance].into_iter().find(|mode| mode.name() == text.trim())
    }
}

/// Formats a time for headers and documents.
pub(crate) fn time_text(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// Parses a time from headers and documents.
pub(crate) fn parse_time(text: &str) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc3339(text.trim()).ok().map(|time| time.to_utc())
}

/// The default retention of new objects in a bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DefaultRetention {
    mode: LockMode,
    period: Period,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Period {
    Days(i64),
    Years(u32),
}

impl DefaultRetention {
    /// The retention of an object that is written at `time`; `None` if it would end beyond the end of the calendar.
    pub(crate) fn starting(self, time: DateTime<Utc>) -> Option<Retention> {
        let until = match self.period {
            Period::Days(days) => time.checked_add_signed(TimeDelta::days(days)),
            Period::Years(years) => time.checked_add_months(Months::new(years * 12)),
        };
        until.map(|until| Retention { mode: self.mode, until })
    }
}

/// Parses the default retention of an `ObjectLockConfiguration`; `None` if the document has no rule.
pub(crate) fn parse_configuration(document: &[u8]) -> S3Result<Option<DefaultRetention>> {
    let root = xml::parse(document, &["ObjectLockConfiguration"])?;
    if root.value("ObjectLockEnabled").map(str::trim) != Some("Enabled") {
        return Err(malformed_xml());
    }
    let Some(rule) = root.child("Rule") else { return Ok(None) };
    let rule = rule.child("DefaultRetention").ok_or_else(malformed_xml)?;
    let mode = rule.value("Mode").and_then(LockMode::parse).ok_or_else(malformed_xml)?;
    let number = |text: &str| match text.trim().parse::<i64>() {
        Ok(number) if (1..=36_500).contains(&number) => Ok(number),
        Ok(_) => fail(
            ErrorCode::InvalidRetentionPeriod,
            "Default retention period must be a positive integer value.",
        ),
        Err(_) => Err(malformed_xml()),
    };
    let period = match (rule.value("Days"), rule.value("Years")) {
        (Some(days), None) => Period::Days(number(days)?),
        (None, Some(years)) => Period::Years(number(years)? as u32),
        _ => return Err(malformed_xml()),
    };
    Ok(Some(DefaultRetention { mode, period }))
}
