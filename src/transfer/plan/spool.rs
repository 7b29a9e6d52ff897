//! An append-only list of records that moves to a temporary file once it is large.

use super::record::{Record, append, whole};
use crate::transfer::temporary;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::marker::PhantomData;
use tempfile::SpooledTempFile;

/// Bytes of one spool that are kept in memory.
const IN_MEMORY: usize = 4 << 20;

/// Size of the read and write buffers in bytes.
const BUFFER: usize = 64 << 10;

/// Records in the order in which they were added.
#[derive(Debug)]
pub(crate) struct Spool<T> {
    file: SpooledTempFile,
    pending: Vec<u8>,
    written: u64,
    count: u64,
    kind: PhantomData<fn(T) -> T>,
}

impl<T> Default for Spool<T> {
    fn default() -> Self {
        let file = SpooledTempFile::new(IN_MEMORY);
        Self { file, pending: Vec::new(), written: 0, count: 0, kind: PhantomData }
    }
}

impl<T: Record> Spool<T> {
    /// Adds a record. Returns its offset in bytes, for [`Spool::at`].
    pub(crate) fn push(&mut self, record: &T) -> io::Result<u64> {
        let place = self.written + self.pending.len() as u64;
        append(record, &mut self.pending);
        self.count += 1;
        if self.pending.len() >= BUFFER {
            self.write_out()?;
        }
        Ok(place)
    }

    /// The number of records.
    pub(crate) fn len(&self) -> u64 {
        self.count
    }

    /// Whether there are no records.
    pub(crate) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Reads the record at an offset that [`Spool::push`] returned.
    pub(crate) fn at(&mut self, place: u64) -> io::Result<T> {
        self.write_out()?;
        self.file.seek(SeekFrom::Start(place))?;
        let record = next(&mut self.file);
        self.file.seek(SeekFrom::End(0))?;
        record
    }

    /// Reads all records, from first to last.
    pub(crate) fn into_records(mut self) -> io::Result<Records<T>> {
        self.write_out()?;
        self.file.seek(SeekFrom::Start(0))?;
        Ok(Records {
            reader: io::BufReader::with_capacity(BUFFER, self.file),
            left: self.count,
            kind: PhantomData,
        })
    }

    /// Reads all records, from last to first.
    pub(crate) fn into_reversed(mut self) -> io::Result<impl Iterator<Item = io::Result<T>> + Send>
    where
        T: Send + 'static,
    {
        self.write_out()?;
        let mut places = Vec::with_capacity(self.count as usize);
        let mut place = 0;
        self.file.seek(SeekFrom::Start(0))?;
        let mut reader = io::BufReader::with_capacity(BUFFER, &mut self.file);
        for _ in 0..self.count {
            places.push(place);
            let mut length = [0; 4];
            reader.read_exact(&mut length)?;
            let length = u32::from_le_bytes(length);
            reader.seek_relative(i64::from(length))?;
            place += 4 + u64::from(length);
        }
        drop(reader);
        Ok(places.into_iter().rev().map(move |place| self.at(place)))
    }

    fn write_out(&mut self) -> io::Result<()> {
        self.file.write_all(&self.pending).map_err(|error| temporary::explained(&error))?;
        self.written += self.pending.len() as u64;
        self.pending.clear();
        Ok(())
    }
}

/// Iterates over the records of a spool.
#[derive(Debug)]
pub(crate) struct Records<T> {
    reader: io::BufReader<SpooledTempFile>,
    left: u64,
    kind: PhantomData<fn(T) -> T>,
}

impl<T: Record> Iterator for Records<T> {
    type Item = io::Result<T>;

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let record = next(&mut self.reader);
        if record.is_err() {
            self.left = 0;
        }
        Some(record)
    }
}

/// Reads the record at the current position.
fn next<T: Record>(from: &mut impl Read) -> io::Result<T> {
    let mut length = [0; 4];
    from.read_exact(&mut length)?;
    let mut bytes = vec![0; u32::from_le_bytes(length) as usize];
    from.read_exact(&mut bytes)?;
    whole(&bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_read_in_both_orders_and_by_offset() {
        let mut spool = Spool::default();
        // Enough to spill to the file.
        let names: Vec<String> = (0..60_000).map(|i| format!("{i}-{}", "x".repeat(100))).collect();
        let mut places: Vec<u64> = Vec::new();
        for name in &names {
            places.push(spool.push(name).unwrap());
        }
        assert_eq!(spool.len(), 60_000);
        assert_eq!(spool.at(places[777]).unwrap(), names[777]);
        let place = spool.push(&"last".to_owned()).unwrap();
        assert_eq!(spool.at(place).unwrap(), "last");
        let mut again = Spool::default();
        for name in &names {
            again.push(name).unwrap();
        }
        assert!(again.into_records().unwrap().map(Result::unwrap).eq(names.iter().cloned()));
        let mut reversed = spool.into_reversed().unwrap().map(Result::unwrap);
        assert_eq!(reversed.next().unwrap(), "last");
        assert!(reversed.eq(names.into_iter().rev()));
    }

    #[test]
    fn an_empty_spool_has_no_records() {
        assert_eq!(Spool::<String>::default().into_records().unwrap().count(), 0);
        assert!(Spool::<String>::default().is_empty());
    }
}
