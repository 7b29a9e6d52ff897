//! Standard input as a source of data.

use crate::output::{Exit, Failure, Outcome};

/// Fails if there is no standard input, which would otherwise be read as empty.
pub(crate) fn check() -> Outcome {
    if is_closed() { Err(Failure::new(Exit::IOERR, "<stdin>: Bad file descriptor")) } else { Ok(()) }
}

/// Whether the program was started without a standard input. Rust then opens `/dev/null` for reading and writing,
/// whereas a shell's `</dev/null` is read-only.
fn is_closed() -> bool {
    use rustix::fs::{OFlags, fcntl_getfl, fstat, stat};
    let input = std::io::stdin();
    let is_null = match (fstat(&input), stat("/dev/null")) {
        (Ok(input), Ok(null)) => (input.st_dev, input.st_ino) == (null.st_dev, null.st_ino),
        (Err(_), _) => return true,
        _ => false,
    };
    is_null && fcntl_getfl(&input).is_ok_and(|flags| flags & OFlags::ACCMODE == OFlags::RDWR)
}
