//! Worlds and requests by chance.

use super::{Acl, By, Condition, Meta, Permission, Request, Statement, World, belongs};
use crate::model::acl::{Grant, Grantee, Group};

/// Numbers that look random and are the same in each run.
pub(super) struct Dice(pub(super) u64);

impl Dice {
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

    /// One to three of them.
    fn some<'a>(&mut self, of: &[&'a str]) -> Vec<&'a str> {
        (0..1 + self.below(3)).map(|_| self.pick(of)).collect()
    }
}

const ACTIONS: [(&str, By); 12] = [
    ("s3:GetObject", By::Object(Permission::Read)),
    ("s3:GetObjectAcl", By::Object(Permission::ReadAcp)),
    ("s3:PutObjectAcl", By::Object(Permission::WriteAcp)),
    ("s3:GetObjectTagging", By::Object(Permission::FullControl)),
    ("s3:PutObjectTagging", By::Object(Permission::FullControl)),
    ("s3:GetObjectVersion", By::Object(Permission::Read)),
    ("s3:PutObject", By::Bucket(Permission::Write)),
    ("s3:DeleteObject", By::Bucket(Permission::Write)),
    ("s3:ListBucket", By::Bucket(Permission::Read)),
    ("s3:GetBucketAcl", By::Bucket(Permission::ReadAcp)),
    ("s3:GetBucketVersioning", By::Owner),
    ("s3:GetBucketPolicy", By::Owner),
];

/// Keys of each type with the values that policies compare them with; and whether requests for an action have them.
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

fn condition(dice: &mut Dice) -> Condition {
    let (key, kind, values) = KEYS[dice.below(KEYS.len())];
    let relations = ["Equals", "NotEquals", "LessThan", "LessThanEquals", "GreaterThan", "GreaterThanEquals"];
    let texts = [
        "StringEquals",
        "StringNotEquals",
        "StringEqualsIgnoreCase",
        "StringNotEqualsIgnoreCase",
        "StringLike",
        "StringNotLike",
    ];
    let relation = relations[dice.below(relations.len())];
    let operator = match kind {
        _ if dice.one_in(8) => "Null".to_owned(),
        "text" | "texts" => texts[dice.below(texts.len())].to_owned(),
        "arn" => {
            ["ArnLike", "ArnNotEquals", "ArnEquals", "ArnNotLike", "StringLike"][dice.below(5)].to_owned()
        }
        "address" => ["IpAddress", "NotIpAddress"][dice.below(2)].to_owned(),
        "bool" => "Bool".to_owned(),
        "number" => format!("Numeric{relation}"),
        "date" => format!("Date{relation}"),
        _ => format!("{}{relation}", ["Date", "Numeric"][dice.below(2)]),
    };
    let values = if operator == "Null" {
        vec![dice.pick(&["true", "false"])]
    } else if operator.starts_with("Numeric") {
        dice.some(values).into_iter().map(|value| if value.contains('-') { "5" } else { value }).collect()
    } else {
        dice.some(values)
    };
    let quantified = operator != "Null" && (kind == "texts" || dice.one_in(6));
    let quantifier = if quantified { dice.pick(&["ForAnyValue:", "ForAllValues:"]) } else { "" };
    let if_exists = operator != "Null" && dice.one_in(5);
    Condition { quantifier, operator, if_exists, key, values }
}

fn statement(dice: &mut Dice) -> Statement {
    let allow = !dice.one_in(3);
    let mut conditions: Vec<Condition> = (0..dice.below(3)).map(|_| condition(dice)).collect();
    // A document has no place for two tests of one key by one operator.
    conditions.dedup_by_key(|one| (one.quantifier, one.operator.clone(), one.if_exists, one.key));
    let who = ["alice", "bob", "arn:aws:iam:::user/bob", "arn:aws:iam::alice:root", "carol"];
    let who = if dice.one_in(3) { Some(dice.some(&who)) } else { None };
    let actions = [
        "s3:GetObject",
        "s3:Get*",
        "S3:getobject?cl",
        "s3:PutObject",
        "s3:*Object*",
        "s3:ListBucket",
        "s3:*",
    ];
    let (mut actions, mut actions_inverted) = (dice.some(&actions), dice.one_in(8));
    // A key has to belong to an action of the statement.
    if !conditions.iter().all(|condition| belongs(condition.key, "s3:GetBucketVersioning")) || dice.one_in(3)
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
        who_inverted: !allow && who.is_some() && dice.one_in(3),
        who,
        actions,
        actions_inverted,
        resources: dice.some(&resources),
        resources_inverted: dice.one_in(8),
        conditions,
    }
}

