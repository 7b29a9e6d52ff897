use std::ffi::OsString;
use std::path::PathBuf;

use super::*;
use crate::cli::{List, OptionValue};
use s3cmd_client::checksum::Algorithm;

/// A home directory with a configuration file in it.
struct Home {
    folder: tempfile::TempDir,
    env: FixedEnvironment,
}

impl Home {
    fn empty() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let env = FixedEnvironment { home: Some(folder.path().to_owned()), ..FixedEnvironment::default() };
        // Otherwise the tests would query the instance metadata service.
        Self { folder, env: env.with("AWS_EC2_METADATA_DISABLED", "true") }
    }

    fn with(text: &str) -> Self {
        Self::empty().file(".s3cfg", text)
    }

    /// With a key pair in the file, which most tests need but do not check.
    fn keyed(text: &str) -> Self {
        Self::with(&format!("access_key = AK\nsecret_key = SK\n{text}"))
    }

    fn file(self, name: &str, text: impl AsRef<[u8]>) -> Self {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
        self
    }

    fn var(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.env = self.env.with(name, value);
        self
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn load(&self, typed: &CliOptions) -> Result<Loaded, ConfigError> {
        super::load(typed, &self.env)
    }

    fn settings(&self) -> Settings {
        self.load(&CliOptions::default()).unwrap().settings
    }

    fn error(&self) -> ConfigError {
        self.load(&CliOptions::default()).unwrap_err()
    }
}

