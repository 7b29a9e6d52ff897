//! Random worlds and requests.

use super::{Acl, Condition, Meta, Need, Permission, Request, Statement, World, applies_to};
use crate::model::acl::{Grant, Grantee, Group};

/// Pseudorandom numbers, the same in each run.
pub(super) struct Random(pub(super) u64);

impl Random {
    fn next(&mut self) -> u64 {
        // SplitMix64: https://prng.di.unimi.it/splitmix64.c
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    fn one_in(&mut self, count: usize) -> bool {
        self.below(count) == 0
    }

    fn pick<'a, T: ?Sized>(&mut self, of: &[&'a T]) -> &'a T {
        of[self.below(of.len())]
    }

    /// Picks one to three of them.
    fn some<'a>(&mut self, of: &[&'a str]) -> Vec<&'a str> {
        (0..1 + self.below(3)).map(|_| self.pick(of)).collect()
    }
}

const ACTIONS: [(&str, Need); 12] = [
    ("s3:GetObject", Need::Object(Permission::Read)),
    ("s3:GetObjectAcl", Need::Object(Permission::ReadAcp)),
    ("s3:PutObjectAcl", Need::Object(Permission::WriteAcp)),
    ("s3:GetObjectTagging", Need::Object(Permission::FullControl)),
    ("s3:PutObjectTagging", Need::Object(Permission::FullControl)),
    ("s3:GetObjectVersion", Need::Object(Permission::Read)),
    ("s3:PutObject", Need::Bucket(Permission::Write)),
    ("s3:DeleteObject", Need::Bucket(Permission::Write)),
    ("s3:ListBucket", Need::Bucket(Permission::Read)),
    ("s3:GetBucketAcl", Need::Bucket(Permission::ReadAcp)),
    ("s3:GetBucketVersioning", Need::Owner),
    ("s3:GetBucketPolicy", Need::Owner),
];

/// Condition keys with their types, and the values that policies compare them with.
const KEYS: [(&str, &str, &[&str]); 21] = [
    ("aws:UserAgent", "text", &["curl", "cur*", "Curl", "wget", "${aws:Referer}", "c?rl", "c${*}"]),
    ("aws:Referer", "text", &["http://a/", "http://*", "", "${aws:UserAgent, 'none'}", "none"]),
    ("aws:userid", "text", &["alice", "bob", "b*", "BOB", "${aws:userid}"]),
    ("aws:PrincipalType", "text", &["User", "Anonymous", "A*"]),
    ("s3:authType", "text", &["REST-HEADER", "POST", "REST*"]),
    ("s3:signatureversion", "text", &["AWS", "AWS4-HMAC-SHA256", "AWS*"]),
    (
        "aws:PrincipalArn",
        "arn",
        &["arn:aws:iam:::user/bob", "arn:aws:iam::*:user/*", "arn:aws:iam:::user/${aws:userid}"],
    ),
    (
        "aws:SourceIp",
        "address",
        &["10.0.0.0/8", "10.1.2.3", "0.0.0.0/0", "2001:db8::/32", "::ffff:10.1.0.0/112"],
    ),
    ("aws:SecureTransport", "bool", &["true", "false"]),
    ("aws:ViaAWSService", "bool", &["true", "false"]),
    ("s3:TlsVersion", "number", &["1.2", "1.3", "2"]),
    ("s3:signatureAge", "number", &["1000", "600000", "1e15"]),
    ("aws:CurrentTime", "date", &["2001-01-01", "2099-01-01T00:00:00Z", "4102444800"]),
    ("aws:EpochTime", "epoch", &["2001-01-01", "4102444800", "1000"]),
    ("s3:prefix", "text", &["home/", "home/*", "h?me/", "${aws:userid}/"]),
    ("s3:max-keys", "number", &["10", "100", "1000"]),
    ("s3:x-amz-acl", "text", &["public-read", "public*", "private"]),
    ("s3:x-amz-storage-class", "text", &["STANDARD", "STANDARD_IA"]),
    ("s3:ExistingObjectTag/class", "text", &["open", "closed", "OPEN", "${aws:userid}"]),
    ("s3:RequestObjectTag/class", "text", &["open", "closed", "o*"]),
    ("s3:RequestObjectTagKeys", "texts", &["class", "cl*", "other"]),
];

fn condition(random: &mut Random) -> Condition {
    let (key, kind, values) = KEYS[random.below(KEYS.len())];
    let relations = ["Equals", "NotEquals", "LessThan", "LessThanEquals", "GreaterThan", "GreaterThanEquals"];
    let texts = [
        "StringEquals",
        "StringNotEquals",
        "StringEqualsIgnoreCase",
        "StringNotEqualsIgnoreCase",
        "StringLike",
        "StringNotLike",
    ];
    let relation = relations[random.below(relations.len())];
    let operator = match kind {
        _ if random.one_in(8) => "Null".to_owned(),
        "text" | "texts" => texts[random.below(texts.len())].to_owned(),
        "arn" => {
            ["ArnLike", "ArnNotEquals", "ArnEquals", "ArnNotLike", "StringLike"][random.below(5)].to_owned()
        }
        "address" => ["IpAddress", "NotIpAddress"][random.below(2)].to_owned(),
        "bool" => "Bool".to_owned(),
        "number" => format!("Numeric{relation}"),
        "date" => format!("Date{relation}"),
        _ => format!("{}{relation}", ["Date", "Numeric"][random.below(2)]),
    };
    let values = if operator == "Null" {
        vec![random.pick(&["true", "false"])]
    } else if operator.starts_with("Numeric") {
        random.some(values).into_iter().map(|value| if value.contains('-') { "5" } else { value }).collect()
    } else {
        random.some(values)
    };
    let quantified = operator != "Null" && (kind == "texts" || random.one_in(6));
    let quantifier = if quantified { random.pick(&["ForAnyValue:", "ForAllValues:"]) } else { "" };
    let if_exists = operator != "Null" && random.one_in(5);
    Condition { quantifier, operator, if_exists, key, values }
}