fn grants(dice: &mut Dice) -> Vec<Grant> {
    let permissions = [
        Permission::Read,
        Permission::Write,
        Permission::ReadAcp,
        Permission::WriteAcp,
        Permission::FullControl,
    ];
    let grant = |dice: &mut Dice| Grant {
        to: match dice.below(5) {
            0 => Grantee::Group(Group::AllUsers),
            1 => Grantee::Group(Group::AuthenticatedUsers),
            2 => Grantee::User("alice".to_owned()),
            _ => Grantee::User("bob".to_owned()),
        },
        permission: permissions[dice.below(permissions.len())],
    };
    (0..dice.below(4)).map(|_| grant(dice)).collect()
}

pub(super) fn world(dice: &mut Dice) -> World {
    let tags = [("class", "open"), ("Class", "closed"), ("class", "bob"), ("other", "open")];
    let owner = dice.pick(&["alice", "bob"]).to_owned();
    World {
        secure: dice.one_in(2),
        statements: (0..dice.below(4)).map(|_| statement(dice)).collect(),
        ownership: [None, Some("ObjectWriter"), Some("BucketOwnerPreferred"), Some("BucketOwnerEnforced")]
            [dice.below(4)],
        ignore_acls: dice.one_in(4),
        restrict: dice.one_in(4),
        bucket_acl: dice.one_in(2).then(|| Acl { owner: "alice".to_owned(), grants: grants(dice) }),
        object: Meta {
            acl: dice.one_in(2).then(|| Acl { owner, grants: grants(dice) }),
            tags: (0..dice.below(2))
                .map(|_| tags[dice.below(4)])
                .map(|(a, b)| (a.to_owned(), b.to_owned()))
                .collect(),
            ..Meta::default()
        },
    }
}

pub(super) fn request(dice: &mut Dice, secure: bool) -> Request {
    let (action, by) = ACTIONS[dice.below(ACTIONS.len())];
    let is_about_object = action.contains("Object");
    let keys = ["k", "home/bob/x", "home/alice/x", "home/bob/*"];
    let who = [None, Some("alice"), Some("bob"), Some("bob")][dice.below(4)];
    let maybe = |dice: &mut Dice, of: &[&'static str]| (!dice.one_in(3)).then(|| dice.pick(of));
    Request {
        who,
        action,
        by,
        key: is_about_object.then(|| dice.pick(&keys)),
        address: dice.pick(&["10.1.2.3", "10.9.9.9", "192.0.2.1", "2001:db8::1", "::ffff:10.1.2.3"]),
        agent: maybe(dice, &["curl", "CURL", "c*", "wget"]),
        referer: maybe(dice, &["http://a/", "curl", "bob", "none", ""]),
        prefix: maybe(dice, &["home/", "bob/", "x"]),
        max_keys: maybe(dice, &["10", "100", "5"]),
        acl: maybe(dice, &["public-read", "private", "bucket-owner-full-control"]),
        class: maybe(dice, &["STANDARD", "STANDARD_IA"]),
        tags: if dice.one_in(2) { vec![("class", dice.pick(&["open", "closed"]))] } else { Vec::new() },
        tls: secure.then(|| dice.pick(&["1.2", "1.3"])),
        signature: who
            .map(|_| [("REST-HEADER", "AWS"), ("REST-QUERY-STRING", "AWS4-HMAC-SHA256")][dice.below(2)]),
        age: [0, 60_000, 3_600_000][dice.below(3)],
    }
}
