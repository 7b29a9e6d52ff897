//! Decides whether what both sides have is the same: many pairs at a time, in order.

pub use super::pairs::{Pair, pairs};
use super::{Item, Origin};
use crate::output::{Failure, Outcome};
use crate::s3::Client;
use crate::s3::checksum;
use crate::s3::multipart::MAX_PARTS;
use crate::s3::object::Head;
use crate::s3::range::etags_differ;
use crate::transfer::compare::{self, Checks, QuickCheck, Stored};
use crate::transfer::composite::Sizes;
use crate::transfer::md5_cache::{Md5Cache, md5_of_file};
use crate::transfer::part_sizes;
use crate::transfer::proof::Unproved;
use futures::{Stream, StreamExt, TryStreamExt};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use tokio::sync::Semaphore;

/// Pairs that are comparison together.
const BATCH: usize = 128;

/// Files up to this size are hashed together with others, larger ones each on their own thread.
const SMALL: u64 = 1 << 20;

/// HEAD requests that found no encryption, after which none is asked about it any more; likewise those that found no
/// checksum.
const ENOUGH: u32 = 3;

/// The ETag of no content.
const NOTHING: &str = "d41d8cd98f00b204e9800998ecf8427e";

/// A comparison pair.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comparison {
    /// The pair.
    pub pair: Pair,
    /// Whether what both have differs.
    pub changed: bool,
    /// The MD5 of a local item, where it was read.
    pub md5: Option<[u8; 16]>,
}

/// Decides about pairs.
#[derive(Debug)]
pub struct Comparator {
    client: Client,
    checks: Checks,
    /// The part size that this program would use, in bytes.
    part_size: u64,
    /// Threads that hash.
    hashing: Semaphore,
    /// HEAD requests under way.
    asking: Semaphore,
    width: usize,
    /// Remembered sums of local files.
    cache: Option<Arc<Md5Cache>>,
    /// Objects with another content that turned out not to be encrypted.
    plain: AtomicU32,
    /// Objects in parts that turned out to have no checksum of the whole.
    bare: AtomicU32,
    /// Objects listed as empty that turned out to be.
    empty: AtomicU32,
}

impl Comparator {
    /// Makes a comparator that asks up to `width` questions at once, and files' sums of `cache` first.
    pub fn new(
        client: Client,
        checks: Checks,
        part_size: u64,
        width: usize,
        cache: Option<Arc<Md5Cache>>,
    ) -> Arc<Self> {
        let threads = std::thread::available_parallelism().map_or(2, usize::from);
        Arc::new(Self {
            client,
            checks,
            part_size,
            hashing: Semaphore::new(threads.min(width.max(1))),
            asking: Semaphore::new(width.max(1)),
            width: width.max(1),
            cache,
            plain: AtomicU32::new(0),
            bare: AtomicU32::new(0),
            empty: AtomicU32::new(0),
        })
    }

    /// Judges pairs; the answers come in their order.
    pub fn comparator(
        self: Arc<Self>,
        pairs: impl Stream<Item = Outcome<Pair>> + Send + 'static,
    ) -> impl Stream<Item = Outcome<Comparison>> + Send {
        let ahead = self.width.clamp(2, 16);
        let batches = pairs.ready_chunks(BATCH).map(move |batch| {
            let comparator = self.clone();
            async move {
                let pairs: Vec<Pair> = batch.into_iter().collect::<Outcome<_>>()?;
                // Most batches need nothing but a quick_check, or hash small files on a thread of their own.
                comparator.batch(pairs).await
            }
        });
        batches
            .buffered(ahead)
            .map_ok(|comparison| futures::stream::iter(comparison.into_iter().map(Ok)))
            .try_flatten()
    }

