//! The encoding of plan items as bytes, each prefixed with its length.

use std::io;

/// A value that can be encoded and decoded.
pub(crate) trait Record: Clone {
    /// Appends the encoded value to `out`.
    fn write(&self, out: &mut Vec<u8>);

    /// Decodes the output of [`Record::write`]. Returns `None` if the bytes are not a valid encoding.
    fn read(fields: &mut Fields<'_>) -> Option<Self>;
}

/// Appends an item with its length prefix.
pub(in crate::transfer) fn append<T: Record>(item: &T, out: &mut Vec<u8>) {
    let start = out.len();
    out.extend_from_slice(&[0; 4]);
    item.write(out);
    let length = (out.len() - start - 4) as u32;
    out[start..start + 4].copy_from_slice(&length.to_le_bytes());
}

/// Decodes the item at the beginning of `bytes` and returns it with its encoded length. `None` if `bytes` ends within
/// the item.
pub(in crate::transfer) fn take<T: Record>(bytes: &[u8]) -> io::Result<Option<(T, usize)>> {
    let Some((length, rest)) = bytes.split_first_chunk() else { return Ok(None) };
    let length = u32::from_le_bytes(*length) as usize;
    let Some(bytes) = rest.get(..length) else { return Ok(None) };
    Ok(Some((whole(bytes)?, length + 4)))
}

/// Decodes an item that occupies all of `bytes`.
pub(in crate::transfer) fn whole<T: Record>(bytes: &[u8]) -> io::Result<T> {
    let mut fields = Fields(bytes);
    T::read(&mut fields).filter(|_| fields.0.is_empty()).ok_or_else(damaged)
}

/// The error for an invalid encoding in the temporary file.
pub(in crate::transfer) fn damaged() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "the temporary file of the plan is damaged")
}

/// A reader over the fields of an encoded item.
#[derive(Debug)]
pub(crate) struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    /// Reads a number.
    pub(crate) fn number(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    /// Reads a fixed number of bytes, which were written without a length prefix.
    pub(crate) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (array, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*array)
    }

    /// Reads bytes with a length prefix.
    pub(crate) fn bytes(&mut self) -> Option<&'a [u8]> {
        let length = u32::from_le_bytes(self.array()?);
        let (bytes, rest) = self.0.split_at_checked(length as usize)?;
        self.0 = rest;
        Some(bytes)
    }

    /// Reads UTF-8 text with a length prefix.
    pub(crate) fn text(&mut self) -> Option<&'a str> {
        std::str::from_utf8(self.bytes()?).ok()
    }
}

/// Writes a number.
pub(crate) fn put_number(out: &mut Vec<u8>, number: u64) {
    out.extend_from_slice(&number.to_le_bytes());
}

/// Writes bytes with a length prefix. They must be shorter than 4 GiB.
pub(crate) fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
    out.extend_from_slice(bytes);
}

/// Names that are only printed.
impl Record for String {
    fn write(&self, out: &mut Vec<u8>) {
        put_bytes(out, self.as_bytes());
    }

    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        fields.text().map(str::to_owned)
    }
}
