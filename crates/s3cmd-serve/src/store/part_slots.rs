//! Parts of an upload that are written where they will be in the object, so that completing it copies nothing.
//!
//! Most clients cut an object into parts of one size but the last. The first part that comes says which size; from then
//! on part `n` has the slot that begins at `(n - 1) * size` in a file that all share, and whose name says the size. A
//! part is written to its slot only if nobody ever was there and it fits; otherwise it gets a file of its own, as every
//! part does that is encrypted, that replaces another or whose length is not known beforehand. What is in a slot counts
//! only once the part has its entry in the upload's directory (see [`super::uploads`]), so a body that broke off left
//! nothing; with `fsync`, the file is synced before the entry is made, and the entry before the part is acknowledged.
//!
//! The file becomes the object only if every part of the upload is wanted, in its slot, and without a gap, while nobody
//! is writing to a slot, and nobody can begin to from that moment on. Otherwise the parts are put together in a new
//! file.

use super::dir::Dir;
use std::collections::{HashMap, HashSet};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// No slots for smaller parts, in bytes: only the last part can be that small.
const LEAST: u64 = 5 << 20;
/// No slot ends beyond this, in bytes. File systems have limits, and a hole is not free everywhere.
const FARTHEST: u64 = 8 << 40;
/// The shared file's name, but for the size of its slots.
const CONTENT: &str = "content-";

/// What is known of the uploads of a bucket that are under way.
#[derive(Clone, Debug, Default)]
pub(super) struct PartSlots(Arc<Mutex<HashMap<String, UploadSlots>>>);

#[derive(Debug, Default)]
struct UploadSlots {
    /// Whether the upload's directory was looked at, which may be older than this process.
    known: bool,
    /// Of a slot, in bytes; none yet.
    size: Option<u64>,
    /// Numbers of parts that have an entry, or are about to.
    present: HashSet<u32>,
    /// Slots that somebody writes to.
    busy: HashSet<u32>,
    /// The file is the object, or about to be.
    closed: bool,
}

/// The slot of a part that is being written. Dropped, it is given up.
#[derive(Debug)]
pub(super) struct PartSlot {
    slots: PartSlots,
    id: String,
    number: u32,
    /// Where it begins and ends, in bytes.
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

/// The shared file on its way to become the object. Dropped, slots can be taken again.
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

/// The name of the shared file with slots of a size.
pub(super) fn file_name(size: u64) -> String {
    format!("{CONTENT}{size}")
}

/// The size of slots that a name says, if it is a shared file's.
pub(super) fn size_of(name: &str) -> Option<u64> {
    name.strip_prefix(CONTENT)?.parse().ok().filter(|size| *size >= LEAST)
}

impl PartSlots {
    fn states(&self) -> MutexGuard<'_, HashMap<String, UploadSlots>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The slot for a part of a length, if it is to have one. `number_of` reads the number out of an entry's name.
    pub(super) fn take(
        &self,
        dir: &Dir,
        id: &str,
        number: u32,
        length: u64,
        number_of: impl Fn(&str) -> Option<u32>,
    ) -> io::Result<Option<PartSlot>> {
        let mut states = self.states();
        let state = states.entry(id.to_owned()).or_default();
        if !state.known {
            dir.each(|name, _| {
                let name = std::str::from_utf8(name).unwrap_or_default();
                state.size = state.size.or(size_of(name));
                state.present.extend(number_of(name));
                Ok(())
            })?;
            state.known = true;
        }
        let Some(size) = state.size.or((length >= LEAST).then_some(length)) else { return Ok(None) };
        let end = size.checked_mul(number.into()).filter(|end| *end <= FARTHEST);
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

    /// Notes that a part is to have an entry; whether there may be others of its number.
    pub(super) fn enter(&self, id: &str, number: u32) -> bool {
        let mut states = self.states();
        let state = states.entry(id.to_owned()).or_default();
        !state.present.insert(number) || !state.known
    }

    /// Lets nobody begin to write to a slot, if nobody is writing to one.
    pub(super) fn close(&self, id: &str) -> Option<ClosedSlots> {
        let mut states = self.states();
        let state = states.entry(id.to_owned()).or_default();
        if state.closed || !state.busy.is_empty() {
            return None;
        }
        state.closed = true;
        Some(ClosedSlots { slots: self.clone(), id: id.to_owned() })
    }

    /// Forgets an upload that is gone.
    pub(super) fn forget(&self, id: &str) {
        self.states().remove(id);
    }
}
