//! One piece of a sorted list of names, as it is read and written.

/// Sorted names, each followed by a zero byte, which no name of a file has in it. Names of directories end in `/`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Page {
    bytes: Vec<u8>,
    /// Where each name ends.
    ends: Vec<u32>,
}

impl Page {
    /// Takes the bytes of a page.
    pub(super) fn new(bytes: Vec<u8>) -> Self {
        let ends = (0..).zip(&bytes).filter(|(_, byte)| **byte == 0).map(|(end, _)| end).collect();
        Self { bytes, ends }
    }

    /// A page of names that come in any order.
    pub(super) fn of(mut names: Vec<Vec<u8>>) -> Self {
        names.sort_unstable();
        let mut page = Self::default();
        for name in names {
            page.push(&name);
        }
        page
    }

    /// Appends a name, which comes after all others.
    pub(super) fn push(&mut self, name: &[u8]) {
        self.bytes.extend_from_slice(name);
        self.ends.push(self.bytes.len() as u32);
        self.bytes.push(0);
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// How many names there are.
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

    /// The first name for which this is false; it must be true of all names before it.
    fn partition(&self, is_before: impl Fn(&[u8]) -> bool) -> usize {
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

    /// The place of the first name whose keys can reach `rest`.
    pub(super) fn reaching(&self, rest: &[u8]) -> usize {
        self.partition(|name| !reaches(name, rest))
    }

    /// The place of the first name after this one.
    pub(super) fn after(&self, name: &[u8]) -> usize {
        self.partition(|other| other <= name)
    }
}

/// Whether a key of this name can be at `rest` or after it.
pub(super) fn reaches(name: &[u8], rest: &[u8]) -> bool {
    name >= rest || (name.ends_with(b"/") && rest.starts_with(name))
}