fn statement(random: &mut Random) -> Statement {
    let allow = !random.one_in(3);
    let mut conditions: Vec<Condition> = (0..random.below(3)).map(|_| condition(random)).collect();
    // A document cannot contain two tests of one key with the same operator.
    conditions.dedup_by_key(|one| (one.quantifier, one.operator.clone(), one.if_exists, one.key));
    let who = ["alice", "bob", "arn:aws:iam:::user/bob", "arn:aws:iam::alice:root", "carol"];
    let who = if random.one_in(3) { Some(random.some(&who)) } else { None };
    let actions = [
        "s3:GetObject",
        "s3:Get*",
        "S3:getobject?cl",
        "s3:PutObject",
        "s3:*Object*",
        "s3:ListBucket",
        "s3:*",
    ];
    let (mut actions, mut actions_inverted) = (random.some(&actions), random.one_in(8));
    // A key has to apply to an action of the statement.
    if !conditions.iter().all(|condition| applies_to(condition.key, "s3:GetBucketVersioning"))
        || random.one_in(3)
    {
        (actions, actions_inverted) = (vec!["*"], false);
    }
    let resources = [
        "arn:aws:s3:::b-one",
        "arn:aws:s3:::b-one/*",
        "arn:aws:s3:::b-one/home/${aws:userid}/*",
        "arn:aws:s3:::b-one/home/${aws:Referer, 'bob'}/?",
        "arn:aws:s3::tenant:b-one/home/*",
        "arn:aws:s3:::b-one/home/bob/${*}",
        "arn:aws:s3:::b*",
        "*",
    ];
    Statement {
        allow,
        who_inverted: !allow && who.is_some() && random.one_in(3),
        who,
        actions,
        actions_inverted,
        resources: random.some(&resources),
        resources_inverted: random.one_in(8),
        conditions,
    }
}

fn grants(random: &mut Random) -> Vec<Grant> {
    let permissions = [
        Permission::Read,
        Permission::Write,
        Permission::ReadAcp,
        Permission::WriteAcp,
        Permission::FullControl,
    ];
    let grant = |random: &mut Random| Grant {
        to: match random.below(5) {
            0 => Grantee::Group(Group::AllUsers),
            1 => Grantee::Group(Group::AuthenticatedUsers),
            2 => Grantee::User("alice".to_owned()),
            _ => Grantee::User("bob".to_owned()),
        },
        permission: permissions[random.below(permissions.len())],
    };
    (0..random.below(4)).map(|_| grant(random)).collect()
}

pub(super) fn world(random: &mut Random) -> World {
    let tags = [("class", "open"), ("Class", "closed"), ("class", "bob"), ("other", "open")];
    let owner = random.pick(&["alice", "bob"]).to_owned();
    World {
        secure: random.one_in(2),
        statements: (0..random.below(4)).map(|_| statement(random)).collect(),
        ownership: [None, Some("ObjectWriter"), Some("BucketOwnerPreferred"), Some("BucketOwnerEnforced")]
            [random.below(4)],
        ignore_acls: random.one_in(4),
        restrict: random.one_in(4),
        bucket_acl: random.one_in(2).then(|| Acl { owner: "alice".to_owned(), grants: grants(random) }),
        object: Meta {
            acl: random.one_in(2).then(|| Acl { owner, grants: grants(random) }),
            tags: (0..random.below(2))
                .map(|_| tags[random.below(4)])
                .map(|(a, b)| (a.to_owned(), b.to_owned()))
                .collect(),
            ..Meta::default()
        },
    }
}

pub(super) fn request(random: &mut Random, secure: bool) -> Request {
    let (action, need) = ACTIONS[random.below(ACTIONS.len())];
    let is_about_object = action.contains("Object");
    let keys = ["k", "home/bob/x", "home/alice/x", "home/bob/*"];
    let who = [None, Some("alice"), Some("bob"), Some("bob")][random.below(4)];
    let maybe = |random: &mut Random, of: &[&'static str]| (!random.one_in(3)).then(|| random.pick(of));
    Request {
        who,
        action,
        need,
        key: is_about_object.then(|| random.pick(&keys)),
        address: random.pick(&["10.1.2.3", "10.9.9.9", "192.0.2.1", "2001:db8::1", "::ffff:10.1.2.3"]),
        agent: maybe(random, &["curl", "CURL", "c*", "wget"]),
        referer: maybe(random, &["http://a/", "curl", "bob", "none", ""]),
        prefix: maybe(random, &["home/", "bob/", "x"]),
        max_keys: maybe(random, &["10", "100", "5"]),
        acl: maybe(random, &["public-read", "private", "bucket-owner-full-control"]),
        class: maybe(random, &["STANDARD", "STANDARD_IA"]),
        tags: if random.one_in(2) { vec![("class", random.pick(&["open", "closed"]))] } else { Vec::new() },
        tls: secure.then(|| random.pick(&["1.2", "1.3"])),
        signature: who
            .map(|_| [("REST-HEADER", "AWS"), ("REST-QUERY-STRING", "AWS4-HMAC-SHA256")][random.below(2)]),
        age: [0, 60_000, 3_600_000][random.below(3)],
    }
}
