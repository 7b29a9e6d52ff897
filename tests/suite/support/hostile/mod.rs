//! A hostile S3 server: a small honest one in memory, and lies that a test adds to it.
//!
//! ```ignore
//! let server = Hostile::start();
//! server.object("b/dir/key", "content");              // an object from the beginning; makes the bucket
//! let t = server.world();                             // a `TestEnv` that talks to it, without retries
//! server.lie(Lie::instead(Op::Put, Answer::html()));  // a portal's page for every PUT of an object
//! t.s3cmd("put file s3://b/k").fails(70);
//! assert_eq!(server.keys(), ["b/dir/key"]);           // what it holds, and
//! assert_eq!(server.deleted(), [""; 0]);              // what it was asked to delete
//! ```
//!
//! A lie applies to one operation ([`Op`]) and is one of three kinds:
//! - [`Lie::instead`]: the store does nothing, and the response is this one;
//! - [`Lie::request`]: the request is changed before the store sees it (a byte flipped on the way, a header ignored);
//! - [`Lie::answer`]: the store acts, and its response is changed ([`Lie::text`]: the text of its body).
//!
//! [`Lie::of`], [`Lie::part`], [`Lie::times`] and [`Lie::after`] say when it applies. Lies apply in the order in which
//! they were added. Nothing checks signatures. Every request is recorded: [`Hostile::calls`], [`Hostile::count`].

mod listings;
mod store;
mod tests;
mod wire;

pub(crate) use wire::{Framing, Request};

use crate::support::env::TestEnv;
use crate::support::service::{Service, User};
use std::fmt;
use std::io::BufReader;
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use store::Store;

/// The names of documents, which are parameters without a value.
const DOCUMENTS: [&str; 18] = [
    "acl",
    "cors",
    "encryption",
    "legal-hold",
    "lifecycle",
    "location",
    "logging",
    "notification",
    "object-lock",
    "ownershipControls",
    "policy",
    "publicAccessBlock",
    "requestPayment",
    "restore",
    "retention",
    "tagging",
    "versioning",
    "website",
];

