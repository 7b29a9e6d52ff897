//! Reading and copying the bytes of files, piece by piece.

use crate::model::error::{ErrorCode, S3Error, S3Result};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt;

/// Content is read, hashed and sent in pieces of this size, in bytes.
pub(crate) const PIECE: usize = 256 * 1024;

/// Reads a range of a file to a sink.
pub(crate) fn copy_range(
    file: &File,
    mut offset: u64,
    mut length: u64,
    mut sink: impl FnMut(&mut [u8]) -> io::Result<()>,
) -> S3Result<()> {
    let mut buffer = vec![0; PIECE];
    while length > 0 {
        let wanted = length.min(PIECE as u64) as usize;
        let read = file.read_at(&mut buffer[..wanted], offset)?;
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

/// Appends a range of a file to another; the kernel does it where it can (without a copy on some file systems). Returns
/// how much there was.
pub(super) fn append(mut from: &File, offset: u64, length: u64, mut to: &File) -> io::Result<u64> {
    from.seek(SeekFrom::Start(offset))?;
    io::copy(&mut from.take(length), &mut to)
}

/// Reads a file from its beginning to its end.
pub(super) fn read_all(file: &File, mut take: impl FnMut(&[u8])) -> io::Result<()> {
    let mut buffer = vec![0; PIECE];
    let mut offset = 0;
    loop {
        match file.read_at(&mut buffer, offset)? {
            0 => return Ok(()),
            read => {
                take(&buffer[..read]);
                offset += read as u64;
            }
        }
    }
}