    async fn batch(self: Arc<Self>, pairs: Vec<Pair>) -> Outcome<Vec<Comparison>> {
        let mut comparison: Vec<Comparison> =
            pairs.into_iter().map(|pair| Comparison { pair, changed: false, md5: None }).collect();
        let (mut small, mut others, mut manifests) = (Vec::new(), Vec::new(), Vec::new());
        for (index, one) in comparison.iter_mut().enumerate() {
            let Pair::Both(source, destination) = &one.pair else { continue };
            if self.may_be_manifest(source, destination) {
                manifests.push(index);
                continue;
            }
            match self.checks.quick_check(is_directory(source, destination), source.size, destination.size) {
                QuickCheck::Same => {}
                QuickCheck::Changed => one.changed = true,
                QuickCheck::Look => match file_and_object(source, destination) {
                    Some((path, object)) => match Stored::of_etag(object.etag()) {
                        Stored::Md5(_) if object.size <= SMALL => {
                            small.push((index, path.to_owned(), object.size));
                        }
                        _ => others.push(index),
                    },
                    // Equal ETags are equal contents, also of objects in parts.
                    None if source.etag() == destination.etag() && !source.etag().is_empty() => {}
                    None => others.push(index),
                },
            }
        }
        if !small.is_empty() {
            for (index, md5) in self.hash_small(small).await? {
                comparison[index].md5 = md5;
                others.push(index);
            }
        }
        let pairs = manifests.into_iter().filter_map(|index| match &comparison[index].pair {
            Pair::Both(source, destination) => Some((index, source.clone(), destination.clone())),
            _ => None,
        });
        let pairs: Vec<_> = pairs.collect();
        let asked = futures::stream::iter(pairs).map(|(index, source, destination)| {
            let comparator = &self;
            async move { Outcome::Ok((index, comparator.manifests_differ(&source, &destination).await?)) }
        });
        let asked: Vec<_> = asked.buffer_unordered(self.width).try_collect().await?;
        for (index, changed) in asked {
            comparison[index].changed = changed;
        }
        let mut verdicts = Vec::new();
        for &index in &others {
            let one = &comparison[index];
            if let Pair::Both(source, destination) = &one.pair {
                let known = md5_known(one.md5, source, destination);
                match known {
                    Some(true) => {}
                    _ => verdicts.push((index, source.clone(), destination.clone(), one.md5)),
                }
            }
        }
        let verdicts = futures::stream::iter(verdicts).map(|(index, source, destination, md5)| {
            let comparator = &self;
            async move { Outcome::Ok((index, comparator.look(&source, &destination, md5).await?)) }
        });
        let verdicts: Vec<_> = verdicts.buffer_unordered(self.width).try_collect().await?;
        for (index, (changed, md5)) in verdicts {
            comparison[index].changed = changed;
            comparison[index].md5 = md5.or(comparison[index].md5);
        }
        Ok(comparison)
    }

    /// Whether one of the two is listed with the ETag of no content, as the manifest of a Swift large object is, so that its
    /// listed length need not be its own. Beside a file of that length it is what it seems to be, most likely: after a few
    /// objects that were just empty, none is asked about any more.
    fn may_be_manifest(&self, source: &Item, destination: &Item) -> bool {
        let is_suspect = |item: &Item| !item.is_directory() && item.etag() == NOTHING;
        if self.checks.skip_existing || !(is_suspect(source) || is_suspect(destination)) {
            return false;
        }
        let differ = source.size != destination.size;
        let objects = file_and_object(source, destination).is_none();
        differ || objects || self.empty.load(Ordering::Relaxed) < ENOUGH
    }

    /// Whether two items differ of which one may be a manifest: by their true lengths.
    async fn manifests_differ(&self, source: &Item, destination: &Item) -> Outcome<bool> {
        let (a, b) = futures::try_join!(self.true_size(source), self.true_size(destination))?;
        let (Some((a, a_segmented)), Some((b, b_segmented))) = (a, b) else { return Ok(true) };
        if !a_segmented && !b_segmented {
            self.empty.fetch_add(1, Ordering::Relaxed);
        } else if a == b {
            let segmented = if a_segmented { source } else { destination };
            log::info!("'{}' {}", segmented.uri(), Unproved::Segmented);
        }
        // Of what is no manifest the ETag is that of no content.
        Ok(a != b)
    }

