//! The parallel listing compared with the serial one, on random keys.

use super::*;
use proptest::prelude::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A bucket with short pages; responses arrive in a different order each time.
#[derive(Clone, Debug)]
struct Bucket {
    keys: Arc<Vec<String>>,
    page: usize,
    seed: usize,
    requests: Arc<AtomicUsize>,
    /// Number of the request that fails.
    fails: Option<usize>,
    opaque: bool,
}

impl Bucket {
    fn new(keys: impl IntoIterator<Item = String>, page: usize, seed: usize) -> Self {
        let mut keys: Vec<String> = keys.into_iter().collect();
        keys.sort_unstable();
        keys.dedup();
        let opaque = seed % 2 == 1;
        Self { keys: Arc::new(keys), page, seed, requests: Arc::default(), fails: None, opaque }
    }

    fn page_after(&self, after: &str) -> ListPage {
        let begin = self.keys.partition_point(|key| key.as_str() <= after);
        let end = (begin + self.page).min(self.keys.len());
        let is_cut = end < self.keys.len();
        let mut text = format!("<ListBucketResult><IsTruncated>{is_cut}</IsTruncated>");
        if is_cut && self.opaque {
            text += &format!("<NextContinuationToken>={}</NextContinuationToken>", self.keys[end - 1]);
        }
        for key in &self.keys[begin..end] {
            text += &format!("<Contents><Key>{key}</Key><Size>1</Size></Contents>");
        }
        ListPage::parse(text + "</ListBucketResult>", self.opaque).unwrap()
    }
}

impl PageSource for Bucket {
    async fn page(&self, from: PageStart) -> Result<ListPage> {
        let number = self.requests.fetch_add(1, Ordering::Relaxed);
        for _ in 0..(number.wrapping_mul(self.seed + 7) >> 2) % 9 {
            tokio::task::yield_now().await;
        }
        if self.fails == Some(number) {
            return Err(Error::Malformed("broken".into()));
        }
        Ok(match &from {
            PageStart::Key(key) => self.page_after(key),
            PageStart::Token(token) if self.opaque => self.page_after(token.strip_prefix('=').unwrap()),
            PageStart::Token(token) => self.page_after(token),
        })
    }

    async fn known_prefixes(&self, after: String) -> Vec<String> {
        if self.seed.is_multiple_of(3) {
            return Vec::new();
        }
        let keys = self.keys.iter().filter(|key| **key > after);
        let mut prefixes: Vec<_> =
            keys.filter_map(|key| key.split_once('/').map(|(first, _)| format!("{first}/"))).collect();
        prefixes.dedup();
        prefixes
    }
}

/// The listed keys, and the error at the end.
async fn listed(bucket: &Bucket, prefix: &str, after: &str, width: usize) -> (Vec<String>, Option<Error>) {
    let (sender, mut receiver) = tokio::sync::mpsc::channel(1);
    let (bucket, prefix, after) = (bucket.clone(), prefix.to_owned(), after.to_owned());
    tokio::spawn(async move { list(bucket, &prefix, after, width, sender).await });
    let mut keys = Vec::new();
    while let Some(page) = receiver.recv().await {
        match page {
            Ok(page) => keys.extend(page.entries().map(|entry| entry.key.to_owned())),
            Err(error) => return (keys, Some(error)),
        }
    }
    (keys, None)
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

fn keys() -> impl Strategy<Value = Vec<String>> {
    let key = prop_oneof!["p/[0-9]{1,3}", "p/[a-cA/9]{1,6}", "p/(x/){1,3}[0-9a-f]{2}", "p/[äb日z]{1,3}"];
    proptest::collection::vec(key, 0..400)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Every key once, in order, whatever the keys and the order of the responses.
    #[test]
    fn the_parallel_listing_equals_the_serial_one(
        keys in keys(), page in 1..9usize, seed in 0..1000usize, width in 1..13usize, skip in 0..50usize
    ) {
        let bucket = Bucket::new(keys, page, seed);
        let after = bucket.keys.get(skip).cloned().unwrap_or_default();
        let expected: Vec<String> = bucket.keys.iter().filter(|key| **key > after).cloned().collect();
        let (found, error) = block_on(listed(&bucket, "p/", &after, width));
        prop_assert!(error.is_none(), "{error:?}");
        prop_assert_eq!(found, expected);
    }

    /// An error ends the listing; the keys before it are complete.
    #[test]
    fn the_keys_before_an_error_are_complete(keys in keys(), seed in 0..1000usize, fails in 0..40usize) {
        let mut bucket = Bucket::new(keys, 3, seed);
        bucket.fails = Some(fails);
        let (found, error) = block_on(listed(&bucket, "p/", "", 6));
        prop_assert!(bucket.keys.starts_with(&found));
        // The failing request may be one that was not needed.
        prop_assert!(error.is_some() || found.len() == bucket.keys.len());
    }
}

/// The longest chain of requests is a fraction of the number of pages, for keys with and without directories.
#[test]
fn ranges_share_the_work() {
    let flat = (0..40_000).map(|number| format!("image-{number:08}.jpg"));
    let deep = (0..40_000).map(|number| format!("d{:03}/f{number:05}", number / 100));
    let hashed = (0..40_000u64).map(|number| format!("{:016x}", number.wrapping_mul(0x9e37_79b9_7f4a_7c15)));
    let kinds: [Vec<String>; 3] = [flat.collect(), deep.collect(), hashed.collect()];
    let mut shares = Vec::new();
    for (kind, keys) in kinds.into_iter().enumerate() {
        for seed in [4, 3] {
            let bucket = Slow(Bucket::new(keys.clone(), 100, seed));
            let started = std::sync::Mutex::new(None);
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .start_paused(true)
                .build()
                .unwrap();
            let count = runtime.block_on(async {
                *started.lock().unwrap() = Some(tokio::time::Instant::now());
                let (sender, mut receiver) = tokio::sync::mpsc::channel(1);
                let bucket = bucket.clone();
                tokio::spawn(async move { list(bucket, "", String::new(), 8, sender).await });
                let mut count = 0;
                while let Some(page) = receiver.recv().await {
                    count += page.unwrap().len();
                }
                count
            });
            let _guard = runtime.enter();
            let rounds =
                runtime.block_on(async { started.lock().unwrap().unwrap().elapsed().as_millis() / 10 });
            let requests = bucket.0.requests.load(Ordering::Relaxed);
            assert_eq!(count, 40_000);
            shares.push((kind, seed, rounds, requests));
        }
    }
    // 400 pages: the optimum is 50 rounds of eight requests.
    assert!(shares.iter().all(|(.., rounds, requests)| *rounds < 150 && *requests < 650), "{shares:?}");
}

/// Every request takes ten milliseconds.
#[derive(Clone, Debug)]
struct Slow(Bucket);

impl PageSource for Slow {
    async fn page(&self, from: PageStart) -> Result<ListPage> {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        self.0.page(from).await
    }

    async fn known_prefixes(&self, after: String) -> Vec<String> {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        self.0.known_prefixes(after).await
    }
}
