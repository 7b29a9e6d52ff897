//! The questions of `--configure`, in s3cmd's order and words.

use super::{Dialogue, Stop, is_yes};
use crate::config::{Environment, Settings};
use crate::transfer::gpg;
use std::fmt::Write as _;

/// A question: the explanation printed before it, its label, and the configuration key that it sets.
struct Question {
    explanation: &'static str,
    label: &'static str,
    key: &'static str,
}

const QUESTIONS: &[Question] = &[
    Question {
        explanation: "\nAccess key and Secret key are your identifiers for Amazon S3. Leave them empty for using the env variables.\n",
        label: "Access Key",
        key: "access_key",
    },
    Question { explanation: "", label: "Secret Key", key: "secret_key" },
    Question { explanation: "", label: "Default Region", key: "bucket_location" },
    Question {
        explanation: "\nUse \"s3.amazonaws.com\" for S3 Endpoint and not modify it to the target Amazon S3.\n",
        label: "S3 Endpoint",
        key: "host_base",
    },
    Question {
        explanation: "\nUse \"%(bucket)s.s3.amazonaws.com\" to the target Amazon S3. \"%(bucket)s\" and \"%(location)s\" vars can be used\nif the target S3 system supports dns based buckets.\n",
        label: "DNS-style bucket+hostname:port template for accessing a bucket",
        key: "host_bucket",
    },
    Question {
        explanation: "\nEncryption password is used to protect your files from reading\nby unauthorized persons while in transfer to S3\n",
        label: "Encryption password",
        key: "gpg_passphrase",
    },
    Question { explanation: "", label: "Path to GPG program", key: "gpg_command" },
    Question {
        explanation: "\nWhen using secure HTTPS protocol all communication with Amazon S3\nservers is protected from 3rd party eavesdropping. This method is\nslower than plain HTTP, and can only be proxied with Python 2.7 or newer\n",
        label: "Use HTTPS protocol",
        key: HTTPS,
    },
    Question {
        explanation: "\nOn some networks all internet access must go through a HTTP proxy.\nTry setting it here if you can't connect to S3 directly\n",
        label: "HTTP Proxy server name",
        key: "proxy_host",
    },
];

const PORT: &str = "HTTP Proxy server port";

/// The only key with a yes/no question.
const HTTPS: &str = "use_https";

impl Question {
    /// The value as the configuration file has it.
    fn value(&self, settings: &Settings) -> String {
        Settings::key(self.key).and_then(|key| (key.dump)(settings)).unwrap_or_default()
    }

    /// The suggested answer, shown in brackets.
    fn suggestion(&self, settings: &Settings) -> String {
        match self.key {
            HTTPS => if settings.use_https { "Yes" } else { "No" }.to_owned(),
            _ => self.value(settings),
        }
    }

    fn set(&self, settings: &mut Settings, answer: &str) {
        if self.key == HTTPS {
            settings.use_https = is_yes(answer);
        } else if let Err(problem) = settings.set_from_file(self.key, answer) {
            log::warn!("{problem}");
        }
    }
}

/// Asks all questions and prints the answers.
pub(super) async fn ask(dialogue: &Dialogue<'_>, settings: &mut Settings) -> Result<(), Stop> {
    if settings.gpg_command.is_empty() {
        let found = gpg::program(dialogue.env.var("PATH").unwrap_or_default());
        settings.gpg_command = found.map_or_else(String::new, |path| path.display().to_string());
    }
    suggest_proxy(settings, dialogue.env);
    for question in QUESTIONS {
        dialogue.console.print_lines(question.explanation)?;
        let current = question.suggestion(settings);
        let answer = dialogue.ask(&prompt(question.label, &current)).await?;
        question.set(settings, if answer.is_empty() { &current } else { &answer });
    }
    if settings.proxy_host.is_empty() {
        settings.proxy_port = 0;
    } else {
        let answer = dialogue.ask(&prompt(PORT, &settings.proxy_port.to_string())).await?;
        match answer.trim().parse() {
            Ok(port) => settings.proxy_port = port,
            Err(_) if answer.is_empty() => {}
            Err(_) => log::warn!("'{answer}' is not a port: the value stays {}", settings.proxy_port),
        }
    }
    Ok(dialogue.console.print_lines(&overview(settings))?)
}

fn prompt(label: &str, current: &str) -> String {
    if current.is_empty() { format!("{label}: ") } else { format!("{label} [{current}]: ") }
}

/// All answers, secrets included, as s3cmd shows them.
fn overview(settings: &Settings) -> String {
    let mut text = "\nNew settings:\n".to_owned();
    for question in QUESTIONS {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "  {}: {}", question.label, question.value(settings));
    }
    let _ = writeln!(text, "  {PORT}: {}", settings.proxy_port);
    text
}

/// Suggests the proxy of the environment if none is configured: only the form `http://HOST:PORT` (measured on s3cmd
/// 2.4.0).
fn suggest_proxy(settings: &mut Settings, env: &dyn Environment) {
    if !settings.proxy_host.is_empty() {
        return;
    }
    let Some(proxy) = env.non_empty("http_proxy") else { return };
    let Some((host, port)) = proxy.strip_prefix("http://").and_then(|rest| rest.split_once(':')) else {
        return;
    };
    let digits: String = port.chars().take_while(char::is_ascii_digit).collect();
    if let Ok(port) = digits.parse() {
        host.clone_into(&mut settings.proxy_host);
        settings.proxy_port = port;
    }
}