/// What a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Op {
    ListBuckets,
    /// Version 1 and 2 of the call.
    ListObjects,
    ListVersions,
    ListUploads,
    ListParts,
    HeadBucket,
    CreateBucket,
    DeleteBucket,
    Head,
    Get,
    Put,
    Copy,
    Delete,
    DeleteMany,
    CreateUpload,
    UploadPart,
    CopyPart,
    Complete,
    Abort,
    /// A document of a bucket or an object: `acl`, `policy`, `tagging`, ...
    GetDocument(&'static str),
    PutDocument(&'static str),
    DeleteDocument(&'static str),
    Unknown,
}

impl Op {
    fn of(request: &Request) -> Self {
        let has = |name: &str| request.param(name).is_some();
        let document = DOCUMENTS.into_iter().find(|name| has(name));
        let copies = request.header("x-amz-copy-source").is_some();
        match (request.method.as_str(), request.bucket.is_empty(), request.key.is_empty(), document) {
            ("GET", true, ..) => Op::ListBuckets,
            ("GET", _, _, Some(name)) => Op::GetDocument(name),
            ("PUT" | "POST", _, _, Some(name)) => Op::PutDocument(name),
            ("DELETE", _, _, Some(name)) => Op::DeleteDocument(name),
            ("GET", _, true, _) if has("versions") => Op::ListVersions,
            ("GET", _, true, _) if has("uploads") => Op::ListUploads,
            ("GET", _, true, _) => Op::ListObjects,
            ("GET", ..) if has("uploadId") => Op::ListParts,
            ("GET", ..) => Op::Get,
            ("HEAD", _, true, _) => Op::HeadBucket,
            ("HEAD", ..) => Op::Head,
            ("PUT", _, true, _) => Op::CreateBucket,
            ("PUT", ..) if has("uploadId") && copies => Op::CopyPart,
            ("PUT", ..) if has("uploadId") => Op::UploadPart,
            ("PUT", ..) if copies => Op::Copy,
            ("PUT", ..) => Op::Put,
            ("POST", ..) if has("delete") => Op::DeleteMany,
            ("POST", ..) if has("uploads") => Op::CreateUpload,
            ("POST", ..) if has("uploadId") => Op::Complete,
            ("DELETE", _, true, _) => Op::DeleteBucket,
            ("DELETE", ..) if has("uploadId") => Op::Abort,
            ("DELETE", ..) => Op::Delete,
            _ => Op::Unknown,
        }
    }
}

/// A response, true or not.
#[derive(Clone, Debug, Default)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    pub(crate) framing: Framing,
    /// Bytes of the body after which the connection ends.
    pub(crate) cut: Option<usize>,
}

impl Answer {
    pub(crate) fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self { status, body: body.into(), ..Self::default() }
    }

    pub(crate) fn empty(status: u16) -> Self {
        Self::new(status, "")
    }

    /// A document with this root.
    pub(crate) fn xml(root: &str, inner: &str) -> Self {
        let namespace = "http://s3.amazonaws.com/doc/2006-03-01/";
        let text = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<{root} xmlns=\"{namespace}\">{inner}</{root}>"
        );
        Self::new(200, text).header("Content-Type", "application/xml")
    }

    /// S3's error of this code.
    pub(crate) fn error(status: u16, code: &str) -> Self {
        let text = format!("<Error><Code>{code}</Code><Message>So it is.</Message></Error>");
        Self::new(status, text).header("Content-Type", "application/xml")
    }

    /// The page of a captive portal or of a wrong proxy.
    pub(crate) fn html() -> Self {
        let page = "<!DOCTYPE html>\n<html><head><title>Sign in</title></head><body><p>Welcome<br>guest</body></html>\n";
        Self::new(200, page).header("Content-Type", "text/html; charset=utf-8")
    }

    /// Adds a header.
    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Removes a header.
    pub(crate) fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(found, _)| !found.eq_ignore_ascii_case(name));
        self
    }

    /// Sets a header.
    pub(crate) fn with(self, name: &str, value: &str) -> Self {
        self.without(name).header(name, value)
    }

    /// Changes the body as text.
    pub(crate) fn edit(mut self, change: impl FnOnce(String) -> String) -> Self {
        self.body = change(String::from_utf8(self.body).expect("a text")).into_bytes();
        self
    }

    /// How the end of the body is marked.
    pub(crate) fn framed(mut self, framing: Framing) -> Self {
        self.framing = framing;
        self
    }
}

type Change<T> = Arc<dyn Fn(&Request, T) -> T + Send + Sync>;

#[derive(Clone)]
enum Deed {
    Instead(Answer),
    Request(Arc<dyn Fn(&mut Request) + Send + Sync>),
    Answer(Change<Answer>),
}

/// Something untrue that the server does for one operation.
#[derive(Clone)]
pub(crate) struct Lie {
    op: Op,
    key: Option<String>,
    part: Option<String>,
    after: usize,
    times: usize,
    deed: Deed,
}

impl fmt::Debug for Lie {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a lie of {:?}", self.op)
    }
}

impl Lie {
    fn new(op: Op, deed: Deed) -> Self {
        Self { op, key: None, part: None, after: 0, times: usize::MAX, deed }
    }

    /// The store does nothing; the response is this one.
    pub(crate) fn instead(op: Op, answer: Answer) -> Self {
        Self::new(op, Deed::Instead(answer))
    }

    /// The store sees a changed request.
    pub(crate) fn request(op: Op, change: impl Fn(&mut Request) + Send + Sync + 'static) -> Self {
        Self::new(op, Deed::Request(Arc::new(change)))
    }

    /// The store acts, and its response is changed.
    pub(crate) fn answer(
        op: Op,
        change: impl Fn(&Request, Answer) -> Answer + Send + Sync + 'static,
    ) -> Self {
        Self::new(op, Deed::Answer(Arc::new(change)))
    }

