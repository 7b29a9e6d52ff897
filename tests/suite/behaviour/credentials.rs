//! Credentials that are not configured: from the metadata service of a machine or a container, from a web identity,
//! from a credential process. The services are stubs on this machine. Also wrong credentials.

use crate::support::env::TestEnv;
use crate::support::run::Invocation;
use crate::support::service::User;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// A stub for all the services that provide credentials.
struct Giver {
    address: String,
    /// The first lines of the requests, followed by the header `Authorization` and the body.
    seen: Arc<Mutex<Vec<String>>>,
}

impl Giver {
    fn start(user: &User) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        let seen: Arc<Mutex<Vec<String>>> = Arc::default();
        let json = format!(
            r#"{{"Code": "Success", "AccessKeyId": "{}", "SecretAccessKey": "{}", "Expiration": "2199-01-01T00:00:00Z"}}"#,
            user.access, user.secret
        );
        let fields = format!(
            "<Credentials><AccessKeyId>{}</AccessKeyId><SecretAccessKey>{}</SecretAccessKey></Credentials>",
            user.access, user.secret
        );
        let (log, xml) = (seen.clone(), move |action: &str| {
            format!("<{action}Response><{action}Result>{fields}</{action}Result></{action}Response>")
        });
        // The thread ends with the process.
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (line, rest) = request(&stream);
                let answer = match line.split(' ').nth(1).unwrap_or("") {
                    "/latest/api/token" => "session".to_owned(),
                    "/latest/meta-data/iam/security-credentials/" => "the-role\n".to_owned(),
                    "/latest/meta-data/iam/security-credentials/the-role" | "/container" => json.clone(),
                    "/" if rest.contains("AssumeRoleWithWebIdentity") => xml("AssumeRoleWithWebIdentity"),
                    "/" => xml("AssumeRole"),
                    _ => String::new(),
                };
                log.lock().unwrap().push(format!("{line} {rest}"));
                let status = if answer.is_empty() { "404 Not Found" } else { "200 OK" };
                let _ = write!(
                    &stream,
                    "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{answer}",
                    answer.len()
                );
            }
        });
        Self { address, seen }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }
}

fn request(stream: &TcpStream) -> (String, String) {
    let mut reader = BufReader::new(stream);
    let (mut first, mut rest, mut length) = (String::new(), String::new(), 0);
    reader.read_line(&mut first).expect("a request");
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).expect("a header") < 3 {
            break;
        }
        let (name, value) = line.trim().split_once(": ").unwrap_or_default();
        match name.to_lowercase().as_str() {
            "content-length" => length = value.parse().expect("a length"),
            "authorization" | "x-aws-ec2-metadata-token" => rest += value,
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).expect("a body");
    (first.trim().to_owned(), rest + &String::from_utf8_lossy(&body))
}

/// A world whose configuration has no keys, and a provider of the main user's credentials.
fn keyless() -> (TestEnv, Giver) {
    let t = TestEnv::with_bucket();
    let giver = Giver::start(&t.service.main);
    let text = std::fs::read_to_string(t.home(".s3cfg")).unwrap();
    let lines = text.lines().filter(|line| !line.contains("_key = ")).map(|line| format!("{line}\n"));
    t.write_config(".s3cfg", &lines.collect::<String>());
    (t, giver)
}

fn on_a_machine(call: Invocation, giver: &Giver) -> Invocation {
    call.env("AWS_EC2_METADATA_DISABLED", "").env("AWS_EC2_METADATA_SERVICE_ENDPOINT", giver.url(""))
}

#[test]
fn the_role_of_the_machine_provides_credentials_once() {
    let (t, giver) = keyless();
    t.file("f", "x");
    on_a_machine(t.s3cmd("put f s3://BUCKET"), &giver).ok();
    let seen = giver.seen();
    assert_eq!(seen.len(), 3, "{seen:?}");
    assert!(seen[0].starts_with("PUT /latest/api/token") && seen[2].ends_with("the-role HTTP/1.1 session"));
    on_a_machine(t.s3cmd("ls s3://BUCKET"), &giver).ok().mentions("s3://BUCKET/f");
}

