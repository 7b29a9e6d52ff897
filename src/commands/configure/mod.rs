//! `--configure [s3://BUCKET]`: asks for the settings, tests them and writes the configuration file.
//!
//! Questions, answers and lines are those of s3cmd 2.4.0, measured through a pseudo-terminal: scripts depend on them.

mod questions;

use super::check;
use crate::cli::{CliOnly, Invocation};
use crate::commands::shared::context::Context;
use crate::config::{Environment, Provider, Settings, save};
use crate::output::{Console, Exit, Failure, Outcome, reason};
use crate::transfer::gpg::{Gpg, PrivateDir};
use crate::uri::{Location, S3Uri};
use std::io::BufRead;
use std::path::Path;

const INTRODUCTION: &str = "\nEnter new values or accept defaults in brackets with Enter.\nRefer to user manual for detailed description of all options.\n";

/// The sample that the encryption test encrypts.
const SAMPLE: &[u8] = b"0123456789abcdef";

/// Why a dialogue ends early: end of input, Ctrl-C or a failure.
#[derive(Debug)]
enum Stop {
    Aborted,
    Failed(Failure),
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Stop::Failed(failure)
    }
}

/// Runs the dialogue. Aborting it is not a failure (measured on s3cmd 2.4.0).
pub fn run(mut settings: Settings, invocation: &Invocation, env: &dyn Environment) -> Outcome {
    if let Some(name) = invocation.options.text(CliOnly::Provider) {
        let name = name.to_string_lossy();
        let Some(provider) = Provider::named(&name) else {
            let known = Provider::names();
            return Err(Failure::parameter(format!("Unknown provider '{name}'. Known are: {known}")));
        };
        provider.suggest(&mut settings);
    }
    let console = Console::new(settings.quiet, false);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let dialogue = Dialogue { console: console.clone(), invocation, env };
    let ended = runtime.block_on(async {
        tokio::select! {
            ended = dialogue.run(settings) => ended,
            _ = tokio::signal::ctrl_c() => Err(Stop::Aborted),
        }
    });
    // A thread may still be waiting for input that is not used any longer.
    runtime.shutdown_background();
    match ended {
        Ok(()) => Ok(()),
        Err(Stop::Failed(failure)) => Err(failure),
        Err(Stop::Aborted) => console.line("\nConfiguration aborted. Changes were NOT saved."),
    }
}

struct Dialogue<'a> {
    console: Console,
    invocation: &'a Invocation,
    env: &'a dyn Environment,
}

impl Dialogue<'_> {
    async fn run(&self, mut settings: Settings) -> Result<(), Stop> {
        loop {
            self.console.print_lines(INTRODUCTION)?;
            questions::ask(self, &mut settings).await?;
            let answer = self.ask("\nTest access with supplied credentials? [Y/n] ").await?;
            if (answer.is_empty() || is_yes(&answer))
                && let Err((message, hint)) = self.test(&settings).await?
            {
                log::error!("Test failed: {message}");
                if !hint.is_empty() {
                    log::warn!("What may have to be changed: {hint}");
                }
                if !is_no(&self.ask("\nRetry configuration? [Y/n] ").await?) {
                    continue;
                }
            }
            if is_yes(&self.ask("\nSave settings? [y/N] ").await?) {
                return Ok(self.save(&settings)?);
            }
            if is_no(&self.ask("Retry configuration? [Y/n] ").await?) {
                return Err(Stop::Aborted);
            }
        }
    }

    /// Asks one question. Returns the answer without its line ending. End of input aborts the dialogue.
    async fn ask(&self, prompt: &str) -> Result<String, Stop> {
        self.console.print_lines(prompt)?;
        self.console.flush()?;
        let read = tokio::task::spawn_blocking(|| {
            let mut line = Vec::new();
            std::io::stdin().lock().read_until(b'\n', &mut line).map(|_| line)
        });
        let line = read.await.map_err(std::io::Error::other).and_then(|line| line).map_err(Failure::from)?;
        if line.is_empty() {
            return Err(Stop::Aborted);
        }
        let text = String::from_utf8_lossy(&line).into_owned();
        Ok(text.trim_end_matches('\n').trim_end_matches('\r').to_owned())
    }

    /// Tests the credentials, then GPG if it is configured. The inner error is the failure message and a hint what to
    /// change.
    async fn test(&self, settings: &Settings) -> Result<Result<(), (String, String)>, Stop> {
        let cx = Context::new(Settings { shard: String::new(), ..settings.clone() })?;
        let bucket = self.invocation.args.first();
        let uri = match bucket {
            None => {
                self.console.line("Please wait, attempting to list all buckets...")?;
                None
            }
            Some(bucket) => {
                let shown = bucket.to_string_lossy();
                self.console.line(format!("Please wait, attempting to list bucket: {shown}"))?;
                match Location::parse(bucket) {
                    Location::S3(uri) if !uri.bucket.is_empty() => Some(S3Uri::new(&uri.bucket, "")),
                    _ => return Ok(Err((format!("Invalid bucket uri: {shown}"), String::new()))),
                }
            }
        };
        if let Err(error) = check::access(&cx, uri.as_ref()).await {
            return Ok(Err((error.message, error.hint)));
        }
        self.console.line("Success. Your access key and secret key worked fine :-)")?;
        self.console.line("\nNow verifying that encryption works...")?;
        if settings.gpg_command.is_empty() || settings.gpg_passphrase.is_empty() {
            self.console.line("Not configured. Never mind.")?;
            return Ok(Ok(()));
        }
        let gpg = Gpg::new(settings.gpg_options());
        if let Err(error) = gpg.check() {
            return Ok(Err((reason(&error), "the path to the GPG program".to_owned())));
        }
        match round_trip(&gpg).await {
            Ok(true) => self.console.line("Success. Encryption and decryption worked fine :-)")?,
            Ok(false) => return Ok(Err(("Encryption verification error.".to_owned(), String::new()))),
            Err(error) => return Ok(Err(("Encryption verification error.".to_owned(), reason(&error)))),
        }
        Ok(Ok(()))
    }

    fn save(&self, settings: &Settings) -> Outcome {
        let path = &settings.config_file;
        let failed = |error: std::io::Error| {
            let words = format!("Writing config file failed: {}: {}", path.display(), reason(&error));
            Failure::new(Exit::IOERR, words)
        };
        let existing = existing(path).map_err(failed)?;
        let typed = |key: &str| self.invocation.options.key(key).is_some();
        let text = save::text(existing.as_deref(), settings, self.env, typed);
        save::write(path, &text).map_err(failed)?;
        self.console.line(format!("Configuration saved to '{}'", path.display()))
    }
}

fn existing(path: &Path) -> std::io::Result<Option<String>> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

async fn round_trip(gpg: &Gpg) -> std::io::Result<bool> {
    let encrypted = gpg.encrypt_stream(SAMPLE).await?;
    let directory = PrivateDir::temporary()?;
    std::fs::copy(encrypted.path(), directory.encrypted())?;
    gpg.decrypt(&directory).await?;
    Ok(std::fs::read(directory.plain())? == SAMPLE)
}

fn is_yes(answer: &str) -> bool {
    answer.to_lowercase().starts_with('y')
}

fn is_no(answer: &str) -> bool {
    answer.to_lowercase().starts_with('n')
}
