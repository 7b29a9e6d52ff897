//! Which role gives the keys where neither the configuration file nor the environment holds any.

use super::accounts::{lookup, verbatim};
use super::{Environment, Settings};
use crate::s3::credentials::Credentials;
use crate::s3::roles::{Provider, Role, Token};
use ini::{Ini, Properties};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// The metadata service of cloud machines.
/// <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-retrieval.html>
const INSTANCE: &str = "http://169.254.169.254";

/// Where a relative address of a container's keys belongs.
/// <https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html>
const CONTAINER: &str = "http://169.254.170.2";

/// Hosts that may be asked for a container's keys without TLS: this machine, and the two agents of the cloud.
const PLAIN_HOSTS: [&str; 6] =
    ["127.0.0.1", "localhost", "[::1]", "169.254.170.2", "169.254.170.23", "[fd00:ec2::23]"];

/// A role, and what is said if it gives no keys.
#[derive(Clone, Debug)]
pub struct RoleSource {
    /// Gives the keys.
    pub provider: Provider,
    /// Where they are looked for, in words.
    pub what: &'static str,
    /// Why there are none in the configuration file.
    pub reason: String,
}

fn source(role: Role, what: &'static str) -> RoleSource {
    RoleSource { provider: Provider::new(role), what, reason: String::new() }
}

/// The role that the environment names: a web identity, else that of the container, else that of the machine, which every
/// machine is asked for unless `AWS_EC2_METADATA_DISABLED` is set.
pub(super) fn of_environment(settings: &Settings, env: &dyn Environment) -> Option<RoleSource> {
    if let (Some(role), Some(token_file)) =
        (env.filled("AWS_ROLE_ARN"), env.filled("AWS_WEB_IDENTITY_TOKEN_FILE"))
    {
        let region = region(settings, env);
        let role = Role::WebIdentity {
            role,
            token_file: token_file.into(),
            session: session(env),
            sts: sts(&region, env),
        };
        return Some(source(role, "the web identity of AWS_ROLE_ARN"));
    }
    if let Some(url) = container_url(env) {
        let text =
            env.filled("AWS_CONTAINER_AUTHORIZATION_TOKEN").map(|text| Token::Text(Zeroizing::new(text)));
        let file =
            || env.filled("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE").map(|file| Token::File(file.into()));
        return Some(source(
            Role::Container { url, authorization: text.or_else(file) },
            "the role of the container",
        ));
    }
    if env.filled("AWS_EC2_METADATA_DISABLED").is_some_and(|text| text.eq_ignore_ascii_case("true")) {
        return None;
    }
    let endpoint = env.filled("AWS_EC2_METADATA_SERVICE_ENDPOINT").unwrap_or_else(|| INSTANCE.to_owned());
    let endpoint = endpoint.trim_end_matches('/').to_owned();
    Some(source(Role::Instance { endpoint }, "the role of this machine"))
}

fn container_url(env: &dyn Environment) -> Option<String> {
    if let Some(path) = env.filled("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI") {
        return Some(format!("{CONTAINER}{path}"));
    }
    let url = env.filled("AWS_CONTAINER_CREDENTIALS_FULL_URI")?;
    let host = url.strip_prefix("http://").map(|rest| rest.split('/').next().unwrap_or(""));
    let is_trusted = host.is_none_or(|host| {
        let name =
            host.rsplit_once(':').map_or(host, |(name, port)| if port.contains(']') { host } else { name });
        PLAIN_HOSTS.contains(&name)
    });
    Some(url).filter(|_| is_trusted)
}

/// The role of the profile `$AWS_PROFILE` or `default`: `credential_process`, a web identity, or a role to be assumed with
/// the keys of `source_profile`. Profiles stand in the credentials file, or in `~/.aws/config` as `profile NAME`.
pub(super) fn of_profile(credentials: &Path, env: &dyn Environment) -> Option<RoleSource> {
    let named = env.filled("AWS_CONFIG_FILE").map(PathBuf::from);
    let config = named.or_else(|| Some(env.home_dir()?.join(".aws/config")));
    let files =
        Files { credentials: read(credentials), config: config.as_deref().map(read).unwrap_or_default() };
    let profile = env.filled("AWS_PROFILE").unwrap_or_else(|| "default".to_owned());
    // A profile with keys of its own needs no role.
    if files.key(&profile, "aws_access_key_id").is_some() && files.key(&profile, "role_arn").is_none() {
        return None;
    }
    if let Some(command) = files.key(&profile, "credential_process") {
        return Some(source(Role::Process { command }, "credential_process"));
    }
    let role = files.key(&profile, "role_arn")?;
    let session = files.key(&profile, "role_session_name").unwrap_or_else(|| session(env));
    let region = env.filled("AWS_REGION").or_else(|| files.key(&profile, "region"));
    let region = region.unwrap_or_else(|| "us-east-1".to_owned());
    let sts = sts(&region, env);
    if let Some(token_file) = files.key(&profile, "web_identity_token_file") {
        let role = Role::WebIdentity { role, token_file: token_file.into(), session, sts };
        return Some(source(role, "the web identity of the profile"));
    }
    let from = files.key(&profile, "source_profile")?;
    let token = files.key(&from, "aws_session_token");
    let keys = Credentials::new(
        files.key(&from, "aws_access_key_id")?,
        files.key(&from, "aws_secret_access_key")?,
        token.as_deref(),
    );
    let external_id = files.key(&profile, "external_id");
    Some(source(Role::Assume { role, session, external_id, sts, region, keys }, "the role of the profile"))
}

/// The two files of the AWS tools.
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

/// A file that cannot be read is an empty one: what is missing in it is told elsewhere.
fn read(path: &Path) -> Ini {
    let text = std::fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    verbatim(&text.unwrap_or_default()).unwrap_or_default()
}

fn session(env: &dyn Environment) -> String {
    env.filled("AWS_ROLE_SESSION_NAME").unwrap_or_else(|| "s3cmd".to_owned())
}

/// Measured on s3cmd 2.4.0: `AWS_REGION`, else the configured region.
fn region(settings: &Settings, env: &dyn Environment) -> String {
    let configured = crate::s3::client::canonical_region(&settings.bucket_location).to_owned();
    env.filled("AWS_REGION").unwrap_or(configured)
}

/// The URL of the Security Token Service: `AWS_ENDPOINT_URL_STS`, else `AWS_STS_ENDPOINT` as s3cmd takes it, a host; else
/// the one for all regions, unless the regional one is asked for.
fn sts(region: &str, env: &dyn Environment) -> String {
    if let Some(url) = env.filled("AWS_ENDPOINT_URL_STS") {
        return url.trim_end_matches('/').to_owned() + "/";
    }
    if let Some(host) = env.filled("AWS_STS_ENDPOINT") {
        return format!("https://{host}/");
    }
    match env.filled("AWS_STS_REGIONAL_ENDPOINTS") {
        Some(kind) if kind == "regional" => format!("https://sts.{region}.amazonaws.com/"),
        _ => "https://sts.amazonaws.com/".to_owned(),
    }
}
