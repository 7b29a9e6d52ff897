//! CloudFront: the seven commands and `sync --cf-invalidate`, against a stub of the service's API of 2020-05-31.

use crate::support::env::TestEnv;
use crate::support::stub::{listen, request};
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex};

/// The state of the stub.
#[derive(Default)]
struct Model {
    /// By id: the configuration as it was sent, and its version.
    distributions: BTreeMap<String, (String, u32)>,
    /// Of each invalidation: the distribution, and the paths.
    invalidations: Vec<(String, Vec<String>)>,
    /// Rejects invalidations as a busy service does.
    busy: bool,
}

/// The text between the first two of such tags.
fn between<'a>(text: &'a str, tag: &str) -> &'a str {
    let Some((_, rest)) = text.split_once(&format!("<{tag}>")) else { return "" };
    rest.split_once(&format!("</{tag}>")).map_or("", |(inner, _)| inner)
}

fn refusal(status: &str, code: &str) -> (String, String, String) {
    let body = format!(
        "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>No.</Message></Error></ErrorResponse>"
    );
    (status.to_owned(), String::new(), body)
}

impl Model {
    fn answer(&mut self, head: &str, body: &str) -> (String, String, String) {
        let line: Vec<&str> = head.split_whitespace().collect();
        let (path, query) = line[1].split_once('?').unwrap_or((line[1], ""));
        let matching = head.lines().find_map(|line| line.strip_prefix("if-match: ")).unwrap_or("");
        if !head.contains("/us-east-1/cloudfront/aws4_request") {
            return refusal("403 Forbidden", "SignatureDoesNotMatch");
        }
        let parts: Vec<&str> = path.split('/').skip(1).collect();
        let Some(("2020-05-31", parts)) = parts.split_first().map(|(first, rest)| (*first, rest)) else {
            return refusal("404 Not Found", "NoSuchVersion");
        };
        let ok = |etag: String, body: String| ("200 OK".to_owned(), etag, body);
        match (line[0], parts) {
            ("GET", ["distribution"]) => ok(String::new(), self.list(query)),
            ("POST", ["distribution"]) => {
                let reference = between(body, "CallerReference");
                let known = |(config, _): &(String, u32)| between(config, "CallerReference") == reference;
                if self.distributions.values().any(known) {
                    return refusal("409 Conflict", "DistributionAlreadyExists");
                }
                let id = format!("E{}", self.distributions.len() + 1);
                self.distributions.insert(id.clone(), (body.to_owned(), 1));
                ok("V1".to_owned(), self.one(&id))
            }
            (method, ["distribution", id, rest @ ..]) => {
                let Some((config, version)) = self.distributions.get_mut(*id) else {
                    return refusal("404 Not Found", "NoSuchDistribution");
                };
                let etag = format!("V{version}");
                match (method, rest) {
                    ("GET", []) => ok(etag, self.one(id)),
                    ("GET", ["config"]) => ok(etag, config.clone()),
                    ("PUT" | "DELETE", _) if matching != etag => {
                        refusal("412 Precondition Failed", "PreconditionFailed")
                    }
                    ("PUT", ["config"]) => {
                        *config = body.to_owned();
                        *version += 1;
                        ok(format!("V{version}"), self.one(id))
                    }
                    // The one of the logs comes before it.
                    ("DELETE", [])
                        if config.rsplit("<Enabled>").next().is_some_and(|rest| rest.starts_with("true")) =>
                    {
                        refusal("409 Conflict", "DistributionNotDisabled")
                    }
                    ("DELETE", []) => {
                        self.distributions.remove(*id);
                        ("204 No Content".to_owned(), String::new(), String::new())
                    }
                    ("POST", ["invalidation"]) => self.invalidate(id, body),
                    ("GET", ["invalidation"]) => {
                        let of = |(_, (of, _)): &(usize, &(String, Vec<String>))| of == id;
                        let found = self.invalidations.iter().enumerate().filter(of);
                        let items: String = found
                            .map(|(at, _)| {
                                format!("<InvalidationSummary><Id>I{at}</Id></InvalidationSummary>")
                            })
                            .collect();
                        ok(
                            String::new(),
                            format!(
                                "<InvalidationList><IsTruncated>false</IsTruncated><Items>{items}</Items></InvalidationList>"
                            ),
                        )
                    }
                    ("GET", ["invalidation", invalidation]) => {
                        let at: usize = invalidation[1..].parse().expect("a number");
                        ok(String::new(), self.invalidation(at))
                    }
                    _ => refusal("405 Method Not Allowed", "MethodNotAllowed"),
                }
            }
            _ => refusal("404 Not Found", "NoSuchResource"),
        }
    }

