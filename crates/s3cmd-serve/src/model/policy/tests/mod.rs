//! Parsing and evaluation of policies.

mod broken;

use super::*;
use proptest::prelude::*;

/// Evaluates a policy for a request at 2026-05-04T12:00:00Z with the prefix `home/` and 100 keys.
fn decide(policy: &str, who: Option<&str>, action: &str, key: Option<&str>, source: &str) -> Decision {
    let values = |key: &Key| {
        let value = match key.spec.name {
            "s3:prefix" => Some("home/".to_owned()),
            "s3:max-keys" => Some("100".to_owned()),
            "aws:sourceip" => Some(source.to_owned()),
            "aws:securetransport" => Some("false".to_owned()),
            "aws:currenttime" => Some("2026-05-04T12:00:00Z".to_owned()),
            "aws:epochtime" => Some("1777896000".to_owned()),
            "aws:principalarn" => who.map(|id| format!("arn:aws:iam:::user/{id}")),
            "aws:userid" | "aws:username" => who.map(str::to_owned),
            "s3:requestobjecttagkeys" => return vec!["a".to_owned(), "b".to_owned()],
            _ => None,
        };
        value.into_iter().collect()
    };
    Policy::parse(policy).unwrap().decide(&Question {
        who,
        action,
        bucket: "b",
        key,
        values: &values,
        is_pending: &|_| false,
    })
}

