//! All pages of a listing as one stream, requested one after the other or, where that pays, several at once.

use super::page::{Walk, disordered};
use super::parallel::{self, PageSource, PageStart};
use super::{ListOptions, ListPage};
use crate::s3::client::Client;
use crate::s3::error::Result;
use futures::Stream;
use std::time::{Duration, Instant};
use tokio::sync::mpsc::Sender;

/// Pages that come one after the other before several are requested at once: most listings are over by then.
const SERIAL_PAGES: usize = 4;

/// What a page has to take at least for several to be requested at once: the quickest of the first ones. A server that
/// answers sooner is near, and is better used by one request after the other.
const SLOW_PAGE: Duration = Duration::from_millis(5);

/// Common prefixes that are enough to cut a listing at.
const ENOUGH_PREFIXES: usize = 16;

/// Levels of directories that are looked into for common prefixes.
const LEVELS: usize = 3;

impl Client {
    /// All pages; one is requested as soon as the one before it has named it, and with
    /// [`ListOptions::width`] several at once, which come in their order all the same.
    pub fn list_pages(
        &self,
        bucket: &str,
        options: ListOptions,
    ) -> impl Stream<Item = Result<ListPage>> + Send + 'static {
        let (sender, receiver) = tokio::sync::mpsc::channel(1);
        let listing = Listing { client: self.clone(), bucket: bucket.to_owned(), options };
        // The task starts with the first poll, so that an unused stream sends nothing.
        let mut pending = Some(listing.run(sender));
        futures::stream::unfold(receiver, move |mut receiver| {
            if let Some(task) = pending.take() {
                tokio::spawn(task);
            }
            async move { receiver.recv().await.map(|page| (page, receiver)) }
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
    async fn run(self, out: Sender<Result<ListPage>>) {
        let options = &self.options;
        let may_share = options.width > 1
            && options.delimiter.is_empty()
            && !options.unordered
            && options.page_size.is_none();
        let mut token: Option<String> = None;
        let (mut pages, mut quickest, mut last) = (0, Duration::MAX, String::new());
        let mut walk = Walk::new();
        loop {
            let requested = Instant::now();
            let page = self.client.list_page(&self.bucket, options, token.as_deref()).await;
            quickest = quickest.min(requested.elapsed());
            pages += 1;
            // Where the beginning of a page is the server's own secret, its keys alone show whether it leads on.
            let page = page.and_then(|page| {
                let after = Some(last.as_str()).filter(|last| !(last.is_empty() || options.unordered));
                if let Some(key) = after.and_then(|after| page.disorder(Some(after))) {
                    return Err(disordered(key));
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
                log::debug!("listing in ranges: a page takes {} ms", quickest.as_millis());
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
            // Prefixes are only known_prefixes: without them cuts are guessed.
            let Ok(page) = self.client.list_page(&self.bucket, &options, None).await else { break };
            found.extend(page.prefixes().filter(|prefix| **prefix > *after).map(str::to_owned));
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