fn typed(keys: &[(&'static str, &str)]) -> CliOptions {
    let keys = keys.iter().map(|(key, value)| (*key, OptionValue::Text(value.into()))).collect();
    CliOptions { keys, ..CliOptions::default() }
}

fn listed(lists: &[(List, &str)]) -> CliOptions {
    CliOptions {
        lists: lists.iter().map(|(list, value)| (*list, value.into())).collect(),
        ..CliOptions::default()
    }
}

#[test]
fn the_file_of_allas_conf_is_read() {
    let settings = Home::with(
        "[allas-project_2001234]\naccess_key   = AK\nsecret_key   = SK\nhost_base    = a3s.fi\n\
         host_bucket  = %(bucket)s.a3s.fi\nhuman_readable_sizes = True\nenable_multipart = True\n\
         signature_v2 = True\nuse_https = True\n",
    )
    .settings();
    assert_eq!((settings.access_key.as_str(), settings.secret_key.as_str()), ("AK", "SK"));
    assert_eq!((settings.host_base.as_str(), settings.host_bucket.as_str()), ("a3s.fi", "%(bucket)s.a3s.fi"));
    assert!(settings.human_readable_sizes && settings.signature_v2 && settings.use_https);
    assert!(!settings.signurl_use_https_set && !settings.public_url_use_https_set);
}

#[test]
fn the_scheme_of_an_endpoint_is_removed() {
    let home = Home::keyed("host_base = https://lumidata.eu\nhost_bucket = https://lumidata.eu\n");
    assert_eq!(home.settings().host_base, "lumidata.eu");
    assert_eq!(home.settings().host_bucket, "lumidata.eu");
}

#[test]
fn the_option_names_the_file_before_the_variable_and_the_variable_before_home() {
    let home = Home::keyed("limit = 1\n")
        .file("two", "access_key=a\nlimit = 2\n")
        .file("three", "access_key=a\nlimit = 3\n");
    assert_eq!(home.settings().limit, 1);
    let two = home.path("two");
    let home = home.var("S3CMD_CONFIG", &two);
    assert_eq!(home.settings().limit, 2);
    let mut typed = CliOptions::default();
    typed.cli_only.push((CliOnly::ConfigFile, OptionValue::Text(home.path("three").into())));
    assert_eq!(home.load(&typed).unwrap().settings.limit, 3);
}

#[test]
fn without_a_file_or_a_key_the_reason_is_reported() {
    let home = Home::empty();
    let error = home.error();
    assert_eq!(error.exit, 78);
    assert_eq!(error.lines[0], format!("{}: No such file or directory", home.path(".s3cfg").display()));
    assert_eq!(error.lines[1], "Configuration file not available.");
    assert_eq!(error.lines[2], "Consider using --configure parameter to create one.");
    let keyless = Home::with("secret_key = x\n");
    let expected = format!("{}: no access_key in it", keyless.path(".s3cfg").display());
    assert_eq!(keyless.error().lines[0], expected);
}

#[test]
fn a_command_without_credentials_needs_no_keys() {
    let loaded =
        Home::empty().load(&CliOptions { credentials_optional: true, ..CliOptions::default() }).unwrap();
    assert_eq!(loaded.credentials, CredentialSource::None);
    assert_eq!(loaded.settings.host_base, "s3.amazonaws.com");
}

#[test]
fn values_that_start_with_a_dollar_are_expanded() {
    let home = Home::keyed(
        "host_base = $HOST\nlimit = $LIMIT\nbucket_location = $NOPE\nstorage_class = a$HOST\n\
         cache_file = \"$HOST\"\nmime_type = $LOOP\nkms_key = $\n",
    )
    .var("HOST", "$HOST2")
    .var("HOST2", "deep")
    .var("LIMIT", "7")
    .var("LOOP", "$LOOP");
    let settings = home.settings();
    assert_eq!(settings.host_base, "deep");
    assert_eq!(settings.limit, 7);
    assert_eq!(settings.bucket_location, "US");
    assert_eq!(settings.storage_class, "a$HOST");
    assert_eq!(settings.cache_file, "deep");
    assert_eq!((settings.mime_type.as_str(), settings.kms_key.as_str()), ("", ""));
    let from_option = home.load(&typed(&[("storage_class", "$HOST"), ("mime_type", "$NOPE")])).unwrap();
    assert_eq!(from_option.settings.storage_class, "deep");
    assert_eq!(from_option.settings.mime_type, "");
}

#[test]
fn tokens_upload_ids_and_typed_pairs_are_not_expanded() {
    let home = Home::keyed("").var("X", "deep");
    let settings = |keys: &[(&'static str, &str)]| home.load(&typed(keys)).unwrap().settings;
    assert_eq!(settings(&[("access_token", "$X")]).access_token, "$X");
    let upload = settings(&[("upload_id", "$X")]);
    assert_eq!((upload.upload_id.as_str(), upload.put_continue), ("$X", true));
    let pair = settings(&[("access_key", "$X"), ("secret_key", "$X")]);
    assert_eq!((pair.access_key.as_str(), pair.secret_key.as_str()), ("$X", "$X"));
    assert_eq!(settings(&[("access_key", "$X")]).access_key, "deep");
}

#[test]
fn the_last_value_of_a_key_counts_even_when_it_names_an_unset_variable() {
    assert_eq!(Home::keyed("limit = x\nlimit = 5\n").settings().limit, 5);
    assert_eq!(Home::keyed("host_base = a\nhost_base = $NOPE\n").settings().host_base, "s3.amazonaws.com");
}

#[test]
fn a_bad_value_in_the_file_is_a_parameter_problem() {
    let error = Home::keyed("use_https = maybe\nbogus\nlimit = x\n").error();
    assert_eq!(error.exit, 64);
    let expected = "Parameter problem: Config: value of option 'limit' must be an integer, not 'x'";
    assert_eq!(error.lines, [expected]);
    assert_eq!(error.warnings.len(), 1);
    assert!(error.warnings[0].starts_with("Ignoring invalid line in '"), "{:?}", error.warnings);
    assert!(error.warnings[0].ends_with(".s3cfg': line 4"), "{:?}", error.warnings);
}

#[test]
fn a_bad_value_of_an_option_exits_with_1() {
    let home = Home::keyed("");
    let error = home.load(&typed(&[("max_retries", "x"), ("limit", "y")])).unwrap_err();
    assert_eq!(error.exit, 1);
    assert_eq!(error.lines, ["Config: value of option 'limit' must be an integer, not 'y'"]);
}

#[test]
fn a_file_that_is_not_text_is_refused_with_the_line() {
    let error = Home::empty().file(".s3cfg", b"access_key = a\nhost_base = \xff\n").error();
    assert_eq!(error.exit, 64);
    assert!(error.lines[0].ends_with(".s3cfg: line 2 is not UTF-8 text"), "{:?}", error.lines);
}

#[test]
fn the_environment_gives_the_keys_only_where_the_file_has_none() {
    let env = |home: Home| home.var("AWS_ACCESS_KEY_ID", "ea").var("AWS_SECRET_ACCESS_KEY", "es");
    assert_eq!(env(Home::keyed("")).settings().access_key, "AK");
    let loaded = env(Home::with("limit = 3\n")).load(&CliOptions::default()).unwrap();
    assert_eq!(loaded.credentials, CredentialSource::Environment);
    assert_eq!((loaded.settings.access_key.as_str(), loaded.settings.secret_key.as_str()), ("ea", "es"));
    assert_eq!(loaded.settings.limit, 3);
}

#[test]
fn of_two_names_in_the_environment_the_older_wins() {
    let home = Home::empty()
        .var("AWS_ACCESS_KEY", "a1")
        .var("AWS_ACCESS_KEY_ID", "a2")
        .var("AWS_SECRET_KEY", "s1")
        .var("AWS_SECRET_ACCESS_KEY", "s2")
        .var("AWS_SESSION_TOKEN", "t2")
        .var("AWS_SECURITY_TOKEN", "t1");
    let settings = home.settings();
    assert_eq!((settings.access_key.as_str(), settings.secret_key.as_str()), ("a1", "s1"));
    assert_eq!(settings.access_token, "t2");
}

#[test]
fn an_access_key_in_the_environment_needs_its_secret() {
    let error = Home::empty().var("AWS_ACCESS_KEY_ID", "a").var("AWS_SECRET_ACCESS_KEY", "").error();
    assert_eq!(error.exit, 64);
    assert_eq!(
        error.lines,
        [
            "Parameter problem: AWS_ACCESS_KEY environment variable is used but AWS_SECRET_KEY variable is missing"
        ]
    );
}

#[test]
fn a_typed_key_pair_needs_no_file_and_wins_over_all() {
    let pair = typed(&[("access_key", "TA"), ("secret_key", "TS")]);
    let loaded = Home::empty().load(&pair).unwrap();
    assert_eq!(loaded.credentials, CredentialSource::CommandLine);
    assert_eq!((loaded.settings.access_key.as_str(), loaded.settings.secret_key.as_str()), ("TA", "TS"));
    let replaced = Home::keyed("").load(&typed(&[("access_key", "TA")])).unwrap().settings;
    assert_eq!((replaced.access_key.as_str(), replaced.secret_key.as_str()), ("TA", "SK"));
    assert_eq!(Home::empty().load(&typed(&[("access_key", "TA")])).unwrap_err().exit, 78);
}

#[test]
fn the_credentials_file_of_the_aws_tools_is_read_only_without_a_file_of_our_own() {
    let text = "[default]\nAWS_ACCESS_KEY_ID=DA\nAWS_SECRET_ACCESS_KEY=D\\n\"S\n[p]\naws_access_key_id = PA\n\
                aws_secret_access_key = P/S+=#x\naws_session_token = PT\n";
    let home = Home::empty().file(".aws/credentials", text).var("AWS_PROFILE", "p");
    let loaded = home.load(&CliOptions::default()).unwrap();
    assert_eq!(loaded.credentials, CredentialSource::AwsFile);
    assert_eq!(loaded.warnings, Vec::<String>::new());
    assert_eq!(loaded.settings.access_key, "PA");
    assert_eq!(loaded.settings.secret_key, "P/S+=#x");
    assert_eq!(loaded.settings.access_token, "PT");
    let settings = home.var("AWS_PROFILE", "default").settings();
    assert_eq!((settings.access_key.as_str(), settings.secret_key.as_str()), ("DA", "D\\n\"S"));
    let own = Home::keyed("").file(".aws/credentials", text).var("AWS_PROFILE", "p");
    assert_eq!(own.settings().access_key, "AK");
    assert_eq!(Home::empty().file(".aws/credentials", text).error().exit, 78);
}

#[test]
fn an_old_credentials_file_without_sections_is_read_with_a_warning() {
    let home = Home::empty().file("old", "AWSAccessKeyId=DD\nAWSSecretKey=EE\n");
    let path = home.path("old");
    let loaded = home.var("AWS_CREDENTIAL_FILE", path).load(&CliOptions::default()).unwrap();
    assert_eq!((loaded.settings.access_key.as_str(), loaded.settings.secret_key.as_str()), ("DD", "EE"));
    assert_eq!(loaded.warnings.len(), 4);
}

#[test]
fn a_missing_profile_is_reported() {
    let home = Home::empty().file(".aws/credentials", "[default]\n").var("AWS_PROFILE", "nope");
    let error = home.error();
    assert_eq!(error.exit, 78);
    assert!(error.warnings[0].starts_with("Couldn't find AWS Profile 'nope' in"), "{:?}", error.warnings);
}

/// The credentials provider of the settings, as text.
fn provider(home: &Home) -> String {
    home.settings()
        .credentials_provider
        .map_or_else(String::new, |provider| format!("{}: {:?}", provider.what, provider.provider))
}

#[test]
fn a_role_is_used_only_without_keys() {
    let with_role = |home: Home| home.var("AWS_ROLE_ARN", "arn:x").var("AWS_WEB_IDENTITY_TOKEN_FILE", "/t");
    assert_eq!(provider(&with_role(Home::keyed(""))), "");
    let from_environment = Home::empty().var("AWS_ACCESS_KEY_ID", "A").var("AWS_SECRET_ACCESS_KEY", "S");
    assert_eq!(provider(&with_role(from_environment)), "");
    let found = provider(&with_role(Home::empty()));
    assert!(found.contains("WebIdentity") && found.contains("https://sts.amazonaws.com/"), "{found}");
    let regional =
        with_role(Home::with("bucket_location = EU\n")).var("AWS_STS_REGIONAL_ENDPOINTS", "regional");
    assert!(provider(&regional).contains("https://sts.eu-west-1.amazonaws.com/"));
}

#[test]
fn the_container_comes_before_the_instance_and_only_trusted_hosts_are_queried() {
    let asked = |url: &str| provider(&Home::empty().var("AWS_CONTAINER_CREDENTIALS_FULL_URI", url));
    for url in ["http://127.0.0.1:81/x", "http://[::1]/x", "https://anywhere.example/x"] {
        assert!(asked(url).contains(url), "{url}");
    }
    let elsewhere = Home::empty().var("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://anywhere.example/x");
    assert_eq!(elsewhere.error().exit, 78);
    let secret = Home::empty()
        .var("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2/x")
        .var("AWS_CONTAINER_AUTHORIZATION_TOKEN", "hush");
    assert!(provider(&secret).contains("http://169.254.170.2/v2/x") && !provider(&secret).contains("hush"));
    let machine = Home::empty()
        .var("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://localhost:1/")
        .var("AWS_EC2_METADATA_DISABLED", "");
    assert!(provider(&machine).contains("\"http://localhost:1\""), "{}", provider(&machine));
}

#[test]
fn a_profile_may_name_a_role_or_a_program() {
    let home = |name: &str| {
        Home::empty()
            .file(".aws/credentials", "[base]\naws_access_key_id = A\naws_secret_access_key = hush\n")
            .file(
                ".aws/config",
                "[profile assumed]\nrole_arn = arn:x\nsource_profile = base\n\
                 [profile program]\ncredential_process = keys --now\n",
            )
            .var("AWS_PROFILE", name)
    };
    let found = provider(&home("assumed"));
    assert!(found.contains("Assume") && found.contains("arn:x") && !found.contains("hush"), "{found}");
    assert!(provider(&home("program")).contains("keys --now"));
    assert_eq!(home("base").settings().access_key, "A");
    assert_eq!(provider(&home("base")), "");
}

#[test]
fn headers_are_lower_cased_and_the_last_of_a_name_counts() {
    let home = Home::keyed("add_headers = X-One:1, Two : b:c \n");
    let typed = listed(&[(List::AddHeader, "X-One: 9 "), (List::AddHeader, "x-amz-tagging:days=1")]);
    let headers = home.load(&typed).unwrap().settings.extra_headers;
    let expected = [("two", "b:c"), ("x-one", "9"), ("x-amz-tagging", "days=1")];
    assert_eq!(headers, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
}

#[test]
fn bad_headers_are_refused() {
    let home = Home::keyed("");
    for (header, line) in [
        ("x", "Invalid header format: x"),
        (":x", "Invalid header format: :x"),
        ("a:b\r\nc:d", "Invalid header format: a:b\r\nc:d"),
        (" A :b", "Invalid character(s) in header name ' A ': \"<space><space>\""),
        ("a\tb:c", "Invalid character(s) in header name 'a\tb': \"<tab>\""),
        ("a/b?:c", "Invalid character(s) in header name 'a/b?': \"/?\""),
    ] {
        let error = home.load(&listed(&[(List::AddHeader, header)])).unwrap_err();
        assert_eq!((error.exit, error.lines), (64, vec![format!("Parameter problem: {line}")]), "{header:?}");
    }
    assert_eq!(Home::keyed("add_headers = a:b,c\n").error().exit, 64);
}

#[test]
fn a_checksum_algorithm_is_a_known_one() {
    let error = Home::keyed("checksum_algorithm = md5\n").error();
    let expected =
        "Parameter problem: Checksum algorithm 'md5' is not one of crc64nvme, crc32c, crc32, sha256, sha1";
    assert_eq!((error.exit, error.lines), (64, vec![expected.to_owned()]));
    let settings = |name: &str| Settings { checksum_algorithm: name.to_owned(), ..Settings::default() };
    assert_eq!(settings("CRC64nvme").checksum(), Some(Algorithm::Crc64Nvme));
    assert_eq!(settings("sha1").checksum(), Some(Algorithm::Sha1));
    assert_eq!(settings("").checksum(), None);
}

#[test]
fn the_part_size_has_bounds() {
    for (size, problem) in [("4", "small, must be >= 5 MB"), ("5121", "large, must be <= 5120 MB")] {
        let error = Home::keyed(&format!("multipart_chunk_size_mb = {size}\n")).error();
        let expected = format!(
            "Parameter problem: Chunk size {size} MB is too {problem}. Please adjust --multipart-chunk-size-mb"
        );
        assert_eq!((error.exit, error.lines), (64, vec![expected]));
    }
}

#[test]
fn invalid_pattern_files_and_expressions_have_their_exit_codes() {
    let home = Home::keyed("");
    let missing = home.load(&listed(&[(List::ExcludeFrom, "/nonexistent/f")])).unwrap_err();
    assert_eq!(missing.exit, 74);
    assert_eq!(missing.lines, ["Cannot read --exclude-from /nonexistent/f: No such file or directory"]);
    let broken = home.load(&listed(&[(List::Rinclude, "(")])).unwrap_err();
    assert_eq!(broken.exit, 64);
    assert!(broken.lines[0].starts_with("Parameter problem: --rinclude: '(' is not a valid"), "{broken:?}");
    let filter = home.load(&listed(&[(List::Exclude, "*"), (List::Rinclude, "^a")])).unwrap().settings.filter;
    assert!(filter.excludes("ba").is_some() && filter.excludes("ab").is_none());
}

#[test]
fn encryption_needs_a_passphrase() {
    let error = Home::keyed("encrypt = True\n").error();
    assert_eq!((error.exit, error.lines.len()), (78, 2));
    assert!(Home::keyed("encrypt = True\ngpg_passphrase = p\n").settings().encrypt);
}

#[test]
fn kms_needs_version_4_signatures() {
    assert_eq!(Home::keyed("kms_key = k\nsignature_v2 = True\n").error().exit, 1);
    let both =
        Home::keyed("kms_key = k\nserver_side_encryption = True\n").load(&CliOptions::default()).unwrap();
    assert!(both.warnings[0].contains("KMS encryption will be used"), "{:?}", both.warnings);
}

#[test]
fn options_without_a_key_reach_the_settings() {
    let typed = CliOptions {
        cli_only: vec![
            (CliOnly::Quiet, OptionValue::Switch(true)),
            (CliOnly::CheckMd5, OptionValue::Switch(false)),
            (CliOnly::CfComment, OptionValue::Text("c".into())),
        ],
        lists: vec![
            (List::AclGrant, "read:a@b".into()),
            (List::AclRevoke, "all:x:y".into()),
            (List::RemoveHeader, " Expires ".into()),
            (List::FilesFrom, "-".into()),
        ],
        keys: vec![("upload_id", OptionValue::Text("u".into()))],
        ..CliOptions::default()
    };
    let settings = Home::keyed("").load(&typed).unwrap().settings;
    assert!(settings.quiet && !settings.sync_checks_md5 && !settings.store_md5 && settings.put_continue);
    assert_eq!(settings.cf_comment.as_deref(), Some("c"));
    assert_eq!(settings.acl_grants, [AclChange { permission: "read".into(), grantee: "a@b".into() }]);
    assert_eq!(settings.acl_revokes, [AclChange { permission: "all".into(), grantee: "x:y".into() }]);
    assert_eq!(settings.remove_headers, ["expires"]);
    assert_eq!(settings.files_from, ["-"]);
}

#[test]
fn a_dump_read_again_gives_the_same_dump() {
    let settings = Home::keyed("limitrate = 3k\nverbosity = DEBUG\njobs = 4\nacl_public = no\n").settings();
    let dump = settings.dump();
    assert_eq!(Home::with(&dump).settings().dump(), dump);
}

#[test]
fn the_meter_follows_the_terminal_by_default() {
    let mut home = Home::keyed("");
    assert!(!home.settings().progress_meter);
    home.env.terminal = true;
    assert!(home.settings().progress_meter);
    let home = Home { env: home.env, ..Home::keyed("") };
    let off = CliOptions {
        keys: vec![("progress_meter", OptionValue::Switch(false))],
        cli_only: vec![(CliOnly::ConfigFile, OptionValue::Text(home.path(".s3cfg").into()))],
        ..CliOptions::default()
    };
    assert!(!home.load(&off).unwrap().settings.progress_meter);
}

#[test]
fn the_charset_comes_from_the_locale() {
    assert_eq!(Home::keyed("").settings().encoding, "UTF-8");
    assert_eq!(Home::keyed("").var("LANG", "fi_FI.utf8").settings().encoding, "UTF-8");
    assert_eq!(Home::keyed("").var("LC_ALL", "fi_FI.ISO-8859-1@euro").settings().encoding, "ISO-8859-1");
}
