//! The whole story on one screen: parse, configure, run, exit code.

use s3cmd::cli::{self, Invocation, Parsed};
use s3cmd::commands::{self, shared::context::Context};
use s3cmd::config::{self, ProcessEnvironment, Single};
use s3cmd::output::{
    Exit, Failure, Outcome, print_error_text, print_summary, print_text, settle_output, start_json, start_log,
};
use std::process::ExitCode;

fn main() -> ExitCode {
    let outcome = match cli::parse(std::env::args_os().skip(1)) {
        Parsed::Run(invocation) if invocation.json() => return run_in_json(&invocation),
        Parsed::Run(invocation) => run(&invocation),
        Parsed::Print { stdout, exit } => print_text(&stdout).and_then(|()| ended(exit)),
        Parsed::Complete(question) => {
            question.iter().for_each(commands::complete::run);
            Ok(())
        }
        Parsed::Fail { stderr, stdout, exit } => {
            print_error_text(&stderr);
            print_text(&stdout).and_then(|()| ended(exit))
        }
    };
    explained(outcome.and_then(|()| settle_output())).into()
}

/// Tells why a command failed, if it did.
fn explained(outcome: Outcome) -> Exit {
    let failure = match outcome {
        Ok(()) => return Exit::OK,
        Err(failure) => failure,
    };
    for line in &failure.lines {
        log::error!("{line}");
    }
    failure.exit
}

/// With `--json` the last word is how the command ended.
fn run_in_json(invocation: &Invocation) -> ExitCode {
    start_json();
    let exit = explained(run(invocation).and_then(|()| settle_output()));
    if !invocation.typed.switch(Single::Quiet).unwrap_or(false) {
        print_summary(&invocation.command_word, exit);
    }
    exit.into()
}

fn run(invocation: &Invocation) -> Outcome {
    start_log(log::LevelFilter::Warn);
    let warn = |warnings: &[String]| warnings.iter().for_each(|warning| log::warn!("{warning}"));
    let loaded = config::load(&invocation.typed, &ProcessEnvironment).map_err(|error| {
        warn(&error.warnings);
        Failure { exit: Exit(error.exit), lines: error.lines }
    })?;
    start_log(loaded.settings.verbosity.into());
    warn(&loaded.warnings);
    if loaded.settings.config_readable_by_others {
        let file = loaded.settings.config_file.display();
        log::info!("Other users may read the secrets in '{file}'; chmod 600 keeps them out");
    }
    if invocation.typed.dump_config() {
        return if loaded.settings.quiet { Ok(()) } else { print_text(&loaded.settings.dump()) };
    }
    if invocation.typed.configure() {
        return commands::configure::run(loaded.settings, invocation, &ProcessEnvironment);
    }
    if let Err(usage) = invocation.check() {
        print_text(&usage.stdout)?;
        return Err(Failure { exit: Exit(usage.exit), lines: usage.lines });
    }
    match invocation.command {
        Some(command) => commands::run(command.id, &Context::new(loaded.settings), &invocation.args),
        None => Ok(()),
    }
}

fn ended(exit: u8) -> Outcome {
    if exit == 0 { Ok(()) } else { Err(Failure::silent(Exit(exit))) }
}
