//! Slots: parts of a multipart upload are written at their final offset in a shared file, so that completing the upload
//! copies nothing.
//!
//! Most clients divide an object into parts of equal size, except for the last one. The first part that arrives
//! determines the slot size. From then on part `n` has the slot at `(n - 1) * size` in the shared file, whose name
//! contains the size. A part is written to its slot only if the slot was never used and the part fits. Otherwise the
//! part gets a separate file, as does every part that is encrypted, that replaces another part or whose length is not
//! known in advance. The content of a slot is valid only once the part has its entry in the upload's directory (see
//! [`super::uploads`]), so an interrupted request body has no effect. With `fsync`, the file is synced before the entry
//! is created, and the entry before the part is acknowledged.
//!
//! The shared file becomes the object only if the client completes the upload with all of its parts, every part is in
//! its slot, there are no gaps, and no slot is being written; from then on no slot can be taken. Otherwise the parts
//! are copied to a new file.

use super::dir::Dir;
use super::locks;
use std::collections::{HashMap, HashSet};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard};

/// The minimum slot size in bytes, which is S3's minimum part size: only the last part may be smaller.
const MIN_SIZE: u64 = 5 << 20;
/// The maximum end of a slot in bytes. File systems limit the size of files, and not all of them store holes for free.
const MAX_END: u64 = 8 << 40;
/// The name of the shared file without the slot size that follows.
const CONTENT_PREFIX: &str = "content-";

/// The slots of all uploads in progress in a bucket.
#[derive(Clone, Debug, Default)]
pub(super) struct PartSlots(Arc<Mutex<HashMap<String, UploadSlots>>>);

#[derive(Debug, Default)]
struct UploadSlots {
    /// Whether the upload's directory was read. An earlier process may have started the upload.
    loaded: bool,
    /// The slot size in bytes, once it is known.
    size: Option<u64>,
    /// Numbers of the parts that have an entry or are about to get one.
    present: HashSet<u32>,
    /// Numbers of the slots that are being written.
    busy: HashSet<u32>,
    /// Whether the shared file is the object, or about to become it.
    closed: bool,
}

/// The slot of a part that is being written; released on drop.
#[derive(Debug)]
pub(super) struct PartSlot {
    slots: PartSlots,
    id: String,
    number: u32,
    /// Start and end of the part in the shared file, in bytes.
    pub(super) start: u64,
    pub(super) end: u64,
    /// Name of the shared file.
    pub(super) file: String,
}

impl Drop for PartSlot {
    fn drop(&mut self) {
        if let Some(state) = self.slots.states().get_mut(&self.id) {
            state.busy.remove(&self.number);
        }
    }
}

/// Prevents slots from being taken while the shared file becomes the object; until it is dropped.
#[derive(Debug)]
pub(super) struct ClosedSlots {
    slots: PartSlots,
    id: String,
}

impl Drop for ClosedSlots {
    fn drop(&mut self) {
        if let Some(state) = self.slots.states().get_mut(&self.id) {
            state.closed = false;
        }
    }
}

/// The name of the shared file for a slot size.
pub(super) fn file_name(size: u64) -> String {
    format!("{CONTENT_PREFIX}{size}")
}

/// The slot size in a file name; `None` if it is not the name of a shared file.
pub(super) fn parse_file_name(name: &str) -> Option<u64> {
    name.strip_prefix(CONTENT_PREFIX)?.parse().ok().filter(|size| *size >= MIN_SIZE)
}

impl PartSlots {
    fn states(&self) -> MutexGuard<'_, HashMap<String, UploadSlots>> {
        locks::lock(&self.0)
    }

    /// Takes the slot of a part of `length` bytes; `None` if it cannot have one. `part_number` parses the part number
    /// in the name of an entry.
    pub(super) fn take(
        &self,
        dir: &Dir,
        id: &str,
        number: u32,
        length: u64,
        part_number: impl Fn(&str) -> Option<u32>,
    ) -> io::Result<Option<PartSlot>> {
        let mut states = self.states();
        let state = states.entry(id.to_owned()).or_default();
        if !state.loaded {
            dir.for_each_entry(|name, _| {
                let name = std::str::from_utf8(name).unwrap_or_default();
                state.size = state.size.or(parse_file_name(name));
                state.present.extend(part_number(name));
                Ok(())
            })?;
            state.loaded = true;
        }
        let Some(size) = state.size.or((length >= MIN_SIZE).then_some(length)) else { return Ok(None) };
        let end = size.checked_mul(number.into()).filter(|end| *end <= MAX_END);
        let Some(end) = end.filter(|_| length <= size && number > 0) else { return Ok(None) };
        if state.closed || state.present.contains(&number) || !state.busy.insert(number) {
            return Ok(None);
        }
        state.size = Some(size);
        let start = end - size;
        let slot = PartSlot {
            slots: self.clone(),
            id: id.to_owned(),
            number,
            start,
            end: start + length,
            file: file_name(size),
        };
        Ok(Some(slot))
    }

    /// Records that a part is about to get an entry; returns whether there may be another part with the same number.
    pub(super) fn mark_present(&self, id: &str, number: u32) -> bool {
        let mut states = self.states();
        let state = states.entry(id.to_owned()).or_default();
        !state.present.insert(number) || !state.loaded
    }

    /// Prevents slots from being taken; `None` if a slot is being written or they are closed already.
    pub(super) fn close(&self, id: &str) -> Option<ClosedSlots> {
        let mut states = self.states();
        let state = states.entry(id.to_owned()).or_default();
        if state.closed || !state.busy.is_empty() {
            return None;
        }
        state.closed = true;
        Some(ClosedSlots { slots: self.clone(), id: id.to_owned() })
    }

    /// Forgets an upload that was removed.
    pub(super) fn forget(&self, id: &str) {
        self.states().remove(id);
    }
}