    /// Two distributions per page.
    fn list(&self, query: &str) -> String {
        let after = query.strip_prefix("Marker=").unwrap_or("");
        let mut rest = self.distributions.iter().filter(|(id, _)| id.as_str() > after);
        let page: Vec<_> = rest.by_ref().take(2).collect();
        let more = rest.next().is_some();
        let items: String = page
            .iter()
            .map(|(id, (config, _))| {
                let inner = between(config, "CallerReference");
                let inner = config.split_once(&format!("{inner}</CallerReference>")).map_or("", |(_, rest)| rest);
                let inner = inner.replace("</DistributionConfig>", "");
                format!("<DistributionSummary><Id>{id}</Id><Status>Deployed</Status><DomainName>{id}.cloudfront.example</DomainName>{inner}</DistributionSummary>")
            })
            .collect();
        let next = page
            .last()
            .filter(|_| more)
            .map_or(String::new(), |(id, _)| format!("<NextMarker>{id}</NextMarker>"));
        format!(
            "<DistributionList>{next}<IsTruncated>{more}</IsTruncated><Items>{items}</Items></DistributionList>"
        )
    }

    fn one(&self, id: &str) -> String {
        let config = &self.distributions[id].0;
        let config = config.split_once("?>").map_or(config.as_str(), |(_, rest)| rest);
        format!(
            "<Distribution><Id>{id}</Id><Status>Deployed</Status><DomainName>{id}.cloudfront.example</DomainName>{config}</Distribution>"
        )
    }

    /// As strict about paths as the service.
    fn invalidate(&mut self, id: &str, body: &str) -> (String, String, String) {
        let paths: Vec<String> = body
            .split("<Path>")
            .skip(1)
            .map(|rest| rest.split("</Path>").next().expect("an end").to_owned())
            .collect();
        let bad = |path: &String| {
            !path.starts_with('/') || path.contains(|c: char| !c.is_ascii_graphic() || c == '~')
        };
        if paths.iter().any(bad) || between(body, "Quantity") != paths.len().to_string() {
            return refusal("400 Bad Request", "InvalidArgument");
        }
        if self.busy || paths.len() > 3000 {
            return refusal("400 Bad Request", "TooManyInvalidationsInProgress");
        }
        self.invalidations.push((id.to_owned(), paths));
        ("201 Created".to_owned(), String::new(), self.invalidation(self.invalidations.len() - 1))
    }

    fn invalidation(&self, at: usize) -> String {
        let paths: String =
            self.invalidations[at].1.iter().map(|path| format!("<Path>{path}</Path>")).collect();
        format!(
            "<Invalidation><Id>I{at}</Id><Status>Completed</Status><CreateTime>2024-01-02T03:04:05.000Z</CreateTime><InvalidationBatch><Paths><Items>{paths}</Items></Paths><CallerReference>REF</CallerReference></InvalidationBatch></Invalidation>"
        )
    }
}

fn serve(model: &Mutex<Model>, stream: &mut TcpStream) {
    let head = request(stream);
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; length.map_or(0, |length| length.parse().expect("a length"))];
    if head.is_empty() || stream.read_exact(&mut body).is_err() {
        return;
    }
    let body = String::from_utf8(body).expect("text");
    let (status, etag, answer) = model.lock().expect("a healthy model").answer(&head, &body);
    let length = answer.len();
    // The client may close the connection.
    let _ = write!(
        stream,
        "HTTP/1.1 {status}\r\nETag: {etag}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{answer}"
    );
}

