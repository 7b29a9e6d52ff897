//! How items are kept as bytes, in memory or in a temporary file: each with its length in front.

use std::io;

/// Something that can be written down and read back.
pub trait Record: Clone {
    /// Appends the item to `out`.
    fn write(&self, out: &mut Vec<u8>);

    /// Reads what [`Record::write`] wrote; `None` if it is something else.
    fn read(fields: &mut Fields<'_>) -> Option<Self>;
}

/// Writes an item with its length in front.
pub(in crate::transfer) fn append<T: Record>(item: &T, out: &mut Vec<u8>) {
    let start = out.len();
    out.extend_from_slice(&[0; 4]);
    item.write(out);
    let length = (out.len() - start - 4) as u32;
    out[start..start + 4].copy_from_slice(&length.to_le_bytes());
}

/// Reads the item at the beginning of `bytes` and says how long it is; `None` if it is not all there.
pub(in crate::transfer) fn take<T: Record>(bytes: &[u8]) -> io::Result<Option<(T, usize)>> {
    let Some((length, rest)) = bytes.split_first_chunk() else { return Ok(None) };
    let length = u32::from_le_bytes(*length) as usize;
    let Some(bytes) = rest.get(..length) else { return Ok(None) };
    Ok(Some((whole(bytes)?, length + 4)))
}

/// Reads an item that takes all of these bytes.
pub(in crate::transfer) fn whole<T: Record>(bytes: &[u8]) -> io::Result<T> {
    let mut fields = Fields(bytes);
    T::read(&mut fields).filter(|_| fields.0.is_empty()).ok_or_else(damaged)
}

/// The error of a file that holds something else than was written.
pub(in crate::transfer) fn damaged() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "the temporary file of the plan is damaged")
}

/// The fields of an item that is read.
#[derive(Debug)]
pub struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    /// The next number.
    pub fn number(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    /// The next bytes, so many of them as were written without their length.
    pub fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (array, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*array)
    }

    /// The next bytes.
    pub fn bytes(&mut self) -> Option<&'a [u8]> {
        let length = u32::from_le_bytes(self.array()?);
        let (bytes, rest) = self.0.split_at_checked(length as usize)?;
        self.0 = rest;
        Some(bytes)
    }

    /// The next text.
    pub fn text(&mut self) -> Option<&'a str> {
        std::str::from_utf8(self.bytes()?).ok()
    }
}

/// Writes a number.
pub fn put_number(out: &mut Vec<u8>, number: u64) {
    out.extend_from_slice(&number.to_le_bytes());
}

/// Writes bytes, of which there are less than 4 GiB.
pub fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
    out.extend_from_slice(bytes);
}

/// Names that are only to be shown.
impl Record for String {
    fn write(&self, out: &mut Vec<u8>) {
        put_bytes(out, self.as_bytes());
    }

    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        fields.text().map(str::to_owned)
    }
}
