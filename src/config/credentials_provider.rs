//! Selects the provider of temporary credentials if neither the configuration file nor the environment has a key pair.

use super::static_credentials::{lookup, parse_ini};
use super::{Environment, Settings};
use ini::{Ini, Properties};
use s3cmd_client::credentials::{Credentials, Provider, Source, Token};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// The instance metadata service.
/// <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-retrieval.html>
const INSTANCE: &str = "http://169.254.169.254";

/// The base URL of relative container credentials URIs.
/// <https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html>
const CONTAINER: &str = "http://169.254.170.2";

/// Hosts that can provide container credentials over plain HTTP: the local machine, and the two cloud agents.
const PLAIN_HOSTS: [&str; 6] =
    ["127.0.0.1", "localhost", "[::1]", "169.254.170.2", "169.254.170.23", "[fd00:ec2::23]"];

/// A provider of temporary credentials, with texts for the error message if it fails.
#[derive(Clone, Debug)]
pub struct CredentialsProvider {
    /// Requests and caches the credentials.
    pub(crate) provider: Provider,
    /// The name of the provider in messages.
    pub(crate) what: &'static str,
    /// Why the configuration file has no key pair.
    pub(crate) reason: String,
}

fn provider(source: Source, what: &'static str) -> CredentialsProvider {
    CredentialsProvider { provider: Provider::new(source), what, reason: String::new() }
}

/// The provider that the environment selects: a web identity, else the container role, else the instance role. The
/// instance metadata service is queried on every machine, unless `AWS_EC2_METADATA_DISABLED` is set.
pub(super) fn from_environment(settings: &Settings, env: &dyn Environment) -> Option<CredentialsProvider> {
    if let (Some(role), Some(token_file)) =
        (env.non_empty("AWS_ROLE_ARN"), env.non_empty("AWS_WEB_IDENTITY_TOKEN_FILE"))
    {
        let region = region(settings, env);
        let role = Source::WebIdentity {
            role,
            token_file: token_file.into(),
            session: session(env),
            sts: sts(&region, env),
        };
        return Some(provider(role, "the web identity of AWS_ROLE_ARN"));
    }
    if let Some(url) = container_url(env) {
        let text =
            env.non_empty("AWS_CONTAINER_AUTHORIZATION_TOKEN").map(|text| Token::Text(Zeroizing::new(text)));
        let file =
            || env.non_empty("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE").map(|file| Token::File(file.into()));
        return Some(provider(
            Source::Container { url, authorization: text.or_else(file) },
            "the role of the container",
        ));
    }
    if env.non_empty("AWS_EC2_METADATA_DISABLED").is_some_and(|text| text.eq_ignore_ascii_case("true")) {
        return None;
    }
    let endpoint = env.non_empty("AWS_EC2_METADATA_SERVICE_ENDPOINT").unwrap_or_else(|| INSTANCE.to_owned());
    let endpoint = endpoint.trim_end_matches('/').to_owned();
    Some(provider(Source::Instance { endpoint }, "the role of this machine"))
}

fn container_url(env: &dyn Environment) -> Option<String> {
    if let Some(path) = env.non_empty("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI") {
        return Some(format!("{CONTAINER}{path}"));
    }
    let url = env.non_empty("AWS_CONTAINER_CREDENTIALS_FULL_URI")?;
    let host = url.strip_prefix("http://").map(|rest| rest.split('/').next().unwrap_or(""));
    let is_trusted = host.is_none_or(|host| {
        let name =
            host.rsplit_once(':').map_or(host, |(name, port)| if port.contains(']') { host } else { name });
        PLAIN_HOSTS.contains(&name)
    });
    Some(url).filter(|_| is_trusted)
}