/// A world with a bucket and a stub of CloudFront.
fn world() -> (TestEnv, Arc<Mutex<Model>>) {
    let t = TestEnv::with_bucket();
    let model = Arc::new(Mutex::new(Model::default()));
    let shared = model.clone();
    let port = listen(move |mut stream| serve(&shared, &mut stream));
    t.configure(&format!("cloudfront_host = 127.0.0.1:{port}\nmax_retries = 0"));
    (t, model)
}

fn paths(model: &Mutex<Model>) -> Vec<String> {
    let mut model = model.lock().expect("a healthy model");
    let mut paths: Vec<String> = model.invalidations.drain(..).flat_map(|(_, paths)| paths).collect();
    paths.sort();
    paths
}

#[test]
fn a_distribution_is_made_described_changed_and_deleted() {
    let (t, model) = world();
    t.s3cmd("cflist").ok().prints("");
    let created = "
        |Distribution created:
        |Origin:         s3://BUCKET/
        |DistId:         cf://E1
        |DomainName:     E1.cloudfront.example
        |CNAMEs:         www.example.com
        |Comment:        mine & yours
        |Status:         Deployed
        |Enabled:        True
        |DefaultRootObject: index.html
        |Etag:           V1";
    t.s3cmd("cfcreate s3://BUCKET --cf-add-cname=www.example.com --cf-comment='mine & yours' --cf-default-root-object=index.html --access-logging-target-prefix=s3://some-logs/here/")
        .ok()
        .prints(created);
    t.s3cmd("cflist").ok().prints(
        "
        |Origin:         s3://BUCKET/
        |DistId:         cf://E1
        |DomainName:     E1.cloudfront.example
        |CNAMEs:         www.example.com
        |Status:         Deployed
        |Enabled:        True
        |",
    );
    // Unknown elements have to survive a change.
    let unknown = "<Enabled>true</Enabled><Novelty a=\"1\"><Inner>x &amp; y</Inner></Novelty>";
    {
        let mut model = model.lock().unwrap();
        let config = &mut model.distributions.get_mut("E1").unwrap().0;
        *config = config.replace("<Enabled>true</Enabled></Dist", &format!("{unknown}</Dist"));
        assert!(config.contains(unknown), "{config}");
    }
    t.s3cmd("cfmodify cf://E1 -n --disable")
        .run()
        .complains("WARNING: Exiting now because of --dry-run")
        .prints("");
    t.s3cmd("cfmodify s3://BUCKET --disable --cf-remove-cname=www.example.com --no-access-logging")
        .ok()
        .prints(
            "
        |Distribution modified: cf://E1
        |Origin:         s3://BUCKET/
        |DistId:         cf://E1
        |DomainName:     E1.cloudfront.example
        |Status:         Deployed
        |CNAMEs:         
        |Comment:        mine & yours
        |Enabled:        False
        |DefaultRootObject: index.html
        |Etag:           V2",
        );
    let config = model.lock().unwrap().distributions["E1"].0.clone();
    assert!(config.contains(&unknown.replace("<Enabled>true", "<Enabled>false")), "{config}");
    t.s3cmd("cfinfo cf://E1").ok().prints(
        "
        |Origin:         s3://BUCKET/
        |DistId:         cf://E1
        |DomainName:     E1.cloudfront.example
        |CNAMEs:         
        |Status:         Deployed
        |Comment:        mine & yours
        |Enabled:        False
        |DfltRootObject: index.html
        |Logging:        Disabled
        |Etag:           V2",
    );
    t.s3cmd("cfmodify cf://E1 --enable --access-logging-target-prefix=s3://some-logs/there/").ok();
    t.s3cmd("cfinfo s3://BUCKET").ok().mentions("\nLogging:        s3://some-logs/there/\n");
    t.s3cmd("cfcreate s3://BUCKET").fails(13).explains("ERROR: S3 error: 409 (DistributionAlreadyExists)\n");
    t.s3cmd("cfdelete cf://E1").ok().prints("Distribution cf://E1 deleted");
    assert!(model.lock().unwrap().distributions.is_empty());
}

