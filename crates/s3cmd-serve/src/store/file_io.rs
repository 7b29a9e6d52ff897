//! Reading and copying file content in pieces.

use crate::model::error::{ErrorCode, S3Error, S3Result};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt;

/// The size in bytes of the pieces in which content is read, hashed and sent.
pub(crate) const PIECE: usize = 256 * 1024;

/// Passes a range of a file to `sink` in pieces.
///
/// # Errors
///
/// If the file ends before the range does.
pub(crate) fn copy_range(
    file: &File,
    mut offset: u64,
    mut length: u64,
    mut sink: impl FnMut(&mut [u8]) -> io::Result<()>,
) -> S3Result<()> {
    let mut buffer = vec![0; PIECE];
    while length > 0 {
        let size = length.min(PIECE as u64) as usize;
        let read = file.read_at(&mut buffer[..size], offset)?;
        if read == 0 {
            return Err(S3Error::new(
                ErrorCode::InternalError,
                "The object became shorter while it was read.",
            ));
        }
        sink(&mut buffer[..read])?;
        offset += read as u64;
        length -= read as u64;
    }
    Ok(())
}

/// Appends a range of a file to another file, in the kernel if possible (on some file systems without copying). Returns
/// the number of bytes appended.
pub(super) fn append(mut from: &File, offset: u64, length: u64, mut to: &File) -> io::Result<u64> {
    from.seek(SeekFrom::Start(offset))?;
    io::copy(&mut from.take(length), &mut to)
}

/// Passes a whole file to `sink` in pieces.
pub(super) fn read_all(file: &File, mut sink: impl FnMut(&[u8])) -> io::Result<()> {
    let mut buffer = vec![0; PIECE];
    let mut offset = 0;
    loop {
        match file.read_at(&mut buffer, offset)? {
            0 => return Ok(()),
            read => {
                sink(&buffer[..read]);
                offset += read as u64;
            }
        }
    }
}