#[test]
fn a_container_a_web_identity_and_a_program_provide_credentials() {
    let (t, giver) = keyless();
    let token = t.file("token", "container-token\n");
    let container =
        t.s3cmd("ls s3://BUCKET").env("AWS_CONTAINER_CREDENTIALS_FULL_URI", giver.url("/container"));
    container.env("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", &token).ok();
    assert_eq!(giver.seen(), ["GET /container HTTP/1.1 container-token"]);
    let identity = t.s3cmd("ls s3://BUCKET").env("AWS_ROLE_ARN", "arn:aws:iam::1:role/x");
    let identity =
        identity.env("AWS_WEB_IDENTITY_TOKEN_FILE", &token).env("AWS_ENDPOINT_URL_STS", giver.url(""));
    identity.ok();
    let seen = giver.seen();
    assert!(
        seen[1].contains("RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fx") && seen[1].contains("=container-token")
    );
    // The files of the AWS tools are read if there is no configuration file.
    let user = t.service.main.clone();
    std::fs::create_dir(t.home(".aws")).unwrap();
    t.write_config(".aws/credentials", "[base]\naws_access_key_id = A\naws_secret_access_key = S\n");
    t.write_config(
        ".aws/config",
        &format!(
            "[profile assumed]\nrole_arn = arn:x\nsource_profile = base\nregion = eu-west-1\n[profile program]\ncredential_process = echo '{{\"Version\": 1, \"AccessKeyId\": \"{}\", \"SecretAccessKey\": \"{}\"}}'\n",
            user.access, user.secret
        ),
    );
    let by_profile = |name: &str| {
        let call = t.s3cmd("ls --host=ENDPOINT --host-bucket=ENDPOINT --no-ssl s3://BUCKET");
        call.config("/nowhere/s3cfg").env("AWS_PROFILE", name).env("AWS_ENDPOINT_URL_STS", giver.url(""))
    };
    by_profile("program").ok();
    by_profile("assumed").ok();
    let seen = giver.seen();
    let signed = seen.last().unwrap();
    assert!(signed.contains("Credential=A/") && signed.contains("/eu-west-1/sts/aws4_request"), "{signed}");
    assert!(signed.contains("Action=AssumeRole&") && signed.contains("RoleArn=arn%3Ax"), "{signed}");
}

#[test]
fn configured_keys_need_no_provider() {
    let (t, giver) = keyless();
    let user = t.service.main.clone();
    let everything = |call: Invocation| {
        on_a_machine(call, &giver)
            .env("AWS_ROLE_ARN", "arn:x")
            .env("AWS_WEB_IDENTITY_TOKEN_FILE", "/nowhere")
            .env("AWS_ENDPOINT_URL_STS", giver.url(""))
            .env("AWS_CONTAINER_CREDENTIALS_FULL_URI", giver.url("/container"))
    };
    let typed = t.s3cmd("ls s3://BUCKET").arg(format!("--access_key={}", user.access));
    everything(typed.arg(format!("--secret_key={}", user.secret))).ok();
    let call = t.s3cmd("ls s3://BUCKET").env("AWS_ACCESS_KEY_ID", &user.access);
    everything(call.env("AWS_SECRET_ACCESS_KEY", &user.secret)).ok();
    everything(t.s3cmd("ls s3://BUCKET").config(t.home("cleanup.s3cfg"))).ok();
    everything(t.s3cmd("--configure").stdin("")).run();
    assert_eq!(giver.seen(), [""; 0]);
}