    /// The length of an item, and whether it is a Swift large object; `None` if the object is gone.
    async fn true_size(&self, item: &Item) -> Outcome<Option<(u64, bool)>> {
        if item.etag() != NOTHING {
            return Ok(Some((item.size, false)));
        }
        let head = self.head(item).await?;
        Ok(head.map(|head| match head.is_swift_segmented() {
            true => (head.size, true),
            false => (item.size, false),
        }))
    }

    /// Hashes small files one after the other on one thread. A file that cannot be read has no MD5.
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

    /// The MD5 of a file; `None` where it cannot be read.
    pub async fn md5_of(&self, path: &Path, size: u64) -> Outcome<Option<[u8; 16]>> {
        let (path, cache) = (path.to_owned(), self.cache.clone());
        self.on_thread(move || md5_of_file(cache.as_deref(), &path, size).ok()).await
    }

    async fn on_thread<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Outcome<T> {
        // The semaphore is never closed.
        let _permit = self.hashing.acquire().await;
        let done = tokio::task::spawn_blocking(work).await;
        done.map_err(|error| Failure::from(std::io::Error::other(error)))
    }

    /// Compares contents of equal length: whether they differ, and the file's MD5 where it was read.
    async fn look(
        &self,
        source: &Item,
        destination: &Item,
        md5: Option<[u8; 16]>,
    ) -> Outcome<(bool, Option<[u8; 16]>)> {
        match file_and_object(source, destination) {
            Some((path, object)) => self.look_at_file(path, object, md5).await,
            None => Ok((self.objects_differ(source, destination).await?, None)),
        }
    }

    async fn look_at_file(
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
                // A file that cannot be read is taken up as a transfer, which says so.
                let Some(md5) = computed else { return Ok((true, None)) };
                if md5 == etag || self.plain.load(Ordering::Relaxed) >= ENOUGH {
                    return Ok((md5 != etag, computed));
                }
            }
            Stored::Composite(_) | Stored::Opaque => {}
        }
        // A checksum of the whole is cheaper than an ETag of parts whose size has to be guessed; where the store has none,
        // the guess comes first, because it may save the question.
        let mut asked = None;
        // Whether a usual part size fits the number of parts, and does not give the ETag.
        let mut disagrees = false;
        if let Stored::Composite(parts) = stored {
            if self.bare.load(Ordering::Relaxed) < ENOUGH {
                asked = self.head(object).await.ok().flatten();
            }
            if let Some(head) = &asked
                && let Some(same) = self.has_checksum(path, head).await?
            {
                return Ok((!same, computed));
            }
            let sizes = part_sizes::usual(object.size, parts, self.part_size);
            disagrees = !sizes.is_empty();
            if self.has_etag_in_parts(path, object, Sizes::of(&sizes)).await? {
                return Ok((false, None));
            }
        }
        let (head, is_new) = match asked {
            Some(head) => (Some(head), false),
            None => (self.head(object).await?, true),
        };
        let Some(head) = head else { return Ok((true, computed)) };
        // It was replaced since, or its listing is about something else than its content.
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
        let Some(wanted) = Stored::md5_of(&head) else {
            if let Stored::Composite(parts) = stored
                && !head.has_opaque_etag()
            {
                let sizes = self.known_sizes(object, &head, parts).await?;
                if !sizes.is_empty() {
                    return Ok((!self.has_etag_in_parts(path, object, sizes).await?, computed));
                }
                // What nothing proves to be equal is moved.
                if disagrees {
                    log::info!(
                        "'{}' may differ: its ETag is not that of the file in usual parts",
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
        Ok((computed != Some(wanted), computed))
    }

    /// Whether the file has the checksum of the whole that the object has; `None` where it has none. A file that cannot be
    /// read has it not.
    async fn has_checksum(&self, path: &Path, head: &Head) -> Outcome<Option<bool>> {
        let Some(wanted) = head.checksum().and_then(checksum::Stored::whole) else {
            self.bare.fetch_add(1, Ordering::Relaxed);
            return Ok(None);
        };
        let path = path.to_owned();
        let hash = move || compare::checksum_of_file(&path, wanted.algorithm()).ok();
        Ok(Some(self.on_thread(hash).await? == Some(wanted)))
    }

    /// The sizes of the parts, as far as the uploader stored them or the server tells them.
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

    /// Whether the file has the object's ETag if it is sent in parts of one of these sizes.
    async fn has_etag_in_parts(&self, path: &Path, object: &Item, sizes: Vec<Sizes>) -> Outcome<bool> {
        if sizes.is_empty() {
            return Ok(false);
        }
        let (path, etag) = (path.to_owned(), object.etag().to_owned());
        self.on_thread(move || compare::has_composite_etag(&path, sizes, &etag).unwrap_or(false)).await
    }

    /// Whether two objects of equal length and with different ETags differ.
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
            // ETags that speak of the contents disagree, and nothing proves these to be equal.
            _ if !a.has_opaque_etag() && !b.has_opaque_etag() && etags_differ(&a.etag, &b.etag) => Ok(true),
            _ => {
                unproved(destination, &b);
                Ok(false)
            }
        }
    }

    async fn head(&self, object: &Item) -> Outcome<Option<Head>> {
        let _permit = self.asking.acquire().await;
        let uri = object.uri();
        match self.client.head_object_with_checksum(&uri.bucket, &uri.key).await {
            Ok(head) => Ok(Some(head)),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) if error.concerns_all_requests() => Err(error.into()),
            // It is taken for changed: the transfer says what is wrong with it, and the others go on.
            Err(error) => {
                log::info!("'{uri}' cannot be compared: {error}");
                Ok(None)
            }
        }
    }
}

