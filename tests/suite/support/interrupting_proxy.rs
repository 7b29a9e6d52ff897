//! A proxy that counts bytes and breaks connections, for transfers that are interrupted and run again.

use crate::support::bytes::bytes;
use crate::support::env::TestEnv;
use crate::support::run::Invocation;
use std::fs;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

pub(crate) const MIB: u64 = 1 << 20;

/// What the proxy does to the requests whose heads contain a text.
#[derive(Clone, Debug)]
pub(crate) enum Cut {
    /// Breaks the connection.
    Request(String),
    /// Lets the service act, and breaks the connection before the response.
    Answer(String),
}

/// A proxy that counts bytes and breaks connections.
#[derive(Clone, Debug, Default)]
pub(crate) struct Relay {
    sent: Arc<AtomicU64>,
    received: Arc<AtomicU64>,
    cut: Arc<Mutex<Option<Cut>>>,
}

impl Relay {
    /// Listens on a free port, which it returns. It ends with the test process.
    fn listen(&self, upstream: &str) -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let (relay, upstream) = (self.clone(), upstream.to_owned());
        std::thread::spawn(move || {
            for client in listener.incoming().filter_map(Result::ok) {
                let Ok(server) = TcpStream::connect(&upstream) else { continue };
                let mute = Arc::new(AtomicBool::new(false));
                for (client_sends, from, to) in [(true, &client, &server), (false, &server, &client)] {
                    let (Ok(from), Ok(to)) = (from.try_clone(), to.try_clone()) else { continue };
                    let (relay, mute) = (relay.clone(), mute.clone());
                    std::thread::spawn(move || relay.pass(from, to, client_sends, &mute));
                }
            }
        });
        port
    }

    fn pass(&self, mut from: TcpStream, mut to: TcpStream, client_sends: bool, mute: &AtomicBool) {
        let mut block = vec![0; 64 * 1024];
        while let Ok(count @ 1..) = from.read(&mut block) {
            if !client_sends && mute.load(Ordering::SeqCst) {
                break;
            }
            if client_sends {
                // A client waits for the response before its next request, so a head is at the beginning of a block.
                let has = |text: &str| block[..count].windows(text.len()).any(|part| part == text.as_bytes());
                match &*self.cut.lock().expect("no panic") {
                    Some(Cut::Request(text)) if has(text) => break,
                    Some(Cut::Answer(text)) if has(text) => mute.store(true, Ordering::SeqCst),
                    _ => {}
                }
            }
            let counter = if client_sends { &self.sent } else { &self.received };
            counter.fetch_add(count as u64, Ordering::SeqCst);
            if to.write_all(&block[..count]).is_err() {
                break;
            }
        }
        // The other direction ends with this one, or has ended already.
        let _ = from.shutdown(Shutdown::Both);
        let _ = to.shutdown(Shutdown::Both);
    }

    fn cut(&self, cut: Option<Cut>) {
        *self.cut.lock().expect("no panic") = cut;
    }

    /// MiB that were sent and received since the last call.
    pub(crate) fn moved(&self) -> (u64, u64) {
        (self.sent.swap(0, Ordering::SeqCst) / MIB, self.received.swap(0, Ordering::SeqCst) / MIB)
    }
}

/// A world whose connection to the service can be broken. One request at a time, parts of 5 MiB, no retries.
pub(crate) fn world() -> (TestEnv, Relay) {
    let t = TestEnv::with_bucket();
    let relay = Relay::default();
    let host = format!("localhost:{}", relay.listen(&t.service.host));
    let config = t.config_of(&t.service.main, &host).replace(&t.service.host, &host);
    t.write_config(".s3cfg", &config);
    t.configure("max_retries = 0\njobs = 1\nmultipart_chunk_size_mb = 5");
    (t, relay)
}

/// Content of that length without repetition.
pub(crate) fn content(length: u64) -> Vec<u8> {
    bytes(length as usize)
}

/// Runs it with a broken connection, which makes it fail; the connection works again afterwards.
pub(crate) fn broken(relay: &Relay, cut: Cut, call: Invocation) {
    relay.cut(Some(cut));
    call.fails(2);
    relay.cut(None);
    relay.moved();
}

pub(crate) fn states(t: &TestEnv) -> usize {
    fs::read_dir(t.home(".local/state/s3cmd/uploads")).map_or(0, Iterator::count)
}

pub(crate) fn uploads(t: &TestEnv) -> usize {
    t.s3cmd("multipart s3://BUCKET").ok().lines().len() - 2
}

/// Asserts that nothing is left but the object.
pub(crate) fn clean(t: &TestEnv) {
    assert_eq!((states(t), uploads(t)), (0, 0));
    let files = t.files("");
    assert!(!files.iter().any(|name| name.contains(".s3cmd.")), "{files:?}");
}

pub(crate) fn part(number: u32) -> Cut {
    Cut::Request(format!("partNumber={number}&"))
}
