//! The output of one of many concurrent items, held back until its turn.
//!
//! Items run concurrently, but their output has to be in order. Whatever is printed or logged inside [`ItemLog::scope`]
//! goes to the item's own log. [`ItemLog::go_live`], called when all earlier items have finished, writes the held
//! output and lets later output pass directly.

use super::progress::meter::Meter;
use super::terminal;
use std::future::Future;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

tokio::task_local! {
    static CURRENT: ItemLog;
}

/// The output of one item.
#[derive(Clone, Debug, Default)]
pub(crate) struct ItemLog(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    live: bool,
    held: Vec<Entry>,
    /// A meter that was started before the item was live.
    meter: Option<Arc<Meter>>,
    /// The first failure to write to standard output.
    write_error: Option<io::Error>,
}

#[derive(Debug)]
enum Entry {
    Out(Vec<u8>),
    Err(String),
}

impl ItemLog {
    /// Runs `work` with its output directed to this log.
    pub(crate) async fn scope<T>(&self, work: impl Future<Output = T>) -> T {
        CURRENT.scope(self.clone(), work).await
    }

    /// The log of the item that is running here, if any.
    pub(super) fn current() -> Option<ItemLog> {
        CURRENT.try_with(ItemLog::clone).ok()
    }

    /// Starts this item's turn: writes the held output; nothing is held from then on.
    pub(crate) fn go_live(&self) {
        let mut state = self.lock();
        state.live = true;
        for entry in std::mem::take(&mut state.held) {
            state.write(entry);
        }
        if let Some(meter) = state.meter.take() {
            meter.show();
        }
    }

    /// The first failure to write to standard output, once.
    pub(crate) fn take_error(&self) -> Option<io::Error> {
        self.lock().write_error.take().or_else(terminal::take_error)
    }

    pub(super) fn out(&self, bytes: Vec<u8>) {
        self.lock().push(Entry::Out(bytes));
    }

    pub(super) fn err(&self, line: String) {
        self.lock().push(Entry::Err(line));
    }

    /// Shows a meter now, or when the item's turn comes.
    pub(super) fn begin_meter(&self, meter: &Arc<Meter>) {
        let mut state = self.lock();
        if state.live {
            meter.show();
        } else {
            state.meter = Some(meter.clone());
        }
    }

    /// Ends a meter: in place if it is shown, else as the text that it would have left behind.
    pub(super) fn end_meter(&self, meter: &Arc<Meter>, word: &str) {
        let mut state = self.lock();
        if state.meter.take().is_some() {
            state.push(Entry::Out(meter.whole_text(word).into_bytes()));
        } else {
            meter.finish_shown(word);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn push(&mut self, entry: Entry) {
        if self.live {
            self.write(entry);
        } else {
            self.held.push(entry);
        }
    }

    fn write(&mut self, entry: Entry) {
        match entry {
            Entry::Out(bytes) => {
                if let Err(error) = terminal::out(&bytes) {
                    self.write_error.get_or_insert(error);
                }
            }
            Entry::Err(line) => terminal::err(&line),
        }
    }
}
