//! The command table: one row per command.

/// A command. To add one, add a variant here, a row in [`COMMANDS`] and a file in `src/commands/`.
#[allow(missing_docs, reason = "the rows of the table say what each command is for")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Command {
    Mb,
    Rb,
    Ls,
    La,
    Put,
    Get,
    Sync,
    Del,
    Du,
    Info,
    Cp,
    Mv,
    Setacl,
    Getacl,
    Setpolicy,
    Getpolicy,
    Delpolicy,
    Setlifecycle,
    Getlifecycle,
    Dellifecycle,
    Settagging,
    Gettagging,
    Deltagging,
    Setcors,
    Getcors,
    Delcors,
    Setversioning,
    Getversioning,
    Setownership,
    Getownership,
    Setblockpublicaccess,
    Getblockpublicaccess,
    Setobjectlegalhold,
    Getobjectlegalhold,
    Setobjectretention,
    Getobjectretention,
    Payer,
    Accesslog,
    Expire,
    Setnotification,
    Getnotification,
    Delnotification,
    WsCreate,
    WsInfo,
    WsDelete,
    Modify,
    Restore,
    Fixbucket,
    Cflist,
    Cfinfo,
    Cfcreate,
    Cfdelete,
    Cfmodify,
    Cfinval,
    Cfinvalinfo,
    Multipart,
    Listmp,
    Abortmp,
    Sign,
    Signurl,
    Md5sum,
    Check,
    Serve,
    Help,
}

/// The section of the help that lists a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Group {
    /// Uploads, downloads and other operations on objects.
    Objects,
    /// Buckets and listings.
    Buckets,
    /// Access control.
    Access,
    /// Lifecycle rules, tags, legal hold and retention.
    Documents,
    /// Bucket settings.
    Settings,
    /// Multipart uploads.
    Uploads,
    /// CloudFront distributions.
    CloudFront,
    /// Presigned URLs, tests and the embedded server.
    Tools,
}

impl Group {
    /// Every group, in the order of the help.
    pub const ALL: [Self; 8] = [
        Self::Buckets,
        Self::Objects,
        Self::Access,
        Self::Documents,
        Self::Settings,
        Self::Uploads,
        Self::CloudFront,
        Self::Tools,
    ];

    /// The heading.
    pub fn title(self) -> &'static str {
        match self {
            Self::Objects => "Objects",
            Self::Buckets => "Buckets and listings",
            Self::Access => "Access control",
            Self::Documents => "Lifecycle rules, tags and retention",
            Self::Settings => "Bucket settings",
            Self::Uploads => "Unfinished multipart uploads",
            Self::CloudFront => "CloudFront",
            Self::Tools => "Tools and embedded server",
        }
    }
}

/// A row of the command table.
#[derive(Debug)]
pub struct CommandSpec {
    /// Which command it is.
    pub id: Command,
    /// Its names. The help shows the first one; the others are aliases.
    pub names: &'static [&'static str],
    /// Its parameters, as the help shows them.
    pub usage: &'static str,
    /// What it does, in one sentence without a full stop.
    pub summary: &'static str,
    /// More text for its own help page. May be empty.
    pub details: &'static str,
    /// The minimum number of parameters.
    pub(crate) min_args: usize,
    /// The maximum number of parameters. `None` if unlimited; they are then processed in order.
    pub max_args: Option<usize>,
    /// The section of the help that lists it.
    pub group: Group,
    /// Whether it sends requests or signs, and so needs credentials.
    pub(crate) needs_account: bool,
}

impl CommandSpec {
    /// The name that the help shows.
    pub fn name(&self) -> &'static str {
        self.names[0]
    }
}

/// Finds a command by name or alias.
pub fn find(word: &str) -> Option<&'static CommandSpec> {
    COMMANDS.iter().find(|command| command.names.contains(&word))
}

/// Suggests a command for an unknown name: a synonym from other tools, or the most similar name.
pub(crate) fn similar(word: &str) -> Option<&'static str> {
    let word = word.to_lowercase();
    let synonyms = [("delete", "del"), ("remove", "del"), ("list", "ls"), ("copy", "cp"), ("move", "mv")];
    let synonyms =
        synonyms.into_iter().chain([("upload", "put"), ("download", "get"), ("presign", "signurl")]);
    if let Some((_, command)) = synonyms.into_iter().find(|(synonym, _)| *synonym == word) {
        return Some(command);
    }
    let names = COMMANDS.iter().flat_map(|command| command.names.iter().copied());
    let scored = names.map(|name| (strsim::damerau_levenshtein(&word, name), name));
    // At most a third of the letters may differ: `lss` suggests `ls`, `frobnicate` suggests nothing.
    scored.filter(|(distance, _)| distance * 3 <= word.chars().count()).min().map(|(_, name)| name)
}

