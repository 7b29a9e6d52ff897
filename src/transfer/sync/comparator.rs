//! Compares items that exist on both sides: many pairs at a time, in order.

pub(crate) use super::pairs::{Pair, pairs};
use super::{Item, Origin, SyncOptions};
use crate::output::{Failure, Outcome, error_text};
use crate::transfer::compare::{self, Checks, QuickCheck, Stored};
use crate::transfer::composite::Sizes;
use crate::transfer::md5_cache::{Md5Cache, md5_of_file};
use crate::transfer::part_sizes;
use crate::transfer::proof::Unproved;
use futures::{Stream, StreamExt, TryStreamExt};
use s3cmd_client::Client;
use s3cmd_client::checksum;
use s3cmd_client::ops::multipart::MAX_PARTS;
use s3cmd_client::ops::object::Head;
use s3cmd_client::ops::range::etags_differ;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use tokio::sync::Semaphore;

/// The number of pairs that are compared together.
const BATCH: usize = 128;

/// Files up to this size in bytes are hashed together with others on one thread, larger ones on a thread each.
const SMALL: u64 = 1 << 20;

/// The number of HEAD requests without encryption, or without a checksum, after which no further ones are made to find
/// it.
const ENOUGH: u32 = 3;

/// The ETag of empty content.
const EMPTY_MD5: &str = "d41d8cd98f00b204e9800998ecf8427e";

/// The result of comparing a pair.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Comparison {
    /// The pair.
    pub(crate) pair: Pair,
    /// Whether the two items differ.
    pub(crate) changed: bool,
    /// The MD5 of the local item, if it was computed.
    pub(crate) md5: Option<[u8; 16]>,
}

/// Compares pairs.
#[derive(Debug)]
pub(crate) struct Comparator {
    client: Client,
    checks: Checks,
    /// The part size that this program would use, in bytes.
    part_size: u64,
    /// Limits the hashing threads.
    hashing: Semaphore,
    /// Limits the concurrent HEAD requests.
    requests: Semaphore,
    width: usize,
    /// Cached MD5 sums of local files.
    cache: Option<Arc<Md5Cache>>,
    /// Number of objects whose ETags differed and which turned out not to be encrypted.
    plain: AtomicU32,
    /// Number of multipart objects that turned out to have no checksum of the whole.
    bare: AtomicU32,
    /// Number of objects that are listed as empty and turned out to be empty.
    empty: AtomicU32,
}

impl Comparator {
    /// Creates a comparator that makes up to `width` concurrent requests. MD5 sums of files are looked up in `cache`
    /// first.
    pub(crate) fn new(
        client: Client,
        options: &SyncOptions,
        width: usize,
        cache: Option<Arc<Md5Cache>>,
    ) -> Arc<Self> {
        let threads = std::thread::available_parallelism().map_or(2, usize::from);
        Arc::new(Self {
            client,
            checks: options.checks,
            part_size: options.part_size,
            hashing: Semaphore::new(threads.min(width.max(1))),
            requests: Semaphore::new(width.max(1)),
            width: width.max(1),
            cache,
            plain: AtomicU32::new(0),
            bare: AtomicU32::new(0),
            empty: AtomicU32::new(0),
        })
    }

    /// Compares pairs. The results are in the same order.
    pub(crate) fn compare(
        self: Arc<Self>,
        pairs: impl Stream<Item = Outcome<Pair>> + Send + 'static,
    ) -> impl Stream<Item = Outcome<Comparison>> + Send {
        let ahead = self.width.clamp(2, 16);
        let batches = pairs.ready_chunks(BATCH).map(move |batch| {
            let comparator = self.clone();
            async move {
                let pairs: Vec<Pair> = batch.into_iter().collect::<Outcome<_>>()?;
                // Most batches need only a quick check, or hash small files on a separate thread.
                comparator.batch(pairs).await
            }
        });
        batches
            .buffered(ahead)
            .map_ok(|comparisons| futures::stream::iter(comparisons.into_iter().map(Ok)))
            .try_flatten()
    }

