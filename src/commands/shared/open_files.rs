//! How many files and connections may be open at once.
//!
//! The soft limit is often 1,024 and the hard limit far higher, so transfers raise the soft limit. If the hard limit is
//! low as well, there are fewer concurrent requests, so that none fails for want of a file descriptor.

/// The highest useful limit. Programs that this one starts may close every descriptor that the limit allows, one by
/// one.
const MAX_USEFUL: u64 = 65_536;

/// Descriptors used by anything but transfers: the standard streams, the runtime, spooled plans, open directories.
const RESERVED: u64 = 24;

/// Maximum descriptors per request: its connection, the file, and a resume state or a file that it is compared with.
const PER_REQUEST: u64 = 3;

/// Raises the soft limit as far as useful. If that fails, [`max_requests`] adapts to the limit.
pub(crate) fn raise_limit() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limits = getrlimit(Resource::Nofile);
    let target = limits.maximum.unwrap_or(MAX_USEFUL).min(MAX_USEFUL);
    if limits.current.is_some_and(|current| current < target) {
        limits.current = Some(target);
        // On failure the limit stays as it was.
        let _ = setrlimit(Resource::Nofile, limits);
    }
}

/// The maximum number of concurrent requests that do not run out of descriptors; at least one.
pub(crate) fn max_requests() -> usize {
    let limits = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    limits.current.map_or(usize::MAX, requests_within)
}

fn requests_within(limit: u64) -> usize {
    usize::try_from(limit.saturating_sub(RESERVED) / PER_REQUEST)
        .map_or(usize::MAX, |max_requests| max_requests.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_low_limit_leaves_room_for_at_least_one_request() {
        for (limit, max_requests) in [(0, 1), (24, 1), (40, 5), (64, 13), (1024, 333)] {
            assert_eq!(requests_within(limit), max_requests, "{limit}");
        }
    }

    #[test]
    fn the_limit_is_raised_and_never_lowered() {
        use rustix::process::{Resource, getrlimit};
        let before = getrlimit(Resource::Nofile);
        raise_limit();
        let after = getrlimit(Resource::Nofile);
        assert_eq!(before.maximum, after.maximum);
        assert!(after.current.is_none() || after.current >= before.current);
        assert!(max_requests() >= 1);
    }
}
