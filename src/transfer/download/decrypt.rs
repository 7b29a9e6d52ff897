//! Downloads an object that was encrypted with GPG: it is received and verified completely, decrypted, and only then
//! moved to its target. A failure leaves nothing at the target.

use super::finish::{Finish, Made};
use super::object::Remote;
use super::sink::{end_stdout, end_through};
use super::{Received, Target, Work, ranges};
use crate::files;
use crate::transfer::gpg::{Gpg, PrivateDir};
use s3cmd_client::Result;
use s3cmd_client::http::request::Response;
use std::fs::File;
use std::io;
use std::path::Path;

impl Work<'_> {
    /// Fetches and decrypts the object. `response` is the response to a GET of the whole object, if one was made.
    pub(super) async fn decrypted(
        &self,
        gpg: &Gpg,
        object: &Remote,
        response: Option<Response>,
    ) -> Result<Received> {
        gpg.check()?;
        let directory = PrivateDir::next_to(self.target)?;
        let path = directory.encrypted();
        let target = Target::File(path.clone());
        // The encrypted file is private to this run, so failures to set its attributes do not matter.
        let without_attributes = Finish { indifferent: true, ..Finish::default() };
        let work = Work {
            target: &target,
            resume: false,
            gpg: None,
            known: self.known.clone(),
            finish: &without_attributes,
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
        gpg.decrypt(&directory).await?;
        let (plain, target, object) = (directory.plain(), self.target.clone(), object.clone());
        let finish = self.finish.clone();
        let size = tokio::task::spawn_blocking(move || place(&plain, &target, &object, &finish)).await;
        Ok(Received { size: size.map_err(io::Error::other)??, md5: None, ..received })
    }
}

/// Moves the plain content to the target. Returns its size in bytes.
fn place(plain: &Path, target: &Target, object: &Remote, finish: &Finish) -> io::Result<u64> {
    let mut file = File::open(plain)?;
    let size = file.metadata()?.len();
    match target {
        Target::File(path) => {
            // Only `get` decrypts, and it does not restore stored attributes.
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