#[test]
fn a_provider_without_credentials_is_named() {
    let (t, giver) = keyless();
    let call = t.s3cmd("ls s3://BUCKET").env("AWS_CONTAINER_CREDENTIALS_FULL_URI", giver.url("/nothing"));
    let run = call.fails(78).explains("/nothing returned status 404");
    run.explains("ERROR: Consider using --configure parameter to create one.");
}

#[test]
fn without_keys_the_sources_that_were_tried_are_listed() {
    // Nothing listens there.
    let closed = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port");
    let (t, _giver) = keyless();
    let advice = "ERROR: Configuration file not available.\n\
                  ERROR: Consider using --configure parameter to create one.\n";
    for (config, reason) in [(".s3cfg", "no access_key in it"), ("missing", "No such file or directory")] {
        let path = t.home(config);
        let call = || t.s3cmd("ls s3://BUCKET").config(&path);
        let first = format!("ERROR: {}: {reason}", path.display());
        assert_eq!(call().fails(78).prints("").stderr, format!("{first}\n{advice}"));
        let call = call().env("AWS_EC2_METADATA_DISABLED", "");
        let run =
            call.env("AWS_EC2_METADATA_SERVICE_ENDPOINT", format!("http://{closed}")).fails(78).prints("");
        assert!(run.stderr.starts_with(&format!("{first}; the role of this machine: ")), "{run}");
        assert!(run.stderr.ends_with(advice) && run.stderr.lines().count() == 3, "{run}");
        assert!(!run.stderr.contains("None"), "{run}");
    }
}

#[test]
fn credentials_that_expire_soon_are_requested_once() {
    let (t, _giver) = keyless();
    let user = t.service.main.clone();
    std::fs::create_dir(t.home(".aws")).unwrap();
    let count = t.path("count");
    let expires = chrono::Utc::now() + chrono::TimeDelta::minutes(5);
    t.write_config(
        ".aws/credentials",
        &format!(
            "[default]\ncredential_process = echo >>'{}'; echo '{{\"Version\": 1, \"AccessKeyId\": \"{}\", \"SecretAccessKey\": \"{}\", \"Expiration\": \"{}\"}}'\n",
            count.display(),
            user.access,
            user.secret,
            expires.to_rfc3339()
        ),
    );
    for i in 0..40 {
        t.file(format!("d/f{i}"), "x");
    }
    let put = t.s3cmd("put -r --host=ENDPOINT --host-bucket=ENDPOINT --no-ssl d s3://BUCKET");
    put.config("/nowhere/s3cfg").env("AWS_PROFILE", "default").ok();
    assert_eq!(std::fs::read(&count).unwrap().len(), 1);
}

#[test]
fn the_standard_error_of_a_credential_process_is_quoted() {
    let (t, _giver) = keyless();
    std::fs::create_dir(t.home(".aws")).unwrap();
    t.write_config(
        ".aws/credentials",
        "[default]\ncredential_process = echo The session has expired, log in >&2; echo password=hush >&2; exit 7\n",
    );
    let ls = t.s3cmd("ls s3://BUCKET").config("/nowhere/s3cfg").env("AWS_PROFILE", "default");
    let run = ls.fails(78).explains("exit status: 7: The session has expired, log in password=***");
    assert!(!run.stderr.contains("hush"), "{run}");
}

#[test]
fn wrong_keys_are_denied() {
    let t = TestEnv::with_bucket();
    for v2 in ["False", "True"] {
        t.configure(&format!("signature_v2 = {v2}"));
        t.s3cmd("ls --secret_key=wrong").fails(77).prints("").complains(
            "ERROR: S3 error: 403 (SignatureDoesNotMatch)\n\
                 ERROR: secret_key on the command line: it may not be the one of the access key\n",
        );
        t.s3cmd("ls --access_key=NOBODY --secret_key=wrong s3://BUCKET").fails(77).prints("").complains(
            "ERROR: S3 error: 403 (InvalidAccessKeyId)\n\
                 ERROR: access_key on the command line: the service does not know it\n",
        );
    }
}