    async fn batch(self: Arc<Self>, pairs: Vec<Pair>) -> Outcome<Vec<Comparison>> {
        let mut comparisons: Vec<Comparison> =
            pairs.into_iter().map(|pair| Comparison { pair, changed: false, md5: None }).collect();
        let (mut small, mut others, mut manifests) = (Vec::new(), Vec::new(), Vec::new());
        for (index, one) in comparisons.iter_mut().enumerate() {
            let Pair::Both(source, destination) = &one.pair else { continue };
            if self.may_be_manifest(source, destination) {
                manifests.push(index);
                continue;
            }
            match self.checks.quick_check(is_directory(source, destination), source.size, destination.size) {
                QuickCheck::Same => {}
                QuickCheck::Changed => one.changed = true,
                QuickCheck::CompareContent => match file_and_object(source, destination) {
                    Some((path, object)) => match Stored::of_etag(object.etag()) {
                        Stored::Md5(_) if object.size <= SMALL => {
                            small.push((index, path.to_owned(), object.size));
                        }
                        _ => others.push(index),
                    },
                    // Equal ETags mean equal contents, also for multipart objects.
                    None if source.etag() == destination.etag() && !source.etag().is_empty() => {}
                    None => others.push(index),
                },
            }
        }
        if !small.is_empty() {
            for (index, md5) in self.hash_small(small).await? {
                comparisons[index].md5 = md5;
                others.push(index);
            }
        }
        let pairs = manifests.into_iter().filter_map(|index| match &comparisons[index].pair {
            Pair::Both(source, destination) => Some((index, source.clone(), destination.clone())),
            _ => None,
        });
        let pairs: Vec<_> = pairs.collect();
        let compared = futures::stream::iter(pairs).map(|(index, source, destination)| {
            let comparator = &self;
            async move { Outcome::Ok((index, comparator.manifests_differ(&source, &destination).await?)) }
        });
        let compared: Vec<_> = compared.buffer_unordered(self.width).try_collect().await?;
        for (index, changed) in compared {
            comparisons[index].changed = changed;
        }
        let mut inconclusive = Vec::new();
        for &index in &others {
            let one = &comparisons[index];
            if let Pair::Both(source, destination) = &one.pair {
                let known = md5_known(one.md5, source, destination);
                match known {
                    Some(true) => {}
                    _ => inconclusive.push((index, source.clone(), destination.clone(), one.md5)),
                }
            }
        }
        let results = futures::stream::iter(inconclusive).map(|(index, source, destination, md5)| {
            let comparator = &self;
            async move { Outcome::Ok((index, comparator.compare_content(&source, &destination, md5).await?)) }
        });
        let results: Vec<_> = results.buffer_unordered(self.width).try_collect().await?;
        for (index, (changed, md5)) in results {
            comparisons[index].changed = changed;
            comparisons[index].md5 = md5.or(comparisons[index].md5);
        }
        Ok(comparisons)
    }

    /// Whether one of the two is listed with the ETag of empty content, as the manifest of a Swift large object is, so
    /// that its listed length may not be its real one. If the other one is a file of that length, the object is most
    /// likely really empty: after a few objects that were, no more are checked.
    fn may_be_manifest(&self, source: &Item, destination: &Item) -> bool {
        let is_suspect = |item: &Item| !item.is_directory() && item.etag() == EMPTY_MD5;
        if self.checks.skip_existing || !(is_suspect(source) || is_suspect(destination)) {
            return false;
        }
        let differ = source.size != destination.size;
        let objects = file_and_object(source, destination).is_none();
        differ || objects || self.empty.load(Ordering::Relaxed) < ENOUGH
    }

