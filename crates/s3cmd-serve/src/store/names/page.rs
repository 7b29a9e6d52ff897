//! A page: a piece of a sorted list of names, the unit of reads and writes.

/// Sorted names, each followed by a zero byte, which no file name contains. Names of directories end in `/`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Page {
    bytes: Vec<u8>,
    /// The offset of the end of each name.
    ends: Vec<u32>,
}

impl Page {
    /// Parses the bytes of a page.
    pub(super) fn new(bytes: Vec<u8>) -> Self {
        let ends = (0..).zip(&bytes).filter(|(_, byte)| **byte == 0).map(|(end, _)| end).collect();
        Self { bytes, ends }
    }

    /// A page of names in any order.
    pub(super) fn from_unsorted(mut names: Vec<Vec<u8>>) -> Self {
        names.sort_unstable();
        let mut page = Self::default();
        for name in names {
            page.push(&name);
        }
        page
    }

    /// Appends a name, which must be greater than all others.
    pub(super) fn push(&mut self, name: &[u8]) {
        self.bytes.extend_from_slice(name);
        self.ends.push(self.bytes.len() as u32);
        self.bytes.push(0);
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The number of names.
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(super) fn get(&self, index: usize) -> Option<&[u8]> {
        let end = *self.ends.get(index)? as usize;
        let start = if index == 0 { 0 } else { self.ends[index - 1] as usize + 1 };
        Some(&self.bytes[start..end])
    }

    pub(super) fn last(&self) -> Option<&[u8]> {
        self.len().checked_sub(1).and_then(|last| self.get(last))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &[u8]> {
        (0..self.len()).filter_map(|index| self.get(index))
    }

    /// The index of the first name for which `is_before` is false; it must be true for all names before.
    fn partition_point(&self, is_before: impl Fn(&[u8]) -> bool) -> usize {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = usize::midpoint(low, high);
            if self.get(middle).is_some_and(&is_before) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }

    /// The index of the first name for which [`may_reach`] is true.
    pub(super) fn reaching(&self, target: &[u8]) -> usize {
        self.partition_point(|name| !may_reach(name, target))
    }

    /// The index of the first name after `name`.
    pub(super) fn after(&self, name: &[u8]) -> usize {
        self.partition_point(|other| other <= name)
    }
}

/// Whether a name, or a path below it if it is a directory, can be equal to or greater than the path `target`.
pub(super) fn may_reach(name: &[u8], target: &[u8]) -> bool {
    name >= target || (name.ends_with(b"/") && target.starts_with(name))
}