#[test]
fn objects_are_invalidated_by_their_encoded_paths() {
    let (t, model) = world();
    t.s3cmd("cfcreate s3://BUCKET").ok();
    t.s3cmd("cfinval")
        .arg(t.normaliser.fill("s3://BUCKET/a b~ö%.txt"))
        .arg(t.normaliser.fill("s3://BUCKET/d/"))
        .ok()
        .prints(
            "
        |URI:            s3://BUCKET/
        |DistId:         E1
        |Nr of paths:    2
        |Status:         Created
        |RequestId:      I0
        |Info:           Check progress with: s3cmd cfinvalinfo cf://E1/I0",
        );
    let shown = "
        |URI:            cf://E1/I0
        |Status:         Completed
        |Created:        2024-01-02T03:04:05.000Z
        |Nr of paths:    2
        |Reference:      REF
        |";
    t.s3cmd("cfinvalinfo cf://E1/I0").ok().prints(shown);
    t.s3cmd("cfinvalinfo cf://E1").ok().prints(shown);
    assert_eq!(paths(&model), ["/a%20b%7E%C3%B6%25.txt", "/d/*"]);
    t.s3cmd("cfinval s3://BUCKET").ok().mentions("Nr of paths:    1\n");
    assert_eq!(paths(&model), ["/*"]);
    t.s3cmd("cfinval -n s3://BUCKET \"s3://BUCKET/it's\"")
        .run()
        .prints("[--dry-run] Would invalidate ['s3://BUCKET/*', \"s3://BUCKET/it's\"]")
        .complains("WARNING: Exiting now because of --dry-run");
    assert_eq!(paths(&model), Vec::<String>::new());
}

#[test]
fn more_than_a_thousand_paths_are_several_invalidations() {
    let (t, model) = world();
    t.s3cmd("cfcreate s3://BUCKET").ok();
    let mut call = t.s3cmd("cfinval");
    for number in 0..2001 {
        call = call.arg(t.normaliser.fill(&format!("s3://BUCKET/{number:04}")));
    }
    let run = call.ok();
    let counts: Vec<&str> = run.lines().into_iter().filter(|line| line.starts_with("Nr of paths")).collect();
    assert_eq!(counts, ["Nr of paths:    1000", "Nr of paths:    1000", "Nr of paths:    1"]);
    assert_eq!(paths(&model).len(), 2001);
}

#[test]
fn sync_invalidates_what_it_wrote() {
    let (t, model) = world();
    t.s3cmd("cfcreate s3://BUCKET").ok();
    t.file("site/index.html", "one\n");
    t.file("site/sub/index.html", "one\n");
    t.file("site/sub/ä.txt", "two\n");
    let last =
        "\nCreated invalidation request for 3 paths\nCheck progress with: s3cmd cfinvalinfo cf://E1/I0\n";
    t.s3cmd("sync --cf-invalidate site/ s3://BUCKET/pre/").ok().mentions(last);
    assert_eq!(paths(&model), ["/pre/index.html", "/pre/sub/%C3%A4.txt", "/pre/sub/index.html"]);
    // Without writes there are no invalidations.
    t.s3cmd("-v sync --cf-invalidate site/ s3://BUCKET/pre/")
        .run()
        .explains("INFO: Nothing to invalidate in CloudFront\n");
    assert_eq!(paths(&model), Vec::<String>::new());
    t.file("site/sub/ä.txt", "three\n");
    t.s3cmd("sync --cf-invalidate site/ s3://BUCKET/pre/").ok().mentions("request for 1 paths\n");
    assert_eq!(paths(&model), ["/pre/sub/%C3%A4.txt"]);
    t.s3cmd("sync --cf-invalidate --add-destination=s3://BUCKET/b/ site/ s3://BUCKET/c/")
        .fails(64)
        .prints("")
        .complains("ERROR: You cannot use both --cf-invalidate and --add-destination.");
}