    /// Whether two items, of which one may be a manifest, differ in their real lengths.
    async fn manifests_differ(&self, source: &Item, destination: &Item) -> Outcome<bool> {
        let (a, b) = futures::try_join!(self.true_size(source), self.true_size(destination))?;
        let (Some((a, a_segmented)), Some((b, b_segmented))) = (a, b) else { return Ok(true) };
        if !a_segmented && !b_segmented {
            self.empty.fetch_add(1, Ordering::Relaxed);
        } else if a == b {
            let segmented = if a_segmented { source } else { destination };
            log::info!("'{}' {}", segmented.uri(), Unproved::Segmented);
        }
        // If they are not manifests, the ETag shows that they are empty.
        Ok(a != b)
    }

    /// The real length of an item in bytes, and whether it is a Swift large object. `None` if the object is gone.
    async fn true_size(&self, item: &Item) -> Outcome<Option<(u64, bool)>> {
        if item.etag() != EMPTY_MD5 {
            return Ok(Some((item.size, false)));
        }
        let head = self.head(item).await?;
        Ok(head.map(|head| match head.is_swift_segmented() {
            true => (head.size, true),
            false => (item.size, false),
        }))
    }

    /// Hashes small files sequentially on one thread. A file that cannot be read has no MD5.
    async fn hash_small(
        &self,
        files: Vec<(usize, std::path::PathBuf, u64)>,
    ) -> Outcome<Vec<(usize, Option<[u8; 16]>)>> {
        let cache = self.cache.clone();
        let hash = move || {
            files
                .into_iter()
                .map(|(index, path, size)| (index, md5_of_file(cache.as_deref(), &path, size).ok()))
                .collect::<Vec<_>>()
        };
        self.on_thread(hash).await
    }

    /// The MD5 of a file. `None` if it cannot be read.
    pub(crate) async fn md5_of(&self, path: &Path, size: u64) -> Outcome<Option<[u8; 16]>> {
        let (path, cache) = (path.to_owned(), self.cache.clone());
        self.on_thread(move || md5_of_file(cache.as_deref(), &path, size).ok()).await
    }

    async fn on_thread<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Outcome<T> {
        // The semaphore is never closed.
        let _permit = self.hashing.acquire().await;
        let done = tokio::task::spawn_blocking(work).await;
        done.map_err(|error| Failure::from(std::io::Error::other(error)))
    }

    /// Compares contents of equal length. Returns whether they differ, and the file's MD5 if it was computed.
    async fn compare_content(
        &self,
        source: &Item,
        destination: &Item,
        md5: Option<[u8; 16]>,
    ) -> Outcome<(bool, Option<[u8; 16]>)> {
        match file_and_object(source, destination) {
            Some((path, object)) => self.compare_file(path, object, md5).await,
            None => Ok((self.objects_differ(source, destination).await?, None)),
        }
    }