    /// The store acts, and the text of its response is changed.
    pub(crate) fn text(op: Op, change: impl Fn(String) -> String + Send + Sync + 'static) -> Self {
        Self::answer(op, move |_, answer| answer.edit(&change))
    }

    /// Only for this key.
    pub(crate) fn of(mut self, key: &str) -> Self {
        self.key = Some(key.to_owned());
        self
    }

    /// Only for this part.
    pub(crate) fn part(mut self, number: u32) -> Self {
        self.part = Some(number.to_string());
        self
    }

    /// Only that many times.
    pub(crate) fn times(mut self, times: usize) -> Self {
        self.times = times;
        self
    }

    /// Not the first that many times.
    pub(crate) fn after(mut self, requests: usize) -> Self {
        self.after = requests;
        self
    }

    /// Whether it applies to this request.
    fn holds(&mut self, op: Op, request: &Request) -> bool {
        let fits = self.op == op
            && self.key.as_deref().is_none_or(|key| key == request.key)
            && self.part.as_deref().is_none_or(|part| request.param("partNumber") == Some(part));
        if !fits || self.times == 0 {
            return false;
        }
        if self.after > 0 {
            self.after -= 1;
            return false;
        }
        self.times -= 1;
        true
    }
}

/// A request that was made.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) op: Op,
    /// The request; without its body if that is longer than 64 KiB.
    pub(crate) request: Request,
    /// Status of the response.
    pub(crate) status: u16,
}

/// The server. It ends with the test process.
#[derive(Clone, Debug)]
pub(crate) struct Hostile {
    port: u16,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    store: Mutex<Store>,
    lies: Mutex<Vec<Lie>>,
    calls: Mutex<Vec<Call>>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Hostile {
    /// Starts an empty, honest server on a free port.
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let (store, lies, calls) = (Mutex::new(Store::new()), Mutex::default(), Mutex::default());
        let server = Self { port, shared: Arc::new(Shared { store, lies, calls }) };
        let shared = server.shared.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().filter_map(Result::ok) {
                let shared = shared.clone();
                std::thread::spawn(move || serve(&shared, stream));
            }
        });
        server
    }

    /// A world on this server, in which the program does not retry.
    pub(crate) fn world(&self) -> TestEnv {
        self.world_with("max_retries = 0")
    }

    /// A world with more lines in its configuration.
    pub(crate) fn world_with(&self, lines: &str) -> TestEnv {
        let user = || User { access: "HOSTILEKEY".into(), secret: "hostileSecret".into() };
        let host = format!("localhost:{}", self.port);
        let t = TestEnv::on(&Service { host, main: user(), alt: user(), external: false, day: None });
        t.configure(lines);
        t
    }

    /// Most entries of a page of a listing.
    pub(crate) fn page_size(&self, entries: usize) -> &Self {
        locked(&self.shared.store).page_size = entries;
        self
    }

    /// Keeps old versions from now on.
    pub(crate) fn versioned(&self) -> &Self {
        locked(&self.shared.store).is_versioned = true;
        self
    }

    /// Makes a bucket.
    pub(crate) fn bucket(&self, name: &str) -> &Self {
        locked(&self.shared.store).buckets.entry(name.to_owned()).or_default();
        self
    }

    /// Stores an object, named `BUCKET/KEY`; its bucket is made if it does not exist.
    pub(crate) fn object(&self, path: &str, content: impl AsRef<[u8]>) -> &Self {
        self.object_with(path, content, &[])
    }

    /// Stores an object with headers, in lower case.
    pub(crate) fn object_with(
        &self,
        path: &str,
        content: impl AsRef<[u8]>,
        headers: &[(&str, &str)],
    ) -> &Self {
        let (bucket, key) = path.split_once('/').expect("BUCKET/KEY");
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        locked(&self.shared.store).put(bucket, key, Store::new_version(content.as_ref().to_vec(), headers));
        self
    }

    /// Starts a multipart upload without parts; returns its id.
    pub(crate) fn upload(&self, path: &str) -> String {
        let (bucket, key) = path.split_once('/').expect("BUCKET/KEY");
        let request = Request { bucket: bucket.to_owned(), key: key.to_owned(), ..Request::default() };
        let answer = locked(&self.shared.store).answer(Op::CreateUpload, &request);
        let text = String::from_utf8(answer.body).expect("a text");
        store::elements(&text, "UploadId").first().expect("the bucket is there").to_string()
    }

    /// Adds a lie.
    pub(crate) fn lie(&self, lie: Lie) -> &Self {
        locked(&self.shared.lies).push(lie);
        self
    }

    /// Makes it honest again, and forgets all calls.
    pub(crate) fn reform(&self) -> &Self {
        locked(&self.shared.lies).clear();
        locked(&self.shared.calls).clear();
        self
    }

    /// All objects as `BUCKET/KEY`, sorted.
    pub(crate) fn keys(&self) -> Vec<String> {
        let store = locked(&self.shared.store);
        let of_bucket = |(name, bucket): (&String, &store::Bucket)| -> Vec<String> {
            bucket.objects.keys().map(|key| format!("{name}/{key}")).collect()
        };
        store.buckets.iter().flat_map(of_bucket).collect()
    }

    /// The content of an object, named `BUCKET/KEY`.
    pub(crate) fn content(&self, path: &str) -> Option<Vec<u8>> {
        let (bucket, key) = path.split_once('/').expect("BUCKET/KEY");
        locked(&self.shared.store).get(bucket, key, None).map(|version| version.body.clone())
    }

    /// The ids of unfinished uploads.
    pub(crate) fn uploads(&self) -> Vec<String> {
        locked(&self.shared.store).uploads.keys().cloned().collect()
    }

    /// All requests so far.
    pub(crate) fn calls(&self) -> Vec<Call> {
        locked(&self.shared.calls).clone()
    }

    /// How many requests asked for this.
    pub(crate) fn count(&self, op: Op) -> usize {
        locked(&self.shared.calls).iter().filter(|call| call.op == op).count()
    }

    /// The keys whose deletion was asked for, one by one or in batches, in that order.
    pub(crate) fn deleted(&self) -> Vec<String> {
        let mut keys = Vec::new();
        for call in locked(&self.shared.calls).iter() {
            match call.op {
                Op::Delete => keys.push(call.request.key.clone()),
                Op::DeleteMany => {
                    let text = String::from_utf8_lossy(&call.request.body);
                    keys.extend(store::elements(&text, "Key").into_iter().map(str::to_owned));
                }
                _ => {}
            }
        }
        keys
    }
}

