//! Policies with one fault each: all are rejected, with a message that names the fault.

use super::*;
use serde_json::json;

fn valid_policy() -> Value {
    json!({
        "Version": "2012-10-17",
        "Id": "id",
        "Statement": [
            {"Sid": "one", "Effect": "Allow", "Principal": {"AWS": ["arn:aws:iam:::user/bob", "carol"]},
             "Action": ["s3:GetObject", "s3:Put*"], "Resource": ["arn:aws:s3:::b/home/${aws:username}/*", "arn:aws:s3:::b"],
             "Condition": {"StringLike": {"aws:UserAgent": ["a*", "b"]}, "IpAddress": {"aws:SourceIp": "10.0.0.0/8"},
                           "NumericLessThan": {"s3:signatureAge": 600_000}, "Null": {"s3:if-none-match": "false"},
                           "DateLessThan": {"aws:CurrentTime": "2099-01-01T00:00:00Z"}, "Bool": {"aws:SecureTransport": true},
                           "ForAllValues:StringEquals": {"s3:RequestObjectTagKeys": ["a"]}}},
            {"Effect": "Deny", "NotPrincipal": {"AWS": "bob"}, "NotAction": "s3:ListBucket", "NotResource": "arn:aws:s3:::b/*"}
        ]
    })
}