/// The provider of the profile `$AWS_PROFILE` or `default`: `credential_process`, a web identity, or a role to be
/// assumed with the keys of `source_profile`. Profiles are defined in the credentials file, or in `~/.aws/config` as
/// `profile NAME`.
pub(super) fn from_profile(credentials: &Path, env: &dyn Environment) -> Option<CredentialsProvider> {
    let named = env.non_empty("AWS_CONFIG_FILE").map(PathBuf::from);
    let config = named.or_else(|| Some(env.home_dir()?.join(".aws/config")));
    let files =
        Files { credentials: read(credentials), config: config.as_deref().map(read).unwrap_or_default() };
    let profile = env.non_empty("AWS_PROFILE").unwrap_or_else(|| "default".to_owned());
    // A profile with a key pair needs no provider.
    if files.key(&profile, "aws_access_key_id").is_some() && files.key(&profile, "role_arn").is_none() {
        return None;
    }
    if let Some(command) = files.key(&profile, "credential_process") {
        return Some(provider(Source::Process { command }, "credential_process"));
    }
    let role = files.key(&profile, "role_arn")?;
    let session = files.key(&profile, "role_session_name").unwrap_or_else(|| session(env));
    let region = env.non_empty("AWS_REGION").or_else(|| files.key(&profile, "region"));
    let region = region.unwrap_or_else(|| "us-east-1".to_owned());
    let sts = sts(&region, env);
    if let Some(token_file) = files.key(&profile, "web_identity_token_file") {
        let role = Source::WebIdentity { role, token_file: token_file.into(), session, sts };
        return Some(provider(role, "the web identity of the profile"));
    }
    let from = files.key(&profile, "source_profile")?;
    let token = files.key(&from, "aws_session_token");
    let keys = Credentials::new(
        files.key(&from, "aws_access_key_id")?,
        files.key(&from, "aws_secret_access_key")?,
        token.as_deref(),
    );
    let external_id = files.key(&profile, "external_id");
    Some(provider(
        Source::AssumeRole { role, session, external_id, sts, region, keys },
        "the role of the profile",
    ))
}

/// The two configuration files of the AWS tools.
struct Files {
    credentials: Ini,
    config: Ini,
}

impl Files {
    fn key(&self, profile: &str, name: &str) -> Option<String> {
        let long = format!("profile {profile}");
        let sections: [Option<&Properties>; 3] = [
            self.credentials.section(Some(profile)),
            self.config.section(Some(long.as_str())),
            self.config.section(Some(profile)),
        ];
        sections
            .into_iter()
            .flatten()
            .find_map(|section| lookup(section, name))
            .filter(|value| !value.is_empty())
    }
}

/// Reads a file. An unreadable file counts as empty: missing entries are reported elsewhere.
fn read(path: &Path) -> Ini {
    let text = std::fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    parse_ini(&text.unwrap_or_default()).unwrap_or_default()
}

fn session(env: &dyn Environment) -> String {
    env.non_empty("AWS_ROLE_SESSION_NAME").unwrap_or_else(|| "s3cmd".to_owned())
}

/// Measured on s3cmd 2.4.0: `AWS_REGION`, else the configured region.
fn region(settings: &Settings, env: &dyn Environment) -> String {
    let configured = s3cmd_client::client::canonical_region(&settings.bucket_location).to_owned();
    env.non_empty("AWS_REGION").unwrap_or(configured)
}

/// The URL of the Security Token Service: `AWS_ENDPOINT_URL_STS`, else the host `AWS_STS_ENDPOINT` as in s3cmd, else
/// the global endpoint, or the regional one if `AWS_STS_REGIONAL_ENDPOINTS` is `regional`.
fn sts(region: &str, env: &dyn Environment) -> String {
    if let Some(url) = env.non_empty("AWS_ENDPOINT_URL_STS") {
        return url.trim_end_matches('/').to_owned() + "/";
    }
    if let Some(host) = env.non_empty("AWS_STS_ENDPOINT") {
        return format!("https://{host}/");
    }
    match env.non_empty("AWS_STS_REGIONAL_ENDPOINTS") {
        Some(kind) if kind == "regional" => format!("https://sts.{region}.amazonaws.com/"),
        _ => "https://sts.amazonaws.com/".to_owned(),
    }
}