fn serve(shared: &Shared, stream: TcpStream) {
    let Ok(mut output) = stream.try_clone() else { return };
    let mut input = BufReader::new(stream);
    while let Some(request) = Request::read(&mut input) {
        let answer = answer(shared, &request);
        if !answer.write(&mut output, request.method == "HEAD") {
            // Unread data would turn the end of the connection into a reset.
            let _ = output.shutdown(std::net::Shutdown::Write);
            return;
        }
    }
}

fn answer(shared: &Shared, request: &Request) -> Answer {
    let op = Op::of(request);
    let deeds: Vec<Deed> = (locked(&shared.lies).iter_mut())
        .filter_map(|lie| lie.holds(op, request).then(|| lie.deed.clone()))
        .collect();
    let mut changed = request.clone();
    let mut instead = None;
    for deed in &deeds {
        match deed {
            Deed::Request(change) => change(&mut changed),
            Deed::Instead(answer) => instead = Some(answer.clone()),
            Deed::Answer(_) => {}
        }
    }
    let mut answer = match instead {
        Some(answer) => answer,
        // A change of the request may make it another operation for the store.
        None => locked(&shared.store).answer(Op::of(&changed), &changed),
    };
    for deed in &deeds {
        if let Deed::Answer(change) = deed {
            answer = change(request, answer);
        }
    }
    let mut request = request.clone();
    // The documents of deletions are kept, long contents are not.
    if request.body.len() > 64 << 10 && op != Op::DeleteMany {
        request.body.clear();
    }
    locked(&shared.calls).push(Call { op, request, status: answer.status });
    answer
}
