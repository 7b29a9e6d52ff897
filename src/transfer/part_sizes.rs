//! The part sizes that clients choose: where neither the uploader nor the server tells the size, the number of parts in the
//! ETag leaves at most a few of them, and the ETag decides.

use crate::s3::multipart::{MAX_PARTS, MIN_PART_SIZE};

const MIB: u64 = 1 << 20;

/// Sizes that are used by default, in MiB, the most frequent first: AWS CLI and boto3 8 (doubled for very large files),
/// s3cmd 15, rclone and the AWS SDKs 5, minio-go and mc 16, s5cmd 50, Cyberduck and s3fs 10, Hadoop 64 and 100; then those
/// of older minio-go (64, 128; 528, 576 and 640 from a pipe), of restic (200), and of programs with a window for it.
const COMMON: [u64; 22] =
    [8, 15, 5, 16, 50, 10, 64, 100, 32, 20, 25, 128, 200, 256, 250, 500, 512, 528, 576, 640, 1000, 1024];

/// So few whole numbers of MiB are tried although nobody is known to use them.
const FEW: usize = 3;
/// The most sizes that are tried.
const MOST: usize = 7;

/// The usual part sizes, in bytes, that cut an object of that size into that many parts: the configured one first. Of many
/// parts the number tells the size nearly, and any whole number of MiB is among them.
pub fn usual(size: u64, parts: u64, configured: u64) -> Vec<u64> {
    let mut fitting: Vec<u64> = Vec::new();
    let common = COMMON.iter().map(|mib| mib * MIB);
    let grown = grown(size).filter(|part| *part >= MIN_PART_SIZE);
    for part in std::iter::once(configured).chain(common).chain(grown) {
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
        // Whatever the size is, the only part is the whole.
        fitting.truncate(1);
    }
    fitting
}

/// The whole numbers of MiB, in bytes, that cut an object of that size into that many parts.
fn whole(size: u64, parts: u64) -> impl Iterator<Item = u64> {
    let least = size.div_ceil(parts.max(1)).next_multiple_of(MIB).max(MIN_PART_SIZE);
    (0..).map(move |step| least + step * MIB).take_while(move |part| size.div_ceil(*part) == parts)
}

/// The sizes that clients compute where the default would give too many parts.
fn grown(size: u64) -> impl Iterator<Item = u64> {
    let least = size.div_ceil(MAX_PARTS);
    let doubled = (3..40).map(|power| MIB << power).find(move |part| *part >= least);
    // rclone: a multiple of 1 MiB; minio-go: of 16 MiB; the SDKs for Go and Java: to the byte.
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
        assert_eq!(usual(40 * MIB, 3, 15 * MIB), mib(&[15, 16]));
        assert_eq!(usual(40 * MIB, 8, 15 * MIB), mib(&[5]));
        assert!(usual(40 * MIB, 40, 15 * MIB).is_empty());
        // Nobody's usual size, but no other would do.
        assert_eq!(usual(30 * MIB + 5, 5, 15 * MIB), mib(&[7]));
        assert_eq!(usual(1000 * MIB, 44, 15 * MIB), mib(&[23]));
        assert_eq!(usual(16_000_000, 2, 15 * MIB), mib(&[15, 8, 10]));
        assert!(usual(100 * MIB, 3, 15 * MIB).is_empty());
        assert_eq!(usual(7 * MIB, 1, 15 * MIB), mib(&[15]));
        assert_eq!(usual(0, 1, 0).len(), 1);
    }

    #[test]
    fn the_sizes_of_clients_that_grow_them_are_among_them() {
        let tebibyte: u64 = 1 << 40;
        let parts = |part: u64| tebibyte.div_ceil(part);
        // rclone 105 MiB, mc 112 MiB, boto3 128 MiB, the SDK for Go.
        for part in [105 * MIB, 112 * MIB, 128 * MIB, tebibyte / MAX_PARTS + 1] {
            assert!(usual(tebibyte, parts(part), 15 * MIB).contains(&part), "{part}");
        }
    }

    #[test]
    fn there_are_never_many() {
        for size in (1..4_000).map(|step| step * 1_300_000) {
            for parts in 1..40 {
                assert!(usual(size, parts, 15 * MIB).len() <= MOST, "{size} {parts}");
            }
        }
    }
}
