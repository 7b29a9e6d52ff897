//! How many files and connections may be open at once.
//!
//! The soft limit is often 1,024 and the hard limit far higher: transfers raise the one towards the other. Where the hard
//! limit is low as well, fewer requests go at once, so that none fails for want of a file descriptor.

/// More are never needed, and programs that are started from here may close all that their limit allows, one by one.
const ENOUGH: u64 = 65_536;

/// What is open beside the transfers: the standard streams, the runtime's own, spooled plans, directories that are walked.
const RESERVED: u64 = 24;

/// Most that one request in flight has open: its connection, the file, and a journal or a file that it is compared with.
const EACH: u64 = 3;

/// Raises the soft limit as far as it is of use. What cannot be raised stays: [`requests`] says what it allows.
#[cfg(unix)]
pub(crate) fn raise_limit() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limits = getrlimit(Resource::Nofile);
    let wanted = limits.maximum.unwrap_or(ENOUGH).min(ENOUGH);
    if limits.current.is_some_and(|current| current < wanted) {
        limits.current = Some(wanted);
        // A refusal leaves all as it was.
        let _ = setrlimit(Resource::Nofile, limits);
    }
}

/// How many requests may be in flight without running out of descriptors; at least one.
#[cfg(unix)]
pub(crate) fn requests() -> usize {
    let limits = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    limits.current.map_or(usize::MAX, requests_within)
}

#[cfg(not(unix))]
pub(crate) fn raise_limit() {}

#[cfg(not(unix))]
pub(crate) fn requests() -> usize {
    usize::MAX
}

fn requests_within(limit: u64) -> usize {
    usize::try_from(limit.saturating_sub(RESERVED) / EACH).map_or(usize::MAX, |requests| requests.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_low_limit_leaves_room_for_at_least_one_request() {
        for (limit, requests) in [(0, 1), (24, 1), (40, 5), (64, 13), (1024, 333)] {
            assert_eq!(requests_within(limit), requests, "{limit}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn the_limit_is_raised_and_never_lowered() {
        use rustix::process::{Resource, getrlimit};
        let before = getrlimit(Resource::Nofile);
        raise_limit();
        let after = getrlimit(Resource::Nofile);
        assert_eq!(before.maximum, after.maximum);
        assert!(after.current.is_none() || after.current >= before.current);
        assert!(requests() >= 1);
    }
}