macro_rules! commands {
    ($(
        $id:ident $group:ident $names:expr, $min:literal $(to $max:literal)?,
        $usage:literal, $summary:literal $(, $details:literal)? $(; $no_account:ident)?
    )*) => {
        /// Every command, in the order of the help.
        pub const COMMANDS: &[CommandSpec] = &[ $( CommandSpec {
            id: Command::$id,
            names: &$names,
            usage: $usage,
            summary: $summary,
            details: concat!($($details)?),
            min_args: $min,
            max_args: commands!(@most $($max)?),
            group: Group::$group,
            needs_account: commands!(@account $($no_account)?),
        }, )* ];
    };
    (@most $max:literal) => { Some($max) };
    (@most) => { None };
    (@account no_account) => { false };
    (@account) => { true };
}

// Parameter counts measured on s3cmd 2.4.0.
commands! {
    Mb Buckets ["mb"], 1, "s3://BUCKET...", "Make buckets"
    Rb Buckets ["rb"], 1, "s3://BUCKET...", "Remove buckets",
        "A bucket that is not empty is removed only with --recursive or --force, which delete its objects first."
    Ls Buckets ["ls"], 0, "[s3://BUCKET[/PREFIX]...]", "List buckets, or the objects in a bucket",
        "Names are listed up to the next '/'; --recursive lists everything below. '*' and '?' in PREFIX are wildcards."
    La Buckets ["la"], 0 to 0, "", "List the objects in all buckets"
    Du Buckets ["du"], 0, "[s3://BUCKET[/PREFIX]...]", "Show the disk usage of buckets or prefixes",
        "'*' and '?' in PREFIX are wildcards."
    Put Objects ["put"], 2, "FILE... s3://BUCKET[/PREFIX]", "Upload files",
        "If the destination is a bucket or ends in '/', the file's name is appended to it; otherwise it is the full \
         name of the object. With --recursive, directories are uploaded: DIR keeps its name below the destination, \
         DIR/ uploads only its contents. FILE can be '-' for standard input."
    Get Objects ["get"], 1, "s3://BUCKET/OBJECT... [LOCAL]", "Download objects",
        "LOCAL is a file, an existing directory, or '-' for standard output. The default is the current directory. \
         '*' and '?' in OBJECT are wildcards."
    Sync Objects ["sync"], 2, "SOURCE... DESTINATION", "Synchronize a directory or prefix with another one",
        "Works from local to remote, from remote to local, and between two remote locations. Files that are missing \
         or different at the destination are transferred. With --delete-removed, files that the source does not have \
         are deleted at the destination. DIR keeps its name below the destination; DIR/ transfers only its contents."
    Del Objects ["del", "rm"], 1, "s3://BUCKET/OBJECT...", "Delete objects",
        "'*' and '?' in OBJECT are wildcards. With --recursive, OBJECT is a prefix and every object below it is \
         deleted; deleting all objects of a bucket also needs --force."
    Cp Objects ["cp"], 2, "s3://BUCKET1/OBJECT1... s3://BUCKET2[/OBJECT2]", "Copy objects on the server"
    Mv Objects ["mv"], 2, "s3://BUCKET1/OBJECT1... s3://BUCKET2[/OBJECT2]", "Move objects on the server",
        "Each object is deleted after its copy is complete."
    Info Objects ["info"], 1, "s3://BUCKET[/OBJECT]...", "Show information about buckets or objects"
    Md5sum Objects ["md5sum"], 0, "s3://BUCKET/OBJECT...", "Print or verify MD5 checksums of objects",
        "The output has the format of md5sum(1). If the server does not store an MD5 checksum for an object, the \
         object is downloaded to compute it. With --check, the objects listed in a file of that format are verified."
    Modify Objects ["modify"], 1, "s3://BUCKET/OBJECT...", "Change the metadata of objects",
        "Each object is copied onto itself with the new headers from --add-header, --remove-header, --mime-type, \
         --storage-class and similar options. With --recursive, OBJECT is a prefix."
    Restore Objects ["restore"], 1, "s3://BUCKET/OBJECT...", "Restore archived (Glacier) objects",
        "The server makes a temporary copy, which takes minutes to hours depending on --restore-priority. The copy \
         is kept for --restore-days."
    Setacl Access ["setacl"], 1, "s3://BUCKET[/OBJECT]...",
        "Change the access control list (ACL) of buckets or objects",
        "Needs at least one of --acl-public, --acl-private, --acl-grant and --acl-revoke. Grants are applied before \
         revocations. With --recursive, only the objects change, not the bucket."
    Getacl Access ["getacl"], 1, "s3://BUCKET[/OBJECT]...", "Show the access control list (ACL) of buckets or objects"
    Setpolicy Access ["setpolicy"], 2, "FILE s3://BUCKET...", "Set the bucket policy from a JSON file",
        "The policy is validated before it is sent, and compared with what the server stored. --dry-run shows the \
         changes."
    Getpolicy Access ["getpolicy"], 1, "s3://BUCKET...", "Show the bucket policy"
    Delpolicy Access ["delpolicy"], 1, "s3://BUCKET...", "Delete the bucket policy"
    Setlifecycle Documents ["setlifecycle"], 2, "FILE s3://BUCKET...", "Set lifecycle rules from an XML file",
        "The rules are validated before they are sent, and compared with what the server stored. --dry-run shows the \
         changes."
    Getlifecycle Documents ["getlifecycle"], 1, "s3://BUCKET...", "Show the lifecycle rules of a bucket"
    Dellifecycle Documents ["dellifecycle"], 1, "s3://BUCKET...", "Delete the lifecycle rules of a bucket"
    Expire Documents ["expire"], 1, "s3://BUCKET...", "Set or delete the expiration rule of a bucket",
        "Replaces all lifecycle rules of the bucket by one rule, which is made from --expiry-days or --expiry-date \
         and --expiry-prefix. Without these options, the lifecycle rules are deleted."
    Settagging Documents ["settagging"], 2, "s3://BUCKET[/OBJECT]... KEY=VALUE[&...]",
        "Set the tags of a bucket or object",
        "Replaces all existing tags. Quote the list in a shell, because of the '&'."
    Gettagging Documents ["gettagging"], 1, "s3://BUCKET[/OBJECT]...", "Show the tags of a bucket or object"
    Deltagging Documents ["deltagging"], 1, "s3://BUCKET[/OBJECT]...", "Delete the tags of a bucket or object"
    Setobjectlegalhold Documents ["setobjectlegalhold"], 2, "ON|OFF s3://BUCKET/OBJECT...",
        "Set or remove the legal hold of objects",
        "An object under legal hold cannot be deleted until the hold is removed."
    Getobjectlegalhold Documents ["getobjectlegalhold"], 1, "s3://BUCKET/OBJECT...", "Show the legal hold of objects"
    Setobjectretention Documents ["setobjectretention"], 3, "MODE DATE s3://BUCKET/OBJECT...",
        "Protect objects from deletion until a date (object lock retention)",
        "MODE is GOVERNANCE or COMPLIANCE. DATE has the form 2030-01-31T12:00:00Z."
    Getobjectretention Documents ["getobjectretention"], 1, "s3://BUCKET/OBJECT...",
        "Show the object lock retention of objects"
    Setversioning Settings ["setversioning"], 2, "s3://BUCKET... enable|disable",
        "Enable or suspend versioning of a bucket"
    Getversioning Settings ["getversioning"], 1, "s3://BUCKET...", "Show the versioning state of a bucket"
    Setownership Settings ["setownership"], 2, "s3://BUCKET... RULE", "Set the object ownership rule of a bucket",
        "RULE is BucketOwnerPreferred, BucketOwnerEnforced or ObjectWriter. It controls who owns objects that other \
         accounts upload."
    Getownership Settings ["getownership"], 1, "s3://BUCKET...", "Show the object ownership rule of a bucket"
    Setblockpublicaccess Settings ["setblockpublicaccess"], 2, "s3://BUCKET... SWITCH[,SWITCH...]",
        "Block public access to a bucket",
        "The switches are BlockPublicAcls, IgnorePublicAcls, BlockPublicPolicy and RestrictPublicBuckets. Switches \
         that are not listed are turned off; 'none' turns all of them off."
    Getblockpublicaccess Settings ["getblockpublicaccess"], 1, "s3://BUCKET...",
        "Show the public access block of a bucket"
    Payer Settings ["payer"], 1, "s3://BUCKET...", "Set who pays for requests (requester pays)",
        "With --requester-pays, the requester pays; without it, the bucket owner."
    Accesslog Settings ["accesslog"], 1, "s3://BUCKET...", "Show or configure the access logging of a bucket"
    Setcors Settings ["setcors"], 2, "FILE s3://BUCKET...", "Set CORS rules from an XML file"
    Getcors Settings ["getcors"], 1, "s3://BUCKET...", "Show the CORS rules of a bucket"
    Delcors Settings ["delcors"], 1, "s3://BUCKET...", "Delete the CORS rules of a bucket"
    Setnotification Settings ["setnotification"], 2, "FILE s3://BUCKET...", "Set event notifications from an XML file"
    Getnotification Settings ["getnotification"], 1, "s3://BUCKET...", "Show the event notification configuration"
    Delnotification Settings ["delnotification"], 1, "s3://BUCKET...", "Delete the event notification configuration"
    WsCreate Settings ["ws-create"], 1, "s3://BUCKET...", "Turn on static website hosting"
    WsInfo Settings ["ws-info"], 1, "s3://BUCKET...", "Show the static website hosting configuration"
    WsDelete Settings ["ws-delete"], 1, "s3://BUCKET...", "Turn off static website hosting"
    Multipart Uploads ["multipart"], 1, "s3://BUCKET... [ID]", "List unfinished multipart uploads",
        "With ID, only that upload is listed."
    Listmp Uploads ["listmp"], 2 to 2, "s3://BUCKET/OBJECT ID", "List the parts of an unfinished multipart upload"
    Abortmp Uploads ["abortmp"], 2 to 2, "s3://BUCKET/OBJECT ID",
        "Abort an unfinished multipart upload and free its space"
    Fixbucket Tools ["fixbucket"], 1, "s3://BUCKET[/PREFIX]...",
        "Rename objects whose names contain control characters",
        "Each control character is replaced by the form that 'put' stores, such as '^A'. The object with the old name \
         is deleted after its copy is complete. An object is skipped if its new name already exists."
    Cflist CloudFront ["cflist"], 0 to 0, "", "List CloudFront distributions"
    Cfinfo CloudFront ["cfinfo"], 0, "[cf://ID...]", "Show information about CloudFront distributions",
        "A distribution can also be named by its bucket, s3://BUCKET."
    Cfcreate CloudFront ["cfcreate"], 1, "s3://BUCKET...", "Create CloudFront distributions for buckets"
    Cfdelete CloudFront ["cfdelete"], 1, "cf://ID...", "Delete CloudFront distributions",
        "An enabled distribution is disabled first, and deleted after all edge locations have been updated, which \
         takes minutes."
    Cfmodify CloudFront ["cfmodify"], 1, "cf://ID...", "Change CloudFront distributions",
        "Only the settings given as options change."
    Cfinval CloudFront ["cfinval"], 1, "s3://BUCKET/OBJECT...", "Invalidate objects in CloudFront caches",
        "A bucket, or a name that ends in '/', invalidates everything below it. '*' at the end of a name is a wildcard."
    Cfinvalinfo CloudFront ["cfinvalinfo"], 1, "cf://ID[/INVALIDATION]...",
        "Show the status of CloudFront invalidations"
    Signurl Tools ["signurl"], 2, "s3://BUCKET/OBJECT... EXPIRY", "Create a presigned URL for an object",
        "The URL works without credentials until it expires. EXPIRY is +SECONDS, +Nm, +Nh or +Nd from now, a date \
         (2030-01-31 or 2030-01-31T12:00:00Z), or seconds since 1970. No request is sent. URLs are signed with \
         version 4, which is valid for at most 7 days; longer ones, and those made with signature_v2, with version 2."
    Sign Tools ["sign"], 1 to 1, "STRING", "Sign a string with the secret key"
    Check Tools ["check"], 0 to 1, "[s3://BUCKET]", "Test the configuration and the connection step by step",
        "Each step prints its result. A failed step also prints the setting to change. Test objects are removed \
         afterwards. With --embedded, the test runs against a private server and needs no credentials."
    Serve Tools ["serve"], 1 to 1, "DIRECTORY", "Run an S3 server for a directory, or for part of another store",
        "Buckets are directories, objects are files. With --remote there is no DIRECTORY: the server provides access \
         to a bucket or prefix of the configured store with separate access keys. Without --auth-file and --auth-key, \
         a key pair is generated, printed, and written to a configuration file that is ready to use."; no_account
    Help Tools ["help"], 0 to 1, "[COMMAND]", "Print this help, or the help of a command"; no_account
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_finds_its_row() {
        for command in COMMANDS {
            for name in command.names {
                assert_eq!(find(name).unwrap().id, command.id);
            }
        }
        assert_eq!(find("rm").unwrap().name(), "del");
        assert!(find("PUT").is_none() && find("").is_none());
    }

    #[test]
    fn only_similar_names_are_suggested() {
        for (word, expected) in [
            ("lss", Some("ls")),
            ("PUT", Some("put")),
            ("delete", Some("del")),
            ("setlifecyle", Some("setlifecycle")),
            ("signrul", Some("signurl")),
            ("frobnicate", None),
            ("", None),
        ] {
            assert_eq!(similar(word), expected, "{word}");
        }
    }
}
