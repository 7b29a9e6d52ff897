//! Tests of what several commands share. A file or folder is named after the behaviour.

mod allas_guide;
mod bucket_documents;
mod bucket_settings;
mod bulk_operations;
mod command_line;
#[cfg(unix)]
mod concurrent_runs;
mod configuration_file;
mod copy_acls;
mod credentials;
#[cfg(unix)]
mod download_destinations;
mod filters;
mod gpg;
mod integrity;
mod invalid_responses;
mod json_output;
mod md5_cache;
mod network;
mod object_keys;
mod output;
mod rclone_mtime;
mod reported_issues;
mod resume;
mod secrets;
#[cfg(unix)]
mod signals;
#[cfg(unix)]
mod system_call_faults;
mod terminal;
mod upload_sources;
mod versions;