    async fn compare_file(
        &self,
        path: &Path,
        object: &Item,
        md5: Option<[u8; 16]>,
    ) -> Outcome<(bool, Option<[u8; 16]>)> {
        let stored = Stored::of_etag(object.etag());
        let mut computed = md5;
        match stored {
            Stored::Md5(etag) => {
                if computed.is_none() {
                    computed = self.md5_of(path, object.size).await?;
                }
                // A file that cannot be read is treated as changed, so that the transfer reports the error.
                let Some(md5) = computed else { return Ok((true, None)) };
                if md5 == etag || self.plain.load(Ordering::Relaxed) >= ENOUGH {
                    return Ok((md5 != etag, computed));
                }
            }
            Stored::Composite(_) | Stored::Opaque => {}
        }
        // A checksum of the whole is cheaper than an ETag whose part size must be guessed. If the store has none, guess
        // first, because that may save the HEAD request.
        let mut head_response = None;
        // Whether common part sizes fit the number of parts, but none of them reproduces the ETag.
        let mut disagrees = false;
        if let Stored::Composite(parts) = stored {
            if self.bare.load(Ordering::Relaxed) < ENOUGH {
                head_response = self.head(object).await.ok().flatten();
            }
            if let Some(head) = &head_response
                && let Some(same) = self.has_checksum(path, head).await?
            {
                return Ok((!same, computed));
            }
            let sizes = part_sizes::common(object.size, parts, self.part_size);
            disagrees = !sizes.is_empty();
            if self.has_etag_in_parts(path, object, Sizes::of(&sizes)).await? {
                return Ok((false, None));
            }
        }
        let (head, is_new) = match head_response {
            Some(head) => (Some(head), false),
            None => (self.head(object).await?, true),
        };
        let Some(head) = head else { return Ok((true, computed)) };
        // The object was replaced since, or its listing describes a manifest.
        if head.size != object.size {
            return Ok((true, computed));
        }
        if !head.has_opaque_etag() {
            self.plain.fetch_add(1, Ordering::Relaxed);
        }
        if is_new
            && (head.has_opaque_etag() || !matches!(stored, Stored::Md5(_)))
            && let Some(same) = self.has_checksum(path, &head).await?
        {
            return Ok((!same, computed));
        }
        let Some(expected) = Stored::md5_of(&head) else {
            if let Stored::Composite(parts) = stored
                && !head.has_opaque_etag()
            {
                let sizes = self.known_sizes(object, &head, parts).await?;
                if !sizes.is_empty() {
                    return Ok((!self.has_etag_in_parts(path, object, sizes).await?, computed));
                }
                // Content that cannot be proved to be equal is transferred.
                if disagrees {
                    log::info!(
                        "'{}' may differ: no common part size gives its ETag for the file",
                        object.uri()
                    );
                    return Ok((true, computed));
                }
            }
            unproved(object, &head);
            return Ok((false, computed));
        };
        if computed.is_none() {
            computed = self.md5_of(path, object.size).await?;
        }
        Ok((computed != Some(expected), computed))
    }

    /// Whether the file has the object's checksum of the whole. `None` if the object has none. Returns `false` for a
    /// file that cannot be read.
    async fn has_checksum(&self, path: &Path, head: &Head) -> Outcome<Option<bool>> {
        let Some(expected) = head.checksum().and_then(checksum::Stored::whole) else {
            self.bare.fetch_add(1, Ordering::Relaxed);
            return Ok(None);
        };
        let path = path.to_owned();
        let hash = move || compare::checksum_of_file(&path, expected.algorithm()).ok();
        Ok(Some(self.on_thread(hash).await? == Some(expected)))
    }

    /// The part sizes that the uploader stored or the server reports. Empty if they are unknown.
    async fn known_sizes(&self, object: &Item, head: &Head, parts: u64) -> Outcome<Vec<Sizes>> {
        if let Some(size) = compare::stored_part_size(head) {
            return Ok(Sizes::of(&[size]));
        }
        let uri = object.uri();
        let size = |part| self.client.size_of_part(&uri.bucket, &uri.key, &head.etag, part, parts);
        let Some(first) = size(1).await? else { return Ok(Vec::new()) };
        if parts > MAX_PARTS {
            return Ok(Vec::new());
        }
        if object.size.div_ceil(first.max(1)).max(1) == parts {
            return Ok(Sizes::of(&[first]));
        }
        let sizes: Vec<Option<u64>> =
            futures::stream::iter(1..=parts).map(size).buffered(self.width).try_collect().await?;
        let sizes: Option<Vec<u64>> = sizes.into_iter().collect();
        Ok(sizes.into_iter().map(Sizes::Each).collect())
    }

    /// Whether a multipart upload of the file with one of these part sizes has the object's ETag.
    async fn has_etag_in_parts(&self, path: &Path, object: &Item, sizes: Vec<Sizes>) -> Outcome<bool> {
        if sizes.is_empty() {
            return Ok(false);
        }
        let (path, etag) = (path.to_owned(), object.etag().to_owned());
        self.on_thread(move || compare::has_composite_etag(&path, sizes, &etag).unwrap_or(false)).await
    }

