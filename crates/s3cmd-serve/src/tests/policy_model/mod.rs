//! Compares authorization decisions with a second, simple implementation of ownership, ACLs, the public-access block,
//! policies with conditions of every kind, and variables.
//!
//! The model works on the parts from which policies and requests are generated, never on what the server has parsed.

mod generate;
mod reference;

use super::users;
use crate::auth::payload::Payload;
use crate::directory::access::RequiredRight;
use crate::directory::condition_context::Target;
use crate::directory::state::Server;
use crate::http::call::Call;
use crate::http::request_context::{RequestContext, Signature};
use crate::model::acl::{Acl, Permission};
use crate::model::lifecycle_rules;
use crate::store::Store;
use crate::store::bucket::Mode;
use crate::store::bucket_record::BucketRecord;
use crate::store::meta::Meta;
use chrono::Utc;
use generate::{Random, request, world};
use serde_json::{Value, json};
use std::sync::Arc;

/// The permission that an action needs, and in which ACL.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Need {
    Owner,
    Bucket(Permission),
    Object(Permission),
}

fn applies_to(key: &str, action: &str) -> bool {
    let upload = ["s3:PutObject"].contains(&action);
    match key {
        "s3:prefix" | "s3:max-keys" => action == "s3:ListBucket",
        "s3:x-amz-acl" => upload || action == "s3:PutObjectAcl",
        "s3:x-amz-storage-class" => upload,
        "s3:ExistingObjectTag/class" => {
            (action.starts_with("s3:GetObject") || action.starts_with("s3:PutObject")) && !upload
        }
        "s3:RequestObjectTag/class" | "s3:RequestObjectTagKeys" => upload || action == "s3:PutObjectTagging",
        _ => true,
    }
}

#[derive(Clone, Debug)]
struct Condition {
    quantifier: &'static str,
    operator: String,
    if_exists: bool,
    key: &'static str,
    values: Vec<&'static str>,
}

#[derive(Clone, Debug)]
struct Statement {
    allow: bool,
    /// `None`: everyone.
    who: Option<Vec<&'static str>>,
    who_inverted: bool,
    actions: Vec<&'static str>,
    actions_inverted: bool,
    resources: Vec<&'static str>,
    resources_inverted: bool,
    conditions: Vec<Condition>,
}

#[derive(Debug)]
struct Request {
    who: Option<&'static str>,
    action: &'static str,
    need: Need,
    key: Option<&'static str>,
    address: &'static str,
    /// This and the following fields are the values of condition keys.
    agent: Option<&'static str>,
    referer: Option<&'static str>,
    prefix: Option<&'static str>,
    max_keys: Option<&'static str>,
    acl: Option<&'static str>,
    class: Option<&'static str>,
    tags: Vec<(&'static str, &'static str)>,
    tls: Option<&'static str>,
    signature: Option<(&'static str, &'static str)>,
    age: i64,
}

#[derive(Debug)]
struct World {
    secure: bool,
    statements: Vec<Statement>,
    ownership: Option<&'static str>,
    ignore_acls: bool,
    restrict: bool,
    bucket_acl: Option<Acl>,
    object: Meta,
}

impl World {
    /// The policy document with these statements.
    fn policy(&self) -> Value {
        let element =
            |name: &str, inverted: bool| if inverted { format!("Not{name}") } else { name.to_owned() };
        let statements = self.statements.iter().map(|one| {
            let mut conditions = json!({});
            for condition in &one.conditions {
                let if_exists = if condition.if_exists { "IfExists" } else { "" };
                let operator = format!("{}{}{if_exists}", condition.quantifier, condition.operator);
                conditions[operator][condition.key] = json!(condition.values);
            }
            let mut statement =
                json!({"Effect": if one.allow { "Allow" } else { "Deny" }, "Condition": conditions});
            statement[element("Principal", one.who_inverted)] = match &one.who {
                None => json!("*"),
                Some(names) => json!({"AWS": names}),
            };
            statement[element("Action", one.actions_inverted)] = json!(one.actions);
            statement[element("Resource", one.resources_inverted)] = json!(one.resources);
            statement
        });
        json!({"Version": "2012-10-17", "Statement": statements.collect::<Vec<_>>()})
    }
}