#[test]
fn index_documents_are_invalidated_as_directories() {
    if !crate::support::skip::on_serve("websites") {
        return;
    }
    let (t, model) = world();
    t.s3cmd("cfcreate s3://BUCKET").ok();
    t.s3cmd("ws-create s3://BUCKET").ok();
    let keys = "s3://BUCKET/index.html s3://BUCKET/sub/index.html s3://BUCKET/sub/no-index.html";
    for (options, wanted) in [
        ("", &["/", "/sub/", "/sub/no-index.html"][..]),
        (
            "--cf-invalidate-default-index",
            &["/", "/index.html", "/sub/", "/sub/index.html", "/sub/no-index.html"][..],
        ),
        (
            "--cf-invalidate-default-index --cf-no-invalidate-default-index-root",
            &["/index.html", "/sub/index.html", "/sub/no-index.html"][..],
        ),
        (
            "--cf-no-invalidate-default-index-root",
            &["/index.html", "/sub/index.html", "/sub/no-index.html"][..],
        ),
    ] {
        t.s3cmd(&format!("cfinval {options} {keys}")).ok();
        assert_eq!(paths(&model), wanted, "{options}");
    }
}

#[test]
fn every_distribution_of_a_bucket_invalidates_its_own_paths() {
    let (t, model) = world();
    t.s3cmd("cfcreate s3://BUCKET").ok();
    let config = model.lock().unwrap().distributions["E1"].0.clone();
    let elsewhere = config.replace("<OriginPath></OriginPath>", "<OriginPath>/site</OriginPath>");
    assert_ne!(config, elsewhere);
    {
        let mut model = model.lock().unwrap();
        let other = config.replace(&t.normaliser.fill("BUCKET"), "someone-elses");
        model.distributions.insert("E2".into(), (other, 1));
        model.distributions.insert("E3".into(), (elsewhere, 1));
    }
    t.s3cmd("cfinval s3://BUCKET/site/a.txt").ok();
    let made = std::mem::take(&mut model.lock().unwrap().invalidations);
    let expected = [("E1", "/site/a.txt"), ("E3", "/a.txt")];
    assert_eq!(made, expected.map(|(id, path)| (id.to_owned(), vec![path.to_owned()])));
}

#[test]
fn refusals_and_wrong_names_are_failures() {
    let (t, model) = world();
    t.s3cmd("cfcreate s3://BUCKET").ok();
    let unknown = "ERROR: Parameter problem: Unable to translate S3 URI to CloudFront distribution name: ";
    for command in ["cfinfo", "cfmodify --enable", "cfdelete", "cfinval", "cfinvalinfo"] {
        let run = t.s3cmd(&format!("{command} s3://no-such-one")).fails(64).prints("");
        run.complains(&format!("{unknown}s3://no-such-one/"));
    }
    for command in ["cfinfo", "cfmodify", "cfdelete", "cfinvalinfo"] {
        let words = "ERROR: Parameter problem: CloudFront or S3 URI required instead of: x";
        t.s3cmd(&format!("{command} x")).fails(64).complains(words);
        t.s3cmd(&format!("{command} cf://E9"))
            .fails(12)
            .complains("ERROR: S3 error: 404 (NoSuchDistribution)");
    }
    t.s3cmd("cfcreate cf://E1").fails(64);
    t.s3cmd("cfcreate s3://BUCKET/key").fails(64);
    t.s3cmd("cfinval x").fails(64);
    model.lock().unwrap().busy = true;
    let busy = "ERROR: cf://E1: S3 error: 400 (TooManyInvalidationsInProgress)";
    t.s3cmd("cfinval s3://BUCKET/x").fails(11).prints("").complains(busy);
    t.file("f/a.txt", "a\n");
    t.s3cmd("sync --cf-invalidate f/ s3://BUCKET/").fails(11).complains(busy);
    assert_eq!(t.keys(), ["a.txt"]);
}