fn statement(effect: &str, principal: &str, action: &str, resource: &str, condition: &str) -> String {
    format!(
        r#"{{"Effect":"{effect}","Principal":{principal},"Action":{action},"Resource":{resource}{}}}"#,
        if condition.is_empty() { String::new() } else { format!(r#","Condition":{condition}"#) },
    )
}

fn policy(statements: &[String]) -> String {
    format!(r#"{{"Version":"2012-10-17","Statement":[{}]}}"#, statements.join(","))
}

#[test]
fn deny_wins_over_allow() {
    let text = policy(&[
        statement("Allow", r#""*""#, r#""s3:GetObject""#, r#""arn:aws:s3:::b/*""#, ""),
        statement("Deny", r#"{"AWS":"*"}"#, r#""s3:*""#, r#"["arn:aws:s3:::b/secret/*"]"#, ""),
    ]);
    assert_eq!(decide(&text, None, "s3:GetObject", Some("x"), "127.0.0.1"), Decision::Allow);
    assert_eq!(decide(&text, None, "s3:GetObject", Some("secret/x"), "127.0.0.1"), Decision::Deny);
    assert_eq!(decide(&text, None, "s3:PutObject", Some("x"), "127.0.0.1"), Decision::NoMatch);
    assert_eq!(decide(&text, None, "s3:ListBucket", None, "127.0.0.1"), Decision::NoMatch);
}

#[test]
fn principals_are_named_in_all_their_forms() {
    for principal in [
        r#"{"AWS":"alice"}"#,
        r#"{"AWS":["bob","arn:aws:iam:::user/alice"]}"#,
        r#"{"AWS":"arn:aws:iam::alice:root"}"#,
        r#"{"CanonicalUser":"alice"}"#,
    ] {
        let text = policy(&[statement("Allow", principal, r#"["s3:Get*"]"#, r#""arn:aws:s3:::b/*""#, "")]);
        assert_eq!(
            decide(&text, Some("alice"), "s3:GetObject", Some("x"), "::1"),
            Decision::Allow,
            "{principal}"
        );
        assert_eq!(
            decide(&text, Some("carol"), "s3:GetObject", Some("x"), "::1"),
            Decision::NoMatch,
            "{principal}"
        );
        assert_eq!(decide(&text, None, "s3:GetObject", Some("x"), "::1"), Decision::NoMatch, "{principal}");
    }
}

#[test]
fn not_principal_denies_everyone_else() {
    let but = |principal| {
        policy(&[statement("Deny", principal, r#""s3:GetObject""#, r#""arn:aws:s3:::b/*""#, "")
            .replace("\"Principal\"", "\"NotPrincipal\"")])
    };
    let text = but(r#"{"AWS":["arn:aws:iam:::user/alice","bob"]}"#);
    for (who, decision) in [
        (Some("alice"), Decision::NoMatch),
        (Some("bob"), Decision::NoMatch),
        (Some("carol"), Decision::Deny),
        (None, Decision::Deny),
    ] {
        assert_eq!(decide(&text, who, "s3:GetObject", Some("x"), "::1"), decision, "{who:?}");
    }
    assert_eq!(Policy::parse(&but(r#""*""#)).unwrap_err().code.as_str(), "MalformedPolicy");
}

#[test]
fn source_addresses_are_compared_as_networks() {
    let deny =
        |condition| policy(&[statement("Deny", r#""*""#, r#""s3:*""#, r#""arn:aws:s3:::b/*""#, condition)]);
    let inside = deny(r#"{"IpAddress":{"aws:SourceIp":["10.0.0.0/8","2001:db8::/32"]}}"#);
    for (address, decision) in [
        ("10.1.2.3", Decision::Deny),
        ("::ffff:10.1.2.3", Decision::Deny),
        ("2001:db8::1", Decision::Deny),
        ("11.0.0.1", Decision::NoMatch),
        ("2001:db9::1", Decision::NoMatch),
    ] {
        assert_eq!(decide(&inside, None, "s3:GetObject", Some("x"), address), decision, "{address}");
    }
    let outside = deny(r#"{"NotIpAddress":{"aws:SourceIp":"10.0.0.0/8"}}"#);
    assert_eq!(decide(&outside, None, "s3:GetObject", Some("x"), "10.1.2.3"), Decision::NoMatch);
    assert_eq!(decide(&outside, None, "s3:GetObject", Some("x"), "192.168.0.1"), Decision::Deny);
    let everything = deny(r#"{"IpAddress":{"aws:SourceIp":"0.0.0.0/0"}}"#);
    assert_eq!(decide(&everything, None, "s3:GetObject", Some("x"), "8.8.8.8"), Decision::Deny);
}

#[test]
fn string_and_bool_conditions() {
    let when = |condition| {
        let text =
            policy(&[statement("Allow", r#""*""#, r#""s3:ListBucket""#, r#""arn:aws:s3:::b""#, condition)]);
        decide(&text, None, "s3:ListBucket", None, "::1") == Decision::Allow
    };
    assert!(when(r#"{"StringEquals":{"s3:prefix":["x","home/"]}}"#));
    assert!(!when(r#"{"StringNotEquals":{"s3:prefix":["x","home/"]}}"#));
    assert!(when(r#"{"StringLike":{"S3:Prefix":"h?me*"}}"#) && !when(r#"{"StringLike":{"s3:prefix":"x*"}}"#));
    assert!(when(r#"{"StringNotLike":{"s3:prefix":"x*"}}"#));
    assert!(
        !when(r#"{"StringEquals":{"s3:delimiter":"/"}}"#)
            && when(r#"{"StringNotEquals":{"s3:delimiter":"/"}}"#)
    );
    assert!(when(r#"{"StringEqualsIfExists":{"s3:delimiter":"/"}}"#));
    assert!(
        when(r#"{"Bool":{"aws:SecureTransport":"false"}}"#)
            && !when(r#"{"Bool":{"aws:SecureTransport":true}}"#)
    );
    assert!(when(r#"{"Null":{"s3:delimiter":"true"}}"#) && !when(r#"{"Null":{"s3:prefix":"true"}}"#));
}

#[test]
fn invalid_policies_are_rejected() {
    let good = statement("Allow", r#""*""#, r#""s3:GetObject""#, r#""arn:aws:s3:::b/*""#, "");
    assert!(Policy::parse(&policy(std::slice::from_ref(&good))).is_ok());
    for text in [
        "".to_owned(),
        "[]".to_owned(),
        "{}".to_owned(),
        "{".to_owned(),
        policy(&[]),
        policy(&[good.replace("Allow", "Permit")]),
        policy(&[good.replace("\"Principal\"", "\"NotPrincipal\"")]),
        policy(&[good.replace("\"Principal\":\"*\"", r#""NotPrincipal":{"AWS":"bob"}"#)]),
        policy(&[good.replace("s3:GetObject", "ec2:Run")]),
        policy(&[good.replace("\"*\"", "{\"Federated\":\"x\"}")]),
        policy(&[statement("Allow", r#""*""#, r#""s3:*""#, r#""*""#, r#"{"DateWhatever":{"k":"v"}}"#)]),
        policy(&[statement(
            "Allow",
            r#""*""#,
            r#""s3:*""#,
            r#""*""#,
            r#"{"IpAddress":{"aws:SourceIp":"1.2.3"}}"#,
        )]),
    ] {
        assert_eq!(Policy::parse(&text).unwrap_err().code.as_str(), "MalformedPolicy", "{text}");
    }
    let parsed = Policy::parse(&policy(&[good])).unwrap();
    assert!(parsed.check_resources("b").is_ok());
    assert_eq!(parsed.check_resources("other").unwrap_err().code.as_str(), "MalformedPolicy");
}

proptest! {
    /// Compared with the plain recursive definition.
    #[test]
    fn wildcards_match_as_defined(pattern in "[ab*?]{0,8}", text in "[ab]{0,8}") {
        fn simple(pattern: &[u8], text: &[u8]) -> bool {
            match pattern.split_first() {
                None => text.is_empty(),
                Some((b'*', suffix)) => (0..=text.len()).any(|at| simple(suffix, &text[at..])),
                Some((b'?', suffix)) => !text.is_empty() && simple(suffix, &text[1..]),
                Some((byte, suffix)) => text.first() == Some(byte) && simple(suffix, &text[1..]),
            }
        }
        let expected = simple(pattern.as_bytes(), text.as_bytes());
        prop_assert_eq!(like(pattern.as_bytes(), text.as_bytes()), expected);
        let question = Question { who: None, action: "", bucket: "", key: None, values: &|_| Vec::new(), is_pending: &|_| false };
        let read = Pattern::parse(&pattern, Syntax { wildcards: true, variables: true }).unwrap();
        prop_assert_eq!(read.matches(&text, &question), expected);
        prop_assert_eq!(read.matches_ignoring_case(&text.to_uppercase(), &question), expected);
        // If the pattern matches the text or something below it, `could_match_in` has to be true.
        let candidates = ["", "/", "/a", "/b", "/aa", "/ab", "/ba", "/bb"].map(|suffix| format!("{text}{suffix}"));
        let matches_one = candidates.iter().any(|text| read.matches(text, &question));
        prop_assert!(!matches_one || read.could_match_in(&text));
    }
}

#[test]
fn numbers_dates_and_arns_are_compared_as_such() {
    for (condition, holds) in [
        (r#"{"NumericEquals":{"s3:max-keys":"100.0"}}"#, true),
        (r#"{"NumericEquals":{"s3:max-keys":[7,100]}}"#, true),
        (r#"{"NumericNotEquals":{"s3:max-keys":[7,100]}}"#, false),
        (r#"{"NumericNotEquals":{"s3:max-keys":7}}"#, true),
        (r#"{"NumericLessThan":{"s3:max-keys":100}}"#, false),
        (r#"{"NumericLessThan":{"s3:max-keys":1000}}"#, true),
        (r#"{"NumericLessThanEquals":{"s3:max-keys":100}}"#, true),
        (r#"{"NumericGreaterThan":{"s3:max-keys":"99"}}"#, true),
        (r#"{"NumericGreaterThanEquals":{"s3:max-keys":101}}"#, false),
        (r#"{"NumericLessThan":{"s3:TlsVersion":100}}"#, false),
        (r#"{"NumericLessThanIfExists":{"s3:TlsVersion":100}}"#, true),
        (r#"{"NumericLessThanIfExists":{"s3:max-keys":10}}"#, false),
        (r#"{"DateGreaterThan":{"aws:CurrentTime":"2026-05-04T11:59:59Z"}}"#, true),
        (r#"{"DateGreaterThan":{"aws:CurrentTime":"2026-05-04T14:00:00+02:00"}}"#, false),
        (r#"{"DateGreaterThanEquals":{"aws:CurrentTime":"2026-05-04T14:00:00+02:00"}}"#, true),
        (r#"{"DateLessThan":{"aws:CurrentTime":"2026-05-05"}}"#, true),
        (r#"{"DateLessThan":{"aws:CurrentTime":"2026-05-04"}}"#, false),
        (r#"{"DateLessThanEquals":{"aws:CurrentTime":"2026-05-04T12:00Z"}}"#, true),
        (r#"{"DateEquals":{"aws:EpochTime":"1777896000"}}"#, true),
        (r#"{"DateNotEquals":{"aws:CurrentTime":"1777896000"}}"#, false),
        (r#"{"NumericGreaterThan":{"aws:EpochTime":1777895999}}"#, true),
        (r#"{"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::*:user/al*"}}"#, true),
        (r#"{"ArnEquals":{"aws:PrincipalArn":"arn:aws:iam:::user/bob"}}"#, false),
        (r#"{"ArnLike":{"aws:PrincipalArn":"arn:aws:iam:*:user/alice:x"}}"#, false),
        (r#"{"StringLike":{"aws:PrincipalArn":"arn:*"}}"#, true),
        (r#"{"ArnNotLike":{"aws:PrincipalArn":"arn:aws:iam:::user/b*"}}"#, true),
        (r#"{"ArnLike":{"aws:PrincipalArn":"arn:aws:iam:::user/${aws:userid}"}}"#, true),
        (r#"{"DateGreaterThan":{"aws:EpochTime":"2026-05-04T11:00Z"}}"#, true),
        (r#"{"StringEquals":{"aws:username":"${aws:userid}"}}"#, true),
        (r#"{"StringEquals":{"aws:username":"${aws:Referer}"}}"#, false),
        (r#"{"StringEquals":{"aws:username":"${aws:Referer, 'alice'}"}}"#, true),
        (r#"{"StringNotEquals":{"aws:username":"${aws:Referer}"}}"#, true),
        (r#"{"StringLike":{"s3:prefix":"h${?}me/"}}"#, false),
        (r#"{"StringLike":{"s3:prefix":"${s3:prefix}"}}"#, true),
        (r#"{"Null":{"aws:Referer":true}}"#, true),
        (r#"{"Null":{"s3:max-keys":"false"}}"#, true),
        (r#"{"StringNotEqualsIgnoreCase":{"s3:prefix":"HOME/"}}"#, false),
        (r#"{"StringLikeIfExists":{"aws:Referer":"x"}}"#, true),
    ] {
        let text = policy(&[statement("Allow", r#""*""#, r#""s3:*""#, r#""arn:aws:s3:::b""#, condition)]);
        let decision = if holds { Decision::Allow } else { Decision::NoMatch };
        assert_eq!(decide(&text, Some("alice"), "s3:ListBucket", None, "::1"), decision, "{condition}");
    }
    for condition in [
        r#"{"NumericEquals":{"s3:max-keys":"many"}}"#,
        r#"{"NumericEquals":{"s3:max-keys":"inf"}}"#,
        r#"{"DateLessThan":{"aws:CurrentTime":"tomorrow"}}"#,
        r#"{"NumericLike":{"s3:max-keys":"1"}}"#,
        r#"{"Bool":{"aws:SecureTransport":"perhaps"}}"#,
        r#"{"NullIfExists":{"s3:prefix":"true"}}"#,
        r#"{"ArnLike":{"aws:PrincipalArn":"arn:*"}}"#,
        r#"{"NumericLessThan":{"s3:prefix":100}}"#,
        r#"{"IpAddress":{"aws:UserAgent":"10.0.0.0/8"}}"#,
    ] {
        let text = policy(&[statement("Allow", r#""*""#, r#""s3:*""#, r#""arn:aws:s3:::b""#, condition)]);
        assert_eq!(Policy::parse(&text).unwrap_err().code.as_str(), "MalformedPolicy", "{condition}");
    }
}

#[test]
fn multivalued_keys_are_compared_value_by_value() {
    for (condition, holds) in [
        (r#"{"ForAllValues:StringEquals":{"s3:RequestObjectTagKeys":["a","b","c"]}}"#, true),
        (r#"{"ForAllValues:StringEquals":{"s3:RequestObjectTagKeys":["a"]}}"#, false),
        (r#"{"ForAnyValue:StringEquals":{"s3:RequestObjectTagKeys":["a","x"]}}"#, true),
        (r#"{"ForAnyValue:StringEquals":{"s3:RequestObjectTagKeys":["x"]}}"#, false),
        (r#"{"ForAnyValue:StringNotEquals":{"s3:RequestObjectTagKeys":["a"]}}"#, true),
        (r#"{"ForAllValues:StringNotEquals":{"s3:RequestObjectTagKeys":["a"]}}"#, false),
        (r#"{"ForAllValues:StringEquals":{"aws:Referer":"x"}}"#, true),
        (r#"{"ForAnyValue:StringEquals":{"aws:Referer":"x"}}"#, false),
        (r#"{"ForAnyValue:StringNotEquals":{"aws:Referer":"x"}}"#, false),
        (r#"{"ForAnyValue:StringEqualsIfExists":{"aws:Referer":"x"}}"#, true),
        (r#"{"Null":{"s3:RequestObjectTagKeys":"false"}}"#, true),
    ] {
        let text =
            policy(&[statement("Allow", r#""*""#, r#""s3:PutObject""#, r#""arn:aws:s3:::b/*""#, condition)]);
        let decision = if holds { Decision::Allow } else { Decision::NoMatch };
        assert_eq!(decide(&text, Some("alice"), "s3:PutObject", Some("k"), "::1"), decision, "{condition}");
    }
}

#[test]
fn variables_take_the_values_of_the_request() {
    let home = |resource| policy(&[statement("Allow", r#""*""#, r#""s3:GetObject""#, resource, "")]);
    let own = home(r#""arn:aws:s3:::b/home/${aws:username}/*""#);
    for (who, key, decision) in [
        (Some("bob"), "home/bob/x", Decision::Allow),
        (Some("bob"), "home/carol/x", Decision::NoMatch),
        (Some("bob"), "home/${aws:username}/x", Decision::NoMatch),
        (Some("*"), "home/carol/x", Decision::NoMatch),
        (None, "home//x", Decision::NoMatch),
    ] {
        assert_eq!(decide(&own, who, "s3:GetObject", Some(key), "::1"), decision, "{who:?} {key}");
    }
    let guest = home(r#""arn:aws:s3:::b/${aws:username , 'a}*'}/x${*}y${$}{z}${?}""#);
    assert_eq!(decide(&guest, None, "s3:GetObject", Some("a}*/x*y${z}?"), "::1"), Decision::Allow);
    assert_eq!(decide(&guest, None, "s3:GetObject", Some("a}b/x*y${z}?"), "::1"), Decision::NoMatch);
    assert_eq!(decide(&guest, Some("bob"), "s3:GetObject", Some("bob/x*y${z}?"), "::1"), Decision::Allow);
    // The older version of the language would take them literally, which is hardly intended.
    let old = own.replace("2012-10-17", "2008-10-17");
    assert!(Policy::parse(&old).unwrap_err().message.contains("2012-10-17"));
}

#[test]
fn ipv4_networks_may_be_written_as_mapped_ipv6() {
    let text = policy(&[statement(
        "Deny",
        r#""*""#,
        r#""s3:*""#,
        r#""arn:aws:s3:::b/*""#,
        r#"{"IpAddress":{"aws:SourceIp":"::ffff:10.0.0.0/104"}}"#,
    )]);
    assert_eq!(decide(&text, None, "s3:GetObject", Some("x"), "10.1.2.3"), Decision::Deny);
    assert_eq!(decide(&text, None, "s3:GetObject", Some("x"), "11.1.2.3"), Decision::NoMatch);
}

#[test]
fn only_fixed_users_and_networks_make_a_policy_non_public() {
    for (condition, public) in [
        ("", true),
        (r#"{"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}}"#, false),
        (r#"{"ForAnyValue:IpAddress":{"aws:SourceIp":"10.0.0.0/8"}}"#, false),
        (r#"{"ForAllValues:IpAddress":{"aws:SourceIp":"10.0.0.0/8"}}"#, true),
        (r#"{"IpAddressIfExists":{"aws:SourceIp":"10.0.0.0/8"}}"#, true),
        (r#"{"IpAddress":{"aws:SourceIp":"::ffff:0:0/96"}}"#, true),
        (r#"{"StringEquals":{"aws:userid":"bob"}}"#, false),
        (r#"{"StringEquals":{"aws:userid":"${aws:userid}"}}"#, true),
        (r#"{"StringEquals":{"aws:UserAgent":"bob"}}"#, true),
        (r#"{"StringLike":{"aws:userid":"b*"}}"#, true),
        (r#"{"ArnEquals":{"aws:PrincipalArn":"arn:aws:iam:::user/bob"}}"#, false),
        (r#"{"ArnEquals":{"aws:PrincipalArn":"arn:aws:iam:::user/*"}}"#, true),
        (r#"{"Null":{"aws:userid":"false"}}"#, true),
    ] {
        let text =
            policy(&[statement("Allow", r#""*""#, r#""s3:GetObject""#, r#""arn:aws:s3:::b/*""#, condition)]);
        assert_eq!(Policy::parse(&text).unwrap().is_public(), public, "{condition}");
    }
}

#[test]
fn every_key_is_accepted_for_its_actions() {
    for spec in key::SPECS {
        let tag = if spec.name.ends_with('/') { "Name" } else { "" };
        let condition =
            format!(r#"{{"Null":{{"{}{tag}":true}}}}"#, spec.name.to_uppercase().replace("/NAME", "/"));
        let principal = if key::Key::parse(&format!("{}{tag}", spec.name)).unwrap().is_for_services() {
            r#"{"Service":"logging.s3.amazonaws.com"}"#
        } else {
            r#""*""#
        };
        let text = policy(&[statement("Deny", principal, r#""s3:*""#, r#""*""#, &condition)]);
        assert!(Policy::parse(&text).is_ok(), "{condition}: {:?}", Policy::parse(&text));
    }
}
