//! An object that GPG encrypted before it was stored: received whole and verified, decrypted, and only then given to its
//! target. A failure leaves nothing there.

use super::finish::{Finish, Made};
use super::object::Remote;
use super::sink::{end_stdout, end_through};
use super::{Received, Target, Work, ranges};
use crate::files;
use crate::s3::Result;
use crate::s3::request::Response;
use crate::transfer::gpg::{Gpg, PrivateDir};
use std::fs::File;
use std::io;
use std::path::Path;

impl Work<'_> {
    /// Fetches and decrypts the object; `response` is the answer to a request for all of it, where one was made.
    pub(super) async fn opened(
        &self,
        gpg: &Gpg,
        object: &Remote,
        response: Option<Response>,
    ) -> Result<Received> {
        gpg.check()?;
        let room = PrivateDir::beside(self.target)?;
        let path = room.sealed();
        let target = Target::File(path.clone());
        // Nobody sees what comes before the decryption: its attributes are nobody's loss.
        let plainly = Finish { indifferent: true, ..Finish::default() };
        let work = Work {
            target: &target,
            resume: false,
            gpg: None,
            known: self.known.clone(),
            finish: &plainly,
            ..*self
        };
        let by_ranges = match &response {
            None if object.size >= ranges::LARGE => work.by_ranges(object, &path, false).await?,
            _ => None,
        };
        let received = match by_ranges {
            Some(received) => received,
            None => work.in_order(object, response, None).await?,
        };
        gpg.open(&room).await?;
        let (plain, target, object) = (room.plain(), self.target.clone(), object.clone());
        let finish = self.finish.clone();
        let size = tokio::task::spawn_blocking(move || place(&plain, &target, &object, &finish)).await;
        Ok(Received { size: size.map_err(io::Error::other)??, md5: None, ..received })
    }
}

/// Gives the plain content to the target; returns its size in bytes.
fn place(plain: &Path, target: &Target, object: &Remote, finish: &Finish) -> io::Result<u64> {
    let mut file = File::open(plain)?;
    let size = file.metadata()?.len();
    match target {
        Target::File(path) => {
            // Stored attributes are not given back by `get`, which alone decrypts.
            finish.attributes(&file, path, object, Made::private(path));
            finish.settle(&file)?;
            std::fs::rename(plain, path)?;
            finish.name(path)?;
        }
        Target::Through(path) => {
            let mut output = std::fs::OpenOptions::new().write(true).open(path)?;
            io::copy(&mut file, &mut output)?;
            end_through(&output)?;
            files::close(output)?;
        }
        Target::Stdout => {
            io::copy(&mut file, &mut io::stdout().lock())?;
            end_stdout(finish)?;
        }
        Target::Nowhere => {}
    }
    Ok(size)
}