/// The request as the server sees it.
fn call(request: &Request) -> Call {
    let mut headers = Vec::new();
    let stated = [
        ("user-agent", request.agent),
        ("referer", request.referer),
        ("x-amz-acl", request.acl),
        ("x-amz-storage-class", request.class),
    ];
    for (name, value) in stated {
        headers.extend(value.map(|value| (name.to_owned(), value.to_owned())));
    }
    headers.extend(
        request.tags.iter().map(|(name, value)| ("x-amz-tagging".to_owned(), format!("{name}={value}"))),
    );
    let stated = [("prefix", request.prefix), ("max-keys", request.max_keys)];
    let query = stated.iter().filter_map(|(name, value)| Some(((*name).to_owned(), (*value)?.to_owned())));
    let signature = request.signature.map(|(kind, version)| {
        let made = Some(Utc::now() - chrono::TimeDelta::milliseconds(request.age));
        Signature { kind, version, signed_at: made }
    });
    Call {
        method: http::Method::GET,
        path: String::new(),
        bucket: Some("b-one".to_owned()),
        key: request.key.map(str::to_owned),
        query: query.collect(),
        headers,
        peer: request.address.parse().unwrap(),
        user: request.who.map(|who| users().into_iter().find(|user| user.id == who).unwrap()),
        payload: Payload::empty(),
        context: RequestContext {
            signature,
            tls: request.tls.map(str::to_owned),
            ..RequestContext::default()
        },
    }
}

/// A server on a directory with a bucket of Alice's.
fn server(dir: &tempfile::TempDir) -> Server {
    let mode = Mode { fsync: false, read_only: false, keep_folders: false };
    let store = Store::open(dir.path(), mode).unwrap();
    let state = BucketRecord {
        owner: Some("alice".to_owned()),
        created: Utc::now(),
        location: None,
        acl: None,
        versioning: None,
        object_lock: false,
    };
    assert!(store.create("b-one", &state).unwrap());
    let users: Arc<[_]> = users().into();
    Server { store, users, region: String::new(), read_only: false, secure: false, day: lifecycle_rules::DAY }
}

#[test]
fn decisions_equal_the_model() {
    let dir = tempfile::tempdir().unwrap();
    let mut server = server(&dir);
    let bucket = server.store.bucket("b-one").unwrap();
    let (mut decisions, mut allowed, mut by_policy) = (0, 0, 0);
    for seed in 0..800 {
        let mut random = Random(seed);
        let world = world(&mut random);
        server.secure = world.secure;
        let text = world.policy().to_string();
        let policy = (!world.statements.is_empty()).then_some(&*text);
        if let Some(text) = policy {
            let read = crate::model::policy::Policy::parse(text)
                .unwrap_or_else(|error| panic!("{}: {text}", error.message));
            assert_eq!(read.is_public(), world.is_public(), "seed {seed}: {text}");
        }
        bucket.set_document("policy", policy).unwrap();
        let ownership = world.ownership.map(|name| {
            format!("<OwnershipControls><Rule><ObjectOwnership>{name}</ObjectOwnership></Rule></OwnershipControls>")
        });
        bucket.set_document("ownershipControls", ownership.as_deref()).unwrap();
        let block = format!(
            "<PublicAccessBlockConfiguration><IgnorePublicAcls>{}</IgnorePublicAcls><RestrictPublicBuckets>{}\
             </RestrictPublicBuckets></PublicAccessBlockConfiguration>",
            world.ignore_acls, world.restrict
        );
        bucket.set_document("publicAccessBlock", Some(&block)).unwrap();
        bucket.set_state(|state| state.acl.clone_from(&world.bucket_acl)).unwrap();
        for _ in 0..15 {
            let request = request(&mut random, world.secure);
            let call = call(&request);
            let need = match request.need {
                Need::Owner => RequiredRight::Owner,
                Need::Bucket(permission) => RequiredRight::Bucket(permission),
                Need::Object(permission) => RequiredRight::Object(permission, &world.object),
            };
            let target = Target { key: request.key, ..Target::default() };
            let actual = server.authorize_target(&call, &bucket, request.action, target, need).is_ok();
            let expected = request.is_allowed(&world);
            assert_eq!(actual, expected, "seed {seed}\n{request:#?}\n{world:#?}\n{text}");
            decisions += 1;
            allowed += usize::from(expected);
            let without_policy = World {
                statements: Vec::new(),
                object: world.object.clone(),
                bucket_acl: world.bucket_acl.clone(),
                ..world
            };
            by_policy += usize::from(expected != request.is_allowed(&without_policy));
        }
    }
    // Both results have to occur often, or the test would prove little.
    assert!(
        decisions > 10_000 && allowed > decisions / 5 && allowed < decisions * 4 / 5,
        "{allowed} of {decisions}"
    );
    assert!(by_policy > decisions / 10, "{by_policy} of {decisions}");
}
