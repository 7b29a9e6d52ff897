//! The main program: parse the command line, load the configuration, run the command, return its exit code.

use s3cmd::cli::{self, CliOnly, Invocation, Parsed};
use s3cmd::commands;
use s3cmd::config::{self, ProcessEnvironment};
use s3cmd::output::{
    Exit, Failure, Outcome, print_error_text, print_summary, print_text, settle_output, start_json, start_log,
};
use std::process::ExitCode;

fn main() -> ExitCode {
    let outcome = match cli::parse(std::env::args_os().skip(1)) {
        Parsed::Run(invocation) if invocation.json() => return run_in_json(&invocation),
        Parsed::Run(invocation) => run(&invocation),
        Parsed::Print { stdout, exit } => print_text(&stdout).and_then(|()| exit_with(exit)),
        Parsed::Complete(request) => {
            request.iter().for_each(commands::complete::run);
            Ok(())
        }
        Parsed::Fail { stderr, stdout, exit } => {
            print_error_text(&stderr);
            print_text(&stdout).and_then(|()| exit_with(exit))
        }
    };
    report(outcome.and_then(|()| settle_output())).into()
}

/// Prints the error of a failed command and returns the exit code.
fn report(outcome: Outcome) -> Exit {
    let failure = match outcome {
        Ok(()) => return Exit::OK,
        Err(failure) => failure,
    };
    for line in &failure.lines {
        log::error!("{line}");
    }
    failure.exit
}

/// With `--json`, the last output is a summary with the exit code.
fn run_in_json(invocation: &Invocation) -> ExitCode {
    start_json();
    let exit = report(run(invocation).and_then(|()| settle_output()));
    if !invocation.options.switch(CliOnly::Quiet).unwrap_or(false) {
        print_summary(&invocation.command_word, exit);
    }
    exit.into()
}

fn run(invocation: &Invocation) -> Outcome {
    start_log(log::LevelFilter::Warn);
    let warn = |warnings: &[String]| warnings.iter().for_each(|warning| log::warn!("{warning}"));
    let loaded = config::load(&invocation.options, &ProcessEnvironment).map_err(|error| {
        warn(&error.warnings);
        Failure::from(error)
    })?;
    start_log(loaded.settings.verbosity.into());
    warn(&loaded.warnings);
    if loaded.settings.config_readable_by_others {
        let file = loaded.settings.config_file.display();
        log::info!("Other users can read the secrets in '{file}'; use chmod 600 to prevent it");
    }
    if invocation.options.dump_config() {
        return if loaded.settings.quiet { Ok(()) } else { print_text(&loaded.settings.dump()) };
    }
    if invocation.options.configure() {
        return commands::configure::run(loaded.settings, invocation, &ProcessEnvironment);
    }
    if let Err(usage) = invocation.check() {
        print_text(&usage.stdout)?;
        return Err(Failure { exit: Exit(usage.exit), lines: usage.lines });
    }
    match invocation.command {
        Some(command) => commands::run(command.id, loaded.settings, &invocation.args),
        None => Ok(()),
    }
}

fn exit_with(exit: u8) -> Outcome {
    if exit == 0 { Ok(()) } else { Err(Failure::silent(Exit(exit))) }
}
