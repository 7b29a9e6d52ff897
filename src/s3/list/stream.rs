//! All pages of a listing as one stream, asked for one after the other or, where that pays, several at once.

use super::parallel::{self, From, Pages};
use super::sheet::{Walk, disordered};
use super::{ListOptions, Page, Sheet};
use crate::s3::client::Client;
use crate::s3::error::Result;
use futures::{Stream, StreamExt};
use std::time::{Duration, Instant};
use tokio::sync::mpsc::Sender;

/// Pages that come one after the other before several are asked for at once: most listings are over by then.
const SERIAL_PAGES: usize = 4;

/// What a page has to take at least for several to be asked for at once: the quickest of the first ones. A server that
/// answers sooner is near, and is better used by one request after the other.
const SLOW_PAGE: Duration = Duration::from_millis(5);

/// Common prefixes that are enough to cut a listing at.
const ENOUGH_PREFIXES: usize = 16;

/// Levels of directories that are looked into for common prefixes.
const LEVELS: usize = 3;

impl Client {
    /// All pages, the next one requested while the caller works on the last.
    pub fn list(
        &self,
        bucket: &str,
        options: ListOptions,
    ) -> impl Stream<Item = Result<Page>> + Send + 'static {
        self.list_sheets(bucket, options).map(|sheet| sheet.map(Sheet::into_page))
    }

    /// All pages as they came; a page is requested as soon as the one before it has named it, and with
    /// [`ListOptions::width`] several at once, which come in their order all the same.
    pub fn list_sheets(
        &self,
        bucket: &str,
        options: ListOptions,
    ) -> impl Stream<Item = Result<Sheet>> + Send + 'static {
        let (sender, receiver) = tokio::sync::mpsc::channel(1);
        let listing = Listing { client: self.clone(), bucket: bucket.to_owned(), options };
        // The task starts with the first poll, so that an unused stream sends nothing.
        let mut pending = Some(listing.run(sender));
        futures::stream::unfold(receiver, move |mut receiver| {
            if let Some(task) = pending.take() {
                tokio::spawn(task);
            }
            async move { receiver.recv().await.map(|sheet| (sheet, receiver)) }
        })
    }
}

/// What is listed, and where.
#[derive(Clone, Debug)]
struct Listing {
    client: Client,
    bucket: String,
    options: ListOptions,
}

impl Listing {
    /// Hands out all pages, one after the other; goes over to several at once where that is allowed and pays.
    async fn run(self, out: Sender<Result<Sheet>>) {
        let options = &self.options;
        let may_share = options.width > 1
            && options.delimiter.is_empty()
            && !options.unordered
            && options.page_size.is_none();
        let mut token: Option<String> = None;
        let (mut pages, mut quickest, mut last) = (0, Duration::MAX, String::new());
        let mut walk = Walk::new();
        loop {
            let asked = Instant::now();
            let sheet = self.client.list_sheet(&self.bucket, options, token.as_deref()).await;
            quickest = quickest.min(asked.elapsed());
            pages += 1;
            // Where the beginning of a page is the server's own secret, its keys alone show whether it leads on.
            let sheet = sheet.and_then(|sheet| {
                let after = Some(last.as_str()).filter(|last| !(last.is_empty() || options.unordered));
                if let Some(key) = after.and_then(|after| sheet.disorder(Some(after))) {
                    return Err(disordered(key));
                }
                sheet.next().map_or(Ok(()), |next| walk.step(&next.to_owned()))?;
                Ok(sheet)
            });
            let next = sheet.as_ref().ok().and_then(Sheet::next).map(str::to_owned);
            if let Ok(sheet) = &sheet
                && let Some(entry) = sheet.entries().next_back()
            {
                last = entry.key.to_owned();
            }
            if out.send(sheet).await.is_err() || next.is_none() {
                return;
            }
            if may_share && pages >= SERIAL_PAGES && quickest >= SLOW_PAGE && !last.is_empty() {
                let (prefix, width) = (options.prefix.clone(), options.width);
                log::debug!("listing in ranges: a page takes {} ms", quickest.as_millis());
                return parallel::list(self, &prefix, last, width, out).await;
            }
            token = next;
        }
    }
}

impl Pages for Listing {
    async fn page(&self, from: From) -> Result<Sheet> {
        match from {
            From::Token(token) => self.client.list_sheet(&self.bucket, &self.options, Some(&token)).await,
            From::Key(key) => {
                let options = ListOptions { start_after: Some(key), ..self.options.clone() };
                self.client.list_sheet(&self.bucket, &options, None).await
            }
        }
    }

    async fn hints(&self, after: String) -> Vec<String> {
        let mut found = Vec::new();
        let mut prefix = self.options.prefix.clone();
        for _ in 0..LEVELS {
            let options = ListOptions {
                delimiter: "/".to_owned(),
                prefix: prefix.clone(),
                start_after: Some(after.clone()),
                ..self.options.clone()
            };
            // Hints are only hints: without them cuts are guessed.
            let Ok(sheet) = self.client.list_sheet(&self.bucket, &options, None).await else { break };
            found.extend(sheet.prefixes().filter(|prefix| **prefix > *after).map(str::to_owned));
            if found.len() >= ENOUGH_PREFIXES {
                break;
            }
            // Further down in the directory that is being listed.
            let Some(rest) = after.strip_prefix(&prefix) else { break };
            let Some(slash) = rest.find('/') else { break };
            prefix.push_str(&rest[..=slash]);
        }
        found.sort_unstable();
        found.dedup();
        found
    }
}
