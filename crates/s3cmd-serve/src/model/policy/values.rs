//! Values in policies: strings, numbers, dates and networks.

use chrono::{DateTime, NaiveDate, Utc};
use serde_json::Value;
use std::net::IpAddr;

/// A decimal number.
pub(super) fn number(text: &str) -> Option<f64> {
    text.trim().parse().ok().filter(|number: &f64| number.is_finite())
}

/// An ISO 8601 time, or seconds since 1970. A date without a time means its start, in UTC.
pub(super) fn date(text: &str) -> Option<DateTime<Utc>> {
    let text = text.trim();
    if let Ok(seconds) = text.parse() {
        return DateTime::from_timestamp(seconds, 0);
    }
    if let Ok(day) = text.parse::<NaiveDate>() {
        return Some(day.and_time(chrono::NaiveTime::MIN).and_utc());
    }
    // ISO 8601 permits omitting the seconds, RFC 3339 does not.
    let minutes = text.strip_suffix('Z').map(|stem| format!("{stem}:00Z"));
    let full = DateTime::parse_from_rfc3339(text).ok();
    full.or_else(|| DateTime::parse_from_rfc3339(&minutes?).ok()).map(|time| time.to_utc())
}

/// A network with its prefix length in bits. A single address is a network with the full length.
pub(super) fn network(text: &str) -> Option<(IpAddr, u32)> {
    let (address, bits) = match text.split_once('/') {
        Some((address, bits)) => (address, Some(bits)),
        None => (text, None),
    };
    let address: IpAddr = address.parse().ok()?;
    let width = if address.is_ipv4() { 32 } else { 128 };
    let bits = match bits {
        Some(bits) => bits.bytes().all(|byte| byte.is_ascii_digit()).then(|| bits.parse().ok())??,
        None => width,
    };
    if bits > width {
        return None;
    }
    // IPv4-mapped IPv6 addresses are compared as IPv4 addresses.
    Some(match address.to_canonical() {
        IpAddr::V4(mapped) if address.is_ipv6() && bits >= 96 => (mapped.into(), bits - 96),
        _ => (address, bits),
    })
}

pub(super) fn contains((network, bits): (IpAddr, u32), address: IpAddr) -> bool {
    // On a dual-stack socket, an IPv4 client has a mapped address.
    match (network, address.to_canonical()) {
        (IpAddr::V4(network), IpAddr::V4(address)) => {
            let mask = u32::MAX.checked_shl(32 - bits).unwrap_or(0);
            (network.to_bits() ^ address.to_bits()) & mask == 0
        }
        (IpAddr::V6(network), IpAddr::V6(address)) => {
            let mask = u128::MAX.checked_shl(128 - bits).unwrap_or(0);
            (network.to_bits() ^ address.to_bits()) & mask == 0
        }
        _ => false,
    }
}

/// A string or a non-empty list of strings.
pub(super) fn texts(value: &Value) -> Result<Vec<&str>, String> {
    let found: Option<Vec<&str>> = match value {
        Value::String(text) => Some(vec![text]),
        Value::Array(all) => all.iter().map(Value::as_str).collect(),
        _ => None,
    };
    found
        .filter(|found| !found.is_empty())
        .ok_or_else(|| "it must be a string or a non-empty list of strings".to_owned())
}
