//! Checks the connection to the endpoint: host name, port, TLS, clock.

use super::hints::hint;
use super::report::Report;
use crate::commands::shared::context::Context;
use crate::output::{Exit, Outcome, reason};
use chrono::Utc;
use s3cmd_client::Client;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};
use tokio::net::{TcpStream, lookup_host};

/// Timeout for resolving a name and for connecting.
const TIMEOUT: Duration = Duration::from_secs(20);

/// Clock skew, in seconds, beyond which S3 rejects requests.
const MAX_SKEW: i64 = 15 * 60;

/// Clock skew, in seconds, from which a note is printed.
const NOTABLE_SKEW: i64 = 60;

/// Checks whether the endpoint accepts connections and responds.
pub(super) async fn check(cx: &Context, report: &mut Report) -> Outcome<bool> {
    let settings = &cx.settings;
    let (host, port, what, now) = if settings.proxy_host.is_empty() {
        let endpoint = cx.endpoint();
        let (host, port) = host_and_port(&endpoint.host, if endpoint.https { 443 } else { 80 });
        (host, port, "host_base", &settings.host_base)
    } else {
        (settings.proxy_host.clone(), settings.proxy_port(), "proxy_host", &settings.proxy_host)
    };
    let addresses = match resolve(&host, port).await {
        Ok(addresses) => addresses,
        Err(why) => {
            let why = format!("'{host}' does not resolve: {why}");
            report.fail("resolve", Exit::IOERR, why, &format!("{what} (now '{now}')"))?;
            return Ok(false);
        }
    };
    let shown: Vec<String> = addresses.iter().map(|address| address.ip().to_string()).collect();
    report.ok("resolve", format!("{host} -> {}", shown.join(", ")))?;

    let started = Instant::now();
    match connect(&addresses).await {
        Ok(address) => {
            let milliseconds = started.elapsed().as_secs_f64() * 1000.0;
            report.ok("connect", format!("{address} in {milliseconds:.1} ms"))?;
        }
        Err(why) => {
            let (why, hint) =
                (format!("{host}:{port}: {why}"), format!("{what} (now '{now}'): is the port right?"));
            report.fail("connect", Exit::CONNECTIONREFUSED, why, &hint)?;
            return Ok(false);
        }
    }
    check_response(cx, report).await
}

/// Sends a request without credentials and reports TLS, if it is used, and the server's clock.
async fn check_response(cx: &Context, report: &mut Report) -> Outcome<bool> {
    let settings = &cx.settings;
    let mut options = cx.client_options();
    options.credentials = None;
    let sent = Utc::now();
    let probe = match Client::new(options).probe(None).await {
        Ok(probe) => probe,
        Err(error) => {
            let step = if settings.use_https { "tls" } else { "http" };
            let hint = hint(settings, &error);
            report.error(step, error, &hint)?;
            return Ok(false);
        }
    };
    let now = sent + (Utc::now() - sent) / 2;
    if !settings.use_https {
        report.note("tls", "off: everything but the secret key travels in clear (use_https = False)")?;
    } else if settings.is_strict() {
        report.ok("tls", "the certificate is trusted")?;
    } else {
        report.note(
            "tls",
            "on, but the certificate is not fully checked (check_ssl_certificate, check_ssl_hostname)",
        )?;
    }
    let Some(date) = probe.date else {
        report.note("clock", "the server sends no Date header")?;
        return Ok(true);
    };
    let skew = (date - now).num_seconds();
    let words = match skew {
        0 => "agrees with the server's".to_owned(),
        1.. => format!("{skew} s behind the server's"),
        _ => format!("{} s ahead of the server's", -skew),
    };
    if skew.abs() > MAX_SKEW {
        report.fail("clock", Exit::ACCESSDENIED, words, "the clock of this machine")?;
    } else if skew.abs() > NOTABLE_SKEW {
        report.note("clock", words)?;
    } else {
        report.ok("clock", words)?;
    }
    Ok(true)
}

/// Splits `host[:port]`, with brackets around an IPv6 address.
fn host_and_port(text: &str, default: u16) -> (String, u16) {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, port.parse().unwrap_or(default)),
        _ => (text, default),
    };
    (host.trim_start_matches('[').trim_end_matches(']').to_owned(), port)
}

async fn resolve(host: &str, port: u16) -> Result<Vec<SocketAddr>, String> {
    if host.ends_with(".localhost") {
        return Ok(vec![SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port)]);
    }
    match tokio::time::timeout(TIMEOUT, lookup_host((host, port))).await {
        Ok(Ok(found)) => {
            let mut addresses: Vec<SocketAddr> = found.collect();
            addresses.dedup();
            if addresses.is_empty() { Err("no address".to_owned()) } else { Ok(addresses) }
        }
        Ok(Err(error)) => Err(reason(&error)),
        Err(_) => Err("no answer".to_owned()),
    }
}

/// Connects to the addresses in turn. Returns the first that accepts a connection.
async fn connect(addresses: &[SocketAddr]) -> Result<SocketAddr, String> {
    let mut last = String::new();
    for address in addresses {
        match tokio::time::timeout(TIMEOUT, TcpStream::connect(address)).await {
            Ok(Ok(_)) => return Ok(*address),
            Ok(Err(error)) => last = reason(&error),
            Err(_) => "no answer".clone_into(&mut last),
        }
    }
    Err(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_and_port_are_split() {
        for (text, host, port) in [
            ("a", "a", 443),
            ("a:1", "a", 1),
            ("[::1]:2", "::1", 2),
            ("[::1]", "::1", 443),
            ("a.b:80", "a.b", 80),
        ] {
            assert_eq!(host_and_port(text, 443), (host.to_owned(), port), "{text}");
        }
    }
}