/// A JSON pointer, the value that is put there, and a string that the message has to contain.
fn faults() -> Vec<(&'static str, Value, &'static str)> {
    let condition = |operator: &str, key: &str, value: Value| json!({operator: {key: value}});
    vec![
        ("/Version", json!("2013-10-17"), "2013-10-17"),
        ("/Version", json!(2012), "2012"),
        ("/Version", json!("2008-10-17"), "${aws:username}"),
        ("/Id", json!(7), "Id"),
        ("/Rule", json!("x"), "Rule"),
        ("/Statement", json!([]), "Statement"),
        ("/Statement", json!("x"), "Statement"),
        ("/Statement/1", json!("x"), "statement 2"),
        ("/Statement/0/Sid", json!(["x"]), "Sid"),
        ("/Statement/0/Effect", json!("allow"), "Effect"),
        ("/Statement/0/Effect", json!(null), "Effect"),
        ("/Statement/0/Principals", json!("*"), "Principals"),
        ("/Statement/0/Principal", json!("bob"), "Principal"),
        ("/Statement/0/Principal", json!({}), "Principal"),
        ("/Statement/0/Principal", json!({"AWS": []}), "AWS"),
        ("/Statement/0/Principal", json!({"AWS": "b*"}), "b*"),
        ("/Statement/0/Principal", json!({"AWS": "arn:aws:iam::1:role/x"}), "role/x"),
        ("/Statement/0/Principal", json!({"AWS": "arn:aws:iam::*:user/bob"}), "arn:aws:iam::*"),
        ("/Statement/0/Principal", json!({"AWS": "arn:aws:iam:::user/b?b"}), "b?b"),
        ("/Statement/0/Principal", json!({"AWS": "arn:aws:iam:::user/${aws:userid}"}), "${aws:userid}"),
        ("/Statement/0/Principal", json!({"CanonicalUser": "*"}), "CanonicalUser"),
        ("/Statement/0/Principal", json!({"Federated": "x"}), "Federated"),
        ("/Statement/0/Principal", json!({"AWS": 7}), "AWS"),
        ("/Statement/0/NotPrincipal", json!({"AWS": "x"}), "NotPrincipal"),
        ("/Statement/1/NotPrincipal", json!("*"), "NotPrincipal"),
        ("/Statement/1/Effect", json!("Allow"), "NotPrincipal"),
        ("/Statement/0/Action", json!("s3:GetObjct"), "s3:GetObjct"),
        ("/Statement/0/Action", json!(["s3:GetObject", "s3:Gett*"]), "s3:Gett*"),
        ("/Statement/0/Action", json!("GetObject"), "GetObject"),
        ("/Statement/0/Action", json!("s3:${aws:username}"), "Action"),
        ("/Statement/0/Action", json!("ec2:*"), "ec2:*"),
        ("/Statement/0/Action", json!("s3:ListAllMyBuckets"), "s3:ListAllMyBuckets"),
        ("/Statement/0/Action", json!(true), "Action"),
        ("/Statement/0/Action", json!(""), "Action"),
        ("/Statement/0/NotAction", json!("s3:GetObject"), "NotAction"),
        ("/Statement/1/NotAction", json!("s3:GetObjct"), "s3:GetObjct"),
        ("/Statement/1/NotAction", json!([]), "NotAction"),
        ("/Statement/0/Resource", json!("arn:aws:s3:::b/${aws:nickname}/*"), "aws:nickname"),
        ("/Statement/0/Resource", json!("arn:aws:s3:::b/${aws:username"), "${aws:username"),
        ("/Statement/0/Resource", json!("arn:aws:s3:::b/${aws:username, x}"), "default"),
        (
            "/Statement/0/Resource",
            json!("arn:aws:s3:::b/${s3:RequestObjectTagKeys}"),
            "s3:RequestObjectTagKeys",
        ),
        ("/Statement/0/Resource", json!("arn:aws:s3:::b/${s3:prefix}"), "s3:prefix"),
        ("/Statement/0/Resource", json!("arn:aws:s3:::c/*"), "arn:aws:s3:::c/*"),
        ("/Statement/0/Resource", json!(["arn:aws:s3:::b", "arn:aws:s3:::bb*"]), "arn:aws:s3:::bb*"),
        ("/Statement/0/Resource", json!("b/*"), "b/*"),
        ("/Statement/0/Resource", json!("arn:aws:sqs:::b"), "arn:aws:sqs:::b"),
        ("/Statement/0/Resource", json!("arn:aws-cn:s3:::b/*"), "arn:aws-cn"),
        ("/Statement/0/Resource", json!([["arn:aws:s3:::b"]]), "Resource"),
        ("/Statement/1/NotResource", json!("arn:aws:s3:::c"), "arn:aws:s3:::c"),
        ("/Statement/0/Condition", json!([]), "Condition"),
        ("/Statement/0/Condition", json!({"StringEquals": "x"}), "StringEquals"),
        ("/Statement/0/Condition", json!({"StringEquals": {}}), "StringEquals"),
        ("/Statement/0/Condition", condition("StringEqual", "aws:userid", json!("x")), "StringEqual "),
        ("/Statement/0/Condition", condition("stringequals", "aws:userid", json!("x")), "stringequals"),
        ("/Statement/0/Condition", condition("BinaryEquals", "aws:userid", json!("eA==")), "BinaryEquals"),
        (
            "/Statement/0/Condition",
            condition("ForSomeValues:StringEquals", "aws:userid", json!("x")),
            "ForSomeValues",
        ),
        ("/Statement/0/Condition", condition("ForAnyValue:Null", "aws:userid", json!("true")), "Null"),
        ("/Statement/0/Condition", condition("NullIfExists", "aws:userid", json!("true")), "NullIfExists"),
        (
            "/Statement/0/Condition",
            condition("StringEqualsIfExistsIfExists", "aws:userid", json!("x")),
            "IfExists",
        ),
        (
            "/Statement/0/Condition",
            condition("Bool", "aws:MultiFactorAuthPresent", json!(true)),
            "aws:MultiFactorAuth",
        ),
        (
            "/Statement/0/Condition",
            condition("StringEquals", "aws:SourceVpce", json!("vpce-1")),
            "aws:SourceVpce",
        ),
        (
            "/Statement/0/Condition",
            condition("StringEquals", "s3:x-amz-nonsense", json!("x")),
            "s3:x-amz-nonsense",
        ),
        (
            "/Statement/0/Condition",
            condition("StringEquals", "s3:ExistingObjectTag", json!("x")),
            "s3:ExistingObjectTag",
        ),
        (
            "/Statement/0/Condition",
            condition("StringEquals", "s3:ExistingObjectTag/", json!("x")),
            "s3:ExistingObjectTag/",
        ),
        ("/Statement/0/Condition", condition("StringEquals", "aws:userid/x", json!("x")), "aws:userid/x"),
        ("/Statement/0/Condition", condition("StringEquals", "prefix", json!("x")), "prefix"),
        ("/Statement/0/Condition", condition("StringEquals", "s3:prefix", json!("x")), "s3:prefix"),
        (
            "/Statement/0/Condition",
            condition("ArnEquals", "aws:SourceArn", json!("arn:aws:s3:::x")),
            "aws:sourcearn",
        ),
        (
            "/Statement/0/Condition",
            condition("StringEquals", "s3:RequestObjectTagKeys", json!("a")),
            "RequestObjectTagKeys",
        ),
        (
            "/Statement/0/Condition",
            condition("IpAddress", "aws:UserAgent", json!("10.0.0.0/8")),
            "aws:UserAgent",
        ),
        ("/Statement/0/Condition", condition("StringLike", "aws:SourceIp", json!("10.*")), "aws:SourceIp"),
        ("/Statement/0/Condition", condition("NumericEquals", "aws:Referer", json!(1)), "aws:Referer"),
        ("/Statement/0/Condition", condition("DateEquals", "s3:signatureAge", json!(1)), "s3:signatureAge"),
        ("/Statement/0/Condition", condition("Bool", "s3:TlsVersion", json!(true)), "s3:TlsVersion"),
        (
            "/Statement/0/Condition",
            condition("StringEquals", "aws:SecureTransport", json!("true")),
            "aws:SecureTransport",
        ),
        (
            "/Statement/0/Condition",
            condition("ArnEquals", "aws:username", json!("arn:aws:iam:::user/x")),
            "aws:username",
        ),
        (
            "/Statement/0/Condition",
            condition("IpAddress", "aws:SourceIp", json!("10.0.0.0/33")),
            "10.0.0.0/33",
        ),
        ("/Statement/0/Condition", condition("IpAddress", "aws:SourceIp", json!("10.0.0")), "10.0.0"),
        (
            "/Statement/0/Condition",
            condition("IpAddress", "aws:SourceIp", json!("10.0.0.0/+8")),
            "10.0.0.0/+8",
        ),
        (
            "/Statement/0/Condition",
            condition("IpAddress", "aws:SourceIp", json!("${aws:SourceIp}")),
            "${aws:SourceIp}",
        ),
        ("/Statement/0/Condition", condition("NumericEquals", "s3:signatureAge", json!("soon")), "soon"),
        ("/Statement/0/Condition", condition("NumericEquals", "s3:signatureAge", json!("NaN")), "NaN"),
        ("/Statement/0/Condition", condition("DateEquals", "aws:CurrentTime", json!("soon")), "soon"),
        ("/Statement/0/Condition", condition("Bool", "aws:SecureTransport", json!("yes")), "yes"),
        ("/Statement/0/Condition", condition("Null", "aws:Referer", json!("x")), "aws:Referer"),
        ("/Statement/0/Condition", condition("StringEquals", "aws:userid", json!([])), "aws:userid"),
        ("/Statement/0/Condition", condition("StringEquals", "aws:userid", json!(null)), "aws:userid"),
        ("/Statement/0/Condition", condition("StringEquals", "aws:userid", json!({"a": "b"})), "aws:userid"),
        (
            "/Statement/0/Condition",
            condition("StringEquals", "aws:userid", json!(["a", ["b"]])),
            "aws:userid",
        ),
        ("/Statement/0/Condition", condition("StringEquals", "aws:userid", json!("${who}")), "who"),
        ("/Statement/0/Condition", condition("StringEquals", "aws:userid", json!("${}")), "variable"),
        ("/Statement/0/Condition", condition("ArnLike", "aws:PrincipalArn", json!("user/x")), "user/x"),
    ]
}

