//! All pages of a listing as one stream, requested one after the other or, if that pays, concurrently.

use super::page::{CycleDetector, out_of_order};
use super::parallel::{self, PageSource, PageStart};
use super::{ListOptions, ListPage};
use crate::client::Client;
use crate::error::Result;
use futures::Stream;
use std::time::{Duration, Instant};
use tokio::sync::mpsc::Sender;

/// Number of pages that are requested one after the other first: most listings have ended by then.
const SERIAL_PAGES: usize = 4;

/// Minimum response time for concurrent requests to pay: the time of the fastest of the first pages. A server that
/// responds sooner is near, and listing it serially is better.
const SLOW_PAGE: Duration = Duration::from_millis(5);

/// Number of common prefixes that is enough for splitting a listing.
const ENOUGH_PREFIXES: usize = 16;

/// Number of directory levels that are searched for common prefixes.
const LEVELS: usize = 3;

impl Client {
    /// All pages, in order. Each page is requested as soon as the preceding one has named it; with
    /// [`ListOptions::width`], several are requested concurrently.
    pub fn list_pages(
        &self,
        bucket: &str,
        options: ListOptions,
    ) -> impl Stream<Item = Result<ListPage>> + Send + 'static {
        let (sender, receiver) = tokio::sync::mpsc::channel(1);
        let listing = Listing { client: self.clone(), bucket: bucket.to_owned(), options };
        // The task starts with the first poll, so that an unused stream sends no request.
        let mut pending = Some(listing.run(sender));
        futures::stream::unfold(receiver, move |mut receiver| {
            if let Some(task) = pending.take() {
                tokio::spawn(task);
            }
            async move { receiver.recv().await.map(|page| (page, receiver)) }
        })
    }
}

/// The parameters of a listing.
#[derive(Clone, Debug)]
struct Listing {
    client: Client,
    bucket: String,
    options: ListOptions,
}

impl Listing {
    /// Sends all pages in order. Switches to concurrent requests if that is allowed and pays.
    async fn run(self, out: Sender<Result<ListPage>>) {
        let options = &self.options;
        let may_share = options.width > 1
            && options.delimiter.is_empty()
            && !options.unordered
            && options.page_size.is_none();
        let mut token: Option<String> = None;
        let (mut pages, mut quickest, mut last) = (0, Duration::MAX, String::new());
        let mut walk = CycleDetector::new();
        loop {
            let requested = Instant::now();
            let page = self.client.list_page(&self.bucket, options, token.as_deref()).await;
            quickest = quickest.min(requested.elapsed());
            pages += 1;
            // If the token is opaque, only the keys show whether the listing advances.
            let page = page.and_then(|page| {
                let after = Some(last.as_str()).filter(|last| !(last.is_empty() || options.unordered));
                if let Some(key) = after.and_then(|after| page.disorder(Some(after))) {
                    return Err(out_of_order(key));
                }
                page.next().map_or(Ok(()), |next| walk.step(&next.to_owned()))?;
                Ok(page)
            });
            let next = page.as_ref().ok().and_then(ListPage::next).map(str::to_owned);
            if let Ok(page) = &page
                && let Some(entry) = page.entries().next_back()
            {
                last = entry.key.to_owned();
            }
            if out.send(page).await.is_err() || next.is_none() {
                return;
            }
            if may_share && pages >= SERIAL_PAGES && quickest >= SLOW_PAGE && !last.is_empty() {
                let (prefix, width) = (options.prefix.clone(), options.width);
                log::debug!("listing with concurrent requests: a page takes {} ms", quickest.as_millis());
                return parallel::list(self, &prefix, last, width, out).await;
            }
            token = next;
        }
    }
}

impl PageSource for Listing {
    async fn page(&self, from: PageStart) -> Result<ListPage> {
        match from {
            PageStart::Token(token) => self.client.list_page(&self.bucket, &self.options, Some(&token)).await,
            PageStart::Key(key) => {
                let options = ListOptions { start_after: Some(key), ..self.options.clone() };
                self.client.list_page(&self.bucket, &options, None).await
            }
        }
    }

    async fn known_prefixes(&self, after: String) -> Vec<String> {
        let mut found = Vec::new();
        let mut prefix = self.options.prefix.clone();
        for _ in 0..LEVELS {
            let options = ListOptions {
                delimiter: "/".to_owned(),
                prefix: prefix.clone(),
                start_after: Some(after.clone()),
                ..self.options.clone()
            };
            // The prefixes are only hints: without them, splits are guessed.
            let Ok(page) = self.client.list_page(&self.bucket, &options, None).await else { break };
            found.extend(page.prefixes().filter(|prefix| **prefix > *after).map(str::to_owned));
            if found.len() >= ENOUGH_PREFIXES {
                break;
            }
            // Descend in the directory that is being listed.
            let Some(rest) = after.strip_prefix(&prefix) else { break };
            let Some(slash) = rest.find('/') else { break };
            prefix.push_str(&rest[..=slash]);
        }
        found.sort_unstable();
        found.dedup();
        found
    }
}
