//! The part sizes that clients choose. If neither the uploader nor the server reports the part size, the number of
//! parts in the ETag leaves only a few candidates, and the ETag decides between them.

use s3cmd_client::ops::multipart::{MAX_PARTS, MIN_PART_SIZE};

const MIB: u64 = 1 << 20;

/// Default part sizes in MiB, the most frequent first: AWS CLI and boto3 8 (doubled for very large files), s3cmd 15,
/// rclone and the AWS SDKs 5, minio-go and mc 16, s5cmd 50, Cyberduck and s3fs 10, Hadoop 64 and 100; then those of
/// older minio-go (64, 128; 528, 576 and 640 from a pipe), of restic (200), and of graphical clients.
const DEFAULTS: [u64; 22] =
    [8, 15, 5, 16, 50, 10, 64, 100, 32, 20, 25, 128, 200, 256, 250, 500, 512, 528, 576, 640, 1000, 1024];

/// If at most this many whole numbers of MiB fit, they are tried even if no client is known to use them.
const FEW: usize = 3;
/// The maximum number of sizes that are tried.
const MOST: usize = 7;

/// The likely part sizes, in bytes, that split an object of `size` bytes into `parts` parts, with the configured size
/// first. If there are many parts, their number nearly determines the size, and the whole numbers of MiB that fit are
/// included.
pub(crate) fn common(size: u64, parts: u64, configured: u64) -> Vec<u64> {
    let mut fitting: Vec<u64> = Vec::new();
    let defaults = DEFAULTS.iter().map(|mib| mib * MIB);
    let grown = grown(size).filter(|part| *part >= MIN_PART_SIZE);
    for part in std::iter::once(configured).chain(defaults).chain(grown) {
        if part > 0 && size.div_ceil(part).max(1) == parts && !fitting.contains(&part) {
            fitting.push(part);
        }
    }
    let mut whole: Vec<u64> = whole(size, parts).take(FEW + 1).collect();
    if whole.len() <= FEW {
        whole.retain(|part| !fitting.contains(part));
        whole.truncate(MOST.saturating_sub(fitting.len()));
        fitting.extend(whole);
    }
    if parts == 1 {
        // A single part has the same ETag for every part size.
        fitting.truncate(1);
    }
    fitting
}

/// The whole numbers of MiB, in bytes, that split an object of `size` bytes into `parts` parts.
fn whole(size: u64, parts: u64) -> impl Iterator<Item = u64> {
    let least = size.div_ceil(parts.max(1)).next_multiple_of(MIB).max(MIN_PART_SIZE);
    (0..).map(move |step| least + step * MIB).take_while(move |part| size.div_ceil(*part) == parts)
}

/// The sizes, in bytes, that clients compute if their default would result in too many parts.
fn grown(size: u64) -> impl Iterator<Item = u64> {
    let least = size.div_ceil(MAX_PARTS);
    let doubled = (3..40).map(|power| MIB << power).find(move |part| *part >= least);
    // rclone: a multiple of 1 MiB; minio-go: of 16 MiB; the SDKs for Go and Java: exact to the byte.
    [least.next_multiple_of(MIB), least.next_multiple_of(16 * MIB), size / MAX_PARTS + 1, least]
        .into_iter()
        .chain(doubled)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mib(list: &[u64]) -> Vec<u64> {
        list.iter().map(|size| size * MIB).collect()
    }

    #[test]
    fn only_sizes_that_give_the_number_of_parts_are_tried() {
        assert_eq!(common(40 * MIB, 3, 15 * MIB), mib(&[15, 16]));
        assert_eq!(common(40 * MIB, 8, 15 * MIB), mib(&[5]));
        assert!(common(40 * MIB, 40, 15 * MIB).is_empty());
        // Not a common size, but the only one that fits.
        assert_eq!(common(30 * MIB + 5, 5, 15 * MIB), mib(&[7]));
        assert_eq!(common(1000 * MIB, 44, 15 * MIB), mib(&[23]));
        assert_eq!(common(16_000_000, 2, 15 * MIB), mib(&[15, 8, 10]));
        assert!(common(100 * MIB, 3, 15 * MIB).is_empty());
        assert_eq!(common(7 * MIB, 1, 15 * MIB), mib(&[15]));
        assert_eq!(common(0, 1, 0).len(), 1);
    }

    #[test]
    fn growing_part_sizes_of_clients_are_included() {
        let tebibyte: u64 = 1 << 40;
        let parts = |part: u64| tebibyte.div_ceil(part);
        // rclone 105 MiB, mc 112 MiB, boto3 128 MiB, the SDK for Go.
        for part in [105 * MIB, 112 * MIB, 128 * MIB, tebibyte / MAX_PARTS + 1] {
            assert!(common(tebibyte, parts(part), 15 * MIB).contains(&part), "{part}");
        }
    }

    #[test]
    fn the_number_of_sizes_is_limited() {
        for size in (1..4_000).map(|step| step * 1_300_000) {
            for parts in 1..40 {
                assert!(common(size, parts, 15 * MIB).len() <= MOST, "{size} {parts}");
            }
        }
    }
}