fn rejection(text: &str) -> Option<S3Error> {
    Policy::parse(text).and_then(|policy| policy.check_resources("b")).err()
}

#[test]
fn faults_are_rejected_by_name() {
    assert!(rejection(&valid_policy().to_string()).is_none(), "{:?}", rejection(&valid_policy().to_string()));
    for (place, value, named) in faults() {
        let mut policy = valid_policy();
        let (parent, last) = place.rsplit_once('/').unwrap();
        match policy.pointer_mut(parent).unwrap() {
            Value::Object(map) => {
                map.insert(last.to_owned(), value.clone());
            }
            Value::Array(list) => list[last.parse::<usize>().unwrap()] = value.clone(),
            other => panic!("{other}"),
        }
        let error = rejection(&policy.to_string()).unwrap_or_else(|| panic!("accepted: {place} {value}"));
        assert_eq!((error.code.as_str(), error.status), ("MalformedPolicy", 400), "{place} {value}");
        assert!(error.message.contains(named), "{place} {value}: {}", error.message);
    }
}

#[test]
fn missing_and_duplicate_elements_are_rejected_by_name() {
    for (place, name) in [
        ("", "Statement"),
        ("/Statement/0", "Effect"),
        ("/Statement/0", "Principal"),
        ("/Statement/0", "Action"),
        ("/Statement/0", "Resource"),
    ] {
        let mut policy = valid_policy();
        policy.pointer_mut(place).unwrap().as_object_mut().unwrap().remove(name).unwrap();
        let message = rejection(&policy.to_string()).unwrap().message;
        assert!(message.contains(&name.to_lowercase()) || message.contains(name), "{name}: {message}");
    }
    let text = valid_policy().to_string();
    for (from, to) in [
        (r#""Effect":"Allow""#, r#""Effect":"Deny","Effect":"Allow""#),
        (r#""Id":"id""#, r#""Id":"id","Id":"other""#),
        (r#""Bool":{"#, r#""Bool":{"aws:SecureTransport":false},"Bool":{"#),
        (r#""aws:SourceIp":"#, r#""aws:SourceIp":"11.0.0.0/8","aws:SourceIp":"#),
    ] {
        assert!(text.contains(from), "{from}");
        let error = rejection(&text.replacen(from, to, 1)).unwrap();
        assert_eq!(error.code.as_str(), "MalformedPolicy", "{to}");
        assert!(error.message.contains("twice"), "{to}: {}", error.message);
    }
}

proptest! {
    /// Changing one letter of a name gives an unknown name, which is rejected, or the same name in another case.
    #[test]
    fn misspelt_actions_and_keys_are_rejected(place in 0usize..1000, letter in "[a-z]", which in 0usize..1000) {
        let actions: Vec<String> = action::all().collect();
        let action = &actions[which % actions.len()];
        let place = 3 + place % (action.len() - 3);
        let misspelt = format!("{}{letter}{}", &action[..place], &action[place + 1..]);
        let text = policy(&[statement("Deny", r#""*""#, &format!("\"{misspelt}\""), r#""*""#, "")]);
        let is_known = actions.iter().any(|action| action.eq_ignore_ascii_case(&misspelt));
        prop_assert_eq!(Policy::parse(&text).is_ok(), is_known, "{}", misspelt);
        let name = key::SPECS[which % key::SPECS.len()].name.trim_end_matches('/');
        let place = place % name.len();
        let misspelt = format!("{}{letter}{}", &name[..place], &name[place + 1..]);
        if !key::SPECS.iter().any(|spec| spec.name == misspelt) && misspelt != name {
            prop_assert!(Key::parse(&misspelt).is_none(), "{}", misspelt);
            prop_assert!(Key::parse(&format!("{misspelt}/x")).is_none(), "{}", misspelt);
        }
    }

    /// Random strings never cause a panic.
    #[test]
    fn random_strings_are_rejected(text in "[ -~]{0,60}") {
        let in_action = policy(&[statement("Deny", r#""*""#, &json!(text).to_string(), r#""*""#, "")]);
        prop_assert!(Policy::parse(&in_action).is_err() || text.contains(['*', '?']) || text.starts_with("s3:"));
        let _ = Policy::parse(&policy(&[statement("Deny", r#""*""#, r#""*""#, &json!(text).to_string(), "")]));
        let _ = Policy::parse(&text);
    }
}
