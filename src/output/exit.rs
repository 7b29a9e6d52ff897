//! Exit codes: those of s3cmd 2.4.0, measured case by case.

/// A process exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exit(pub u8);

impl Exit {
    /// Everything was done and verified.
    pub const OK: Exit = Exit(0);
    /// Nothing could be done, or an unexpected failure.
    pub const GENERAL: Exit = Exit(1);
    /// Some items failed; also a command line that does not parse.
    pub const PARTIAL: Exit = Exit(2);
    /// A redirect that could not be followed.
    pub const SERVERMOVED: Exit = Exit(10);
    /// The server rejected the request as invalid.
    pub const SERVERERROR: Exit = Exit(11);
    /// No such bucket, object or document.
    pub const NOTFOUND: Exit = Exit(12);
    /// The bucket exists, or is not empty.
    pub const CONFLICT: Exit = Exit(13);
    /// A precondition did not hold.
    pub const PRECONDITION: Exit = Exit(14);
    /// The service is overloaded.
    pub const SERVICE: Exit = Exit(15);
    /// Wrong parameters.
    pub const USAGE: Exit = Exit(64);
    /// A transfer failed and `--stop-on-error` was given.
    pub const DATAERR: Exit = Exit(65);
    /// A server failure without a specific code, or a response that makes no sense.
    pub const SOFTWARE: Exit = Exit(70);
    /// Reading or writing failed; a host name that does not resolve; standard output closed.
    pub const IOERR: Exit = Exit(74);
    /// Gave up after retries.
    pub const TEMPFAIL: Exit = Exit(75);
    /// Access denied, or a TLS connection whose certificate is not trusted.
    pub const ACCESSDENIED: Exit = Exit(77);
    /// Missing configuration or credentials.
    pub const CONFIG: Exit = Exit(78);
    /// Nothing listens at the endpoint.
    pub const CONNECTIONREFUSED: Exit = Exit(111);
    /// Interrupted by the user.
    pub const BREAK: Exit = Exit(130);

    /// The code for an HTTP status.
    pub(crate) fn of_status(status: u16) -> Exit {
        match status {
            301 | 307 => Exit::SERVERMOVED,
            400 | 405 | 411 | 416 | 417 | 501 | 504 => Exit::SERVERERROR,
            403 => Exit::ACCESSDENIED,
            404 => Exit::NOTFOUND,
            409 => Exit::CONFLICT,
            412 => Exit::PRECONDITION,
            429 | 503 => Exit::SERVICE,
            _ => Exit::SOFTWARE,
        }
    }
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        exit.0.into()
    }
}
