//! Programs that print credentials (`credential_process`).
//! <https://docs.aws.amazon.com/sdkref/latest/guide/feature-process-credentials.html>

use super::document::from_json;
use super::provider::CachedCredentials;
use crate::client::observer::Observer;
use crate::error::{Error, Result};

/// Maximum length of a quoted error output, in characters.
const MAX_QUOTE: usize = 500;

/// Runs a command line in the shell, and parses the credentials that it prints.
pub(super) async fn run(command: &str, observer: &dyn Observer) -> Result<CachedCredentials> {
    let mut child = tokio::process::Command::new("sh");
    child.arg("-c").arg(command).stdin(std::process::Stdio::null()).kill_on_drop(true);
    let output = child.output().await?;
    let message = quoted(&output.stderr);
    let detail = if message.is_empty() { String::new() } else { format!(": {message}") };
    if !output.status.success() {
        let status = output.status;
        return Err(Error::Invalid(format!("credential_process failed with {status}{detail}").into()));
    }
    if !message.is_empty() {
        observer.credential_process_printed(&message);
    }
    let cached = from_json(&String::from_utf8_lossy(&output.stdout), "credential_process");
    cached.map_err(|error| match error {
        Error::Malformed(what) => Error::malformed(format!("{what}{detail}"), what),
        other => other,
    })
}

/// A program's error output in one line. Possible secrets are masked: values after a name that suggests one, and long
/// words of letters and digits.
fn quoted(stderr: &[u8]) -> String {
    let text = String::from_utf8_lossy(stderr);
    let words = text.split_whitespace().map(|word| {
        let (name, value) = match word.find(['=', ':']) {
            Some(at) => word.split_at(at + 1),
            None => ("", word),
        };
        let name_is_secret = ["secret", "token", "password", "passphrase"]
            .iter()
            .any(|secret| name.to_lowercase().contains(secret));
        let is_key = |text: &str| {
            let run =
                text.bytes().filter(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'=')).count();
            run >= 32 && run + 4 >= text.len() && text.bytes().any(|b| b.is_ascii_digit())
        };
        if name_is_secret && !value.is_empty() || is_key(value) {
            format!("{name}***")
        } else {
            word.to_owned()
        }
    });
    let line = words.collect::<Vec<_>>().join(" ");
    match line.char_indices().nth_back(MAX_QUOTE) {
        Some((at, _)) => format!("... {}", &line[at..].trim_start()),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_output_is_quoted_without_secrets() {
        for (output, expected) in [
            ("", ""),
            (" The session\n has expired\n", "The session has expired"),
            ("SecretAccessKey=abc password:y", "SecretAccessKey=*** password:***"),
            ("bad wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY", "bad ***"),
            ("cannot read /home/someone/.aws/config", "cannot read /home/someone/.aws/config"),
        ] {
            assert_eq!(quoted(output.as_bytes()), expected, "{output}");
        }
        let long = quoted("word ".repeat(1000).as_bytes());
        assert!(long.starts_with("... ") && long.len() < 510, "{long}");
    }
}