/// Says that lengths alone were compared.
fn unproved(object: &Item, head: &Head) {
    let why = if head.is_swift_segmented() { Unproved::Segmented } else { Unproved::NoChecksum };
    log::info!("'{}' {why}", object.uri());
}

/// Whether a pair is a directory on both sides, which has no content. Two objects are compared whatever their names, and an
/// object with content is no directory.
fn is_directory(source: &Item, destination: &Item) -> bool {
    match (&source.origin, &destination.origin) {
        _ if !source.is_directory() => false,
        (Origin::Remote { .. }, Origin::Remote { .. }) => false,
        (Origin::Remote { .. }, Origin::Local(_)) => source.size == 0,
        _ => true,
    }
}

/// The file and the object of a pair that has one of each.
fn file_and_object<'a>(a: &'a Item, b: &'a Item) -> Option<(&'a Path, &'a Item)> {
    match (&a.origin, &b.origin) {
        (Origin::Local(path), Origin::Remote { .. }) => Some((path, b)),
        (Origin::Remote { .. }, Origin::Local(path)) => Some((path, a)),
        _ => None,
    }
}

/// Whether a computed MD5 is that of the object; `None` where either is not known.
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
    fn an_object_with_content_is_no_directory_whatever_its_name() {
        let local = |name: &str| Item::local(name.into(), 0, name.into());
        let object = |name: &str, size| Item::remote(name.into(), size, "b".into(), name.into(), "e".into());
        assert!(is_directory(&local("d/"), &object("d/", 0)));
        assert!(is_directory(&local("d/"), &object("d/", 5)), "nothing here is its content");
        assert!(is_directory(&object("d/", 0), &local("d/")));
        assert!(!is_directory(&object("d/", 5), &local("d/")), "it cannot be stored, which is to be told");
        assert!(!is_directory(&object("d/", 5), &object("d/", 5)));
        assert!(!is_directory(&object("d", 5), &local("d")));
    }
}