    /// Whether two objects of equal length with different ETags differ.
    async fn objects_differ(&self, source: &Item, destination: &Item) -> Outcome<bool> {
        let plain = |item: &Item| matches!(Stored::of_etag(item.etag()), Stored::Md5(_));
        if plain(source) && plain(destination) && self.plain.load(Ordering::Relaxed) >= ENOUGH {
            return Ok(true);
        }
        let (a, b) = futures::try_join!(self.head(source), self.head(destination))?;
        let (Some(a), Some(b)) = (a, b) else { return Ok(true) };
        if a.size != b.size {
            return Ok(true);
        }
        if !a.has_opaque_etag() && !b.has_opaque_etag() {
            self.plain.fetch_add(1, Ordering::Relaxed);
        }
        if let Some(same) = compare::same_checksum(&a, &b) {
            return Ok(!same);
        }
        match (Stored::md5_of(&a), Stored::md5_of(&b)) {
            (Some(a), Some(b)) => Ok(a != b),
            // Both ETags are derived from the contents and differ, and there is no evidence that the contents are
            // equal.
            _ if !a.has_opaque_etag() && !b.has_opaque_etag() && etags_differ(&a.etag, &b.etag) => Ok(true),
            _ => {
                unproved(destination, &b);
                Ok(false)
            }
        }
    }

    async fn head(&self, object: &Item) -> Outcome<Option<Head>> {
        let _permit = self.requests.acquire().await;
        let uri = object.uri();
        match self.client.head_object_with_checksum(&uri.bucket, &uri.key).await {
            Ok(head) => Ok(Some(head)),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) if error.concerns_all_requests() => Err(error.into()),
            // The object is treated as changed: the transfer reports the error, and the others continue.
            Err(error) => {
                log::info!("'{uri}' cannot be compared: {}", error_text(&error));
                Ok(None)
            }
        }
    }
}

/// Logs that only lengths were compared.
fn unproved(object: &Item, head: &Head) {
    let why = if head.is_swift_segmented() { Unproved::Segmented } else { Unproved::NoChecksum };
    log::info!("'{}' {why}", object.uri());
}

/// Whether a pair is a directory on both sides, which has no content. Two objects are compared whatever their names,
/// and an object with content is not a directory.
fn is_directory(source: &Item, destination: &Item) -> bool {
    match (&source.origin, &destination.origin) {
        _ if !source.is_directory() => false,
        (Origin::Remote { .. }, Origin::Remote { .. }) => false,
        (Origin::Remote { .. }, Origin::Local(_)) => source.size == 0,
        _ => true,
    }
}

/// The file and the object of a pair of one each.
fn file_and_object<'a>(a: &'a Item, b: &'a Item) -> Option<(&'a Path, &'a Item)> {
    match (&a.origin, &b.origin) {
        (Origin::Local(path), Origin::Remote { .. }) => Some((path, b)),
        (Origin::Remote { .. }, Origin::Local(path)) => Some((path, a)),
        _ => None,
    }
}

/// Whether a computed MD5 is that of the object. `None` if either is unknown.
fn md5_known(md5: Option<[u8; 16]>, source: &Item, destination: &Item) -> Option<bool> {
    let (_, object) = file_and_object(source, destination)?;
    match Stored::of_etag(object.etag()) {
        Stored::Md5(etag) => Some(etag == md5?),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_with_content_is_not_a_directory_whatever_its_name() {
        let local = |name: &str| Item::local(name.into(), 0, name.into());
        let object = |name: &str, size| Item::remote(name.into(), size, "b".into(), name.into(), "e".into());
        assert!(is_directory(&local("d/"), &object("d/", 0)));
        assert!(is_directory(&local("d/"), &object("d/", 5)), "nothing here is its content");
        assert!(is_directory(&object("d/", 0), &local("d/")));
        assert!(
            !is_directory(&object("d/", 5), &local("d/")),
            "it cannot be stored, which is to be reported"
        );
        assert!(!is_directory(&object("d/", 5), &object("d/", 5)));
        assert!(!is_directory(&object("d", 5), &local("d")));
    }
}
